"""Looking through many photos page by page: the plain logic behind the photo browser, and its static twin."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from boatlib.show.gallery import grid, photo_card
from boatlib.show.html import Html, paragraph
from boatlib.show.tables import number, table

PAGE = 12
EVERYTHING = "all"
SIZES = {"under 300 pixels": (0, 300), "300 to 799": (300, 800), "800 or more": (800, 10**9)}  # of the shorter side


def select(
    catalog: pd.DataFrame,
    label: str = EVERYTHING,
    status: str = "used",
    split: str = EVERYTHING,
    size: str = EVERYTHING,
) -> pd.DataFrame:
    """Rows of a catalog with this label, status ("used", "skipped"), split (column `split`) and size (of SIZES)."""
    chosen = catalog
    for column, value in (("label", label), ("status", status), ("split", split)):
        if value != EVERYTHING:
            chosen = chosen[chosen[column] == value]
    if size != EVERYTHING:
        low, high = SIZES[size]
        shorter = chosen[["width", "height"]].min(axis=1)
        chosen = chosen[(shorter >= low) & (shorter < high)]
    return chosen.reset_index(drop=True)


def with_splits(catalog: pd.DataFrame, split: pd.DataFrame | None) -> pd.DataFrame:
    """A catalog with a column `split`, "" where a photo is in none. split: `split.csv`, or None before it is made."""
    parts = {} if split is None else dict(zip(split["photo"], split["split"], strict=True))
    return catalog.assign(split=[parts.get(photo, "") for photo in catalog["photo"]])


def page_count(photos: pd.DataFrame, size: int = PAGE) -> int:
    """Number of pages; an empty selection has one empty page."""
    return max(1, -(-len(photos) // size))


def rows_of_page(photos: pd.DataFrame, page: int, size: int = PAGE) -> tuple[pd.DataFrame, str]:
    """The photos of a page (numbered from 1; beyond the last: the last), and a sentence that counts them."""
    page = min(max(page, 1), page_count(photos, size))
    first = min((page - 1) * size + 1, len(photos))
    words = f"Photos {first:,} to {min(page * size, len(photos)):,} of {len(photos):,}"
    return photos.iloc[(page - 1) * size : page * size], words if len(photos) else "No photo is like that."


def facts(row: Mapping[str, Any]) -> Html:
    """What the catalog knows of one photo, as a table."""
    rows = [
        ("file", row["photo"]),
        ("class", str(row["label"]) or "none"),
        ("used", f"yes, {row['split']}" if row["status"] == "used" and row["split"] else str(row["status"])),
        ("reason", row["reason"]),
        ("decision of a person", row["decision"]),
        ("pixels", "" if pd.isna(row["width"]) or not row["width"] else f"{row['width']} x {row['height']}"),
        ("format", f"{row['format']} {row['mode']}".strip()),
        ("bytes", number(row["bytes"])),
    ]
    known = pd.DataFrame([(name, value) for name, value in rows if value], columns=["", "this photo"])
    return table(known, "What is known of it")


def page(photos: pd.DataFrame, number: int, root: Path, size: int = PAGE) -> Html:
    """One page of photos with class, size and, for a skipped file, the reason."""
    rows, count = rows_of_page(photos, number, size)
    cards = []
    for row in rows.to_dict("records"):
        reason = [str(row["reason"])] if row["reason"] else []
        pixels = [] if pd.isna(row["width"]) or not row["width"] else [f"{row['width']} x {row['height']} pixels"]
        words = [str(row["label"]) or "no class", *pixels, *reason]
        cards.append(photo_card(root / row["photo"], f"{row['status']} photo, {words[0]}", words))
    return paragraph(count, "note") + Html(grid(cards))
