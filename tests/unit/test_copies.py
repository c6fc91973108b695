"""Copies of a process that help it. They are made in a process of its own: the one that runs the tests has threads."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

from boatlib import copies
from boatlib.photos import reading
from boatlib.pipeline.kernel import COPIES

pytestmark = pytest.mark.skipif(not COPIES, reason="copies are not safe on this system")
PROGRAM = """
import os, signal, sys, time
from functools import partial
from boatlib import copies, runtime
runtime.cores = lambda: 2  # whatever is left to this test
copies.make()
"""


def run(program, **options):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM + program], cwd=ROOT, capture_output=True, text=True, timeout=120, **options
    )


def lives(pid):
    """Not one that has ended and that nobody has asked about yet."""
    status = Path(f"/proc/{pid}/status")
    return status.is_file() and "State:\tZ" not in status.read_text()


def test_they_give_what_this_process_would_in_its_order():
    done = run("print(list(copies.results(partial(pow, exp=2), range(1000))) == [n * n for n in range(1000)])")
    assert done.stdout == "True\n", done.stderr


@pytest.mark.parametrize("killed", ["one", "all"])
def test_what_a_killed_one_has_not_done_is_done_here(killed):
    done = run(f"""
own = list(copies._made[0]._processes)
results = copies.results(partial(pow, exp=2), range(5000))
found = [next(results) for _ in range(100)]
for pid in own[:{1 if killed == "one" else 99}]:
    os.kill(pid, signal.SIGKILL)
found += list(results)
print(found == [n * n for n in range(5000)])
""")
    assert done.stdout == "True\n", done.stderr


def test_an_error_arrives():
    done = run("list(copies.results(partial(divmod, 1), [1, 0]))")
    assert done.stderr.strip().endswith("ZeroDivisionError: integer division or modulo by zero")


def test_they_end_with_their_process_however_it_ends():
    process = subprocess.Popen(
        [sys.executable, "-c", f"{PROGRAM}print(*copies._made[0]._processes, flush=True); time.sleep(60)"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    own = [int(word) for word in process.stdout.readline().split()]
    assert len(own) == 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    end = time.monotonic() + 10
    while (left := [pid for pid in own if lives(pid)]) and time.monotonic() < end:
        time.sleep(0.05)
    assert left == []


def test_without_any_threads_read():
    assert not copies.there()
    assert list(reading.by_copies(str, range(100))) == [str(number) for number in range(100)]
