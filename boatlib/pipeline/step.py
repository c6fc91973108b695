"""One step of the chain, and how it gets ready before its turn: while a step works, a process of the next one imports what
it will need, and starts its kernel.

    python -m boatlib.pipeline.step RUN STEP

This command, which Snakemake calls, finds that process by a socket, and ends with its exit code; where none waits, it does the
step itself. A process that waits holds a connection to the chain, and ends with it; one that works ends with its command.
"""

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import IO

from boatlib.run import NEW_PHOTOS, Run, all_steps

PLACE = "BOATLIB_STEPS"  # folder of the sockets, set by the chain for what it starts
REPORT = "report"
INTERRUPTED, KILLED = 130, 137  # exit codes
GRACE = 30.0  # seconds that a step has to end when its command has ended
MOST_WAITING = 64


@contextlib.contextmanager
def ahead() -> Iterator[None]:
    """While this lasts, steps may get ready before their turn; whoever still waits at its end, ends."""
    with (
        tempfile.TemporaryDirectory(prefix="boatlib-", ignore_cleanup_errors=True) as folder,
        contextlib.ExitStack() as stack,
    ):
        with contextlib.suppress(OSError):  # a path that is too long for a socket: then each step begins at its turn
            stack.enter_context(Listener(f"{folder}/chain", backlog=MOST_WAITING))
            os.environ[PLACE] = folder
            stack.callback(os.environ.pop, PLACE)
        yield


def prepare(
    run: str, steps: Iterable[str], environment: dict[str, str] | None = None, errors: IO[str] | None = None
) -> None:
    """Start the processes that will do steps, where the chain wants it (`ahead`), and none has been started for them."""
    for step in steps if PLACE in os.environ else ():
        with socket.socket(socket.AF_UNIX) as listener, contextlib.suppress(OSError):  # there is one already
            listener.bind(_address(run, step))
            listener.listen()
            number = listener.fileno()
            command = [sys.executable, "-m", "boatlib.pipeline.step", run, step, str(number)]
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stderr=errors,
                env=environment,
                start_new_session=True,
                pass_fds=[number],
            )


def following(root: Path, step: str) -> list[str]:
    """The steps that should get ready while this notebook is executed: two, since the next one may be short."""
    steps = [*all_steps(root, answers=step == NEW_PHOTOS), REPORT]
    return steps[steps.index(step) + 1 :][:2]


def main(run: str, step: str, listener: int | None = None) -> int:
    """Do the step, here or in the process that waits for it; or be that process. Returns the exit code.

    listener: the file descriptor of the socket at which a call will come.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        if listener is not None:
            return _when_called(run, step, listener)
        code = _call(run, step)
        return _ready(run, step)() if code is None else code
    except KeyboardInterrupt:
        return INTERRUPTED


def _call(run: str, step: str) -> int | None:
    """The exit code of the process that has waited for this call; None where there was none, or it could not get ready."""
    try:
        line = Client(_address(run, step))
        line.recv()
    except (KeyError, OSError, EOFError):
        return None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: line.send("stop"))
    try:
        return line.recv()
    except (OSError, EOFError):
        return KILLED


def _when_called(run: str, step: str, number: int) -> int:
    chain, called = Client(f"{os.environ[PLACE]}/chain"), threading.Event()
    _stop_after(chain, unless=called)
    with socket.socket(fileno=number) as listener:
        work = _ready(run, step, early=True)
        line = Connection(listener.accept()[0].detach())
        called.set()
    line.send("begun")
    _stop_after(line)
    try:
        line.send(work())
    except KeyboardInterrupt:
        line.send(INTERRUPTED)
    return 0


def _stop_after(line: Connection, unless: threading.Event | None = None) -> None:
    """Interrupt this process as soon as the other end of a line speaks, or is gone."""

    def listen() -> None:
        with contextlib.suppress(OSError, EOFError):
            line.recv()
        if unless is None or not unless.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(GRACE)
            os._exit(INTERRUPTED)

    threading.Thread(target=listen, daemon=True).start()


def _ready(run: str, step: str, early: bool = False) -> Callable[[], int]:
    """Import what a step needs and, early, start its kernel; returns what does the step and returns its exit code."""
    if step == REPORT:
        from boatlib.report import pdf, publish

        pdf.find_printer()  # imports it
        return partial(publish.main, run)
    from boatlib.pipeline import execute

    kernel = execute.OwnKernel.started(execute.notebook_of(step)) if early else None
    return partial(execute.execute, Run(run), step, kernel)


def _address(run: str, step: str) -> str:
    return f"{os.environ[PLACE]}/{hashlib.sha256(run.encode()).hexdigest()[:8]}-{step}"


def _interrupt(*_: object) -> None:
    """SIGTERM is taken as Ctrl-C, so that a kernel is ended and no process is left behind."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))
