"""How much of each photo the model never sees, and whether it is wrong more often where it sees less."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from boatlib.model.inputs.views import Preprocessing, seen_box
from boatlib.results.intervals import wilson

EDGES = (0.0, 0.4, 0.5, 0.6, 1.0)  # shares unseen


def unseen_shares(photos: pd.DataFrame, networks: Sequence[Preprocessing]) -> pd.DataFrame:
    """The share of each photo's area that no network of the model sees in its plain view: columns photo, unseen.

    photos: columns photo, width, height (pixels). All views are cut from the middle, so the largest decides.
    """
    shares = []
    for width, height in zip(photos["width"].astype(int), photos["height"].astype(int), strict=True):
        boxes = [seen_box(width, height, network) for network in networks]
        seen = max((right - left) * (bottom - top) for left, top, right, bottom in boxes)
        shares.append(1 - seen / (width * height))
    return pd.DataFrame({"photo": photos["photo"].to_numpy(), "unseen": shares})


def accuracy_by_unseen(predictions: pd.DataFrame, unseen: pd.DataFrame) -> pd.DataFrame:
    """Right answers by the share of the photo that is not seen: a row for each group between EDGES that has photos.

    Columns from, to, photos, correct, right, right_low, right_high (95% Wilson).
    """
    shares = _in_order(predictions, unseen)
    right = (predictions["predicted"] == predictions["label"]).to_numpy()
    groups = np.clip(np.searchsorted(EDGES, shares, side="right") - 1, 0, len(EDGES) - 2)
    rows = []
    for number in sorted(set(groups)):
        own = groups == number
        correct, photos = int(right[own].sum()), int(own.sum())
        low, high = wilson(correct, photos)
        row = {"from": EDGES[number], "to": EDGES[number + 1], "photos": photos, "correct": correct}
        rows.append(row | {"right": correct / photos, "right_low": low, "right_high": high})
    return pd.DataFrame(rows)


def crop_verdict(predictions: pd.DataFrame, unseen: pd.DataFrame) -> dict[str, Any]:
    """Medians of the unseen share of all, right and wrong photos, and the p-value of a Mann-Whitney U test between the last two
    (1.0 when there are none of one kind, or all see the same).
    """
    shares = _in_order(predictions, unseen)
    right = (predictions["predicted"] == predictions["label"]).to_numpy()
    p_value = 1.0
    if right.any() and not right.all() and np.ptp(shares) > 0:
        from scipy.stats import mannwhitneyu

        p_value = float(mannwhitneyu(shares[~right], shares[right]).pvalue)
    return {
        "unseen": float(np.median(shares)),
        "unseen_right": float(np.median(shares[right])) if right.any() else np.nan,
        "unseen_wrong": float(np.median(shares[~right])) if not right.all() else np.nan,
        "p_value": p_value,
    }


def _in_order(predictions: pd.DataFrame, unseen: pd.DataFrame) -> np.ndarray:
    return unseen.set_index("photo")["unseen"].reindex(predictions["photo"]).to_numpy(dtype=np.float64)
