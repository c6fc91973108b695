"""What torchrun runs: one of several processes that train one model. DDP adds up their gradients, the first of them writes.

The training step starts them by itself (`compute.processes`). On several machines, each runs the same module:

    torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint HOST:29500 -m boatlib.model.training.worker RUN

RUN is the name of a run that has been split (`./run_all.sh params/RUN.yaml --until split`), in a folder that all machines share;
afterwards `./run_all.sh params/RUN.yaml --resume` takes the trained model and goes on.
"""

import ctypes
import os
import signal
import sys

from boatlib.errors import BoatlibError, TrainingError
from boatlib.model.training import fit, process_group
from boatlib.model.training.launch import MODULE, failure_file, report_failure
from boatlib.model.training.task import TrainingTask

ECHOES = ("gloo", "NCCL", "Connection closed")  # words of the errors of processes that lost another one


def main() -> int:
    """`PLACE --launch N` starts N processes, each of which is `PLACE` alone. PLACE: a file with a task, or a run's name."""
    _end_with_parent()
    place, *launch_with = sys.argv[1:]
    return _torchrun(place, int(launch_with[1])) if launch_with else _take_part(place)


def _end_with_parent() -> None:
    """Ask Linux to stop this process when the one that started it ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _torchrun(place: str, processes: int) -> int:
    """Start the processes and wait; what killed one of them without a word of its own is written down here."""
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    options = ["--standalone", "--nproc-per-node", str(processes), "--max-restarts", "0", "-m", MODULE, place]
    try:
        run.run(run.parse_args(options))
    except ChildFailedError as error:
        folder = TrainingTask.read(place).folder
        for rank, failure in error.failures.items():
            if failure.exitcode not in (1, -signal.SIGTERM) and not failure_file(folder, rank).exists():
                how = f"killed ({signal.Signals(-failure.exitcode).name})" if failure.exitcode < 0 else "ended"
                sentence = f"It was {how}: the computer ran out of memory, or somebody stopped it."
                report_failure(folder, rank, processes, TrainingError.__name__, sentence)
        return 1
    return 0


def _take_part(place: str) -> int:
    task, rank, size = TrainingTask.read(place), int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    try:
        with process_group.joined(task.machine) as own:
            fit.learn(task, own)
    except Exception as error:
        sentence = str(error) if isinstance(error, BoatlibError) else f"{type(error).__name__}: {error}"
        echo = isinstance(error, RuntimeError) and any(word in sentence for word in ECHOES)
        report_failure(task.folder, rank, size, type(error).__name__, sentence, echo)
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
