"""The page about new photos: what they are, who must look at what, whether the world has changed, and whether the promise holds.

Every word comes from one record (`results.arrived.record`).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from boatlib.messages import in_digits, on_the_day
from boatlib.params import Share
from boatlib.policy import CHECK, UNKNOWN, USE
from boatlib.results import acceptance, drift
from boatlib.results.arrived import AS_USUAL, BROKEN_IN_USE, CHANGED, JUDGE, LEARN, NONE_ACCEPTED, UNREADABLE
from boatlib.shares import confidence, of_hundred, p_words, percent
from boatlib.show import brief
from boatlib.show.kit import charts, gallery, tables, theme
from boatlib.show.kit.html import Html, bullets, escape, paragraph
from boatlib.show.kit.names import shortened
from boatlib.show.kit.words import listing, photos_in_words

MOODS = {AS_USUAL: "good", NONE_ACCEPTED: "care", CHANGED: "care", BROKEN_IN_USE: "stop"}
HEADS = {
    AS_USUAL: "As usual", NONE_ACCEPTED: "Check every answer", CHANGED: "Check first", BROKEN_IN_USE: "Promise broken",
}  # fmt: skip
PHOTOS = 150  # of all galleries of answers together
FEWEST = 3  # of one
ENDS = {
    "side-": "small", "side+": "large", "shape-": "upright", "shape+": "wide", "light-": "dark", "light+": "bright",
    "contrast-": "flat", "contrast+": "of harsh contrast", "sharpness-": "blurred", "sharpness+": "grainy or very sharp",
    "colour-": "pale", "colour+": "colourful",
}  # fmt: skip
NAMES = {
    drift.UNFAMILIAR: "photos unlike all that was taught", drift.CONFIDENCE: "how sure it is",
    drift.ANSWERS: "the mix of answers",
    drift.FEATURES: "what the networks see", "side": "size", "shape": "width by height", "light": "light", "contrast": "contrast",
    "sharpness": "sharpness", "colour": "colour",
}  # fmt: skip


def verdict(record: Mapping[str, Any]) -> str:
    """All of it in a line of text."""
    return f"{HEADS[record['decision']]}. {lead(record)} {what_becomes(record)}"


def lead(record: Mapping[str, Any]) -> str:
    """What the decision rests on."""
    promise = record["promise"]
    if record["decision"] == BROKEN_IN_USE:
        broken = [row for row in promise["answers"] if row["state"] == acceptance.BROKEN]
        first, names = broken[0], [row["answer"] for row in broken if row["answer"] != acceptance.ALL]
        whole = first["answer"] == acceptance.ALL
        of = f"{', above all' if whole else ''} for {listing(names, 3)}," if names else ""
        return (
            f"The promise of at most {percent(promise['target_error'], 0)} errors among accepted answers is broken{of} since "
            f"{on_the_day(date.fromisoformat(first['since']))}: {first['wrong']} of {first['judged']:,} were wrong."
        )
    if record["decision"] == CHANGED:
        return f"These photos are not like the test photos: {_changes(record)}."
    if record["decision"] == NONE_ACCEPTED:
        return "The model may not answer alone, so a person looks at every answer."
    if not record["compared"]:
        return "Too few photos to say whether they are like the test photos."
    return "These photos are like the test photos."


def _changes(record: Mapping[str, Any]) -> str:
    told, kinds = record["changed"], [ENDS[end] for end in record["kinds"][:2]]
    words = []
    if drift.UNFAMILIAR in told:
        words.append(f"{record['unfamiliar']:,} of {record['photos']:,} are unlike anything taught")
    if kinds:
        words.append(f"many are {listing(kinds)}")
    rest = [NAMES[name] for name in told if name != drift.UNFAMILIAR]
    if rest and not kinds:
        words.append(f"{listing(rest, 3)} {'differs' if len(rest) == 1 else 'differ'}")
    return "; ".join(words)


def what_becomes(record: Mapping[str, Any]) -> str:
    """How many answers are accepted, and how many photos a person must look at."""
    checked = record["unsure"] + record["unfamiliar"] + record["unreadable"]
    accepted = f"{record['accepted']:,} answers {_are(record)} accepted"
    return f"Of {photos_in_words(record['photos'])}, {accepted} and {checked:,} go to a person."


def _are(record: Mapping[str, Any]) -> str:
    """Whether what is sure enough is accepted without more ado."""
    return "would be" if record["decision"] in (CHANGED, BROKEN_IN_USE) else "are"


def page(record: Mapping[str, Any], answers: pd.DataFrame, share: Share, look_first: Html) -> Html:
    """The page's first part. answers: `arrived.by_answer`; look_first: `must_look`."""
    head = f"<strong>{HEADS[record['decision']]}</strong> {escape(lead(record))}"
    whom = ", ".join(part for part in (share.owner, share.contact) if part)
    steps = "".join(f"<li>{escape(text)}</li>" for text in next_steps(record))
    return Html(
        f'<section class="brief"><p class="decision {MOODS[record["decision"]]}">{head}</p>'
        f'<p class="lead">Batch {record["batch"]}. {escape(what_becomes(record))} {escape(what_they_are(answers))}</p>'
        f"{_figures(record)}{look_first.markup}"
        f'<div class="next"><h2>Next</h2><ol>{steps}</ol></div>'
        f'<p class="note">{escape(f"Questions: {whom}." if whom else "")}</p></section>',
        verdict(record),
    )


