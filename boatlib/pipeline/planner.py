"""Snakemake, in a process that gets ready while the params files are read: its modules, and those that the Snakefile names.

    python -m boatlib.pipeline.planner SOCKET

The socket, a file descriptor, brings what to do: arguments and environment, and the files that take the place of standard output
and error, with whatever else is to stay open. When its other end is closed before, there is nothing to do.
"""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from boatlib import environment
from boatlib.pipeline import handover


class Planner:
    """The process, which waits for its `start`."""

    def __init__(self, root: Path) -> None:
        self._line, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "boatlib.pipeline.planner", str(other.fileno())],
                cwd=root,
                env=environment.own(),
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=[other.fileno()],
            )

    @classmethod
    @contextlib.contextmanager
    def ready(cls, root: Path) -> Iterator[Self]:
        """One in the project's folder, for a block in which it is started, or not needed."""
        planner = cls(root)
        try:
            yield planner
        finally:
            planner._line.close()
            planner._process.kill()
            planner._process.wait()

    def start(self, arguments: list[str], files: list[int]) -> "subprocess.Popen[bytes]":
        """Let Snakemake go, in this process's environment as it is now; returns its process.

        files: descriptors of its standard output and error, and of what stays open as long as it lives.
        """
        with contextlib.suppress(OSError):  # where it has died, its exit code tells
            handover.send(self._line, [arguments, environment.own()], files)
        return self._process


def main(number: int) -> None:
    """Be that process."""
    with contextlib.suppress(ImportError):  # Snakemake says it where it is asked for
        import snakemake.cli

        snakemake.cli.get_argument_parser()  # imports its plugins
        from boatlib.model.inference import bundle  # noqa: F401
        from boatlib.photos import arrivals  # noqa: F401
    with socket.socket(fileno=number) as line:
        message, files = handover.receive(line)
    if message is None:
        return
    for place, file in enumerate(files[:2]):
        os.dup2(file, place + 1)
    arguments, variables = message
    os.environ.clear()
    os.environ.update(variables)
    import snakemake.cli

    try:
        snakemake.cli.main(arguments)
    except SystemExit as ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code if isinstance(ended.code, int) else bool(ended.code))  # a timer of its would take a second


if __name__ == "__main__":
    main(int(sys.argv[1]))
