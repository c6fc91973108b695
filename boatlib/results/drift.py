"""Has the world changed: are new photos like the test photos? Tests with a correction for looking many times."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from boatlib.photos.looks import LOOKS
from boatlib.results.intervals import CHANCE

UNFAMILIAR, CONFIDENCE, ANSWERS, FEATURES = "unfamiliar", "confidence", "answers", "features"
FEWEST = 20  # new photos, below which nothing is compared
MOST = 2000  # of them that are compared
DRAWS = 2000  # of a permutation
# what counts as a change, beside being more than chance: of many photos anything is
LEAST = {UNFAMILIAR: 0.05, CONFIDENCE: 0.1, ANSWERS: 0.1, FEATURES: 0.6}
LEAST_OF_LOOKS = 0.1
MANY = 0.3  # share of the photos of which something must be true to be said of them
OUTER = 0.05  # share of the test photos at either end, beyond which a look is unusual
COLUMNS = ["what", "before", "now", "effect", "p_value", "adjusted", "changed"]


class Seen(NamedTuple):
    """What is known of some photos: unfamiliar, bool [photos]; confidence, float [photos]; answers, places of classes, int64
    [photos]; looks (`looks.LOOKS`), [photos, 6]; features (`Familiarity.directions`), [photos, k].
    """

    unfamiliar: np.ndarray
    confidence: np.ndarray
    answers: np.ndarray
    looks: np.ndarray
    features: np.ndarray


def compare(before: Seen, now: Seen) -> pd.DataFrame:
    """Columns COLUMNS, a row for each thing that is compared, what changed most surely first; empty below FEWEST photos.

    before and now are means or medians (of answers the share of what was commonest); effect is, of unfamiliar photos, the
    difference of the shares; of confidence and looks the largest distance of the distributions (Kolmogorov and Smirnov); of
    answers the share that would have to be others (total variation); of features the share of pairs that a classifier tells apart
    (area under the curve; D. Lopez-Paz, M. Oquab, Revisiting classifier two-sample tests, ICLR 2017). adjusted: p-value after S.
    Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979). changed: more than
    chance, and at least LEAST.
    """
    if min(len(before.confidence), len(now.confidence)) < FEWEST:
        return pd.DataFrame(columns=COLUMNS)
    rows = [_shares(before.unfamiliar, now.unfamiliar), _numbers(CONFIDENCE, before.confidence, now.confidence)]
    rows += [_numbers(name, before.looks[:, n], now.looks[:, n]) for n, name in enumerate(LOOKS)]
    rows += [_mix(before.answers, now.answers), _told_apart(before.features, now.features)]
    table = pd.DataFrame(rows, columns=COLUMNS[:5])
    table["adjusted"] = holm(table["p_value"].to_numpy())
    least = table["what"].map(LEAST).fillna(LEAST_OF_LOOKS)
    table["changed"] = (table["adjusted"] < CHANCE) & (table["effect"] >= least)
    return table.sort_values(["changed", "adjusted"], ascending=[False, True], kind="stable", ignore_index=True)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjusted p-values, float64 [tests]."""
    order = np.argsort(p_values)
    steps = np.maximum.accumulate((len(p_values) - np.arange(len(p_values))) * p_values[order])
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, steps)
    return adjusted


def _shares(before: np.ndarray, now: np.ndarray) -> tuple[Any, ...]:
    """Only more unfamiliar photos than before are a change: Fisher's exact test, one-sided."""
    from scipy.stats import fisher_exact

    counts = [[int(now.sum()), int((~now).sum())], [int(before.sum()), int((~before).sum())]]
    p_value = float(fisher_exact(counts, alternative="greater").pvalue)
    return UNFAMILIAR, float(before.mean()), float(now.mean()), float(now.mean() - before.mean()), p_value


def _numbers(name: str, before: np.ndarray, now: np.ndarray) -> tuple[Any, ...]:
    from scipy.stats import ks_2samp

    before, now = before[np.isfinite(before)], now[np.isfinite(now)]
    if not len(before) or not len(now):
        return name, np.nan, np.nan, 0.0, 1.0
    found = ks_2samp(before, now)
    return name, float(np.median(before)), float(np.median(now)), float(found.statistic), float(found.pvalue)


def _mix(before: np.ndarray, now: np.ndarray) -> tuple[Any, ...]:
    """Answers by class: a permutation test of their total variation."""
    classes = int(max(before.max(), now.max())) + 1
    old, new = (np.bincount(values, minlength=classes) for values in (before, now))
    found = float(np.abs(old / len(before) - new / len(now)).sum() / 2)
    drawn = np.random.default_rng(0).multivariate_hypergeometric(old + new, len(now), DRAWS, method="marginals")
    apart = np.abs((old + new - drawn) / len(before) - drawn / len(now)).sum(axis=1) / 2
    beyond = int((apart >= found - 1e-12).sum())
    share = float(np.bincount(before, minlength=classes).max() / len(before))
    top = int(np.bincount(before, minlength=classes).argmax())
    return ANSWERS, share, float((now == top).mean()), found, (1 + beyond) / (1 + DRAWS)


def _told_apart(before: np.ndarray, now: np.ndarray) -> tuple[Any, ...]:
    """A classifier learns from one half which photos are new, and is judged by the other half (Mann and Whitney)."""
    from scipy.stats import mannwhitneyu
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    halves = [np.array_split(random.permutation(values), 2) for values in (before, now)]
    teach, judge = (np.concatenate([halves[0][n], halves[1][n]]) for n in (0, 1))
    new = np.repeat([False, True], [len(halves[0][0]), len(halves[1][0])])
    model = LogisticRegression(C=1.0, max_iter=200, class_weight="balanced").fit(teach, new)
    scores = model.decision_function(judge)
    old, fresh = scores[: len(halves[0][1])], scores[len(halves[0][1]) :]
    told = mannwhitneyu(fresh, old, alternative="greater")
    area = float(told.statistic / (len(fresh) * len(old)))
    return FEATURES, np.nan, np.nan, area, float(told.pvalue)


def range_of_area(area: float, old: int, new: int) -> tuple[float, float]:
    """95% range of an area under the curve of so many photos each: J. A. Hanley, B. J. McNeil, The meaning and use of the area
    under a receiver operating characteristic curve, Radiology 143 (1982).
    """
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    spread = (area * (1 - area) + (new - 1) * (one - area**2) + (old - 1) * (two - area**2)) / max(1, old * new)
    half = 1.96 * max(0.0, spread) ** 0.5
    return max(0.0, area - half), min(1.0, area + half)


def kinds(before: Seen, now: Seen) -> list[str]:
    """What is true of many new photos and of few before, the commonest first: the look with "-" or "+" behind it.

    An end is named where, beside OUTER, at least MANY of the new photos lie beyond where OUTER of the old ones do.
    """
    if len(now.looks) < FEWEST:
        return []
    found: dict[str, float] = {}
    for n, name in enumerate(LOOKS):
        old, new = before.looks[np.isfinite(before.looks[:, n]), n], now.looks[:, n]
        if len(old) >= FEWEST:
            low, high = np.quantile(old, [OUTER, 1 - OUTER])
            found |= {f"{name}-": float((new < low).mean()), f"{name}+": float((new > high).mean())}
    return [end for end, share in sorted(found.items(), key=lambda item: -item[1]) if share >= OUTER + MANY]
