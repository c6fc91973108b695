"""Faults 1 to 21: the chain, its notebooks, its files. Real kernels, real signals, a real limit on file sizes."""

import ast
import gc
import io
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import nbformat
import pandas as pd
import papermill
import pytest
from awkward import NAME, plain
from conftest import ROOT

from boatlib import files
from boatlib.errors import DamagedFileError, DiskError
from boatlib.files import write_text
from boatlib.model.training import checkpoints
from boatlib.pipeline import execute
from boatlib.run import Run

pytestmark = pytest.mark.fault


def test_01_a_cell_raises(kept):
    with kept.cell("02_split", "1 / 0"):
        result = kept.run()
    assert result.returncode == 4
    shown = plain(result)
    assert re.search(r"02_split stopped: ZeroDivisionError in cell \d+: division by zero", shown)
    assert f"runs/{NAME}/logs/02_split.ipynb" in shown
    assert f"The last good run of '{NAME}' is whole" in shown
    assert "03_training" not in shown
    assert "division by zero" in (kept.run_folder / "logs" / "02_split.ipynb").read_text()
    assert not (kept.run_folder / "notebooks" / "02_split.ipynb").exists()


def test_02_the_kernel_is_killed(kept):
    with kept.cell("02_split", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"):
        result = kept.run()
    assert result.returncode == 137
    assert "the computer ran out of memory, or the process was stopped" in plain(result)
    assert not (kept.run_folder / "notebooks" / "02_split.ipynb").exists()


def wait_for(process, words):
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"it ended before it said {words!r}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["03", "04"])
def test_03_and_04_stopped_in_training(kept, number, code):
    """Ctrl-C, and what a scheduler sends."""
    slow = ["--set", "training.epochs=4000", "--set", "training.max_epochs_stop=4000"]
    process = kept.start(*slow)
    wait_for(process, "epoch   5")
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in output
    epochs = int(re.search(r"had come to the end of epoch (\d+): the same command with --resume", output)[1])
    assert checkpoints.load(kept.run_folder / "checkpoints")["rows"][-1]["epoch"] == epochs
    assert [path.name for path in (kept.run_folder / "checkpoints").glob(".*")] == []


def test_05_killed_while_its_children_live(kept):
    with kept.cell("01_exploration", "import time; time.sleep(20); 'awake'"):
        process = kept.start("--until", "02")
        wait_for(process, "exploration")
        time.sleep(4)
        process.kill()
        process.wait()
        second = kept.run()
        assert second.returncode == 10
        assert f"process {process.pid}, since" in plain(second)
        end = time.monotonic() + 120
        while kept.processes() and time.monotonic() < end:
            time.sleep(1)
    assert kept.run("--dry-run").returncode == 0  # the last holder has ended, and with it the lock


def test_06_a_notebook_ends_early(kept):
    with kept.cell("02_split", "import sys; sys.exit(0)"):
        result = kept.run()
    assert result.returncode == 4
    assert "it ended before its last cell" in plain(result)


def test_07_no_command_can_fail_unnoticed():
    """No `!command` or magic in a notebook, and no subprocess in the package whose code nobody asks for."""
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(notebook.read_text())["cells"]:
            if cell["cell_type"] == "code":
                source = "".join(cell["source"])
                assert not re.search(r"^\s*[!%]", source, re.M), notebook.name
                assert "subprocess" not in source
                assert "os.system" not in source
    unchecked = []
    for module in (ROOT / "boatlib").rglob("*.py"):
        tree = ast.parse(module.read_text())
        for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            asks = ".returncode" in ast.unparse(function)
            for call in calls:
                if ast.unparse(call.func) in ("subprocess.run", "subprocess.call", "os.system"):
                    checked = any(word.arg == "check" for word in call.keywords) or asks
                    unchecked += [] if checked else [f"{module.name}:{call.lineno}"]
    assert unchecked == []


def test_08_the_true_code_comes_out(tmp_path):
    """run_all.sh with an interpreter that ends with 7, also where a pipe stands behind it."""
    fake = tmp_path / "bin" / "python"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/bash\ncase "$*" in *"-m boatlib run"*) exit 7;; esac\nexec {sys.executable} "$@"\n')
    fake.chmod(0o755)
    environment = os.environ | {"PATH": f"{fake.parent}:{os.environ['PATH']}", "VIRTUAL_ENV": str(tmp_path)}
    for command in ("./run_all.sh", "set -o pipefail; ./run_all.sh | cat", "./run_all.sh && echo went on"):
        done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 7, done.stderr
        assert "went on" not in done.stdout


