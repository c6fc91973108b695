"""Pictures of more than 8 bits (grey values of 16 or 32 bits, floats): which value is black, and which is white.

A file rarely says which part of its numbers is used: 12 bits of an X-ray lie in 16. One picture alone would be stretched by its
own darkest and brightest spot, so that the same thing looks different in each. So the range is found once, from a whole set;
the model keeps it, and whoever uses the model applies it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

ENDS = (0.001, 0.999)  # quantiles of a picture's values: a hot pixel is not its range
ODD = 0.01  # share of a set's pictures, at either end, by which its range is not decided
NEAR_ZERO = 0.1  # of the highest value: a lowest one below it is taken for zero, which is black
DEEP_COLOUR = {2, 4, 6}  # colour types of a PNG with several samples a pixel

Range = tuple[float, float]


class Levels(NamedTuple):
    """The values that a picture uses: low and high end, and whether they are whole numbers."""

    low: float
    high: float
    whole: bool


def deep_values(image: Image.Image, data: bytes = b"") -> np.ndarray | None:
    """The values of a picture of more than 8 bits, float64 [height, width] or [height, width, 3]; None for others.

    data: of its file. Of colours with 16 bits a sample Pillow reads the upper 8, so these come in steps of 257.
    """
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image).astype(np.float64)
        finite = np.isfinite(values)
        return np.where(finite, values, values[finite].min() if finite.any() else 0)
    if is_deep_colour(image, data):
        return np.asarray(image.convert("RGB")).astype(np.float64) * 257
    return None


def is_deep_colour(image: Image.Image, data: bytes) -> bool:
    """Whether a file holds several samples of 16 bits a pixel."""
    if data.startswith(b"\x89PNG"):
        return data[24] == 16 and data[25] in DEEP_COLOUR
    bits = getattr(image, "tag_v2", {}).get(258, ())
    return isinstance(bits, tuple) and len(bits) > 1 and max(bits) == 16


def used(values: np.ndarray) -> Levels:
    """What a picture uses."""
    low, high = np.quantile(values, ENDS, method="nearest")
    return Levels(float(low), float(high), bool((values == np.round(values)).all()))


def stated(image: Image.Image) -> Range | None:
    """The range that a TIFF states itself (tags MinSampleValue, MaxSampleValue, or their twins for signed and real numbers)."""
    tags = getattr(image, "tag_v2", {})
    for low, high in ((280, 281), (340, 341)):
        values = [float(np.ravel(tags[tag])[0]) if tag in tags else 0.0 for tag in (low, high)]
        if high in tags and values[0] < values[1]:
            return values[0], values[1]
    return None


def of_picture(levels: Levels) -> Range:
    """A range for a picture that belongs to no set: as many bits as its highest value needs, at least 8; of real numbers
    0 to 1, 0 to 255, or what they use.
    """
    if levels.low < 0:
        return levels.low, max(levels.high, levels.low + 1)
    if levels.whole:
        return 0.0, float(2 ** max(8, int(levels.high).bit_length()) - 1)
    return 0.0, 1.0 if levels.high <= 1 else max(255.0, levels.high)


def of_set(pictures: Sequence[Levels]) -> Range | None:
    """The range that a set of pictures uses; None without pictures. Whole numbers within 0 to 255, or real ones within 0 to 1,
    keep that range.
    """
    if not pictures:
        return None
    low = float(np.quantile([levels.low for levels in pictures], ODD, method="lower"))
    high = float(np.quantile([levels.high for levels in pictures], 1 - ODD, method="higher"))
    whole = all(levels.whole for levels in pictures)
    if low >= 0 and high <= (255 if whole else 1):
        return 0.0, 255.0 if whole else 1.0
    low = 0.0 if 0 <= low < NEAR_ZERO * high else low
    return low, max(high, low + 1e-6)


def to_picture(values: np.ndarray, scale: Range) -> Image.Image:
    """RGB, black at the low end of the range and white at the high one."""
    low, high = scale
    shares = ((values - low) / (high - low)).clip(0, 1)
    return Image.fromarray((shares * 255).round().astype(np.uint8)).convert("RGB")
