"""What the model never sees of a photo, and whether that makes it wrong."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.results.intervals import CHANCE
from boatlib.shares import p_words, percent
from boatlib.show.kit.html import Html, bullets, paragraph
from boatlib.show.kit.words import between


def words(rows: pd.DataFrame, record: Mapping[str, Any]) -> Html:
    """How much of the photos the model never sees, and whether that makes it wrong. rows: `accuracy_by_unseen`."""
    if record["unseen"] == 0:
        return paragraph("The model looks at the whole of each photo: nothing is cut off.")
    items = [
        f"Where {between(row)} of the photo is not seen, {row['correct']} of {row['photos']} are named rightly: "
        f"{percent(row['right'], 0)} (95% range {percent(row['right_low'], 0)} to {percent(row['right_high'], 0)})."
        for row in rows.to_dict("records")
    ]
    unseen = percent(record["unseen"], 0)
    first = f"The model looks at a square in the middle. Of half of the photos it never sees {unseen} or more."
    proven, p_value = record["p_value"] < CHANCE, record["p_value"]
    if not proven:
        last = f"That it is wrong more often where it sees less is not proven ({p_words(p_value)})."
    elif record["unseen_wrong"] > record["unseen_right"]:
        last = f"It sees less of the photos that it names wrongly, beyond chance ({p_words(p_value)}): other cuts may help."
    else:
        last = f"It sees more of the photos that it names wrongly ({p_words(p_value)}): no sign that the cut causes the mistakes."
    return paragraph(first) + bullets(items) + paragraph(last)
