"""Which answers may stand alone: lines that keep a promise, drawn on validation photos and judged on test photos."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from boatlib.order import natural
from boatlib.params import Review
from boatlib.policy import ACTIONS, CHECK, COMMON, NEVER, UNKNOWN, USE, Policy
from boatlib.results.intervals import over_groups

ALL = "all answers"
JUDGES = ["label", "predicted", "confidence", "unfamiliarity", "group"]
COLUMNS = ["answer", "action", "per_1000", "right", "judged"]
ENOUGH = 3  # times as many photos as an answer without any error needs: then it gets a line of its own


def familiar_to(predictions: pd.DataFrame, refuse: float) -> float:
    """The unfamiliarity that a share of `refuse` of these photos reaches, which do show one of the classes."""
    return float(np.quantile(predictions["unfamiliarity"], 1 - refuse, method="higher"))


def judges(
    validation: pd.DataFrame, teaching: pd.DataFrame, groups: tuple[pd.Series, pd.Series], alike: pd.Series | None
) -> pd.DataFrame:
    """The photos that draw the lines, columns JUDGES: those of validation and, where there are any, those that taught. Where
    look-alikes matter, only the latter: they alone were kept from their like (alike: `elsewhere.in_series`).

    validation, teaching: predictions; groups: of both.
    """
    answers = pd.concat([validation, teaching], ignore_index=True)
    group = pd.concat(groups, ignore_index=True)[: len(answers)]
    if alike is not None and len(teaching):
        answers, group = teaching.reset_index(drop=True), alike[: len(teaching)].reset_index(drop=True)
    return answers.assign(group=group.astype(str))[JUDGES]


def draw(judges: pd.DataFrame, settings: Review, unfamiliar_from: float) -> Policy:
    """Lines for the answers of a model. judges: answers to photos that it has not learnt from; those of one group count as one
    photo; unfamiliar_from: `familiar_to`.

    Photos beyond that are called unfamiliar, whatever the answer. Where costs are given, the cheapest line
    for all answers; otherwise lines so that of the answers used at most `target_error` are wrong, with `certainty` (`_line`).
    An answer given to enough photos has a line of its own, the others have one together; the doubt that is left is shared evenly.
    """
    known = judges[(judges["unfamiliarity"] < unfamiliar_from).to_numpy()]
    told: dict[str, Any] = settings.model_dump(include={"target_error", "certainty"}) | {"familiar_to": unfamiliar_from}
    if settings.cost_of_error:
        return Policy(
            {COMMON: cheapest_line(known, settings.cost_of_error, settings.cost_of_check)}, rule="cost", **told
        )
    alike = len(known) / max(1, known["group"].nunique())
    doubt, target = 1 - settings.certainty, settings.target_error
    own = _with_own_line(known["predicted"], alike, target, doubt)
    of = known["predicted"].where(known["predicted"].isin(own), COMMON)
    doubt /= max(1, of.nunique())
    lines = {COMMON: NEVER} | {str(name): _line(part, alike, target, doubt) for name, part in known.groupby(of)}
    needed = 0 if min(lines.values()) <= 1 else _needed(known, alike, target, doubt)
    return Policy(lines, needed=needed, **told)


def _line(predictions: pd.DataFrame, alike: float, target: float, doubt: float) -> float:
    """The lowest confidence from which at most `target` of the answers are wrong, but for a doubt; NEVER where there is none.

    The surest answers are tested against the target by an exact binomial test; then more and more of them, until a test fails.
    So only one test decides, and all of `doubt` is its own (fixed sequence testing: A. N. Angelopoulos et al., Learn then test,
    2021; selective risk: Y. Geifman, R. El-Yaniv, Selective classification for deep neural networks, NIPS 2017, who share the
    doubt among log2(n) tests). The first number of answers is the one for which the confidences alone, without the labels,
    promise most. alike: photos for each independent one; where photos come in groups, so many count as one.
    """
    counts, wrong, sure = _from_the_surest(predictions)
    able = np.flatnonzero(counts / alike >= fewest(target, doubt))
    if not len(able):
        return NEVER
    expected = np.cumsum(1 - np.sort(predictions["confidence"])[::-1])[counts - 1]
    start = able[int(np.argmin(_chance(expected[able] / alike, counts[able] / alike, target)))]
    passed = _chance(wrong / alike, counts / alike, target) <= doubt
    end = start
    while end < len(counts) and passed[end]:
        end += 1
    return float(sure[end - 1]) if end > start else NEVER


def _from_the_surest(predictions: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each confidence that occurs, the highest first: photos at or above it, wrong answers among them, and itself."""
    wrong = predictions["predicted"] != predictions["label"]
    each = wrong.groupby(predictions["confidence"]).agg(["count", "sum"]).sort_index(ascending=False)
    sums = each.cumsum()
    return sums["count"].to_numpy(), sums["sum"].to_numpy(), each.index.to_numpy(dtype=np.float64)


def _chance(wrong: np.ndarray, photos: np.ndarray, share: float) -> np.ndarray:
    """The probability of at most so many wrong answers if a `share` of all were wrong (binomial; also between whole numbers)."""
    from scipy.special import betainc

    return np.asarray(np.where(wrong < photos, betainc(np.maximum(photos - wrong, 1e-9), wrong + 1, 1 - share), 1.0))


