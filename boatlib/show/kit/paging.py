"""Going through many photos page by page."""

import pandas as pd

PAGE = 12


def page_count(photos: pd.DataFrame, size: int = PAGE) -> int:
    """Number of pages; an empty selection has one empty page."""
    return max(1, -(-len(photos) // size))


def rows_of_page(photos: pd.DataFrame, page: int, size: int = PAGE) -> tuple[pd.DataFrame, str]:
    """The photos of a page (numbered from 1; beyond the last: the last), and a sentence that counts them."""
    page = min(max(page, 1), page_count(photos, size))
    first = min((page - 1) * size + 1, len(photos))
    words = f"Photos {first:,} to {min(page * size, len(photos)):,} of {len(photos):,}"
    return photos.iloc[(page - 1) * size : page * size], words if len(photos) else "No photo is like that."
