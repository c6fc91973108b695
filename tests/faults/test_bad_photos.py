"""Faults 41 to 54 that are not tried elsewhere: files that are meant as photos, and folders in which they lie."""

import contextlib
import io
import os
import resource
import shutil
import subprocess
import sys
import unicodedata
import zlib

import numpy as np
import pytest
from conftest import draw, make_set
from PIL import Image

from boatlib.errors import DataError, UnreadablePhotoError
from boatlib.photos import catalog, folders, sources, splits
from boatlib.photos.corrections import Corrections
from boatlib.photos.images import open_photo
from boatlib.run import Run


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return bytearray(buffer.getvalue())


def test_38_a_folder_of_git_lfs_pointers_says_what_they_are(photo_set):
    for photo in photo_set.rglob("*.jpg"):
        photo.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    with pytest.raises(DataError, match=r"23 of 23\): a git-lfs pointer: the photo itself was not downloaded"):
        catalog.build_catalog(photo_set, 5)


def test_38_ten_thousand_photos_of_which_three_in_a_hundred_are_damaged(tmp_path):
    random = np.random.default_rng(4)
    for label in ("kayak", "raft"):
        (tmp_path / label).mkdir()
    for number in range(10_000):
        data = bytes(encoded(Image.fromarray(random.integers(0, 255, (36, 48, 3), dtype=np.uint8)), "JPEG"))
        file = tmp_path / ("kayak", "raft")[number % 2] / f"{number:05d}.jpg"
        file.write_bytes(data[: len(data) // 2] if number % 100 < 3 else data)
    found = catalog.build_catalog(tmp_path)
    assert found.table["status"].value_counts().to_dict() == {"used": 9700, "skipped": 300}
    assert (found.table.loc[found.table["status"] == "skipped", "reason"] == "damaged: it ends too early").all()


def test_49_and_53_a_folder_from_a_mac_and_one_from_windows(photo_set, tmp_path):
    """What comes with them is no photo; accents in two pieces stay one name; a table may have Windows' ends of line."""
    accented = photo_set / "kayak" / unicodedata.normalize("NFD", "canoë é.jpg")
    draw(321).save(accented)
    for left in ("kayak/._000.jpg", ".DS_Store", "kayak/.DS_Store", "paper boat/Thumbs.db"):
        (photo_set / left).write_bytes(b"\0\5\x16\7")
    log = Corrections(tmp_path / "corrections.csv")
    plain = catalog.build_catalog(photo_set, 5).table.set_index("photo")
    name = unicodedata.normalize("NFD", "kayak/canoë é.jpg")
    log.decide(plain.loc[name, "sha256"], name, "paper boat")
    log.file.write_bytes(log.file.read_bytes().replace(b"\n", b"\r\n"))
    found = catalog.build_catalog(photo_set, 5, log.decided())
    assert found.table.set_index("photo").loc[name, ["status", "label"]].tolist() == ["used", "paper boat"]
    assert (found.table["reason"] == "hidden or system file, not a photo").sum() == 4


def test_41_a_png_whose_checksum_is_wrong_and_odd_errors_of_the_decoder():
    data = encoded(draw(1), "PNG")
    place = data.index(b"IDAT") + 40
    data[place] ^= 0xFF
    with pytest.raises(UnreadablePhotoError, match="damaged"):
        open_photo(bytes(data))
    random = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
        whole = encoded(draw(2), kind)
        for _ in range(150):
            broken = bytearray(whole)
            for spot in random.integers(8, len(broken), 6):
                broken[spot] = random.integers(256)
            with contextlib.suppress(UnreadablePhotoError):  # any other error would end the test
                assert open_photo(bytes(broken)).image.mode == "RGB"


@pytest.mark.parametrize("side", [60_000, 9_950])
def test_42_a_bomb_is_refused_in_little_memory(tmp_path, side):
    data = encoded(Image.new("L", (64, 64)), "PNG")
    data[16:24] = side.to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")  # the header is whole, only a lie
    (tmp_path / "bomb.png").write_bytes(data)
    code = (
        "import sys; from pathlib import Path; from boatlib.photos.images import open_photo\n"
        "from boatlib.errors import UnreadablePhotoError\n"
        "import resource; used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    open_photo(Path(sys.argv[1]))\nexcept UnreadablePhotoError as error:\n    print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used)"
    )
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (2 * 10**9, 2 * 10**9))  # noqa: E731
    command = [sys.executable, "-c", code, str(tmp_path / "bomb.png")]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit)
    words, more = done.stdout.splitlines()
    assert words == f"too large ({side} x {side} pixels, limit 64 million)"
    assert int(more) < 20_000  # KB


