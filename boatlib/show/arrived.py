"""The page about new photos: what they are, who must look at what, whether the world has changed, and whether the promise holds.

Every word comes from one record (`results.arrived.record`).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from boatlib.messages import gettext as _
from boatlib.messages import in_digits, ngettext, on_the_day
from boatlib.params import Share
from boatlib.policy import CHECK, UNKNOWN, USE
from boatlib.results import acceptance, drift
from boatlib.results.arrived import (
    AS_USUAL,
    BROKEN_IN_USE,
    CHANGED,
    JUDGE,
    LEARN,
    NONE_ACCEPTED,
    UNREADABLE,
    Batch,
    above,
    judged_enough,
)
from boatlib.shares import confidence, of_hundred, p_words, percent
from boatlib.show import brief
from boatlib.show.kit import charts, gallery, tables, theme
from boatlib.show.kit.html import Html, bullets, escape, paragraph
from boatlib.show.kit.names import shortened
from boatlib.show.kit.words import listing, photos_in_words

MOODS = {AS_USUAL: "good", NONE_ACCEPTED: "care", CHANGED: "care", BROKEN_IN_USE: "stop"}
PHOTOS = 150  # of all galleries of answers together
FEWEST = 3  # of one


def decision(record: Mapping[str, Any]) -> str:
    """The decision in a word or two. record: `results.arrived.record`."""
    return {
        AS_USUAL: _("As usual"),
        NONE_ACCEPTED: _("Check every answer"),
        CHANGED: _("Check first"),
        BROKEN_IN_USE: _("Promise broken"),
    }[record["decision"]]


def _kind(end: str) -> str:
    """What photos are at an end of a look: `drift.kinds`."""
    return {
        "side-": _("small"), "side+": _("large"), "shape-": _("upright"), "shape+": _("wide"),
        "light-": _("dark"), "light+": _("bright"), "contrast-": _("flat"), "contrast+": _("of harsh contrast"),
        "sharpness-": _("blurred"), "sharpness+": _("grainy or very sharp"), "colour-": _("pale"), "colour+": _("colourful"),
    }[end]  # fmt: skip


def _compared(what: str) -> str:
    """What was compared: `drift.compare`."""
    return {
        drift.UNFAMILIAR: _("photos unlike all that was taught"), drift.CONFIDENCE: _("how sure it is"),
        drift.ANSWERS: _("the mix of answers"), drift.FEATURES: _("what the networks see"),
        "side": _("size"), "shape": _("width by height"), "light": _("light"), "contrast": _("contrast"),
        "sharpness": _("sharpness"), "colour": _("colour"),
    }[what]  # fmt: skip


def verdict(record: Mapping[str, Any]) -> str:
    """All of it in a line of text."""
    return f"{brief.sentence(decision(record))} {lead(record)} {what_becomes(record)}"


def lead(record: Mapping[str, Any]) -> str:
    """What the decision rests on."""
    promise = record["promise"]
    first = [_broken(promise)] if record["decision"] == BROKEN_IN_USE else [_like(record), _checked(promise)]
    return " ".join(part for part in [*first, _never_taught(promise)] if part)


def _like(record: Mapping[str, Any]) -> str:
    """Whether the photos are like the test photos."""
    if record["decision"] == CHANGED and record["changed"]:
        return _("These photos are not like the test photos: {how}.", how=_changes(record))
    if record["decision"] == NONE_ACCEPTED:
        return _("The model may not answer alone, so a person looks at every answer.")
    if not record["compared"]:
        return _("Too few photos to say whether they are like the test photos.")
    return _("These photos are like the test photos.")


def _broken(promise: Mapping[str, Any]) -> str:
    broken = [row for row in promise["answers"] if row["state"] == acceptance.BROKEN]
    first, names = broken[0], [row["answer"] for row in broken if row["answer"] != acceptance.ALL]
    told: dict[str, str | int] = {
        "target": percent(promise["target_error"], 0), "day": on_the_day(date.fromisoformat(first["since"])),
        "wrong": first["wrong"], "of": first["judged"], "names": listing(names, 3),
    }  # fmt: skip
    if not names:
        return _(
            "The promise of at most {target} errors among accepted answers is broken since {day}: {wrong} of {of} were "
            "wrong.",
            **told,
        )  # fmt: skip
    if first["answer"] == acceptance.ALL:
        return _(
            "The promise of at most {target} errors among accepted answers is broken, above all for {names}, since {day}: "
            "{wrong} of {of} were wrong.",
            **told,
        )  # fmt: skip
    return _(
        "The promise of at most {target} errors among accepted answers is broken for {names} since {day}: {wrong} of {of} "
        "were wrong.",
        **told,
    )  # fmt: skip


def _checked(promise: Mapping[str, Any]) -> str:
    """What labels say about a promise that is not broken: kept, or nearly not; "" where they do not say anything yet."""
    whole = promise["answers"][0]
    told = {"target": percent(promise["target_error"], 0), "wrong": whole["wrong"], "of": whole["judged"]}
    if whole["state"] == acceptance.KEPT:
        return _(
            "The promise of at most {target} errors among accepted answers is kept: {wrong} of {of} were wrong.", **told
        )
    if above(promise):
        return _(
            "{wrong} of {of} checked answers were wrong: more than the {target} promised, which may be chance.",
            **told,
        )
    return _("{wrong} of {of} checked answers were wrong.", **told) if promise["never_taught"] else ""


def _never_taught(promise: Mapping[str, Any]) -> str:
    """How many of the wrong answers no model of these classes could have given rightly; "" where there are none."""
    counts = promise["never_taught"]
    names = [f"{name} ({in_digits(count)})" for name, count in counts.items()]
    if not names:
        return ""
    return ngettext(
        "{number} of the wrong ones shows what it was never taught: {names}.",
        "{number} of the wrong ones show what it was never taught: {names}.",
        sum(counts.values()), names=listing(names, 3),
    )  # fmt: skip


def _changes(record: Mapping[str, Any]) -> str:
    told, kinds = record["changed"], [_kind(end) for end in record["kinds"][:2]]
    words = []
    if drift.UNFAMILIAR in told:
        words.append(_("{some} of {of} are unlike anything taught", some=record["unfamiliar"], of=record["photos"]))
    if kinds:
        words.append(_("many are {kinds}", kinds=listing(kinds)))
    rest = [_compared(name) for name in told if name != drift.UNFAMILIAR]
    if rest and not kinds:
        words.append(ngettext("{what} differs", "{what} differ", len(rest), what=listing(rest, 3)))
    return "; ".join(words)


def what_becomes(record: Mapping[str, Any]) -> str:
    """How many answers are accepted, and how many photos a person must look at."""
    told = {
        "photos": photos_in_words(record["photos"]), "accepted": record["accepted"],
        "checked": record["unsure"] + record["unfamiliar"] + record["unreadable"],
    }  # fmt: skip
    if _doubted(record):
        return _("Of {photos}, {accepted} answers would be accepted and {checked} go to a person.", **told)
    return _("Of {photos}, {accepted} answers are accepted and {checked} go to a person.", **told)


def _doubted(record: Mapping[str, Any]) -> bool:
    """Whether somebody should look before what is sure enough is accepted."""
    return record["decision"] in (CHANGED, BROKEN_IN_USE)


def page(record: Mapping[str, Any], answers: pd.DataFrame, share: Share, look_first: Html) -> Html:
    """The page's first part. answers: `Batch.by_answer`; look_first: `must_look`."""
    head = f"<strong>{escape(decision(record))}</strong> {escape(lead(record))}"
    steps = "".join(f"<li>{escape(text)}</li>" for text in next_steps(record))
    lines = [_("Batch {number}.", number=record["batch"]), what_becomes(record), what_they_are(answers)]
    return Html(
        f'<section class="brief"><p class="decision {MOODS[record["decision"]]}">{head}</p>'
        f'<p class="lead">{escape(" ".join(lines))}</p>'
        f"{_figures(record)}{look_first.markup}"
        f'<div class="next"><h2>{escape(_("Next"))}</h2><ol>{steps}</ol></div>'
        f'<p class="note">{escape(brief.whom(share))}</p></section>',
        verdict(record),
    )


