"""Class by class: photos, left-out classes, the table with ranges as bars, proven differences."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.messages import gettext as _
from boatlib.results.class_verdicts import DEPENDABLE, EVIDENCE, NOT_YET, PROMISING, UNJUDGED, proven_differences
from boatlib.shares import percent
from boatlib.show.kit import charts, tables, theme
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.names import shortened
from boatlib.show.kit.words import listing, photos_in_words


def table(rows: pd.DataFrame) -> Html:
    """One row a class: photos, right answers with their range as bar, precision, recall, F1, top-k, loss; sortable.

    rows: `metrics.per_class`.
    """
    records = rows.to_dict("records")
    shown = rows[["class", "train", "val", "test"]].copy()
    shown["right"] = [tables.Cell(f"{r['correct']} of {r['test']}" if r["test"] else "–", r["top1"]) for r in records]
    shown["95% range"] = [
        tables.Cell(
            tables.interval(r["top1_low"], r["top1_high"], tables.whole_percent),
            r["top1_low"],
            tables.dot_range(r["top1_low"], r["top1_high"], r["top1"]),
        )
        if r["test"]
        else tables.Cell(UNJUDGED, -1)
        for r in records
    ]
    shown[["precision", "recall", "F1"]] = rows[["precision", "recall", "f1"]]
    tops = [name for name in rows.columns if name.startswith("top") and "_" not in name and name != "top1"]
    shown[[f"top-{name[3:]}" for name in tops]] = rows[tops]
    shown["loss"] = rows["loss"]
    formats = dict.fromkeys(("train", "val", "test"), tables.number) | {"loss": tables.decimal}
    rates = [name for name in shown.columns if name not in ("class", "right", "95% range", *formats)]
    return tables.table(shown, "Each class on the test photos", formats | dict.fromkeys(rates, percent), "sortable")


def advice(answers: pd.DataFrame, dependable: float) -> Html:
    """One row a class: photos named rightly with their range on one scale, how often an answer with its name stands alone,
    how often it is true, and what that shows; sortable. answers: `results.brief.answers`, whose order is kept.
    """
    words = {
        DEPENDABLE: _("dependable"),
        PROMISING: _("promising"),
        NOT_YET: _("not yet"),
        UNJUDGED: _("no test photos"),
    }
    rows = answers.to_dict("records")
    columns: dict[str, list[object]] = {
        _("class"): [row["answer"] for row in rows],
        _("found"): [_found(row, dependable) for row in rows],
        _("95% range"): [
            tables.Cell(tables.interval(row["low"], row["high"], tables.whole_percent), row["low"])
            if row["photos"]
            else tables.Cell("–", -1)
            for row in rows
        ],
        _("answers that are true"): [_counted(row["found"], row["given"]) for row in rows],
        _("accepted"): [_counted(row["used"], row["given"]) for row in rows],
        _("shown to be"): [
            tables.Cell(words[row["dependable"]], place, number=False) for place, row in enumerate(rows)
        ],
    }
    if not answers["used"].any():
        del columns[_("accepted")]
    return tables.table(pd.DataFrame(columns), _("Each class on the test photos"), css="sortable advice")


def _found(row: Mapping[str, Any], dependable: float) -> tables.Cell:
    if not row["photos"]:
        return tables.Cell("–", -1)
    share = row["found"] / row["photos"]
    drawing = tables.dot_range(row["low"], row["high"], share, dependable)
    return tables.Cell(
        _("{some} of {of}", some=row["found"], of=row["photos"]),
        share,
        f'<span class="{row["group"]}">{drawing}</span>',
    )


def _counted(some: int, of: int) -> tables.Cell:
    return tables.Cell(_("{some} of {of}", some=some, of=of), some / of) if of else tables.Cell("–", -1)


def what_the_words_mean(dependable: float) -> Html:
    """What the verdicts on classes stand for."""
    return paragraph(
        _(
            "Dependable: at least {share} of the class's test photos are found, at least {share} of the "
            "answers with its name are true, and "
            "the photos are enough to show it (both 95% ranges begin at {evidence} or higher). Promising: too "
            "few photos to show it.",
            share=percent(dependable, 0),
            evidence=percent(EVIDENCE, 0),
        ),  # fmt: skip
        "note",
    )


def dropped(classes: pd.DataFrame, minimum: int | None = None) -> Html:
    """Classes that are left out; every report names them, since the model cannot say them."""
    rows = classes[~classes["kept"]]
    if rows.empty:
        return paragraph(_("No class is left out."))
    named = {
        taught: [f"{row['class']} ({photos_in_words(row['photos'])})" for row in own.to_dict("records")]
        for taught, own in rows.groupby(rows.get("in_train", pd.Series(True, rows.index)))
    }
    words = []
    if True in named and minimum:
        words.append(
            _(
                "Left out, with fewer photos than the minimum of {minimum}: {names}.",
                minimum=minimum,
                names=listing(named[True]),
            )
        )
    elif True in named:
        words.append(_("Left out, with too few photos: {names}.", names=listing(named[True])))
    if False in named:
        words.append(_("Left out, none of them meant for teaching: {names}.", names=listing(named[False])))
    words.append(_("The model does not know them: such a photo gets some other name, unless it is called unfamiliar."))
    return paragraph(" ".join(words), "note")


def ranking(per_class: pd.DataFrame) -> Html:
    """Which classes are proven to be harder than others; no order is claimed where the ranges overlap."""
    pairs = proven_differences(per_class)
    untested = per_class.loc[per_class["test"] == 0, "class"].tolist()
    words = [_("{name} is harder than {others}", name=name, others=listing(better, 4)) for name, better in pairs[:3]]
    text = (
        _(
            "The clearest differences, where the ranges do not overlap: {words}. Others may be chance.",
            words="; ".join(words),
        )
        if words
        else _("The ranges of all classes overlap: the photos do not prove that one class is easier than another.")
    )
    if untested:
        text += " " + _("No test photos, so nothing is known: {names}.", names=listing(untested))
    return paragraph(text)


def counts_chart(classes: pd.DataFrame, minimum: int) -> Html:
    """How many photos each class has, and which classes are left out. classes: the catalog's table of classes."""
    rows = classes.sort_values("photos")
    rows = rows.assign(**{"class": list(shortened(rows["class"].tolist()).values())})
    with theme.applied():
        figure, (axes,) = charts.axes_of(0.6 + 0.34 * len(rows))
        colours = [theme.ACCENT if kept else theme.STATUS_COLOURS["skipped"] for kept in rows["kept"]]
        axes.barh(rows["class"], rows["photos"], color=colours, height=0.7)
        for place, (photos, kept) in enumerate(zip(rows["photos"], rows["kept"], strict=True)):
            axes.text(photos, place, f"  {photos}" + ("" if kept else "  left out"), va="center", color=theme.INK)
        axes.axvline(minimum, color=theme.WARM, linewidth=1, linestyle="--")
        axes.text(minimum, len(rows) - 0.35, f" minimum {minimum}", color=theme.WARM, fontsize=9, va="bottom")
        axes.set_xlabel("photos")
        axes.margins(x=0.12)
        axes.set_ylim(-0.7, len(rows) + 0.2)  # a share of many classes would be a white field
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", colors=theme.INK)
        charts.bare(axes, "left")
    largest, smallest = rows.iloc[-1], rows.iloc[0]
    alt = (
        f"Bars of photos by class: {largest['class']} has most ({largest['photos']}), "
        f"{smallest['class']} fewest ({smallest['photos']}); {int((~rows['kept']).sum())} class(es) left out."
    )
    return charts.chart(figure, alt)
