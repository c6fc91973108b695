"""Steps that get ready before their turn: real processes and kernels, which are killed."""

import contextlib
import os
import re
import signal
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from awkward import NAME, plain
from conftest import ROOT

from boatlib.pipeline import ahead
from boatlib.pipeline.handover import AT_ONCE
from boatlib.pipeline.planner import Planner

pytestmark = pytest.mark.fault


def wait_for(found):
    end = time.monotonic() + 60
    while not (value := found()) and time.monotonic() < end:
        time.sleep(0.05)
    return value


def pid_of(project, step, waiting, chain):
    """The process of a step, as soon as there is one: that which waits, or the command that Snakemake has started."""
    end = time.monotonic() + 120
    while time.monotonic() < end and chain.poll() is None:
        for line in project.processes():
            if (
                re.search(rf"boatlib\.pipeline\.step {NAME} {step}{' [0-9]+' if waiting else ''}$", line)
                and "/bash" not in line
            ):
                return int(line.split()[0])
        time.sleep(0.05)
    raise AssertionError(f"no process for {step}")


def is_alive(pid):
    status = Path(f"/proc/{pid}/status")
    return status.is_file() and "State:\tZ" not in status.read_text()


def nobody_left(project):
    return wait_for(lambda: not project.processes())


@pytest.fixture
def places(monkeypatch):
    """The folder for temporary files, near enough for sockets."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


@pytest.mark.parametrize(
    ("step", "last", "waiting"),
    [
        ("01_exploration", "", ["02_split", "03_training"]),
        ("03_training", "", ["04_evaluation", "05_tta"]),
        ("03_training", "05_tta", ["04_evaluation", "05_tta"]),
        ("05_tta", "", ["06_summary", "report"]),
        ("06_summary", "report", ["report"]),
        ("07_new_photos", "", ["report"]),
    ],
)
def test_who_gets_ready_beside_a_step(monkeypatch, step, last, waiting):
    monkeypatch.setenv(ahead.LAST, last)
    assert ahead.following(ROOT, step) == waiting


def test_two_steps_wait_while_one_works_and_nothing_is_left_of_them(kept, places):
    chain = kept.start("--set", "seed=7", "--until", "05")
    waiting = [pid_of(kept, step, True, chain) for step in ("04_evaluation", "05_tta")]
    assert not any(re.search(r"step \S+ 06_summary", line) for line in kept.processes())  # nobody will call it
    output, _ = chain.communicate(timeout=120)
    assert chain.returncode == 0, output
    assert len(set(waiting)) == 2
    assert nobody_left(kept)
    assert list(places.glob("boatlib-*")) == []


@pytest.mark.parametrize(("seed", "killed"), [(8, "process"), (12, "kernel")])
def test_a_waiting_process_or_kernel_that_is_killed_is_not_missed(kept, seed, killed):
    chain = kept.start("--set", f"seed={seed}", "--until", "04")
    waiting = pid_of(kept, "04_evaluation", True, chain)
    if killed == "kernel":
        kernel = wait_for(
            lambda: [p.pid for p in psutil.Process(waiting).children() if "notebooks/04" in str(p.cmdline())]
        )
        waiting = kernel[0]
    os.kill(waiting, signal.SIGKILL)
    output, _ = chain.communicate(timeout=180)
    assert chain.returncode == 0, output
    assert "04_evaluation" in output


def test_steps_and_kernels_are_copies_of_one_process_each_in_a_session_of_its_own(kept):
    chain = kept.start("--set", "seed=14", "--until", "03")
    waiting = psutil.Process(pid_of(kept, "03_training", True, chain))
    kernel = wait_for(waiting.children)[0]
    server = waiting.parent()
    assert "boatlib.pipeline.forkserver" in server.cmdline()
    assert wait_for(lambda: "pipeline.kernel notebooks/03_training.ipynb" in " ".join(kernel.cmdline()))
    assert len({os.getsid(process.pid) for process in (server, waiting, kernel)}) == 3
    assert len(os.listdir(f"/proc/{server.pid}/task")) == 1
    listening = {line.split()[-1] for line in Path("/proc/net/unix").read_text().splitlines() if "-03_training" in line}
    assert len(listening) == 1
    output, _ = chain.communicate(timeout=180)
    assert chain.returncode == 0, output
    assert nobody_left(kept)


def test_a_step_for_which_nobody_waits_is_done_by_a_copy_that_its_command_asks_for(kept):
    assert kept.run("--until", "06").returncode == 0
    with kept.cell("05_tta", "import time; time.sleep(3); 'awake'"):
        chain = kept.start("--until", "06")  # which gets ready, since it will run whatever has changed
        process = psutil.Process(pid_of(kept, "05_tta", True, chain))
        assert "boatlib.pipeline.forkserver" in process.parent().cmdline()
        output, _ = chain.communicate(timeout=120)
    assert chain.returncode == 0, output
    assert "01_exploration" not in output
    assert nobody_left(kept)


def test_copies_help_01_and_end_with_its_kernel(kept):
    def kernel():
        found = [psutil.Process(int(line.split()[0])) for line in kept.processes() if "notebooks/01_" in line]
        return [process for process in found if "boatlib.pipeline.step" in " ".join(process.parent().cmdline())]

    with kept.cell("01_exploration", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"):
        own = os.sched_getaffinity(0)
        os.sched_setaffinity(0, range(os.cpu_count()))  # more than this test may have of it
        cores = len(os.sched_getaffinity(0))
        chain = kept.start("--until", "01")
        os.sched_setaffinity(0, own)
        process = wait_for(kernel)[0]
        assert wait_for(lambda: len(process.children()) == cores)
        output, _ = chain.communicate(timeout=120)
    assert chain.returncode == 137, output
    assert nobody_left(kept)


@pytest.mark.parametrize("early", [True, False])
def test_a_fork_server_that_is_killed_is_not_missed(kept, early):
    chain = kept.start("--set", f"seed={15 + early}", "--until", "04")
    if not early:
        pid_of(kept, "03_training", True, chain)
    server = wait_for(lambda: [line for line in kept.processes() if "pipeline.forkserver" in line])
    os.kill(int(server[0].split()[0]), signal.SIGKILL)
    output, _ = chain.communicate(timeout=240)
    assert chain.returncode == 0, output
    assert "04_evaluation" in output
    assert nobody_left(kept)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_step_ends_with_its_command(kept, number):
    slow = ["--set", "training.epochs=4000", "--set", "training.max_epochs_stop=4000", "--set", "seed=9"]
    chain = kept.start(*slow)
    command = pid_of(kept, "03_training", False, chain)
    time.sleep(4)
    os.kill(command, number)
    output, _ = chain.communicate(timeout=120)
    assert chain.returncode in (130, 137), output
    assert "Traceback" not in output
    assert nobody_left(kept)


def test_where_nothing_can_wait_each_step_begins_at_its_turn(kept, tmp_path, monkeypatch):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    chain = kept.start("--set", "seed=10", "--until", "03")
    command = pid_of(kept, "03_training", False, chain)
    assert all(not re.search(r"step \S+ \S+ \d+$", line) for line in kept.processes()), command
    output, _ = chain.communicate(timeout=180)
    assert chain.returncode == 0, output
    assert "Traceback" not in (kept.run_folder / "logs" / "snakemake.log").read_text()


def test_what_waits_ends_with_a_chain_that_is_killed_and_the_rest_goes_on(kept):
    with kept.cell("03_training", "import time; time.sleep(6); 'awake'"):
        chain = kept.start("--set", "seed=11", "--until", "05")
        waiting = [pid_of(kept, step, True, chain) for step in ("04_evaluation", "05_tta")]
        pid_of(kept, "03_training", False, chain)
        chain.kill()
        chain.wait()
        assert wait_for(lambda: not any(map(is_alive, waiting)))
        assert kept.processes() != []
        end = time.monotonic() + 180
        while kept.processes() and time.monotonic() < end:
            time.sleep(0.5)
    assert kept.processes() == []
    assert plain(kept.run("--set", "seed=11", "--dry-run"))


def test_05_gives_way_to_04_beside_which_it_works_and_06_to_nobody(kept):
    def priorities():
        """By the step of the kernel."""
        found = {}
        for process in psutil.process_iter(["cmdline", "cwd", "nice"]):
            line = " ".join(process.info["cmdline"] or [])
            if (kernel := re.search(r"pipeline\.kernel notebooks/(\w+)\.ipynb", line)) and process.info["cwd"] == str(
                kept.folder
            ):
                found[kernel[1]] = process.info["nice"]
        return found

    slow, talking = (
        kept.cell("04_evaluation", "import time; time.sleep(8); 'awake'"),
        kept.cell("05_tta", "print('looked'); 'said'"),
    )
    with slow, talking:
        chain = kept.start("--set", "seed=13", "--until", "06")
        seen = wait_for(lambda: (now := priorities()).get("05_tta") and "06_summary" in now and now)
        output, _ = chain.communicate(timeout=240)
    assert chain.returncode == 0, output
    assert (seen["04_evaluation"], seen["05_tta"], seen["06_summary"]) == (0, 10, 0)
    assert "      05: looked\n" in output  # lines of 04 may stand beside it
    ended = re.findall(r"/(0\d)_\w+ +[\d.]+ s +done", output)
    assert ended.index("05") < ended.index("04") < ended.index("06")


def test_snakemake_sleeps_while_a_step_waits_for_a_core(kept):
    """The page of 03, while 04 and 05 have both."""
    slow, failing = (
        kept.cell("04_evaluation", "import time; time.sleep(9); 'awake'"),
        kept.cell("05_tta", "import time; time.sleep(9); raise OSError('enough')"),
    )
    with slow, failing:
        chain = kept.start("--set", "seed=17")
        pid_of(kept, "04_evaluation", False, chain)
        planner = next(int(line.split()[0]) for line in kept.processes() if "pipeline.planner" in line)
        time.sleep(3)
        before = psutil.Process(planner).cpu_times()
        time.sleep(4)
        after = psutil.Process(planner).cpu_times()
        chain.communicate(timeout=180)
    assert chain.returncode == 4
    assert after.user + after.system - before.user - before.system < 1.0  # of four


def test_a_planner_that_is_not_needed_ends_with_its_block(kept):
    with Planner.ready(ROOT) as planner:
        process = planner._process
    assert process.returncode == -signal.SIGKILL
    assert kept.run("--set", "training.backbone=nonsense").returncode == 2
    assert kept.processes() == []


def test_a_planner_takes_any_number_of_open_files(tmp_path):
    with contextlib.ExitStack() as stack:
        said, errors, *others = (
            stack.enter_context((tmp_path / str(number)).open("w+")) for number in range(AT_ONCE + 3)
        )
        planner = stack.enter_context(Planner.ready(ROOT))
        assert planner.start(["--version"], [file.fileno() for file in (said, errors, *others)]).wait() == 0
        assert re.fullmatch(r"[\d.]+\n", (tmp_path / "0").read_text())


def test_a_planner_that_has_died_is_known_by_its_exit_code():
    with Planner.ready(ROOT) as planner:
        planner._process.kill()
        planner._process.wait()
        assert planner.start(["--version"], [1, 2]).wait() == -signal.SIGKILL
