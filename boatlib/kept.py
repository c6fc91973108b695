"""What is found out about the program's own files, and kept in the cache until one of them changes."""

import contextlib
import hashlib
import json
from collections.abc import Callable
from typing import TypeVar

from boatlib.errors import DiskError
from boatlib.files import write_text
from boatlib.run import cache_folder

T = TypeVar("T")


def kept(name: str, of: str, find_out: Callable[[], T]) -> T:
    """What `find_out` gives: something that JSON can hold. It is asked once for each content.

    name: of the file in the cache, where the last answer lies; of: the content that the answer follows from.
    """
    key = hashlib.sha256(of.encode()).hexdigest()
    with contextlib.suppress(DiskError, OSError, ValueError):
        found = json.loads((cache_folder("program") / f"{name}.json").read_text(encoding="utf-8"))
        if isinstance(found, list) and found[:1] == [key]:
            answer: T = found[1]
            return answer
    answer = find_out()
    with contextlib.suppress(DiskError):
        write_text(cache_folder("program") / f"{name}.json", json.dumps([key, answer]))
    return answer