def what_they_are(answers: pd.DataFrame) -> str:
    """The commonest answers."""
    rows = answers[answers["photos"] > 0].head(4)
    short = shortened(rows["answer"].tolist())
    counts = zip(rows["answer"], rows["photos"], strict=True)
    names = [f"{short[name]} ({in_digits(int(count))})" for name, count in counts]
    return _("Most are called {names}.", names=listing(names)) if names else ""


def _figures(record: Mapping[str, Any]) -> str:
    parts = [_("{count} unsure", count=record["unsure"]), _("{count} unfamiliar", count=record["unfamiliar"])]
    if record["unreadable"]:
        parts.append(_("{count} not readable", count=record["unreadable"]))
    accepted = _("answers would be accepted unchecked") if _doubted(record) else _("answers are accepted unchecked")
    checked = record["unsure"] + record["unfamiliar"] + record["unreadable"]
    items = [
        (in_digits(record["accepted"]), accepted),
        (in_digits(checked), _("go to a person: {which}", which=", ".join(parts))),
    ]
    told = record["expected"]
    if told["said"] and not _labels_know_better(record):
        share = _("{low} to {high}", low=of_hundred(told["low"]), high=of_hundred(told["high"]))
        items.append(
            (share, _("of 100 answers are probably right, accepted or not (an estimate, if none shows anything else)"))
        )
    return brief.tiles(items)


