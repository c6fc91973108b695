"""Where an interrupted training goes on from: one file an epoch, written in one step, with a checksum; nothing in it can run."""

import json
from pathlib import Path
from typing import Any

import torch

from boatlib.errors import DamagedModelError
from boatlib.files import replacing, write_text
from boatlib.model.networks.weights import sha256
from boatlib.run import LAST

State = dict[str, Any]  # dictionaries and lists of numbers, texts and tensors


def save(folder: Path, state: State, epoch: int) -> Path:
    """Write a state as the checkpoint of an epoch; then that is named in LAST, and those before it are deleted."""
    file = folder / f"epoch-{epoch:04d}.pt"
    with replacing(file) as temporary:
        _write(state, temporary)
        digest = sha256(temporary)
    write_text(folder / LAST, json.dumps({"file": file.name, "sha256": digest, "epoch": epoch}) + "\n")
    for other in folder.glob("epoch-*"):
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
        return _read(file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedModelError(
            f"The checkpoint in {folder.parent.name}/{folder.name} is damaged ({error}). Start again without --resume."
        ) from error


def _write(state: State, file: Path) -> None:
    """Raises OSError: what torch says while it gives up hides the cause."""
    try:
        with file.open("wb") as opened:
            torch.save(state, opened)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def _read(file: Path) -> State:
    """Numbers, texts and tensors; nothing in the file can run. Raises ValueError for a file that holds anything else."""
    try:
        return dict(torch.load(file, map_location="cpu", weights_only=True))
    except Exception as error:  # torch has many, of which some cannot be named without importing what reads pickles
        raise ValueError(f"it cannot be read ({type(error).__name__})") from error


def finish(folder: Path) -> None:
    """Mark the newest checkpoint as the end of its training: there is nothing left to go on with."""
    last = json.loads((folder / LAST).read_text(encoding="utf-8"))
    write_text(folder / LAST, json.dumps(last | {"finished": True}) + "\n")


def is_finished(folder: Path) -> bool:
    """Whether the training of the newest checkpoint has ended."""
    return bool(json.loads((folder / LAST).read_text(encoding="utf-8")).get("finished"))
