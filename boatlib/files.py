"""The one way to write: a file whole or not at all, through links, with the user's umask; devices and pipes plainly."""

import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from boatlib.errors import DiskError

_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path; it takes the place of `path` only when the block ends well. Raises DiskError.

    A link stays, and what it leads to is replaced. A file that is there keeps its mode, a new one gets what the umask leaves.
    """
    path = through_links(path)
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:  # from before the file is there: Ctrl-C may come between any two steps
        with explained(path):
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            mode = stat.S_IMODE((path if path.is_file() else temporary).stat().st_mode)
            yield temporary
            temporary.chmod(mode)  # a library may have put a file of its own there, closed to everybody else
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """The same for a folder: the temporary one takes the place of the older one when it is whole. Raises DiskError."""
    folder = through_links(folder)
    new = folder.with_name(f".{secrets.token_hex(8)}.new")
    try:
        with explained(folder):
            new.mkdir(parents=True)
            yield new
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def through_links(path: Path) -> Path:
    """Where a path leads to, which need not be there yet."""
    return Path(os.path.realpath(path))


def is_stream(path: Path) -> bool:
    """Whether a path is a device, a pipe, or an open file of this process (such as /dev/stdout): nothing to be replaced."""
    if _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def open_stream(path: Path) -> BinaryIO:
    """Open what `is_stream` for writing; an open file of this process is gone on with where it stands."""
    number = _descriptor(path)
    return path.open("wb", buffering=0) if number is None else os.fdopen(os.dup(number), "wb", buffering=0)


def _descriptor(path: Path) -> int | None:
    """The number of the open file of this process that a path leads to; None for any other path."""
    for _ in range(40):  # as many links as the system follows
        path = path.absolute()
        if match := _DESCRIPTOR.fullmatch(str(path)):
            return int(match[1])
        if not path.is_symlink():
            return None
        path = path.parent / os.readlink(path)
    return None


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raises DiskError where the system refuses to write a file."""
    try:
        yield
    except Exception as error:
        if sentence := explain_disk(error, path):
            raise DiskError(sentence) from error
        raise


def explain_disk(error: Exception, path: Path) -> str:
    """Why a file could not be written and what to do, "" for errors that have nothing to do with writing."""
    wrapped = re.search(r"\(os error (\d+)\)", str(error))  # as safetensors passes the system's errors on
    number = error.errno if isinstance(error, OSError) else int(wrapped[1]) if wrapped else None
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        free = shutil.disk_usage(next(folder for folder in path.absolute().parents if folder.is_dir())).free
        return (
            f"{path.name} could not be written: the disk of {path.parent} is full, or a limit is reached "
            f"({free / 1e9:.1f} GB are free). Make room and start again; what was there before is unchanged."
        )
    if number in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return f"{path} cannot be written ({os.strerror(number)}). Make {path.parent} a folder that you can write to."
    if number == errno.ENAMETOOLONG:
        return f"{path.name} cannot be written: its name is too long."
    return ""


def check_writable(folder: Path) -> None:
    """Raises DiskError when no file can be made in a folder; makes the folder when it is missing."""
    write_text(folder / ".writable", "").unlink()


def write_text(path: Path, text: str) -> Path:
    """Write a text file in one step: readers see the old file or the new one, never half of one."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return path