def test_43_a_postscript_file_named_jpg_starts_nothing(tmp_path):
    fake = tmp_path / "bin" / "gs"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    fake.chmod(0o755)
    for name, start in (
        ("a", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n"),
        ("b", b"%PDF-1.7\n"),
        ("c", b"SIMPLE  = T"),
    ):
        (tmp_path / f"{name}.jpg").write_bytes(start + b"x" * 500)
    code = (
        "import sys; from pathlib import Path; from boatlib.photos.images import open_photo\n"
        "for file in sys.argv[1:]:\n    try:\n        open_photo(Path(file)); print('opened')\n"
        "    except Exception as error:\n        print(error)"
    )
    environment = os.environ | {"PATH": f"{fake.parent}:{os.environ['PATH']}"}
    command = [sys.executable, "-c", code, *(str(tmp_path / f"{name}.jpg") for name in "abc")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines() == ["a document (PostScript, PDF or FITS), not a photo"] * 3
    assert not (tmp_path / "ran").exists()


def test_44_a_photo_with_the_wrong_ending_is_used_and_listed(photo_set):
    draw(77).save(photo_set / "kayak" / "really a png.jpg", "PNG")
    draw(78).save(photo_set / "kayak" / "no ending", "JPEG")
    rows = catalog.build_catalog(photo_set, 5).table.set_index("photo")
    assert rows.loc["kayak/really a png.jpg", ["status", "format"]].tolist() == ["used", "PNG"]
    assert rows.loc["kayak/no ending", "status"] == "used"


def test_45_an_orientation_that_does_not_exist_changes_nothing():
    exif = Image.Exif()
    exif[0x0112] = 99
    image = draw(5)
    photo = open_photo(bytes(encoded(image, "PNG", exif=exif)))
    np.testing.assert_array_equal(np.asarray(photo.image), np.asarray(image))


def test_46_inks_palettes_and_their_transparency():
    inks = open_photo(bytes(encoded(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "JPEG"))).image.getpixel((9, 9))
    assert inks[0] > 200
    assert max(inks[1:]) < 60
    palette = Image.new("P", (40, 40), 0)
    palette.putpalette([10, 20, 30] + [0] * 765)
    assert open_photo(bytes(encoded(palette, "PNG"))).image.getpixel((9, 9)) == (10, 20, 30)
    assert open_photo(bytes(encoded(palette, "PNG", transparency=0))).image.getpixel((9, 9)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_47_of_a_film_the_first_picture_counts(kind):
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    data = bytes(encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=90))
    red, _, blue = open_photo(data).image.getpixel((9, 9))
    assert red > 200
    assert blue < 60


@pytest.mark.parametrize(
    ("size", "used"), [((1, 1), False), ((1, 4000), False), ((20, 20), False), ((32, 32), True), ((33, 2000), True)]
)
def test_48_the_smallest_side_is_stated(size, used):
    data = bytes(encoded(Image.new("RGB", size), "PNG"))
    if used:
        assert open_photo(data).image.size == size
    else:
        with pytest.raises(UnreadablePhotoError, match=rf"too small \({size[0]} x {size[1]} pixels, minimum 32\)"):
            open_photo(data)


def test_49_what_systems_leave_behind_is_no_photo_and_no_class(photo_set):
    photo = (photo_set / "kayak" / "000.jpg").read_bytes()
    left = [
        ".DS_Store",
        "kayak/._000.jpg",
        "kayak/Thumbs.db",
        "kayak/desktop.ini",
        ".ipynb_checkpoints/x.jpg",
        "__MACOSX/kayak/y.jpg",
    ]
    left += ["kayak/.ipynb_checkpoints/000-checkpoint.jpg", ".hidden/z.jpg"]
    for name in left:
        (photo_set / name).parent.mkdir(parents=True, exist_ok=True)
        (photo_set / name).write_bytes(photo)
    found = catalog.build_catalog(photo_set, 5)
    rows = found.table.set_index("photo")
    assert (rows.loc[left, "reason"] == "hidden or system file, not a photo").all()
    assert set(found.classes["class"]) <= {"kayak", "paper boat", "raft", ".ipynb_checkpoints", "__MACOSX", ".hidden"}
    assert set(found.classes.loc[found.classes["kept"], "class"]) == {"kayak", "paper boat"}
    assert rows.loc["kayak/000.jpg", "status"] == "used"


def test_50_empty_classes_and_classes_of_one(photo_set):
    (photo_set / "empty").mkdir()
    (photo_set / "single").mkdir()
    draw(99).save(photo_set / "single" / "one.jpg")
    found = catalog.build_catalog(photo_set, 5)
    assert found.classes.set_index("class")["kept"].to_dict() == {
        "kayak": True,
        "paper boat": True,
        "raft": False,
        "single": False,
    }
    split = splits.make_split(catalog.build_catalog(photo_set, 3).table, 0.6, 0.2, 0.2, 1)
    assert (splits.count_by_split(split) >= 1).all().all()


def test_52_two_spellings_of_one_accent(tmp_path):
    folder = make_set(tmp_path / "photos", {unicodedata.normalize(form, "péniche"): 4 for form in ("NFC", "NFD")})
    with pytest.raises(DataError, match="same name to the eye"):
        catalog.build_catalog(folder, 3)


NAMES = [
    "⛵.jpg",
    "\u202egpj.exe.jpg",
    "two\nlines.jpg",
    "=1+1.jpg",
    "-rf.jpg",
    'it\'s "so".jpg',
    "x" * 250 + ".jpg",
    " .jpg",
]


def test_53_odd_names_are_rows_and_come_back(photo_set, project):
    for number, name in enumerate(NAMES):
        draw(500 + number).save(photo_set / "kayak" / name)
    found = catalog.build_catalog(photo_set, 5)
    run = Run("odd")
    run.write_table("catalog", found.table)
    again = run.table("catalog")
    assert again["photo"].tolist() == found.table["photo"].tolist()
    assert (again.set_index("photo").loc[[f"kayak/{name}" for name in NAMES], "status"] == "used").all()
    split = splits.make_split(found.table, 0.6, 0.2, 0.2, 1)
    folders.make_folders(split, photo_set, project / "data")
    assert len(list((project / "data").rglob("*.jpg"))) == len(split)


def test_54_links_are_followed_to_photos_of_the_set_alone(photo_set, tmp_path):
    (tmp_path / "outside").mkdir()
    draw(900).save(tmp_path / "outside" / "secret.jpg")
    (photo_set / "kayak" / "loop").symlink_to(photo_set, target_is_directory=True)
    (photo_set / "kayak" / "outside").symlink_to(tmp_path / "outside", target_is_directory=True)
    links = {"broken.jpg": tmp_path / "nowhere.jpg", "out.jpg": tmp_path / "outside" / "secret.jpg"}
    links |= {"within.jpg": photo_set / "kayak" / "000.jpg", "gone.jpg": photo_set / "kayak" / "nowhere.jpg"}
    for name, target in links.items():
        (photo_set / "kayak" / name).symlink_to(target)
    rows = catalog.build_catalog(photo_set, 5).table.set_index("photo")
    assert rows.index.is_unique
    assert not any(photo.startswith(("kayak/loop/", "kayak/outside/")) for photo in rows.index)
    reasons = rows.loc[[f"kayak/{name}" for name in links], "reason"].tolist()
    assert reasons[:2] == ["a link that leads out of the images folder: put the photo itself there"] * 2
    assert reasons[2] == "exact copy of kayak/000.jpg"  # each photo once
    assert reasons[3].startswith("cannot be read")


@pytest.mark.parametrize("inside", [True, False])
def test_70_a_class_folder_may_be_a_link(photo_set, tmp_path, inside):
    """Inside the images folder or outside of it, also all of them; with a photo in a folder of its own."""
    pool = (photo_set if inside else tmp_path) / ".pool"
    pool.mkdir()
    for folder in sorted(photo_set.iterdir()):
        if folder != pool:
            folder.rename(pool / folder.name)
            folder.symlink_to(os.path.relpath(pool / folder.name, photo_set), target_is_directory=True)
    (pool / "kayak" / "more").mkdir()
    draw(800).save(pool / "kayak" / "more" / "1.jpg")
    (pool / "kayak" / "own.jpg").symlink_to("000.jpg")
    found = catalog.build_catalog(photo_set, 5)
    assert found.classes.set_index("class")["used"].drop(".pool", errors="ignore").to_dict() == {
        "kayak": 13,
        "paper boat": 8,
        "raft": 0,
    }
    rows = found.table.set_index("photo")
    assert rows.loc["kayak/more/1.jpg", "status"] == "used"
    assert rows.loc["kayak/own.jpg", "reason"] == "exact copy of kayak/000.jpg"


def test_70_what_is_not_followed_is_a_row_with_its_reason_and_loops_end(photo_set, tmp_path):
    for name, target in {"all": ".", "above": "..", "kayak/here": "../paper boat", "kayak/loop": "."}.items():
        (photo_set / name).symlink_to(target, target_is_directory=True)
    os.mkfifo(photo_set / "kayak" / "pipe.jpg")
    rows = catalog.build_catalog(photo_set, 5).table.set_index("photo")
    around = "a link to a folder that holds the images folder itself: not followed"
    deep = "a link to a folder, inside a class: not followed. Put the photos themselves there"
    assert rows.loc[["all", "above"], "reason"].tolist() == [around] * 2
    assert rows.loc[["kayak/here", "kayak/loop"], "reason"].tolist() == [deep] * 2
    assert rows.loc["kayak/pipe.jpg", "reason"] == "a pipe or a device, not a file"
    assert len(rows) == 23 + 5
    assert (rows["status"] == "used").sum() == 20


def test_70_a_folder_that_nobody_may_open_is_a_row(photo_set, tmp_path):
    code = (
        "import sys; from pathlib import Path; from boatlib.photos.layout.tree import find_files\n"
        "print([file for file in find_files(Path(sys.argv[1])) if file.reason])"
    )
    (photo_set / "raft").chmod(0)
    command = [sys.executable, "-c", code, str(photo_set)]
    if os.geteuid() == 0:  # root may read everywhere, unless that right is taken away
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (photo_set / "raft").chmod(0o755)
    assert "name='raft', reason='a folder that cannot be opened (Permission denied)'" in done.stdout


def test_77_content_decides_what_has_changed(photo_set, project):
    photo, other = photo_set / "kayak" / "000.jpg", photo_set / "kayak" / "001.jpg"
    data, stamp = photo.read_bytes(), photo.stat()
    first = sources.fingerprint(str(photo_set))
    os.utime(photo, (1, 1))
    assert sources.fingerprint(str(photo_set)) == first  # touched, and the same
    changed = data[:-20] + bytes(20)
    for write in (lambda: photo.write_bytes(changed), lambda: os.replace(_beside(photo, changed), photo)):
        photo.write_bytes(data)
        assert sources.fingerprint(str(photo_set)) == first
        write()
        os.utime(photo, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        assert (photo.stat().st_size, photo.stat().st_mtime_ns) == (stamp.st_size, stamp.st_mtime_ns)
        assert sources.fingerprint(str(photo_set)) != first  # of the same size and time
    photo.write_bytes(data)
    one, two = photo.read_bytes(), other.read_bytes()
    photo.write_bytes(two)
    other.write_bytes(one)
    assert sources.fingerprint(str(photo_set)) != first  # two names exchanged
    other.write_bytes(two)
    photo.write_bytes(one)
    assert sources.fingerprint(str(photo_set)) == first
    (photo_set / "kayak" / ".hidden").write_text("x")
    assert sources.fingerprint(str(photo_set)) != first  # one file more, whatever it is


def test_77_what_is_known_is_read_once(photo_set, project, monkeypatch):
    monkeypatch.setattr(sources, "RACY", -(10**12))
    first = sources.fingerprint(str(photo_set))
    monkeypatch.setattr(sources.hashlib, "file_digest", None)  # whoever reads a file now fails
    assert sources.fingerprint(str(photo_set)) == first


def _beside(photo, data):
    new = photo.with_name("new")
    new.write_bytes(data)
    return new


def test_50_a_thousand_tiny_classes_are_named_and_end_in_a_sentence(tmp_path):
    folder = make_set(tmp_path / "photos", {f"class {n:04d}": 1 for n in range(1000)})
    with pytest.raises(DataError, match="Only 0 class"):
        catalog.build_catalog(folder, 3)


def test_57_a_folder_on_another_file_system_that_may_only_be_read(photo_set, project, tmp_path):
    """Photos on a file system in memory, mounted for reading alone."""
    place = tmp_path / "mounted"
    place.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "none", place], capture_output=True).returncode:
        pytest.skip("only root can mount a file system")
    try:
        shutil.copytree(photo_set, place / "photos")
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        found = catalog.build_catalog(place / "photos", 5)
        split = splits.make_split(found.table, 0.6, 0.2, 0.2, 1)
        words = folders.make_folders(split, place / "photos", project / "data")
        made = [path.read_bytes() for path in (project / "data").rglob("*.jpg")]
    finally:
        subprocess.run(["umount", place], check=True)
    assert "as links to your photos" in words
    assert len(made) == len(split) == 20
