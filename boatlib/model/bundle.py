"""The model on disk: a folder with its weights and everything needed to use them; no pickle, no network."""

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from boatlib import runtime
from boatlib.errors import DamagedModelError
from boatlib.model import engines
from boatlib.model.views import Preprocessing

if TYPE_CHECKING:
    from torch import nn

    from boatlib.model.backbones import Backbone
    from boatlib.model.networks import Body

WEIGHTS = "weights.safetensors"
DESCRIPTION = "model.json"


@dataclass(frozen=True)
class Bundle:
    """A saved model: `classes` in the order of its outputs; `key` names the content of its backbone."""

    folder: Path
    classes: list[str]
    backbone: str
    key: str
    features: int
    preprocessing: Preprocessing
    weights_sha256: str

    def _weights(self, prefix: str) -> dict[str, Any]:
        from safetensors.torch import load_file

        tensors = load_file(self.folder / WEIGHTS)
        return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

    def engine(self) -> engines.Engine:
        """The backbone, ready to compute: uint8 rows [size, size, 3] in, float32 features out."""
        size = self.preprocessing.size
        return engines.compiled(self.key, self.build_body, np.zeros((size, size, 3), np.uint8))

    def head_engine(self) -> engines.Engine:
        """The head, ready to compute: float32 rows of features in, log-probabilities out."""
        key = f"head-{self.weights_sha256[:16]}"
        return engines.compiled(key, self.build_head, np.zeros(self.features, np.float32))

    def build_body(self) -> "Body":
        """The backbone as torch module, in evaluation mode."""
        from boatlib.model.backbones import new_body

        body = new_body(self.backbone)
        body.network.load_state_dict(self._weights("body."))
        return body

    def build_head(self) -> "nn.Module":
        """The head as torch module, in evaluation mode."""
        from boatlib.model.networks import article_head

        head = article_head(self.features, len(self.classes))
        head.load_state_dict(self._weights("head."))
        return head.eval()


def save_bundle(
    folder: Path, backbone: "Backbone", head: "nn.Module", classes: list[str], taught_on: dict[str, Any]
) -> Bundle:
    """Write the model folder in one step, in place of an older one.

    taught_on: what the model card needs of the training, such as counts and fingerprints.
    """
    from safetensors.torch import save_file

    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    tensors = {f"body.{name}": tensor.contiguous() for name, tensor in backbone.state().items()}
    tensors |= {f"head.{name}": tensor.contiguous() for name, tensor in head.state_dict().items()}
    save_file(tensors, new / WEIGHTS)
    description = {
        "classes": classes,
        "backbone": backbone.name,
        "key": backbone.key,
        "features": backbone.features,
        "preprocessing": asdict(backbone.preprocessing),
        "weights_sha256": _sha256(new / WEIGHTS),
        "taught_on": taught_on,
        "versions": runtime.versions(),
    }
    (new / DESCRIPTION).write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    new.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(new, folder)
    return load_bundle(folder)


def load_bundle(folder: Path) -> Bundle:
    """Read a model folder and check its weights. Raises DamagedModelError when anything is missing or changed."""
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        digest = _sha256(folder / WEIGHTS)
        preprocessing: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in description["preprocessing"].items()
        }
        bundle = Bundle(
            folder,
            description["classes"],
            description["backbone"],
            description["key"],
            description["features"],
            Preprocessing(**preprocessing),
            description["weights_sha256"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedModelError(
            f"{folder.name}/ is not a whole model folder ({type(error).__name__}). Run 03_training again."
        ) from error
    if digest != bundle.weights_sha256:
        raise DamagedModelError(f"{folder.name}/{WEIGHTS} is damaged (checksum). Run 03_training again.")
    return bundle


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
