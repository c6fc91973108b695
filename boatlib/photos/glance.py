"""What could be known of a photo without looking at what it shows: what its file says of itself, and a glance at its colours.

01 keeps both for all used photos, so that whoever asks what a model may have learnt instead of the things opens none again.
EXIF is written by strangers: every text is cut, cleaned and checked, and a block that cannot be read counts as empty.
"""

import math
import re
import warnings
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from boatlib.photos.images import header

FACTS = ["quality", "make", "camera", "software", "taken", "orientation", "latitude", "longitude", "grey"]
SIDE = 128  # pixels of the longer side are enough for a glance
LEVELS = 4  # of red, green and blue in a histogram
RIM, CORNER = 0.04, 0.12  # shares of a side
COLOURLESS = 8  # of 255: by so much the channels of a picture without colour may differ, JPEG's rounding included
PARTS = {"colours": LEVELS**3, "border": 16, "corners": 16, "background": 3, "middle": 16}
STANDARD = 3688  # sum of the luminance table in annex K of ITU-T T.81, which is that of quality 50
LONGEST = 64  # signs of a text in EXIF
DATE = re.compile(r"(\d{4})[:\-](\d\d)[:\-](\d\d)[ T](\d\d):(\d\d):(\d\d)")


def of_photos(photos: pd.Series, facts: pd.DataFrame, glances: np.ndarray) -> np.ndarray:
    """The glances of photos, in their order. facts: column photo, in the order of all glances."""
    return glances[pd.Index(facts["photo"]).get_indexer(photos)]


def part(glances: np.ndarray, name: str) -> np.ndarray:
    """One of PARTS of the glances: float32 [photos, numbers]."""
    start = sum(list(PARTS.values())[: list(PARTS).index(name)])
    return glances[:, start : start + PARTS[name]].astype(np.float32)


def reduced(image: Image.Image) -> Image.Image:
    """As much of a photo as a glance takes in: a copy whose sides have at most SIDE pixels."""
    small = image.copy()
    small.thumbnail((SIDE, SIDE))
    return small


def glance(image: Image.Image) -> np.ndarray:
    """What is seen at a glance of a `reduced` RGB photo: float16 [115], all between 0 and 1.

    colours: the share of each of 4 x 4 x 4 colours; border: mean colour and spread of a thin rim at the top, bottom, left and
    right; corners: the same of the four corners; background: the median colour of the rim; middle: mean colour and spread of
    the four quarters of the middle, to compare the rim with.
    """
    pixels = np.asarray(image)
    red, green, blue = np.moveaxis(pixels // (256 // LEVELS), 2, 0)
    counts = np.bincount((red * LEVELS**2 + green * LEVELS + blue).ravel(), minlength=LEVELS**3)
    height, width = pixels.shape[:2]
    down, across = max(1, round(RIM * height)), max(1, round(RIM * width))
    rim = [pixels[:down], pixels[-down:], pixels[:, :across], pixels[:, -across:]]
    y, x = max(1, round(CORNER * height)), max(1, round(CORNER * width))
    corners = [pixels[:y, :x], pixels[:y, -x:], pixels[-y:, :x], pixels[-y:, -x:]]
    rows, columns = ((side // 4, side // 2, max(side // 2 + 1, side - side // 4)) for side in (height, width))
    middle = [pixels[rows[i] : rows[i + 1], columns[j] : columns[j + 1]] for i in (0, 1) for j in (0, 1)]
    around = np.concatenate([band.reshape(-1, 3) for band in rim])
    background = np.partition(around, len(around) // 2, axis=0)[len(around) // 2] / 255
    parts = [counts / counts.sum(), *map(_colour, rim + corners), background, *map(_colour, middle)]
    return np.concatenate(parts).astype(np.float16)


def _colour(pixels: np.ndarray) -> np.ndarray:
    """Mean of red, green and blue, and how much the pixels differ from it (standard deviation), of 1."""
    flat = pixels.reshape(-1, 3).astype(np.float32) / 255
    if not len(flat):
        return np.zeros(4)
    mean = flat.sum(axis=0) / len(flat)
    spread = np.einsum("ij,ij->", flat, flat) / flat.size - (mean @ mean) / 3
    return np.append(mean, max(spread, 0.0) ** 0.5)


def is_grey(image: Image.Image) -> bool:
    """Whether a `reduced` RGB photo has no colour in it (in 99% of its pixels)."""
    red, green, blue = (np.asarray(band) for band in image.split())
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return bool((spread > COLOURLESS).mean() <= 0.01)


def file_facts(data: bytes) -> dict[str, Any]:
    """What a photo's file says of itself, without decoding it: FACTS but `grey`. What it does not say is empty, or nan.

    quality: of a JPEG, 1 to 100, as libjpeg's scale would call its luminance table; taken: ISO 8601, without a zone; latitude,
    longitude: degrees.
    """
    facts: dict[str, Any] = dict.fromkeys(FACTS[:-1], "") | {"quality": math.nan, "orientation": 0}
    facts |= {"latitude": math.nan, "longitude": math.nan}
    with suppress(Exception), warnings.catch_warnings():  # a damaged block says nothing; the picture itself decides
        warnings.simplefilter("ignore")
        with header(data) as image:
            facts["quality"] = _quality(getattr(image, "quantization", None))
            exif = Image.Image.getexif(image)  # a PNG's own method would decode all of it
            facts |= {"make": _text(exif.get(0x010F)), "camera": _text(exif.get(0x0110))}
            facts |= {"software": _text(exif.get(0x0131)), "taken": _date(exif.get(0x0132))}
            facts["orientation"] = _orientation(exif.get(0x0112))
            facts["taken"] = _date(exif.get_ifd(0x8769).get(0x9003)) or facts["taken"]
            facts["latitude"], facts["longitude"] = _position(exif.get_ifd(0x8825))
    return facts


def _quality(tables: Mapping[int, Any] | None) -> float:
    """From the sum of a JPEG's first quantisation table, by the scale of libjpeg (jcparam.c, jpeg_quality_scaling)."""
    if not tables:
        return math.nan
    scale = 100 * sum(tables[min(tables)]) / STANDARD
    return float(round(min(100, max(1, (200 - scale) / 2 if scale <= 100 else 5000 / scale))))


def _text(value: Any) -> str:  # noqa: ANN401
    return "".join(filter(str.isprintable, value))[:LONGEST].strip() if isinstance(value, str) else ""


def _date(value: Any) -> str:  # noqa: ANN401
    found = DATE.match(value) if isinstance(value, str) else None
    with suppress(ValueError):
        return datetime(*map(int, found.groups())).isoformat() if found else ""  # type: ignore[arg-type]
    return ""


def _orientation(value: Any) -> int:  # noqa: ANN401
    return value if isinstance(value, int) and 1 <= value <= 8 else 0


def _position(tags: Mapping[int, Any]) -> tuple[float, float]:
    """Latitude and longitude; nan where there are none, or where they are those of a receiver that has not found itself."""
    found = []
    for reference, values, most in ((1, 2, 90), (3, 4, 180)):
        try:
            degrees = sum(float(value) / 60**place for place, value in zip(range(3), tags[values], strict=False))
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            return math.nan, math.nan
        found.append(-degrees if str(tags.get(reference, "")).upper().startswith(("S", "W")) else degrees)
        if not abs(degrees) <= most:
            return math.nan, math.nan
    return (found[0], found[1]) if any(found) else (math.nan, math.nan)
