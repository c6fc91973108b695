"""Faults 66, 67 and 71: the user's photos are not written to, whatever they are called and wherever they lie."""

import errno
import os
import shutil
import stat
import subprocess

import pandas as pd
import pytest
from awkward import NAME, Project, plain
from conftest import draw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from untouched import read_only, watched

from boatlib.errors import DataError, DiskError
from boatlib.model.inference import batch
from boatlib.photos import catalog, folders, splits


def state(folder):
    """Content, mode and time of every file below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return {path: (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns) for path in files}


def files_below(folder):
    """All files but Snakemake's own mark."""
    return [path for path in folder.rglob("*") if path.is_file() and path.name != ".snakemake_timestamp"]


@pytest.mark.fault
def test_66_two_paths_that_become_one_name(tmp_path):
    """The folder IMG/ beside files called IMG__<number>. Both became IMG__0.jpg, and the second was written through the first."""
    made = Project(tmp_path / "project")
    (made.photos / "kayak" / "IMG").mkdir()
    for number in range(10):
        draw(5000 + number).save(made.photos / "kayak" / "IMG" / f"{number}.jpg")
        draw(6000 + number).save(made.photos / "kayak" / f"IMG__{number}.jpg")
    before = state(made.photos)
    with watched(made.photos):
        result = made.run("--until", "02")
    assert result.returncode == 0, result.stdout + result.stderr
    assert state(made.photos) == before
    table = pd.read_csv(made.run_folder / "catalog.csv")
    assert len(files_below(made.run_folder / "data")) == (table["status"] == "used").sum() == 46


@pytest.mark.fault
def test_66_predict_on_photos_that_may_only_be_read(awkward, tmp_path):
    """On a read-only mount, as the whole chain in `test_other_machines.py` and JupyterLab in `test_lab.py`."""
    before = awkward.inputs()
    answers, readable = tmp_path / "answers.csv", read_only(awkward.photos)
    with watched(awkward.photos):
        asked = ("predict", f"runs/{NAME}/model", awkward.photos, "--tta", "--csv", answers)
        predicted = awkward.ask(*asked, before=readable)
        assert predicted.returncode == 0, plain(predicted)
    assert awkward.inputs() == before
    assert len(pd.read_csv(answers)) == 26
    written = subprocess.run(
        [*read_only(awkward.photos), "touch", str(awkward.photos / "x")], capture_output=True, text=True
    )
    assert "Read-only" in written.stderr


NAMES = [
    "IMG",
    "img",
    "a",
    "A",
    "a__b",
    "__",
    "b c",
    " ",
    "e\u0301",
    "\u00e9",
    "\u212b",
    "ß",
    "SS",
    "0",
    "0-2",
    "~",
    "x" * 120,
]
PIECES = st.one_of(
    st.sampled_from(NAMES),
    st.text("aB_. '-é0", min_size=1, max_size=4).filter(lambda text: not text.startswith(".")),
)
PATHS = st.tuples(
    st.lists(PIECES, min_size=1, max_size=3), st.sampled_from([".jpg", ".JPG", "", ".a-long-ending-that-is-none"])
)
PHOTOS = [b"\xff\xd8photo %d" % number for number in range(40)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["kayak", "raft"]), PATHS), min_size=3, max_size=len(PHOTOS), unique_by=str))
def test_66_whatever_photos_are_called(project, tree):
    """Trees of names that flatten to one, differ in case or in the form of an accent, or are long."""
    root, data = project / "photos", project / "data"
    shutil.rmtree(root, ignore_errors=True)
    rows = []
    for number, (label, (pieces, ending)) in enumerate(tree):
        photo = root / label / ("/".join(pieces) + ending)
        try:
            photo.parent.mkdir(parents=True, exist_ok=True)
            with photo.open("xb") as file:
                file.write(PHOTOS[number])
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue
        rows.append((str(photo.relative_to(root)), label, splits.SPLITS[number % 2]))
    before = state(root)
    split = pd.DataFrame(rows, columns=["photo", "label", "split"])
    for _ in range(2):  # and once more over the folders of the first time
        folders.make_folders(split, root, data)
        assert state(root) == before
        made = files_below(data)
        assert sorted(file.read_bytes() for file in made) == sorted(content for content, *_ in before.values())
        for file in made:
            assert file.relative_to(data).parts[1] in ("kayak", "raft")
    assert len({str(file).casefold() for file in made}) == len(split)


def test_66_the_catalog_and_the_folders_have_as_many_photos(photo_set, project):
    for number, name in enumerate(["IMG/0.jpg", "IMG__0.jpg", "img__0.jpg", "IMG/a/0.jpg", "IMG__a__0.jpg"]):
        (photo_set / "kayak" / name).parent.mkdir(parents=True, exist_ok=True)
        draw(700 + number).save(photo_set / "kayak" / name)
    before = state(photo_set)
    found = catalog.build_catalog(photo_set, 5)
    split = splits.make_split(found.table, 0.6, 0.2, 0.2, 1)
    with watched(photo_set):
        folders.make_folders(split, photo_set, project / "data")
    assert state(photo_set) == before
    assert len(files_below(project / "data")) == (found.table["status"] == "used").sum() == 25


