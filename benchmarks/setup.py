"""The first start: seconds and GB until everything is installed, in a fresh clone with an empty home.

    python benchmarks/setup.py                      cold, then a second clone with what the first has downloaded
    python benchmarks/setup.py --revision v1 HEAD   several states of the project, one after the other

Needs a connection to the package index. Cold depends on that connection, so states are compared in one run.
"""

import argparse
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def used(*folders: Path) -> float:
    """GB on the disk; what several folders share counts once."""
    done = subprocess.run(["du", "-cs", "--block-size=1000000", *folders], capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1].split()[0]) / 1000


def set_up(clone: Path, home: Path, revision: str) -> tuple[float, float]:
    """Seconds, and seconds of the processors. Raises CalledProcessError."""
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    subprocess.run(["git", "-C", clone, "checkout", "-q", "--detach", revision], check=True)
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        ["bash", "-c", "set -euo pipefail; source workflow/setup.sh"],
        cwd=clone,
        env=env,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    work = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, work


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--revision", nargs="+", default=["HEAD"], help="commits or tags, in this order")
    for revision in parser.parse_args().revision:
        name = subprocess.run(
            ["git", "rev-parse", "--short", revision], cwd=ROOT, capture_output=True, text=True, check=True
        )
        with tempfile.TemporaryDirectory(dir=ROOT.parent) as folder:
            place = Path(folder)
            (place / "home").mkdir()
            clones = [place / "first", place / "second"]
            for clone, what in zip(clones, ("cold", "downloaded before"), strict=True):
                seconds, work = set_up(clone, place / "home", name.stdout.strip())
                size = used(clone / ".venv")
                print(f"{revision:<12} {what:<18} {seconds:6.1f} s  {work:6.1f} CPU s  {size:.2f} GB", flush=True)
            together = used(*(clone / ".venv" for clone in clones), place / "home")
            print(f"{revision:<12} both, and what was downloaded: {together:.2f} GB", flush=True)
