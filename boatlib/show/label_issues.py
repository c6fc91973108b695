"""Labels in doubt."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from boatlib.shares import confidence
from boatlib.show.kit import gallery
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.words import photos_in_words


def words(rows: pd.DataFrame, shown: int) -> Html:
    """How many labels are in doubt, and what that means."""
    if rows.empty:
        return paragraph("No label is in doubt that nobody has looked at.")
    judging = int((rows["split"] == "test").sum())
    text = (
        f"For {photos_in_words(len(rows))} the label is in doubt: a simple model that had learnt from the other photos only "
        f"finds another class as likely as it finds that class's own photos. "
        f"{'All' if len(rows) <= shown else f'The first {shown}'} are shown, the most doubtful first. Some labels will be wrong; "
        "some photos are merely hard."
    )
    if judging:
        text += (
            f" {judging} of them belong{'s' if judging == 1 else ''} to the test photos: correct only what is plainly wrong "
            "there, or the result will look better than it is."
        )
    return paragraph(text)


def photos(rows: pd.DataFrame, root: Path, names: Sequence[str] | None = None) -> Html:
    """Photos whose label is in doubt: the label, what it looks like, and which part of the photos it belongs to."""

    def describe(row: Mapping[str, Any]) -> tuple[str, list[str]]:
        looks = f"looks like {row['suggested']}, {confidence(row['suggested_confidence'], 0)}"
        lines = [f"labelled {row['label']}", looks, f"{row['split']} photo"]
        return f"Photo labelled {row['label']} that looks like {row['suggested']}", lines

    return Html(gallery.grid(gallery.cards(rows, root, describe, names)), f"{len(rows)} photos whose label is in doubt")
