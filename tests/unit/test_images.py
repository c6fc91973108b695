import io
import struct

import numpy as np
import pytest
from PIL import Image

from boatlib.errors import UnreadablePhotoError
from boatlib.photos.images import Limits, open_photo, thumbnail, upright_rgb


def encoded(image, kind="JPEG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


GREEN = Image.new("RGB", (64, 48), (0, 200, 0))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello, this is text", "text file"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "git-lfs"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "document"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\0\0\0\x18ftypmp42", "film"),
        (encoded(GREEN)[:300], "damaged"),
        (encoded(Image.new("RGB", (12, 12))), "too small"),
    ],
)
def test_38_what_is_not_a_photo_gets_its_reason(data, words):
    with pytest.raises(UnreadablePhotoError, match=words):
        open_photo(data)


def test_39_a_truncated_photo_is_found_also_when_it_is_decoded_small():
    data = encoded(Image.effect_noise((600, 400), 80).convert("RGB"))
    with pytest.raises(UnreadablePhotoError, match="ends too early"):
        open_photo(data[: len(data) // 2], shorter_side=64)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_45_photos_are_upright_whatever_the_camera_wrote(orientation):
    upright = np.zeros((40, 60, 3), np.uint8)
    upright[:10, :20] = (255, 0, 0)
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = Image.fromarray(upright)
    if orientation in turn:
        stored = stored.transpose(turn[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = open_photo(encoded(stored, "PNG", exif=exif))
    np.testing.assert_array_equal(np.asarray(photo.image), upright)
    assert (photo.width, photo.height) == (60, 40)


@pytest.mark.parametrize(
    ("image", "kind", "pixel"),
    [
        (Image.new("RGBA", (40, 40), (255, 0, 0, 0)), "PNG", (255, 255, 255)),
        (Image.new("LA", (40, 40), (0, 255)), "PNG", (0, 0, 0)),
        (Image.new("L", (40, 40), 90), "PNG", (90, 90, 90)),
        (Image.new("1", (40, 40), 1), "PNG", (255, 255, 255)),
        (Image.fromarray(np.full((40, 40), 32768, np.uint16)), "PNG", (128, 128, 128)),
        (Image.fromarray(np.full((40, 40), 0.5, np.float32)), "TIFF", (128, 128, 128)),
    ],
)
def test_46_every_mode_becomes_rgb_as_the_eye_sees_it(image, kind, pixel):
    result = open_photo(encoded(image, kind)).image
    assert result.mode == "RGB"
    assert result.getpixel((20, 20)) == pixel


def test_62_thumbnails_carry_nothing_but_pixels():
    exif = Image.Exif()
    exif[0x010E] = "secret words"
    small = thumbnail(encoded(Image.new("RGB", (800, 400)), exif=exif, comment=b"secret words"))
    assert b"secret" not in small
    assert max(Image.open(io.BytesIO(small)).size) == 160


PICTURE = Image.effect_noise((64, 48), 60).convert("RGB")


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("HEIF", "RGB"), ("AVIF", "RGB"), ("JPEG2000", "RGB"), ("PPM", "RGB"), ("PPM", "L"), ("PPM", "1")],
)
def test_formats_of_phones_and_of_programs(kind, mode):
    photo = open_photo(encoded(PICTURE.convert(mode), kind))
    assert (photo.format, photo.width, photo.height, photo.image.mode) == (kind, 64, 48, "RGB")
    difference = np.asarray(photo.image, float) - np.asarray(PICTURE.convert(mode).convert("RGB"), float)
    assert np.abs(difference).mean() < 25


def banded(bands, extra):
    """A TIFF of 40 x 40 pixels with so many bands of 8 bits. extra: what each band beyond the colours is (tag 338)."""
    pixels = np.tile(np.arange(bands, dtype=np.uint8) * 10, 1600).tobytes()
    tags = [(256, 4, 40), (257, 4, 40), (258, 3, [8] * bands), (259, 3, 1), (262, 3, 2 if bands < 5 else 1), (273, 4, 0),
            (277, 3, bands), (278, 4, 40), (279, 4, len(pixels)), (284, 3, 1), (338, 3, extra)]  # fmt: skip
    tags = [tag for tag in tags if tag[2] != []]
    behind, start = b"", 8 + 2 + 12 * len(tags) + 4
    entries = b""
    for number, kind, value in tags:
        values = value if isinstance(value, list) else [value]
        packed = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            packed, behind = struct.pack("<I", start + len(behind)), behind + packed
        if number == 273:
            packed = b"HERE"
        entries += struct.pack("<HHI", number, kind, len(values)) + packed.ljust(4, b"\0")
    entries = entries.replace(b"HERE", struct.pack("<I", start + len(behind)))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0) + behind + pixels


def test_pages_and_bands_that_are_not_seen_are_said():
    pages = encoded(PICTURE.copy(), "TIFF", save_all=True, append_images=[PICTURE.rotate(180)] * 2)
    photo = open_photo(pages)
    assert photo.remark == "the first of 3 pictures"
    np.testing.assert_array_equal(np.asarray(photo.image), np.asarray(PICTURE))
    infrared = open_photo(banded(4, [0]))
    assert infrared.remark == "the first three of 4 bands"
    assert infrared.image.getpixel((0, 0)) == (0, 10, 20)
    assert open_photo(encoded(PICTURE)).remark == ""
    with pytest.raises(UnreadablePhotoError, match="a picture of 13 bands"):
        open_photo(banded(13, [0] * 12))


def test_limits_can_be_moved_on_purpose():
    tiny = encoded(PICTURE.resize((28, 28)), "PNG")
    with pytest.raises(UnreadablePhotoError, match="too small.*minimum 32"):
        open_photo(tiny)
    assert open_photo(tiny, limits=Limits(20)).width == 28
    with pytest.raises(UnreadablePhotoError, match="limit 0.002 million"):
        open_photo(encoded(PICTURE), limits=Limits(20, 2000))
    with pytest.raises(UnreadablePhotoError, match="too small"):
        upright_rgb(PICTURE.resize((28, 28)))
    assert upright_rgb(PICTURE.resize((28, 28)), limits=Limits(20)).size == (28, 28)
