"""Class by class: photos, left-out classes, the table with ranges as bars, proven differences."""

from collections.abc import Collection

import pandas as pd

from boatlib.results import class_verdicts
from boatlib.results.class_verdicts import UNJUDGED, proven_differences
from boatlib.show.kit import charts, tables, theme
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.names import shortened
from boatlib.show.kit.words import listing, photos_in_words


def table(
    rows: pd.DataFrame, tta: pd.Series | None = None, dependable: float | None = None, shortcut: Collection[str] = ()
) -> Html:
    """One row a class: photos, right answers with their range as bar, precision, recall, F1, top-k, loss; sortable.

    rows: `metrics.per_class`; tta: share of right answers with several looks, by class; dependable: adds the verdicts, by which
    the rows are then sorted, and leaves the loss out; shortcut: classes that are never dependable (`Shortcuts.names`).
    """
    share = tables.percent if dependable is None else tables.whole_percent  # few photos do not bear decimals
    colours = theme.class_colours(rows["class"].tolist())
    if dependable is not None:
        rows = class_verdicts.class_verdicts(rows, dependable, shortcut)
    records = rows.to_dict("records")
    shown = pd.DataFrame({"class": rows["class"]})
    if dependable is not None:
        shown["verdict"] = [tables.Cell(row["verdict"], place, number=False) for place, row in enumerate(records)]
    for column in ("train", "val", "test"):
        shown[column] = rows[column]
    shown["right"] = [tables.Cell(f"{r['correct']} of {r['test']}" if r["test"] else "–", r["top1"]) for r in records]
    shown["95% range"] = [
        tables.Cell(
            tables.interval(r["top1_low"], r["top1_high"], tables.whole_percent),
            r["top1_low"],
            tables.interval_bar(r["top1_low"], r["top1_high"], r["top1"], colours[r["class"]]),
        )
        if r["test"]
        else tables.Cell(UNJUDGED, -1)
        for r in records
    ]
    shown[["precision", "recall", "F1"]] = rows[["precision", "recall", "f1"]]
    tops = [name for name in rows.columns if name.startswith("top") and "_" not in name and name != "top1"]
    tops = tops if dependable is None else tops[:1]
    shown[[f"top-{name[3:]}" for name in tops]] = rows[tops]
    if tta is not None:
        shown["TTA"] = tta.reindex(rows["class"]).to_numpy()
    if dependable is None:
        shown["loss"] = rows["loss"]
    formats = dict.fromkeys(("train", "val", "test"), tables.number) | {"loss": tables.decimal}
    rates = [name for name in shown.columns if name not in ("class", "verdict", "right", "95% range", *formats)]
    return tables.table(shown, "Each class on the test photos", formats | dict.fromkeys(rates, share), "sortable")


def dropped(classes: pd.DataFrame, minimum: int | None = None) -> Html:
    """Classes that are left out; every report names them, since the model cannot say them."""
    rows = classes[~classes["kept"]]
    if rows.empty:
        return paragraph("No class is left out.")
    named = {
        taught: [f"{row['class']} ({photos_in_words(row['photos'])})" for row in own.to_dict("records")]
        for taught, own in rows.groupby(rows.get("in_train", pd.Series(True, rows.index)))
    }
    why = f"fewer than the minimum of {minimum}" if minimum else "too few"
    words = [f"{listing(named[True])}, {why}"] if True in named else []
    words += [f"{listing(named[False])}, none of them meant for teaching"] if False in named else []
    return paragraph(
        f"Left out: {'; '.join(words)}. The model does not know {'this class' if len(rows) == 1 else 'these classes'}: "
        "a photo of one of them gets some other name, unless it is called unfamiliar.",
        "note",
    )


def ranking(per_class: pd.DataFrame) -> Html:
    """Which classes are proven to be harder than others; no order is claimed where the ranges overlap."""
    pairs = proven_differences(per_class)
    untested = per_class.loc[per_class["test"] == 0, "class"].tolist()
    words = [f"{name} is harder than {listing(better, 4)}" for name, better in pairs[:3]]
    text = (
        f"The clearest differences, where the ranges do not overlap: {'; '.join(words)}. Other differences may be chance."
        if words
        else "The ranges of all classes overlap: the photos do not prove that one class is easier than another."
    )
    if untested:
        text += f" {listing(untested)}: no test photos, so nothing is known."
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
