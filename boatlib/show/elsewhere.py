"""What the result is worth for photos from elsewhere, in words, as a table and as a chart."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.results.elsewhere import GROUPS
from boatlib.shares import of_hundred, percent
from boatlib.show.kit import charts, tables, theme
from boatlib.show.kit.html import Html, paragraph

WHERE = "photos from elsewhere (another place, day or camera)"


def headline(told: Mapping[str, Any]) -> str:
    """The sentence that follows the first figure. told: `elsewhere.json`."""
    if told["apart"]:
        return (
            f"The test photos are from elsewhere: in the teaching photos, at random, {of_hundred(told['random'])} of 100 can "
            "be named."
        )
    if told["differs"]:
        return (
            f"That holds for photos like those it was taught with; on {WHERE} expect between {of_hundred(told['low'])} and "
            f"{of_hundred(told['high'])} of 100."
        )
    also = ", beyond the groups that stay together," if told["division"] == GROUPS else ""
    return f"Holding back all that look alike{also} shows no sign that photos from elsewhere would fare much worse."


def warning(told: Mapping[str, Any]) -> str:
    """What must be known before the figure is used, and what to do; "" where it holds."""
    if not told["differs"] or told["apart"]:
        return ""
    return (
        f"The photos look alike in series: for {of_hundred(told['look_alikes'])} of 100 test photos a look-alike taught. On "
        f"{WHERE} expect about {of_hundred(told['middle'])} of 100 right answers, not {of_hundred(told['accuracy'])}. Set "
        "split.group_by: look-alikes, so that series stay together, or judge by photos from elsewhere."
    )


def words(told: Mapping[str, Any]) -> Html:
    """What was found, and how."""
    return paragraph(
        f"For {of_hundred(told['look_alikes'])} of 100 test photos a look-alike taught: a photo so near that chance does not "
        f"explain it. A simple model, cross-validated, is right for {percent(told['random'])} when {_divided(told)}, and for "
        f"{percent(told['held'])} when look-alikes are held out together. {warning(told) or headline(told)}"
    )


def _divided(told: Mapping[str, Any]) -> str:
    return "groups stay together" if told["division"] == GROUPS else "photos are divided at random"


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
        axes.set(xticks=range(len(names)), xlim=(-0.4, len(names) - 0.3), ylim=(0, 1.05), ylabel="right; bar: 95% range",
                 xlabel="distance to the nearest photo that taught (0: the same; 1: nothing in common)")  # fmt: skip
        axes.set_xticklabels(names)
        charts.in_percent(axes.yaxis)
        charts.bare(axes)
    told = "; ".join(f"{name}: {percent(share, 0)}" for name, share in zip(names, rows["right"], strict=True))
    return charts.chart(figure, f"Right answers by distance to the nearest photo that taught: {told}.")
