"""Colours alone, as a yardstick: what could be named without seeing any shape?"""

from pathlib import Path

import numpy as np
import pandas as pd

from boatlib.photos import reading
from boatlib.photos.images import PASSED, open_photo
from boatlib.photos.levels import Range

LEVELS = 4  # of red, green and blue
SIDE = 64  # pixels are enough for a histogram


def colour_histograms(photos: pd.DataFrame, root: Path, value_range: Range | None = None) -> np.ndarray:
    """The share of each of 4 x 4 x 4 colours in each photo: float32 [photos, 64].

    photos: columns photo (path below root) and sha256; value_range: of the set's pictures of more than 8 bits. Raises DataError
    for a photo that changed since.
    """

    def load(item: tuple[str, str]) -> np.ndarray:
        image = open_photo(reading.read_unchanged(root, *item), SIDE, value_range, PASSED).image
        image.thumbnail((2 * SIDE, 2 * SIDE))
        levels = (np.asarray(image, dtype=np.uint16) * LEVELS // 256) @ np.array([LEVELS * LEVELS, LEVELS, 1])
        counts = np.bincount(levels.ravel(), minlength=LEVELS**3)
        return (counts / counts.sum()).astype(np.float32)

    named = zip(photos["photo"], photos["sha256"], strict=True)
    return np.stack(list(reading.prefetch(load, named, beside=0)))
