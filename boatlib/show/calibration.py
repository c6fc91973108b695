"""What the model's confidence is worth: before, after, and against what came true."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.results import calibration
from boatlib.shares import percent
from boatlib.show.kit import charts, theme
from boatlib.show.kit.html import Html, bullets, paragraph
from boatlib.show.kit.words import between, listing


def temperature(record: Mapping[str, Any]) -> Html:
    """What the fitted temperature says. record: `calibration.describe`."""
    value = record["temperature"]
    judged = "too sure of itself" if value > 1.05 else "too modest" if value < 0.95 else "about right"
    text = (
        f"Before, the model was {judged}: the temperature that fits the {record['photos']} validation photos best is "
        f"{value:.2f}. It changes their loss from {record['loss_before']:.3f} to {record['loss_after']:.3f}."
    )
    if not record.get("mistakes", 1):
        text += (
            f" None of these photos was named wrongly, which does not prove that none ever is: {record['photos']} photos support "
            f"a confidence of about {percent(1 - 1 / (record['photos'] + 1), 0)} and no more."
        )
    if record.get("at_end"):
        text += " This is the end of the temperatures that were tried: take the model's confidence with care."
    return paragraph(text)


def words(predictions: pd.DataFrame, record: Mapping[str, Any]) -> Html:
    """Whether confidence can be taken at its word. predictions: of the test photos; record: `calibration.json`."""
    rows = calibration.reliability(predictions)
    items = [
        f"When it says {between(row)} (on average {percent(row['said'])}), it is right for {row['correct']} of {row['photos']}: "
        f"{percent(row['right'], 0)} (95% range {percent(row['right_low'], 0)} to {percent(row['right_high'], 0)})."
        for row in rows.sort_values("from", ascending=False).to_dict("records")
    ]
    too_sure = rows[rows["said"] > rows["right_high"]]
    too_shy = rows[rows["said"] < rows["right_low"]]
    if len(too_sure):
        first = f"It is too sure of itself where it says {listing([between(r) for r in too_sure.to_dict('records')])}."
    elif len(too_shy):
        first = f"It is more often right than it says at {listing([between(r) for r in too_shy.to_dict('records')])}."
    else:
        first = (
            "Nothing in this test contradicts its confidence: in every group what it says lies within the range of "
            "what came true."
        )
    gap = calibration.gain(predictions, record["temperature"])
    last = (
        f"The confidence was adjusted by one number, a temperature of {record['temperature']:.2f}, fitted on the "
        f"{record['photos']} validation photos alone. On the test photos, confidence and truth differ by "
        f"{100 * gap['after']:.1f} points on average; without the adjustment it would be {100 * gap['before']:.1f}."
    )
    return paragraph(first) + bullets(items) + paragraph(last, "note")


def chart(rows: pd.DataFrame) -> Html:
    """What the model says against what comes true, in groups of confidence. rows: `calibration.reliability`."""
    with theme.applied():
        figure, (axes,) = charts.axes_of(3.4)
        axes.plot([0, 1], [0, 1], color=theme.SOFT, linewidth=1, linestyle="--")
        axes.annotate("as often as it says", (0.2, 0.2), color=theme.SOFT, fontsize=9, rotation=23, xytext=(0, -4),
                      textcoords="offset points", rotation_mode="anchor", va="top")  # fmt: skip
        surest = rows["from"].max()  # close to its neighbour: its words stand above it
        for row in rows.to_dict("records"):
            axes.plot([row["said"]] * 2, [row["right_low"], row["right_high"]], color=theme.ACCENT, linewidth=5, alpha=0.3,
                      solid_capstyle="butt")  # fmt: skip
            axes.plot(row["said"], row["right"], "o", color=theme.ACCENT, markersize=8)
            place = {"xytext": (-9, 0), "ha": "right", "va": "center"}
            if row["from"] == surest:
                place |= {"xytext": (4, 9), "va": "bottom"}
            elif row["from"] < 0.5:  # on the left stand the words of the line
                place |= {"xytext": (9, 0), "ha": "left"}
            words = f"{row['photos']} photo{'s' if row['photos'] > 1 else ''}"
            axes.annotate(words, (row["said"], row["right"]), color=theme.INK, fontsize=9, textcoords="offset points",
                          **place)  # fmt: skip
        axes.set(
            xlim=(max(0, min(0.15, rows["said"].min() - 0.05)), 1.02),
            ylim=(0, 1.12),
            xlabel="how sure the model says it is (mean of the group)",
            ylabel="how often it is right; bar: 95% range",
        )
        for axis in (axes.xaxis, axes.yaxis):
            charts.in_percent(axis)
        charts.bare(axes)
    words = "; ".join(
        f"{percent(row['right'], 0)} right where it says {percent(row['said'], 0)}" for row in rows.to_dict("records")
    )
    return charts.chart(figure, f"Confidence against truth: {words}."[:250])