def _labels_know_better(record: Mapping[str, Any]) -> bool:
    """Whether people have seen what contradicts an estimate: too many wrong answers, or photos of what was never taught."""
    promise = record["promise"]
    return record["decision"] == BROKEN_IN_USE or above(promise) or bool(promise["never_taught"])


def expected(record: Mapping[str, Any]) -> Html:
    """How often the answers are probably right, or why that is not said."""
    told = record["expected"]
    if _labels_know_better(record):
        return paragraph(_("How often it is right is known better by the labels (D) than by its confidence."))
    if not record["compared"]:
        return paragraph(_("How often it is right on these photos cannot be estimated: they are too few."))
    if not told["said"]:
        return paragraph(
            _(
                "How often it is right on these photos cannot be estimated: some may be of another kind. Only checking shows."
            )
        )
    return paragraph(
        _(
            "About {middle} of 100 answers are right by its own confidence ({low} to {high}): an estimate, no proof, and only "
            "if all photos show one of its classes.",
            **{name: of_hundred(told[name]) for name in ("middle", "low", "high")},
        )
    )


def next_steps(record: Mapping[str, Any]) -> list[str]:
    """What to do, the most urgent first."""
    promise, steps = record["promise"], []
    whole, waiting = promise["answers"][0], record["unfamiliar"] + record["unsure"]
    if record["decision"] == BROKEN_IN_USE:
        steps.append(_("Stop accepting these answers unchecked, until the model has learnt from the labelled photos."))
    if promise["never_taught"]:
        names = listing(list(promise["never_taught"]), 3)
        steps.append(_("Have it taught {names} too: whatever it calls such photos is wrong.", names=names))
    if record["decision"] == CHANGED and record["accepted"]:
        steps.append(_("Check the accepted answers, or some of them (to_label.csv), before they are used."))
    if waiting:
        steps.append(
            _(
                "Look at {photos}, the unfamiliar ones first; answers.csv names them, with the reason.",
                photos=photos_in_words(waiting),
            )
        )
    if record["unreadable"]:
        steps.append(_("Send {photos} again: the files cannot be read.", photos=photos_in_words(record["unreadable"])))
    if record["accepted"] and whole["state"] == acceptance.OPEN and not judged_enough(promise):
        steps.append(
            _(
                "Fill in the photos of to_label.csv that are for judging, in this batch and the next: {judged} of about "
                "{needed} answers are checked that it takes to show that at most {target} are wrong.",
                judged=whole["judged"], needed=promise["labels_if_kept"], target=percent(promise["target_error"], 0),
            )
        )  # fmt: skip
    return steps[:3] or [_("Nothing.")]


