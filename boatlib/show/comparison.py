"""The model beside simple rules, beside its last run, and two runs side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from boatlib.messages import gettext as _
from boatlib.results.comparison import COLOURS, LARGEST
from boatlib.results.intervals import CHANCE
from boatlib.shares import p_words, percent
from boatlib.show.kit import gallery, tables
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.words import listing


def figures(records: Mapping[str, Mapping[str, Any]]) -> Html:
    """The figures of several runs side by side. records: name of a run to its `metrics.json`."""
    names = [
        n for n in next(iter(records.values()), {}) if all(isinstance(r.get(n), int | float) for r in records.values())
    ]
    rows = {run: [_figure(name, record[name]) for name in names] for run, record in records.items()}
    shown = pd.DataFrame({"figure": [name.replace("_", " ") for name in names], **rows})
    return tables.table(shown, "The figures of both runs, each on its own test photos")


def _figure(name: str, value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}" if name == "loss" else percent(value)


def baselines_table(rows: pd.DataFrame, largest: str) -> Html:
    """The model beside the simple rules. rows: `against_baselines`."""
    names = {
        LARGEST: _("always “{name}”", name=largest),
        COLOURS: _("the mix of colours alone"),
        "model": _("the model"),
    }
    ends = zip(rows["right_low"], rows["right_high"], strict=True)
    columns: dict[str, object] = {
        _("rule"): rows["rule"].map(names),
        _("right"): [_("{some} of {of}", some=c, of=n) for c, n in zip(rows["correct"], rows["photos"], strict=True)],
        _("share"): [percent(share) for share in rows["right"]],
        _("95% range"): [tables.interval(*both) for both in ends],
        _("p-value"): ["–" if pd.isna(p) else p_words(p) for p in rows["p_value"]],
    }
    texts = dict.fromkeys((_("right"), _("share"), _("95% range"), _("p-value")), str)
    return tables.table(pd.DataFrame(columns), _("The model beside simple rules"), texts)


def last_run(record: Mapping[str, Any] | None) -> Html:
    """The last run of the same name, on the photos that both judge by. record: `against_last_run`."""
    if record is None:
        return paragraph(_("There is no earlier run of this name with other results."))
    return _joined(record["joined"]) + two_runs(record, _("the last one"), _("this run"))


def _joined(parts: Mapping[str, int]) -> Html:
    """How many photos came since, and what for. parts: as `against_last_run` counts them."""
    judge = parts.get("test", 0)
    teach = sum(parts.values()) - judge
    if not teach + judge:
        return Html("")
    return paragraph(
        _("New since the last run: {teach} photos that teach, and {judge} that judge.", teach=teach, judge=judge)
    )


def two_runs(record: Mapping[str, Any], first: str, second: str) -> Html:
    """Two runs on the photos that both judge by. record: `comparison.between`; first, second: what they are called."""
    if not record["photos"]:
        return paragraph(_("The two runs were judged by other photos, so they cannot be compared in pairs."))
    text = _(
        "On the {photos} test photos that both runs judge by, {second} is right for {now}, {first} for {then}: "
        "{fixed} put right, {broken} "
        "made wrong, {proof}.",
        photos=record["photos"], second=second, now=record["now_correct"], first=first, then=record["then_correct"],
        fixed=record["fixed"], broken=record["broken"], proof=_proof(record),
    )  # fmt: skip
    settings = record["settings"]
    changed = (
        _("Settings that differ: {settings}.", settings="; ".join(settings))
        if settings
        else _("The settings are the same.")
    )
    return paragraph(f"{text} {changed}")


def _proof(record: Mapping[str, Any]) -> str:
    p_value = p_words(record["p_value"])
    if record["p_value"] < CHANCE:
        return _("more than chance explains ({p_value})", p_value=p_value)
    return _("which chance explains as well ({p_value})", p_value=p_value)


def to_choose_by(record: Mapping[str, Any], first: str, second: str) -> Html:
    """Two runs on the validation photos, and which to take. record: `comparison.between`."""
    warning = paragraph("Do not choose by the test photos: they would no longer be new.", "note")
    if not record["photos"]:
        return paragraph("The runs have no validation photos in common to choose by.") + warning
    if record["p_value"] >= CHANCE:
        advice = "So these photos do not say which is better: take the one that is simpler or quicker."
    else:
        advice = f"Take {second if record['now_correct'] > record['then_correct'] else first}."
    return (
        paragraph(
            f"To choose by: on the {record['photos']:,} validation photos {second} is right for {record['now_correct']:,}, "
            f"{first} for {record['then_correct']:,}: {record['fixed']} put right, {record['broken']} made wrong, "
            f"{_proof(record)}. {advice}"
        )
        + warning
    )


def outdated(names: Sequence[str]) -> Html:
    """Runs whose model is newer than what is compared here."""
    if not names:
        return Html("")
    words = f"The model of {listing(names)} was taught again since: these are answers of an older one. Run 04 and 05."
    return paragraph(words, "warning")


def changes(record: Mapping[str, Any] | None, root: Path, limit: int = 12) -> Html:
    """Photos that this run names rightly and the last one did not, and the other way round; `limit` at the most, which is said.

    record: `against_last_run`; without one there is nothing to show.
    """
    if record is None:
        return Html("")

    def describe(row: Mapping[str, Any]) -> tuple[str, list[str]]:
        what = _("put right") if row["predicted"] == row["label"] else _("made wrong")
        now, then = str(row["predicted"]), str(row["then"])
        alt = _("Photo of {label}; now {now}, before {then}", label=str(row["label"]), now=now, then=then)
        return alt, [what, _("now: {now}", now=now), _("before: {then}", then=then)]

    changed = record["changed"]
    fixed = changed["predicted"] == changed["label"]
    broken, mended = _one_of_each_class(changed[~fixed]), _one_of_each_class(changed[fixed])
    half = max(limit // 2, limit - len(broken))
    some = pd.concat([broken.head(limit - min(half, len(mended))), mended.head(half)])
    cut = ""
    if len(changed) > limit:
        cut = paragraph(_("{limit} of {all} photos are shown.", limit=limit, all=len(changed)), "note").markup
    return Html(gallery.grid(gallery.cards(some, root, describe)) + cut, f"{len(changed)} photos that changed")


def _one_of_each_class(rows: pd.DataFrame) -> pd.DataFrame:
    """The first photo of each class, then the second of each, and so on."""
    ordered = rows.sort_values("photo")
    return ordered.iloc[np.argsort(ordered.groupby("label").cumcount().to_numpy(), kind="stable")]
