"""Time and memory of `python -m boatlib predict` on growing folders: both must be those of constant memory.

    python benchmarks/predict.py --counts 1000 10000 100000

The photos are 100 drawn ones, each linked many times; the network is a small untrained one, so that decoding and tables count.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from boatlib.model.inference.bundle import save_bundle
from boatlib.model.networks import backbones
from boatlib.model.networks.modules import article_head


def make_photos(folder: Path, count: int) -> None:
    """A folder of `count` photos of 320 x 240 pixels."""
    originals = []
    for number in range(100):
        blocks = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        originals.append(folder / f"original-{number:02d}.jpg")
        Image.fromarray(blocks).resize((320, 240), Image.Resampling.BICUBIC).save(originals[-1])
    for number in range(100, count):
        place = folder / f"{number // 1000:03d}" / f"{number}.jpg"
        place.parent.mkdir(exist_ok=True)
        os.link(originals[number % 100], place)


def main() -> None:
    """Print photos, seconds, photos a second and the peak of resident memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    options = parser.parse_args()
    print(f"{'photos':>8} {'seconds':>8} {'a second':>9} {'peak MB':>8}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        backbone = backbones.find_backbone("shufflenet_v2_x0_5", "none")
        bodies = [(backbone.name, backbone.key, backbone.build())]
        model = save_bundle(Path(scratch, "model"), bodies, article_head(1024, 7), list("abcdefg"), {})
        for count in options.counts:
            folder = Path(scratch, f"photos-{count}")
            folder.mkdir()
            make_photos(folder, count)
            command = [sys.executable, "-m", "boatlib", "predict", str(model.folder), str(folder)]
            started = time.perf_counter()
            process = subprocess.Popen([*command, "--csv", f"{scratch}/{count}.csv"], stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            if status:
                raise SystemExit(f"predict ended with status {status}")
            print(f"{count:>8} {seconds:>8.1f} {count / seconds:>9.0f} {usage.ru_maxrss / 1024:>8.0f}", flush=True)


if __name__ == "__main__":
    main()
