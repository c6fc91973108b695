"""Starting the chain: checks the params files, calls Snakemake, and says in one sentence how it ended."""

import contextlib
import fcntl
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from boatlib import environment, runtime
from boatlib.errors import AlreadyRunningError, BoatlibError, ParameterError
from boatlib.files import check_writable, write_text
from boatlib.params import Params, load_params
from boatlib.pipeline import ahead
from boatlib.pipeline.planner import Planner
from boatlib.report.pages import APPENDIX, BRIEF, page_name
from boatlib.run import EARLIER, NEWEST, Run, all_steps, cache_folder, in_words, project_root

PROMISE_BROKEN = 5  # exit code
STDOUT = 1
GRACE = 20.0  # seconds that steps have to end after Ctrl-C or SIGTERM
SENTENCES = {
    130: "Interrupted. What was finished is kept; the same command goes on from there.",
    137: "A step was killed: the computer ran out of memory, or it was stopped from outside.",
    143: "Stopped by the system. What was finished is kept; the same command goes on from there.",
}

NOISE = (
    "Shutting down",
    "Exiting because",
    "Complete log",
    "Building DAG",
    "Trying to restart",
    "Removing output",
    "At least one",
)
ERROR = re.compile(r"([\w.]*(?:Error|Exception)\b|Error\b|.*: command not found|.*error: )")
CODE = re.compile(r"'([\w./]+ [0-9a-f]{8})'")  # a line of `dependencies.fingerprint`
DIED = re.compile(r"died with <Signals\.\w+: (\d+)>")  # a step's command
ERROR_NAME = re.compile(r"^[\w.]*(?:Error|Exception)(?: in (?:file|rule).*?)?:\s*")
ADVICE = {
    r"No space left|Errno 28|quota": "Make room on the disk and start again; what was finished is kept.",
    r"Permission denied|Errno 13|Read-only file system": "Make that a place that you can write to.",
    r"command not found|sbatch|executor": "Look at the profile, and whether its commands are on this computer.",
    r"Missing (?:input|output) files": "Start again; what is missing is made anew.",
    r"SyntaxError|NameError": "The program's own files are damaged: fetch them again.",
}


def run_chain(
    files: list[Path],
    overrides: list[str],
    *,
    until: str = "",
    force: str = "",
    dry_run: bool = False,
    jobs: int = 1,
    resume: bool = False,
    profile: str = "",
) -> int:
    """Run the chain for params files; returns the exit code. Raises ParameterError or DataError before any step."""
    root = project_root()
    all_params = [load_params(file, overrides, root) for file in files]
    names = [params.run for params in all_params]
    if len(set(names)) < len(names):
        raise ParameterError(
            f"Two of the params files have the same run name: {', '.join(names)}. Change `run:` in one."
        )
    if profile and not (root / profile / "config.yaml").is_file():
        raise ParameterError(f"--profile {profile}: there is no {profile}/config.yaml. See workflow/profiles/.")
    kinds = {params.run: all_steps(root, bool(params.model)) for params in all_params}
    known = list(dict.fromkeys(step for own in kinds.values() for step in own))
    steps = {step: find_step(step, known) for step in (until, force) if step}
    for folder in [*(root / "runs" / name for name in names), root / "reports", cache_folder(".")]:
        check_writable(folder)
    until = steps.get(until, "")
    early = contextlib.nullcontext() if dry_run or profile else ahead.allowed(root, until)
    with Planner.ready(root) as planner, early, contextlib.ExitStack() as stack:
        from boatlib.pipeline import preflight  # and pandas, while the planner gets ready

        for place, asked in enumerate(all_params):
            all_params[place], said = preflight.examine(asked, elsewhere=bool(profile))
            for words in said:
                print(f"{asked.run}: {words}", flush=True)
        arguments = _arguments(names, until, steps.get(force, ""), dry_run, jobs, profile)
        if resume:
            os.environ[runtime.RESUME] = "1"  # Snakemake and the steps inherit it
        locks = [stack.enter_context(_locked(name)) for name in names]
        for params in all_params:
            _write_params(params)
        if dry_run:
            return _dry_run(planner, arguments)
        for run_steps in dict.fromkeys(map(tuple, kinds.values())):
            own = [name for name in names if tuple(kinds[name]) == run_steps]
            print(f"{', '.join(own)}: {', '.join(page_name(step).lower() for step in run_steps)}", flush=True)
        own = kinds[names[0]]
        all_of_it = not (Run(names[0]).folder / "notebooks").is_dir()
        first = own[0] if all_of_it else until or own[-1]  # whatever has changed, the last one will run
        return _start(planner, arguments, names, root, locks, first=first, until=until, elsewhere=bool(profile))


