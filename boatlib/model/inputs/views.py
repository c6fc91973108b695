"""Every way in which a photo is shown to the network: for training, evaluation and TTA, side by side.

A view is a name and gives a picture as uint8 array [height, width, 3]. `augmented-<k>...` views are random, but the
same for the same photo and k wherever they are made: the order of work, the number of workers and the seed of a run do
not change them.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, Self

import numpy as np
from PIL import Image

from boatlib.photos.images import MAX_PIXELS, MIN_SIDE, Limits
from boatlib.photos.same_file import SameFile, made_alike

VERSION = 5  # raise it when a view changes: features cached with another number are not used
PLAIN = "plain"
DETERMINISTIC = (PLAIN, "flip", "start", "end")  # start and end: of the longer side
PART = 0.75  # of the longer side that start and end show where the plain view shows all of it
GREY = (128, 128, 128)
STEP = 32  # pixels of a place of a convolutional network's last map


@dataclass(frozen=True)
class Preprocessing:
    """How a photo is shown to a network; mean and std on the scale 0 to 1, for R, G and B.

    size: height of the picture in pixels. width: 0 for a square, cut out of the middle of the photo, as in most pretrainings;
    otherwise the whole photo is squeezed into size x width pixels. value_range: what is black and white in pictures of more
    than 8 bits, found in the photos that taught the network; None where these held none. min_side, max_pixels: `Limits`.
    same_file: to what all photos are brought before they are shown (`photos.same_file`); None: as they are.
    """

    size: int
    crop_fraction: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bicubic"
    width: int = 0
    value_range: tuple[float, float] | None = None
    min_side: int = MIN_SIDE
    max_pixels: int = MAX_PIXELS
    same_file: SameFile | None = None

    @classmethod
    def of_saved(cls, saved: dict[str, Any]) -> Self:
        """From what a model file tells of it. Raises TypeError where that is something else."""
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in saved.items()}
        return cls(**values)

    @property
    def limits(self) -> Limits:
        """Which photos are opened."""
        return Limits(self.min_side, self.max_pixels)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the picture in pixels."""
        return self.size, self.width or self.size

    @property
    def resized(self) -> int:
        """Pixels of the shorter side before the centre crop."""
        return round(self.size / self.crop_fraction)

    @property
    def enough(self) -> int:
        """Pixels of a photo's shorter side that are enough for all views."""
        return self.size if self.width else round(self.size * 1.25)

    @property
    def decoded(self) -> int | None:
        """Pixels of the shorter side that a large JPEG may be opened at; None: in full, since other files must be, too."""
        return None if self.same_file else self.enough


@dataclass(frozen=True)
class Augmentation:
    """How much random views differ from the photo.

    min_scale: smallest share of the photo's area that a view shows; rotation: degrees, to either side; jitter: how far
    brightness, contrast and saturation are changed, up and down, as a share; flip: half of the views are mirror images.
    """

    min_scale: float = 0.5
    rotation: float = 10.0
    jitter: float = 0.2
    flip: bool = True

    def name(self, number: int) -> str:
        """Name of a random view. It holds what is not the default, so that features of different views are told apart."""
        own = "" if self == USUAL else "".join(f"-{float(value):g}" for value in astuple(self))
        return f"{RANDOM}{number}{own}"

    def names(self, count: int) -> list[str]:
        """Names of the first `count` random views."""
        return [self.name(number) for number in range(count)]


def growing(preprocessing: Preprocessing, first: float, epochs: int) -> list[Preprocessing]:
    """How photos are shown in each epoch: sides that grow evenly from a share `first` of the full ones, in steps of STEP pixels.

    Small pictures are learnt from faster, and the last ones decide (J. Howard, fast.ai's entry to DAWNBench, 2018).
    """
    shares = np.linspace(first, 1, epochs) if epochs > 1 else [1.0]
    sides = [
        [round(side * share / STEP) * STEP or STEP for side in (preprocessing.size, preprocessing.width)]
        for share in shares[:-1]
    ]
    shown = [replace(preprocessing, size=size, width=width if preprocessing.width else 0) for size, width in sides]
    return [*shown, preprocessing]


USUAL = Augmentation()
RANDOM = "augmented-"  # what the names of random views begin with


def _of_name(name: str) -> tuple[int, Augmentation]:
    number, *own = name.removeprefix(RANDOM).split("-")
    min_scale, rotation, jitter, flip = map(float, own or astuple(USUAL))
    return int(number), Augmentation(min_scale, rotation, jitter, bool(flip))


