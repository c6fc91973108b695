"""Tables of predictions: how they are made, and what their columns mean."""

import numpy as np
import pandas as pd

SMALLEST = 1e-12  # a probability of zero has no logarithm


def prediction_table(
    photos: pd.DataFrame, probabilities: np.ndarray, classes: list[str], unfamiliarity: np.ndarray | None = None
) -> pd.DataFrame:
    """Photos with what was predicted: columns photo, label (where known), predicted, confidence, unfamiliarity (where given),
    p_<class> ...
    """
    best = probabilities.argmax(axis=1)
    known = [name for name in ("photo", "label") if name in photos]
    table = photos[known].reset_index(drop=True)
    table["predicted"] = [classes[number] for number in best]
    table["confidence"] = probabilities[np.arange(len(best)), best]
    if unfamiliarity is not None:
        table["unfamiliarity"] = unfamiliarity
    return pd.concat([table, pd.DataFrame(probabilities, columns=[f"p_{name}" for name in classes])], axis=1)


def classes_of(predictions: pd.DataFrame) -> list[str]:
    """The class names in the order of the probability columns."""
    return [str(name).removeprefix("p_") for name in predictions.columns if str(name).startswith("p_")]


def probability_matrix(predictions: pd.DataFrame) -> np.ndarray:
    """Probabilities as array [photos, classes]."""
    return predictions[[f"p_{name}" for name in classes_of(predictions)]].to_numpy(dtype=np.float64)


def averaged(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    """What two answer together, the second with this share of the say: the mean of their log-probabilities as probabilities,
    float64 [photos, classes]."""
    first, second = (np.log(np.maximum(one, SMALLEST)) for one in (first, second))
    mean = (1 - share) * first + share * second
    return np.asarray(np.exp(mean - np.logaddexp.reduce(mean, axis=1, keepdims=True)))
