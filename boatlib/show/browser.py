"""Looking through many photos page by page: the plain logic behind the photo browser, and its static twin."""

from pathlib import Path

import pandas as pd

from boatlib.show.gallery import photo_card
from boatlib.show.html import Html

PAGE = 12
EVERYTHING = "all"


def select(catalog: pd.DataFrame, label: str = EVERYTHING, status: str = "used") -> pd.DataFrame:
    """Rows of a catalog with this label and status ("used", "skipped" or "all")."""
    chosen = catalog
    if label != EVERYTHING:
        chosen = chosen[chosen["label"] == label]
    if status != EVERYTHING:
        chosen = chosen[chosen["status"] == status]
    return chosen.reset_index(drop=True)


def page_count(photos: pd.DataFrame, size: int = PAGE) -> int:
    """Number of pages; an empty selection has one empty page."""
    return max(1, -(-len(photos) // size))


def page(photos: pd.DataFrame, number: int, root: Path, size: int = PAGE) -> Html:
    """One page of photos (numbered from 1) with class, size and, for a skipped file, the reason."""
    number = min(max(number, 1), page_count(photos, size))
    cards = []
    for row in photos.iloc[(number - 1) * size : number * size].to_dict("records"):
        reason = [str(row["reason"])] if row["reason"] else []
        pixels = [] if pd.isna(row["width"]) or not row["width"] else [f"{row['width']} x {row['height']} pixels"]
        words = [str(row["label"]) or "no class", *pixels, *reason]
        cards.append(photo_card(root / row["photo"], f"{row['status']} photo, {words[0]}", words))
    first = min((number - 1) * size + 1, len(photos))
    count = f"Photos {first} to {min(number * size, len(photos))} of {len(photos)}"
    return Html(f'<p class="note">{count}</p><div class="gallery">{"".join(cards)}</div>', count)
