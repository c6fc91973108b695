"""What to do with an answer: use it, check it, or take it for none; in words, and as a table."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.messages import gettext as _
from boatlib.messages import ngettext
from boatlib.policy import CHECK, UNKNOWN, USE, Policy
from boatlib.results.policy import ALL
from boatlib.shares import percent
from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.words import errors

MOST = 12  # answers with rows of their own, whatever was wrong


def words(judged: Mapping[str, Any]) -> str:
    """What happens to 1,000 photos, and how many of the answers that nobody checks are wrong. judged: `results.policy.judged`."""
    if not judged["used"]:
        return f"{_('Let a person check every answer.')} {why_none(judged)}"
    unknown, unsure = judged["unknown_per_1000"], judged["check_per_1000"]
    text = _(
        "Of {all} photos like these, use about {alone} answers unchecked; in the test, wrong among them were "
        "{wrong}. A person looks at "
        "the others: {unsure} of which the model is unsure, {unknown} called unfamiliar.",
        all=1000, alone=judged["use_per_1000"], unsure=unsure, unknown=unknown,
        wrong=errors(judged["wrong"], judged["used"], judged["wrong_high"]),
    )  # fmt: skip
    return " ".join([text, _drawn(judged), *_borne_out(judged)])


def _borne_out(judged: Mapping[str, Any]) -> list[str]:
    """Whether the test bears the promise out; nothing where it does."""
    if judged["rule"] != "target" or judged["wrong"] <= judged["target_error"] * judged["used"]:
        return []
    if judged["wrong_low"] > judged["target_error"]:
        return [
            _(
                "The test shows more errors than that: the photos that drew the line were not like those of "
                "the test. Do not count on it."
            )
        ]
    return [_("The test saw more, by no more than chance can explain.")]


def _drawn(judged: Mapping[str, Any]) -> str:
    if judged["rule"] == "cost":
        return _("This line is the cheapest for the costs that were given.")
    return _("Other photos drew this line: {promise}.", promise=_promise(judged))


def _promise(judged: Mapping[str, Any]) -> str:
    return _(
        "with {certainty} certainty at most {target} of the unchecked answers are wrong",
        certainty=percent(judged["certainty"], 0), target=_target(judged),
    )  # fmt: skip


def _target(judged: Mapping[str, Any]) -> str:
    return percent(judged["target_error"], 1 if judged["target_error"] < 0.01 else 0)


def why_none(judged: Mapping[str, Any]) -> str:
    """Why no answer stands alone."""
    if judged["rule"] == "cost":
        return _("That is cheapest for the costs that were given.")
    target = _target(judged)
    if not judged["needed"]:
        return _(
            "Also among its surest answers more than {target} are wrong, or too many to tell. A better model "
            "would help, or a higher "
            "review.target_error; more photos to draw a line by would not.",
            target=target,
        )  # fmt: skip
    return _(
        "The photos that draw a line are too few to promise that at most {target} of the used answers are "
        "wrong. About {needed} more "
        "could, if as few answers are wrong as now.",
        target=target, needed=judged["needed"],
    )  # fmt: skip


def drawn_by(judges: pd.DataFrame, in_series: bool) -> Html:
    """Which photos will draw the lines. judges: `results.policy.judges`; in_series: whether look-alikes were kept together."""
    right = int((judges["predicted"] == judges["label"]).sum())
    how = " Photos come in series here, so look-alikes were kept together, and only training photos count." * in_series
    return paragraph(
        f"{len(judges):,} photos will draw the lines, each judged by what has not learnt from it: {right:,} are named rightly."
        f"{how}"
    )


def promised(policy: Policy, judged: Mapping[str, Any]) -> Html:
    """The lines, where they are drawn. judged: by the photos that drew them."""
    if not policy.uses_any:
        return paragraph(f"Every answer is checked by a person: {why_none(judged)}")
    own = [f"{name} {percent(line)}" for name, line in policy.lines.items() if name and line <= 1]
    common = policy.line("")
    lines = [f"{'all others ' if own else ''}{percent(common)}"] if common <= 1 else []
    why = _drawn(judged) if judged["rule"] == "cost" else f"So {_promise(judged)}."
    return paragraph(
        f"An answer is used from this confidence on: {', '.join([*own, *lines])}. Of the {judged['photos']:,} photos that drew "
        f"the lines {judged['used']:,} are used, {judged['checked']:,} checked, {judged['unknown']:,} called unfamiliar; wrong "
        f"among the used are {errors(judged['wrong'], judged['used'], judged['wrong_high'])}. {why}"
    )


def kept(judged: Mapping[str, Any]) -> Html:
    """What the lines promise, and whether the test bears it out."""
    if not judged["used"]:
        return paragraph(why_none(judged))
    return paragraph(" ".join([_drawn(judged), *_borne_out(judged)]))


def table(rows: pd.DataFrame, policy: Policy) -> Html:
    """One row for each answer: what is done with it, and what was wrong. rows: `results.policy.table`. Of more than MOST answers,
    those without an error stand in one row.
    """
    does = {USE: _("accepted"), CHECK: _("unsure: checked"), UNKNOWN: _("unfamiliar: checked")}
    counts = rows.set_index(["answer", "action"])[["judged", "right"]].unstack(fill_value=0).astype(int)
    judged, right = (counts[column].reindex(columns=list(does), fill_value=0) for column in ("judged", "right"))
    names = [name for name in rows["answer"].unique() if name != ALL]
    quiet = [name for name in names if judged.loc[name, USE] == right.loc[name, USE]] if len(names) > MOST else []
    groups = [(ALL, [ALL]), *((name, [name]) for name in names if name not in quiet)]
    groups += [(ngettext("{number} other", "the other {number}", len(quiet)), quiet)] if quiet else []
    photos, shown = judged.loc[ALL].sum(), []
    for title, own in groups:
        of = judged.loc[own].sum()
        each = {action: round(1000 * of[action] / photos) for action in does}
        if title == ALL:
            each[CHECK] = 1000 - each[USE] - each[UNKNOWN]
        used, wrong = of[USE], of[USE] - right.loc[own, USE].sum()
        line = _line(policy, own[0]) if len(own) == 1 else ""
        each = {does[action]: count for action, count in each.items()}
        shown.append(
            {
                _("the model says"): _("all answers") if title == ALL else title,
                _("accepted from"): line,
                **each,
                _("wrong of the accepted"): _("{some} of {of}", some=wrong, of=used) if used else "–",
            }
        )
    table = pd.DataFrame(shown)
    title = _("What becomes of each answer, of {all} photos", all=1000)
    if len(policy.lines) == 1:
        table = table.drop(columns=_("accepted from"))
        line = _line(policy, names[0])
        title += "; " + (
            _("accepted from {line} confidence on", line=line) if policy.uses_any else _("all are checked")
        )
    return tables.table(table, title, dict.fromkeys(does.values(), tables.number))


def _line(policy: Policy, answer: str) -> str:
    line = policy.line(answer)
    return _("never") if line > 1 else "" if answer == ALL and len(policy.lines) > 1 else percent(line, 0)
