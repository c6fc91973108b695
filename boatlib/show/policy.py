"""What to do with an answer: use it, check it, or take it for none; in words, and as a table."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.policy import CHECK, UNKNOWN, USE, Policy
from boatlib.results.policy import ALL
from boatlib.shares import percent
from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.words import errors

DOES = {USE: "use it", CHECK: "a person checks it", UNKNOWN: "a person looks: unlike what was taught"}


def words(judged: Mapping[str, Any]) -> str:
    """What happens to 1,000 photos, and how many of the answers that nobody checks are wrong. judged: `results.policy.judged`."""
    if not judged["used"]:
        return f"Let a person check every answer: {_why_none(judged)}"
    unknown = judged["unknown_per_1000"]
    people = judged["check_per_1000"] + unknown
    text = (
        f"Of 1,000 photos like these, use the answers to about {judged['use_per_1000']:,} as they are; wrong among "
        f"{judged['used']:,} such answers in the test: {errors(judged['wrong'], judged['used'], judged['wrong_high'])}. "
        f"A person looks at the other {people:,}"
    )
    if unknown:
        text += f", of them {unknown:,} because they are unlike what the model was taught"
    text += f". {_drawn(judged)}"
    if judged["rule"] == "target" and judged["wrong_low"] > judged["target_error"]:
        text += " The test shows more errors than that: the photos that drew the line were not like those of the test."
    return text


def _drawn(judged: Mapping[str, Any]) -> str:
    if judged["rule"] == "cost":
        return "This line is the cheapest for the costs that were given."
    return (
        f"The line was drawn on other photos, so that with {percent(judged['certainty'], 0)} certainty at most "
        f"{percent(judged['target_error'], 1 if judged['target_error'] < 0.01 else 0)} of the used answers are wrong."
    )


def _why_none(judged: Mapping[str, Any]) -> str:
    if judged["rule"] == "cost":
        return "that is cheapest for the costs that were given."
    target = percent(judged["target_error"], 1 if judged["target_error"] < 0.01 else 0)
    if not judged["needed"]:
        return (
            f"also among its surest answers more than {target} are wrong, or too many to tell. More photos to draw a line "
            "by would not help; a better model would, or a higher review.target_error."
        )
    return (
        f"the validation photos are too few to promise that at most {target} of the used answers are wrong. About "
        f"{judged['needed']:,} more of them could, if as few answers are wrong as now."
    )


def promised(policy: Policy, judged: Mapping[str, Any]) -> Html:
    """The lines, where they are drawn. judged: by the photos that drew them."""
    if not policy.uses_any:
        return paragraph(f"Every answer is checked by a person: {_why_none(judged)}")
    own = [f"{name} {percent(line)}" for name, line in policy.lines.items() if name and line <= 1]
    common = policy.line("")
    lines = [f"{'all others ' if own else ''}{percent(common)}"] if common <= 1 else []
    return paragraph(
        f"An answer is used from this confidence on: {', '.join([*own, *lines])}. Of the {judged['photos']:,} validation photos "
        f"{judged['used']:,} are used (wrong: {errors(judged['wrong'], judged['used'], judged['wrong_high'])}), "
        f"{judged['checked']:,} checked, {judged['unknown']:,} called unfamiliar. {_drawn(judged)}"
    )


def table(rows: pd.DataFrame, policy: Policy) -> Html:
    """One row for each answer: what is done with it, from which confidence, and what was wrong. rows: `results.policy.table`."""
    wide = rows.pivot_table(
        index="answer", columns="action", values=["per_1000", "judged", "right"], sort=False, fill_value=0
    )
    wide = wide.reindex(rows["answer"].unique())
    shown = []
    for name, row in wide.iterrows():
        per_1000 = {action: round(float(row.get(("per_1000", action), 0))) for action in (USE, CHECK, UNKNOWN)}
        used, right = (int(row.get((column, USE), 0)) for column in ("judged", "right"))
        line = policy.line(str(name))
        shown.append(
            {
                "the model says": name,
                "use it from": ""
                if name == ALL and len(policy.lines) > 1
                else f"{percent(line)} sure"
                if line <= 1
                else "never",
                "used, of 1,000 photos": per_1000[USE],
                "checked": per_1000[CHECK],
                "unlike what was taught": per_1000[UNKNOWN],
                "wrong among the used": f"{used - right} of {used}" if used else "–",
            }
        )
    numbers = ("used, of 1,000 photos", "checked", "unlike what was taught")
    return tables.table(pd.DataFrame(shown), "What to do with each answer", dict.fromkeys(numbers, tables.number))
