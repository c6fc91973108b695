"""A process that holds the model: it gets photos through a socket, sends their rows back, and ends with whoever started it."""

import contextlib
import json
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from boatlib.errors import BoatlibError
from boatlib.serve.model import load, rows, warm_up

READY, ROWS, FAILED = "ready", "rows", "failed"


def work(line: Connection, folder: Path, cores: list[int]) -> None:
    """Load the model, say READY with its identity and classes, and answer until the other end closes.

    Asked with a list of files' bytes; answers are [ROWS, rows] for one or several of them, in their order, or [FAILED, sentence].
    They are JSON: whoever breaks into the libraries that open photos can say nothing that is executed at the other end.
    """

    def say(kind: str, said: Any) -> None:  # noqa: ANN401
        line.send_bytes(json.dumps([kind, said]).encode())

    try:
        loaded = load(folder, cores)
        warm_up(loaded.model)
    except BoatlibError as error:
        say(FAILED, str(error))
        return
    say(READY, [loaded.identity, loaded.model.classes])
    while True:
        photos: list[bytes] = line.recv()
        try:
            for table in loaded.model.predict_stream((str(number), data) for number, data in enumerate(photos)):
                say(ROWS, rows(table))
        except BoatlibError as error:
            say(FAILED, str(error))


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):  # they reach the whole group, and what was accepted comes first
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        work(Connection(int(sys.argv[1])), Path(sys.argv[2]), [int(core) for core in sys.argv[3].split(",")])