def find_step(word: str, steps: list[str]) -> str:
    """The notebook meant by "03", "training" or "03_training". Raises ParameterError that lists them."""
    for step in steps:
        if word in (step, *step.split("_", 1)):
            return step
    raise ParameterError(f"There is no step {word!r}. The steps: {', '.join(steps)}.")


def _write_params(params: Params) -> None:
    file = Run(params.run).folder / "params.json"
    text = params.model_dump_json(indent=2) + "\n"
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        write_text(file, text)


def _arguments(names: list[str], until: str, force: str, dry_run: bool, jobs: int, profile: str) -> list[str]:
    """What Snakemake is told."""
    usual = f"--workflow-profile none --cores {jobs + 1} --resources notebooks={jobs}"  # no profile that lies somewhere
    where = f"--workflow-profile {profile}" if profile else usual
    # A file with another time and the same content runs nothing again, up to this size (of bytes)
    options = f"{where} --keep-going --nocolor --nolock --rerun-incomplete --max-checksum-file-size 100000000"
    arguments = ["--snakefile", "workflow/Snakefile", *options.split()]
    arguments += ["--rerun-triggers", "mtime", "params", "input", "code"]
    arguments += ["--config", f"runs={','.join(names)},"]  # the last comma keeps it a text, also for a run called 007
    if force:
        arguments += ["--forcerun", force.split("_", 1)[1]]
    if dry_run:
        arguments += ["--dry-run"]
    if until:
        arguments += ["--until", until.split("_", 1)[1]]
    return arguments


def _start(
    planner: Planner,
    arguments: list[str],
    names: list[str],
    root: Path,
    locks: list[int],
    *,
    first: str,
    until: str,
    elsewhere: bool,
) -> int:
    logs = [Run(name).folder / "logs" for name in names]
    for folder in logs:
        (folder / "failure.json").unlink(missing_ok=True)
    log = logs[0] / "snakemake.log"
    started = time.perf_counter()
    with log.open("w", encoding="utf-8") as errors:
        ahead.prepare(names[0], [first], environment.own(), errors)  # while Snakemake starts
        code = _wait_for(planner, arguments, errors, locks)
    seconds = time.perf_counter() - started
    if code:
        return _explain(code, names, log, root, elsewhere)
    print(f"Done in {seconds:.0f} s.")
    for name in names:
        if until:
            notebook = (Run(name).folder / "notebooks" / f"{until}.ipynb").relative_to(root)
            print(f"{name}: stopped after {until}, as asked: {notebook}. The reports are made by a whole run.")
        else:
            page = root / "reports" / name / "index.html"
            printed = f", {BRIEF} and {APPENDIX}" if page.with_name(BRIEF).is_file() else ""
            print(f"{name}: {page.relative_to(root)}{printed}\n  {in_words(Run(name).record('summary'))}")
    return 0 if until else _promise_broken(names)


def _promise_broken(names: list[str]) -> int:
    """PROMISE_BROKEN where a run on new photos says so, so that whoever watches can ring; otherwise 0."""
    from boatlib.results.arrived import BROKEN_IN_USE

    broken = [name for name in names if Run(name).record("summary")["decision"] == BROKEN_IN_USE]
    return PROMISE_BROKEN if broken else 0


