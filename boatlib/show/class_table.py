"""The table of classes: counts, shares, and the 95% range of each share as a bar, in the colour of its class."""

import pandas as pd

from boatlib.results.verdicts import UNJUDGED, class_verdicts
from boatlib.show import theme
from boatlib.show.html import Html
from boatlib.show.tables import Cell, decimal, interval, number, percent, table, whole_percent


def interval_bar(low: float, high: float, share: float, colour: str) -> str:
    """A share and its range on a scale from 0 to 1, as drawing; the numbers must stand beside it as text."""
    return (
        f'<svg class="interval" style="--class: {colour}" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" '
        f'focusable="false"><rect class="scale" x="0" y="4.5" width="100" height="1"/>'
        f'<rect class="range" x="{low * 100:.1f}" y="2" width="{(high - low) * 100:.1f}" height="6"/>'
        f'<rect class="share" x="{min(share * 100, 98.4):.1f}" y="0" width="1.6" height="10"/></svg>'
    )


def per_class(rows: pd.DataFrame, tta: pd.Series | None = None, dependable: float | None = None) -> Html:
    """One row a class: photos, right answers with their range as bar, precision, recall, F1, top-k, loss; sortable.

    rows: `metrics.per_class`; tta: share of right answers with several looks, by class; dependable: adds the verdicts, by which
    the rows are then sorted, and leaves the loss out.
    """
    share = percent if dependable is None else whole_percent  # few photos do not bear decimals
    colours = theme.class_colours(rows["class"].tolist())
    if dependable is not None:
        rows = class_verdicts(rows, dependable)
    records = rows.to_dict("records")
    shown = pd.DataFrame({"class": rows["class"]})
    if dependable is not None:
        shown["verdict"] = [Cell(row["verdict"], place) for place, row in enumerate(records)]
    for column in ("train", "val", "test"):
        shown[column] = rows[column]
    shown["right"] = [Cell(f"{r['correct']} of {r['test']}" if r["test"] else "–", r["top1"]) for r in records]
    shown["95% range"] = [
        Cell(
            interval(r["top1_low"], r["top1_high"], whole_percent),
            r["top1_low"],
            interval_bar(r["top1_low"], r["top1_high"], r["top1"], colours[r["class"]]),
        )
        if r["test"]
        else Cell(UNJUDGED, -1)
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
    formats = dict.fromkeys(("train", "val", "test"), number) | {"loss": decimal}
    rates = [name for name in shown.columns if name not in ("class", "verdict", "right", "95% range", *formats)]
    return table(shown, "Each class on the test photos", formats | dict.fromkeys(rates, share), "sortable")
