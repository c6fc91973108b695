"""Several looks at a photo: the strategies, the test, the verdict."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.results import tta
from boatlib.shares import p_words, percent
from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.words import listing, photos_in_words

NAMED = 8  # classes in a sentence about changes


def verdict(record: Mapping[str, Any]) -> Html:
    """Whether several looks are worth it, from the paired test."""
    return paragraph(words(record), "verdict")


def words(record: Mapping[str, Any]) -> str:
    """The verdict as plain text. record: `tta.json`."""
    if record["chosen"] == "plain":
        return (
            "Several looks at a photo are not worth their cost here: on the validation photos no way of looking more than "
            "once named more photos rightly than a single plain look."
        )
    test = record["test"][record["chosen"]]
    fixed, broken, p_value = test["fixed"], test["broken"], test["p_value"]
    change = f"{photos_in_words(fixed)} put right and {broken} made wrong"
    views = record["views"][record["chosen"]]
    if p_value < 0.05:
        better = "worth it" if fixed > broken else "harmful"
        return (
            f"Several looks are {better}: {change} of {test['photos']} test photos, more than chance explains "
            f"({p_words(p_value)}), for {views} times the work."
        )
    return (
        f"Several looks make no difference that can be proven: {change} of {test['photos']} test photos, which chance "
        f"explains as well ({p_words(p_value)}), for {views} times the work."
    )


def strategies(rows: pd.DataFrame) -> Html:
    """How each strategy did on the validation photos. rows: `tta.summarise`."""
    formats: dict[str, tables.Format] = {"views": tables.number, "right": percent, "loss": tables.decimal}
    return tables.table(rows, "Strategies, judged on the validation photos", formats)


def tests(record: Mapping[str, Any]) -> Html:
    """The paired test of each strategy against the plain look. record: `tta.json`."""
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
    """Which classes gain and lose photos by several looks. per_class: `tta_per_class.csv`."""
    change = tta.changes(per_class, record["shown"])
    gain, lose = ([f"{name} ({by:+d})" for name, by in change.items() if by * sign > 0] for sign in (1, -1))
    views = record["views"][record["shown"]]
    return paragraph(
        f"By class, in photos: {f'{listing(gain, NAMED)} gain' if gain else 'no class gains'}; "
        f"{f'{listing(lose, NAMED)} lose' if lose else 'no class loses'}. The cost: {views} looks at each photo instead of one."
    )