def fewest(target: float, doubt: float) -> int:
    """Photos without any wrong answer that show a share of errors to be below `target`, but for a doubt."""
    return int(np.ceil(np.log(doubt) / np.log1p(-target)))


def _with_own_line(answers: pd.Series, alike: float, target: float, doubt: float) -> list[str]:
    """The answers that are given often enough for lines of their own; the others must be enough for one together, or none."""
    common = Counter(answers).most_common()
    for own in range(len(common), 0, -1):
        needed = alike * fewest(target, doubt / (own + 1))
        rest = sum(count for _, count in common[own:])
        if common[own - 1][1] >= ENOUGH * needed and (not rest or rest >= needed):
            return [str(name) for name, _ in common[:own]]
    return []


def _needed(predictions: pd.DataFrame, alike: float, target: float, doubt: float) -> int:
    """Further photos, to two digits, with which a line could be drawn if as few answers are wrong as here; 0: none would do."""
    counts, wrong, _ = _from_the_surest(predictions)
    total = len(predictions)
    for times in np.geomspace(1, 100, 200):
        if (_chance(wrong * times / alike, counts * times / alike, target) <= doubt).any():
            return max(1, int(float(f"{np.ceil(total * times) - total:.2g}")))
    return 0


def cheapest_line(predictions: pd.DataFrame, cost_of_error: float, cost_of_check: float) -> float:
    """The confidence below which checking a photo is worth its cost: the one with the lowest cost on these photos; among equals
    the lowest (least work). 0: check none; NEVER: check all.

    predictions: of photos that neither taught the model nor will judge it.
    """
    order = predictions.sort_values("confidence")
    wrong = (order["predicted"] != order["label"]).to_numpy()
    lines = np.append(order["confidence"].to_numpy(), NEVER)
    lines[0] = 0.0
    checks = np.searchsorted(order["confidence"], lines)  # photos below each
    errors = np.append(wrong[::-1].cumsum()[::-1], 0)[checks]
    return float(lines[int(np.argmin(checks * cost_of_check + errors * cost_of_error))])


def cost(actions: np.ndarray, right: np.ndarray, cost_of_error: float, cost_of_check: float) -> float:
    """What 100 photos cost when all but those in USE are checked, and whoever checks makes no mistake."""
    used = actions == USE
    return float(100 * ((~used).sum() * cost_of_check + (used & ~right).sum() * cost_of_error) / len(actions))


def table(policy: Policy, predictions: pd.DataFrame) -> pd.DataFrame:
    """What happens to the answers: columns COLUMNS, a row for each answer and action that occurs, all answers together first.

    per_1000: photos of 1,000 like these; right, judged: of the photos here.
    """
    actions = policy.actions(predictions)
    right = (predictions["predicted"] == predictions["label"]).to_numpy()
    each = pd.DataFrame({"answer": predictions["predicted"].to_numpy(), "action": actions, "right": right, "judged": 1})
    rows = pd.concat(
        [part.groupby(["answer", "action"], as_index=False).sum() for part in (each.assign(answer=ALL), each)]
    )
    rows["per_1000"] = (1000 * rows["judged"] / max(1, len(each))).round(1)
    places = {name: place for place, name in enumerate([ALL, *natural(set(each["answer"]))])}
    order = sorted(
        range(len(rows)), key=lambda n: (places[rows["answer"].iloc[n]], ACTIONS.index(rows["action"].iloc[n]))
    )
    return rows[COLUMNS].astype({"right": int, "judged": int}).iloc[order].reset_index(drop=True)


def judged(policy: Policy, predictions: pd.DataFrame, groups: np.ndarray | None = None) -> dict[str, Any]:
    """A policy in figures, judged by photos that had no say in it: how many of 1,000 photos are used, checked and unknown; used,
    wrong (photos among those judged), wrong_low, wrong_high (95% range of the share, `over_groups`; 0 to 1 without photos).

    groups: of each photo, where photos are not independent.
    """
    actions = policy.actions(predictions)
    used = actions == USE
    right = (predictions["predicted"] == predictions["label"]).to_numpy()[used]
    low, high = over_groups(right, None if groups is None else groups[used]) if used.any() else (0.0, 1.0)
    per_1000 = {action: round(1000 * float((actions == action).mean())) for action in (USE, UNKNOWN)}
    return {
        "rule": policy.rule,
        "target_error": policy.target_error,
        "certainty": policy.certainty,
        "needed": policy.needed,
        "lines": policy.lines,
        "use_per_1000": per_1000[USE],
        "check_per_1000": 1000 - sum(per_1000.values()),
        "unknown_per_1000": per_1000[UNKNOWN],
        "photos": len(actions),
        "used": int(used.sum()),
        "checked": int((actions == CHECK).sum()),
        "unknown": int((actions == UNKNOWN).sum()),
        "wrong": int((~right).sum()),
        "wrong_low": 1 - high,
        "wrong_high": 1 - low,
    }
