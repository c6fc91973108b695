"""The model beside simple rules, beside its last run, and two runs side by side."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from boatlib.results.comparison import COLOURS, LARGEST
from boatlib.results.intervals import CHANCE
from boatlib.shares import p_words, percent
from boatlib.show.kit import gallery, tables
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.words import photos_in_words


def figures(records: Mapping[str, Mapping[str, Any]]) -> Html:
    """The figures of several runs side by side. records: name of a run to its `metrics.json`."""
    names = [
        n for n in next(iter(records.values()), {}) if all(isinstance(r.get(n), int | float) for r in records.values())
    ]
    rows = {run: [f"{record[name]:.4g}" for name in names] for run, record in records.items()}
    shown = pd.DataFrame({"figure": [name.replace("_", " ") for name in names], **rows})
    return tables.table(shown, "The figures of both runs, each on its own test photos")


def baselines_table(rows: pd.DataFrame, largest: str) -> Html:
    """The model beside the simple rules. rows: `against_baselines`."""
    names = {LARGEST: f"always “{largest}”", COLOURS: "the mix of colours alone", "model": "the model"}
    shown = pd.DataFrame(
        {
            "rule": rows["rule"].map(names),
            "right": [f"{c} of {n}" for c, n in zip(rows["correct"], rows["photos"], strict=True)],
            "share": rows["right"],
            "95% range": [tables.interval(*ends) for ends in zip(rows["right_low"], rows["right_high"], strict=True)],
            "p-value": ["–" if pd.isna(p) else p_words(p) for p in rows["p_value"]],
        }
    )
    return tables.table(
        shown,
        "The model beside simple rules",
        {"share": percent, **dict.fromkeys(("right", "95% range", "p-value"), str)},
    )


def baselines_words(rows: pd.DataFrame, largest: str) -> Html:
    """The model beside two simple rules. rows: `against_baselines`."""
    right = {row["rule"]: row for row in rows.to_dict("records")}
    p_value = right[COLOURS]["p_value"]
    proof = "more than chance explains" if p_value < CHANCE else f"which chance could explain ({p_words(p_value)})"
    return paragraph(
        f"Always saying “{largest}” is right for {percent(right[LARGEST]['right'], 0)} of the test photos; a rule "
        "that sees nothing but "
        f"the mix of colours, for {percent(right[COLOURS]['right'], 0)}. The model is right for "
        f"{percent(right['model']['right'], 0)}, {proof}."
    )


def last_run(record: Mapping[str, Any] | None) -> Html:
    """The last run of the same name, on the photos that both judge by. record: `against_last_run`."""
    if record is None:
        return paragraph("There is no earlier run of this name with other results.")
    return two_runs(record, "the last one", "this run")


def two_runs(record: Mapping[str, Any], first: str, second: str) -> Html:
    """Two runs on the photos that both judge by. record: `comparison.between`; first, second: what they are called."""
    if not record["photos"]:
        return paragraph("The two runs were judged by other photos, so they cannot be compared in pairs.")
    proof = (
        f"more than chance explains ({p_words(record['p_value'])})"
        if record["p_value"] < CHANCE
        else f"which chance explains as well ({p_words(record['p_value'])})"
    )
    text = (
        f"On the {record['photos']} test photos that both runs judge by, {second} is right for {record['now_correct']}, {first} "
        f"was for {record['then_correct']}: {photos_in_words(record['fixed'])} put right, "
        f"{record['broken']} made wrong, {proof}."
    )
    settings = record["settings"]
    changed = f" Settings that differ: {'; '.join(settings)}." if settings else " The settings are the same."
    warning = "Do not choose settings by this: the test photos would no longer be new. The validation photos are there for that."
    return paragraph(text + changed) + paragraph(warning, "note")


def changes(record: Mapping[str, Any] | None, root: Path, limit: int = 12) -> Html:
    """Photos that this run names rightly and the last one did not, and the other way round; `limit` at the most, which is said.

    record: `against_last_run`; without one there is nothing to show.
    """
    if record is None:
        return Html("")

    def describe(row: Mapping[str, Any]) -> tuple[str, list[str]]:
        what = "put right" if row["predicted"] == row["label"] else "made wrong"
        alt = f"Photo of {row['label']}; now {row['predicted']}, before {row['then']}"
        return alt, [what, f"now: {row['predicted']}", f"before: {row['then']}"]

    changed = record["changed"]
    fixed = changed["predicted"] == changed["label"]
    order = changed.assign(fixed=fixed).sort_values(["fixed", "photo"])
    cut = f"<p class='note'>{limit} of {len(order)} photos are shown.</p>" if len(order) > limit else ""
    return Html(
        gallery.grid(gallery.cards(order.head(limit), root, describe)) + cut, f"{len(order)} photos that changed"
    )
