"""Processes that help this one with what Python itself does, where threads would wait for each other.

They are copies of it, made before it has a second thread, with which it could not be copied. The kernel of a step has them where
its notebook needs them (`pipeline.kernel`); in JupyterLab, and where copies are not safe, there are none.
"""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context, parent_process
from typing import TypeVar

from boatlib import runtime

AT_ONCE = 16  # items that one is given
AHEAD = 16  # such parts that are done before they are asked for
Item = TypeVar("Item")
Result = TypeVar("Result")
_made: list[Executor] = []


def make() -> None:
    """Make a copy of this process for each core."""
    if not _made and runtime.cores() > 1:
        pool = ProcessPoolExecutor(runtime.cores(), get_context("fork"), _begin)
        pool.submit(os.getpid).result()
        _made.append(pool)


def there() -> bool:
    """Whether there are any."""
    return bool(_made)


def results(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """What a function of a module, or a `partial` of one, gives for each item, in order and never more than a few ahead. What a
    copy has not done, since it was killed, is done here.
    """
    waiting: deque[tuple[Future[list[Result]], list[Item]]] = deque()
    rest = iter(items)
    while part := list(islice(rest, AT_ONCE)):
        waiting.append((_asked(function, part), part))
        if len(waiting) > AHEAD:
            yield from _answer(function, *waiting.popleft())
    while waiting:
        yield from _answer(function, *waiting.popleft())


def _asked(function: Callable[[Item], Result], part: list[Item]) -> "Future[list[Result]]":
    try:
        return _made[0].submit(_all, function, part)
    except BrokenProcessPool as error:
        failed: Future[list[Result]] = Future()
        failed.set_exception(error)
        return failed


def _answer(function: Callable[[Item], Result], asked: "Future[list[Result]]", part: list[Item]) -> list[Result]:
    with contextlib.suppress(BrokenProcessPool):
        return asked.result()
    return _all(function, part)


def _all(function: Callable[[Item], Result], part: list[Item]) -> list[Result]:
    return [function(item) for item in part]


def _begin() -> None:
    """In a copy: it ends with the process that it is a copy of, however that one ends."""

    def end() -> None:
        if parent := parent_process():
            parent.join()
        os._exit(0)

    threading.Thread(target=end, daemon=True).start()
