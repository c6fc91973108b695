"""How far a rate from few photos can be trusted, and whether two rates differ by more than chance."""

import pandas as pd
from scipy.stats import binomtest

CONFIDENCE = 0.95


def wilson(correct: int, total: int) -> tuple[float, float]:
    """95% Wilson score interval of a rate, as shares; (nan, nan) without photos.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927), by scipy.
    """
    if total == 0:
        return float("nan"), float("nan")
    interval = binomtest(int(correct), int(total)).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar(before: pd.Series, after: pd.Series) -> dict[str, float | int]:
    """Exact McNemar test on the same photos judged twice (True: right).

    Returns fixed (wrong, then right), broken (right, then wrong) and p_value (two-sided exact binomial on the photos
    that changed; 1.0 when none did). Q. McNemar, Psychometrika 12 (1947).
    """
    fixed = int((~before & after).sum())
    broken = int((before & ~after).sum())
    p_value = float(binomtest(fixed, fixed + broken).pvalue) if fixed + broken else 1.0
    return {"fixed": fixed, "broken": broken, "p_value": p_value}
