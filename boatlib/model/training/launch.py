"""Starting several training processes on this machine, waiting for them, and finding out which one failed first, and why."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from boatlib import runtime
from boatlib.errors import BoatlibError, TrainingError, find_error
from boatlib.files import write_text
from boatlib.model.training.task import TrainingTask

MODULE = "boatlib.model.training.worker"  # what the processes run
GRACE = 15.0  # seconds that processes have to end


def launch(task: TrainingTask) -> None:
    """Train a task with `compute.processes` processes of this machine. Raises the error of the first one that failed."""
    file = task.write()
    for old in task.folder.glob("failure-*.json"):
        old.unlink()
    command = [sys.executable, "-m", MODULE, str(file), "--launch", str(task.compute.processes)]
    cores = max(1, runtime.cores() // task.compute.processes)
    environment = os.environ | {"OMP_NUM_THREADS": str(cores)}
    with (task.folder / "torchrun.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment, start_new_session=True
        )
        assert process.stdout
        try:
            for line in process.stdout:
                runtime.progress(line.rstrip())
            code = process.wait()
        finally:
            _end(process)
    if code:
        raise first_failure(task.folder, code)


def _end(process: subprocess.Popen[str]) -> None:
    """End torchrun, which ends its processes; in the end the whole group."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def report_failure(folder: Path, rank: int, size: int, error: str, sentence: str, echo: bool = False) -> None:
    """Write down what ended a process. echo: only that another one is gone, which is never the cause."""
    record = {"rank": rank, "of": size, "error": error, "sentence": sentence, "time": time.time(), "echo": echo}
    write_text(failure_file(folder, rank), json.dumps(record))


def failure_file(folder: Path, rank: int) -> Path:
    """Where a process writes down what ended it."""
    return folder / f"failure-{rank}.json"


def first_failure(folder: Path, code: int) -> BoatlibError:
    """The error of the process that failed first, with the sentence that it wrote down."""
    reports = [json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("failure-*.json")]
    if not reports:
        return TrainingError(f"The training processes ended with code {code}. See {folder.name}/torchrun.log.")
    first = min(reports, key=lambda report: (report["echo"], report["time"]))
    kind = find_error(first["error"]) or TrainingError
    return kind(f"{first['sentence']} (training process {first['rank']} of {first['of']})")
