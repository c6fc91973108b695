"""One step of the chain: a notebook executed by papermill, with the parameters that it declares and no others."""

import atexit
import contextlib
import math
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from queue import Empty

import nbformat
import papermill
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from jupyter_core.utils import run_sync
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError

from boatlib import runtime
from boatlib.errors import BoatlibError, DiskError, find_error
from boatlib.failures import INTERRUPTED, KILLED, note_failure
from boatlib.files import explain_disk, write_text
from boatlib.params import Params
from boatlib.pipeline.ahead import following, prepare
from boatlib.pipeline.dependencies import TRIAL
from boatlib.pipeline.kernel import Forked, can_fork
from boatlib.run import Run, project_root

CLEAR_LINE = "\r\x1b[K"
ENGINE = "boatlib"
LOG_SECONDS = 5.0  # between two saves of a notebook that is being executed
NO_HISTORY = "--HistoryManager.hist_file=:memory:"
LONGEST_PLACE = 88  # bytes; a socket's whole path may have 103 on a Mac
GIVING_WAY = 10  # of 19: as the command `nice` does
START_SECONDS = 120  # that a kernel may take to start
STEP_FAILED = BoatlibError.exit_code


class Terminal:
    """Where a notebook's progress lines go: rewritten in place on a terminal, one below the other in a file."""

    def __init__(self, step: str, mark: str = "") -> None:
        """mark: what begins its lines in a file, where those of another step may stand between them."""
        self._step, self._mark, self._screen = step, mark, sys.stdout
        self._live = sys.stdout.isatty()
        self._started = time.perf_counter()
        self._show(f"  {step:<28} ...")

    def write(self, text: str) -> int:
        """Called by papermill with what the notebook printed."""
        for line in filter(None, (line.strip() for line in text.splitlines())):
            self._show(f"  {self._step:<28} {line}" if self._live else f"      {self._mark}{line}")
        return len(text)

    def flush(self) -> None:
        """Whoever writes into a stream expects it."""
        self._screen.flush()

    def close(self, word: str) -> None:
        """The step's one line that stays, with its time."""
        seconds = time.perf_counter() - self._started
        print(
            f"{CLEAR_LINE if self._live else ''}  {self._step:<28} {seconds:6.1f} s   {word}",
            file=self._screen,
            flush=True,
        )

    def _show(self, line: str) -> None:
        if self._live:
            print(f"{CLEAR_LINE}{line[:100]}", end="", file=self._screen, flush=True)
        elif not line.endswith("..."):
            print(line, file=self._screen, flush=True)


def execute(run: Run, step: str, kernel: "OwnKernel | None" = None, beside: bool = False) -> int:
    """Run `notebooks/<step>.ipynb` for a run; returns the exit code. What went wrong is printed in a sentence.

    kernel: one that has been started for it; otherwise it gets one. beside: it gives way to what runs at the same time.

    The executed notebook lies in `runs/<run>/logs/` (also after a failure, to look into) and, only when it ran to its
    last cell, in `runs/<run>/notebooks/`.
    """
    root = project_root()
    os.chdir(root)
    notebook = notebook_of(step)
    params = Params.of_run(run.name)
    log = run.folder.relative_to(root) / "logs" / f"{step}.ipynb"
    log.parent.mkdir(parents=True, exist_ok=True)
    terminal = Terminal(f"{run.name}/{step}", f"{step[:2]}: " if beside else "")
    prepare(run.name, following(root, step))  # while this one works
    code, sentence = _papermill(notebook, log, params.for_notebook(notebook), terminal, kernel, beside)
    if code == 0 and not reached_the_end(log):
        code, sentence = STEP_FAILED, "it ended before its last cell, so nothing of it is used."
    if code == 0:
        try:
            write_text(run.folder / "notebooks" / f"{step}.ipynb", log.read_text(encoding="utf-8"))
        except DiskError as error:
            code, sentence = error.exit_code, str(error)
    terminal.close("done" if code == 0 else "FAILED")
    if code:
        with contextlib.suppress(DiskError):
            note_failure(run, step, code, sentence)
        print(f"\n{step} stopped: {sentence}\nThe notebook as far as it came: {log}", flush=True)
    return code