FULL = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as Python does too
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
from boatlib.errors import DiskError
folder = Path(sys.argv[1])
try:
    {action}
except DiskError as error:
    print(error)
    sys.exit(4)
"""
WRITERS = {
    "table": "from boatlib.run import Run; import pandas as p; Run('full').write_table('tta', p.DataFrame({'a': range(9**6)}))",
    "checkpoint": "import torch; from boatlib.model.training.checkpoints import save; save(folder, {'a': torch.zeros(9**6)}, 2)",
    "page": "from boatlib.files import write_text; write_text(folder / 'page.html', 'x' * 10**6)",
}


@pytest.mark.parametrize("name", WRITERS)
def test_09_the_disk_is_full(awkward, tmp_path, name):
    (awkward.folder / "runs" / "full").mkdir(exist_ok=True)
    before = {folder: digest_of(folder) for folder in (tmp_path, awkward.folder / "runs" / "full")}
    code = FULL.replace("{action}", WRITERS[name])
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=awkward.folder,
        env=awkward.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 4, done.stderr
    assert re.search(
        r"could not be written: the disk of .* is full, or a limit is reached \([\d.]+ GB are free\)", done.stdout
    )
    assert {folder: digest_of(folder) for folder in before} == before  # no torn file, nothing temporary


def digest_of(folder):
    return sorted((str(path.relative_to(folder)), path.stat().st_size) for path in folder.rglob("*"))


def test_09_the_disk_is_full_while_the_chain_runs(kept):
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))  # noqa: E731
    result = kept.run("--force", "01", preexec_fn=limit)
    assert result.returncode == 4
    assert "the disk of" in plain(result)
    assert not list(kept.run_folder.glob("[.]*"))


@pytest.mark.parametrize("place", ["runs", "reports"])
def test_10_where_nothing_can_be_written(awkward, tmp_path, place):
    """Found before anything runs: a file in the place of a folder, and a folder that belongs to somebody else."""
    other = tmp_path / "project"
    shutil.copytree(awkward.folder, other, symlinks=True, ignore=shutil.ignore_patterns("runs", "reports"))
    command = [sys.executable, "-m", "boatlib", "run", f"params/{NAME}.yaml"]
    (other / place).write_text("a file")
    started = time.monotonic()
    done = subprocess.run(command, cwd=other, env=awkward.environment, capture_output=True, text=True)
    assert done.returncode == 4
    assert "cannot be written" in plain(done)
    assert place in done.stderr
    assert time.monotonic() - started < 20
    (other / place).unlink()
    (other / place).mkdir()
    (other / place).chmod(0o555)
    if os.geteuid() == 0:  # root may write everywhere, unless that right is taken away
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, cwd=other, env=awkward.environment, capture_output=True, text=True)
    assert done.returncode == 4, done.stderr
    assert "cannot be written (Permission denied)" in plain(done)


def test_11_two_runs_at_once(kept):
    first = kept.start("--force", "01", "--until", "02")
    wait_for(first, "exploration")
    second = kept.run()
    first.communicate(timeout=120)
    assert (first.returncode, second.returncode) == (0, 10)
    assert f"process {first.pid}, since" in plain(second)


def test_11_two_runs_of_different_names_side_by_side(kept):
    others = [kept.start("--set", f"run=side-{n}", "--set", f"seed={n}", "--until", "02") for n in (1, 2)]
    assert [process.wait(240) for process in others] == [0, 0]
    splits = [(kept.folder / "runs" / f"side-{n}" / "split.csv").read_text() for n in (1, 2)]
    assert splits[0] != splits[1]


def test_12_the_lock_of_a_process_that_is_gone(kept):
    lock = kept.run_folder / "logs" / "lock"
    lock.write_text("process 999999, since 03:00 on 1 January")
    assert kept.run("--dry-run").returncode == 0
    assert f"process {os.getpid()}" not in lock.read_text()
    assert "999999" not in lock.read_text()


@pytest.mark.parametrize("content", [b"", b'{"images": "pho', b"[1, 2]", b"\xff\xfe\x00"])
def test_13_a_file_of_a_run_is_cut_off(awkward, monkeypatch, content):
    monkeypatch.chdir(awkward.folder)
    run = Run("torn")
    for name, reader in (("photos", run.record), ("metrics", run.record)):
        run.path(name).write_bytes(content)
        with pytest.raises(DamagedFileError, match="is damaged: .*Delete it and start again"):
            reader(name)
    if not content.startswith(b"["):
        run.path("catalog").write_bytes(content)
        with pytest.raises(DamagedFileError, match=r"catalog.csv is damaged"):
            run.table("catalog")
    shutil.rmtree(run.folder)


def test_13_a_damaged_file_stops_its_reader_and_is_made_again(kept):
    assert kept.run("--until", "01").returncode == 0
    file = kept.run_folder / "photos.json"
    good = file.read_bytes()
    file.write_bytes(good[:10])
    result = kept.run()
    assert result.returncode == 4
    assert f"runs/{NAME}/photos.json is damaged" in plain(result)
    file.unlink()
    assert kept.run("--until", "01").returncode == 0
    assert file.read_bytes() == good


def test_14_and_77_what_changed_runs_again_and_what_comes_before_does_not(awkward):
    def would_run(*arguments):
        shown = plain(awkward.run("--dry-run", *arguments))
        return re.findall(rf"^ +{NAME} +(\w+)", shown, re.M)

    everything = ["exploration", "split", "training", "evaluation", "tta", "summary", "report"]
    assert awkward.run().returncode == 0
    assert would_run() == []
    assert sorted(would_run("--set", "seed=43")) == sorted(everything)
    assert sorted(would_run("--set", "training.epochs=13")) == sorted(everything[2:])
    assert sorted(would_run("--set", "tta.views=2")) == ["report", "summary", "tta"]
    with awkward.cell("05_tta", "pass"):
        assert sorted(would_run()) == ["report", "summary", "tta"]
    photo = next(awkward.photos.rglob("*.jpg"))
    content, stamp = photo.read_bytes(), photo.stat()
    os.utime(photo, (1, 1))
    assert would_run() == []  # touched, and the same
    photo.write_bytes(content[:-9] + bytes(9))
    os.utime(photo, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert set(would_run()) == set(everything)  # another photo, of the same size and time
    photo.write_bytes(content)
    os.utime(photo, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert would_run() == []


def test_15_a_report_never_mixes_two_runs(kept):
    with kept.cell("05_tta", "1 / 0"):
        assert kept.run("--set", "seed=44").returncode == 4
    made = {page.name: page.read_text() for page in kept.report.glob("*.html")}
    assert len(made) == 6
    for name, page in made.items():
        assert not re.search(r"seed(: int)? = 44|>seed</th><td[^>]*>44<", page), name
    assert json.loads((kept.report / "run.json").read_text())["settings"]["seed"] == 42


def test_16_going_on_gives_what_an_undisturbed_run_gives(awkward):
    tables = ["predictions.csv", "history.csv", "per_class.csv", "tta.json", "metrics.json"]
    assert awkward.run().returncode == 0
    straight = {name: (awkward.run_folder / name).read_bytes() for name in tables}
    shutil.rmtree(awkward.run_folder / "model")
    before = [awkward.run_folder / "notebooks" / f"{step}.ipynb" for step in ("01_exploration", "02_split")]
    stamps = [file.stat().st_mtime_ns for file in before]
    process = awkward.start()
    wait_for(process, "epoch")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert awkward.run().returncode == 0
    assert {name: (awkward.run_folder / name).read_bytes() for name in tables} == straight
    assert [file.stat().st_mtime_ns for file in before] == stamps  # no rework


@pytest.mark.parametrize("copied", [sys.platform == "linux", False])
@pytest.mark.parametrize("kernel", ["import sys; sys.exit(1)", "import time; time.sleep(60)"])
def test_17_the_kernel_does_not_start(awkward, tmp_path, monkeypatch, capsys, kernel, copied):
    (tmp_path / "ipykernel_launcher.py").write_text(kernel)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(execute, "can_fork", lambda: copied)
    monkeypatch.setattr("boatlib.pipeline.kernel._run", lambda _: exec(kernel))
    monkeypatch.setattr(execute, "START_SECONDS", 3)
    monkeypatch.chdir(awkward.folder)
    shutil.copyfile(awkward.run_folder / "params.json", Run("kernel").folder / "params.json")
    started = time.monotonic()
    assert execute.execute(Run("kernel"), "01_exploration") != 0
    assert time.monotonic() - started < 40
    shown = capsys.readouterr().out
    assert "01_exploration stopped: " in shown
    assert "Traceback" not in shown
    shutil.rmtree(awkward.folder / "runs" / "kernel")


def test_17_a_kernel_needs_no_port(tmp_path, monkeypatch):
    """Whatever takes ports between the choice and the start of a kernel; a long way to temporary files is none either."""
    notebook, log = tmp_path / "one.ipynb", tmp_path / "log.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("'said'")]), notebook)
    taken = []

    def take_port(manager, **options):
        write(manager, **options)
        if manager.transport == "tcp":
            taken.append(manager.shell_port)

    write = execute.OwnKernel.write_connection_file
    monkeypatch.setattr(execute.OwnKernel, "write_connection_file", take_port)
    (tmp_path / ("x" * 100)).mkdir()
    with tempfile.TemporaryDirectory(dir="/tmp") as near:
        for place, ports in ((near, 0), (str(tmp_path / ("x" * 100)), 1)):
            monkeypatch.setattr(tempfile, "tempdir", place)
            assert execute._papermill(notebook, log, {}, io.StringIO(), None, beside=False) == (0, "")
            assert execute.reached_the_end(log)
            assert len(taken) == ports
            gc.collect()
            assert os.listdir(place) == []


def test_18_a_typo_in_a_parameter(kept):
    result = kept.run("--set", "training.learning_rat=0.1")
    assert result.returncode == 2
    assert "Did you mean 'training.learning_rate'?" in plain(result)
    assert "exploration" not in result.stdout


ODD = ["it's", 'say "x"', "two\nlines", "⛵ é", "{x}", "\\n", "$HOME", "'''", "a\tb", "#no comment", "__import__('os')"]


@pytest.mark.parametrize("value", ODD)
def test_19_odd_values_arrive_unchanged_and_odd_names_are_refused(kept, value):
    cell = papermill.parameterize.translate_parameters("python3", "python", {"value": value}, "")
    scope = {}
    exec(cell, scope)
    assert scope["value"] == value
    result = kept.run("--set", f"{value}=1")
    assert result.returncode == 2
    plain(result)


# 20, YAML traps: test_params.py


def test_21_an_awkward_folder(awkward, chromium_path):
    """What leads from one file to another leads there in such folders too: links, the model, the report's own links, the PDF."""
    assert awkward.run("--dry-run").returncode == 0
    used = pd.read_csv(awkward.run_folder / "split.csv")
    links = [path for path in (awkward.run_folder / "data").rglob("*.jpg") if path.read_bytes()]
    assert len(links) == len(used) == 26
    done = awkward.ask("predict", f"runs/{NAME}/model", links[0])
    assert done.returncode == 0, plain(done)
    assert links[0].parent.name in done.stdout
    pages = re.findall(r'href="([^"#:]+\.html)"', (awkward.report / "index.html").read_text())
    assert pages
    assert all((awkward.report / page).is_file() for page in pages)
    assert (awkward.report / "brief.pdf").stat().st_size > 10_000


def test_10_and_09_are_told_apart_by_the_number_of_the_error(tmp_path):
    assert files.explain_disk(OSError(28, "x"), tmp_path / "a").startswith("a could not be written")
    assert files.explain_disk(OSError(30, "x"), tmp_path / "a").endswith("that you can write to.")
    assert files.explain_disk(ValueError("no"), tmp_path / "a") == ""
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="cannot be written"):
        write_text(tmp_path / "file" / "inside.txt", "x")
