"""What computes: a network part compiled once by OpenVINO (CPU) and cached, or the torch module itself (GPU).

Both take and give numpy arrays, so that whoever only predicts never waits for torch to be imported.
"""

import importlib.metadata
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from boatlib import runtime
from boatlib.run import cache_folder
from boatlib.runtime import Machine

if TYPE_CHECKING:
    import torch
    from torch import nn


BFLOAT = "bfloat16"
BATCH = 16  # rows in one pass; always full (padded), so that a row's result does not depend on its companions
PIXELS = 8 * 240 * 240  # in one pass at the most: more do not fit into the CPU's caches (measured)
LOADED = 4  # engines that a process keeps: two networks, and heads from before and after a refit
GPU_BATCH = 128
TURN = 32  # items for which several engines take turns


class Part(NamedTuple):
    """What can be compiled: the name of its content, what makes its torch module, and an example of its input (one row)."""

    key: str
    build: Callable[[], "nn.Module"]
    example: np.ndarray


class Engine(Protocol):
    """A part of the network, ready to compute."""

    def run(self, rows: Iterable[np.ndarray]) -> np.ndarray:
        """Results for a stream of input rows, in their order: float32 [rows, outputs]."""


class OpenVinoEngine:
    """A part compiled by OpenVINO: batches computed by all cores while the next one is being decoded."""

    def __init__(self, file: Path, on: Machine) -> None:
        import openvino

        self._lock = threading.Lock()
        model = openvino.Core().read_model(file)
        row = [dimension.get_length() for dimension in model.input(0).partial_shape[1:]]
        self._batch = batch_size(row)
        model.reshape([self._batch, *row])
        self._queue = openvino.AsyncInferQueue(openvino.compile_model(model, "CPU", settings(on)), runtime.cores())

    def run(self, rows: Iterable[np.ndarray]) -> np.ndarray:
        """Results for a stream of input rows, in their order: float32 [rows, outputs]."""
        with self._lock:  # one stream of rows at a time: they share the queue
            return self._run(rows)

    def _run(self, rows: Iterable[np.ndarray]) -> np.ndarray:
        results: dict[int, np.ndarray] = {}

        def keep(request: object, number: int) -> None:
            results[number] = request.get_output_tensor(0).data.copy()  # type: ignore[attr-defined]

        self._queue.set_callback(keep)
        total = 0
        for number, (batch, count) in enumerate(_batches(rows, self._batch)):
            self._queue.start_async({0: batch}, number)
            total += count
        self._queue.wait_all()
        return np.concatenate([results[number] for number in sorted(results)])[:total] if results else np.empty((0, 0))


class TorchEngine:
    """The torch module itself, on a GPU where there is one."""

    def __init__(self, module: "nn.Module", on: Machine) -> None:
        import torch

        self._device, self._half = on.device, half_type(on)
        self._module = module.eval().to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(self, rows: Iterable[np.ndarray]) -> np.ndarray:
        """Results for a stream of input rows, in their order: float32 [rows, outputs]."""
        import torch

        results = []
        with torch.inference_mode(), torch.autocast(self._device, self._half, enabled=self._half is not None):
            for batch, count in _batches(rows, GPU_BATCH if self._device == "cuda" else BATCH):
                inputs = torch.from_numpy(batch).to(self._device)
                # results stay there: the next batch need not wait for them
                results.append(self._module(inputs)[:count].float())
        return torch.cat(results).cpu().numpy() if results else np.empty((0, 0))


def run_each(several: Sequence[Engine], items: Iterable[Sequence[list[np.ndarray]]]) -> list[np.ndarray]:
    """Results of several engines over one stream of items, each of which holds a list of rows for every engine.

    The engines take turns, so that few items are in memory; the next ones are made while they compute.
    """
    if len(several) == 1:
        return [several[0].run(row for item in items for row in item[0])]
    stream = iter(items)
    results: list[list[np.ndarray]] = [[] for _ in several]
    while turn := _turn(several[0], stream, results[0]):
        for number, engine in enumerate(several[1:], start=1):
            results[number].append(engine.run(row for item in turn for row in item[number]))
    return [np.concatenate([part for part in parts if len(part)] or [np.empty((0, 0))]) for parts in results]