def notebook_of(step: str) -> Path:
    """Where it lies, from the project's root."""
    return Path("notebooks") / f"{step}.ipynb"


class OwnKernel(AsyncKernelManager):
    """A kernel of this interpreter, whatever the user has registered under the name python3.

    Words to it go through sockets that are files, where their path is short enough for the system. TCP ports are chosen
    before the kernel opens them: whoever takes one in between would make it die at its start.
    """

    def __init__(self, notebook: Path) -> None:
        super().__init__()
        self._notebook, self.client_factory = notebook, Client
        self._place = tempfile.TemporaryDirectory(prefix="boatlib-", ignore_cleanup_errors=True)
        self.connection_file = f"{self._place.name}/kernel.json"
        if len(os.fsencode(self._place.name)) <= LONGEST_PLACE:
            self.transport = "ipc"

    @classmethod
    def started(cls, notebook: Path) -> "OwnKernel":
        """A kernel that is starting: when it answers, it has imported what the notebook needs. It is a copy of this process
        where that can be, and ends with it.
        """
        kernel, own = cls(notebook), {runtime.STATIC: "1"}
        forked = Forked(notebook, ["-f", kernel.connection_file, NO_HISTORY], own) if can_fork() else None
        kernel.provisioner = Provisioner(
            forked, kernel_id=str(uuid.uuid4()), kernel_spec=kernel.kernel_spec, parent=kernel
        )
        atexit.register(kernel.end)
        run_sync(kernel.start_kernel)(extra_arguments=[NO_HISTORY], env=os.environ | own)
        return kernel

    @property
    def kernel_spec(self) -> KernelSpec:
        """How it is started."""
        command = [sys.executable, "-m", "boatlib.pipeline.kernel", str(self._notebook), "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3 (ipykernel)", language="python")

    def lives(self) -> bool:
        """Whether it is there: one that waits long may be the first to go where memory is short."""
        return bool(run_sync(self.is_alive)())

    def give_way(self) -> None:
        """Leave the cores to others that want them. On Linux its session too, since cores are shared among sessions first (man 7
        sched, "The autogroup feature"). Called when it is ready: before, it would wait for the imports of others."""
        process = self.provisioner.pid if isinstance(self.provisioner, LocalProvisioner) else None
        with contextlib.suppress(OSError):
            if process is not None:
                os.setpriority(os.PRIO_PROCESS, process, GIVING_WAY)
                Path(f"/proc/{process}/autogroup").write_text(f"{GIVING_WAY}\n", encoding="ascii")

    def end(self, now: bool = True) -> None:
        """End it, at once or when it has written what it is writing; called again, it does nothing."""
        atexit.unregister(self.end)
        if self.has_kernel:
            if now and isinstance(self.provisioner, LocalProvisioner) and self.provisioner.process:
                run_sync(self.provisioner.kill)()
                self.provisioner.process.wait()  # what follows would look every tenth of a second
            run_sync(self.shutdown_kernel)(now)
        self._place.cleanup()


class Client(AsyncKernelClient):
    """What speaks with a kernel. The usual one listens for another fifth of a second when the kernel has said it is ready."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Until it has answered, and is heard. Raises RuntimeError where it has died, or the seconds are over."""
        end = time.monotonic() + (timeout or math.inf)
        while time.monotonic() < end:
            self.kernel_info()
            with contextlib.suppress(Empty):  # what it says before somebody listens is lost: then it is asked again
                await self.get_shell_msg(timeout=1)
                while (await self.get_iopub_msg(timeout=0.2))["content"].get("execution_state") != "idle":
                    pass
                return
            if not await self.is_alive():
                raise RuntimeError("Kernel died before it was ready")
        raise RuntimeError(f"Kernel was not ready in {timeout} seconds")


