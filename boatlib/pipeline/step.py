"""The command of one step of the chain, which Snakemake calls.

    python -m boatlib.pipeline.step RUN STEP [beside]

It finds the process that waits for it (`ahead`), or asks for one, and ends with its exit code; where there is none, it does the
step itself. A process that waits ends with the chain; one that works ends with its command. With `beside` it gives way to the
step that runs at the same time.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Client, Connection

from boatlib.failures import INTERRUPTED, KILLED
from boatlib.pipeline import ahead
from boatlib.run import Run

GRACE = 30.0  # seconds that a step has to end when its command has ended
BESIDE = "beside"


def main(run: str, step: str, how: str = "") -> int:
    """Do the step, here or in the process that waits for it; or be that process. Returns the exit code.

    how: BESIDE; or, for the process that waits, the file descriptor of the socket at which a call will come.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        if how.isdigit():
            return _when_called(run, step, int(how))
        code = _call(run, step, how)
        if code is None:
            ahead.prepare(run, [step], anew=False)
            code = _call(run, step, how)
        return _ready(run, step)(how == BESIDE) if code is None else code
    except KeyboardInterrupt:
        return INTERRUPTED


def _call(run: str, step: str, how: str) -> int | None:
    """The exit code of the process that has waited for this call; None where there was none, or it could not get ready."""
    try:
        line = Client(ahead.address(run, step))
        line.send_bytes(how.encode())
        line.recv_bytes()
    except (KeyError, OSError, EOFError):
        return None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: line.send_bytes(b"stop"))
    try:
        return line.recv_bytes()[0]
    except (OSError, EOFError):
        return KILLED


def _when_called(run: str, step: str, number: int) -> int:
    called = threading.Event()
    with socket.socket(fileno=number) as listener:
        work = _ready(run, step, early=True)  # before there is a second thread, with which it could not be copied
        _stop_after(Client(ahead.chain()), unless=called)
        line = Connection(listener.accept()[0].detach())
        called.set()
    beside = line.recv_bytes() == BESIDE.encode()
    line.send_bytes(b"begun")
    _stop_after(line)
    try:
        code = work(beside)
    except KeyboardInterrupt:
        code = INTERRUPTED
    line.send_bytes(bytes([code]))
    return 0


def _stop_after(line: Connection, unless: threading.Event | None = None) -> None:
    """Interrupt this process as soon as the other end of a line speaks, or is gone."""

    def listen() -> None:
        with contextlib.suppress(OSError, EOFError):
            line.recv_bytes()
        if unless is None or not unless.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(GRACE)
            os._exit(INTERRUPTED)

    threading.Thread(target=listen, daemon=True).start()


def _ready(run: str, step: str, early: bool = False) -> Callable[[bool], int]:
    """Import what a step needs and, early, start its kernel; returns what does the step, beside another or not, and returns its
    exit code."""
    from boatlib import runtime

    os.environ.update(runtime.threads())
    if step.endswith(ahead.PAGE):
        from boatlib.report import render

        return lambda _: render.main(run, step.removesuffix(ahead.PAGE))
    if step == ahead.REPORT:
        from boatlib.report import pdf, publish

        pdf.find_printer()  # imports it
        return lambda _: publish.main(run)
    from boatlib.pipeline import execute

    kernel = execute.OwnKernel.started(execute.notebook_of(step)) if early else None
    return partial(execute.execute, Run(run), step, kernel)


def _interrupt(*_: object) -> None:
    """SIGTERM is taken as Ctrl-C, so that a kernel is ended and no process is left behind."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
