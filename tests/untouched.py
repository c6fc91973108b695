"""Two ways to prove that nobody writes into a folder: the system says who does, or lets nobody."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from inotify_simple import INotify, flags

CHANGES = (
    flags.MODIFY | flags.ATTRIB | flags.CLOSE_WRITE | flags.CREATE | flags.DELETE | flags.DELETE_SELF
    | flags.MOVED_FROM | flags.MOVED_TO | flags.MOVE_SELF
)  # fmt: skip


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[None]:
    """Fails when anything below a folder is written, renamed, deleted, or gets another mode or time.

    Files are watched too, not folders alone: what happens to one under another name (a hard link) is seen as well.
    """
    with INotify() as watcher:
        names = {}
        for path in (folder, *folder.rglob("*")):
            if not path.is_symlink():
                names[watcher.add_watch(path, CHANGES)] = path
        yield
        seen = [
            (str(names[event.wd] / event.name), [flag.name for flag in flags.from_mask(event.mask)])
            for event in watcher.read(timeout=0)
        ]
    assert not seen, seen


def read_only(folder: Path) -> list[str]:
    """What stands before a command in whose eyes a folder may only be read (a bind mount of its own), also where it is root."""
    mount = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *user, "--mount", "sh", "-c", mount, "sh", str(folder)]
