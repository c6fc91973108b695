"""The machine that the work runs on: cores, whether somebody watches, progress lines, library versions."""

import importlib.metadata
import os
import platform

STATIC = "BOATLIB_STATIC"  # set by report.execute for the kernels that it starts


def cores() -> int:
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
