"""A command with the memory of its processes, also of those that end under no other: steps of the chain that got ready early."""

import re
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import NamedTuple

import psutil

EVERY = 0.2  # seconds between two looks
SUMMED = 25  # looks between two sums: each takes the system some time


class Used(NamedTuple):
    """What a command took: seconds, MB of the largest process that worked there, MB of all of them at one time (0: not known)."""

    seconds: float
    largest: float
    together: float


def watched(command: list[str], folder: Path, **options: object) -> Used:
    """Run a command in a folder, and see what it takes. Raises SystemExit where it fails."""
    began, started, largest, together = time.time(), time.perf_counter(), 0.0, 0.0
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, **options)
    for look in count():
        if process.poll() is not None:
            break
        time.sleep(EVERY)
        own = [
            other
            for other in psutil.process_iter(["cwd", "create_time"])
            if other.info["cwd"] == str(folder) and other.info["create_time"] > began - 1
        ]
        largest = max([largest, *map(_peak, own)])
        if look % SUMMED == 0:
            together = max(together, sum(map(_share, own)))
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return Used(time.perf_counter() - started, largest, together)


def _peak(process: psutil.Process) -> float:
    """MB: the most until now where the system tells (Linux), otherwise what it has."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]
    except (OSError, TypeError):
        try:
            return process.memory_info().rss / 2**20
        except psutil.Error:
            return 0.0


def _share(process: psutil.Process) -> float:
    """MB, what several processes share divided among them; 0 where the system does not tell."""
    try:
        return getattr(process.memory_full_info(), "pss", 0) / 2**20
    except psutil.Error:
        return 0.0
