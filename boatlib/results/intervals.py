"""How far a rate from few photos can be trusted, and whether two rates differ by more than chance."""

from math import sqrt
from statistics import NormalDist

import numpy as np
import pandas as pd

CONFIDENCE = 0.95
DRAWS = 2000  # of a bootstrap
CHANCE = 0.05  # p-values below it count as more than chance


def wilson(correct: int, total: int) -> tuple[float, float]:
    """95% Wilson score interval of a rate, as shares; (nan, nan) without photos.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927). scipy has it too, and
    would make every notebook start half a second later.
    """
    if total == 0:
        return float("nan"), float("nan")
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    rate, spread = correct / total, z * z / total
    middle, half = rate + spread / 2, z * sqrt(rate * (1 - rate) / total + spread / (4 * total))
    low, high = (middle - half) / (1 + spread), (middle + half) / (1 + spread)
    return 0.0 if correct == 0 else float(low), 1.0 if correct == total else float(high)


def over_groups(right: np.ndarray, groups: np.ndarray | None = None) -> tuple[float, float]:
    """95% range of the share of right answers (bool [photos]), as shares; (nan, nan) without photos.

    Without groups it is Wilson's. With the group of each photo it comes from a bootstrap that draws whole groups, since photos
    of one group are not independent of each other: A. C. Davison, D. V. Hinkley, Bootstrap methods and their application (1997),
    section 3.8. Where all are right, or none, nothing can be drawn: then it is Wilson's of as many photos as there are groups.
    """
    total = len(right)
    if groups is None or not total:
        return wilson(int(right.sum()), total)
    _, number = np.unique(groups.astype(str), return_inverse=True)
    photos = np.bincount(number)
    hits = np.bincount(number, weights=right)
    if hits.sum() in (0, total):
        return wilson(len(photos) if hits.sum() else 0, len(photos))
    drawn = np.random.default_rng(0).integers(0, len(photos), (DRAWS, len(photos)))
    shares = hits[drawn].sum(axis=1) / photos[drawn].sum(axis=1)
    low, high = np.quantile(shares, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def with_ranges(history: pd.DataFrame, val_photos: int) -> pd.DataFrame:
    """`history.csv` with the 95% range of the validation accuracy: val_low, val_high (Wilson)."""
    ranges = [wilson(round(share * val_photos), val_photos) for share in history["val_accuracy"]]
    return history.assign(val_low=[low for low, _ in ranges], val_high=[high for _, high in ranges])


def of_counts(table: pd.DataFrame) -> pd.DataFrame:
    """A table with columns correct and photos, and behind them right, low and high: the share and its 95% range (Wilson)."""
    ranges = [
        wilson(int(correct), int(photos)) for correct, photos in zip(table["correct"], table["photos"], strict=True)
    ]
    shares = {
        "right": table["correct"] / table["photos"],
        "low": [low for low, _ in ranges],
        "high": [high for _, high in ranges],
    }
    place = list(table.columns).index("correct") + 1
    return pd.concat([table.iloc[:, :place], pd.DataFrame(shares, index=table.index), table.iloc[:, place:]], axis=1)


def mcnemar(before: pd.Series, after: pd.Series) -> dict[str, float | int]:
    """Exact McNemar test on the same photos judged twice (True: right).

    Returns fixed (wrong, then right), broken (right, then wrong) and p_value (two-sided exact binomial on the photos
    that changed; 1.0 when none did). Q. McNemar, Psychometrika 12 (1947).
    """
    from scipy.special import bdtr  # scipy.stats.binomtest takes half a second to import

    fixed = int((~before & after).sum())
    broken = int((before & ~after).sum())
    p_value = min(1.0, 2 * float(bdtr(min(fixed, broken), fixed + broken, 0.5)))
    return {"fixed": fixed, "broken": broken, "p_value": p_value}
