"""From options to a running server, and to its end: what was accepted is answered first."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from boatlib.errors import BoatlibError, ParameterError
from boatlib.serve.limits import Limits
from boatlib.serve.pool import Pool
from boatlib.serve.web import make_app

TOKEN = "BOATLIB_TOKEN"
LOCAL = ("127.0.0.1", "::1", "localhost")
BACKLOG = 1024  # connections that wait to be accepted
IDLE = 30  # seconds after which a connection without a request is closed
CONNECTIONS = 1000  # at the same time; further ones are refused


def serve(folder: Path, host: str, port: int, workers: int, limits: Limits, token: str) -> int:
    """Answer until SIGTERM or Ctrl-C; returns the exit code. Raises BoatlibError where it cannot be started."""
    pool = Pool(folder, workers, say)
    with _listening(host, port) as door:
        pool.start()
        config = uvicorn.Config(
            make_app(pool, limits, token), log_level="warning", access_log=False, server_header=False,
            timeout_keep_alive=IDLE, limit_concurrency=CONNECTIONS, lifespan="off",
        )  # fmt: skip
        server = uvicorn.Server(config)
        for one in (signal.SIGTERM, signal.SIGINT):  # uvicorn's own come later, and raise these again at the end
            signal.signal(one, lambda *_: setattr(server, "should_exit", True))
        shown = f"[{host}]" if ":" in host else host
        whom = "whoever shows the token" if token else "whoever asks"
        say(f"http://{shown}:{door.getsockname()[1]}/predict answers {whom}; /docs says how. Ctrl-C ends it.")
        try:
            asyncio.run(server.serve(sockets=[door]))
        finally:
            pool.close()
    say("All that was accepted is answered.")
    return 0


def say(words: str) -> None:
    """A line for whoever watches."""
    print(words, file=sys.stderr, flush=True)


def read_token(file: Path | None) -> str:
    """The token, from a file or from BOATLIB_TOKEN; "" where there is none. Raises ParameterError for one that cannot be sent."""
    try:
        token = file.read_text(encoding="utf-8").strip() if file else os.environ.get(TOKEN)
    except UnicodeDecodeError:
        token = "\0"
    if token is None:
        return ""
    where = str(file) if file else TOKEN
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ParameterError(f"{where} holds no token: letters, digits and signs of ASCII without spaces.")
    return token


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    if not 0 <= port < 2**16:
        raise ParameterError(f"--port is {port}; a number from 0 (any that is free) to {2**16 - 1} is needed.")
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # the protocol is named: otherwise asyncio leaves Nagle's delay of 40 ms on
        door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
        door.listen(BACKLOG)
    except OSError as error:
        why = error.strerror or error
        raise BoatlibError(f"{host}:{port} cannot be listened to ({why}). Name another: --host, --port.") from error
    with door:
        yield door