def tta_strategies(
    random: int, fixed: Sequence[str] = DETERMINISTIC[1:], augmentation: Augmentation = USUAL
) -> dict[str, list[str]]:
    """The strategies that TTA compares: name to views. All that average begin with the plain view."""
    strategies = {"plain": [PLAIN], "random": training_views(random, augmentation), "fixed": [PLAIN, *fixed]}
    return strategies if random else {name: views for name, views in strategies.items() if name != "random"}


def training_views(count: int, augmentation: Augmentation = USUAL) -> list[str]:
    """The plain view and `count` random ones."""
    return [PLAIN, *augmentation.names(count)]


def make_views(
    image: Image.Image, names: Sequence[str], preprocessing: Preprocessing, sha256: str = ""
) -> list[np.ndarray]:
    """The named views of an upright RGB photo, each as uint8 array [height, width, 3].

    sha256: of the photo's file; it seeds the random views.
    """
    image = made_alike(image, preprocessing.same_file)
    height, width = preprocessing.shape
    is_random = [name.startswith(RANDOM) for name in names]
    base = image.reduce(max(1, min(image.size) // preprocessing.enough)) if any(is_random) else image
    views = []
    for name, random in zip(names, is_random, strict=True):
        if random:
            number, augmentation = _of_name(name)
            generator = np.random.default_rng([int(sha256[:15] or "0", 16), number])
            views.append(np.asarray(_augment(base, preprocessing, augmentation, generator)))
        else:
            box = _box(image.size, preprocessing, {"start": 0.0, "end": 1.0}.get(name))
            resampling = Image.Resampling[preprocessing.interpolation.upper()]
            crop = np.asarray(image.resize((width, height), resampling, box=box))
            views.append(crop[:, ::-1] if name == "flip" else crop)
    return views


def seen_box(width: int, height: int, preprocessing: Preprocessing) -> tuple[float, float, float, float]:
    """The part of a photo that the plain view shows, as left, top, right, bottom in the photo's own pixels."""
    return _box((width, height), preprocessing, None)


def _box(size: tuple[int, int], preprocessing: Preprocessing, place: float | None) -> tuple[float, float, float, float]:
    """The part that is cut out, at `place` (0 start, 1 end, None middle) along the longer side.

    Cutting and scaling in one step gives what scaling first and cutting then would give, in half the time.
    """
    width, height = size
    if preprocessing.width:
        part = 1.0 if place is None else PART
        wide, high = (width * part, float(height)) if width >= height else (float(width), height * part)
    else:
        wide = high = min(size) * preprocessing.size / preprocessing.resized
    along = 0.5 if place is None else place
    across, down = (along, 0.5) if width >= height else (0.5, along)
    left, top = (width - wide) * across, (height - high) * down
    return left, top, left + wide, top + high


def _augment(
    image: Image.Image, preprocessing: Preprocessing, augmentation: Augmentation, random: np.random.Generator
) -> Image.Image:
    """A random view of a photo whose shorter side is one to two and a half times that of the picture.

    Random crop (sides 3:4 to 4:3, or stretched so much against the photo's own where pictures show whole photos), turn, mirror
    and light, in one resampling.
    """
    picture_height, picture_width = preprocessing.shape
    area = image.width * image.height * random.uniform(augmentation.min_scale, 1.0)
    own = image.width / image.height if preprocessing.width else 1.0
    ratio = own * np.exp(random.uniform(np.log(3 / 4), np.log(4 / 3)))
    width, height = min(image.width, np.sqrt(area * ratio)), min(image.height, np.sqrt(area / ratio))
    centre_x = random.uniform(width / 2, image.width - width / 2)
    centre_y = random.uniform(height / 2, image.height - height / 2)
    angle = np.deg2rad(random.uniform(-augmentation.rotation, augmentation.rotation))
    side = random.choice([-1, 1]) if augmentation.flip else 1
    across, down = width / picture_width * side, height / picture_height
    a, b = across * np.cos(angle), -down * np.sin(angle)
    d, e = across * np.sin(angle), down * np.cos(angle)
    x, y = picture_width / 2, picture_height / 2
    matrix = (a, b, centre_x - a * x - b * y, d, e, centre_y - d * x - e * y)
    frame = (picture_width, picture_height)
    view = image.transform(frame, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=GREY)
    return view.convert("RGB", _light(*random.uniform(1 - augmentation.jitter, 1 + augmentation.jitter, 3)))


def _light(brightness: float, contrast: float, saturation: float) -> tuple[float, ...]:
    """Brightness, contrast around middle grey, and saturation around luma (ITU-R BT.601) as one 3 x 4 colour matrix."""
    luma = np.array([0.299, 0.587, 0.114])
    colours = brightness * contrast * (saturation * np.eye(3) + (1 - saturation) * luma)
    offset = np.full((3, 1), brightness * (1 - contrast) * 128)
    return tuple(np.hstack([colours, offset]).ravel().tolist())
