"""The drawn sample set: its counts, its sameness from run to run, and every planted fault."""

from __future__ import annotations

import fcntl
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps, UnidentifiedImageError

from boatlib.photos import catalog
from boatlib.photos.sample import draw
from boatlib.photos.sample.draw import COUNTS, PLANTED, draw_photo, draw_sample
from boatlib.run import cache_folder

KINDS = {
    "truncated",
    "not_a_photo",
    "exact_duplicate",
    "exact_duplicate_of",
    "near_duplicate",
    "near_duplicate_of",
    "label_conflict",
    "wrong_label",
    "wrong_label_shows",
    "alpha_png",
    "exif_rotated",
    "small_class",
    "grey",
    "tiny",
}


@pytest.fixture(scope="module")
def drawn() -> Path:
    """The whole set, drawn once by this very code: another code draws it anew."""
    sources = [file.read_bytes() for file in sorted(Path(draw.__file__).parent.glob("*.py"))]
    place = cache_folder("tests") / f"sample-{hashlib.sha256(b''.join(sources)).hexdigest()[:16]}"
    with (cache_folder("tests") / "sample.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers may ask
        if not place.is_dir():
            draw_sample(place)
    return place


def _jpeg(photo: Image.Image) -> bytes:
    content = io.BytesIO()
    photo.save(content, "JPEG", quality=draw.QUALITY)
    return content.getvalue()


def _small(path: Path) -> np.ndarray:
    with Image.open(path) as photo:
        return np.asarray(photo.convert("L").resize((16, 16)), np.float32)


@pytest.mark.parametrize("label", ["gondola", "ferry boat"])
def test_same_arguments_give_the_same_bytes(label: str) -> None:
    first = _jpeg(draw_photo(label, 3, seed=4))

    assert first == _jpeg(draw_photo(label, 3, seed=4))
    assert first != _jpeg(draw_photo(label, 4, seed=4))
    assert first != _jpeg(draw_photo(label, 3, seed=5))


@pytest.mark.parametrize("label", list(COUNTS))
def test_set_holds_what_a_single_drawing_gives(drawn: Path, label: str) -> None:
    number = 2  # no fault is planted on this number
    path = drawn / draw.photo_path(label, number)

    assert path.read_bytes() == _jpeg(draw_photo(label, number))


def test_planted_kinds_and_pairs_are_complete(drawn: Path) -> None:
    assert set(PLANTED) == KINDS
    for kind in ("exact_duplicate", "near_duplicate"):
        assert len(PLANTED[kind]) == len(PLANTED[f"{kind}_of"])
    assert len(PLANTED["wrong_label"]) == len(PLANTED["wrong_label_shows"])
    for kind in KINDS - {"small_class", "wrong_label_shows"}:
        for path in PLANTED[kind]:
            assert (drawn / path).is_file(), f"{kind}: {path} is missing"


def test_every_class_has_its_photos(drawn: Path) -> None:
    found = {folder.name: len(list(folder.iterdir())) for folder in drawn.iterdir()}

    assert found.keys() == COUNTS.keys()
    for label, count in COUNTS.items():
        assert count <= found[label] <= count + 3
    assert 580 <= sum(found.values()) <= 620
    assert [label for label, count in found.items() if count < 30] == list(PLANTED["small_class"])


def test_all_other_photos_load_in_full(drawn: Path) -> None:
    odd = {
        *PLANTED["truncated"],
        *PLANTED["not_a_photo"],
        *PLANTED["alpha_png"],
        *PLANTED["grey"],
        *PLANTED["tiny"],
    }
    for path in sorted(drawn.rglob("*.*")):
        if path.relative_to(drawn).as_posix() in odd:
            continue
        with Image.open(path) as photo:
            photo.load()
            assert photo.format == "JPEG"
            assert photo.mode == "RGB"
            assert min(photo.size) >= 200


def test_truncated_photo_opens_but_fails_a_full_load(drawn: Path) -> None:
    for path in PLANTED["truncated"]:
        with Image.open(drawn / path) as photo, pytest.raises(OSError, match="truncated"):
            photo.load()


def test_text_file_under_the_name_of_a_photo(drawn: Path) -> None:
    for path in PLANTED["not_a_photo"]:
        assert path.endswith(".jpg")
        with pytest.raises(UnidentifiedImageError):
            Image.open(drawn / path)


def test_exact_duplicates_are_byte_identical_within_a_class(drawn: Path) -> None:
    assert len(PLANTED["exact_duplicate"]) == 3
    for copy, original in zip(PLANTED["exact_duplicate"], PLANTED["exact_duplicate_of"], strict=True):
        assert copy.split("/")[0] == original.split("/")[0]
        assert (drawn / copy).read_bytes() == (drawn / original).read_bytes()


def test_near_duplicates_look_alike_but_differ_in_bytes(drawn: Path) -> None:
    assert len(PLANTED["near_duplicate"]) == 4
    for copy, original in zip(PLANTED["near_duplicate"], PLANTED["near_duplicate_of"], strict=True):
        assert copy.split("/")[0] == original.split("/")[0]
        assert (drawn / copy).read_bytes() != (drawn / original).read_bytes()
        pair = np.corrcoef(_small(drawn / copy).ravel(), _small(drawn / original).ravel())
        assert pair[0, 1] > 0.98


def test_label_conflict_is_one_photo_in_two_classes(drawn: Path) -> None:
    first, second = PLANTED["label_conflict"]

    assert first.split("/")[0] != second.split("/")[0]
    assert (drawn / first).read_bytes() == (drawn / second).read_bytes()


def test_no_other_files_are_byte_identical(drawn: Path) -> None:
    contents: dict[bytes, int] = {}
    for path in drawn.rglob("*.*"):
        contents[path.read_bytes()] = contents.get(path.read_bytes(), 0) + 1
    copies = len(PLANTED["exact_duplicate"]) + len(PLANTED["label_conflict"]) // 2

    assert sum(count - 1 for count in contents.values()) == copies


def test_wrong_labels_show_another_class(drawn: Path) -> None:
    assert len(PLANTED["wrong_label"]) == 8
    for path, shown in zip(PLANTED["wrong_label"], PLANTED["wrong_label_shows"], strict=True):
        assert shown in COUNTS
        assert path.split("/")[0] != shown
        number = int(path.removesuffix(".jpg").rsplit("_", 1)[1])
        assert (drawn / path).read_bytes() == _jpeg(draw_photo(shown, 1000 + number, clear=True))


def test_png_is_see_through_around_the_boat(drawn: Path) -> None:
    for path in PLANTED["alpha_png"]:
        with Image.open(drawn / path) as photo:
            assert photo.format == "PNG"
            assert photo.mode == "RGBA"
            assert photo.getchannel("A").getextrema() == (0, 255)


def test_rotated_photos_are_upright_once_their_tag_is_followed(drawn: Path) -> None:
    seen = set()
    for path in PLANTED["exif_rotated"]:
        label, number = path.split("/")[0], int(path.removesuffix(".jpg").rsplit("_", 1)[1])
        with Image.open(drawn / path) as photo:
            seen.add(photo.getexif()[draw.EXIF_ORIENTATION])
            upright = ImageOps.exif_transpose(photo)
        expected = draw_photo(label, number)
        assert upright.size == expected.size
        difference = np.asarray(upright, np.float32) - np.asarray(expected, np.float32)
        assert np.abs(difference).mean() < 8  # what the JPEG loses, no more

    assert len(PLANTED["exif_rotated"]) == 4
    assert seen == {3, 6, 8}


def test_grey_and_tiny_photos(drawn: Path) -> None:
    for path in PLANTED["grey"]:
        with Image.open(drawn / path) as photo:
            assert photo.mode == "L"
    for path in PLANTED["tiny"]:
        with Image.open(drawn / path) as photo:
            assert photo.size == (12, 12)


def test_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")

    with pytest.raises(FileExistsError, match="already holds"):
        draw_sample(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_interrupted_drawing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(draw, "COUNTS", {"raft": 2})
    monkeypatch.setattr(draw, "_plant_faults", stop)
    with pytest.raises(KeyboardInterrupt):
        draw_sample(tmp_path / "boats")

    assert list(tmp_path.iterdir()) == []


def test_the_catalog_finds_every_planted_fault(drawn: Path) -> None:
    found = catalog.build_catalog(drawn)
    rows = found.table.set_index("photo")

    def reasons(kind: str) -> list[str]:
        return [str(rows.loc[path, "reason"]) for path in PLANTED[kind]]

    assert all("too early" in reason for reason in reasons("truncated"))
    assert all("text file" in reason for reason in reasons("not_a_photo"))
    assert all("too small" in reason for reason in reasons("tiny"))
    assert all("two labels" in reason for reason in reasons("label_conflict"))
    for copy, original in zip(PLANTED["exact_duplicate"], PLANTED["exact_duplicate_of"], strict=True):
        assert "exact copy of" in rows.loc[copy, "reason"] + rows.loc[original, "reason"]
    for copy, original in zip(PLANTED["near_duplicate"], PLANTED["near_duplicate_of"], strict=True):
        assert rows.loc[copy, "group"].split(".")[0] == rows.loc[original, "group"].split(".")[0] != ""
    used = [*PLANTED["alpha_png"], *PLANTED["exif_rotated"], *PLANTED["grey"], *PLANTED["wrong_label"]]
    assert set(rows.loc[used, "status"]) == {"used"}
    assert found.classes.loc[~found.classes["kept"], "class"].tolist() == list(PLANTED["small_class"])
