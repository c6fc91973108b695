"""What a model keeps of its test photos, to compare new ones with: numbers only, no picture and no name."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from boatlib.errors import MissingInputError
from boatlib.files import replacing
from boatlib.model.features import embedding
from boatlib.model.inference.predictor import Predictor

FILE = "held_out.safetensors"
MOST = 1000  # photos


@dataclass(frozen=True)
class HeldOut:
    """Test photos, at most MOST of them, a row each: directions (`Familiarity.directions`), float32 [photos, k]; looks
    (`looks.LOOKS`), float32 [photos, 6]; confidence and unfamiliarity, float32; predicted and label, places of classes, int64.
    """

    directions: np.ndarray
    looks: np.ndarray
    confidence: np.ndarray
    unfamiliarity: np.ndarray
    predicted: np.ndarray
    label: np.ndarray

    def __len__(self) -> int:
        """Photos."""
        return len(self.label)

    @property
    def right(self) -> np.ndarray:
        """Whether each was named rightly: bool [photos]."""
        return self.predicted == self.label

    def unfamiliar(self, familiar_to: float | None) -> np.ndarray:
        """Which of them count as unlike all that was taught, by a policy's line: bool [photos]."""
        return self.unfamiliarity >= (np.inf if familiar_to is None else familiar_to)

    @classmethod
    def of(cls, predictor: Predictor, predictions: pd.DataFrame, photos: pd.DataFrame, root: Path) -> Self:
        """predictions: of test photos; photos: the rows of `split.csv` that they come from, in their order."""
        known = predictions["label"].isin(predictor.classes).to_numpy()
        places = np.flatnonzero(known)
        if len(places) > MOST:
            places = np.sort(np.random.default_rng(0).permutation(places)[:MOST])
        own, rows = predictions.iloc[places], photos.iloc[places]
        features = embedding.embed_plain(rows, root, predictor.bundle.bodies)
        familiarity = predictor.bundle.familiarity
        directions = (
            familiarity.directions(np.asarray(features)) if familiarity else np.zeros((len(rows), 1), np.float32)
        )
        files = [root / photo for photo in own["photo"]]
        return cls(
            directions,
            predictor.seen(files),
            own["confidence"].to_numpy(np.float32),
            own["unfamiliarity"].to_numpy(np.float32),
            own["predicted"].map(predictor.classes.index).to_numpy(np.int64),
            own["label"].map(predictor.classes.index).to_numpy(np.int64),
        )

    def save(self, model: Path) -> Path:
        """Write it into a model's folder."""
        from safetensors.numpy import save_file

        values = {field.name: np.ascontiguousarray(getattr(self, field.name)) for field in fields(self)}
        with replacing(model / FILE) as new:
            save_file(values | {"directions": self.directions.astype(np.float16)}, new)
        return model / FILE

    @classmethod
    def load(cls, model: Path) -> Self:
        """Raises MissingInputError for a model that no test has judged yet."""
        from safetensors.numpy import load_file

        if not (model / FILE).is_file():
            raise MissingInputError(
                f"{model.name}/{FILE} is missing: the model was saved by an older version, or 04_evaluation has not judged it. "
                "Run the chain that made it again."
            )
        values = load_file(model / FILE)
        return cls(**values | {"directions": values["directions"].astype(np.float32)})
