"""Runs that are killed at random moments, one after the other; each is started again, and must end as if nothing had been.

    python tests/faults/soak.py --runs 20 --seed 1

Each run asks for another split than the one before, so that all steps have work. After a random while a random process gets a
random signal: the one of run_all.sh, Snakemake, a step, or a kernel. Then the last good run must be whole (or the new one),
a plain restart must end well with the tables of an undisturbed run, and no process and no lock may stay.
"""

import argparse
import contextlib
import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from awkward import Project
from bs4 import BeautifulSoup

TABLES = ["catalog.csv", "split.csv", "history.csv", "predictions.csv", "per_class.csv", "tta.json", "metrics.json"]
SIGNALS = {"SIGTERM": signal.SIGTERM, "SIGKILL": signal.SIGKILL, "SIGINT": signal.SIGINT}
TARGETS = {
    "run_all": "boatlib run",
    "Snakemake": "pipeline.planner",
    "fork server": "pipeline.forkserver",
    "step": "pipeline.step",
    "kernel": "pipeline.kernel",
}
LONGEST = 22.0  # seconds until the signal


def main() -> None:
    """Print a line for each kill, and at the end how many there were and what was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder, "project"))
        expected = {}
        for seed in (1, 2):
            assert project.run("--set", f"seed={seed}").returncode == 0
            expected[seed] = tables(project.run_folder)
        assert expected[1] != expected[2]
        photos, kills, lost = project.inputs(), 0, 0
        for number in range(1, options.runs + 1):
            seed = 2 - number % 2  # never that of the run before
            words, killed = disturb(project, seed, chance)
            kills += killed
            faults = look(project, expected, seed) + restart(project, expected, seed)
            faults += [] if project.inputs() == photos else ["the photos or the params file changed"]
            lost += len(faults)
            print(f"{number:3d}  {words}: {'; '.join(faults) or 'nothing lost'}", flush=True)
        print(f"\n{options.runs} runs, {kills} of them hit, {lost} things lost.")
    sys.exit(bool(lost))


def disturb(project: Project, seed: int, chance: random.Random) -> tuple[str, bool]:
    """Start a run and send a signal into it; returns what happened, and whether the signal found its process."""
    delay, name, sent = chance.uniform(0.3, LONGEST), chance.choice(list(TARGETS)), chance.choice(list(SIGNALS))
    process = project.start("--set", f"seed={seed}")
    end = time.monotonic() + delay
    while time.monotonic() < end and process.poll() is None:
        time.sleep(0.05)
    hit = False
    step = max(
        (p for p in (project.run_folder / "logs").glob("0*.ipynb")), key=lambda p: p.stat().st_mtime, default=None
    )
    for line in reversed(project.processes()):
        if TARGETS[name] in line:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(line.split()[0]), SIGNALS[sent])
                hit = True
            break
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=120)
    wait_until_gone(project)
    where = step.stem if step is not None else "the start"
    return f"{sent:<7} to {name:<9} after {delay:4.1f} s, near {where:<14} exit code {process.returncode}", hit


def wait_until_gone(project: Project) -> None:
    """What outlived a killed run_all.sh may go on to its end, as documented."""
    end = time.monotonic() + 120
    while project.processes() and time.monotonic() < end:
        time.sleep(0.3)


def look(project: Project, expected: dict, seed: int) -> list[str]:
    """After the kill: is the last good run whole, or the new one?"""
    faults = []
    if tables(project.run_folder / "earlier" / "newest") not in expected.values():
        faults.append("the files of the last good run are not those of one run")
    pages = {page.name: page.read_text() for page in project.report.glob("*.html")}
    shown = re.search(r">seed</th><td[^>]*>(\d+)<", pages.get("index.html", ""))
    seeds = {
        *re.findall(r"seed: int = (\d+)", " ".join(BeautifulSoup(p, "html.parser").get_text() for p in pages.values()))
    }
    seeds |= {shown[1]} if shown else set()
    if len(pages) != 6 or len(seeds) != 1 or not (project.report / ".complete").exists():
        faults.append(f"the report is not that of one run ({len(pages)} pages, seeds {seeds})")
    return faults + [f"left alive: {line}" for line in project.processes()]


def restart(project: Project, expected: dict, seed: int) -> list[str]:
    """A plain restart ends well, with the tables of an undisturbed run."""
    result = project.run("--set", f"seed={seed}")
    faults = [] if result.returncode == 0 else [f"the restart ended with {result.returncode}: {result.stdout[-300:]}"]
    if tables(project.run_folder) != expected[seed]:
        faults.append("the tables are not those of an undisturbed run")
    left = [path.name for path in project.run_folder.glob("**/.*") if path.name != ".snakemake_timestamp"]
    return faults + [f"left behind: {name}" for name in left]


def tables(folder: Path) -> dict[str, str]:
    return {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() if (folder / n).is_file() else "" for n in TABLES}


if __name__ == "__main__":
    os.environ.setdefault("BOATLIB_CACHE", str(Path(__file__).parents[2] / ".cache"))
    main()