def what_they_are(answers: pd.DataFrame) -> str:
    """The commonest answers."""
    rows = answers[answers["photos"] > 0].head(4)
    short = shortened(rows["answer"].tolist())
    names = [f"{short[name]} ({count:,})" for name, count in zip(rows["answer"], rows["photos"], strict=True)]
    return f"Most are called {listing(names)}." if names else ""


def _figures(record: Mapping[str, Any]) -> str:
    unsure, strange, broken = (record[name] for name in ("unsure", "unfamiliar", "unreadable"))
    parts = [f"{unsure:,} unsure", f"{strange:,} unfamiliar"] + ([f"{broken:,} not readable"] if broken else [])
    items = [
        (in_digits(record["accepted"]), f"answers {_are(record)} accepted unchecked"),
        (in_digits(unsure + strange + broken), f"go to a person: {', '.join(parts)}"),
    ]
    told = record["expected"]
    if told["said"] and record["decision"] != BROKEN_IN_USE:  # labels know better then
        low, high = of_hundred(told["low"]), of_hundred(told["high"])
        items.append(
            (
                f"{low} to {high}",
                "of 100 answers are probably right, accepted or not (an estimate, if none shows anything else)",
            )
        )
    return brief.tiles(items)


def expected(record: Mapping[str, Any]) -> Html:
    """How often the answers are probably right, or why that is not said."""
    told = record["expected"]
    if record["decision"] == BROKEN_IN_USE:
        return paragraph("How often it is right is known better by the labels (D) than by its confidence.")
    if not told["said"]:
        why = "they are too few" if not record["compared"] else "they are not enough like the test photos"
        return paragraph(f"How often it is right on these photos cannot be estimated: {why}. Only checking shows.")
    return paragraph(
        f"About {of_hundred(told['middle'])} of 100 answers are right by its own confidence ({of_hundred(told['low'])} to "
        f"{of_hundred(told['high'])}): an estimate, no proof, and only if all photos show one of its classes."
    )


