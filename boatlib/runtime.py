"""The machine that the work runs on: cores, whether somebody watches, progress lines, library versions."""

import contextlib
import ctypes
import gc
import importlib.metadata
import os
import platform
from dataclasses import dataclass
from pathlib import Path

from boatlib.errors import ParameterError

STATIC = "BOATLIB_STATIC"  # set by pipeline.execute for the kernels that it starts
RESUME = "BOATLIB_RESUME"  # set where a training is to go on from its checkpoint

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # of glibc's mallopt


@dataclass(frozen=True)
class Machine:
    """What computes: device ("cpu" or "cuda"), and whether half precision is wanted where the device is faster with it."""

    device: str
    half: bool


def machine(device: str = "auto", amp: str = "auto") -> Machine:
    """What `compute.device` (auto, cpu or cuda) and `compute.amp` (auto or off) mean here.

    It is handed to whatever computes, and stands nowhere else. Raises ParameterError where there is no such device.
    """
    if device == "cuda" and not gpus():
        raise ParameterError("compute.device is cuda, but no NVIDIA GPU was found. Set it to auto or cpu.")
    return Machine("cuda" if gpus() and device != "cpu" else "cpu", amp != "off")


def threads() -> dict[str, str]:
    """Variables that a process needs before it imports what computes: torch gets all cores, of which Snakemake leaves it one, and
    numpy one, so that its digits are the same on any number of them.
    """
    torchs, numpys = ("OMP_NUM_THREADS", "MKL_NUM_THREADS"), ("OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    return dict.fromkeys(torchs, str(cores())) | dict.fromkeys(numpys, "1")


def cores() -> int:
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> int:
    """Number of NVIDIA GPUs that this process may use; asked of the system, since importing torch takes seconds."""
    there = len([path for path in Path("/dev").glob("nvidia*") if path.name.removeprefix("nvidia").isdigit()])
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    named = [] if visible is None else [word.strip() for word in visible.split(",") if word.strip()]
    wanted = named[: named.index("-1")] if "-1" in named else named  # CUDA reads the list up to the first -1
    return there if visible is None else min(there, len(wanted))


def takes_bfloat16() -> bool:
    """Whether the CPU has instructions for bfloat16 (AVX-512 or AMX)."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def keep_memory() -> None:
    """From now on this process keeps the memory that it frees, for what it asks for next. By default glibc gives large pieces
    back, and each step of a training gets them anew, page by page. Elsewhere than on glibc nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError):
        glibc = ctypes.CDLL("libc.so.6")
        glibc.mallopt(MMAP_MAX, 0)
        glibc.mallopt(TRIM_THRESHOLD, 2**31 - 1)


def give_memory_back() -> None:
    """Give the system what this process has freed: glibc keeps it for what may come. Elsewhere nothing happens."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def is_interactive() -> bool:
    """True in JupyterLab, where widgets work; False where the chain executes the notebook."""
    return STATIC not in os.environ


def progress(text: str) -> None:
    """Show a line of progress: in the notebook's output, and from there on the terminal of the chain."""
    print(text, flush=True)


def versions() -> dict[str, str]:
    """Version of Python and of each library that can change a number, by name."""
    libraries = ["torch", "timm", "openvino", "numpy", "pandas", "scikit-learn", "scipy", "pillow"]
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in libraries}
