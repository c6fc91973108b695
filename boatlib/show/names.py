"""Names of photos as a page may show them."""

import pandas as pd

ID = 8  # characters of the SHA-256


def shown(photos: pd.Series, catalogued: pd.DataFrame, photo_names: bool) -> list[str]:
    """The photos' names, or, without `photo_names`, short ids: the beginning of each file's SHA-256 (see catalog.csv).

    catalogued: columns photo and sha256.
    """
    if photo_names:
        return photos.astype(str).tolist()
    ids = catalogued.drop_duplicates("photo").set_index("photo")["sha256"].astype(str).str[:ID]
    return ids.reindex(photos).fillna("").tolist()
