"""A cache without features, for what is to be measured cold."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

CACHE = "BOATLIB_CACHE"


@contextlib.contextmanager
def empty_cache() -> Iterator[None]:
    """A cache of its own, in which there is nothing but what the set-up makes: compiled networks, fonts, facts of the program."""
    before = os.environ.get(CACHE)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("engines", "fonts", "program"):
            kept = Path(before or ".cache", name).resolve()
            kept.mkdir(parents=True, exist_ok=True)
            Path(folder, name).symlink_to(kept)
        os.environ[CACHE] = folder
        try:
            yield
        finally:
            os.environ.pop(CACHE)
            if before:
                os.environ[CACHE] = before
