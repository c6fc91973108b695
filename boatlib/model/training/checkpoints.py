"""Where an interrupted training goes on from: one file an epoch, written in one step, with a checksum, without pickle."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from boatlib.errors import DamagedModelError
from boatlib.files import replacing, write_text
from boatlib.model.networks.weights import sha256
from boatlib.run import LAST

State = dict[str, Any]  # dictionaries and lists of numbers, texts and tensors


def save(folder: Path, state: State, epoch: int) -> Path:
    """Write a state as the checkpoint of an epoch; then that is named in LAST, and those before it are deleted."""
    tensors: dict[str, torch.Tensor] = {}
    skeleton = _take_tensors(state, tensors)
    file = folder / f"epoch-{epoch:04d}.safetensors"
    with replacing(file) as temporary:
        save_file(tensors, temporary, metadata={"state": json.dumps(skeleton)})
        digest = sha256(temporary)
    write_text(folder / LAST, json.dumps({"file": file.name, "sha256": digest, "epoch": epoch}) + "\n")
    for other in folder.glob("epoch-*.safetensors"):
        if other != file:
            other.unlink()
    return file


def load(folder: Path) -> State | None:
    """The newest whole checkpoint; None where there is none. Raises DamagedModelError when it was changed since."""
    if not (folder / LAST).is_file():
        return None
    try:
        last = json.loads((folder / LAST).read_text(encoding="utf-8"))
        file = folder / str(last["file"])
        if sha256(file) != last["sha256"]:
            raise ValueError("its checksum differs")
        with safe_open(file, "pt") as opened:
            skeleton = json.loads(opened.metadata()["state"])
            names = opened.keys()
            return _put_tensors(skeleton, {name: opened.get_tensor(name) for name in names})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedModelError(
            f"The checkpoint in {folder.parent.name}/{folder.name} is damaged ({error}). Start again without --resume."
        ) from error


def finish(folder: Path) -> None:
    """Mark the newest checkpoint as the end of its training: there is nothing left to go on with."""
    last = json.loads((folder / LAST).read_text(encoding="utf-8"))
    write_text(folder / LAST, json.dumps(last | {"finished": True}) + "\n")


def is_finished(folder: Path) -> bool:
    """Whether the training of the newest checkpoint has ended."""
    return bool(json.loads((folder / LAST).read_text(encoding="utf-8")).get("finished"))


def _take_tensors(value: Any, tensors: dict[str, torch.Tensor]) -> Any:  # noqa: ANN401
    """The value as JSON can hold it; tensors move to `tensors`. Keys of dictionaries may be numbers."""
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().clone().contiguous()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"items": [[key, _take_tensors(inner, tensors)] for key, inner in value.items()]}
    if isinstance(value, list | tuple):
        return [_take_tensors(inner, tensors) for inner in value]
    return value


def _put_tensors(value: Any, tensors: dict[str, torch.Tensor]) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        if "tensor" in value:
            return tensors[value["tensor"]]
        return {key: _put_tensors(inner, tensors) for key, inner in value["items"]}
    return [_put_tensors(inner, tensors) for inner in value] if isinstance(value, list) else value
