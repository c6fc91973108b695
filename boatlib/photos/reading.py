"""Reading photos as they were catalogued, by threads, a little ahead of their use."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

from boatlib import copies, runtime
from boatlib.errors import DataError

PREFETCHED = 32  # photos that are decoded before they are asked for
Item = TypeVar("Item")
Result = TypeVar("Result")


def read_unchanged(root: Path, photo: str, sha256: str) -> bytes:
    """The bytes of a photo of the catalog. Raises DataError when it was changed or removed since."""
    data = (root / photo).read_bytes() if (root / photo).is_file() else b""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DataError(f"{photo} was changed or removed since the catalog was made. Run 01_exploration again.")
    return data


def prefetch(
    function: Callable[[Item], Result], items: Iterable[Item], beside: int = 1, at_once: int = 1
) -> Iterator[Result]:
    """Results in order, computed by threads and never more than a few ahead, so that memory stays flat.

    Whoever has to wait for one computes another meanwhile, so a light network gets as much decoding as it can take.
    beside: cores that are left to the network: with a decoder on every core both lose a tenth (measured on two cores).
    at_once: items that a thread is given together, where handing one over takes longer than what is done with it.
    """
    if at_once > 1:
        rest = iter(items)
        parts = iter(lambda: list(islice(rest, at_once)), [])
        for found in prefetch(lambda part: [function(item) for item in part], parts, beside):
            yield from found
        return
    with ThreadPoolExecutor(max(1, runtime.cores() - beside)) as pool:
        window: deque[tuple[Future[Result], Item]] = deque()
        for item in items:
            window.append((pool.submit(function, item), item))
            if len(window) > PREFETCHED:
                yield _first(window, function)
        while window:
            yield _first(window, function)


def by_copies(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The same for what Python itself does: by copies of this process where there are any.

    function: one of a module, or a `partial` of one.
    """
    return copies.results(function, items) if copies.there() else prefetch(function, items)


def _first(window: deque[tuple[Future[Result], Item]], function: Callable[[Item], Result]) -> Result:
    """Takes out the first result. While it is not there, this thread does what nobody has begun."""
    while not window[0][0].done():
        number = next((n for n, (future, _) in enumerate(window) if future.cancel()), None)
        if number is None:
            break
        mine: Future[Result] = Future()
        try:
            mine.set_result(function(window[number][1]))
        except Exception as error:
            mine.set_exception(error)
        window[number] = mine, window[number][1]
    return window.popleft()[0].result()
