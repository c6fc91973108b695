"""Photos on a page: small pictures made from fresh pixels, with words below them. Long sets are cut, and say so."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from boatlib.errors import UnreadablePhotoError
from boatlib.photos import thumbnails
from boatlib.photos.layout.tree import file_of
from boatlib.show.kit.html import Html, card, escape, picture


def grid(cards: Iterable[str], css: str = "") -> str:
    """Cards side by side, as many as fit."""
    return f'<div class="gallery {css}">{"".join(cards)}</div>'


def photo_card(file: Path, alt: str, lines: Sequence[str], side: int = 160) -> str:
    """One photo with words below it; a photo that cannot be opened is a grey card with the reason."""
    try:
        return card(picture(thumbnails.cached(file, side), "image/webp", alt), lines)
    except UnreadablePhotoError as error:
        return card(f'<div class="unreadable">{escape(str(error))}</div>', lines)


def cards(
    rows: pd.DataFrame, root: Path, describe: Callable[[Any], tuple[str, list[str]]], names: Sequence[str] | None = None
) -> list[str]:
    """A card for each row (column photo). describe: a row's alt text and lines; names: of the photos, as they may be shown."""
    cards = []
    for row, name in zip(rows.to_dict("records"), names or [""] * len(rows), strict=True):
        alt, lines = describe(row)
        own = [name.rsplit("/", 1)[-1]] if name else []  # without its folders: the class is named beside it
        cards.append(photo_card(file_of(root, row["photo"]), alt, [*lines, *own]))
    return cards


def one_photo(file: Path, alt: str, side: int = 320) -> Html:
    """One photo by itself."""
    return Html(grid([photo_card(file, alt, [], side)], "pair"), alt)
