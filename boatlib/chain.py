"""Starting the chain: checks the params files, calls Snakemake, and says in one sentence how it ended."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from boatlib.errors import AlreadyRunningError, BoatlibError, ParameterError
from boatlib.params import Params, load_params
from boatlib.photos import sources
from boatlib.report.publish import verdict
from boatlib.run import Run, project_root, write_text

SENTENCES = {
    130: "Interrupted. What was finished is kept; the same command goes on from there.",
    137: "A step was killed: the computer ran out of memory, or it was stopped from outside.",
    143: "Stopped by the system. What was finished is kept; the same command goes on from there.",
}


def run_chain(
    files: list[Path], overrides: list[str], *, until: str = "", force: str = "", dry_run: bool = False, jobs: int = 1
) -> int:
    """Run the chain for params files; returns the exit code. Raises ParameterError or DataError before any step."""
    root = project_root()
    all_params = [load_params(file, overrides, root) for file in files]
    names = [params.run for params in all_params]
    if len(set(names)) < len(names):
        raise ParameterError(
            f"Two of the params files have the same run name: {', '.join(names)}. Change `run:` in one."
        )
    steps = {step: find_step(step, root) for step in (until, force) if step}
    for params in all_params:
        sources.images_folder(params.images)  # fetch or draw the photos now, and stop here when they cannot be had
        _write_params(params)
    command = _snakemake(names, steps.get(until, ""), steps.get(force, ""), dry_run, jobs)
    if dry_run:
        return _dry_run(command, root)
    print(f"{', '.join(names)}: exploration, split, training, evaluation, several looks, summary", flush=True)
    return _start(command, names, root, until=steps.get(until, ""))


def find_step(word: str, root: Path) -> str:
    """The notebook meant by "03", "training" or "03_training". Raises ParameterError that lists them."""
    steps = [path.stem for path in sorted((root / "notebooks").glob("*.ipynb"))]
    for step in steps:
        if word in (step, *step.split("_", 1)):
            return step
    raise ParameterError(f"There is no step {word!r}. The steps: {', '.join(steps)}.")


def _write_params(params: Params) -> None:
    file = Run(params.run).folder / "params.json"
    text = params.model_dump_json(indent=2) + "\n"
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        write_text(file, text)


def _snakemake(names: list[str], until: str, force: str, dry_run: bool, jobs: int) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        "workflow/Snakefile",
        "--config",
        f"runs={','.join(names)}",
    ]
    command += ["--cores", str(jobs + 1), "--resources", f"notebooks={jobs}", "--keep-going", "--nocolor"]
    command += ["--rerun-triggers", "mtime", "params", "input", "code"]
    if force:
        command += ["--forcerun", force.split("_", 1)[1]]
    if dry_run:
        command += ["--dry-run"]
    if until:
        command += ["--until", until.split("_", 1)[1]]
    return command


def _start(command: list[str], names: list[str], root: Path, until: str) -> int:
    logs = [Run(name).folder / "logs" for name in names]
    for folder in logs:
        folder.mkdir(exist_ok=True)
        (folder / "failure.json").unlink(missing_ok=True)
    log = logs[0] / "snakemake.log"
    started = time.perf_counter()
    with log.open("w", encoding="utf-8") as errors:
        code = subprocess.run(command, cwd=root, stderr=errors, env=os.environ | {"PYTHONUNBUFFERED": "1"}).returncode
    seconds = time.perf_counter() - started
    if code:
        return _explain(code, names, log, root)
    print(f"Done in {seconds:.0f} s.")
    for name in names:
        if until:
            notebook = (Run(name).folder / "notebooks" / f"{until}.ipynb").relative_to(root)
            print(f"{name}: stopped after {until}, as asked: {notebook}. The reports are made by a whole run.")
        else:
            page = root / "reports" / name / "index.html"
            print(f"{name}: {page.relative_to(root)}\n  {verdict(page)}")
    return 0


def _explain(code: int, names: list[str], log: Path, root: Path) -> int:
    """The exit code of the step that failed, with a sentence where the step itself had no chance to say one."""
    for name in names:
        record = Run(name).folder / "logs" / "failure.json"
        if record.is_file():
            return int(json.loads(record.read_text(encoding="utf-8"))["code"])
    if "LockException" in log.read_text(encoding="utf-8"):
        raise AlreadyRunningError("Another process works on the same run. Wait for it, or stop it first.")
    code = 128 - code if code < 0 else code
    where = log.relative_to(root)
    raise _failure(code, SENTENCES.get(code, f"The chain stopped. What Snakemake said is in {where}."))


def _failure(code: int, sentence: str) -> BoatlibError:
    error = BoatlibError(sentence)
    error.exit_code = code if code in SENTENCES else BoatlibError.exit_code
    return error


def _dry_run(command: list[str], root: Path) -> int:
    """Say which steps would run, and Snakemake's reason for each."""
    result = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if result.returncode:
        print(result.stdout + result.stderr)
        return BoatlibError.exit_code
    shown = []
    for text in re.split(r"^(?:local)?rule ", result.stdout + result.stderr, flags=re.M)[1:]:
        rule = text.partition(":")[0]
        run, reason = (re.search(pattern, text) for pattern in (r"wildcards: run=([^,\n]+)", r"reason: (.+)"))
        if rule not in ("all", "page"):
            shown.append(f"  {run[1] if run else '':<12} {rule:<12} {reason[1] if reason else ''}")
    print("\n".join(["Would run:", *shown]) if shown else "Nothing to do: nothing has changed.")
    return 0
