"""The one gate through which every photo is opened: checked, decoded in full, upright, RGB."""

import io
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from boatlib.errors import UnreadablePhotoError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAX_PIXELS = 64_000_000  # a photo of more is refused before it is decoded (8000 x 8000)
MIN_SIDE = 32  # pixels; a smaller picture shows too little
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # what it would say is a reason in the catalog
Image.MAX_IMAGE_PIXELS = None  # the limit above is checked here, for every photo, with a sentence of its own


@dataclass(frozen=True)
class Photo:
    """A decoded photo (`image`: upright, RGB) and what the file said of itself (`width`, `height`: upright)."""

    image: Image.Image
    format: str
    mode: str
    width: int
    height: int


def open_photo(source: Path | bytes, shorter_side: int | None = None) -> Photo:
    """Open a photo from a path or from a file's bytes.

    shorter_side: pixels that are enough; large JPEGs are then decoded at a half, quarter or eighth of their size,
    never below this. Raises UnreadablePhotoError with the reason.
    """
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise UnreadablePhotoError(f"cannot be read ({error.strerror or error})") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged EXIF block warns; the picture itself decides
            return _decode(data, shorter_side)
    except UnreadablePhotoError:
        raise
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error, ... for bad files
        early = "truncated" in str(error)
        reason = "damaged: it ends too early" if early else f"damaged ({type(error).__name__})"
        raise UnreadablePhotoError(reason) from error


def _decode(data: bytes, shorter_side: int | None) -> Photo:
    if not _looks_like_image(data):
        raise UnreadablePhotoError(what_is(data))
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    kind, mode, (width, height) = image.format or "", image.mode, image.size
    if width * height > MAX_PIXELS:
        raise UnreadablePhotoError(f"too large ({width} x {height} pixels, limit {MAX_PIXELS // 1_000_000} million)")
    if min(width, height) < MIN_SIDE:
        raise UnreadablePhotoError(f"too small ({width} x {height} pixels, minimum {MIN_SIDE})")
    if shorter_side and kind in ("JPEG", "MPO"):
        scale = shorter_side / min(width, height)
        image.draft(None, (int(width * scale) + 1, int(height * scale) + 1))
    image.load()
    upright = ImageOps.exif_transpose(image)
    if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):
        width, height = height, width
    return Photo(_to_rgb(upright), kind, mode, width, height)


def upright_rgb(picture: Image.Image | np.ndarray) -> Image.Image:
    """The same for a picture that is in memory already: a PIL image, or a uint8 array [height, width] or [.., .., 3 or 4].

    Raises UnreadablePhotoError.
    """
    if isinstance(picture, np.ndarray):
        if (
            picture.dtype != np.uint8
            or picture.ndim not in (2, 3)
            or (picture.ndim == 3 and picture.shape[2] not in (3, 4))
        ):
            raise UnreadablePhotoError(
                f"an array of {picture.dtype} {list(picture.shape)}; needed is uint8 [height, width, 3]"
            )
        picture = Image.fromarray(picture)
    if min(picture.size) < MIN_SIDE:
        raise UnreadablePhotoError(f"too small ({picture.width} x {picture.height} pixels, minimum {MIN_SIDE})")
    try:
        return _to_rgb(ImageOps.exif_transpose(picture))
    except Exception as error:  # an image that is opened, but not loaded, can still turn out to be damaged
        raise UnreadablePhotoError(f"damaged ({type(error).__name__})") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    """RGB as the eye sees it: transparency on white, 16 bits scaled to 8, floats from 0 to 1 scaled to 255."""
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float64)
        return Image.fromarray((values.clip(0, 65535) / 257).round().astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        scale = 255 if values.max(initial=0) <= 1 else 1
        return Image.fromarray((values * scale).clip(0, 255).round().astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")


_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"II+\x00")


def _looks_like_image(data: bytes) -> bool:
    return data.startswith(_SIGNATURES) and (not data.startswith(b"RIFF") or data[8:12] == b"WEBP")


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
        return "a format that is not read here (HEIC, AVIF or a film)"
    if start.startswith((b"%!ps", b"%pdf", b"simple  =")):
        return "a document (PostScript, PDF or FITS), not a photo"
    try:
        data[:512].decode("utf-8")
    except UnicodeDecodeError:
        return "not a photo format that is read here"
    return "a text file, not a photo"


def thumbnail(source: Path | bytes, side: int = 160) -> bytes:
    """A WebP picture of at most `side` pixels, from fresh pixels: no EXIF, no position, no comment travels along."""
    return small_webp(open_photo(source, shorter_side=side).image, side)


def small_webp(image: Image.Image, side: int) -> bytes:
    """The pixels of a picture, made to fit into a square of `side`, as WebP."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(small)).save(buffer, "WEBP", quality=75)
    return buffer.getvalue()
