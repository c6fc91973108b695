"""What lies below an images folder: the name of every file, and of every link that is not followed, with the reason."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SYSTEM_FILES = {"thumbs.db", "desktop.ini", "icon\r"}
SYSTEM_FOLDERS = {"__macosx"}
AROUND = "a link to a folder that holds the images folder itself: not followed"
DEEP = "a link to a folder, inside a class: not followed. Put the photos themselves there"
OUTSIDE = "a link that leads out of the images folder: put the photo itself there"
NO_FILE = "a pipe or a device, not a file"


class Found(NamedTuple):
    """A name below the images folder, with forward slashes; and why it is not opened ("": it is)."""

    name: str
    reason: str = ""


def find_files(root: Path) -> list[Found]:
    """All files below `root`, sorted by name.

    A link to a folder is followed where it stands for a class, right below `root`. Other links to folders, and links to files
    that are not part of the set, are found with their reason: a set from somewhere must not reach for what is not its own.
    """
    home = Path(os.path.realpath(root))
    found: list[Found] = []
    for entry in os.scandir(root):
        place = Path(entry.path)
        if entry.is_symlink() and entry.is_dir():
            target = Path(os.path.realpath(place))
            if home.is_relative_to(target):
                found.append(Found(entry.name, AROUND))
            else:
                found += _below(target, entry.name, (home, target))
        elif entry.is_dir():
            found += _below(place, entry.name, (home,))
        else:
            found.append(_file(place, entry.name, (home,)))
    return sorted(found)


def _below(folder: Path, name: str, homes: tuple[Path, ...]) -> Iterator[Found]:
    closed: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=closed.append):
        inside = Path(name, Path(place).relative_to(folder)).as_posix()
        for each in folders:
            if os.path.islink(os.path.join(place, each)):
                yield Found(f"{inside}/{each}", DEEP)
        for each in files:
            yield _file(Path(place, each), f"{inside}/{each}", homes)
    for error in closed:
        inside = Path(name, Path(str(error.filename)).relative_to(folder)).as_posix()
        yield Found(inside, f"a folder that cannot be opened ({error.strerror})")


def _file(place: Path, name: str, homes: tuple[Path, ...]) -> Found:
    try:
        mode = os.lstat(place).st_mode
        if stat.S_ISLNK(mode):
            target = Path(os.path.realpath(place))
            if not any(target.is_relative_to(home) for home in homes):
                return Found(name, OUTSIDE)
            mode = target.stat().st_mode
    except OSError:  # whoever opens it will say why
        return Found(name)
    return Found(name, "" if stat.S_ISREG(mode) else NO_FILE)


def find_photos(root: Path) -> list[str]:
    """Names of the files in a folder that somebody asks about: not hidden, not of the system; links to files lead to theirs."""
    found = (file.name for file in find_files(root) if file.reason in ("", OUTSIDE))
    return [name for name in found if not is_system_file(name)]


def is_system_file(name: str) -> bool:
    """Whether a file is hidden, or something that systems leave behind."""
    parts = name.split("/")
    hidden = any(part.startswith(".") for part in parts)
    return hidden or parts[-1].lower() in SYSTEM_FILES or any(part.lower() in SYSTEM_FOLDERS for part in parts)


def readable_name(name: str) -> str:
    """A name whose bytes are not UTF-8, with these bytes written out; any other as it is."""
    return name.encode("utf-8", "backslashreplace").decode()
