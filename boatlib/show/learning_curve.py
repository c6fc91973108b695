"""Would more photos help: curves, forecasts."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.results import learning_curve
from boatlib.shares import percent
from boatlib.show.kit import charts, tables, theme
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.names import shortened
from boatlib.show.kit.words import listing

FORECASTS = 20  # classes in the table of what more photos would bring


def table(rows: pd.DataFrame, right: float) -> Html:
    """What more photos would bring; of many classes those that gain most. rows: `forecast_table`, made for the share `right`."""
    caption = "What more photos would bring, with likely ranges"
    if len(rows) > FORECASTS:
        caption += f"; the {FORECASTS} of {len(rows)} classes that would gain most from twice as many"
        rows = rows.loc[(rows["doubled"] - rows["now"]).nlargest(FORECASTS).index].sort_index()
    shown = pd.DataFrame(
        {
            "class": rows["class"],
            "photos now": rows["photos"],
            "right now": [_likely(r, "now") for r in rows.to_dict("records")],
            "with twice as many": [_likely(r, "doubled") for r in rows.to_dict("records")],
            f"more photos until {percent(right, 0)} are right": [
                _how_many(r["wanted_low"], r["wanted_high"]) for r in rows.to_dict("records")
            ],
        }
    )
    return tables.table(shown, caption, {"photos now": tables.number})


def _likely(row: Mapping[str, Any], name: str) -> str:
    return f"{percent(row[name], 0)}\u00a0({tables.interval(row[f'{name}_low'], row[f'{name}_high'], tables.whole_percent)})"


def _how_many(low: float, high: float) -> str:
    if high <= 0:
        return "none"
    if math.isinf(low):
        return "out of reach: more than ten times as many"
    least = "none" if low <= 0 else f"{low:,.0f}"
    return (
        f"{least} to {high:,.0f}" if not math.isinf(high) else f"at least {least}" if low > 0 else "none, or very many"
    )


def words(rows: pd.DataFrame) -> Html:
    """For which classes further photos help most. rows: `learning_curve.forecast_table`."""
    gain = rows.assign(gain=rows["doubled"] - rows["now"]).sort_values("gain", ascending=False)
    helped = gain[gain["gain"] >= 0.01].head(3)
    if helped.empty:
        return paragraph(
            "Twice as many photos would hardly change the result for any class: what is missing is not photos."
        )
    words = [
        f"{row['class']} (from {percent(row['now'], 0)} to about {percent(row['doubled'], 0)}, likely "
        f"{percent(row['doubled_low'], 0)} to "
        f"{percent(row['doubled_high'], 0)})"
        for row in helped.to_dict("records")
    ]
    return paragraph(f"Twice as many photos of every class would help most for {listing(words)}.")


def chart(curve: pd.DataFrame, forecasts: pd.DataFrame, limit: int = 12) -> Html:
    """How each class grows with its photos, and where it would go with twice as many; the weakest `limit` classes.

    curve: `learning_curve.measure`; forecasts: `learning_curve.forecast_table`.
    """
    rows = forecasts.sort_values(["now", "class"]).head(limit).to_dict("records")
    colours = theme.class_colours(forecasts["class"].tolist())
    measured, columns = learning_curve.with_ranges(curve), min(4, len(rows))
    with theme.applied():
        height = -(-len(rows) // columns)
        figure, grid = charts.grid_of(height, columns, 0.5 + 1.75 * height, sharey=True)
        figure.get_layout_engine().set(h_pad=0.09)  # type: ignore
        for axes in grid.ravel()[len(rows) :]:
            axes.set_visible(False)
        for axes, row in zip(grid.ravel(), rows, strict=False):
            own, colour = measured[measured["class"] == row["class"]], colours[row["class"]]
            axes.fill_between(own["taught"], own["low"], own["high"], color=colour, alpha=0.18, linewidth=0)
            axes.plot(own["taught"], own["share_right"], "o-", color=colour, linewidth=1.8, markersize=4)
            twice = 2 * row["train"]
            axes.plot([twice] * 2, [row["doubled_low"], row["doubled_high"]], color=colour, linewidth=5, alpha=0.35,
                      solid_capstyle="butt")  # fmt: skip
            axes.plot(twice, row["doubled"], "o", color="white", markeredgecolor=colour, markersize=6)
            axes.set_title(shortened([row["class"]], 60 // columns)[row["class"]], fontsize=9.5)
            axes.set(ylim=(0, 1.03), xlim=(0, twice * 1.12))
            charts.in_whole_numbers(axes.xaxis, 3)
            charts.in_percent(axes.yaxis)
            axes.tick_params(labelsize=8.5)
            charts.bare(axes, "bottom")
        figure.supxlabel("photos of the class that the model learns from; ring: with twice as many", fontsize=9.5,
                         color=theme.SOFT)  # fmt: skip
    first = rows[0]
    return charts.chart(
        figure,
        f"Learning curves by class: the weakest, {first['class']}, is right for {percent(first['now'], 0)} now and "
        "would be for about "
        f"{percent(first['doubled'], 0)} with twice as many photos."[:250],
    )
