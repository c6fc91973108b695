"""Tables of predictions: how they are made, and what their columns mean."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from boatlib.policy import UNKNOWN, USE, Policy

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


def answered(
    names: Sequence[str], errors: Sequence[str], answers: np.ndarray, classes: list[str], policy: Policy
) -> pd.DataFrame:
    """What every door says of photos: columns photo, predicted, confidence, unfamiliarity, p_<class> ..., unfamiliar,
    needs_review, reason, error.

    errors: why a photo cannot be read, "" where it can; answers: the probability of each class and, in the last column, the
    unfamiliarity, float64 [photos, classes + 1], NaN for photos that cannot be read.
    """
    table = prediction_table(pd.DataFrame({"photo": list(names)}), answers[:, :-1], classes, answers[:, -1])
    table.loc[[bool(error) for error in errors], "predicted"] = ""
    return decided(table, errors, policy)


def decided(table: pd.DataFrame, errors: Sequence[str], policy: Policy) -> pd.DataFrame:
    """Predictions with what to do with them: unfamiliar, needs_review, reason, error."""
    read, actions = np.array([not error for error in errors], dtype=bool), policy.actions(table)
    told = {"unfamiliar": (actions == UNKNOWN) & read, "needs_review": (actions != USE) | ~read}
    reasons = np.where(read, policy.reasons(table), "cannot be read")
    return table.assign(**told, reason=reasons, error=list(errors))


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
