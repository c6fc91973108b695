"""Test-time augmentation: are several looks at a photo worth their cost?"""

from typing import Any

import numpy as np
import pandas as pd

from boatlib.results.intervals import mcnemar


def average(probabilities: np.ndarray) -> np.ndarray:
    """Mean of the probabilities over the views: [photos, views, classes] to [photos, classes]."""
    return probabilities.mean(axis=1)


def accuracy(predictions: pd.DataFrame) -> float:
    """Share of right answers."""
    return float((predictions["predicted"] == predictions["label"]).mean())


def loss(predictions: pd.DataFrame) -> float:
    """Mean negative log-probability of the right class."""
    own = [row[f"p_{row['label']}"] for row in predictions.to_dict("records")]
    return float(-np.log(np.maximum(own, 1e-12)).mean())


def choose(candidates: dict[str, pd.DataFrame]) -> str:
    """The way with most right answers on the validation photos; among equals the lower loss. Test is not asked."""
    return min(candidates, key=lambda name: (-accuracy(candidates[name]), loss(candidates[name]), name))


def compare(plain: pd.DataFrame, averaged: pd.DataFrame) -> dict[str, Any]:
    """Plain against averaged on the same photos: accuracies, photos fixed and broken, exact McNemar p-value."""
    if plain["photo"].tolist() != averaged["photo"].tolist():
        raise ValueError("the two tables are not about the same photos in the same order")
    before, after = (table["predicted"] == table["label"] for table in (plain, averaged))
    return {
        "photos": len(plain),
        "plain_correct": int(before.sum()),
        "tta_correct": int(after.sum()),
        "plain_accuracy": accuracy(plain),
        "tta_accuracy": accuracy(averaged),
        **mcnemar(before, after),
    }


def per_class(plain: pd.DataFrame, ways: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a class: class, test (photos), plain and each way of TTA as share of right answers."""
    table = pd.DataFrame({"test": plain["label"].value_counts().sort_index()})
    for name, predictions in {"plain": plain, **ways}.items():
        right = predictions["predicted"] == predictions["label"]
        table[name] = right.groupby(predictions["label"]).mean()
    return table.rename_axis("class").reset_index()
