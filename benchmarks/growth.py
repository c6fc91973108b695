"""Time and memory of the whole chain on growing folders: time must grow in proportion, memory and reports not at all.

    python benchmarks/growth.py --counts 1000 10000 100000
    python benchmarks/growth.py --counts 1000 10000 100000 --camera
    python benchmarks/growth.py --counts 1000 10000 100000 --model runs/boats/model

With --camera all photos are frames of one fixed camera, which all look alike: then only the first step runs, since it looks for
near-duplicates, and a split is not possible while they stay together. Otherwise the photos are small drawn ones, all different,
in five classes (or in --classes). One look at each, and the mirror image in TTA. With --model they are new photos, which that
model answers.
"""

import argparse
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from fresh import empty_cache
from memory import watched
from PIL import Image

RUN = "benchmark-growth"
SETTINGS = [
    "training.epochs=5",
    "exploration.min_photos_per_class=5",
]


def draw(folder: Path, classes: int, number: int) -> None:
    """A photo of coarse blocks of all colours, with a bright band whose place and slope say which class it is."""
    label, random = number % classes, np.random.default_rng(number)
    blocks = random.integers(0, 160, (6, 8, 3), dtype=np.uint8)
    picture = np.asarray(Image.fromarray(blocks).resize((128, 96), Image.Resampling.BICUBIC)).copy()
    across, down = np.meshgrid(np.arange(128), np.arange(96))
    angle = np.pi * label / classes
    picture[np.abs(np.sin(angle) * (across - 64) + np.cos(angle) * (down - 48)) < 6] = 250
    place = folder / f"class {label:03d}" / f"{number:06d}.jpg"
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(place, quality=85)


def frame(folder: Path, classes: int, number: int) -> None:
    """What a fixed camera sees: one scene, a little noise, and a small mark that says which class it is."""
    label, random = number % classes, np.random.default_rng(number)
    scene = Image.fromarray(np.random.default_rng(0).integers(0, 250, (6, 8, 3), dtype=np.uint8))
    picture = np.asarray(scene.resize((128, 96), Image.Resampling.BICUBIC)).astype(int)
    picture = picture + random.normal(0, 12, picture.shape)
    picture[80:90, 10 * label : 10 * label + 8] = 250
    place = folder / f"class {label:03d}" / f"{number:06d}.jpg"
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(place, quality=85)


def main() -> None:
    """Print photos, seconds, photos a second, MB of the largest process and of all at one time, and MB of the reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--classes", type=int, default=5)
    parser.add_argument("--camera", action="store_true", help="frames of one fixed camera; the first step alone")
    parser.add_argument("--model", default="", help="they arrive as new photos of a taught model")
    parser.add_argument("--until", default="", help="the last step, such as 02")
    parser.add_argument("--keep", action="store_true", help="leave the run and its reports, to look at them")
    options = parser.parse_args()
    print("| photos | seconds | photos a second | largest process, MB | all together, MB | reports, MB |", flush=True)
    print("|---|---|---|---|---|---|", flush=True)
    for count in options.counts:
        with tempfile.TemporaryDirectory() as folder, empty_cache():
            picture = partial(frame if options.camera else draw, Path(folder), options.classes)
            with ProcessPoolExecutor() as pool:
                list(pool.map(picture, range(count), chunksize=500))
            settings, file = [f"images={folder}", f"run={RUN}", *SETTINGS], "params/quick.yaml"
            if options.model:
                settings, file = [f"new.images={folder}", f"run={RUN}", f"model={options.model}"], "params/new.yaml"
            command = [sys.executable, "-m", "boatlib", "run", file]
            command += [word for setting in settings for word in ("--set", setting)]
            command += ["--until", "01" if options.camera else options.until] if options.camera or options.until else []
            used = watched(command, Path.cwd())
            pages = sum(file.stat().st_size for file in Path("reports", RUN).rglob("*") if file.is_file()) / 1e6
            memory = f"{used.largest:.0f} | {used.together:.0f}"
            speed = f"{used.seconds:.0f} | {count / used.seconds:.0f}"
            print(f"| {count:,} | {speed} | {memory} | {pages:.1f} |", flush=True)
            if not options.keep:
                shutil.rmtree(Path("runs", RUN))
                shutil.rmtree(Path("reports", RUN), ignore_errors=True)


if __name__ == "__main__":
    main()