def next_steps(record: Mapping[str, Any]) -> list[str]:
    """What to do, the most urgent first."""
    promise, steps = record["promise"], []
    whole = promise["answers"][0]
    if record["decision"] == BROKEN_IN_USE:
        steps.append("Stop accepting these answers unchecked, until the model has learnt from the labelled photos.")
    if record["decision"] == CHANGED and record["accepted"]:
        steps.append("Check the accepted answers, or some of them (to_label.csv), before they are used.")
    if record["unfamiliar"] + record["unsure"]:
        waiting = photos_in_words(record["unsure"] + record["unfamiliar"])
        steps.append(f"Look at {waiting}, the unfamiliar ones first; answers.csv names them, with the reason.")
    if record["unreadable"]:
        steps.append(f"Send {photos_in_words(record['unreadable'])} again: the files cannot be read.")
    if record["accepted"] and whole["state"] == acceptance.OPEN:
        steps.append(
            f"Fill in the photos of to_label.csv that are for judging, in this batch and the next: {whole['judged']:,} of about "
            f"{promise['labels_if_kept']} answers are checked that it takes to show that at most "
            f"{percent(promise['target_error'], 0)} are wrong."
        )
    return steps[:3] or ["Nothing."]


def must_look(batch: pd.DataFrame, root: Path, shown: int, start: int = 0) -> Html:
    """Photos that a person must look at, by reason, the least sure answers first; of each reason `shown`, from `start` on."""
    parts = []
    for action, head in ((UNKNOWN, "Unlike anything taught"), (CHECK, "Not sure enough")):
        rows = batch[batch["action"] == action].sort_values(["confidence", "photo"])
        if len(rows) > start:
            cards = gallery.grid(gallery.cards(rows.iloc[start : start + shown], root, _doubtful), "strip")
            many = (
                f"{start + 1:,} to {min(start + shown, len(rows)):,} of {len(rows):,}"
                if start
                else _of(len(rows), shown)
            )
            level = "h3" if start else "h2"
            parts.append(f"<div><{level}>{head} <small>{many}</small></{level}>{cards}</div>")
    if not parts:
        return paragraph("No others.") if start else Html("", "")
    return Html(f'<div class="looks">{"".join(parts)}</div>', f"{len(batch)} photos")


def _of(count: int, shown: int) -> str:
    return f"{min(count, shown):,} of {count:,} shown" if count > shown else photos_in_words(count)


def _doubtful(row: Mapping[str, Any]) -> tuple[str, list[str]]:
    says = str(row["predicted"])
    line = f"{says}?" if row["action"] == UNKNOWN else f"{says}, {confidence(row['confidence'], 0)}"
    return f"A new photo, perhaps {says}", [line]


def unreadable(batch: pd.DataFrame, most: int = 30) -> Html:
    """Files that cannot be read, with the reason."""
    rows = batch[batch["action"] == UNREADABLE]
    if rows.empty:
        return paragraph("All files could be read.")
    counts = rows["error"].value_counts()
    if len(rows) > most:
        table = counts.rename_axis("reason").rename("files").reset_index()
        return tables.table(table, "Files that cannot be read, by reason", {"files": tables.number})
    return tables.table(
        rows[["photo", "error"]].rename(columns={"photo": "file", "error": "reason"}), "Files that cannot be read"
    )


def answers_table(answers: pd.DataFrame, before: np.ndarray, classes: Sequence[str]) -> Html:
    """What the photos are called, beside what the test photos were called. before: their answers, places of classes."""
    usual = pd.Series(np.bincount(before, minlength=len(classes)) / max(1, len(before)), list(classes))
    total = max(1, int(answers["photos"].sum()))
    rows = answers[(answers["photos"] > 0) | answers["answer"].isin(usual[usual > 0].index)]
    shown = pd.DataFrame(
        {
            "the model says": rows["answer"],
            "photos": rows["photos"],
            "of 100": [tables.Cell(of_hundred(count / total), count) for count in rows["photos"]],
            "of 100 in the test": [tables.Cell(of_hundred(usual[name]), usual[name]) for name in rows["answer"]],
            "accepted": rows[USE],
            "unsure": rows[CHECK],
            "unfamiliar": rows[UNKNOWN],
        }
    )
    counts = dict.fromkeys(("photos", "accepted", "unsure", "unfamiliar"), tables.number)
    return tables.table(shown, "What the new photos are called", counts, "sortable")


