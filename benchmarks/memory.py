"""A command with its largest process, also among those that end under no other: steps of the chain that got ready early."""

import re
import subprocess
import sys
import time
from pathlib import Path

import psutil

EVERY = 0.2  # seconds between two looks


def watched(command: list[str], folder: Path, **options: object) -> tuple[float, float]:
    """Run a command in a folder: seconds, and MB of the largest process that worked there. Raises SystemExit where it fails."""
    began, started, largest = time.time(), time.perf_counter(), 0.0
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, **options)
    while process.poll() is None:
        time.sleep(EVERY)
        for other in psutil.process_iter(["cwd", "create_time"]):
            if other.info["cwd"] == str(folder) and other.info["create_time"] > began - 1:
                largest = max(largest, _peak(other))
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - started, largest


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
