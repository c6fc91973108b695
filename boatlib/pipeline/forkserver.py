"""A process that has imported what most steps and their kernels need, and of which each is a copy: it is there in a hundredth of
a second, and shares the memory.

    python -m boatlib.pipeline.forkserver SOCKET

It ends with the chain. Copies are made only as long as it has one thread (`kernel.can_fork`); otherwise steps are started anew.
"""

import contextlib
import gc
import os
import signal
import socket
import sys
from multiprocessing.connection import Client, wait

from setproctitle import getproctitle, setproctitle

from boatlib import runtime
from boatlib.pipeline import ahead, handover, kernel, step

SHARED = ("01_exploration", "02_split", "06_summary")  # notebooks that import what others do, too, and not torch


def main(number: int) -> int:
    """Be that process, or a copy that is to be a step; returns the exit code. number: of the socket where steps are asked for."""
    setproctitle(getproctitle())  # it finds the place only before the environment is exchanged
    os.environ.update(runtime.threads())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for copies
    with contextlib.suppress(ImportError):  # what fails, fails again in the step, which says so
        import ipykernel.kernelapp  # noqa: F401

        from boatlib.pipeline import execute

        for name in SHARED:
            kernel.import_for(execute.notebook_of(name))
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=number) as listener, Client(ahead.chain()) as chain:
        while chain not in wait([listener, chain]):
            if wanted := _copied(listener):
                break
        else:
            return 0
    return step.main(*wanted)


def _copied(listener: socket.socket) -> tuple[str, str, str] | None:
    """In a copy: run, step, and the descriptor of the socket at which it will be called. In the server: None."""
    with listener.accept()[0] as line:
        message, files = handover.receive(line)
    if message is None:
        return None
    run, name, variables = message
    called, errors = files
    if name.endswith(ahead.PAGE):
        with contextlib.suppress(ImportError):  # as above
            from boatlib.report import render

            render.get_ready()
    if not kernel.can_fork():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # what is ignored here is ignored there
        ahead.begin(run, name, called, variables, errors)
    elif not os.fork():
        os.environ.clear()
        os.environ.update(variables)
        os.dup2(errors, ahead.STDERR)
        os.close(errors)
        kernel.become(f"{step.__name__} {run} {name} {called}")
        return run, name, str(called)
    for file in files:
        os.close(file)
    return None


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