def _turn(
    first: Engine, stream: Iterator[Sequence[list[np.ndarray]]], results: list[np.ndarray]
) -> list[Sequence[list[np.ndarray]]]:
    """The next items of a stream, after the first engine has had its rows of them."""
    taken: list[Sequence[list[np.ndarray]]] = []

    def rows() -> Iterator[np.ndarray]:
        for item in islice(stream, TURN):
            taken.append(item)
            yield from item[0]

    results.append(first.run(rows()))
    return taken


def batch_size(row: Sequence[int]) -> int:
    """Rows in one pass, a power of two: fewer where they are large pictures, [height, width, 3]."""
    fitting = PIXELS // (row[0] * row[1]) if len(row) == 3 else BATCH
    return min(BATCH, max(2, 1 << fitting.bit_length() - 1 if fitting else 2))


def _batches(rows: Iterable[np.ndarray], size: int = BATCH) -> Iterator[tuple[np.ndarray, int]]:
    """Full batches and how many of their rows count; the last one is filled up with copies of its first row."""
    waiting: list[np.ndarray] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == size:
            yield np.stack(waiting), size
            waiting = []
    if waiting:
        yield np.stack(waiting + [waiting[0]] * (size - len(waiting))), len(waiting)


def half_type(on: Machine) -> "torch.dtype | None":
    """The type of number that a machine multiplies faster than float32; None where there is none, or it is unwanted."""
    import torch

    if on.device == "cuda":
        supported = on.half and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if supported else torch.float16 if on.half else None
    return torch.bfloat16 if on.half and runtime.takes_bfloat16() else None


def precision(on: Machine) -> str:
    """The numbers in which networks compute: half as many bits where the machine has instructions for it."""
    if on.device == "cuda":
        return str(half_type(on) or "torch.float32").removeprefix("torch.")
    return BFLOAT if on.half and runtime.takes_bfloat16() else "float32"


def settings(on: Machine) -> dict[str, object]:
    """What OpenVINO is told. With bfloat16 all cores compute one batch; with float32 each computes one of its own, which is
    faster there (measured).
    """
    half = precision(on) == BFLOAT
    return {
        "NUM_STREAMS": 1 if half else runtime.cores(),
        "INFERENCE_NUM_THREADS": runtime.cores(),
        "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
    }


def identity(on: Machine) -> str:
    """Which engine computes, with its version and precision: its last digits are part of every feature."""
    library = "torch" if on.device == "cuda" else "openvino"
    return f"{library}-{importlib.metadata.version(library)}-{precision(on)}"


def compiled(part: Part, on: Machine) -> Engine:
    """The engine of a part; its torch module is made when it is not cached yet."""
    return TorchEngine(part.build(), on) if on.device == "cuda" else _loaded(_converted(part, on), on)


def prepare(part: Part, on: Machine) -> None:
    """What `compiled` does but once, done now, while torch is there."""
    if on.device != "cuda":
        _converted(part, on)


@lru_cache(LOADED)
def _loaded(file: Path, on: Machine) -> OpenVinoEngine:
    return OpenVinoEngine(file, on)


def let_go() -> None:
    """Keep no engine that nobody holds: they are most of the memory of whoever computes."""
    _loaded.cache_clear()


def is_converted(part: Part, on: Machine) -> bool:
    """Whether a part lies in the cache, ready for OpenVINO."""
    file = _file(part, on)
    return file.is_file() and file.with_suffix(".bin").is_file()


def _file(part: Part, on: Machine) -> Path:
    shape = "x".join(map(str, part.example.shape))
    return cache_folder("engines") / f"{part.key}-{shape}-{identity(on)}.xml"


def _converted(part: Part, on: Machine) -> Path:
    file = _file(part, on)
    if not is_converted(part, on):
        _convert(part.build(), part.example, file)
    return file


def _convert(module: "nn.Module", example: np.ndarray, file: Path) -> None:
    import contextlib
    import io
    import warnings

    import openvino
    import torch

    rows = torch.from_numpy(np.stack([example] * 2))
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.inference_mode():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(module.eval(), rows, check_trace=False)  # a test compares the results instead
        model = openvino.convert_model(traced, example_input=rows, input=[-1, *example.shape])
    temporary = file.with_name(f".{os.getpid()}.{file.name}")
    openvino.save_model(model, temporary, compress_to_fp16=False)
    os.replace(temporary.with_suffix(".bin"), file.with_suffix(".bin"))
    os.replace(temporary, file)
