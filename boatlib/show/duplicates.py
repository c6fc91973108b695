"""Photos that stand there twice: how many, which, side by side."""

from pathlib import Path

import pandas as pd

from boatlib.order import natural
from boatlib.show.kit import gallery, tables
from boatlib.show.kit.html import Html, bullets
from boatlib.show.kit.words import listing, photos_in_words

LIMIT = 48  # photos in one gallery


def _groups(photos: pd.DataFrame) -> str:
    count = photos["group"].nunique()
    return f"{count} group{'' if count == 1 else 's'}"


def words(duplicates: pd.DataFrame) -> Html:
    """How many photos stand there twice, and what was done about it."""
    exact, near = (duplicates[duplicates["kind"] == kind] for kind in ("exact", "near"))
    conflicts = exact[exact["conflict"]]
    groups = f"{_groups(exact)} of equal files and {_groups(near)} of near-duplicates"
    copies = len(exact) - len(conflicts) - exact[~exact["conflict"]]["group"].nunique()
    items = [f"{groups} were found. Near-duplicates are all kept; those of one class always stand in the same split."]
    if copies:
        items.append(f"Of equal files with one label the first is kept; {photos_in_words(copies)} left out.")
    if len(conflicts):
        items.append(
            f"{photos_in_words(conflicts['group'].nunique())} "
            f"carr{'ies' if conflicts['group'].nunique() == 1 else 'y'} two labels "
            f"({listing(natural(set(conflicts['label'])))}). Nobody can say here which one is right, so both copies are left out."
        )
    near_conflicts = near[near["conflict"]]["group"].nunique()
    if near_conflicts:
        items.append(
            f"{_groups(near[near['conflict']])} of near-duplicates hold{'s' if near_conflicts == 1 else ''} photos of different "
            "classes. These are shown and not kept together: the same scene may show two things. Look at them closely."
        )
    return bullets(items)


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
