"""The division as folders that any ImageFolder user can read, made without ever writing into a photo."""

import errno
import fcntl
import itertools
import os
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from boatlib.errors import DataError
from boatlib.files import replacing_folder
from boatlib.run import project_root

LONGEST, LONGEST_ENDING = 255, 20  # bytes of a name, and of what is kept as its ending
CLONE = 0x40049409  # FICLONE of Linux: a file of its own that shares its content until one of the two is changed
IMPOSSIBLE = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP}  # here, so another way is tried
WORDS = {
    "clone": "as files of their own that take no space until they are changed (reflinks): what is done there changes no photo "
    "of yours",
    "link": "as links to your photos, which take no space: deleting one deletes no photo, but a program that changes what it "
    "opens there changes your photo, so copy it first",
    "copy": "as copies, since links are not possible here: what is done there changes no photo of yours",
}


def make_folders(split: pd.DataFrame, root: Path, folder: Path) -> str:
    """Make `folder/<split>/<class>/<name>` anew, and say in a sentence how.

    A photo gets a file of its own that takes no space where the file system can do that (a reflink), otherwise a symbolic link,
    otherwise a copy. No file that exists is opened for writing. Raises DataError for a photo that is gone.
    """
    refused: set[tuple[str, int]] = set()
    with replacing_folder(folder) as new:
        ways = [put(root, photo, new / place, WAYS, refused) for photo, place in places(split).items()]
    counts = {way: ways.count(way) for way in WORDS if way in ways}
    how = "; ".join(f"{f'{count} ' if len(counts) > 1 else ''}{WORDS[way]}" for way, count in counts.items())
    return f"{len(ways):,} photos stand in {folder.name}/train, val and test, one folder a class, {how}."


def places(split: pd.DataFrame) -> dict[str, str]:
    """Where each photo stands: its path below the images folder to "split/class/name", all different, also for a file system
    that does not tell apart upper and lower case, or two forms of one accent.

    A photo in a sub-folder of its class gets that sub-folder's name in front of its own. Where two would have one name, one is
    numbered: photos that lie directly in the folder of their class keep theirs.
    """
    found = dict.fromkeys(split["photo"], "")
    taken: set[str] = set()
    rows = zip(split["photo"], split["split"], split["label"], strict=True)
    for photo, part, label in sorted(rows, key=lambda row: row[0].count("/")):
        for name in _names(photo.split("/", 1)[-1].replace("/", "__")):
            key = _to_the_eye(f"{part}/{label}/{name}")
            if key not in taken:
                break
        taken.add(key)
        found[photo] = f"{part}/{label}/{name}"
    return found


def _names(name: str) -> Iterator[str]:
    """The name, and others like it for where it is taken; none is too long."""
    stem, ending = os.path.splitext(name)
    if len(ending.encode()) > LONGEST_ENDING:
        stem, ending = name, ""
    for number in itertools.count(1):
        tail = ending if number == 1 else f"-{number}{ending}"
        yield stem.encode()[: LONGEST - len(tail.encode())].decode(errors="ignore") + tail


def _to_the_eye(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def put(
    root: Path,
    photo: str,
    target: Path,
    ways: Mapping[str, Callable[[Path, Path], None]],
    refused: set[tuple[str, int]] | None = None,
) -> str:
    """Give a photo a second place, in the first way that is possible, otherwise as "copy"; returns which. Raises DataError.

    refused: ways, each with the device of a photo for which it was impossible; they are not tried again there. Without: they are.
    """
    refused = set() if refused is None else refused
    try:
        file = (root / photo).resolve(strict=True)
    except OSError as error:
        raise DataError(f"{photo} was removed since the catalog was made. Run 01_exploration again.") from error
    target.parent.mkdir(parents=True, exist_ok=True)
    device = file.stat().st_dev
    for way, make in ways.items():
        if (way, device) in refused:
            continue
        try:
            make(file, target)
            return way
        except OSError as error:
            if error.errno not in IMPOSSIBLE:
                raise
            refused.add((way, device))
    with file.open("rb") as old, target.open("xb") as new:
        shutil.copyfileobj(old, new)
    return "copy"


def clone(file: Path, target: Path) -> None:
    """Make a file of its own that shares its content until one of the two is changed. Raises OSError where that cannot be."""
    with file.open("rb") as old, target.open("xb") as new:
        try:
            fcntl.ioctl(new, CLONE, old.fileno())
        except OSError as error:  # each file system has an error of its own for it
            target.unlink()
            raise OSError(errno.ENOTSUP, "no reflinks here") from error


def _link(file: Path, target: Path) -> None:
    """Inside the project the link is relative, so that the project can be moved."""
    inside = file.is_relative_to(project_root())
    target.symlink_to(os.path.relpath(file, target.parent.resolve()) if inside else file)


WAYS = {"clone": clone, "link": _link}
