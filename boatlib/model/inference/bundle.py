"""The model on disk: a folder with its weights and everything needed to use them; no pickle, no network."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from boatlib import runtime
from boatlib.errors import DamagedModelError
from boatlib.files import replacing, replacing_folder, write_text
from boatlib.model.inference.familiarity import REFERENCE, Familiarity
from boatlib.model.inputs.views import Preprocessing
from boatlib.model.networks import engines
from boatlib.model.networks.backbones import Backbone, check_name, new_body
from boatlib.model.networks.weights import put_into, sha256
from boatlib.policy import COMMON, Policy
from boatlib.runtime import Machine, machine

if TYPE_CHECKING:
    import torch
    from torch import nn

    from boatlib.model.networks.modules import Body, Network


WEIGHTS = "weights.safetensors"
DESCRIPTION = "model.json"
CARD = "MODEL_CARD.md"
BEFORE_REFIT = (
    "before_refit"  # in the folder: the model that the validation photos have judged, before they taught it too
)
_KEY = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True)
class Saved:
    """Weights in a model folder, under names that begin with `prefix`."""

    folder: Path
    prefix: str

    def body(self, backbone: Backbone) -> "Body":
        """The torch module, in evaluation mode."""
        check_name(backbone.name)
        body = new_body(backbone.name, preprocessing=backbone.preprocessing, pooling=backbone.pooling)
        body.drop_auxiliary()
        put_into(body.network, _weights(self.folder, self.prefix))
        return body


@dataclass(frozen=True)
class Bundle:
    """A saved model: `classes` in the order of its outputs; `features` numbers a photo, those of the bodies side by side.

    policy: which answers may stand alone; familiarity: what tells photos like those that taught from others, None in a model that
    has none yet. on: what computes it; half precision where it was judged with it.
    """

    folder: Path
    classes: list[str]
    bodies: list[Backbone]
    features: int
    policy: Policy
    familiarity: Familiarity | None
    weights_sha256: str
    taught_on: dict[str, Any]
    versions: dict[str, str]
    on: Machine

    def before_refit(self) -> "Bundle":
        """The model that had not learnt from the validation photos: itself, unless they taught it after they had judged."""
        inside = self.folder / BEFORE_REFIT
        if not inside.is_dir():
            return self
        return replace(load_bundle(inside, self.on.device), policy=self.policy, familiarity=self.familiarity)

    def with_policy(self, policy: Policy, familiarity: Familiarity | None) -> "Bundle":
        """Write into the folder which answers may stand alone, and what the photos that taught were like."""
        described = json.loads((self.folder / DESCRIPTION).read_text(encoding="utf-8"))
        described["policy"] = asdict(policy)
        if familiarity:
            with replacing(self.folder / REFERENCE) as new:
                familiarity.save(new)
            described["reference_sha256"] = sha256(self.folder / REFERENCE)
        _write_description(self.folder, described)
        return replace(self, policy=policy, familiarity=familiarity)

    def holds(self, network: "Network", temperature: float) -> bool:
        """Whether what lies in the folder is, tensor by tensor, this network with this temperature."""
        import torch

        wanted = _tensors(network, temperature)
        there = _weights(self.folder, "")
        return there.keys() == wanted.keys() and all(torch.equal(there[name], wanted[name]) for name in wanted)

    def head_engine(self) -> engines.Engine:
        """The head, ready to compute: float32 rows of features in, log-probabilities out."""
        return engines.compiled(self._head_part(), self.on)

    def prepare(self) -> None:
        """Convert what has not been converted yet, while torch is there: afterwards whoever predicts need not wait for it."""
        for part in (*(body.part for body in self.bodies), self._head_part()):
            engines.prepare(part, self.on)

    def _head_part(self) -> engines.Part:
        return engines.Part(f"head-{self.weights_sha256[:16]}", self.build_head, np.zeros(self.features, np.float32))

    def build_head(self) -> "nn.Module":
        """The head as torch module, in evaluation mode."""
        from boatlib.model.networks.modules import head_of

        return head_of(_weights(self.folder, "head."))


def classes_of(folder: Path) -> list[str]:
    """What a model can answer, without loading it; nothing where there is none."""
    file = folder / DESCRIPTION
    return list(json.loads(file.read_text(encoding="utf-8"))["classes"]) if file.is_file() else []


def fingerprint(folder: Path) -> str:
    """A short text that changes when the folder holds another model, or draws other lines; "" where there is none."""
    file = folder / DESCRIPTION
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16] if file.is_file() else ""


def save_bundle(
    folder: Path,
    network: "Network",
    classes: list[str],
    taught_on: dict[str, Any],
    temperature: float = 1.0,
    before_refit: "Network | None" = None,
    on: Machine | None = None,
) -> Bundle:
    """Write the model folder in one step, in place of an older one.

    taught_on: what the model card needs of the training, such as counts and fingerprints. temperature: worked into the saved
    head, so that its confidences are calibrated wherever it is used. before_refit: a model that had not learnt from the
    validation photos yet, kept inside, for choices by them. on: what it computes with (default: what this computer has).
    """
    from safetensors.torch import save_file

    on = on or machine()
    tensors = _tensors(network, temperature)
    description = {
        "classes": classes,
        "bodies": [
            {"name": body.name, "key": body.key, "preprocessing": asdict(body.preprocessing), "pooling": body.pooling}
            for body in network.bodies
        ],
        "features": network.head.get_submodule("0").in_features,
        "half_precision": on.half,
        "temperature": temperature,
        "taught_on": taught_on,
        "versions": runtime.versions(),
    }
    with replacing_folder(folder) as new:
        with replacing(new / WEIGHTS) as temporary:
            save_file(tensors, temporary)
        description["weights_sha256"] = sha256(new / WEIGHTS)
        _write_description(new, description)
        if before_refit:
            save_bundle(new / BEFORE_REFIT, before_refit, classes, taught_on, temperature, on=on)
    saved = load_bundle(folder, on.device)
    saved.prepare()
    return saved


def _write_description(folder: Path, description: dict[str, Any]) -> None:
    write_text(folder / DESCRIPTION, json.dumps(description, indent=2, ensure_ascii=False) + "\n")


def _tensors(network: "Network", temperature: float) -> "dict[str, torch.Tensor]":
    """What is saved of a network, by name."""
    from boatlib.model.networks.modules import tempered

    tensors = {f"head.{name}": tensor for name, tensor in tempered(network.head, temperature).state_dict().items()}
    for number, body in enumerate(network.bodies):
        tensors |= {f"{_prefix(number)}{name}": tensor for name, tensor in body.network.state_dict().items()}
    # clones: some networks keep one tensor under two names, which the format refuses
    return {name: tensor.cpu().clone().contiguous() for name, tensor in tensors.items()}


def load_bundle(folder: Path, device: str = "auto") -> Bundle:
    """Read a model folder and check its weights. device: what computes it (auto, cpu or cuda).

    Raises DamagedModelError when anything is missing or changed, ParameterError where there is no such device.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        digest = sha256(folder / WEIGHTS)
        on = machine(device, "auto" if description.get("half_precision", True) else "off")
        bodies = [
            Backbone(
                body["name"],
                body["key"],
                Preprocessing.of_saved(body["preprocessing"]),
                body.get("pooling", "default"),
                Saved(folder, _prefix(number)),
                on,
            )
            for number, body in enumerate(description["bodies"])
        ]
        bundle = Bundle(
            folder,
            description["classes"],
            bodies,
            description["features"],
            _policy(description),
            _familiarity(folder, description.get("reference_sha256", "")),
            description["weights_sha256"],
            description["taught_on"],
            description["versions"],
            on,
        )
        if not all(_KEY.fullmatch(body.key) for body in bundle.bodies):  # it becomes the name of a file in the cache
            raise ValueError("a key that is none")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedModelError(
            f"{folder.name}/ is not a whole model folder ({type(error).__name__}). It is made by 03_training: run that again, "
            "or copy the folder again."
        ) from error
    if digest != bundle.weights_sha256:
        raise DamagedModelError(
            f"{folder.name}/{WEIGHTS} is damaged (checksum). Copy it again, or run 03_training again."
        )
    return bundle


def _policy(description: dict[str, Any]) -> Policy:
    """Which answers may stand alone; a model of an older version had one line for all of them."""
    if "policy" not in description:
        return Policy({COMMON: float(description.get("review_below", 0.0))})
    return Policy(**description["policy"])


def _familiarity(folder: Path, digest: str) -> Familiarity | None:
    """Raises ValueError where the file is not the one that was written."""
    if not digest:
        return None
    if sha256(folder / REFERENCE) != digest:
        raise ValueError("a reference that was changed")
    return Familiarity.load(folder / REFERENCE)


def _prefix(number: int) -> str:
    """What the names of a body's tensors begin with."""
    return f"body{number}."


def _weights(folder: Path, prefix: str) -> dict[str, Any]:
    """The tensors of one part, under their own names; the others are not read."""
    from safetensors import safe_open

    with safe_open(folder / WEIGHTS, "pt") as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 (it is not a dictionary)
        return {name.removeprefix(prefix): file.get_tensor(name) for name in names}
