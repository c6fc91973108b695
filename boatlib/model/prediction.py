"""The one path from photos to probabilities: evaluation, TTA, the notebooks and the command line all take it."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from boatlib.errors import BoatlibError
from boatlib.model import embedding, engines, views
from boatlib.model.bundle import Bundle, load_bundle


class Predictor:
    """A saved model, ready to say what photos show."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.classes = bundle.classes

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load a model folder. Raises DamagedModelError."""
        return cls(load_bundle(folder))

    @cached_property
    def _head(self) -> engines.Engine:
        return self.bundle.head_engine()

    def probabilities(self, photos: pd.DataFrame, root: Path, looks: Sequence[str] = (views.PLAIN,)) -> np.ndarray:
        """Probabilities of each class for each look at each photo: float64 [photos, looks, classes], sums 1.

        photos: columns `photo` (path below root) and `sha256`. looks: names of views. Raises BoatlibError when the
        model gives numbers that are not finite.
        """
        features = embedding.embed(photos, root, list(looks), self.bundle)
        logs = self._head.run(features.reshape(-1, features.shape[-1])).astype(np.float64)
        if not np.isfinite(logs).all():
            raise BoatlibError("The model gives numbers that are not finite; its weights are damaged. Train it again.")
        values = np.exp(logs)
        values /= values.sum(axis=1, keepdims=True)
        return values.reshape(len(photos), len(looks), len(self.classes))

    def predict(self, photos: pd.DataFrame, root: Path, looks: Sequence[str] = (views.PLAIN,)) -> pd.DataFrame:
        """What each photo shows, by the mean of the looks: columns photo, label, predicted, confidence, p_<class> ..."""
        return prediction_table(photos, self.probabilities(photos, root, looks).mean(axis=1), self.classes)

    def predict_ways(
        self, photos: pd.DataFrame, root: Path, ways: Mapping[str, Sequence[str]]
    ) -> dict[str, pd.DataFrame]:
        """`predict` for several ways of looking (name to views): each photo is opened once, each view computed once."""
        looks = list(dict.fromkeys(look for way in ways.values() for look in way))
        probabilities = self.probabilities(photos, root, looks)
        return {
            name: prediction_table(
                photos, probabilities[:, [looks.index(look) for look in way]].mean(axis=1), self.classes
            )
            for name, way in ways.items()
        }


def prediction_table(photos: pd.DataFrame, probabilities: np.ndarray, classes: list[str]) -> pd.DataFrame:
    """Photos with what was predicted: columns photo, label (where known), predicted, confidence, p_<class> ..."""
    best = probabilities.argmax(axis=1)
    known = [name for name in ("photo", "label") if name in photos]
    table = photos[known].reset_index(drop=True)
    table["predicted"] = [classes[number] for number in best]
    table["confidence"] = probabilities[np.arange(len(best)), best]
    return pd.concat([table, pd.DataFrame(probabilities, columns=[f"p_{name}" for name in classes])], axis=1)
