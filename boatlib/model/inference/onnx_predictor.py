"""The exported model at work here: prepared and decided as `Predictor` does it, computed by onnxruntime, without torch."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime
import pandas as pd

from boatlib.errors import BoatlibError, DamagedModelError, UnreadablePhotoError
from boatlib.model.inputs import loading
from boatlib.model.inputs.loading import Source
from boatlib.model.inputs.views import PLAIN, Preprocessing
from boatlib.policy import Policy
from boatlib.predictions import answered

OUTPUTS = ["probabilities", "unfamiliarity"]


class OnnxPredictor:
    """An exported model, ready to say what photos show.

    identity: of the weights that were exported. Each photo is computed by itself, so that its answer does not depend on its
    companions; on a CPU that is no slower than in batches (benchmarks/README.md).
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        told = session.get_modelmeta().custom_metadata_map
        inputs = json.loads(told["preprocessing"])
        self.classes: list[str] = json.loads(told["classes"])
        self.identity: str = told["weights_sha256"]
        self._policy = Policy(**json.loads(told["policy"]))
        self._knows_familiar = json.loads(told.get("familiarity", "true"))
        self._inputs = [one.pop("input") for one in inputs]
        self._preparations = [Preprocessing.of_saved(one) for one in inputs]
        self._session = session

    @classmethod
    def load(cls, file: Path, threads: int = 0) -> Self:
        """Read an exported model. threads: that compute one photo; 0: one a core. Raises DamagedModelError."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            return cls(onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"]))
        except Exception as error:  # onnxruntime has an exception class for each way in which a file can be wrong
            raise DamagedModelError(
                f"{file} is not a whole exported model ({type(error).__name__}). It is made by "
                "`python -m boatlib export MODEL_DIR --onnx`: run that again, or copy the folder again."
            ) from error

    def predict_stream(self, photos: Iterable[tuple[str, Source]]) -> Iterator[pd.DataFrame]:
        """What `Predictor.predict_stream` says of named photos: a table of one row for each, as soon as it is known.

        Raises BoatlibError for numbers that are not finite.
        """
        for name, source in photos:
            answer, error = np.full((1, len(self.classes) + 1), np.nan), ""
            try:
                rows = loading.views_for_each(source, [PLAIN], self._preparations)
                answer[0] = self._answer([views[0] for views in rows])
            except UnreadablePhotoError as unreadable:
                error = str(unreadable)
            yield answered([name], [error], answer, self.classes, self._policy)

    def _answer(self, pictures: list[np.ndarray]) -> np.ndarray:
        rows = {name: picture[None] for name, picture in zip(self._inputs, pictures, strict=True)}
        probabilities, strange = (output[0].astype(np.float64) for output in self._session.run(OUTPUTS, rows))
        if not np.isfinite(probabilities).all():
            raise BoatlibError("The model gives numbers that are not finite; its weights are damaged. Export it again.")
        return np.append(probabilities / probabilities.sum(), strange if self._knows_familiar else 0.0)
