import hashlib
import os
import shutil

import numpy as np
import pytest
from conftest import draw, make_set
from scipy.sparse.csgraph import connected_components

from boatlib import show
from boatlib.errors import DataError
from boatlib.photos import catalog, duplicates, splits
from boatlib.photos.layout.reasons import Reason


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


def test_51_the_folder_one_level_too_high_is_understood(tmp_path):
    make_set(tmp_path / "photos" / "boats", {"kayak": 8, "raft": 8})
    found = catalog.build_catalog(tmp_path / "photos", min_photos_per_class=5)
    assert found.notes == ["The folder “boats” holds the whole set."]
    assert found.classes["class"].tolist() == ["kayak", "raft"]
    assert found.table["photo"].str.startswith("boats/").all()


def test_52_names_that_differ_only_in_case_are_refused(tmp_path):
    with pytest.raises(DataError, match="same name to the eye"):
        catalog.build_catalog(make_set(tmp_path / "photos", {"Kayak": 4, "kayak ": 4}), min_photos_per_class=3)


def brute_force(hashes, within):
    """Components by comparing all with all."""
    values = np.array(hashes, np.uint64)
    near = np.bitwise_count(values[:, None] ^ values[None, :]) <= within
    return connected_components(near, directed=False)[1]


def same_partition(one, other):
    pairs = set(zip(one.tolist(), other.tolist(), strict=True))
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))


@pytest.mark.parametrize("crowd", [0, 50, 250_000])
@pytest.mark.parametrize("within", [0, 3, 6, 7])
def test_near_components_are_exactly_those_of_comparing_all(monkeypatch, within, crowd):
    """Scattered hashes, chains, and crowds under one camera; the ways for few and for many give the same."""
    monkeypatch.setattr(duplicates, "CROWD", crowd)
    random = np.random.default_rng(3)

    def flipped(value, most):
        return value ^ sum(1 << int(bit) for bit in random.choice(64, random.integers(0, most + 1), replace=False))

    scattered = [int(value) for value in random.integers(0, 2**63, 200)]
    near = [flipped(value, 8) for value in scattered[:80]]
    camera = [flipped(scattered[0], 3) for _ in range(150)]
    other_camera = [flipped(scattered[1], 12) for _ in range(150)]
    chain = [scattered[2]]
    for _ in range(60):
        chain.append(flipped(chain[-1], 7))
    hashes = [*scattered, *near, *camera, *other_camera, *chain, *camera[:20]]
    random.shuffle(hashes)
    hashes = [int(value) for value in hashes]
    assert same_partition(duplicates.near_components(hashes, within), brute_force(hashes, within))


def test_81_a_thousand_frames_of_one_camera_need_little_memory():
    import tracemalloc

    random = np.random.default_rng(0)
    hashes = [sum(1 << int(bit) for bit in random.choice(64, 3, replace=False)) for _ in range(4000)]
    duplicates.near_components(hashes[:10])  # imports what it needs
    tracemalloc.start()
    assert len(set(duplicates.near_components(hashes).tolist())) == 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200e6  # listing the pairs of 4,000 took 2 GB


def test_80_photos_of_different_classes_are_shown_and_not_joined(photo_set):
    for number in range(5):
        draw(0, 0).resize((200 + 9 * number, 150)).save(photo_set / "paper boat" / f"like a kayak {number}.jpg")
    found = catalog.build_catalog(photo_set, 5)
    rows = found.table.set_index("photo")
    alike = [f"paper boat/like a kayak {number}.jpg" for number in range(5)]
    assert rows.loc[alike, "group"].nunique() == 1
    assert rows.loc[alike[0], "group"] != rows.loc["kayak/000.jpg", "group"]
    shown = found.duplicates.set_index("photo")
    assert shown.loc[[*alike, "kayak/000.jpg"], "group"].nunique() == 1
    assert shown.loc[[*alike, "kayak/000.jpg"], "conflict"].all()
    assert (
        "1 group of near-duplicates holds photos of different classes" in show.duplicates.words(found.duplicates).text
    )
    off = catalog.build_catalog(photo_set, 5, near="off")
    assert off.duplicates.empty
    assert off.table["group"].nunique() == len(off.table)


def test_80_good_and_scratched_parts_under_one_camera(tmp_path):
    """The cause is named, and with the parameter the split is possible."""
    scene = draw(11)
    for number in range(40):
        for label in ("good", "scratched"):
            part = scene.copy()
            part.putpixel((number, 7), (255, 0, 0))
            if label == "scratched":
                part.paste((250, 250, 250), (10 + number, 60, 14 + number, 64))
            (tmp_path / label).mkdir(exist_ok=True)
            part.save(tmp_path / label / f"{number:02d}.png")
    found = catalog.build_catalog(tmp_path, 5)
    with pytest.raises(
        DataError, match=r"are near-duplicates of others.*fixed camera.*exploration\.near_duplicates.*`off`"
    ):
        splits.make_split(found.table, 0.6, 0.2, 0.2, 1)
    off = catalog.build_catalog(tmp_path, 5, near="off")
    counts = splits.count_by_split(splits.make_split(off.table, 0.6, 0.2, 0.2, 1))
    assert counts.to_numpy().tolist() == [[24, 8, 8]] * 2


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


def test_why_a_file_is_not_used_is_a_code_and_is_counted_by_it(photo_set):
    shutil.copyfile(photo_set / "kayak" / "000.jpg", photo_set / "kayak" / "z.jpg")
    shutil.copyfile(photo_set / "kayak" / "001.jpg", photo_set / "paper boat" / "x.jpg")
    (photo_set / "kayak" / "torn.jpg").write_bytes(b"\xff\xd8\xffnothing")
    (photo_set / "kayak" / ".DS_Store").write_bytes(b"x")
    (photo_set / "beside.jpg").write_bytes((photo_set / "kayak" / "002.jpg").read_bytes())
    found = catalog.build_catalog(photo_set, 6)
    codes = found.table.set_index("photo")["reason_code"]
    assert codes["kayak/z.jpg"] == Reason.COPY
    assert codes["kayak/001.jpg"] == codes["paper boat/x.jpg"] == Reason.TWO_LABELS
    assert codes["kayak/torn.jpg"] == Reason.UNREADABLE
    assert codes["kayak/.DS_Store"] == Reason.SYSTEM
    assert codes["beside.jpg"] == Reason.BESIDE
    assert set(codes[codes.index.str.startswith("raft/")]) == {Reason.SMALL_CLASS}
    assert ((found.table["reason_code"] == "") == (found.table["reason"] == "")).all()
    counts = found.classes.set_index("class")
    assert counts.loc["kayak", ["conflicts", "copies"]].tolist() == [1, 1]
    assert counts.loc["paper boat", ["conflicts", "copies"]].tolist() == [1, 0]
