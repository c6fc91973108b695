"""Fault 69, and smaller ones of its kind: pictures of more than 8 bits, and colours that are not sRGB."""

import io
import json

import numpy as np
import pytest
from conftest import draw
from PIL import Image, ImageCms

from boatlib import show
from boatlib.model.inference import onnx_example
from boatlib.model.inputs import loading, views
from boatlib.model.networks import backbones
from boatlib.photos import catalog, levels
from boatlib.photos.images import open_photo, upright_rgb

GREY = np.asarray(draw(7).convert("L"), dtype=np.float64)  # 0 to about 220


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def twelve_bits(grey):
    return Image.fromarray((grey * 16).astype(np.uint16))


DEEP = {
    "12 bits in a PNG of 16": (encoded(twelve_bits(GREY)), (0, 4095)),
    "12 bits in a TIFF of 16": (encoded(twelve_bits(GREY), "TIFF"), (0, 4095)),
    "int32, 0 to 255": (encoded(Image.fromarray(GREY.astype(np.int32)), "TIFF"), (0, 255)),
    "int32 with negative numbers": (
        encoded(Image.fromarray((GREY * 16 - 1000).astype(np.int32)), "TIFF"),
        (-1000, 3080),
    ),
    "float, 0 to 1": (encoded(Image.fromarray((GREY / 255).astype(np.float32)), "TIFF"), (0, 1)),
    "float, 0 to 25500": (encoded(Image.fromarray((GREY * 100).astype(np.float32)), "TIFF"), (0, 25500)),
    "float, from -1000": (encoded(Image.fromarray((GREY * 10 - 1000).astype(np.float32)), "TIFF"), (-1000, 1550)),
}


@pytest.mark.parametrize("name", DEEP)
def test_69_with_the_range_of_its_set_a_picture_is_what_it_was_with_8_bits(name):
    data, scale = DEEP[name]
    seen = np.asarray(open_photo(data, value_range=scale).image, dtype=float)
    np.testing.assert_allclose(seen, np.repeat(GREY[..., None], 3, axis=2), atol=1.01)


@pytest.mark.parametrize("name", DEEP)
def test_69_a_picture_without_a_set_is_neither_black_nor_white(name):
    data, _ = DEEP[name]
    seen = np.asarray(open_photo(data).image, dtype=float)
    assert 25 < seen.mean() < 230
    assert np.ptp(seen) > 100
    assert (seen == 0).mean() < 0.05
    assert (seen == 255).mean() < 0.05


def deep_set(folder, name):
    """Two classes of pictures of one kind."""
    for number in range(24):
        grey = np.asarray(draw(number).convert("L"), dtype=np.float64)
        image = {
            "12": lambda g=grey: twelve_bits(g),
            "float": lambda g=grey: Image.fromarray((g * 10 - 1000).astype(np.float32)),
        }[name]()
        place = folder / ("kayak", "raft")[number % 2] / f"{number}.tif"
        place.parent.mkdir(parents=True, exist_ok=True)
        image.save(place)
    return folder


@pytest.mark.parametrize(("name", "step"), [("12", 16), ("float", 10)])
def test_69_the_range_is_found_once_and_all_of_the_set_share_it(tmp_path, name, step):
    folder = deep_set(tmp_path, name)
    found = catalog.build_catalog(folder, 3)
    low, high = found.value_range
    assert (low, high) == (found.table["low"].min(), found.table["high"].max())
    for number in (0, 2):  # brighter stays brighter: one factor for both
        seen = np.asarray(open_photo(folder / "kayak" / f"{number}.tif", value_range=(low, high)).image, dtype=float)
        grey = np.asarray(draw(number).convert("L"), dtype=float)
        inside = (seen[..., 0] > 0) & (seen[..., 0] < 255)
        assert np.polyfit(grey[inside], seen[..., 0][inside], 1)[0] == pytest.approx(
            255 * step / (high - low), rel=0.02
        )


def test_69_a_photo_that_is_far_from_the_others_does_not_darken_them():
    usual = [levels.Levels(0, 4000, True)] * 200
    assert levels.of_set([*usual, levels.Levels(0, 65535, True)]) == (0, 4000)
    assert levels.of_set([]) is None
    assert levels.of_set([levels.Levels(0, 200, True)]) == (0, 255)
    assert levels.of_set([levels.Levels(29_000, 31_000, True)]) == (29_000, 31_000)  # a heat camera


def test_69_the_sentence_of_01_names_no_photo(tmp_path):
    found = catalog.build_catalog(deep_set(tmp_path, "12"), 3)
    rows = found.table.copy()
    rows.loc[0, "high"] = 65535.0
    text = show.catalog.deep_pictures(rows, found.value_range).text
    assert "24 photos of more than 8 bits" in text
    assert "1 photo reaches far beyond and loses what lies there" in text
    assert ".tif" not in text


