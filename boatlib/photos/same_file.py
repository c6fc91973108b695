"""All photos made alike before anything is learnt from them: so many pixels, with colour or without, one compression.

What files tell of how a class was collected is then the same for all. What cannot be taken back stays: another sharpness, another
light, a frame, what an earlier and stronger compression has left.
"""

import io
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from boatlib.photos import reading
from boatlib.photos.glance import glance, is_grey, reduced
from boatlib.photos.images import PASSED, open_photo
from boatlib.photos.levels import Range

SameFile = tuple[int, bool, int]  # pixels at most, whether colour is taken out, JPEG quality
LOW = 0.05  # share of a class's photos, at the low end, by which nothing is decided
GREY = 0.25  # share of a class's photos without colour, from which on none keeps it
QUALITIES = 30, 95  # worse ones would hide the things, better ones compress nothing
FEWEST_PIXELS = 32 * 32


def of_catalog(table: pd.DataFrame, facts: pd.DataFrame) -> SameFile:
    """What all used photos can be brought to: the low end of the class that has least, so that none stands out by having less.

    table: `catalog.csv`; facts: `file_facts.csv`.
    """
    used = facts.merge(table[["photo", "label", "width", "height"]], on="photo")
    used = used.assign(pixels=used["width"].astype(float) * used["height"].astype(float))
    low = used.groupby("label")[["pixels", "quality"]].quantile(LOW, interpolation="lower").min()
    pixels = max(FEWEST_PIXELS, int(low["pixels"]))
    quality = QUALITIES[1] if pd.isna(low["quality"]) else int(np.clip(low["quality"], *QUALITIES))
    return pixels, bool(used.groupby("label")["grey"].mean().max() >= GREY), quality


def encoded(image: Image.Image, how: SameFile) -> bytes:
    """A JPEG of an upright RGB photo: never enlarged, and of the same shape."""
    pixels, colourless, quality = how
    scale = min(1.0, (pixels / (image.width * image.height)) ** 0.5)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    small = image.resize(size, Image.Resampling.LANCZOS) if size != image.size else image
    buffer = io.BytesIO()
    (small.convert("L") if colourless else small).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    return buffer.getvalue()


def made_alike(image: Image.Image, how: SameFile | None) -> Image.Image:
    """The photo as all are shown: RGB; as it is where nothing is asked for."""
    return open_photo(encoded(image, how), limits=PASSED).image if how else image


def as_learnt_from(
    photos: pd.DataFrame, glances: np.ndarray, root: Path, how: SameFile | None, value_range: Range | None = None
) -> tuple[pd.DataFrame, np.ndarray]:
    """Facts and glances of photos that were made alike: what they still say. Without `how` they are those of the files.

    photos: columns photo, sha256, and the facts of catalog and files; value_range: of the set's pictures of more than 8 bits.
    Raises DataError for a photo that changed since.
    """
    if how is None:
        return photos, glances

    def facts(item: tuple[str, str]) -> tuple[dict[str, object], np.ndarray]:
        image = open_photo(reading.read_unchanged(root, *item), value_range=value_range, limits=PASSED).image
        data = encoded(image, how)
        alike = open_photo(data, limits=PASSED)
        small = reduced(alike.image)
        own: dict[str, object] = {
            "width": alike.width,
            "height": alike.height,
            "bytes": len(data),
            "grey": is_grey(small),
        }
        return own, glance(small)

    named = zip(photos["photo"], photos["sha256"], strict=True)
    found = list(reading.prefetch(facts, named, beside=0))
    same = {"format": "JPEG", "mode": "L" if how[1] else "RGB", "quality": float(how[2]), "orientation": 0}
    same |= dict.fromkeys(("make", "camera", "software", "taken"), "")
    table = photos.assign(**pd.DataFrame([own for own, _ in found], index=photos.index), **same)
    return table, np.stack([seen for _, seen in found])
