"""Would more photos help: curves, forecasts."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.messages import gettext as _
from boatlib.messages import ngettext
from boatlib.results import learning_curve
from boatlib.shares import percent
from boatlib.show.kit import charts, tables, theme
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.names import shortened
from boatlib.show.kit.words import listing

FORECASTS = 20  # classes in the table of what more photos would bring


def table(rows: pd.DataFrame, right: float) -> Html:
    """What more photos would bring to the classes that need them; of many those that gain most.

    rows: `forecast_table`, made for the share `right`.
    """
    lacking = rows[rows["wanted_low"] > 0]
    enough = ngettext(
        "{number} class is at {share} already, or so near that it cannot be told.",
        "{number} classes are at {share} already, or so near that it cannot be told.",
        len(rows) - len(lacking),
        share=percent(right, 0),
    )
    if lacking.empty:
        return paragraph(enough)
    caption = _("What more photos would bring, with likely ranges")
    if len(lacking) > FORECASTS:
        caption += "; " + _(
            "the {shown} of {all} classes that would gain most from twice as many", shown=FORECASTS, all=len(lacking)
        )
        lacking = lacking.loc[(lacking["doubled"] - lacking["now"]).nlargest(FORECASTS).index].sort_index()
    records = lacking.to_dict("records")
    now = _("photos now")
    columns: dict[str, object] = {
        _("class"): lacking["class"],
        now: lacking["photos"],
        _("right now"): [_likely(row, "now") for row in records],
        _("with twice as many"): [_likely(row, "doubled") for row in records],
        _("more photos until {share} are right", share=percent(right, 0)): [
            _how_many(row["wanted_low"], row["wanted_high"]) for row in records
        ],
    }
    made = tables.table(pd.DataFrame(columns), caption, {now: tables.number})
    return made + paragraph(enough) if len(lacking) < len(rows) else made


def _likely(row: Mapping[str, Any], name: str) -> str:
    return f"{percent(row[name], 0)}\u00a0({tables.interval(row[f'{name}_low'], row[f'{name}_high'], tables.whole_percent)})"


def _how_many(low: float, high: float) -> str:
    if math.isinf(low):
        return _("out of reach: more than ten times as many")
    if math.isinf(high):
        return _("at least {low}", low=round(low))
    return _("{low} to {high}", low=round(low), high=round(high))


def words(rows: pd.DataFrame) -> Html:
    """For which classes further photos help most. rows: `learning_curve.forecast_table`."""
    gain = rows.assign(gain=rows["doubled"] - rows["now"]).sort_values("gain", ascending=False)
    helped = gain[gain["gain"] >= 0.01].head(3)
    if helped.empty:
        return paragraph(
            _("Twice as many photos would hardly change the result for any class: what is missing is not photos.")
        )
    names = [
        _("{name} (from {now} to about {doubled})", name=name, now=percent(now, 0), doubled=percent(doubled, 0))
        for name, now, doubled in helped[["class", "now", "doubled"]].itertuples(index=False)
    ]
    return paragraph(_("Twice as many photos of every class would help most for {names}.", names=listing(names)))


def chart(curve: pd.DataFrame, forecasts: pd.DataFrame, limit: int = 4) -> Html:
    """How the weakest `limit` classes grow with their photos, and where they would go with twice as many.

    curve: `learning_curve.measure`; forecasts: `learning_curve.forecast_table`.
    """
    rows = forecasts.sort_values(["now", "class"]).head(limit).to_dict("records")
    measured = learning_curve.with_ranges(curve)
    first = rows[0]
    alt = _(
        "Learning curves: the weakest class, {name}, is right for {now} now and would be for about {doubled} "
        "with twice as many photos.",
        name=shortened([first["class"]])[first["class"]],
        now=percent(first["now"], 0),
        doubled=percent(first["doubled"], 0),
    )
    narrow = _figure(measured, rows, -(-len(rows) // 2), min(2, len(rows)), charts.NARROW)
    return charts.chart(_figure(measured, rows, 1, len(rows), charts.WIDTH), alt, narrow)


def _figure(measured: pd.DataFrame, rows: list[dict[Any, Any]], high: int, wide: int, width: float) -> "charts.Figure":
    """So many small charts one below the other and side by side."""
    floor = min([0.4, *(min(measured.loc[measured["class"] == row["class"], "low"]) for row in rows)])
    with theme.applied():
        figure, grid = charts.grid_of(high, wide, 0.5 + 2.0 * high, width, sharey=True)
        for axes in grid.ravel()[len(rows) :]:
            axes.set_visible(False)
        for axes, row in zip(grid.ravel(), rows, strict=False):
            own, twice = measured[measured["class"] == row["class"]], 2 * row["train"]
            axes.fill_between(own["taught"], own["low"], own["high"], color=theme.ACCENT, alpha=0.18, linewidth=0)
            axes.plot(own["taught"], own["share_right"], "o-", color=theme.ACCENT, linewidth=1.8, markersize=4)
            axes.plot([twice] * 2, [row["doubled_low"], row["doubled_high"]], color=theme.ACCENT, linewidth=5, alpha=0.35,
                      solid_capstyle="butt")  # fmt: skip
            axes.plot(twice, row["doubled"], "o", color="white", markeredgecolor=theme.ACCENT, markersize=6)
            axes.set_title(
                shortened([row["class"]], 60 // wide if width == charts.WIDTH else 18)[row["class"]], fontsize=9.5
            )
            axes.set(ylim=(floor, 1.03), xlim=(0, twice * 1.12))
            charts.in_whole_numbers(axes.xaxis, 3)
            charts.in_percent(axes.yaxis)
            axes.tick_params(labelsize=8.5)
            charts.bare(axes, "bottom")
        figure.supxlabel(_("photos that teach; ring: with twice as many"), fontsize=9.5, color=theme.SOFT)
    return figure
