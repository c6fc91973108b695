"""Work against errors: if people check the least certain answers, how many of the others are wrong?"""

import numpy as np
import pandas as pd

from boatlib.order import natural
from boatlib.results.intervals import wilson


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