def test_66_a_photo_that_is_gone_is_named(photo_set, project):
    split = splits.make_split(catalog.build_catalog(photo_set, 5).table, 0.6, 0.2, 0.2, 1)
    (photo_set / "kayak" / "003.jpg").unlink()
    with pytest.raises(DataError, match=r"kayak/003\.jpg was removed since the catalog was made"):
        folders.make_folders(split, photo_set, project / "data")


def _split(photo_set):
    return splits.make_split(catalog.build_catalog(photo_set, 5).table, 0.6, 0.2, 0.2, 1)


def test_67_folders_hold_links_that_say_so(photo_set, project):
    words = folders.make_folders(_split(photo_set), photo_set, project / "data")
    if "reflinks" in words:
        pytest.skip("this file system makes files of their own; that has a test below")
    assert "as links to your photos" in words
    assert "changes your photo, so copy it first" in words
    assert all(file.is_symlink() for file in files_below(project / "data"))
    test = project / "data" / "test"
    assert (
        len(batch.find_sources([test])) == len(files_below(test)) > 0
    )  # what the export is compared by, and `predict`


def test_67_links_inside_the_project_move_with_it(project, photo_set):
    inside = project / "photos"
    shutil.copytree(photo_set, inside)
    folders.make_folders(_split(inside), inside, project / "runs" / "x" / "data")
    moved = project.rename(project.with_name("elsewhere"))
    assert len(files_below(moved / "runs" / "x" / "data")) == 20


def test_67_where_the_file_system_can_each_photo_is_a_file_of_its_own(photo_set, tmp_path, monkeypatch):
    """On a real btrfs."""
    disk, place = tmp_path / "disk.img", tmp_path / "mounted"
    place.mkdir()
    if shutil.which("mkfs.btrfs") is None or os.geteuid():
        pytest.skip("needs mkfs.btrfs (package btrfs-progs) and root, to mount a file system that can reflink")
    with disk.open("wb") as file:
        file.truncate(130_000_000)
    subprocess.run(["mkfs.btrfs", "-q", str(disk)], check=True, capture_output=True)
    subprocess.run(["mount", "-o", "loop", str(disk), str(place)], check=True)
    try:
        shutil.copytree(photo_set, place / "photos")
        (place / "workflow").mkdir()
        (place / "workflow" / "Snakefile").touch()
        (place / "notebooks").mkdir()
        monkeypatch.chdir(place)
        before = state(place / "photos")
        words = folders.make_folders(_split(place / "photos"), place / "photos", place / "data")
        made = files_below(place / "data")
        assert not any(file.is_symlink() or file.stat().st_nlink > 1 for file in made)
        for file in made:
            file.write_bytes(b"painted over")
        assert state(place / "photos") == before
    finally:
        monkeypatch.undo()
        subprocess.run(["umount", str(place)], check=True)
    assert "as files of their own that take no space until they are changed" in words


@pytest.mark.parametrize("number", sorted(folders.IMPOSSIBLE))
def test_67_without_links_there_are_copies(photo_set, project, monkeypatch, number):
    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setitem(folders.WAYS, "clone", refused)
    monkeypatch.setitem(folders.WAYS, "link", refused)
    before = state(photo_set)
    words = folders.make_folders(_split(photo_set), photo_set, project / "data")
    assert "as copies, since links are not possible here" in words
    for file in files_below(project / "data"):
        assert stat.S_ISREG(file.lstat().st_mode)
        file.write_bytes(b"painted over")
    assert state(photo_set) == before


@pytest.mark.parametrize("number", [errno.EEXIST, errno.ENOSPC, errno.EACCES])
def test_67_any_other_refusal_is_no_reason_to_copy(photo_set, project, monkeypatch, number):
    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setitem(folders.WAYS, "link", refused)
    monkeypatch.setitem(folders.WAYS, "clone", refused)
    with pytest.raises(DiskError):
        folders.make_folders(_split(photo_set), photo_set, project / "data")


def test_71_a_link_to_another_photo_of_the_set_leads_to_that_photo(photo_set, project):
    """Relative links between photos were copied as they stood, and led nowhere from data/."""
    real = photo_set / "kayak" / "originals"
    real.mkdir()
    for file in sorted((photo_set / "kayak").glob("*.jpg")):
        file.rename(real / file.name)
        file.symlink_to(f"originals/{file.name}")
    split = _split(photo_set)
    folders.make_folders(split, photo_set, project / "data")
    assert len(files_below(project / "data")) == len(split) == 20
