"""The shape that is typical of a set: as wide for its height as the middle photo, with as many pixels as the middle photo."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from boatlib.photos.images import size_of

LOOKED_AT = 200  # photos
USUAL = (3.0, 2.0)  # where no photo tells


def of_catalog(table: pd.DataFrame) -> tuple[float, float]:
    """Width and height in pixels, of the used photos of a catalog."""
    used = table[table["status"] == "used"]
    return _typical(used["width"].to_numpy(np.float64), used["height"].to_numpy(np.float64))


def of_files(root: Path, photos: Sequence[str]) -> tuple[float, float]:
    """The same of files, of which at most LOOKED_AT are looked into, and only at their beginning."""
    some = random.Random(0).sample(list(photos), min(LOOKED_AT, len(photos)))
    sizes = [size for photo in some if (size := size_of(root / photo))]
    if not sizes:
        return USUAL
    widths, heights = np.array(sizes, dtype=np.float64).T
    return _typical(widths, heights)


def _typical(width: np.ndarray, height: np.ndarray) -> tuple[float, float]:
    if not len(width):
        return USUAL
    ratio, area = float(np.median(width / height)), float(np.median(width * height))
    return round((area * ratio) ** 0.5, 1), round((area / ratio) ** 0.5, 1)