def must_look(batch: Batch, root: Path, shown: int, start: int = 0) -> Html:
    """Photos that a person must look at, by reason, the least sure answers first; of each reason `shown`, from `start` on."""
    parts = []
    for action, head in ((UNKNOWN, _("Unlike anything taught")), (CHECK, _("Not sure enough, or always checked"))):
        count = batch.counts[action]
        if count > start:
            cards = gallery.grid(gallery.cards(batch.least_sure([action], shown, start), root, _doubtful), "strip")
            many = _of(count, shown)
            if start:
                end = min(start + shown, count)
                many = _("{first} to {last} of {all}", first=start + 1, last=end, all=count)
            level = "h3" if start else "h2"
            parts.append(f"<div><{level}>{head} <small>{many}</small></{level}>{cards}</div>")
    if not parts:
        return paragraph(_("No others.")) if start else Html("", "")
    return Html(f'<div class="looks">{"".join(parts)}</div>', f"{len(batch)} photos")


def _of(count: int, shown: int) -> str:
    return _("{some} of {all} shown", some=shown, all=count) if count > shown else photos_in_words(count)


def _doubtful(row: Mapping[str, Any]) -> tuple[str, list[str]]:
    says = str(row["predicted"])
    sure = confidence(row["confidence"], 0)
    line = _("{label}?", label=says) if row["action"] == UNKNOWN else f"{says}, {sure}"
    return _("A new photo, perhaps {label}", label=says), [line]


def unreadable(batch: Batch, most: int = 30) -> Html:
    """Files that cannot be read, with the reason."""
    if not (count := batch.counts[UNREADABLE]):
        return paragraph(_("All files could be read."))
    if count > most:
        table = batch.reasons().rename(columns={"error": _("reason"), "files": _("files")})
        return tables.table(table, _("Files that cannot be read, by reason"), {_("files"): tables.number})
    named = batch.unreadable(most)[["photo", "error"]].rename(columns={"photo": _("file"), "error": _("reason")})
    return tables.table(named, _("Files that cannot be read"))


def answers_table(answers: pd.DataFrame, before: np.ndarray, classes: Sequence[str]) -> Html:
    """What the photos are called, beside what the test photos were called. before: their answers, places of classes."""
    usual = pd.Series(np.bincount(before, minlength=len(classes)) / max(1, len(before)), list(classes))
    total = max(1, int(answers["photos"].sum()))
    rows = answers[(answers["photos"] > 0) | answers["answer"].isin(usual[usual > 0].index)]
    shown = pd.DataFrame(
        {
            _("the model says"): rows["answer"],
            _("photos"): rows["photos"],
            _("of 100"): [tables.Cell(of_hundred(count / total), count) for count in rows["photos"]],
            _("of 100 in the test"): [tables.Cell(of_hundred(usual[name]), usual[name]) for name in rows["answer"]],
            _("accepted"): rows[USE],
            _("unsure"): rows[CHECK],
            _("unfamiliar"): rows[UNKNOWN],
        }
    )
    counts = dict.fromkeys((_("photos"), _("accepted"), _("unsure"), _("unfamiliar")), tables.number)
    return tables.table(shown, _("What the new photos are called"), counts, "sortable")


