"""The first screen of the summary: the verdict, four figures, and what to do, all written from the data."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from boatlib.results import class_verdicts, learning_curve
from boatlib.results.class_verdicts import DEPENDABLE, EVIDENCE, NOT_YET, PROMISING
from boatlib.results.metrics import weakest_class
from boatlib.shares import of_hundred, percent
from boatlib.show import elsewhere, policy, recipes
from boatlib.show import unknown as show_unknown
from boatlib.show.kit.html import Html, bullets, escape, paragraph
from boatlib.show.kit.words import listing

MOST_NAMES = 6  # classes named in one phrase; the table has all of them


def what_this_is(classes: Sequence[str], subject: str = "") -> Html:
    """What "the model" is, for whoever opens the page unprepared. subject: what the photos are of, or ""."""
    photo = f"{subject} photo" if subject else "photo"
    return paragraph(
        f"The model is a program that looks at a {photo} and says which of {len(classes)} classes it shows: "
        f'{listing(classes, 20)}. It names one of them for every photo, and adds "unfamiliar" if the photo looks like none.',
        "note",
    )


def warnings(sentences: Sequence[str]) -> Html:
    """What must be known before the figures are read, the gravest first."""
    return sum((paragraph(sentence, "warning") for sentence in sentences), Html(""))


def verdict(
    metrics: Mapping[str, Any],
    per_class: pd.DataFrame,
    dependable: float,
    told: Mapping[str, Any] | None = None,
    subject: str = "",
    shortcut: Collection[str] = (),
) -> Html:
    """The first paragraph of the summary, for a reader with two minutes."""
    return paragraph(verdict_words(metrics, per_class, dependable, told, subject, shortcut), "verdict")


def verdict_words(
    metrics: Mapping[str, Any],
    per_class: pd.DataFrame,
    dependable: float,
    told: Mapping[str, Any] | None = None,
    subject: str = "",
    shortcut: Collection[str] = (),
) -> str:
    """The verdict as plain text: overall with its range, and on photos from elsewhere (told: `elsewhere.json`), then the classes
    to depend on, and those not to depend on. shortcut: classes that are never dependable (`Shortcuts.names`).
    """
    rows = class_verdicts.class_verdicts(per_class[per_class["test"] > 0], dependable, shortcut)
    photos = f"{subject} photos" if subject else "photos"
    text = (
        f"The model names the right class for {of_hundred(metrics['accuracy'])} of 100 {photos} (between "
        f"{of_hundred(metrics['accuracy_low'])} and {of_hundred(metrics['accuracy_high'])}). "
    )
    if told:
        text = elsewhere.headline(told, text, photos)
    text += "It is "
    if len(rows) > 1 and (rows["verdict"] == NOT_YET).all():
        weakest = listing(_counted(rows.sort_values(["top1", "class"]).head(3)))
        return f"{text}not yet dependable for any of the {len(rows)} classes; weakest are {weakest}."
    parts = [
        ("dependable for", rows[rows["verdict"] == DEPENDABLE]),
        ("not yet dependable for", rows[rows["verdict"] == NOT_YET]),
        ("promising, but judged by too few photos, for", rows[rows["verdict"] == PROMISING]),
    ]
    return text + "; ".join(f"{words} {_which(classes, len(rows))}" for words, classes in parts if len(classes)) + "."


def _which(classes: pd.DataFrame, of: int) -> str:
    return f"all {of} classes" if 1 < len(classes) == of else _some(_counted(classes))


def _counted(classes: pd.DataFrame) -> list[str]:
    words = {
        "answers": "{wrong} of {answers} such answers wrong",
        "shortcut": "recognised without what it shows",
    }
    rows = classes.assign(wrong=classes["answers"] - classes["correct"]).to_dict("records")
    return [f"{row['class']} ({words.get(row['why'], '{correct} of {test}').format(**row)})" for row in rows]


def _some(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return listing(names) if more <= 0 else f"{', '.join(names[:MOST_NAMES])} and {more} more"


def what_the_words_mean(dependable: float) -> Html:
    """What the verdict's words stand for."""
    return paragraph(
        "These figures come from photos that it was not taught with and that had no say in its making; the range says how far "
        f"chance could have moved the result. Dependable means: at least {percent(dependable, 0)} of the class's test photos are "
        f"found, at least {percent(dependable, 0)} of the answers with its name are true, and the photos are enough "
        f"to show it (both 95% ranges begin at {percent(EVIDENCE, 0)} or higher).",
        "note",
    )


def tiles(
    metrics: Mapping[str, Any], per_class: pd.DataFrame, classes: pd.DataFrame, told: Mapping[str, Any] | None = None
) -> Html:
    """Four figures side by side. told: `elsewhere.json`; where photos from elsewhere fare worse, their figure comes first."""
    weakest = per_class[per_class["class"] == weakest_class(per_class)].iloc[0]
    items = [
        (
            f"{percent(metrics['accuracy'])}",
            f"right of {metrics['photos']:,} test photos ({percent(metrics['accuracy_low'], 0)} to "
            f"{percent(metrics['accuracy_high'], 0)})",
        ),
        (f"{percent(metrics['balanced_accuracy'])}", "right when every class counts alike"),
        (
            f"{percent(weakest['top1'], 0)}",
            f"found of the weakest class, {weakest['class']} ({percent(weakest['top1_low'], 0)} to "
            f"{percent(weakest['top1_high'], 0)})",
        ),
        (f"{int(classes['used'].sum()):,}", f"photos used, of {int(classes['kept'].sum())} classes"),
    ]
    if told and told["differs"] and not told["apart"]:
        expected = f"expected on photos from elsewhere ({percent(told['low'], 0)} to {percent(told['high'], 0)})"
        items[1] = (items[0][0], f"{items[0][1]}, most of whose look-alikes taught")
        items[0] = (f"about {percent(told['middle'], 0)}", expected)
    cells = "".join(
        f"<div><strong>{escape(figure)}</strong><span>{escape(words)}</span></div>" for figure, words in items
    )
    return Html(f'<div class="tiles">{cells}</div>', "\n".join(f"{figure} {words}" for figure, words in items))


def what_to_do(
    verdicts: pd.DataFrame,
    dependable: float,
    judged: Mapping[str, Any],
    unknown: pd.DataFrame,
    more: pd.DataFrame,
    suspects: int,
    search: Mapping[str, Any],
) -> Html:
    """What follows from the data, as a list: which answers to use, what it does not know, what to collect, what to look at.

    verdicts: `class_verdicts`; judged: `results.policy.judged`; unknown: `unknown.csv`; more: `learning_curve.forecast_table`;
    suspects: photos whose label is in doubt; search: `search.json`.
    """
    items = [policy.words(judged)]
    if short := show_unknown.in_short(unknown):
        items.append(short)
    weak = verdicts[verdicts["verdict"] == NOT_YET]
    lost = weak[weak["top1"] < dependable]
    if len(lost):
        names = _some(
            [f"{r['test'] - r['correct']} of {r['test']} photos of {r['class']}" for r in lost.to_dict("records")]
        )
        items.append(f"Given another name were {names}.")
    if few := learning_curve.worth_collecting(more, verdicts):
        items.append(f"Collect more photos of {_some(few)}: there they would help most.")
    if suspects:
        items.append(
            f"Look at the {suspects} photo{'' if suspects == 1 else 's'} whose label is in doubt, and correct what is wrong."
        )
    if longer := recipes.more(search):
        items.append(longer)
    return bullets(items)
