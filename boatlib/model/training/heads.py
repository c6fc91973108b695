"""Heads that learn side by side, a core each: a step of one is too small to be divided among cores."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import torch

from boatlib import runtime
from boatlib.model.training.process_group import ProcessGroup
from boatlib.model.training.task import TrainingTask
from boatlib.model.training.trainer import Trainer

T = TypeVar("T")


@dataclass(frozen=True)
class Heads:
    """What learns in a block of `side_by_side`; without a pool one after the other."""

    pool: ThreadPoolExecutor | None
    over: threading.Event = field(default_factory=threading.Event)

    def start(self, learn: Callable[[], T]) -> Callable[[], T]:
        """Begin beside what is going on; returns what waits for the result. Without a pool that begins when it is asked for.

        `learn` may not draw from torch's generator, which all threads share.
        """
        return self.pool.submit(learn).result if self.pool else learn

    def teach(self, trainer: Trainer, epochs: int, said: Callable[[int, float], None] | None = None) -> float:
        """So many epochs, or until the block ends; returns the last one's loss. said: is told each epoch and its loss."""
        loss = float("nan")
        for epoch in range(1, epochs + 1):
            if self.over.is_set():
                break
            loss, _ = trainer.epoch(epoch)
            if said:
                said(epoch, loss)
        return loss


def can_share(task: TrainingTask, group: ProcessGroup) -> bool:
    """Whether several can learn at a time. Not what has a body, which fills the cores; nor what is on a GPU, or shared among
    processes, which wait for each other; nor where examples are mixed, by draws from torch's generator.
    """
    mixes = task.settings.mixup or task.settings.cutmix
    return task.settings.recipe == "head" and group == ProcessGroup() and runtime.cores() > 1 and not mixes


def in_background(task: TrainingTask, group: ProcessGroup, work: Callable[[], T]) -> Callable[[], T]:
    """Begin what teaches heads beside whatever follows; returns what waits for the result. Where they cannot share the cores, it
    begins when it is asked for.
    """
    if not can_share(task, group):
        return work
    pool = _pool(1)
    result = pool.submit(work).result
    pool.shutdown(wait=False)  # it ends with the work
    return result


def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))


@contextlib.contextmanager
def side_by_side(task: TrainingTask, group: ProcessGroup) -> Iterator[Heads]:
    """A block in which as many heads learn at a time as there are cores, each on one: then digits do not depend on their number.
    Where they cannot (`can_share`), it is one at a time.
    """
    if task.settings.recipe != "head" or group != ProcessGroup():
        yield Heads(None)
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    heads = Heads(_pool(runtime.cores()) if can_share(task, group) else None)
    try:
        yield heads
    finally:
        heads.over.set()
        if heads.pool:
            heads.pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
