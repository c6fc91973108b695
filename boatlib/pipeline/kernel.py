"""The kernel of a notebook: when it begins to listen, it has imported what the notebook will need.

    python -m boatlib.pipeline.kernel NOTEBOOK -f CONNECTION_FILE

Where the process that wants it can be copied, such a copy becomes the kernel (`Forked`), which has what this process has
imported. JupyterLab starts its kernels in the usual way, and imports what is needed when it is needed.
"""

import ast
import contextlib
import importlib
import json
import os
import runpy
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

# Which modules functions import when they are called, so that a notebook in JupyterLab begins sooner
LATER = {
    "01_exploration": ("scipy.sparse.csgraph", "matplotlib.figure"),
    "02_split": (),
    "03_training": ("timm", "torch._dynamo", "openvino", "scipy.optimize", "scipy.linalg", "matplotlib.figure"),
    "04_evaluation": (
        "openvino",
        "scipy.stats",
        "sklearn.linear_model",
        "sklearn.decomposition",
        "matplotlib.figure",
        "seaborn",
    ),
    "05_tta": ("openvino", "scipy.stats"),
    "06_summary": ("babel.dates", "scipy.stats", "matplotlib.figure"),
    "07_new_photos": ("openvino", "matplotlib.figure"),
}


def import_for(notebook: Path) -> None:
    """Import what the first cell imports, and what functions will. What fails, fails again in the notebook, which says so."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        for name in [*_named(notebook), *LATER.get(notebook.stem, ())]:
            with contextlib.suppress(Exception, SystemExit):  # also where it is no module, but something in one
                importlib.import_module(name)


def _named(notebook: Path) -> Iterator[str]:
    """What the cell tagged `imports` imports, in its order; of a notebook that cannot be read, nothing."""
    with contextlib.suppress(Exception):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if "imports" in cell["metadata"].get("tags", [])]
        for node in ast.walk(ast.parse("\n".join(sources))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]


HELPED = ("01_exploration",)  # notebooks that have most done by Python itself: reading thousands of small files
COPIES = sys.platform == "linux"  # libraries of macOS do not work in copies of a process


class Forked:
    """A kernel in a copy of this process, with what `jupyter_client` uses of `subprocess.Popen`. It imports at once what its
    notebook needs, and begins when it is told; it ends when this process ends before.
    """

    stdin = stdout = stderr = None

    def __init__(self, notebook: Path, arguments: list[str], environment: Mapping[str, str]) -> None:
        """arguments: of ipykernel; environment: what is added to that of this process."""
        word, self._begin = os.pipe()
        self.returncode: int | None = None
        parent = os.getpid()
        self.pid = os.fork()
        if not self.pid:
            try:
                _be_kernel(notebook, arguments, environment, word, parent)
            except Exception:
                traceback.print_exc()
            finally:  # never go on as this process
                os._exit(1)
        os.close(word)

    def begin(self) -> None:
        """Tell it that its connection file is there."""
        with contextlib.suppress(BrokenPipeError):  # that it is gone, `poll` tells
            os.write(self._begin, b"!")
        os.close(self._begin)

    def poll(self) -> int | None:
        """Its exit code, a negative number for a signal, or None while it lives."""
        return self._ended(os.WNOHANG)

    def wait(self) -> int | None:
        """Its exit code, when it has ended."""
        return self._ended(0)

    def send_signal(self, number: int) -> None:
        """Send a signal, if it lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _ended(self, how: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, how)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode


def can_fork() -> bool:
    """Whether a copy of this process is a whole one: not where a second thread might hold a lock that nobody will open."""
    return COPIES and len(os.listdir("/proc/self/task")) == 1


def become(title: str) -> None:
    """Let a copy of a process be one of its own: session, signals, and the name that `ps` shows."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with contextlib.suppress(ImportError):  # an environment that is older than this project needs no names
        from setproctitle import setproctitle

        setproctitle(f"python -m {title}")


def _be_kernel(
    notebook: Path, arguments: list[str], environment: Mapping[str, str], word: int, parent: int
) -> NoReturn:
    os.environ.update(environment)
    become(f"{__name__} {notebook} {' '.join(arguments)}")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.closerange(3, word)
    os.closerange(word + 1, os.sysconf("SC_OPEN_MAX"))
    _get_ready(notebook)
    if not os.read(word, 1):
        os._exit(0)
    # that process is watched; ipykernel has looked for its number in the environment when it was imported
    _run([*arguments, f"--IPKernelApp.parent_handle={parent}"])
    os._exit(0)


def _get_ready(notebook: Path) -> None:
    """Import what a notebook needs, and get the copies that will help."""
    import_for(notebook)
    if notebook.stem in HELPED and can_fork():
        from boatlib import copies

        copies.make()


def _run(arguments: list[str]) -> None:
    sys.argv[1:] = arguments
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _get_ready(Path(sys.argv[1]))
    _run(sys.argv[2:])
