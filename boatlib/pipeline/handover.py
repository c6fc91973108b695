"""A message with open files from one process to another, through a Unix socket."""

import json
import os
import socket
from collections.abc import Sequence
from typing import Any

FILES = b"f"  # of a message that brings descriptors; what follows them is JSON, which begins with another byte
AT_ONCE = 200  # descriptors that one can bring


def send(line: socket.socket, message: object, files: Sequence[int]) -> None:
    """Send what JSON can say, and descriptors, of which the receiver gets its own; nothing can follow. Raises OSError."""
    for start in range(0, len(files), AT_ONCE):
        socket.send_fds(line, [FILES], files[start : start + AT_ONCE])
    line.sendall(json.dumps(message).encode())
    line.shutdown(socket.SHUT_WR)


def receive(line: socket.socket) -> tuple[Any, list[int]]:
    """Message and descriptors; None where the other end was closed before it had said all. Descriptors are not inherited."""
    files: list[int] = []
    while (word := socket.recv_fds(line, 1, AT_ONCE))[0] == FILES:
        files += word[1]
    for file in files:
        os.set_inheritable(file, False)
    try:
        return json.loads(word[0] + line.makefile("rb").read()), files
    except ValueError:
        return None, files
