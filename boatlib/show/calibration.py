"""What the model's confidence is worth: before, after, and against what came true."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.messages import gettext as _
from boatlib.messages import ngettext
from boatlib.results import calibration
from boatlib.shares import percent
from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, paragraph
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


def bars(predictions: pd.DataFrame, record: Mapping[str, Any]) -> Html:
    """What the model says against what comes true: a bar for each band of confidence, and a sentence that judges.

    predictions: of the test photos; record: `calibration.json`.
    """
    rows = calibration.reliability(predictions).sort_values("from", ascending=False)
    records, most = rows.to_dict("records"), rows["photos"].max()
    drawn = [tables.Cell("", row["photos"], _bar(row, most), number=False) for row in records]
    shown = pd.DataFrame(
        {
            _("it says"): [between(row) for row in records],
            _("right and wrong"): drawn,
            _("right"): [_("{some} of {of}", some=row["correct"], of=row["photos"]) for row in records],
            _("95% range"): [
                tables.interval(row["right_low"], row["right_high"], tables.whole_percent) for row in records
            ],
        }
    )
    texts = {_("right"): str, _("95% range"): str}
    table = tables.table(shown, _("What it says, and what came true"), texts, "bands")
    return paragraph(_judged(rows, record)) + table


def _bar(row: Mapping[str, Any], most: int) -> str:
    return tables.counted_bar(row["correct"] / most, (row["photos"] - row["correct"]) / most)


def _judged(rows: pd.DataFrame, record: Mapping[str, Any]) -> str:
    too_sure = rows[rows["said"] > rows["right_high"]].to_dict("records")
    too_shy = rows[rows["said"] < rows["right_low"]].to_dict("records")
    if too_sure:
        first = _("It is too sure of itself where it says {bands}.", bands=listing([between(row) for row in too_sure]))
    elif too_shy:
        first = _("It is more often right than it says at {bands}.", bands=listing([between(row) for row in too_shy]))
    else:
        first = _("Nothing in this test contradicts its confidence.")
    last = ngettext(
        "Its confidence was fitted to {number} validation photo.",
        "Its confidence was fitted to {number} validation photos.",
        record["photos"],
    )
    return f"{first} {last}"