def galleries(batch: pd.DataFrame, answers: pd.DataFrame, root: Path, shown: int) -> Html:
    """Some accepted photos of each answer, drawn at random; of many answers fewer each."""
    names = answers.loc[answers[USE] > 0, "answer"].tolist()
    each = min(shown, max(FEWEST, PHOTOS // max(1, len(names))))
    parts = []
    for name in names[: PHOTOS // FEWEST]:
        rows = batch[(batch["predicted"] == name) & (batch["action"] == USE)]
        some = rows.sample(min(each, len(rows)), random_state=0).sort_values("confidence", ascending=False)
        cards = gallery.grid(gallery.cards(some, root, _accepted), "strip")
        parts.append(f"<h4>{escape(name)} <small>{_of(len(rows), each)}</small></h4>{cards}")
    return Html("".join(parts), f"{len(names)} galleries") if parts else paragraph("No answer is accepted.")


def _accepted(row: Mapping[str, Any]) -> tuple[str, list[str]]:
    return f"A new photo, called {row['predicted']}", [confidence(row["confidence"], 0)]


def changes_table(changes: pd.DataFrame, held_out: int, new: int) -> Html:
    """What was compared, and what is found to differ. changes: `drift.compare`; held_out, new: photos."""
    if changes.empty:
        return paragraph(f"Fewer than {drift.FEWEST} photos: nothing can be compared.")
    rows = changes.to_dict("records")
    shown = pd.DataFrame(
        {
            "what": [NAMES[row["what"]] for row in rows],
            "in the test": [_value(row, "before") for row in rows],
            "now": [_value(row, "now") for row in rows],
            "how far apart": [_apart(row, held_out, new) for row in rows],
            "p-value": [p_words(row["adjusted"]).replace(" ", "\u00a0") for row in rows],
            "verdict": [
                "differs" if row["changed"] else "no more than chance" if row["adjusted"] >= 0.05 else "a little"
                for row in rows
            ],
        }
    )
    return tables.table(shown, f"{new:,} new photos beside {held_out:,} test photos")


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
        return f"told apart in {percent(row['effect'], 0)} of pairs ({percent(low, 0)} to {percent(high, 0)})"
    return percent(row["effect"]) if row["effect"] >= 0 else "fewer than in the test"


def promise(record: Mapping[str, Any]) -> Html:
    """Whether the promise is kept, for all answers and for each, with ranges that hold however often one looks."""
    told = record["promise"]
    target, certainty = percent(told["target_error"], 0), percent(told["certainty"], 0)
    if told["rule"] != "target" or not told["any"]:
        return paragraph(
            "No answer is promised to be right so often that it may be accepted, so there is no promise to judge."
        )
    said = (
        f"Of the accepted answers at most {target} may be wrong. About {told['labels_if_kept']} labels of accepted "
        f"answers decide that it is kept where none is wrong, "
        f"{told['labels_if_broken']} that it is broken where three times as many are."
    )
    rows = [row for row in told["answers"] if row["judged"]]
    if not rows:
        return paragraph(f"{said} No such label is there yet.")
    shown = pd.DataFrame(
        {
            "answer": ["all accepted answers" if row["answer"] == acceptance.ALL else row["answer"] for row in rows],
            "wrong": [f"{row['wrong']:,} of {row['judged']:,}" for row in rows],
            "range": [tables.interval(row["low"], row["high"]) for row in rows],
            "the promise": [_state(row) for row in rows],
        }
    )
    note = f"The ranges hold with {certainty} certainty all together, however often they are looked at (a confidence sequence)."
    return paragraph(said) + tables.table(shown, "Labels about accepted answers") + paragraph(note, "note")


def _state(row: Mapping[str, Any]) -> str:
    if row["state"] == acceptance.OPEN:
        return "not decided yet"
    return f"{row['state']} since {on_the_day(date.fromisoformat(row['since']))}"


def what_to_label(asked: pd.DataFrame, said: Mapping[str, str], judged: pd.DataFrame) -> Html:
    """Which photos to name, and what for. asked: `arrived.ASKED`; said: labels by photo; judged: `arrived.JUDGED`."""
    words = {
        JUDGE: "drawn at random from the accepted answers: their labels judge the promise",
        LEARN: "that the model is least sure of: their labels teach the next one, and never judge",
    }
    items = []
    for purpose, text in words.items():
        own = asked[asked["purpose"] == purpose]
        if len(own):
            items.append(f"{len(own):,} {text} ({int(own['photo'].isin(said).sum()):,} are named).")
    others = len(set(said) - set(judged["photo"]) - set(asked["photo"]))
    if others:
        items.append(
            f"{others:,} other labels, of answers that were not drawn or not accepted, teach and do not judge."
        )
    items.append("Write the class into the column “label” of to_label.csv and start again; what is filled in stays.")
    return bullets(items)


def watch_table(watch: pd.DataFrame, most: int = 20) -> Html:
    """The batches so far, the newest first. watch: `watch.csv`."""
    rows = watch.iloc[::-1].head(most).to_dict("records")
    shown = pd.DataFrame(
        {
            "batch": [str(row["batch"]) for row in rows],
            "day": [on_the_day(date.fromisoformat(row["day"])) for row in rows],
            "photos": [row["photos"] for row in rows],
            "accepted": [percent(row["accepted"] / row["photos"], 0) for row in rows],
            "unfamiliar": [percent(row["unfamiliar"] / row["photos"], 0) for row in rows],
            "differs": [
                listing([NAMES[name] for name in str(row["changed"]).split()], 2) if row["changed"] else "nothing"
                for row in rows
            ],
            "wrong of checked": [f"{row['wrong']:,} of {row['judged']:,}" if row["judged"] else "–" for row in rows],
            "promise": ["not decided yet" if row["state"] == acceptance.OPEN else row["state"] for row in rows],
        }
    )
    return tables.table(shown, "Batches so far", {"photos": tables.number})


def watch_chart(watch: pd.DataFrame) -> Html:
    """Accepted and unfamiliar answers over the batches; nothing for a first one. watch: `watch.csv`."""
    if len(watch) < 2:
        return Html("", "")
    share = {name: watch[name].to_numpy(float) / watch["photos"].to_numpy(float) for name in ("accepted", "unfamiliar")}
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
                    f"  {name}",
                    color=colour,
                    va="bottom" if name == above else "top",
                    fontsize=9.5,
                )
            axes.set(ylim=(-0.03, 1.05), xlim=(batches[0] - 0.2, batches[-1] + 0.25 * max(2, batches[-1] - batches[0])))
            charts.in_percent(axes.yaxis)
            charts.in_whole_numbers(axes.xaxis)
            axes.set_xlabel("batch")
            charts.bare(axes, "bottom")
        return figure

    first, last = (f"{percent(share['accepted'][place], 0)}" for place in (0, -1))
    alt = f"Accepted answers by batch: {first} of the photos in the first, {last} in the last of {len(watch)} batches."
    return charts.chart(drawn(charts.WIDTH), alt, drawn(charts.NARROW))


def mail(record: Mapping[str, Any], share: Share, run: str, made: date) -> str:
    """A text for the body of a mail."""
    whom = ", ".join(part for part in (share.owner, share.contact) if part)
    parts = [
        f"{brief.title(share, run)}: new photos ({on_the_day(made)})",
        f"{HEADS[record['decision']]}. {lead(record)}",
        what_becomes(record),
        f"Next: {next_steps(record)[0]}",
        *([f"Questions: {whom}."] if whom else []),
    ]
    return "\n\n".join(parts) + "\n"