@contextlib.contextmanager
def _locked(name: str) -> Iterator[int]:
    """Hold the lock of a run; gives its file descriptor. The system frees it when its last holder ends, however it ends."""
    file = Run(name).folder / "logs" / "lock"
    file.parent.mkdir(exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode() or "another process"
            raise AlreadyRunningError(
                f"Run {name!r} is being made by {holder}. Wait for it, or stop it first."
            ) from None
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}, since {time.strftime('%H:%M on %d %B')}".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _wait_for(planner: Planner, arguments: list[str], errors: TextIO, locks: list[int]) -> int:
    """Run Snakemake in its own process group. Ctrl-C and SIGTERM go to the whole group, which has GRACE seconds to
    end; returns 130 or 143 then, otherwise Snakemake's code. Snakemake holds the locks too, should this process be killed.
    """
    process = planner.start(arguments, [STDOUT, errors.fileno(), *locks])
    stopped: list[tuple[int, float]] = []

    def stop(number: int, _: object) -> None:
        stopped.append((number, time.monotonic()))
        os.killpg(process.pid, number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
            if stopped and time.monotonic() - stopped[0][1] > GRACE:
                os.killpg(process.pid, signal.SIGKILL)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 + stopped[0][0] if stopped else process.returncode


def _explain(code: int, names: list[str], log: Path, root: Path, elsewhere: bool) -> int:
    """The exit code of the step that failed, with a sentence where the step itself had no chance to say one."""
    code = 128 - code if code < 0 else code
    if code not in SENTENCES:
        for name in names:
            record = Run(name).folder / "logs" / "failure.json"
            if record.is_file():
                failure = json.loads(record.read_text(encoding="utf-8"))
                if elsewhere:  # what the step printed is in a log of the cluster's
                    print(f"\n{failure['step']} stopped: {failure['sentence']}")
                if words := _what_is_left(names):
                    print(words)
                return int(failure["code"])
    text = log.read_text(encoding="utf-8", errors="replace")
    if died := DIED.search(text):
        code = 128 + int(died[1])
    said = what_it_said(text)
    sentence = SENTENCES.get(code, f"The chain stopped: {said} All of it is in {log.relative_to(root)}.")
    raise _failure(code, f"{sentence} {_what_is_left(names)}".strip())


def what_it_said(log: str) -> str:
    """The cause that Snakemake gives, in a sentence: its last error, in one line, with what to do where that is known."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(NOISE)]
    places = [number for number, line in enumerate(lines) if ERROR.match(line)]
    first = lines[places[-1]] if places else lines[-1] if lines else "Snakemake ended without a word."
    if first.endswith(":") and places and places[-1] + 1 < len(lines):  # the words stand below the name of the error
        first = f"{first} {lines[places[-1] + 1]}"
    first = ERROR_NAME.sub("", first)[:300].rstrip(".:")
    advice = next((words for pattern, words in ADVICE.items() if re.search(pattern, log, re.I)), "")
    return f"{first}.{f' {advice}' if advice else ''}"


def _what_is_left(names: list[str]) -> str:
    """What a failure has not touched: checkpoints to go on from, and the last good run."""
    words = [
        f"The training of {name!r} had come to the end of epoch {epoch}: the same command with --resume goes on from there."
        for name in names
        if (epoch := Run(name).trained_epochs())
    ]
    words += [
        f"The last good run of {name!r} is whole: reports/{name}/, and its files in runs/{name}/{EARLIER}/{NEWEST}/."
        for name in names
        if (Run(name).folder / EARLIER / NEWEST).is_dir()
    ]
    return " ".join(words)


def _failure(code: int, sentence: str) -> BoatlibError:
    error = BoatlibError(sentence)
    error.exit_code = code if code in SENTENCES else BoatlibError.exit_code
    return error


def _dry_run(planner: Planner, arguments: list[str]) -> int:
    """Say which steps would run, and Snakemake's reason for each."""
    with tempfile.TemporaryFile() as file:
        failed = planner.start(arguments, [file.fileno(), file.fileno()]).wait()
        file.seek(0)
        said = file.read().decode(errors="replace")
    if failed:
        raise BoatlibError(f"The chain cannot be planned: {what_it_said(said)}")
    shown = []
    for text in re.split(r"^(?:local)?rule ", said, flags=re.M)[1:]:
        rule = text.partition(":")[0]
        run, reason = (re.search(pattern, text) for pattern in (r"wildcards: run=([^,\n]+)", r"reason: (.+)"))
        if rule not in ("all", "page"):
            shown.append(f"  {run[1] if run else '':<12} {rule:<12} {why(reason[1]) if reason else ''}")
    print("\n".join(["Would run:", *shown]) if shown else "Nothing to do: nothing has changed.")
    return 0


def why(reason: str) -> str:
    """Snakemake's reason to run a step; of parameters and code that have changed only what has changed."""
    kept, _, changed = reason.partition("Params have changed since last execution")
    if not changed:
        return reason
    before, now = (set(CODE.findall(part)) for part in changed.partition("now:")[::2])
    places = sorted({line.split()[0] for line in before ^ now})
    words = [f"Code has changed: {', '.join(places[:6])}{' and more' if len(places) > 6 else ''}"] if places else []
    if "{'run'" in changed or not places:
        words.append("Settings have changed")
    return f"{kept}{'; '.join(words)}"
