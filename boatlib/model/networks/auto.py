"""What `auto` stands for: the shape and size in which photos of a set are shown to a network, and how its last map is pooled."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from boatlib.errors import ParameterError
from boatlib.model.networks import backbones
from boatlib.model.networks.weights import DEFAULT, TIMM
from boatlib.params import AUTO, Training, names_of

PIXELS = 384 * 576  # more made no set that was tried better, and each photo slower (benchmarks/README.md)
TIMES = 3.3  # pixels of a picture for each of the network's own: what is small in a whole photo is lost with fewer
STRIDE = 32  # pixels of a place of the last map, in nearly all networks that have one
GEM = "mean+gem"
SIDES = range(1, 65)  # in strides or patches


def decide(names: str | Sequence[str], resolution: str, pooling: str, shape: tuple[float, float]) -> tuple[str, str]:
    """Resolution and pooling with `auto` replaced. shape: typical width and height of the set's photos, in pixels.

    The whole photo is shown, in the shape that is typical of the set, by all networks in one; those that know one size only, or
    were pretrained on squeezed photos, get their own. Raises ParameterError for an unknown network.
    """
    names = names_of(names)
    for name in names:
        backbones.check_name(name)
    if pooling == AUTO:
        pooling = GEM if all(has_map(name) for name in names) else DEFAULT
    if resolution == AUTO:
        resolution = _resolution(names, shape)
    return resolution, pooling


def decided(training: Training, shape: tuple[float, float]) -> Training:
    """The settings with `auto` replaced (`decide`)."""
    resolution, pooling = decide(training.backbone, training.resolution, training.pooling, shape)
    return training.model_copy(update={"resolution": resolution, "pooling": pooling})


def square(name: str, side: int) -> str:
    """A square of that side from the middle of photos, if the network takes it; otherwise what it takes by default."""
    if backbones.preprocessing_of(name).width or has_grid(name) or not takes(name, str(side)):
        return DEFAULT
    return str(side)


def frozen(training: Training, shape: tuple[float, float]) -> Training:
    """The settings with the networks that stay frozen in a recipe, shown whole photos; where none does, with those that learn."""
    own = (
        {"backbone": training.frozen, "weights": DEFAULT, "resolution": AUTO, "pooling": AUTO}
        if training.frozen
        else {}
    )
    return decided(training.model_copy(update=own | {"recipe": "head", "frozen": [], "cutmix": 0.0}), shape)


def _resolution(names: Sequence[str], shape: tuple[float, float]) -> str:
    published = [backbones.preprocessing_of(name) for name in names]
    if any(one.width for one in published):  # squeezed in its pretraining
        return DEFAULT
    own = max(one.size for one in published)
    free = not any(has_grid(name) for name in names)
    area = max(own**2, min(TIMES * own**2, PIXELS)) if free else own**2
    area = min(area, max(own**2, 4 * shape[0] * shape[1]))
    step = math.lcm(*(patch_of(name) for name in names))
    height, width = _sides(shape[0] / shape[1], area, step)
    for text in (f"{height}x{width}", f"{own}x{own}"):
        if all(takes(name, text) for name in names):
            return text
    return DEFAULT


def _sides(ratio: float, area: float, step: int) -> tuple[int, int]:
    """Height and width in whole steps that come nearest to a ratio and, half as important, to an area."""

    def far(sides: tuple[int, int]) -> float:
        height, width = sides
        return abs(math.log(width / height / ratio)) + abs(math.log(width * height * step**2 / area)) / 2

    height, width = min(((h, w) for h in SIDES for w in SIDES), key=far)
    return height * step, width * step


@cache
def has_map(name: str) -> bool:
    """Whether a network's features are the mean of a last map, so that they can be pooled otherwise."""
    return _works(name, DEFAULT, GEM)


@cache
def has_grid(name: str) -> bool:
    """Whether a network is made for so many patches, and each more costs it more than the one before."""
    own = backbones.preprocessing_of(name).size
    return name.startswith("vit_") or (name.startswith(TIMM) and bool(backbones.grid(name, (2 * own, 2 * own))))


@cache
def takes(name: str, resolution: str) -> bool:
    """Whether a network can look at such pictures, and its published weights can be made to fit them."""
    return _works(name, resolution, DEFAULT) and (not has_grid(name) or _weights_fit(name, resolution))


def _weights_fit(name: str, resolution: str) -> bool:
    """Whether weights of the published size can be read into a network of another: tried with random ones."""
    import tempfile

    import safetensors.torch
    import timm

    shown = backbones.preprocessing_of(name, resolution)
    if not name.startswith(TIMM) or shown.shape == backbones.preprocessing_of(name).shape:
        return True
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "random.safetensors")
        network = timm.create_model(name.removeprefix(TIMM), pretrained=False)
        safetensors.torch.save_model(network, str(file))
        try:
            backbones.new_body(name, file, shown)
        except ParameterError:
            return False
    return True


@cache
def patch_of(name: str) -> int:
    """The pixels in whole numbers of which a side is counted: those of a patch, or of a place of the last map."""
    if has_map(name) or not name.startswith(TIMM):
        return STRIDE
    import timm
    import torch

    with torch.device("meta"):
        network = timm.create_model(name.removeprefix(TIMM), num_classes=0)
    size = getattr(getattr(network, "patch_embed", None), "patch_size", STRIDE)
    return int(size[0] if isinstance(size, tuple | list) else size)


def _works(name: str, resolution: str, pooling: str) -> bool:
    """Whether an untrained network gives features: tried without memory, and in earnest where that is not possible."""
    if name in backbones.LITE:  # they do; and importing torch takes longer than all else before the first step
        return True
    import torch

    for device in ("meta", "cpu"):
        try:
            shown = backbones.preprocessing_of(name, resolution)
            with torch.device(device), torch.inference_mode():
                body = backbones.new_body(name, None, replace(shown), pooling)
                body(torch.zeros(1, *shown.shape, 3, dtype=torch.uint8))
            return True
        except ParameterError:
            raise
        except Exception:  # whatever a network of hundreds says of pictures that it cannot take
            continue
    return False
