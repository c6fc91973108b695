"""What is served: a model folder, or the folder of an exported model, for which neither torch nor OpenVINO is imported."""

import io
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from PIL import Image

from boatlib import runtime
from boatlib.errors import BoatlibError
from boatlib.predictions import classes_of

EXPORTED = "model.onnx"  # `model.inference.onnx` writes it
MOST = 8  # workers, where nobody asks for more: each holds the model
INSTALL = "python -m pip install -c constraints.txt -e '.[serve]'"


class Answering(Protocol):
    """A model that says what photos show."""

    classes: list[str]

    def predict_stream(self, photos: Iterable[tuple[str, bytes]]) -> Iterator[pd.DataFrame]:
        """As `Predictor.predict_stream`."""


class Loaded(NamedTuple):
    """A model in memory; identity: names its weights."""

    model: Answering
    identity: str


def is_exported(folder: Path) -> bool:
    """Whether a folder holds an exported model."""
    return (folder / EXPORTED).is_file()


def usual_workers(folder: Path) -> int:
    """One for each core, up to MOST, since an exported model computes photo by photo; a model folder's uses all by itself."""
    return min(MOST, runtime.cores()) if is_exported(folder) else 1


def load(folder: Path, cores: list[int]) -> Loaded:
    """Load a model that computes with so many cores; OpenVINO, with none but these. Raises BoatlibError."""
    if not is_exported(folder):
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, cores)
        try:
            from boatlib.model.inference.predictor import Predictor
        except ModuleNotFoundError as error:
            raise BoatlibError(
                f"{folder} holds no {EXPORTED}, and a model folder needs the whole of boatlib ({error.name} is missing). "
                "Serve what `python -m boatlib export MODEL_DIR --onnx` writes."
            ) from error
        predictor = Predictor.load(folder)
        return Loaded(predictor, predictor.bundle.weights_sha256)
    try:
        from boatlib.model.inference.onnx_predictor import OnnxPredictor
    except ModuleNotFoundError as error:
        raise BoatlibError(f"An exported model needs the package {error.name}. Install it: {INSTALL}") from error
    exported = OnnxPredictor.load(folder / EXPORTED, len(cores))
    return Loaded(exported, exported.identity)


def warm_up(model: Answering) -> None:
    """Let a model see a grey picture, so that the first photo need not wait for what is compiled at the first use."""
    picture = io.BytesIO()
    Image.fromarray(np.full((512, 512, 3), 128, np.uint8)).save(picture, "PNG")
    list(model.predict_stream([("", picture.getvalue())]))


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table of `predict` as rows for JSON: `probabilities` by class, and none of the numbers for a photo without an answer."""
    names = classes_of(table)
    return [_row(row, names) for row in table.to_dict("records")]


def unreadable(error: str) -> dict[str, Any]:
    """The row of a photo without an answer."""
    numbers = dict.fromkeys(("confidence", "unfamiliarity", "probabilities"))
    told = {"unfamiliar": False, "needs_review": True, "reason": "cannot be read", "error": error}
    return {"predicted": "", **numbers, **told}


def _row(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    if row["error"]:
        return unreadable(row["error"])
    numbers = {name: _number(row[name]) for name in ("confidence", "unfamiliarity")}
    shares = {name: _number(row[f"p_{name}"]) for name in names}
    told = {"unfamiliar": bool(row["unfamiliar"]), "needs_review": bool(row["needs_review"])}
    words = {"reason": row["reason"], "error": ""}
    return {"predicted": row["predicted"], **numbers, "probabilities": shares, **told, **words}


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
