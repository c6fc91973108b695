"""Every way in which a photo is shown to the network: for training, evaluation and TTA, side by side.

A view is a name and gives a square picture as uint8 array [size, size, 3]. `augmented-<k>` views are random, but the
same for the same photo and k wherever they are made: the order of work, the number of workers and the seed of a run do
not change them.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance

VERSION = 1  # raise it when a view changes: features cached with another number are not used
PLAIN = "plain"
DETERMINISTIC = (PLAIN, "flip", "start", "end", "whole")  # start and end: of the longer side; whole: letterboxed
GREY = (128, 128, 128)


@dataclass(frozen=True)
class Preprocessing:
    """What the network was pretrained with. size in pixels; mean and std on the scale 0 to 1, for R, G and B."""

    size: int
    crop_fraction: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bicubic"

    @property
    def resized(self) -> int:
        """Pixels of the shorter side before the centre crop."""
        return round(self.size / self.crop_fraction)


def augmented(count: int) -> list[str]:
    """Names of the first `count` random views."""
    return [f"augmented-{number}" for number in range(count)]


def tta_ways(random: int) -> dict[str, list[str]]:
    """The ways of looking that TTA compares: name to views. All that average begin with the plain view."""
    return {"plain": [PLAIN], "random": [PLAIN, *augmented(random)], "fixed": list(DETERMINISTIC)}


def training_views(count: int) -> list[str]:
    """The plain view and `count` random ones."""
    return [PLAIN, *augmented(count)]


def make_view(image: Image.Image, view: str, preprocessing: Preprocessing, sha256: str = "") -> np.ndarray:
    """One view of an upright RGB photo as uint8 array [size, size, 3]; sha256 of its file seeds the random ones."""
    size = preprocessing.size
    if view.startswith("augmented-"):
        random = np.random.default_rng([int(sha256[:15] or "0", 16), int(view.removeprefix("augmented-"))])
        return np.asarray(_augment(image, size, random))
    if view == "whole":
        return np.asarray(_letterbox(image, size))
    resized = _resize_shorter_side(image, preprocessing.resized)
    crop = resized.crop(_box(resized.size, size, "middle" if view in (PLAIN, "flip") else view))
    return np.asarray(crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if view == "flip" else crop)


def seen_box(width: int, height: int, preprocessing: Preprocessing) -> tuple[float, float, float, float]:
    """The part of a photo that the plain view shows, as left, top, right, bottom in the photo's own pixels."""
    side = min(width, height) * preprocessing.size / preprocessing.resized
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def _resize_shorter_side(image: Image.Image, side: int) -> Image.Image:
    scale = side / min(image.size)
    width, height = (max(side, round(length * scale)) for length in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def _box(size: tuple[int, int], side: int, place: str) -> tuple[int, int, int, int]:
    """A square at the start, middle or end of the longer side, in the middle of the shorter one."""
    share = {"start": 0.0, "middle": 0.5, "end": 1.0}[place]
    width, height = size
    across, down = (share, 0.5) if width >= height else (0.5, share)
    left, top = round((width - side) * across), round((height - side) * down)
    return left, top, left + side, top + side


def _letterbox(image: Image.Image, size: int) -> Image.Image:
    scale = size / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    paper = Image.new("RGB", (size, size), GREY)
    paper.paste(image.resize((width, height), Image.Resampling.BICUBIC), ((size - width) // 2, (size - height) // 2))
    return paper


def _augment(image: Image.Image, size: int, random: np.random.Generator) -> Image.Image:
    """Random crop (half to all of the area, sides 3:4 to 4:3), turn (10 degrees), mirror and light, in one resampling."""
    image = _resize_shorter_side(image, round(size * 1.25))
    area = image.width * image.height * random.uniform(0.5, 1.0)
    ratio = np.exp(random.uniform(np.log(3 / 4), np.log(4 / 3)))
    width, height = min(image.width, np.sqrt(area * ratio)), min(image.height, np.sqrt(area / ratio))
    centre_x = random.uniform(width / 2, image.width - width / 2)
    centre_y = random.uniform(height / 2, image.height - height / 2)
    angle = np.deg2rad(random.uniform(-10, 10))
    across, down = width / size * random.choice([-1, 1]), height / size
    a, b = across * np.cos(angle), -down * np.sin(angle)
    d, e = across * np.sin(angle), down * np.cos(angle)
    middle = size / 2
    matrix = (a, b, centre_x - (a + b) * middle, d, e, centre_y - (d + e) * middle)
    view = image.transform((size, size), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=GREY)
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        view = enhance(view).enhance(random.uniform(0.8, 1.2))
    return view
