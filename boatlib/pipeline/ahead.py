"""Steps that get ready before their turn: while one works, processes of the next two import what they will need, and start
their kernels.

Each waits at a socket for the command of its step (`step`), connected to another socket of the chain: when that is closed,
however the chain ends, it ends too.
"""

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Listener
from pathlib import Path
from typing import IO

from boatlib.run import NEW_PHOTOS, all_steps

PLACE = "BOATLIB_STEPS"  # folder of the sockets, set by the chain for what it starts
LAST = "BOATLIB_LAST_STEP"  # beside it
CHAIN = "chain"
REPORT = "report"
MOST_WAITING = 64


@contextlib.contextmanager
def allowed(last: str = "") -> Iterator[None]:
    """While this lasts, steps may get ready before their turn; whoever still waits at its end, ends.

    last: the step with which the chain ends, where it is not the report.
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
        yield


def prepare(
    run: str, steps: Iterable[str], environment: dict[str, str] | None = None, errors: IO[str] | None = None
) -> None:
    """Start the processes that will do steps, where the chain wants it (`allowed`), and none has been started for them."""
    for step in steps if PLACE in os.environ else ():
        with socket.socket(socket.AF_UNIX) as listener, contextlib.suppress(OSError):  # there is one already
            listener.bind(address(run, step))
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
    last = os.environ.get(LAST)
    wanted = steps[: steps.index(last) + 1] if last in steps else steps
    return wanted[steps.index(step) + 1 :][:2]


def chain() -> str:
    """The socket that the chain holds. Raises KeyError where it holds none."""
    return f"{os.environ[PLACE]}/{CHAIN}"


def address(run: str, step: str) -> str:
    """The socket at which the process of a step waits. Raises KeyError as `chain` does."""
    return f"{os.environ[PLACE]}/{hashlib.sha256(run.encode()).hexdigest()[:8]}-{step}"
