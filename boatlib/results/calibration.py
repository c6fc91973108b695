"""How sure is "sure": what the model's confidence is worth, and the one number that mends it."""

from typing import Any

import numpy as np
import pandas as pd

from boatlib.predictions import SMALLEST, classes_of, probability_matrix
from boatlib.results.intervals import wilson

EDGES = (0.0, 0.5, 0.7, 0.9, 0.99, 1.0)  # of confidence: groups that have a meaning for a reader
RANGE = (0.1, 10.0)  # temperatures that are tried


def fit_temperature(predictions: pd.DataFrame) -> float:
    """The temperature T for which softmax(log p / T) is least surprised by the labels, and by one more photo, named wrongly.

    Above 1 the model was too sure of itself. The photo more is a prior: a few easy photos without a mistake do not show that
    there will never be one, so n of them support a confidence of about n / (n + 1) and no more. predictions: of photos that were
    not learnt from. C. Guo et al., On calibration of modern neural networks, ICML 2017; the prior after J. Platt, Probabilistic
    outputs for support vector machines, 1999.
    """
    from scipy.optimize import minimize_scalar

    best = minimize_scalar(
        lambda log_t: _loss(predictions, np.exp(log_t), prior=True), bounds=np.log(RANGE), method="bounded"
    )
    return float(np.exp(best.x))


def with_temperature(predictions: pd.DataFrame, temperature: float) -> pd.DataFrame:
    """The same table with other probabilities and confidences; the answers stay."""
    names = [f"p_{name}" for name in classes_of(predictions)]
    values = np.exp(_tempered(predictions, temperature))
    table = predictions.copy()
    table[names] = values
    table["confidence"] = values.max(axis=1)
    return table


def describe(predictions: pd.DataFrame, temperature: float) -> dict[str, Any]:
    """The record of a fit: temperature, photos, mistakes among them, the loss before and after, and whether the temperature lies
    at an end of what was tried.
    """
    before, after = (_loss(predictions, t) for t in (1.0, temperature))
    mistakes = int((predictions["predicted"] != predictions["label"]).sum())
    at_end = not RANGE[0] * 1.01 < temperature < RANGE[1] / 1.01
    record = {"temperature": temperature, "photos": len(predictions), "mistakes": mistakes}
    return record | {"loss_before": before, "loss_after": after, "at_end": at_end}


def reliability(predictions: pd.DataFrame) -> pd.DataFrame:
    """What was said and what came true, by confidence: a row for each group between EDGES that has photos.

    Columns from, to (confidence), photos, said (mean confidence), correct, right (share), right_low, right_high (95% Wilson).
    """
    groups = np.clip(np.searchsorted(EDGES, predictions["confidence"], side="right") - 1, 0, len(EDGES) - 2)
    right = predictions["predicted"] == predictions["label"]
    rows = []
    for number in sorted(set(groups)):
        own = groups == number
        correct, photos = int(right[own].sum()), int(own.sum())
        low, high = wilson(correct, photos)
        row = {"from": EDGES[number], "to": EDGES[number + 1], "photos": photos}
        row |= {"said": float(predictions["confidence"][own].mean()), "correct": correct, "right": correct / photos}
        rows.append(row | {"right_low": low, "right_high": high})
    return pd.DataFrame(rows)


def expected_calibration_error(predictions: pd.DataFrame, bins: int = 10) -> float:
    """Mean distance between confidence and share of right answers over equally wide bins, weighted by photos (Guo 2017)."""
    right = (predictions["predicted"] == predictions["label"]).to_numpy()
    said = predictions["confidence"].to_numpy()
    number = np.minimum((said * bins).astype(int), bins - 1)
    gaps = [abs(said[number == n].mean() - right[number == n].mean()) * (number == n).mean() for n in set(number)]
    return float(sum(gaps))


def _tempered(predictions: pd.DataFrame, temperature: float) -> np.ndarray:
    logits = np.log(np.maximum(probability_matrix(predictions), SMALLEST)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def _loss(predictions: pd.DataFrame, temperature: float, prior: bool = False) -> float:
    """Mean negative log-likelihood. prior: with one photo more, which looks like all of them and shows another class."""
    logs = _tempered(predictions, temperature)
    labels = pd.Categorical(predictions["label"], classes_of(predictions)).codes
    own = -logs[np.arange(len(logs)), labels]
    if not prior or logs.shape[1] < 2:
        return float(own.mean())
    others = (-logs.sum(axis=1) - own) / (logs.shape[1] - 1)
    return float((own.sum() + others.mean()) / (len(logs) + 1))
