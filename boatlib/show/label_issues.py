"""Labels in doubt."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from boatlib.messages import gettext as _
from boatlib.messages import ngettext
from boatlib.shares import confidence
from boatlib.show.kit import gallery
from boatlib.show.kit.html import Html, paragraph


def words(rows: pd.DataFrame, shown: int) -> Html:
    """How many labels are in doubt, and what that means."""
    if rows.empty:
        return paragraph(_("No label is in doubt that nobody has looked at."))
    texts = [
        ngettext(
            "For {number} photo a simple model that had learnt from the other photos only finds another class "
            "as likely as that class's own "
            "photos. The label may be wrong, or the photo merely hard.",
            "For {number} photos a simple model that had learnt from the other photos only finds another class "
            "as likely as that class's own "
            "photos. Some labels will be wrong; some photos are merely hard.",
            len(rows),
        )
    ]  # fmt: skip
    if len(rows) > shown:
        texts.append(_("The {shown} most doubtful ones are shown.", shown=shown))
    if judging := int((rows["split"] == "test").sum()):
        texts.append(
            ngettext(
                "{number} of them is a test photo: correct it only where it is plainly wrong, or the result "
                "will look better than it is.",
                "{number} of them are test photos: correct only what is plainly wrong there, or the result "
                "will look better than it is.",
                judging,
            )
        )
    return paragraph(" ".join(texts))


def photos(rows: pd.DataFrame, root: Path, names: Sequence[str] | None = None) -> Html:
    """Photos whose label is in doubt: the label, what it looks like, and which part of the photos it belongs to."""

    def describe(row: Mapping[str, Any]) -> tuple[str, list[str]]:
        looks = _("looks like {name}, {share}", name=row["suggested"], share=confidence(row["suggested_confidence"], 0))
        lines = [_("labelled {name}", name=row["label"]), looks]
        return _("Photo labelled {label} that looks like {name}", label=row["label"], name=row["suggested"]), lines

    return Html(gallery.grid(gallery.cards(rows, root, describe, names)), f"{len(rows)} photos whose label is in doubt")
