"""What the result is worth for photos from elsewhere, in words, as a table and as a chart."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.messages import gettext as _
from boatlib.results.elsewhere import GROUPS
from boatlib.shares import of_hundred, percent
from boatlib.show.kit import charts, tables, theme
from boatlib.show.kit.html import Html, paragraph


def warning(told: Mapping[str, Any]) -> str:
    """What must be known before the figure is used, and what to do; "" where it holds. told: `elsewhere.json`."""
    if not told["differs"] or told["apart"]:
        return ""
    return _(
        "The test was too easy: for {alike} of 100 test photos the model had learnt from a look-alike (photos "
        "come in series of the same "
        "thing). On photos from elsewhere expect about {middle} of 100 right answers, not {right}. Try it on "
        "photos of your own before use, "
        "or have it tested again with split.group_by: look-alikes, which keeps series together.",
        alike=of_hundred(told["look_alikes"]), middle=of_hundred(told["middle"]), right=of_hundred(told["accuracy"]),
    )  # fmt: skip


def words(told: Mapping[str, Any]) -> Html:
    """What was found, and how."""
    if told["apart"]:
        last = _("The test photos are from elsewhere, so the result is true there.")
    elif told["differs"]:
        last = _(
            "So elsewhere expect {low} to {high} right.",
            low=percent(told["low"], 0),
            high=percent(told["high"], 0),
        )
    else:
        last = _("That is no sign of doing much worse elsewhere.")
    return paragraph(
        _(
            "For {alike} of 100 test photos a look-alike taught. A simple model is right for {random} when "
            "{divided}, for {held} when "
            "look-alikes are held out together. {last}",
            alike=of_hundred(told["look_alikes"]),
            random=percent(told["random"]),
            held=percent(told["held"]),
            divided=_divided(told),
            last=last,
        )
    )


def _divided(told: Mapping[str, Any]) -> str:
    return _("groups stay together") if told["division"] == GROUPS else _("photos are divided at random")


def table(held: pd.DataFrame, told: Mapping[str, Any]) -> Html:
    """The simple model with look-alikes held out together, at three distances. held: `results.elsewhere.held_together`."""
    names = [_divided(told), "look-alikes apart, carefully", "look-alikes apart", "look-alikes apart, boldly"]
    shown = pd.DataFrame(
        {
            "division": names[: len(held)],
            "look-alikes are nearer than": [f"{distance:.2f}" if distance else "–" for distance in held["distance"]],
            "right": held["right"],
            "95% range": [tables.interval(*ends) for ends in zip(held["low"], held["high"], strict=True)],
        }
    )
    return tables.table(shown, "A simple model, cross-validated", {"right": percent})


def chart(rows: pd.DataFrame) -> Html:
    """Right answers of the model by distance to the nearest photo that taught. rows: `results.elsewhere.by_distance`."""
    with theme.applied():
        figure, (axes,) = charts.axes_of(2.8)
        names = [f"under {row:.2f}" if row < 2 else "further" for row in rows["distance"]]
        for place, row in enumerate(rows.to_dict("records")):
            axes.plot(
                [place] * 2,
                [row["low"], row["high"]],
                color=theme.ACCENT,
                linewidth=5,
                alpha=0.3,
                solid_capstyle="butt",
            )
            axes.plot(place, row["right"], "o", color=theme.ACCENT, markersize=8)
            axes.annotate(f"{row['photos']:,} photos", (place, row["right"]), xytext=(9, 0), textcoords="offset points",
                          va="center", color=theme.INK, fontsize=9)  # fmt: skip
        axes.set(xticks=range(len(names)), xlim=(-0.4, len(names) - 0.3), ylim=(max(0, rows["low"].min() - 0.1), 1.05),
                 ylabel="right; bar: 95% range",
                 xlabel="distance to the nearest photo that taught (0: the same; 1: nothing in common)")  # fmt: skip
        axes.set_xticklabels(names)
        charts.in_percent(axes.yaxis)
        charts.bare(axes)
    told = "; ".join(f"{name}: {percent(share, 0)}" for name, share in zip(names, rows["right"], strict=True))
    return charts.chart(figure, f"Right answers by distance to the nearest photo that taught: {told}.")
