"""Names as a page may show them: of photos, where they may be told; of classes, however long they are."""

from collections.abc import Sequence

import pandas as pd

ID = 8  # characters of the SHA-256
LONGEST = 32  # characters of a class's name in a chart, or at the head of a column


def shown(photos: pd.Series, catalogued: pd.DataFrame, photo_names: bool) -> list[str]:
    """The photos' names, or, without `photo_names`, short ids: the beginning of each file's SHA-256 (see catalog.csv).

    catalogued: columns photo and sha256.
    """
    if photo_names:
        return photos.astype(str).tolist()
    ids = catalogued.drop_duplicates("photo").set_index("photo")["sha256"].astype(str).str[:ID]
    return ids.reindex(photos).fillna("").tolist()


def shortened(names: Sequence[str], longest: int = LONGEST) -> dict[str, str]:
    """Each name to one of at most `longest` characters, cut in its middle; no two are the same."""
    short: dict[str, str] = {}
    for name in names:
        cut, number = _cut(name, longest), 1
        while cut in short.values():
            number += 1
            cut = _cut(name, longest - len(f" {number}")) + f" {number}"
        short[name] = cut
    return short


def _cut(name: str, longest: int) -> str:
    if len(name) <= longest:
        return name
    end = (longest - 1) // 3
    return f"{name[: longest - 1 - end]}…{name[len(name) - end :]}"
