"""The record behind the decision brief: every figure and every decision of its page, PDF, mail and list of runs, without
words.

One row for each answer that the model gives says what becomes of it; the verdict, what the model is for and what comes next
follow from these rows and from the tables of the run.
"""

from collections.abc import Collection, Mapping
from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from boatlib.policy import USE, Policy
from boatlib.results import learning_curve
from boatlib.results.class_verdicts import NOT_YET, PROMISING, UNJUDGED
from boatlib.results.intervals import CHANCE
from boatlib.results.policy import fewest
from boatlib.results.unknown import BACKGROUND, LEFT_OUT, NEVER_TAUGHT

# decisions; the last two are two reasons for "not yet": the test broke the promise, or a rule that sees no picture does as well
ALONE, WITH_CHECKS, CHECK_ALL, BROKEN, BLIND = "use", "use with checks", "check all", "promise broken", "proves nothing"
# classes: what the model is for, what it is weak at, what too few photos have shown
FINE, WEAK, UNPROVEN = "fine", "weak", "unproven"
# why a class is weak
SHORTCUT, NO_LINE, SELDOM, MISSED, UNTRUE = "shortcut", "no line", "seldom sure", "missed", "untrue"
MOSTLY = 0.5  # share of the answers with a name that stand alone, from which on the model is for this class
EXAMPLES = 3  # photos that were named rightly, and wrongly
STEPS = 3  # things to do next
WITHIN_REACH = 5  # times the test photos: so many more may be asked for, to draw a line by


