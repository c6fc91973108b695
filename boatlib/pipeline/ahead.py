"""Steps that get ready before their turn: while one works, processes of the next two import what they will need, and start
their kernels.

Each waits at a socket for the command of its step (`step`), connected to another socket of the chain: when that is closed,
however the chain ends, it ends too. Where processes can be copied, all are copies of one that has imported what most need
(`forkserver`).
"""

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from multiprocessing.connection import Listener
from pathlib import Path
from typing import IO

from boatlib import environment
from boatlib.pipeline import handover
from boatlib.pipeline.kernel import COPIES
from boatlib.run import NEW_PHOTOS, all_steps

PLACE = "BOATLIB_STEPS"  # folder of the sockets, set by the chain for what it starts
LAST = "BOATLIB_LAST_STEP"  # beside it
CHAIN = "chain"
SERVER = "server"
REPORT = "report"  # steps without a notebook: this one, and each page, called as its file
PAGE = ".html"
MOST_WAITING = 64
STDERR = 2


@contextlib.contextmanager
def allowed(root: Path, last: str = "") -> Iterator[None]:
    """While this lasts, steps may get ready before their turn; whoever still waits at its end, ends.

    root: the project's folder. last: the step with which the chain ends, where it is not the report.
    """
    with (
        tempfile.TemporaryDirectory(prefix="boatlib-", ignore_cleanup_errors=True) as folder,
        contextlib.ExitStack() as stack,
    ):
        with contextlib.suppress(OSError):  # a path that is too long for a socket: then each step begins at its turn
            stack.enter_context(Listener(f"{folder}/{CHAIN}", backlog=MOST_WAITING))
            for name, value in ((PLACE, folder), (LAST, last or REPORT)):
                os.environ[name] = value
                stack.callback(os.environ.pop, name)
            if COPIES:
                stack.enter_context(_server(root))
        yield


@contextlib.contextmanager
def _server(root: Path) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{os.environ[PLACE]}/{SERVER}")
        listener.listen(MOST_WAITING)
        process = _started(["forkserver"], listener.fileno(), environment.own(), subprocess.DEVNULL, root)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _started(
    words: list[str], number: int, variables: Mapping[str, str], errors: int | None, root: Path | None = None
) -> "subprocess.Popen[bytes]":
    """A module of the pipeline, with arguments, in a process that is given a descriptor, whose number is its last argument."""
    return subprocess.Popen(
        [sys.executable, "-m", f"boatlib.pipeline.{words[0]}", *words[1:], str(number)],
        stdin=subprocess.DEVNULL,
        stderr=errors,
        cwd=root,
        env=variables,
        start_new_session=True,
        pass_fds=[number],
    )


def prepare(
    run: str,
    steps: Iterable[str],
    variables: Mapping[str, str] | None = None,
    errors: IO[str] | None = None,
    anew: bool = True,
) -> None:
    """Let processes get ready that will do steps, where the chain wants it (`allowed`), and there is none for them yet.

    variables: their environment. errors: where they write what nobody expects; both without: as this process. anew: start one
    where none can be copied.
    """
    variables, place = dict(variables or os.environ), errors.fileno() if errors else STDERR
    for step in steps if PLACE in os.environ else ():
        with socket.socket(socket.AF_UNIX) as listener, contextlib.suppress(OSError):  # there is one already
            listener.bind(address(run, step))
            listener.listen()
            try:
                with socket.socket(socket.AF_UNIX) as line:
                    line.connect(f"{os.environ[PLACE]}/{SERVER}")
                    handover.send(line, [run, step, variables], [listener.fileno(), place])
            except OSError:  # there is no server
                if anew:
                    begin(run, step, listener.fileno(), variables, place)


def begin(run: str, step: str, number: int, variables: Mapping[str, str], errors: int) -> None:
    """Start the process of a step anew, with the descriptor of the socket at which it will be called."""
    _started(["step", run, step], number, variables, errors)


def following(root: Path, step: str) -> list[str]:
    """The steps that should get ready while this notebook is executed: two, since the next one may be short."""
    steps = [*all_steps(root, answers=step == NEW_PHOTOS), REPORT]
    last = os.environ.get(LAST)
    wanted = steps[: steps.index(last) + 1] if last in steps else steps
    return wanted[steps.index(step) + 1 :][:2]


def chain() -> str:
    """The socket that the chain holds. Raises KeyError where it holds none."""
    return f"{os.environ[PLACE]}/{CHAIN}"


def address(run: str, step: str) -> str:
    """The socket at which the process of a step waits. Raises KeyError as `chain` does."""
    return f"{os.environ[PLACE]}/{hashlib.sha256(run.encode()).hexdigest()[:8]}-{step}"