def galleries(batch: Batch, answers: pd.DataFrame, root: Path, shown: int) -> Html:
    """Some accepted photos of each answer, drawn at random; of many answers fewer each."""
    accepted = answers.loc[answers[USE] > 0].set_index("answer")[USE]
    each = min(shown, max(FEWEST, PHOTOS // max(1, len(accepted))))
    parts = []
    for name, count in accepted.head(PHOTOS // FEWEST).items():
        cards = gallery.grid(gallery.cards(batch.accepted(str(name), each), root, _accepted), "strip")
        parts.append(f"<h4>{escape(str(name))} <small>{_of(count, each)}</small></h4>{cards}")
    return Html("".join(parts), f"{len(accepted)} galleries") if parts else paragraph(_("No answer is accepted."))


def _accepted(row: Mapping[str, Any]) -> tuple[str, list[str]]:
    return _("A new photo, called {label}", label=str(row["predicted"])), [confidence(row["confidence"], 0)]


def changes_table(changes: pd.DataFrame, held_out: int, new: int) -> Html:
    """What was compared, and what is found to differ. changes: `drift.compare`; held_out, new: photos."""
    if changes.empty:
        return paragraph(_("Fewer than {number} photos: nothing can be compared.", number=drift.FEWEST))
    rows = changes.to_dict("records")
    shown = pd.DataFrame(
        {
            _("what"): [_compared(row["what"]) for row in rows],
            _("in the test"): [_value(row, "before") for row in rows],
            _("now"): [_value(row, "now") for row in rows],
            _("how far apart"): [_apart(row, held_out, new) for row in rows],
            _("p-value"): [p_words(row["adjusted"]).replace(" ", "\u00a0") for row in rows],
            _("verdict"): [
                _("differs")
                if row["changed"]
                else _("no more than chance")
                if row["adjusted"] >= 0.05
                else _("a little")
                for row in rows
            ],
        }
    )
    return tables.table(shown, _("{new} new photos beside {old} test photos", new=new, old=held_out))


def _value(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if row["what"] in (drift.UNFAMILIAR, drift.CONFIDENCE, drift.ANSWERS):
        return percent(value)
    if row["what"] == drift.FEATURES or not np.isfinite(value):
        return "–"
    return in_digits(value, 0 if row["what"] == "side" else 2)


def _apart(row: Mapping[str, Any], held_out: int, new: int) -> str:
    if row["what"] == drift.FEATURES:
        low, high = drift.range_of_area(row["effect"], held_out // 2, min(new, drift.MOST) // 2)
        told = {"share": percent(row["effect"], 0), "low": percent(low, 0), "high": percent(high, 0)}
        return _("told apart in {share} of pairs ({low} to {high})", **told)
    return percent(row["effect"]) if row["effect"] >= 0 else _("fewer than in the test")


def promise(record: Mapping[str, Any]) -> Html:
    """Whether the promise is kept, for all answers and for each, with ranges that hold however often one looks."""
    told = record["promise"]
    target, certainty = percent(told["target_error"], 0), percent(told["certainty"], 0)
    if not told["made"]:
        return paragraph(
            _("No answer is promised to be right so often that it may be accepted, so there is no promise to judge.")
        )
    said = _(
        "Of the accepted answers at most {target} may be wrong. About {kept} labels of accepted answers decide that it is "
        "kept where none is wrong, {broken} that it is broken where three times as many are.",
        target=target, kept=told["labels_if_kept"], broken=told["labels_if_broken"],
    )  # fmt: skip
    rows = [row for row in told["answers"] if row["judged"]]
    if not rows:
        return paragraph(f"{said} {_('No such label is there yet.')}")
    shown = pd.DataFrame(
        {
            _("answer"): [
                _("all accepted answers") if row["answer"] == acceptance.ALL else row["answer"] for row in rows
            ],
            _("wrong"): [_("{some} of {of}", some=row["wrong"], of=row["judged"]) for row in rows],
            _("range"): [tables.interval(row["low"], row["high"]) for row in rows],
            _("the promise"): [_state(row) for row in rows],
        }
    )
    note = _(
        "The ranges hold with {certainty} certainty all together, however often they are looked at (a confidence sequence).",
        certainty=certainty,
    )
    table, strange = tables.table(shown, _("Labels about accepted answers")), _never_taught(told)
    return paragraph(said) + table + (paragraph(strange) if strange else Html("", "")) + paragraph(note, "note")


def _state(row: Mapping[str, Any]) -> str:
    if row["state"] == acceptance.OPEN:
        return _("not decided yet")
    day = on_the_day(date.fromisoformat(row["since"]))
    return _("kept since {day}", day=day) if row["state"] == acceptance.KEPT else _("broken since {day}", day=day)


def what_to_label(asked: pd.DataFrame, said: Mapping[str, str], judged: pd.DataFrame) -> Html:
    """Which photos to name, and what for. asked: `arrived.ASKED`; said: labels by photo; judged: `arrived.JUDGED`."""
    items = []
    for purpose in (JUDGE, LEARN):
        own = asked[asked["purpose"] == purpose]
        told = {"number": len(own), "named": int(own["photo"].isin(said).sum())}
        if told["number"]:
            items.append(
                _(
                    "{number} drawn at random from the accepted answers: their labels judge the promise ({named} are named).",
                    **told,
                )
                if purpose == JUDGE
                else _(
                    "{number} that the model is least sure of: their labels teach the next one, and never judge ({named} are "
                    "named).",
                    **told,
                )
            )
    others = len(set(said) - set(judged["photo"]) - set(asked["photo"]))
    if others:
        items.append(
            ngettext(
                "{number} other label, of an answer that was not drawn or not accepted, teaches and does not judge.",
                "{number} other labels, of answers that were not drawn or not accepted, teach and do not judge.",
                others,
            )
        )
    items.append(_("Write the class into the column “label” of to_label.csv and start again; what is filled in stays."))
    return bullets(items)


def watch_table(watch: pd.DataFrame, most: int = 20) -> Html:
    """The batches so far, the newest first. watch: `watch.csv`."""
    rows = watch.iloc[::-1].head(most).to_dict("records")
    shown = pd.DataFrame(
        {
            _("batch"): [str(row["batch"]) for row in rows],
            _("day"): [on_the_day(date.fromisoformat(row["day"])) for row in rows],
            _("photos"): [row["photos"] for row in rows],
            _("accepted"): [percent(row["accepted"] / row["photos"], 0) for row in rows],
            _("unfamiliar"): [percent(row["unfamiliar"] / row["photos"], 0) for row in rows],
            _("differs"): [
                listing([_compared(name) for name in str(row["changed"]).split()], 2)
                if row["changed"]
                else _("nothing")
                for row in rows
            ],
            _("wrong of checked"): [
                _("{some} of {of}", some=row["wrong"], of=row["judged"]) if row["judged"] else "–" for row in rows
            ],
            _("promise"): [_in_a_word(row["state"]) for row in rows],
        }
    )
    return tables.table(shown, _("Batches so far"), {_("photos"): tables.number})


def _in_a_word(state: str) -> str:
    return {acceptance.OPEN: _("not decided yet"), acceptance.KEPT: _("kept"), acceptance.BROKEN: _("broken")}[state]


def watch_chart(watch: pd.DataFrame) -> Html:
    """Accepted and unfamiliar answers over the batches; nothing for a first one. watch: `watch.csv`."""
    if len(watch) < 2:
        return Html("", "")
    share = {name: watch[name].to_numpy(float) / watch["photos"].to_numpy(float) for name in ("accepted", "unfamiliar")}
    words = {"accepted": _("accepted"), "unfamiliar": _("unfamiliar")}
    batches = watch["batch"].to_numpy(int)

    def drawn(width: float) -> "charts.Figure":
        with theme.applied():
            figure, (axes,) = charts.axes_of(2.4, width=width)
            above = "accepted" if share["accepted"][-1] >= share["unfamiliar"][-1] else "unfamiliar"
            for name, colour, mark in (("accepted", theme.ACCENT, "o-"), ("unfamiliar", theme.WARM, "s--")):
                axes.plot(batches, share[name], mark, color=colour, linewidth=1.8, markersize=5)
                axes.text(
                    batches[-1],
                    share[name][-1],
                    f"  {words[name]}",
                    color=colour,
                    va="bottom" if name == above else "top",
                    fontsize=9.5,
                )
            axes.set(ylim=(-0.03, 1.05), xlim=(batches[0] - 0.2, batches[-1] + 0.25 * max(2, batches[-1] - batches[0])))
            charts.in_percent(axes.yaxis)
            charts.in_whole_numbers(axes.xaxis)
            axes.set_xlabel(_("batch"))
            charts.bare(axes, "bottom")
        return figure

    first, last = (percent(share["accepted"][place], 0) for place in (0, -1))
    alt = _(
        "Accepted answers by batch: {first} of the photos in the first, {last} in the last of {number} batches.",
        first=first, last=last, number=len(watch),
    )  # fmt: skip
    return charts.chart(drawn(charts.WIDTH), alt, drawn(charts.NARROW))


def mail(record: Mapping[str, Any], share: Share, run: str, made: date) -> str:
    """A text for the body of a mail."""
    parts = [
        _("{title}: new photos ({day})", title=brief.title(share, run), day=on_the_day(made)),
        f"{brief.sentence(decision(record))} {lead(record)}",
        what_becomes(record),
        _("Next: {step}", step=next_steps(record)[0]),
        *([brief.whom(share)] if brief.whom(share) else []),
    ]
    return "\n\n".join(parts) + "\n"
