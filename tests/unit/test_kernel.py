"""A kernel in a copy of the process that wants it."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

import nbformat
import pytest

from boatlib.pipeline import handover

FORKED = """
import os, sys, time
from pathlib import Path
from boatlib.pipeline.kernel import Forked, can_fork
assert can_fork()
copy = Forked(Path("{notebook}"), ["-f", "{place}/kernel.json"], {{"ADDED": "yes"}})
"""


@pytest.fixture
def notebook(tmp_path):
    cells = [nbformat.v4.new_code_cell("import os; os.environ['BOATLIB_STATIC'], os.getsid(0) == os.getpid()")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "one.ipynb")
    return tmp_path / "one.ipynb"


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is copied")


@linux
def test_it_ends_with_who_wanted_it_and_is_known_by_its_signal(notebook, tmp_path):
    code = FORKED.format(notebook=notebook, place=tmp_path)
    ended = python(
        code
        + """
assert copy.poll() is None
copy.send_signal(9)
print(copy.wait(), copy.poll())
copy.send_signal(9)  # nothing happens
"""
    )
    assert ended.stdout == "-9 -9\n", ended.stderr
    pid = int(python(code + "print(copy.pid)").stdout)
    end = time.monotonic() + 30
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < end:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{pid}")


@linux
def test_it_holds_none_of_the_files_of_who_wanted_it(notebook, tmp_path):
    """Who waits at a socket that nobody answers would wait for ever."""
    code = f"import socket; s = socket.socket(); s.bind(('localhost', 0)); {FORKED.format(notebook=notebook, place=tmp_path)}"
    ended = python(
        code
        + """
time.sleep(1)
place = Path(f"/proc/{copy.pid}/fd")
print([name for number in os.listdir(place) if "socket" in (name := os.readlink(place / number))])
"""
    )
    assert ended.stdout == "[]\n", ended.stderr


@linux
def test_with_a_second_thread_there_is_no_copy():
    ended = python(
        "import threading, time; from boatlib.pipeline.kernel import can_fork; print(can_fork());"
        "threading.Thread(target=time.sleep, args=(1,)).start(); print(can_fork())"
    )
    assert ended.stdout == "True\nFalse\n", ended.stderr


@pytest.mark.parametrize("copied", [pytest.param(True, marks=linux), False])
def test_a_notebook_runs_in_a_copy_and_in_a_process_begun_anew(notebook, tmp_path, copied):
    """In a process of its own: that of the tests may have several threads."""
    log = tmp_path / "log.ipynb"
    with tempfile.TemporaryDirectory(dir="/tmp") as near:
        ended = python(f"""
import io, os, tempfile
from pathlib import Path
os.environ["JE_ARROW_MALLOC_CONF"] = "background_thread:false"
tempfile.tempdir = "{near}"
from boatlib.pipeline import execute
assert execute.can_fork() or not {copied}
execute.can_fork = lambda: {copied}
print(execute._papermill(Path("{notebook}"), Path("{log}"), {{}}, io.StringIO(), None, beside=False), os.listdir("{near}"))
""")
    assert ended.stdout == "(0, '') []\n", ended.stderr
    [cell] = nbformat.read(log, as_version=4).cells[-1:]
    assert cell.outputs[0]["data"]["text/plain"] == "('1', True)"


def test_a_message_that_is_cut_off_is_none():
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b'["half')
        one.close()
        assert handover.receive(other) == (None, [])


def test_a_message_brings_files():
    one, other = socket.socketpair()
    with one, other, tempfile.TemporaryFile() as file:
        sender = threading.Thread(target=handover.send, args=(one, {"x": "ü" * 300_000}, [file.fileno()]))
        sender.start()
        message, files = handover.receive(other)
        sender.join()
    assert message == {"x": "ü" * 300_000}
    os.close(files[0])
    assert len(files) == 1


@linux
def test_a_copy_takes_signals_as_a_new_process_does_and_has_a_name_of_its_own():
    ended = python("""
import os, signal
from pathlib import Path
from boatlib.pipeline.kernel import become
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
    signal.signal(number, signal.SIG_IGN)
if not os.fork():
    become("some.module with words")
    print([signal.getsignal(number) == signal.SIG_DFL for number in (signal.SIGTERM, signal.SIGCHLD)])
    print(signal.getsignal(signal.SIGINT) == signal.default_int_handler, os.getsid(0) == os.getpid())
    print(Path("/proc/self/cmdline").read_text().strip(chr(0)), flush=True)
""")
    assert ended.stdout.splitlines() == ["[True, True]", "True True", "python -m some.module with words"], ended.stderr
