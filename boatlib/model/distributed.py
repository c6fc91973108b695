"""Several processes that train one model: torchrun starts them, DDP adds up their gradients, one of them writes.

The training step starts them by itself (`compute.processes`). On several machines, each runs the same module:

    torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint HOST:29500 -m boatlib.model.distributed RUN

RUN is the name of a run that has been split (`./run_all.sh params/RUN.yaml --until split`); afterwards
`./run_all.sh params/RUN.yaml --resume` takes the trained model and goes on.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed as dist
from torch import nn

from boatlib import runtime
from boatlib.errors import BoatlibError, TrainingError, find_error
from boatlib.model.jobs import Job
from boatlib.run import write_text

GRACE = 15.0  # seconds that processes have to end
PATIENCE = timedelta(minutes=10)  # until a process that waits for another gives up


@dataclass(frozen=True)
class World:
    """The processes that train together: this one's number, how many there are, where it computes."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    def share(self, rows: np.ndarray) -> np.ndarray:
        """The rows of a batch that this process computes."""
        return rows[self.rank :: self.size]

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model, so that a backward pass leaves the mean of all processes' gradients."""
        return nn.parallel.DistributedDataParallel(model) if self.size > 1 else model

    def gather(self, value: Any) -> list[Any]:  # noqa: ANN401
        """What each process has, in the order of their numbers, for all of them."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    @contextlib.contextmanager
    def first_one_first(self) -> Iterator[None]:
        """The first process goes through the block alone; then the others, who find what it has left in the cache."""
        if self.rank and self.size > 1:
            dist.barrier()
        yield
        if self.rank == 0 and self.size > 1:
            dist.barrier()


def alone() -> World:
    """This process by itself."""
    return World(device=runtime.device())


@contextlib.contextmanager
def joined() -> Iterator[World]:
    """Take part in what torchrun has started: NCCL on GPUs, gloo on the CPU."""
    on_gpu = runtime.device() == "cuda"
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if on_gpu else "gloo", timeout=PATIENCE)
    try:
        yield World(dist.get_rank(), dist.get_world_size(), runtime.device())
    finally:
        dist.destroy_process_group()


def launch(job: Job) -> None:
    """Train a job with `compute.processes` processes of this machine. Raises the error of the first one that failed."""
    file = job.write()
    for old in job.folder.glob("failure-*.json"):
        old.unlink()
    command = [sys.executable, "-m", __spec__.name, str(file), "--launch", str(job.compute.processes)]
    cores = max(1, runtime.cores() // job.compute.processes)
    environment = os.environ | {"OMP_NUM_THREADS": str(cores), runtime.DEVICE: job.compute.device}
    with (job.folder / "torchrun.log").open("w", encoding="utf-8") as log:
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
        raise _first_failure(job.folder, code)


def _end(process: subprocess.Popen[str]) -> None:
    """End torchrun, which ends its processes; in the end the whole group."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _first_failure(folder: Path, code: int) -> BoatlibError:
    reports = [json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("failure-*.json")]
    if not reports:
        return TrainingError(f"The training processes ended with code {code}. See {folder.name}/torchrun.log.")
    first = min(reports, key=lambda report: (report["echo"], report["time"]))
    kind = find_error(first["error"]) or TrainingError
    return kind(f"{first['sentence']} (training process {first['rank']} of {first['of']})")


def _report(folder: Path, rank: int, size: int, error: str, sentence: str, echo: bool = False) -> None:
    """Write down what ended a process. echo: only that another one is gone, which is never the cause."""
    record = {"rank": rank, "of": size, "error": error, "sentence": sentence, "time": time.time(), "echo": echo}
    write_text(folder / f"failure-{rank}.json", json.dumps(record))


def _end_with_parent() -> None:
    """Ask Linux to stop this process when the one that started it ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _torchrun(place: str, processes: int) -> int:
    """Start the processes and wait; what killed one of them without a word of its own is written down here."""
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    options = ["--standalone", "--nproc-per-node", str(processes), "--max-restarts", "0", "-m", __spec__.name, place]
    try:
        run.run(run.parse_args(options))
    except ChildFailedError as error:
        folder = Job.read(place).folder
        for rank, failure in error.failures.items():
            if failure.exitcode not in (1, -signal.SIGTERM) and not (folder / f"failure-{rank}.json").exists():
                how = f"killed ({signal.Signals(-failure.exitcode).name})" if failure.exitcode < 0 else "ended"
                sentence = f"It was {how}: the computer ran out of memory, or somebody stopped it."
                _report(folder, rank, processes, "TrainingError", sentence)
        return 1
    return 0


def _take_part(place: str) -> int:
    from boatlib.model import training

    job, rank, size = Job.read(place), int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    try:
        with joined() as world:
            training.learn(job, world)
    except Exception as error:
        sentence = str(error) if isinstance(error, BoatlibError) else f"{type(error).__name__}: {error}"
        echo = isinstance(error, RuntimeError) and any(
            word in sentence for word in ("gloo", "NCCL", "Connection closed")
        )
        _report(job.folder, rank, size, type(error).__name__, sentence, echo)
        raise
    return 0


def main() -> int:
    """`PLACE --launch N` starts N processes, each of which is `PLACE` alone. PLACE: a file with a job, or a run's name."""
    _end_with_parent()
    place, *launch_with = sys.argv[1:]
    return _torchrun(place, int(launch_with[1])) if launch_with else _take_part(place)


if __name__ == "__main__":
    sys.exit(main())