def test_69_a_range_that_the_file_states_counts():
    data = encoded(twelve_bits(GREY), "TIFF", tiffinfo={280: 0, 281: 4095})
    seen = np.asarray(open_photo(data, value_range=(0, 65535)).image, dtype=float)
    np.testing.assert_allclose(seen[..., 0], GREY, atol=1.01)
    assert open_photo(data).levels is None  # and decides nothing about others


def test_69_turned_and_in_memory(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = open_photo(encoded(twelve_bits(GREY), "PNG", exif=exif), value_range=(0, 4095))
    np.testing.assert_allclose(np.asarray(photo.image, dtype=float)[..., 0], np.rot90(GREY, -1), atol=1.01)
    for picture in (twelve_bits(GREY), (GREY * 16).astype(np.uint16)):
        np.testing.assert_allclose(np.asarray(upright_rgb(picture, (0, 4095)), dtype=float)[..., 0], GREY, atol=1.01)


def test_69_colours_of_16_bits_are_read_by_their_upper_half():
    """Pillow reads no more; but 12 bits in 16 are no longer black."""
    import struct
    import zlib

    height, width = 40, 60
    rows = (np.asarray(draw(3).resize((width, height)), dtype=np.uint16) * 16).astype(">u2")
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)), (b"IDAT", packed), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    photo = open_photo(png)
    assert photo.levels is not None
    np.testing.assert_allclose(
        np.asarray(photo.image, dtype=float), np.asarray(draw(3).resize((width, height))), atol=18
    )


def test_69_the_range_is_part_of_what_features_are_cached_by():
    plain, deep = (backbones.find_backbone("efficientnet_lite0", value_range=scale) for scale in (None, (0.0, 4095.0)))
    assert plain.key != deep.key
    assert deep.preprocessing.value_range == (0.0, 4095.0)
    (view,) = loading.decode(encoded(twelve_bits(GREY)), "", [views.PLAIN], deep.preprocessing)
    assert 40 < view.mean() < 200


def colour_profile(red):
    """A matrix profile of sRGB with another name and another red primary (XYZ), as ICC version 2."""
    import struct

    def xyz(*values):
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    name = b"wide"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + b"\0" + b"\0" * 78
    tags = {
        b"desc": description,
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"wtpt": xyz(0.9642, 1, 0.8249),
        b"rXYZ": xyz(*red),
    }
    tags |= {b"gXYZ": xyz(0.2053, 0.6257, 0.0609), b"bXYZ": xyz(0.1492, 0.0632, 0.7446)}
    tags |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    body, table, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for kind, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += kind + struct.pack(">II", offset + len(body), len(data))
        body += data
    size = offset + len(body)
    head = struct.pack(">I", size) + b"lcms\x02\x40\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    head += struct.pack(">iii", 63190, 65536, 54061) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


ADOBE = colour_profile((0.6097, 0.3111, 0.0195))  # the primaries of Adobe RGB (1998)


def test_69_wide_colours_are_shown_as_a_screen_shows_them():
    image = Image.new("RGB", (40, 40), (200, 60, 60))
    seen = open_photo(encoded(image, icc_profile=ADOBE)).image.getpixel((9, 9))
    assert seen[0] > 215  # the red of a wide space lies outside of what sRGB can show
    assert open_photo(encoded(image, icc_profile=b"no profile")).image.getpixel((9, 9)) == (200, 60, 60)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert open_photo(encoded(image, icc_profile=srgb)).image.getpixel((9, 9)) == (200, 60, 60)
    glass = image.convert("RGBA")
    glass.putalpha(0)
    assert open_photo(encoded(glass, icc_profile=ADOBE)).image.getpixel((9, 9)) == (255, 255, 255)


@pytest.mark.parametrize("name", [*DEEP, "stated", "wide", "wide glass", "colours", "turned", "grey"])
@pytest.mark.parametrize("scale", [None, (0.0, 4095.0)])
def test_69_whoever_uses_the_exported_model_sees_the_same(tmp_path, name, scale):
    glass = draw(4).convert("RGBA")
    glass.putalpha(draw(5).convert("L"))
    exif = Image.Exif()
    exif[0x0112] = 6
    others = {
        "stated": lambda: encoded(twelve_bits(GREY), "TIFF", tiffinfo={280: 0, 281: 4095}),
        "wide": lambda: encoded(draw(3), icc_profile=ADOBE),
        "wide glass": lambda: encoded(glass, icc_profile=ADOBE),
        "colours": lambda: encoded(draw(3), "JPEG", quality=95),
        "turned": lambda: encoded(twelve_bits(GREY), "PNG", exif=exif),
        "grey": lambda: encoded(draw(3).convert("L")),
    }
    file = tmp_path / "photo"
    file.write_bytes(DEEP[name][0] if name in DEEP else others[name]())
    ours = np.asarray(open_photo(file, value_range=scale).image, dtype=float)
    theirs = np.asarray(onnx_example.upright_rgb(str(file), json.loads(json.dumps(scale))), dtype=float)
    assert np.abs(ours - theirs).max() <= 1