class Provisioner(LocalProvisioner):
    """Where the process of a kernel comes from: a copy of this one, or a new one."""

    def __init__(self, forked: Forked | None, **place: object) -> None:
        super().__init__(**place)
        self._forked = forked

    async def launch_kernel(self, cmd: list[str], **kwargs: object) -> KernelConnectionInfo:
        """Called by jupyter_client, when the connection file is written; returns what stands in it."""
        if self._forked is None:
            return await super().launch_kernel(cmd, **kwargs)
        self._forked.begin()
        self.process = self._forked  # type: ignore[assignment]  # has what is used of a Popen
        self.pid = self.pgid = self._forked.pid
        return self.connection_info


class Log(NotebookExecutionManager):
    """A notebook as far as it came: papermill would write all of it before and after each cell."""

    def __init__(self, nb: nbformat.NotebookNode, output_path: str | None, begun: Callable[[], None]) -> None:
        """begun: is called before each cell."""
        super().__init__(nb, output_path, progress_bar=False)
        self._begun = begun

    def cell_start(self, *place: object, **more: object) -> None:
        """Called by papermill, when the kernel is ready."""
        self._begun()
        super().cell_start(*place, **more)

    def save(self, **kwargs: object) -> None:
        """Write it at its end, and before that once in a while."""
        if self.end_time or (self.now() - self.last_save_time).total_seconds() > LOG_SECONDS:
            super().save(**kwargs)


class Engine(NBClientEngine):
    """Papermill's own, with such a log."""

    @classmethod
    def execute_notebook(
        cls,
        nb: nbformat.NotebookNode,
        kernel_name: str,
        output_path: str | None = None,
        *,
        begun: Callable[[], None],
        **options: object,
    ) -> nbformat.NotebookNode:
        """Called by papermill."""
        log = Log(nb, output_path, begun)
        log.notebook_start()
        try:
            cls.execute_managed_notebook(log, kernel_name, **options)
        finally:
            log.notebook_complete()
        return log.nb


def _papermill(
    notebook: Path, log: Path, parameters: dict[str, object], terminal: Terminal, kernel: OwnKernel | None, beside: bool
) -> tuple[int, str]:
    at_once = True  # when all is on the disk; taking its objects apart would take it up to two seconds more
    try:
        kernel = kernel if kernel and kernel.lives() else OwnKernel.started(notebook)
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            write_text(log, nbformat.writes(_without_trials(nbformat.read(notebook, as_version=4))))
            papermill.execute_notebook(
                str(log), str(log), parameters, kernel_name="python3", progress_bar=False, stdout_file=terminal,
                start_timeout=START_SECONDS, cwd=".", km=kernel, engine_name=ENGINE,
                begun=kernel.give_way if beside else lambda: None,
            )  # fmt: skip
    except PapermillExecutionError as error:
        ours = find_error(error.ename)
        if ours:
            return ours.exit_code, str(error.evalue)
        return STEP_FAILED, f"{error.ename} in cell {error.exec_count}: {error.evalue}"
    except KeyboardInterrupt:
        at_once = False
        return INTERRUPTED, "stopped from outside. The same command goes on from here."
    except Exception as error:
        if isinstance(error, OSError) and (sentence := explain_disk(error, log)):
            return STEP_FAILED, sentence
        if type(error).__name__ == "DeadKernelError":
            return KILLED, "the computer ran out of memory, or the process was stopped from outside."
        return STEP_FAILED, f"the notebook could not be executed ({type(error).__name__}: {error})."
    finally:
        if kernel:
            kernel.end(at_once)
    return 0, ""


papermill_engines.register(ENGINE, Engine)


def _without_trials(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without the cells that are there to be changed in JupyterLab."""
    notebook.cells = [cell for cell in notebook.cells if TRIAL not in cell.metadata.get("tags", [])]
    return notebook


def reached_the_end(notebook: Path) -> bool:
    """Whether the last code cell has shown something. Papermill's own word is not enough: it calls cells completed
    that never ran, after a kernel was killed or a cell ended the kernel by itself.
    """
    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    return (
        bool(cells) and bool(cells[-1].outputs) and all(cell.execution_count for cell in cells if cell.source.strip())
    )
