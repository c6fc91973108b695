"""The processes that train one model together, as one of them sees it; a training by one process is the smallest such group."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from torch import distributed as dist
from torch import nn

from boatlib.runtime import Machine

PATIENCE = timedelta(minutes=10)  # until a process that waits for another gives up


@dataclass(frozen=True)
class ProcessGroup:
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


def alone(on: Machine) -> ProcessGroup:
    """This process by itself."""
    return ProcessGroup(device=on.device)


@contextlib.contextmanager
def joined(on: Machine) -> Iterator[ProcessGroup]:
    """Take part in what torchrun has started: NCCL on GPUs, gloo on the CPU."""
    on_gpu = on.device == "cuda"
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if on_gpu else "gloo", timeout=PATIENCE)
    try:
        yield ProcessGroup(dist.get_rank(), dist.get_world_size(), on.device)
    finally:
        dist.destroy_process_group()
