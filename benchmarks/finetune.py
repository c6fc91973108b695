"""How many photos a second a body learns from: as torch computes it, and as the training does; from several stages on.

    python benchmarks/finetune.py ../shared/boats/images

Forwards and back, as many photos at a time as the training takes (decoded before); the median of the rounds. All of the first way
come first, since what the training changes in the allocation of memory cannot be undone.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from boatlib import runtime
from boatlib.model.inputs import loading, views
from boatlib.model.networks import auto, backbones, folding
from boatlib.model.networks.modules import Body
from boatlib.model.training.trainer import at_once
from boatlib.photos import catalog, reading

BATCH = 32
STAGES = ("all", "blocks.1", "blocks.2", "blocks.3", "blocks.5")


def learning(options: argparse.Namespace, stage: str, as_torch: bool) -> Body:
    """A body that learns from a stage on."""
    body = backbones.find_backbone(
        options.backbone, options.weights, resolution=auto.square(options.backbone, options.side)
    ).build()
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
    parser.add_argument("--weights", default="default", help="`none` for random ones")
    parser.add_argument("--side", type=int, default=192, help="of the pictures, which are squares, in pixels")
    parser.add_argument("--stages", nargs="+", default=STAGES)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    table = catalog.build_catalog(options.images).table
    prepare = backbones.preprocessing_of(options.backbone, auto.square(options.backbone, options.side))
    some = table[table["status"] == "used"].head(min(BATCH, at_once(int(np.prod(prepare.shape)))))
    rows = [
        loading.decode(
            reading.read_unchanged(options.images, row.photo, row.sha256), row.sha256, [views.PLAIN], prepare
        )[0]
        for row in some.itertuples()
    ]
    pictures = torch.from_numpy(np.stack(rows))
    found: dict[tuple[str, bool], list[float]] = {}
    for as_torch in (True, False):
        if not as_torch:
            runtime.keep_memory()
        for stage in options.stages:
            body = learning(options, stage, as_torch)
            found[stage, as_torch] = [seconds(body, pictures) for _ in range(options.rounds + 1)]
    print(
        f"{options.backbone}, {len(rows)} photos of {'x'.join(map(str, prepare.shape))}; a second    as torch computes    as here"
    )
    for stage in options.stages:
        plain, ours = (len(rows) / statistics.median(found[stage, as_torch][1:]) for as_torch in (True, False))
        print(f"{stage:40}{plain:8.1f}{ours:24.1f}")


if __name__ == "__main__":
    main()
