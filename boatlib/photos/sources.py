"""Where the photos come from: a folder, a table, an archive, a public set, or the drawn sample."""

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

from boatlib.errors import DataError
from boatlib.files import write_text
from boatlib.params import Exploration
from boatlib.photos import fetched, reading
from boatlib.photos.layout import sets, tables
from boatlib.photos.layout.by_table import family
from boatlib.photos.layout.listing import Listing
from boatlib.photos.layout.tree import Found, find_files, is_system_file, readable_name
from boatlib.photos.sample import VERSION
from boatlib.run import Run, cache_folder, project_root

SAMPLE = "sample"
KAGGLE = "kaggle:"
HUGGING_FACE = "hf:"
RACY = 2_000_000_000  # nanoseconds: what was changed so shortly ago may be changed again within one tick of the disk's clock


def opened(images: str, parameter: str = "images") -> Path:
    """What `images:` of a params file, or another parameter, leads to: a folder, or a table of labels; fetched or drawn, once.

    images: a folder, table or archive (absolute, or below the project's root), "kaggle:OWNER/NAME", "hf:OWNER/NAME" or "sample".
    Raises DataError when it cannot be had.
    """
    if images == SAMPLE:
        return _sample_folder()
    if images.startswith(KAGGLE):
        return _kaggle_folder(images.removeprefix(KAGGLE))
    if images.startswith(HUGGING_FACE):
        return fetched.from_hugging_face(images.removeprefix(HUGGING_FACE))
    place = project_root() / Path(images).expanduser()
    if not place.exists():
        raise DataError(
            f"The images folder {images} does not exist. Set `{parameter}:` to the folder that holds the photos."
        )
    if place.is_file():
        if fetched.is_archive(place):
            return fetched.unpacked(place)
        if tables.is_table(place.name):
            return fetched.with_pictures_as_files(place)
        raise DataError(
            f"{images} is a file, neither a table nor an archive that is read here. Set `{parameter}:` to the folder that holds "
            "one folder of photos for each class, or to a table of labels."
        )
    try:
        next(os.scandir(place), None)
    except OSError as error:
        raise DataError(f"The images folder {images} cannot be opened ({error.strerror}).") from error
    return fetched.with_pictures_as_files(place)


def read(images: str, settings: Exploration | None = None, group_by: str = "") -> Listing:
    """What each photo shows (`layout.sets.read`)."""
    return sets.read(opened(images), settings, group_by)


def record(images: str, listing: Listing) -> dict[str, Any]:
    """What `photos.json` keeps of where the photos lie."""
    place = opened(images)
    home = place if place.is_dir() else place.parent
    return {"images": images, "below": os.path.relpath(listing.root, home), "notes": listing.notes}


def root_of(run: Run) -> Path:
    """The folder below which the photos of a run lie. Raises DataError where it is gone."""
    known = run.record("photos")
    place = opened(known["images"])
    return Path(os.path.normpath((place if place.is_dir() else place.parent) / known.get("below", ".")))


def fingerprint(images: str) -> str:
    """A short text that changes when a file of the set is added, removed, renamed, or has other content.

    A file is read once, and again when its size, its times or its place on the disk are not what they were: so one that was
    replaced by another of the same size and time is found, and one that was only touched changes nothing.
    """
    place = opened(images)
    root = sets.root_of(place)
    kept = cache_folder("hashes") / f"{hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:16]}.json"
    before: dict[str, list[Any]] = {}
    with contextlib.suppress(OSError, ValueError):
        before = json.loads(kept.read_text(encoding="utf-8"))
    now = {readable_name(file.name): _stamp(root, file) for file in find_files(root)}
    known = {
        name: before[name] for name, facts in now.items() if facts[:-1] and before.get(name, [])[:-1] == facts[:-1]
    }
    unread = [(name, facts) for name, facts in now.items() if facts[:-1] and name not in known]
    now |= known | dict(reading.prefetch(lambda item: _with_content(root, *item), unread, at_once=32))
    fresh = time.time_ns() - RACY
    sure = {name: facts for name, facts in now.items() if facts[:-1] and max(facts[1:3]) < fresh}
    if sure != before:
        write_text(kept, json.dumps(sure))
    told = hashlib.sha256()
    for name in sorted(now):
        told.update(f"{name}\0{now[name][-1]}\n".encode())
    if place.is_file() and not place.is_relative_to(root):  # photos that lie elsewhere
        told.update("".join(hashlib.sha256(table.read_bytes()).hexdigest() for table in family(place)).encode())
    return told.hexdigest()[:16]


def _stamp(root: Path, file: Found) -> list[Any]:
    """What the system says of a file: size, times, number on the disk, and its name; of one that is not read, only why."""
    if file.reason or is_system_file(file.name):  # never opened, so its content changes nothing
        return [file.reason]
    try:
        found = os.stat(os.path.join(root, file.name))
    except OSError as error:
        return [f"error {error.errno}"]
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, file.name]


def _with_content(root: Path, name: str, facts: list[Any]) -> tuple[str, list[Any]]:
    """The same, with the SHA-256 of what is in it in place of its name."""
    try:
        with (root / facts[-1]).open("rb") as opened:
            return name, [*facts[:-1], hashlib.file_digest(opened, "sha256").hexdigest()]
    except OSError as error:
        return name, [f"error {error.errno}"]


def _sample_folder() -> Path:
    folder = cache_folder("photos") / f"sample-{VERSION}"
    if not folder.is_dir():
        from boatlib.photos.sample.draw import draw_sample

        draw_sample(folder)
    return folder


def _kaggle_folder(name: str) -> Path:
    """Downloaded once; a link in the cache then leads to the photos, so that later steps and runs need no connection."""
    link = cache_folder("photos") / f"kaggle-{name.replace('/', '-')}"
    if link.is_dir():
        return link
    import kagglehub

    try:
        folder = Path(kagglehub.dataset_download(name))
    except Exception as error:
        raise DataError(
            f"The photos could not be fetched from Kaggle ({name}: {type(error).__name__}). Without a connection, download "
            f"https://www.kaggle.com/datasets/{name} on another computer, unpack it, and start again with "
            "--set images=FOLDER."
        ) from error
    link.unlink(missing_ok=True)
    link.symlink_to(folder, target_is_directory=True)
    return link
