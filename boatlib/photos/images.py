"""The one gate through which every photo is opened: checked, decoded in full, upright, RGB."""

import io
import logging
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pillow_heif
from PIL import Image, ImageOps, TiffImagePlugin

from boatlib.errors import UnreadablePhotoError
from boatlib.photos import levels
from boatlib.photos.colour_profiles import to_srgb
from boatlib.photos.levels import Levels, Range

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF", "JPEG2000", "PPM")
MAX_PIXELS = 64_000_000  # a photo of more is refused before it is decoded (8000 x 8000)
MIN_SIDE = 32  # pixels; a smaller picture shows too little


class Limits(NamedTuple):
    """Which pictures are opened: the shorter side at least, and all pixels at most."""

    min_side: int = MIN_SIDE
    max_pixels: int = MAX_PIXELS

    def refuse(self, width: int, height: int) -> None:
        """Raises UnreadablePhotoError for a picture that is too small or too large."""
        if width * height > self.max_pixels:
            raise UnreadablePhotoError(
                f"too large ({width} x {height} pixels, limit {self.max_pixels / 1_000_000:g} million)"
            )
        if min(width, height) < self.min_side:
            raise UnreadablePhotoError(f"too small ({width} x {height} pixels, minimum {self.min_side})")


USUAL = Limits()
PASSED = Limits(1, 4 * MAX_PIXELS)  # for photos that the catalog has let through
pillow_heif.register_heif_opener(thumbnails=False)
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # what it would say is a reason in the catalog
Image.MAX_IMAGE_PIXELS = None  # the limit above is checked here, for every photo, with a sentence of its own


@dataclass(frozen=True)
class Photo:
    """A decoded photo (`image`: upright, RGB) and what the file said of itself (`width`, `height`: upright).

    levels: what a picture of more than 8 bits uses; None for others, and where the file states its range; remark: what of the
    file is not seen, "" where all is.
    """

    image: Image.Image
    format: str
    mode: str
    width: int
    height: int
    levels: Levels | None = None
    remark: str = ""


def open_photo(
    source: Path | bytes,
    shorter_side: int | None = None,
    value_range: Range | None = None,
    limits: Limits = USUAL,
) -> Photo:
    """Open a photo from a path or from a file's bytes.

    shorter_side: pixels that are enough; large JPEGs are then decoded at a half, quarter or eighth of their size,
    never below this. value_range: what is black and white in pictures of more than 8 bits that do not state it; without, each is
    judged by itself. Raises UnreadablePhotoError with the reason.
    """
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise UnreadablePhotoError(f"cannot be read ({error.strerror or error})") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged EXIF block warns; the picture itself decides
            return _decode(data, shorter_side, value_range, limits)
    except UnreadablePhotoError:
        raise
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error, ... for bad files
        early = "truncated" in str(error)
        reason = "damaged: it ends too early" if early else f"damaged ({type(error).__name__})"
        raise UnreadablePhotoError(reason) from error


def size_of(file: Path) -> tuple[int, int] | None:
    """Width and height, upright, of a photo that is not decoded; None where its beginning does not tell."""
    try:
        with warnings.catch_warnings(), Image.open(file, formats=FORMATS) as image:
            warnings.simplefilter("ignore")
            width, height = image.size
            return (height, width) if image.getexif().get(0x0112, 1) in (5, 6, 7, 8) else (width, height)
    except Exception:  # as in `open_photo`, which says why
        return None


def header(data: bytes) -> Image.Image:
    """A picture of whose file only the beginning is read, to ask what it says of itself. Raises whatever Pillow raises."""
    return Image.open(io.BytesIO(data), formats=FORMATS)


def _decode(data: bytes, shorter_side: int | None, value_range: Range | None, limits: Limits) -> Photo:
    if not _looks_like_image(data):
        raise UnreadablePhotoError(what_is(data))
    if (bands := _bands(data)) > 4:
        raise UnreadablePhotoError(f"a picture of {bands} bands, and only those of 1 to 4 can be shown to a network")
    image = header(data)
    remark = _remark(image, bands)
    kind, mode, (width, height) = image.format or "", image.mode, image.size
    limits.refuse(width, height)
    if shorter_side and kind == "JPEG":
        scale = shorter_side / min(width, height)
        image.draft(None, (int(width * scale) + 1, int(height * scale) + 1))
    image.load()
    if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):
        width, height = height, width
    values = levels.deep_values(image, data)
    if values is None:
        return Photo(_to_rgb(ImageOps.exif_transpose(image)), kind, mode, width, height, remark=remark)
    stated, own = levels.stated(image), levels.used(values)
    picture = levels.to_picture(values, stated or value_range or levels.of_picture(own))
    picture.getexif().update(image.getexif())
    return Photo(ImageOps.exif_transpose(picture), kind, mode, width, height, None if stated else own, remark)


