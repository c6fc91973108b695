"""What to do with an answer: take it, or have a person look at the photo; what that costs and what it saves."""

import numpy as np
import pandas as pd

from boatlib.order import natural
from boatlib.results.intervals import wilson

LEAST = 0.5  # an answer that is held less probable than all others together is always looked at
SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)  # of the photos that people check, in the table


def review_threshold(predictions: pd.DataFrame, target_accuracy: float) -> float:
    """The confidence below which a person should look: the lowest one at or above which at least `target_accuracy` of the
    answers are right (and never below LEAST); 1.0 where no confidence is enough.

    predictions: columns label, predicted, confidence, of photos that were not learnt from.
    """
    right = (predictions["predicted"] == predictions["label"]).groupby(predictions["confidence"]).agg(["sum", "count"])
    kept = right.sort_index(ascending=False).cumsum()  # at or above each confidence
    enough = kept.index[kept["sum"] >= target_accuracy * kept["count"]]
    return max(LEAST, float(enough.min())) if len(enough) else 1.0


def review_work(predictions: pd.DataFrame, threshold: float) -> dict[str, int]:
    """What a threshold means for these photos: reviewed (photos below it), kept (the others), kept_right."""
    kept = predictions[predictions["confidence"] >= threshold]
    right = int((kept["predicted"] == kept["label"]).sum())
    return {"reviewed": len(predictions) - len(kept), "kept": len(kept), "kept_right": right}


def by_answer(predictions: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """What a threshold means for each answer of the model, and first for all of them: answer, given (photos), checked (below the
    threshold), kept (the others), wrong (of those kept).
    """
    kept = predictions["confidence"] >= threshold
    wrong = kept & (predictions["predicted"] != predictions["label"])
    each = pd.DataFrame(
        {"answer": predictions["predicted"], "given": 1, "checked": ~kept, "kept": kept, "wrong": wrong}
    )
    sums = each.groupby("answer").sum().astype(int)
    sums = sums.loc[natural(sums.index)]
    whole = sums.sum().to_frame("all answers").T
    return pd.concat([whole, sums]).rename_axis("answer").reset_index()


def selective_risk(predictions: pd.DataFrame) -> pd.DataFrame:
    """Work against errors: if people check the least certain photos by hand, how much of the rest is wrong?

    A row for each number of checked photos from none to all but one: checked (share), kept (photos), wrong (of them), risk
    (share), risk_low, risk_high (95% Wilson), below (photos under this confidence are checked). Equal confidences are
    taken in the order of their names. R. El-Yaniv, Y. Wiener, On the foundations of noise-free selective
    classification, JMLR 11 (2010).
    """
    order = predictions.sort_values(["confidence", "photo"])
    wrong = (order["predicted"] != order["label"]).to_numpy()
    total = len(order)
    left = wrong[::-1].cumsum()[::-1]
    ranges = [wilson(errors, total - checked) for checked, errors in enumerate(left)]
    return pd.DataFrame(
        {
            "checked": np.arange(total) / total,
            "kept": total - np.arange(total),
            "wrong": left,
            "risk": left / (total - np.arange(total)),
            "risk_low": [low for low, _ in ranges],
            "risk_high": [high for _, high in ranges],
            "below": order["confidence"].to_numpy(),
        }
    )


def work_table(risks: pd.DataFrame) -> pd.DataFrame:
    """The rows of `selective_risk` at SHARES (rounded up to whole photos)."""
    places = np.minimum(np.ceil(np.array(SHARES) * len(risks) - 1e-9).astype(int), len(risks) - 1)
    return risks.iloc[np.unique(places)].reset_index(drop=True)


def cost(predictions: pd.DataFrame, threshold: float, cost_of_error: float, cost_of_check: float) -> float:
    """What 100 photos cost when those under the threshold are checked, and whoever checks makes no mistake."""
    work = review_work(predictions, threshold)
    total = work["reviewed"] * cost_of_check + (work["kept"] - work["kept_right"]) * cost_of_error
    return 100 * total / len(predictions)


def cheapest(val: pd.DataFrame, test: pd.DataFrame, cost_of_error: float, cost_of_check: float) -> dict[str, float]:
    """The cheapest threshold, chosen on validation, and what 100 test photos cost with it (cost), without any check (none), and
    when all are checked (every).
    """
    threshold = cheapest_threshold(val, cost_of_error, cost_of_check)
    lines = {"cost": threshold, "none": 0.0, "every": float(np.nextafter(1, 2))}
    costs = {name: cost(test, line, cost_of_error, cost_of_check) for name, line in lines.items()}
    return {"threshold": threshold} | costs


def cheapest_threshold(predictions: pd.DataFrame, cost_of_error: float, cost_of_check: float) -> float:
    """The confidence below which checking a photo is worth its cost: the threshold with the lowest cost on these photos; among
    equals the lowest threshold (least work). 0: check none; above 1: check all.

    predictions: of photos that neither taught the model nor will judge it.
    """
    order = predictions.sort_values("confidence")
    wrong = (order["predicted"] != order["label"]).to_numpy()
    thresholds = np.append(order["confidence"].to_numpy(), np.nextafter(1, 2))
    thresholds[0] = 0.0
    checks = np.searchsorted(order["confidence"], thresholds)  # photos below each threshold
    errors = np.append(wrong[::-1].cumsum()[::-1], 0)[checks]
    return float(thresholds[int(np.argmin(checks * cost_of_check + errors * cost_of_error))])
