"""The whole chain on as many and as large photos as the article's: cold, again without a change, and with one late change.

    python benchmarks/chain.py ../shared/boats/images --params params/quick.yaml params/boats.yaml

The photos are those of a folder, enlarged to 1280 x 853 pixels; where there are too few, mirror images make up the number. Cold
means: no feature, no run, no report is there; compiled networks and weights are, as after the set-up.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from fresh import empty_cache
from PIL import Image, ImageOps

from boatlib.photos import catalog
from boatlib.photos.images import open_photo

SIZE = (1280, 853)
RUN = "benchmark-chain"


def enlarge(source: Path, folder: Path, count: int) -> float:
    """Write `count` large photos; returns their mean size in KB."""
    table = catalog.build_catalog(source).table.query("status == 'used'")
    plans = [(photo, mirrored) for mirrored in (False, True) for photo in table["photo"]]

    def write(plan: tuple[str, bool]) -> int:
        photo, mirrored = plan
        file = folder / photo
        file = file.with_name(f"{file.stem}{'-mirrored' if mirrored else ''}.jpg")
        file.parent.mkdir(parents=True, exist_ok=True)
        image = Image.open(source / photo).convert("RGB").resize(SIZE, Image.Resampling.BICUBIC)
        (ImageOps.mirror(image) if mirrored else image).save(file, quality=96)
        return file.stat().st_size

    with ThreadPoolExecutor() as pool:
        sizes = list(pool.map(write, islice(plans, count)))
    return sum(sizes) / len(sizes) / 1000


def decode_rate(folder: Path) -> float:
    """Photos a second, by one core, at the size that the default recipe needs."""
    data = [file.read_bytes() for file in islice(folder.rglob("*.jpg"), 200)]
    started = time.perf_counter()
    for photo in data:
        open_photo(photo, shorter_side=384)
    return len(data) / (time.perf_counter() - started)


def run_once(params: Path, images: Path, *changes: str) -> tuple[float, dict[str, str]]:
    """The chain once, by its own command: seconds, and those of each step. Raises RuntimeError with what it printed when it
    fails.
    """
    settings = [f"images={images}", f"run={RUN}", *changes]
    command = [sys.executable, "-m", "boatlib", "run", str(params), *[word for s in settings for word in ("--set", s)]]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    seconds = time.perf_counter() - started
    return seconds, dict(re.findall(r"/(\d\d_\w+) +([\d.]+) s +done", done.stdout))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument(
        "--params", type=Path, nargs="+", default=[Path("params/quick.yaml"), Path("params/boats.yaml")]
    )
    parser.add_argument("--photos", type=int, default=1462)
    options = parser.parse_args()
    profiles = []
    with tempfile.TemporaryDirectory() as folder:
        kilobytes = enlarge(options.images, Path(folder, "photos"), options.photos)
        print(f"{options.photos} photos of {SIZE[0]} x {SIZE[1]} pixels, {kilobytes:.0f} KB each; a core decodes "
              f"{decode_rate(Path(folder, 'photos')):.0f} a second at reduced size; seconds")  # fmt: skip
        print(
            "| recipe | cold | nothing changed | another cost | other words | other looks in TTA |\n|---|---|---|---|---|---|"
        )
        for params in options.params:
            photos = Path(folder, "photos")
            costs = ("review.cost_of_error=50", "review.cost_of_check=1")
            words = (*costs, "share.title=Boats")
            changes = [(), (), costs, words, (*words, "tta.fixed=[end]")]
            with empty_cache():
                runs = [run_once(params, photos, *change) for change in changes]
            print(f"| {params.stem} | {' | '.join(f'{seconds:.1f}' for seconds, _ in runs)} |", flush=True)
            cold, steps = runs[0]
            rest = cold - sum(map(float, steps.values()))
            profiles.append(f"| {params.stem} | {' | '.join(steps.values())} | {rest:.1f} |")
            shutil.rmtree(Path("runs", RUN))
            shutil.rmtree(Path("reports", RUN))
    print(f"\nthe cold run by step\n| recipe | {' | '.join(steps)} | start, pages, PDF |\n|{'---|' * (len(steps) + 2)}")
    print("\n".join(profiles))


if __name__ == "__main__":
    main()
