"""Photos that stand there twice: how many, which, side by side."""

from pathlib import Path

import pandas as pd

from boatlib.messages import gettext as _
from boatlib.messages import ngettext
from boatlib.order import natural
from boatlib.show.kit import gallery, tables
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.words import listing

LIMIT = 48  # photos in one gallery


def words(duplicates: pd.DataFrame) -> Html:
    """How many photos stand there twice, and what was done about it."""
    exact, near = (duplicates[duplicates["kind"] == kind] for kind in ("exact", "near"))
    conflicts = exact[exact["conflict"]]
    copies = len(exact) - len(conflicts) - exact[~exact["conflict"]]["group"].nunique()
    twins = near["group"].nunique()
    items = []
    if copies:
        items.append(
            ngettext(
                "{number} copy of an equal file is left out.", "{number} copies of equal files are left out.", copies
            )
        )
    if twins:
        items.append(
            ngettext(
                "{number} group of near-duplicates is kept; those of one class stand in the same part.",
                "{number} groups of near-duplicates are kept; those of one class stand in the same part.",
                twins,
            )
        )
    if photos := conflicts["group"].nunique():
        names = listing(natural(set(conflicts["label"])))
        items.append(
            ngettext(
                "{number} photo carries two labels ({names}); both copies are left out.",
                "{number} photos carry two labels ({names}); both copies are left out.",
                photos,
                names=names,
            )
        )
    if others := near[near["conflict"]]["group"].nunique():
        items.append(
            ngettext(
                "{number} group of near-duplicates holds photos of different classes: look at it closely.",
                "{number} groups of near-duplicates hold photos of different classes: look at them closely.",
                others,
            )
        )
    return paragraph(" ".join(items) or _("No photo stands there twice."))


def table(duplicates: pd.DataFrame, limit: int = 30) -> Html:
    """Photos that stand there twice; `limit` rows are shown at the most, which the caption says."""
    rows = duplicates.head(limit).assign(conflict=lambda t: ["two labels" if c else "" for c in t["conflict"]])
    more = f" (the first {limit} of {len(duplicates)})" if len(duplicates) > limit else ""
    kinds = {"exact": "byte for byte", "near": "to the eye"}
    rows = rows.assign(kind=rows["kind"].map(kinds)).rename(columns={"kind": "the same"})
    return tables.table(rows, f"Photos that stand there twice{more}")


def photos(duplicates: pd.DataFrame, root: Path, limit: int = LIMIT) -> Html:
    """Photos that stand there twice, side by side: label, kind, and whether the labels differ."""
    shown = duplicates.head(limit)
    cards = []
    for row in shown.to_dict("records"):
        kind = "the same file" if row["kind"] == "exact" else "the same to the eye"
        words = [str(row["label"]), kind + (", two labels" if row["conflict"] else ""), f"group {row['group']}"]
        cards.append(
            gallery.photo_card(root / row["photo"], f"Photo of group {row['group']}, labelled {row['label']}", words)
        )
    cut = f"<p class='note'>{limit} of {len(duplicates)} photos are shown.</p>" if len(duplicates) > limit else ""
    return Html(gallery.grid(cards) + cut, f"{len(shown)} photos that stand there twice")
