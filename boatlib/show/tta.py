"""Several looks at a photo: the strategies, the test, the verdict."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.messages import gettext as _
from boatlib.results import tta
from boatlib.results.intervals import CHANCE
from boatlib.shares import p_words, percent
from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.words import listing

NAMED = 8  # classes in a sentence about changes


def verdict(record: Mapping[str, Any]) -> Html:
    """Whether several looks are worth it, from the paired test."""
    return paragraph(words(record), "verdict")


def words(record: Mapping[str, Any]) -> str:
    """The verdict as plain text. record: `tta.json`."""
    if record["chosen"] == "plain":
        return _(
            "Several looks at a photo are not worth their cost here: on the validation photos no way of "
            "looking more than once named more "
            "photos rightly than a single plain look."
        )
    needed = record["chosen"] in record["test"]
    test = record["test" if needed else "validation"][record["chosen"]]
    values = {
        "fixed": test["fixed"],
        "broken": test["broken"],
        "photos": test["photos"],
        "p_value": p_words(test["p_value"]),
    }
    values["views"] = record["views"][record["chosen"]]
    if not needed:
        return _(
            "Several looks are not needed: of {photos} validation photos they put {fixed} right and make {broken} wrong, which "
            "chance explains as well ({p_value}), for {views} times the work.",
            **values,
        )  # fmt: skip
    if test["p_value"] >= CHANCE:
        return _(
            "Several looks make no difference that can be proven: {fixed} of {photos} test photos put right "
            "and {broken} made wrong, which "
            "chance explains as well ({p_value}), for {views} times the work.",
            **values,
        )  # fmt: skip
    if test["fixed"] > test["broken"]:
        return _(
            "Several looks are worth it: {fixed} of {photos} test photos put right and {broken} made wrong, "
            "more than chance explains "
            "({p_value}), for {views} times the work.",
            **values,
        )  # fmt: skip
    return _(
        "Several looks are harmful: {fixed} of {photos} test photos put right and {broken} made wrong, more "
        "than chance explains ({p_value}), "
        "for {views} times the work.",
        **values,
    )  # fmt: skip


def delivered(record: Mapping[str, Any]) -> Html:
    """The verdict, and which way of looking the figures and the saved model are of."""
    return paragraph(f"{words(record)} {_('All figures here, and the saved model, are of a single plain look.')}")


def strategies(rows: pd.DataFrame) -> Html:
    """How each strategy did on the validation photos. rows: `tta.summarise`."""
    formats: dict[str, tables.Format] = {"views": tables.number, "right": percent, "loss": tables.decimal}
    return tables.table(rows, "Strategies, judged on the validation photos", formats)


def tests(record: Mapping[str, Any]) -> Html:
    """The paired test of each strategy against the plain look, or why there is none. record: `tta.json`."""
    if not record["test"]:
        return paragraph("The validation photos show no need of it, so the test photos were not looked at again.")
    rows = pd.DataFrame(
        [
            {
                "strategy": name,
                "plain": f"{test['plain_correct']} of {test['photos']}",
                "with several looks": f"{test['tta_correct']} of {test['photos']}",
                "put right": test["fixed"],
                "made wrong": test["broken"],
                "p-value": p_words(test["p_value"]),
            }
            for name, test in record["test"].items()
        ]
    )
    formats: dict[str, tables.Format] = {"plain": str, "with several looks": str, "p-value": str}
    return tables.table(rows, "Against the plain look, on the test photos", formats)


def per_class(rows: pd.DataFrame) -> Html:
    """Each class on the test photos, plainly and with each strategy of TTA."""
    names = [name for name in rows.columns if name not in ("class", "test")]
    return tables.table(rows, "Right answers on the test photos, by strategy", dict.fromkeys(names, percent))


def changes(record: Mapping[str, Any], per_class: pd.DataFrame) -> Html:
    """Which classes gain and lose photos by several looks, where the test photos judged them. per_class: `tta_per_class.csv`."""
    if record["shown"] == tta.PLAIN:
        return Html("")
    change = tta.changes(per_class, record["shown"])
    gain, lose = ([f"{name} ({by:+d})" for name, by in change.items() if by * sign > 0] for sign in (1, -1))
    views = record["views"][record["shown"]]
    return paragraph(
        f"By class, in photos: {f'{listing(gain, NAMED)} gain' if gain else 'no class gains'}; "
        f"{f'{listing(lose, NAMED)} lose' if lose else 'no class loses'}. The cost: {views} looks at each photo instead of one."
    )