def _bands(data: bytes) -> int:
    """Samples of a pixel that a TIFF states (tag 277); 0 where it states none, or is none."""
    if not data.startswith((b"II*\x00", b"MM\x00*")):
        return 0
    file = io.BytesIO(data)
    directory = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
    file.seek(directory.next)
    directory.load(file)
    return int(directory.get(277, 0))


def _remark(image: Image.Image, bands: int) -> str:
    """What of a file is not seen: pages behind the first, the fourth of four bands that is no transparency."""
    pages = int(getattr(image, "n_frames", 1))
    words = [f"the first of {pages} pictures"] if pages > 1 else []
    if bands == 4 and image.mode in ("RGB", "RGBX"):
        words.append("the first three of 4 bands")
    return " and ".join(words)


def upright_rgb(
    picture: Image.Image | np.ndarray, value_range: Range | None = None, limits: Limits = USUAL
) -> Image.Image:
    """The same for a picture that is in memory already: a PIL image, or an array, uint8 [height, width] or [.., .., 3 or 4], or
    uint16, int32 or float32 [height, width].

    Raises UnreadablePhotoError.
    """
    if isinstance(picture, np.ndarray):
        colours = picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] in (3, 4)
        if not colours and (picture.ndim != 2 or picture.dtype.name not in ("uint8", "uint16", "int32", "float32")):
            raise UnreadablePhotoError(
                f"an array of {picture.dtype} {list(picture.shape)}; needed is uint8 [height, width, 3]"
            )
        picture = Image.fromarray(picture)
    limits.refuse(*picture.size)
    try:
        if (values := levels.deep_values(picture)) is not None:
            picture = levels.to_picture(values, value_range or levels.of_picture(levels.used(values)))
        return _to_rgb(ImageOps.exif_transpose(picture))
    except Exception as error:  # an image that is opened, but not loaded, can still turn out to be damaged
        raise UnreadablePhotoError(f"damaged ({type(error).__name__})") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    """RGB as the eye sees it: colours as their profile says, transparency on white."""
    image = to_srgb(image)
    if image.mode == "RGB":
        return image
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")


_SIGNATURES = (
    b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF8", b"BM", b"II*\x00",
    b"MM\x00*", b"II+\x00",
)  # fmt: skip


_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis"}  # of HEIF and AVIF
_PNM = re.compile(rb"P[1-6][\s#]")


def _looks_like_image(data: bytes) -> bool:
    if data[4:8] == b"ftyp":  # a container, also of films
        return data[8:12] in _BRANDS or any(brand in data[16:48] for brand in _BRANDS)
    if data.startswith(_SIGNATURES):
        return not data.startswith(b"RIFF") or data[8:12] == b"WEBP"
    return _PNM.match(data) is not None


def what_is(data: bytes) -> str:
    """Say in a few words what a file holds that is not an accepted photo."""
    start = data[:512].lstrip().lower()
    if not data:
        return "empty file"
    if start.startswith(b"version https://git-lfs"):
        return "a git-lfs pointer: the photo itself was not downloaded (git lfs pull)"
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page, not a photo"
    if b"<svg" in start:
        return "an SVG drawing, not a photo"
    if data[4:8] == b"ftyp":
        return "a film, not a photo"
    if start.startswith((b"%!ps", b"%pdf", b"simple  =")):
        return "a document (PostScript, PDF or FITS), not a photo"
    try:
        data[:512].decode("utf-8")
    except UnicodeDecodeError:
        return "not a photo format that is read here"
    return "a text file, not a photo"


def thumbnail(source: Path | bytes, side: int = 160) -> bytes:
    """A WebP picture of at most `side` pixels, from fresh pixels: no EXIF, no position, no comment travels along."""
    return small_webp(open_photo(source, shorter_side=side, limits=PASSED).image, side)


def small_webp(image: Image.Image, side: int) -> bytes:
    """The pixels of a picture, made to fit into a square of `side`, as WebP."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(small)).save(buffer, "WEBP", quality=75)
    return buffer.getvalue()


def as_jpeg(small: bytes) -> bytes:
    """A picture that `small_webp` made, as JPEG: PDF files know no WebP."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(small)).convert("RGB").save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