def answers(verdicts: pd.DataFrame, predictions: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """What becomes of each answer, a row a class: answer, group (FINE, WEAK, UNPROVEN), why (of WEAK: one of those above),
    dependable (the class's verdict); photos, found, low, high (test photos of the class, those named rightly, 95% range of
    their share); given, used, used_wrong (answers with its name, those of them that stand alone, the wrong ones among these).

    verdicts: `class_verdicts`; predictions: of the test photos.
    """
    used = policy.actions(predictions) == USE
    wrong = (predictions["predicted"] != predictions["label"]).to_numpy()
    own = pd.DataFrame({"answer": predictions["predicted"].to_numpy(), "used": used, "used_wrong": used & wrong})
    counts = own.groupby("answer").sum().reindex(verdicts["class"], fill_value=0).astype(int)
    columns = {"class": "answer", "verdict": "dependable", "test": "photos", "correct": "found"}
    columns |= {"top1_low": "low", "top1_high": "high", "answers": "given"}
    rows = verdicts.rename(columns=columns)
    rows = rows.assign(used=counts["used"].to_numpy(), used_wrong=counts["used_wrong"].to_numpy())
    weak = [_weakness(row, policy) for row in rows.rename(columns={"why": "too_low"}).to_dict("records")]
    unproven = rows["dependable"].isin([PROMISING, UNJUDGED])
    group = [WEAK if why else UNPROVEN if few else FINE for why, few in zip(weak, unproven, strict=True)]
    rows = rows.assign(group=group, why=weak)
    return rows[
        ["answer", "group", "why", "dependable", "photos", "found", "low", "high", "given", "used", "used_wrong"]
    ]


def _weakness(row: Mapping[str, Any], policy: Policy) -> str:
    """Why a class is weak; "" where it is not, as far as is known."""
    if row["too_low"] == "shortcut":
        return SHORTCUT
    if row["dependable"] == NOT_YET:
        return MISSED if row["too_low"] == "found" else UNTRUE
    if not policy.uses_any or not row["given"]:
        return ""
    if policy.line(row["answer"]) > 1:
        return NO_LINE
    return SELDOM if row["used"] < MOSTLY * row["given"] else ""


def decision(judged: Mapping[str, Any], near: bool) -> str:
    """ALONE, WITH_CHECKS, CHECK_ALL, BROKEN or BLIND. judged: `results.policy.judged`; near: a rule that sees no picture
    comes near.
    """
    if near:
        return BLIND
    if not judged["used"]:
        return CHECK_ALL
    if judged["rule"] == "target" and judged["wrong_low"] > judged["target_error"]:
        return BROKEN
    return ALONE if judged["use_per_1000"] == 1000 else WITH_CHECKS


def strangers(unknown: pd.DataFrame) -> dict[str, Any]:
    """How photos of something else fare: left_out (what, photos, noticed), tried (classes left out in turn), least and most
    (share of their photos that is noticed). unknown: `unknown.csv`.
    """
    tried = unknown[unknown["kind"] == NEVER_TAUGHT]
    shares = (tried["noticed"] / tried["photos"]).tolist()
    real = unknown[unknown["kind"].isin([LEFT_OUT, BACKGROUND])]
    return {
        "left_out": real[["what", "photos", "noticed"]].to_dict("records"),
        "tried": len(tried),
        "least": min(shares, default=None),
        "most": max(shares, default=None),
    }


def steps(
    judged: Mapping[str, Any],
    near: bool,
    shortcut: Collection[str],
    suspects: int,
    forecasts: pd.DataFrame,
    verdicts: pd.DataFrame,
    search: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """What to do next, the most urgent first, STEPS at most; each with `what` and its figures.

    same_way (classes, maybe none): photos were made in different ways. try_own (photos): of the reader's own, as many as show
    that the promise holds there. draw (photos): more of them to draw a line by. labels (photos): in doubt. collect (classes):
    where twice as many photos are likely to help. minutes (minutes): of a longer search.
    """
    found: list[dict[str, Any]] = []
    if near or shortcut:
        found.append({"what": "same_way", "classes": list(shortcut)})
    if judged["used"]:
        enough = fewest(judged["target_error"], 1 - judged["certainty"]) * judged["photos"] / judged["used"]
        found.append({"what": "try_own", "photos": _rounded(enough)})
    elif 0 < judged["needed"] <= WITHIN_REACH * judged["photos"]:
        found.append({"what": "draw", "photos": judged["needed"]})
    if suspects:
        found.append({"what": "labels", "photos": suspects})
    worth = learning_curve.worth_collecting(forecasts, verdicts)
    if worth:
        found.append({"what": "collect", "classes": worth})
    if search["points"] is not None and search["needed"] is not None:
        found.append({"what": "minutes", "minutes": ceil(max(search["needed"], search["minutes"] + 1))})
    return found[:STEPS]


def _rounded(count: float) -> int:
    """A number of photos to two digits, upwards: nobody counts closer."""
    step = 10 ** max(0, len(str(ceil(count))) - 2)
    return int(ceil(count / step) * step)


def changed(last: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What changed since the last run of the name: photos that both judge by, fixed, broken, and whether that is more than
    chance; None for a first run. last: `comparison.against_last_run`.
    """
    if last is None or not last["photos"]:
        return None
    counts = {name: int(last[name]) for name in ("photos", "fixed", "broken")}
    return counts | {"proven": bool(last["p_value"] < CHANCE)}


def examples(predictions: pd.DataFrame, policy: Policy) -> tuple[pd.DataFrame, pd.DataFrame]:
    """EXAMPLES photos that were named rightly, each of another class, and as many wrong ones: first those that nobody would have
    checked, then the surest. Both have the column action.
    """
    rows = predictions.assign(action=policy.actions(predictions))
    rows = rows.sort_values(["confidence", "photo"], ascending=[False, True])
    right = rows["predicted"] == rows["label"]
    good = rows[right & (rows["action"] == USE)] if (right & (rows["action"] == USE)).any() else rows[right]
    commonest = rows["label"].value_counts()
    good = good.drop_duplicates("label").assign(photos=lambda t: t["label"].map(commonest))
    good = good.sort_values(["photos", "label"], ascending=[False, True]).head(EXAMPLES)
    bad = rows[~right].assign(unseen=lambda t: t["action"] == USE).sort_values("unseen", ascending=False, kind="stable")
    bad = bad.drop_duplicates(["label", "predicted"])
    return good, bad.head(EXAMPLES)


def record(
    overall: Mapping[str, Any],
    table: pd.DataFrame,
    judged: Mapping[str, Any],
    elsewhere: Mapping[str, Any],
    near: bool,
    unknown: pd.DataFrame,
    left_out: list[str],
    next_steps: list[dict[str, Any]],
    last: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """All of it as `summary.json` keeps it. overall: `metrics.json`; table: `answers`; elsewhere: `elsewhere.json`; left_out:
    classes that were not taught; next_steps: `steps`; last: `comparison.against_last_run`.
    """
    rows = table.replace({np.nan: None}).to_dict("records")
    return {
        "decision": decision(judged, near),
        "policy": dict(judged),
        "answers": rows,
        "not_taught": left_out,
        "strangers": strangers(unknown),
        "elsewhere": {name: elsewhere[name] for name in ("differs", "apart", "low", "middle", "high")},
        "next": next_steps,
        "changed": changed(last),
    } | dict(overall)
