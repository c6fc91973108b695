"""Is the promise kept where the model works: at most so many wrong ones among the accepted answers. The test may be looked at
after every label.

For a share of wrong answers of at most the target, the likelihood of what was seen under larger shares, beside that under the
target, is a supermartingale; its mean over a prior is one too, and by Ville's inequality (J. Ville, Étude critique de la notion
de collectif, 1939) it exceeds 1 / alpha ever with a probability of at most alpha. So with the mixtures of H. Robbins, Statistical
methods related to the law of the iterated logarithm, Annals of Mathematical Statistics 41 (1970); for shares: I. Waudby-Smith,
A. Ramdas, Estimating means of bounded random variables by betting, JRSS B 86 (2024).
"""

from math import ceil, log
from typing import Any

import numpy as np
import pandas as pd

from boatlib.policy import Policy

KEPT, BROKEN, OPEN = "kept", "broken", "open"
ALL = ""  # in `answer`: all answers together
COLUMNS = ["answer", "state", "since", "judged", "wrong", "share", "low", "high"]


def evidence(wrong: np.ndarray, target: float, of: str) -> np.ndarray:
    """Log of the evidence that more than `target` are wrong (of: BROKEN), or fewer (KEPT), after each answer: float64 [answers].

    wrong: bool, in the order in which the labels came. The prior is a beta distribution beyond the target, or below it.
    """
    from scipy.special import betainc, betaincc, betaln

    counts, seen = np.cumsum(wrong), np.arange(1, len(wrong) + 1)
    a, b, part = (1.0, max(1.0, 0.2 / target), betaincc) if of == BROKEN else (1.0, 1.0 / target, betainc)
    with np.errstate(divide="ignore"):
        mixed = betaln(counts + a, seen - counts + b) + np.log(part(counts + a, seen - counts + b, target))
    prior = betaln(a, b) + log(part(a, b, target))
    return np.asarray(mixed - prior - counts * log(target) - (seen - counts) * log(1 - target))


def sequence_range(wrong: int, judged: int, target: float, certainty: float) -> tuple[float, float]:
    """Where the share of wrong answers lies, with this certainty at all times together: the shares that the mixture over a beta
    prior has not ruled out; (0, 1) before the first label.
    """
    from scipy.optimize import brentq
    from scipy.special import betaln

    if not judged:
        return 0.0, 1.0
    a, b = 1.0, max(1.0, 0.5 / target)
    least = log(1 - certainty) + betaln(wrong + a, judged - wrong + b) - betaln(a, b)

    def above(share: float) -> float:
        return float(wrong * log(share) + (judged - wrong) * log(1 - share) - least)

    middle, tiny = min(max(wrong / judged, 1e-9), 1 - 1e-9), 1e-9
    low = 0.0 if not wrong or above(tiny) > 0 else float(brentq(above, tiny, middle))
    high = 1.0 if wrong == judged or above(1 - tiny) > 0 else float(brentq(above, middle, 1 - tiny))
    return low, high


def judge(labels: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Columns COLUMNS, a row for all accepted answers (answer ALL) and one for each answer that was judged: state, and since
    when.

    labels: columns answer, wrong, day (ISO), in the order in which the labels came. The whole error of 1 - certainty is shared:
    half of it for all answers together, half for the single ones. Where nothing is promised, all stay OPEN.
    """
    names = [ALL, *sorted(set(labels["answer"]))]
    rows = []
    for name in names:
        own = labels if name == ALL else labels[labels["answer"] == name]
        error = (1 - policy.certainty) / 2 / (1 if name == ALL else len(names) - 1)
        rows.append({"answer": name, **_judge(own, policy.target_error, error)})
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table if policy.promises else table.assign(state=OPEN, since="")


def _judge(labels: pd.DataFrame, target: float, error: float) -> dict[str, Any]:
    wrong = labels["wrong"].to_numpy(bool)
    low, high = sequence_range(int(wrong.sum()), len(wrong), target, 1 - error)
    told = {"judged": len(wrong), "wrong": int(wrong.sum()), "share": wrong.mean() if len(wrong) else np.nan}
    told |= {"low": low, "high": high}
    for state in (BROKEN, KEPT):
        crossed = np.flatnonzero(evidence(wrong, target, state) >= log(1 / error))
        if len(crossed):
            return {"state": state, "since": labels["day"].iloc[crossed[0]], **told}
    return {"state": OPEN, "since": "", **told}


def needed(target: float, certainty: float, times: float = 3.0) -> tuple[int, int]:
    """How many labels a decision about all answers takes: until it is kept, where none is wrong; until it is broken, where
    `times` the target are (in the mean).
    """
    bound = log(2 / (1 - certainty))
    most = ceil(40 / target)
    kept = int(np.argmax(evidence(np.zeros(most, bool), target, KEPT) >= bound)) + 1
    wrong = np.floor(np.arange(1, most + 1) * times * target) > np.floor(np.arange(most) * times * target)
    return kept, int(np.argmax(evidence(wrong, target, BROKEN) >= bound)) + 1
