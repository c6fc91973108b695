"""What lies below an images folder: the name of every file, and of every link that is not followed, with the reason."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SYSTEM = re.compile(r"(?:^|/)(?:\.|__macosx(?:/|\Z)|(?:thumbs\.db|desktop\.ini|icon\r)\Z)", re.I)
AROUND = "a link to a folder that holds the images folder itself: not followed"
DEEP = "a link to a folder, inside a class: not followed. Put the photos themselves there"
OUTSIDE = "a link that leads out of the images folder: put the photo itself there"
NO_FILE = "a pipe or a device, not a file"


class Found(NamedTuple):
    """A name below the images folder, with forward slashes; and why it is not opened ("": it is)."""

    name: str
    reason: str = ""


def find_files(root: Path) -> list[Found]:
    """All files below `root`, sorted by name: `walk`."""
    return sorted(walk(root))


def walk(root: Path) -> Iterator[Found]:
    """All files below `root`, as they come; of a million the system is asked for folders alone.

    A link to a folder is followed where it stands for a class, right below `root`. Other links to folders, and links to files
    that are not part of the set, are found with their reason: a set from somewhere must not reach for what is not its own.
    """
    home = Path(os.path.realpath(root))
    for entry in os.scandir(root):
        if entry.is_symlink() and entry.is_dir():
            target = Path(os.path.realpath(entry.path))
            if home.is_relative_to(target):
                yield Found(entry.name, AROUND)
            else:
                yield from _below(str(target), entry.name, (home, target))
        elif entry.is_dir():
            yield from _below(entry.path, entry.name, (home,))
        else:
            yield _file(entry, entry.name, (home,))


def _below(folder: str, name: str, homes: tuple[Path, ...]) -> Iterator[Found]:
    waiting = [(folder, name)]
    while waiting:
        place, inside = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    below = f"{inside}/{entry.name}"
                    if not _is_folder(entry):
                        yield _file(entry, below, homes)
                    elif entry.is_symlink():
                        yield Found(below, DEEP)
                    else:
                        waiting.append((entry.path, below))
        except OSError as error:
            yield Found(inside, f"a folder that cannot be opened ({error.strerror})")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _file(entry: os.DirEntry[str], name: str, homes: tuple[Path, ...]) -> Found:
    try:
        if entry.is_file(follow_symlinks=False):
            return Found(name)
        if not entry.is_symlink():
            return Found(name, NO_FILE)
        target = Path(os.path.realpath(entry.path))
        if not any(target.is_relative_to(home) for home in homes):
            return Found(name, OUTSIDE)
        return Found(name, "" if stat.S_ISREG(target.stat().st_mode) else NO_FILE)
    except OSError:  # whoever opens it will say why
        return Found(name)


def walk_photos(root: Path) -> Iterator[str]:
    """Names of the files in a folder that somebody asks about, as they come: not hidden, not of the system; links to files lead
    to theirs.
    """
    found = (file.name for file in walk(root) if file.reason in ("", OUTSIDE))
    return (name for name in found if not is_system_file(name))


def is_system_file(name: str) -> bool:
    """Whether a file is hidden, or something that systems leave behind."""
    return SYSTEM.search(name) is not None


def readable_name(name: str) -> str:
    """A name whose bytes are not UTF-8, with these bytes written out; any other as it is."""
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode()


def file_of(root: Path, photo: str) -> Path:
    """Where a photo lies, by its name below `root` as it stands in our tables: with `readable_name`, on one line."""
    plain = root / photo
    if "\\" not in photo or plain.exists():
        return plain
    name = re.sub(rb"\\udc([89a-f][0-9a-f])", lambda found: bytes.fromhex(found[1].decode()), photo.encode())
    return root / os.fsdecode(name.replace(rb"\n", b"\n").replace(rb"\r", b"\r"))
