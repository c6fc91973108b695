import hashlib
import os
import shutil

import pytest
from conftest import draw, make_set

from boatlib.errors import DataError
from boatlib.photos import catalog, duplicates, splits


def tree_hash(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(f).encode() + f.read_bytes() for f in files)).hexdigest()


def test_38_and_57_every_file_is_accounted_for_and_nothing_is_changed(photo_set):
    (photo_set / "kayak" / "text.jpg").write_text("not a photo")
    (photo_set / "Thumbs.db").write_bytes(b"x")
    (photo_set / "lonely.jpg").write_bytes((photo_set / "raft" / "000.jpg").read_bytes())
    before = tree_hash(photo_set)
    found = catalog.build_catalog(photo_set, min_photos_per_class=5)
    files = [path for path in photo_set.rglob("*") if path.is_file()]
    assert len(found.table) == len(files)
    assert set(found.table["status"]) == {"used", "skipped"}
    assert (found.table.loc[found.table["status"] == "skipped", "reason"] != "").all()
    assert list(found.table.columns) == catalog.CATALOG
    assert tree_hash(photo_set) == before


def test_50_small_classes_are_dropped_by_name(photo_set):
    found = catalog.build_catalog(photo_set, min_photos_per_class=5)
    kept = found.classes.set_index("class")["kept"]
    assert kept.to_dict() == {"kayak": True, "paper boat": True, "raft": False}
    assert "class has only 3 photos" in found.table.loc[found.table["label"] == "raft", "reason"].iloc[0]


def test_51_the_set_inside_itself_is_left_out(photo_set):
    shutil.copytree(photo_set, photo_set.with_name("copy"))
    shutil.move(photo_set.with_name("copy"), photo_set / "boats")
    found = catalog.build_catalog(photo_set, min_photos_per_class=5)
    assert "boats" not in set(found.table["label"])
    assert len(found.notes) == 1
    assert (found.table["status"] == "used").sum() == 20


def test_55_one_photo_with_two_labels_teaches_neither(photo_set):
    shutil.copy(photo_set / "kayak" / "000.jpg", photo_set / "paper boat" / "x.jpg")
    found = catalog.build_catalog(photo_set, min_photos_per_class=5)
    rows = found.table.set_index("photo")
    assert "two labels" in rows.loc["kayak/000.jpg", "reason"]
    assert "two labels" in rows.loc["paper boat/x.jpg", "reason"]
    assert found.duplicates["conflict"].all()


def test_of_equal_files_with_one_label_the_first_is_kept(photo_set):
    shutil.copy(photo_set / "kayak" / "000.jpg", photo_set / "kayak" / "z.jpg")
    rows = catalog.build_catalog(photo_set, min_photos_per_class=5).table.set_index("photo")
    assert rows.loc["kayak/000.jpg", "status"] == "used"
    assert rows.loc["kayak/z.jpg", "reason"] == "exact copy of kayak/000.jpg"


@pytest.mark.parametrize("counts", [{}, {"kayak": 12}, {"kayak": 12, "raft": 2}])
def test_too_few_classes_are_a_plain_error(tmp_path, counts):
    folder = make_set(tmp_path / "photos", counts)
    folder.mkdir(exist_ok=True)
    with pytest.raises(DataError):
        catalog.build_catalog(folder, min_photos_per_class=5)


def test_51_the_folder_one_level_too_high_gets_a_hint(tmp_path):
    make_set(tmp_path / "photos" / "boats", {"kayak": 8, "raft": 8})
    with pytest.raises(DataError, match="Did you mean .*photos/boats"):
        catalog.build_catalog(tmp_path / "photos", min_photos_per_class=5)


def test_52_names_that_differ_only_in_case_are_refused(tmp_path):
    with pytest.raises(DataError, match="same name to the eye"):
        catalog.build_catalog(make_set(tmp_path / "photos", {"Kayak": 4, "kayak ": 4}), min_photos_per_class=3)


def test_near_pairs_are_exactly_those_of_comparing_all():
    import itertools

    import numpy as np

    random = np.random.default_rng(3)
    base = [int(value) for value in random.integers(0, 2**63, 200)]
    near = [value ^ sum(1 << int(bit) for bit in random.choice(64, 5, replace=False)) for value in base[:50]]
    hashes = sorted({*base, *near})
    expected = [
        (first, second, (first ^ second).bit_count())
        for first, second in itertools.combinations(hashes, 2)
        if (first ^ second).bit_count() <= duplicates.NEAR
    ]
    assert duplicates.near_pairs(hashes) == expected
    assert len(expected) >= 50


def test_a_resized_copy_is_a_near_duplicate_and_stays_with_its_original(photo_set):
    draw(0, 0).resize((320, 240)).save(photo_set / "kayak" / "larger.jpg", quality=70)
    found = catalog.build_catalog(photo_set, min_photos_per_class=5)
    groups = found.table.set_index("photo")["group"]
    assert groups["kayak/larger.jpg"] == groups["kayak/000.jpg"]
    for seed in range(20):
        split = splits.make_split(found.table, 0.6, 0.2, 0.2, seed).set_index("photo")["split"]
        assert split["kayak/larger.jpg"] == split["kayak/000.jpg"]


def test_53_a_name_that_is_not_utf8_is_skipped_with_that_reason(photo_set):
    old = photo_set / "kayak" / "000.jpg"
    old.rename(os.fsdecode(os.fsencode(old.parent) + b"/bad\xff.jpg"))
    table = catalog.build_catalog(photo_set, 3).table
    assert table.loc[table["photo"] == "kayak/bad\\udcff.jpg", "reason"].tolist() == [
        "its name is not UTF-8: rename it"
    ]
