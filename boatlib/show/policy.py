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

DOES = {USE: "used", CHECK: "unsure: checked", UNKNOWN: "unfamiliar: checked"}  # the columns of the table
MOST = 12  # answers with rows of their own, whatever was wrong


def words(judged: Mapping[str, Any]) -> str:
    """What happens to 1,000 photos, and how many of the answers that nobody checks are wrong. judged: `results.policy.judged`."""
    if not judged["used"]:
        return f"Let a person check every answer: {_why_none(judged)}"
    unknown, unsure = judged["unknown_per_1000"], judged["check_per_1000"]
    why = [f"{unknown:,} called unfamiliar"] if unknown else []
    why += [f"{unsure:,} of which the model is unsure"] if unsure else []
    text = (
        f"Of 1,000 photos like these, use about {judged['use_per_1000']:,} answers unchecked; in the test, wrong among them "
        f"were {errors(judged['wrong'], judged['used'], judged['wrong_high'])}. "
    )
    text += f"A person looks at the other {unknown + unsure:,}: {' and '.join(why)}. " if why else ""
    text += _drawn(judged)
    if judged["rule"] == "target" and judged["wrong"] > judged["target_error"] * judged["used"]:
        beyond = judged["wrong_low"] > judged["target_error"]
        text += (
            " The test shows more errors than that: the photos that drew the line were not like those of the test. Do not "
            "count on it."
            if beyond
            else " The test saw more, by no more than chance can explain."
        )
    return text


def _drawn(judged: Mapping[str, Any]) -> str:
    if judged["rule"] == "cost":
        return "This line is the cheapest for the costs that were given."
    return f"Other photos drew this line, so that {_promise(judged)}."


def _promise(judged: Mapping[str, Any]) -> str:
    return (
        f"with {percent(judged['certainty'], 0)} certainty at most "
        f"{percent(judged['target_error'], 1 if judged['target_error'] < 0.01 else 0)} of the unchecked answers are wrong"
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
        f"the photos that draw a line are too few to promise that at most {target} of the used answers are wrong. About "
        f"{judged['needed']:,} more of them could, if as few answers are wrong as now."
    )


def promised(policy: Policy, judged: Mapping[str, Any], series: bool = False) -> Html:
    """The lines, where they are drawn. judged: by the photos that drew them; series: whether look-alikes were kept together."""
    how = " Photos come in series here, so look-alikes were kept together, and the training photos alone drew." * series
    if not policy.uses_any:
        return paragraph(f"Every answer is checked by a person: {_why_none(judged)}{how}")
    own = [f"{name} {percent(line)}" for name, line in policy.lines.items() if name and line <= 1]
    common = policy.line("")
    lines = [f"{'all others ' if own else ''}{percent(common)}"] if common <= 1 else []
    why = _drawn(judged) if judged["rule"] == "cost" else f"So {_promise(judged)}."
    return paragraph(
        f"An answer is used from this confidence on: {', '.join([*own, *lines])}. Of the {judged['photos']:,} photos that drew "
        f"the lines {judged['used']:,} are used, {judged['checked']:,} checked, {judged['unknown']:,} called unfamiliar; wrong "
        f"among the used are {errors(judged['wrong'], judged['used'], judged['wrong_high'])}. {why}{how}"
    )


def table(rows: pd.DataFrame, policy: Policy) -> Html:
    """One row for each answer: what is done with it, and what was wrong. rows: `results.policy.table`. Of more than MOST answers,
    those without an error stand in one row.
    """
    counts = rows.set_index(["answer", "action"])[["judged", "right"]].unstack(fill_value=0).astype(int)
    judged, right = (counts[column].reindex(columns=list(DOES), fill_value=0) for column in ("judged", "right"))
    names = [name for name in rows["answer"].unique() if name != ALL]
    quiet = [name for name in names if judged.loc[name, USE] == right.loc[name, USE]] if len(names) > MOST else []
    groups = [(ALL, [ALL]), *((name, [name]) for name in names if name not in quiet)]
    groups += [(f"the other {len(quiet)}", quiet)] if quiet else []
    photos, shown = judged.loc[ALL].sum(), []
    for title, own in groups:
        of = judged.loc[own].sum()
        each = {action: round(1000 * of[action] / photos) for action in DOES}
        if title == ALL:
            each[CHECK] = 1000 - each[USE] - each[UNKNOWN]
        used, wrong = of[USE], of[USE] - right.loc[own, USE].sum()
        line = _line(policy, own[0]) if len(own) == 1 else ""
        each = {DOES[action]: count for action, count in each.items()}
        shown.append(
            {
                "the model says": title,
                "used from": line,
                **each,
                "wrong among the used": f"{wrong} of {used}" if used else "–",
            }
        )
    table = pd.DataFrame(shown)
    title = "What to do with each answer, of 1,000 photos"
    if len(policy.lines) == 1:
        title += f"; used from {_line(policy, names[0])} confidence on" if policy.uses_any else "; all are checked"
        table = table.drop(columns="used from")
    note = "Dependable is said of a class, over all of its photos; this table is about single answers."
    return tables.table(table, title, dict.fromkeys(DOES.values(), tables.number)) + paragraph(note, "note")


def _line(policy: Policy, answer: str) -> str:
    line = policy.line(answer)
    return "never" if line > 1 else "" if answer == ALL and len(policy.lines) > 1 else percent(line)
