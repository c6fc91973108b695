"""How often a model will be right on photos without labels, as far as its confidence tells."""

from typing import Any

import numpy as np
import pandas as pd

from boatlib.results import drift

DRAWS = 500  # of the bootstrap
TOLD_APART = 0.8  # of pairs: where a classifier tells new photos from old ones so well, confidence is no guide
SIGN = 0.1  # p-value, not corrected, below which a difference of at least this much is a sign of something else
LEAST_SIGNS = {drift.UNFAMILIAR: 0.02, drift.ANSWERS: 0.05, drift.FEATURES: 0.55}


def share(confidence: np.ndarray, right: np.ndarray, new: np.ndarray) -> dict[str, float]:
    """The share of right answers to expect, and a range: middle, low, high.

    confidence, right: of the photos that judged; new: the confidence of the new ones. Two estimates, whose mean is the middle and
    both of whose 95% ranges (bootstrap over both sets) lie in the range: the share of answers above the confidence that as many
    of the known photos exceed as were named rightly (average thresholded confidence, S. Garg et al., Leveraging unlabeled data to
    predict out-of-distribution performance, ICLR 2022), and the accuracy on the known photos, less by how much the mean
    confidence fell (difference of confidences, D. Guillory et al., Predicting with confidence on unseen distributions, ICCV
    2021).
    """
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS):
        one, other = random.integers(0, len(right), len(right)), random.integers(0, len(new), len(new))
        drawn.append(_both(confidence[one], right[one], new[other]))
    ends = np.quantile(np.array(drawn), [0.025, 0.975], axis=0)
    found = _both(confidence, right, new)
    return {"middle": float(np.mean(found)), "low": float(ends[0].min()), "high": float(ends[1].max())}


def _both(confidence: np.ndarray, right: np.ndarray, new: np.ndarray) -> tuple[float, float]:
    line = np.quantile(confidence, 1 - right.mean())
    moved = right.mean() + new.mean() - confidence.mean()
    return float((new >= line).mean()), float(np.clip(moved, 0, 1))


def may_be_said(changes: pd.DataFrame) -> bool:
    """Whether the estimate may be shown: not where there is a sign, be it faint, of photos of something else, since of those a
    model is often sure, and not where the photos are plainly of another kind (benchmarks/new_photos.py). changes:
    `drift.compare`.
    """
    if changes.empty:
        return False
    rows = changes.set_index("what")
    signs = [
        rows.loc[what, "p_value"] < SIGN and rows.loc[what, "effect"] >= least for what, least in LEAST_SIGNS.items()
    ]
    return not any(signs) and bool(rows.loc[drift.FEATURES, "effect"] < TOLD_APART)


def record(changes: pd.DataFrame, confidence: np.ndarray, right: np.ndarray, new: np.ndarray) -> dict[str, Any]:
    """`share`, and whether it may be said."""
    told = may_be_said(changes)
    return {"said": told, **(share(confidence, right, new) if told else {})}
