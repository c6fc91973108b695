"""How a step of the chain says what stopped it: on the screen, and for whoever started the chain."""

import json
import traceback
from collections.abc import Callable

from boatlib.errors import BoatlibError
from boatlib.files import write_text
from boatlib.run import Run

INTERRUPTED, KILLED = 130, 137  # exit codes, as a shell has them


def note_failure(run: Run, step: str, code: int, sentence: str) -> None:
    """Write down what stopped a step. Raises DiskError."""
    record = {"step": step, "code": code, "sentence": sentence}
    write_text(run.folder / "logs" / "failure.json", json.dumps(record, ensure_ascii=False))


def exit_code_of(run: Run, step: str, work: Callable[[], object]) -> int:
    """Do the work of a step; returns the exit code. Whatever goes wrong is a sentence; a traceback goes into a log."""
    try:
        work()
    except BoatlibError as error:
        code, sentence = error.exit_code, str(error)
    except Exception as error:
        log = run.folder / "logs" / f"{step}.txt"
        code, sentence = (
            BoatlibError.exit_code,
            f"{type(error).__name__}: {error}. The details: {log.name} in the run's logs.",
        )
        write_text(log, traceback.format_exc())
    else:
        return 0
    print(f"\n{step} stopped: {sentence}", flush=True)
    note_failure(run, step, code, sentence)
    return code
