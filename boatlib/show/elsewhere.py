"""What the result is worth for photos from elsewhere, in words, as a table and as a chart."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.results.elsewhere import GROUPS
from boatlib.shares import of_hundred, percent
from boatlib.show.kit import charts, tables, theme
from boatlib.show.kit.html import Html, paragraph

ELSEWHERE = "another place, day or camera"


def headline(told: Mapping[str, Any], result: str = "", photos: str = "photos") -> str:
    """The result, and what it is worth elsewhere; where that is less, it comes first. told: `elsewhere.json`; result: the
    sentence with the result of the test, and a blank; photos: what they are called.
    """
    if told["apart"]:
        return (
            f"{result}The test photos are from elsewhere: of the teaching photos, divided at random, "
            f"{of_hundred(told['random'])} of 100 can be named. "
        )
    if told["differs"]:
        return (
            f"Expect the right class for about {of_hundred(told['middle'])} of 100 {photos} from elsewhere ({ELSEWHERE}; "
            f"between {of_hundred(told['low'])} and {of_hundred(told['high'])}), and for {of_hundred(told['accuracy'])} of 100 "
            "like those it was taught with. "
        )
    also = ", beyond the groups that stay together," if told["division"] == GROUPS else ""
    return f"{result}Tested with look-alikes kept out{also} it shows no sign of doing much worse elsewhere. "


def warning(told: Mapping[str, Any]) -> str:
    """What must be known before the figure is used, and what to do; "" where it holds."""
    if not told["differs"] or told["apart"]:
        return ""
    return (
        f"The test was too easy: for {of_hundred(told['look_alikes'])} of 100 test photos the model had learnt from a "
        "look-alike (photos come in series of the same thing). On photos from elsewhere expect about "
        f"{of_hundred(told['middle'])} of 100 right answers, not {of_hundred(told['accuracy'])}. Try it on photos of your own "
        "before use, or have it tested again with split.group_by: look-alikes, which keeps series together."
    )


def words(told: Mapping[str, Any]) -> Html:
    """What was found, and how."""
    return paragraph(
        f"For {of_hundred(told['look_alikes'])} of 100 test photos a look-alike taught: a photo so near that chance does not "
        f"explain it. A simple model, cross-validated, is right for {percent(told['random'])} when {_divided(told)}, and for "
        f"{percent(told['held'])} when look-alikes are held out together. {headline(told).strip()}"
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
        axes.set(xticks=range(len(names)), xlim=(-0.4, len(names) - 0.3), ylim=(max(0, rows["low"].min() - 0.1), 1.05),
                 ylabel="right; bar: 95% range",
                 xlabel="distance to the nearest photo that taught (0: the same; 1: nothing in common)")  # fmt: skip
        axes.set_xticklabels(names)
        charts.in_percent(axes.yaxis)
        charts.bare(axes)
    told = "; ".join(f"{name}: {percent(share, 0)}" for name, share in zip(names, rows["right"], strict=True))
    return charts.chart(figure, f"Right answers by distance to the nearest photo that taught: {told}.")
