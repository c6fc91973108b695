"""How many photos a second a body learns from: as torch computes it, and as the training does; from several stages on.

    python benchmarks/finetune.py ../shared/boats/images

Forwards and back, 16 photos at a time (decoded before), in turns; the median of the rounds.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from boatlib.model.inputs import loading, views
from boatlib.model.networks import backbones, folding
from boatlib.model.networks.modules import Body
from boatlib.model.training.trainer import SMALL
from boatlib.photos import catalog, reading

STAGES = ("all", "blocks.1", "blocks.2", "blocks.3", "blocks.5")


def learning(name: str, stage: str, as_torch: bool) -> Body:
    """A body that learns from a stage on."""
    body = backbones.find_backbone(name).build()
    body.freeze_before(stage)
    if not as_torch:
        folding.prepare(body)
    return body.train()


def seconds(body: Body, pictures: torch.Tensor) -> float:
    """Of one pass, forwards and back."""
    started = time.perf_counter()
    body(pictures).square().mean().backward()
    return time.perf_counter() - started


def main() -> None:
    """Print a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    table = catalog.build_catalog(options.images).table
    some = table[table["status"] == "used"].head(SMALL)
    prepare = backbones.preprocessing_of(options.backbone)
    rows = [
        loading.decode(
            reading.read_unchanged(options.images, row.photo, row.sha256), row.sha256, [views.PLAIN], prepare
        )[0]
        for row in some.itertuples()
    ]
    pictures = torch.from_numpy(np.stack(rows))
    ways = {(stage, plain): learning(options.backbone, stage, plain) for stage in STAGES for plain in (True, False)}
    found: dict[tuple[str, bool], list[float]] = {way: [] for way in ways}
    for _ in range(options.rounds + 1):
        for way, body in ways.items():
            found[way].append(seconds(body, pictures))
    print(f"{options.backbone}, photos a second    as torch computes    folded, channels last")
    for stage in STAGES:
        plain, ours = (len(rows) / statistics.median(found[stage, as_torch][1:]) for as_torch in (True, False))
        print(f"{stage:40}{plain:8.1f}{ours:24.1f}")


if __name__ == "__main__":
    main()
