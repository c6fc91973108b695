"""Faults 68, 75, 76 and 90: what is written where somebody wants it, under which name, and who may read it."""

import ast
import contextlib
import csv
import os
import random
import signal
import stat
import subprocess
import sys
import threading

import pandas as pd
import pytest
from awkward import NAME, UMASK, plain
from conftest import ROOT

from boatlib import spreadsheet
from boatlib.files import replacing, replacing_folder, write_text

pytestmark = pytest.mark.fault


def predict(project, *words, **options):
    done = project.ask("predict", f"runs/{NAME}/model", *words, **options)
    assert done.returncode == 0, done.stderr
    return done


def test_68_a_link_stays_and_what_it_leads_to_is_written(awkward, tmp_path):
    real, link = tmp_path / "elsewhere" / "answers.csv", tmp_path / "link.csv"
    real.parent.mkdir()
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to("elsewhere/answers.csv")
    shown = plain(predict(awkward, awkward.photos, "--csv", link))
    assert link.is_symlink()
    assert len(pd.read_csv(real)) == 26
    assert stat.S_IMODE(real.stat().st_mode) == 0o600  # what was closed to others stays closed
    assert f"{link}: 26 photos." in shown
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "link.csv"]
    assert [path.name for path in real.parent.iterdir()] == ["answers.csv"]


def test_68_pipes_devices_and_open_files_are_written_plainly(awkward, tmp_path):
    before = os.lstat("/dev/stdout")
    piped = predict(awkward, awkward.photos, "--csv", "/dev/stdout")
    assert len(piped.stdout.splitlines()) == 27  # nothing but the table
    assert "26 photos." in piped.stderr
    with (tmp_path / "out.txt").open("w") as file:
        file.write("what stood there before\n")
        file.flush()
        predict(awkward, awkward.photos, "--csv", "/dev/stdout", stdout=file, stderr=subprocess.PIPE)
    assert (tmp_path / "out.txt").read_text() == f"what stood there before\n{piped.stdout}"
    os.mkfifo(tmp_path / "pipe")
    read = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
    reader.start()
    predict(awkward, awkward.photos, "--csv", tmp_path / "pipe")
    reader.join(60)
    assert read == [piped.stdout]
    assert stat.S_ISFIFO((tmp_path / "pipe").lstat().st_mode)
    if os.geteuid() == 0:
        os.mknod(tmp_path / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        predict(awkward, awkward.photos, "--csv", tmp_path / "null")
        assert stat.S_ISCHR((tmp_path / "null").lstat().st_mode)
    assert (before.st_ino, before.st_mode) == (os.lstat("/dev/stdout").st_ino, os.lstat("/dev/stdout").st_mode)


def test_68_a_report_folder_that_is_a_link_stays_one(awkward, tmp_path):
    place = awkward.folder / "reports" / "linked"
    (tmp_path / "reports").mkdir()
    place.symlink_to(tmp_path / "reports")
    code = (
        "import shutil, sys; from boatlib.run import Run; from boatlib.report.publish import publish; import os\n"
        f"shutil.copytree('runs/{NAME}', 'runs/linked', symlinks=True); print(publish(Run('linked')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=awkward.folder, env=awkward.environment, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert place.is_symlink()
    assert (tmp_path / "reports" / "index.html").is_file()
    place.unlink()


def test_68_files_and_folders_are_replaced_through_links_and_whole(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "old").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with replacing_folder(tmp_path / "link") as new:
        (new / "file").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["file"]
    (tmp_path / "dangling").symlink_to("nowhere/yet.txt")
    write_text(tmp_path / "dangling", "text")
    assert (tmp_path / "nowhere" / "yet.txt").read_text() == "text"
    for writer in (replacing, replacing_folder):
        with pytest.raises(ZeroDivisionError), writer(tmp_path / "x"):
            raise ZeroDivisionError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "link", "nowhere", "real"]


class Stopped(BaseException):
    """As KeyboardInterrupt, which pytest keeps for itself."""


def test_ctrl_c_at_any_moment_of_writing_leaves_nothing_behind(tmp_path):
    def stop(*_):
        raise Stopped

    before = signal.signal(signal.SIGALRM, stop)
    moments = random.Random(0)
    for _ in range(300):
        with contextlib.suppress(Stopped):
            signal.setitimer(signal.ITIMER_REAL, moments.uniform(0.0005, 0.005))  # once
            while True:
                write_text(tmp_path / "state", "text")
    signal.signal(signal.SIGALRM, before)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
    assert (tmp_path / "state").read_text() == "text"


# Whoever writes without `files`, and why
OTHERS = {
    "files.py": "the one way",
    "run.py": "the temporary file that `replacing` gives it",
    "lab/choose.py": "copies of a run's files, into a new folder that is moved into its place",
    "pipeline/chain.py": "the lock, and the log of the process that it starts",
    "pipeline/execute.py": "the priority of a session, which the system shows as a file",
    "model/training/launch.py": "the log of the processes that it starts",
    "model/training/checkpoints.py": "the temporary file that `replacing` gives it",
    "model/features/store.py": "a store that only grows",
    "model/networks/engines.py": "two files that belong together, in the cache",
    "model/inference/answered.py": "two files that only grow",
    "model/inference/batch.py": "a table that grows beside its place",
    "pipeline/teach.py": "photos, into a new folder that is moved into its place",
    "photos/corrections.py": "a table that only grows",
    "photos/fetched.py": "pictures out of a table, into a new folder that is moved into its place, and a link in the cache",
    "photos/folders.py": "what is created and never opened when it exists",
    "photos/sample/draw.py": "drawn photos, into a new folder that is moved into its place",
    "photos/sources.py": "a link in the cache",
    "report/publish.py": "pages, into a new folder that is moved into its place",
    "report/pdf.py": "what a browser has printed, into that folder",
}
METHODS = {"write_text", "write_bytes", "touch", "symlink_to", "hardlink_to"}
FUNCTIONS = {f"os.{n}" for n in ("open", "replace", "rename", "link", "symlink")}
FUNCTIONS |= {f"shutil.{n}" for n in ("copy", "copy2", "copyfile", "move")}


def writes(node):
    """Whether a call writes a file past `files`."""
    if not isinstance(node, ast.Call) or "os.devnull" in ast.unparse(node):
        return False
    called = ast.unparse(node.func)
    if called == "open" or (called.endswith(".open") and called != "os.open"):
        given = [*node.args, *(word.value for word in node.keywords)]
        modes = [word.value for word in given if isinstance(word, ast.Constant) and isinstance(word.value, str)]
        return any(set(mode) & set("wax+") and set(mode) <= set("rwaxbt+") for mode in modes)
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    return called in FUNCTIONS or (method in METHODS and not called.startswith("temporary."))


def test_68_everybody_else_writes_by_the_one_way():
    found = set()
    for module in sorted((ROOT / "boatlib").rglob("*.py")):
        if any(map(writes, ast.walk(ast.parse(module.read_text())))):
            found.add(str(module.relative_to(ROOT / "boatlib")))
    assert found == set(OTHERS)


def test_75_rows_can_be_told_apart_and_lead_back_to_the_file(awkward, tmp_path):
    one, two = (tmp_path / name for name in ("pa", "pb"))
    for folder, number in ((one, 0), (two, 1)):
        folder.mkdir()
        (folder / "1.jpg").write_bytes((awkward.photos / "kayak" / f"{number:03d}.jpg").read_bytes())
    out = tmp_path / "out.csv"
    plain(predict(awkward, one, two, one / "1.jpg", one, "--csv", out))
    assert pd.read_csv(out)["photo"].tolist() == [str(one / "1.jpg"), str(two / "1.jpg")]
    inside = os.path.relpath(awkward.photos / "kayak", awkward.folder)
    plain(predict(awkward, inside, "--csv", out))
    assert all((awkward.folder / photo).is_file() for photo in pd.read_csv(out)["photo"])


def test_76_no_cell_of_any_table_is_a_formula(tmp_path):
    """One function of the package makes CSV; the class is a formula, and so are its probabilities' column and the error."""
    calls = [
        str(module.relative_to(ROOT / "boatlib"))
        for module in (ROOT / "boatlib").rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "to_csv"
        and ast.unparse(node.func.value) != "spreadsheet"
    ]  # fmt: skip
    assert calls == ["spreadsheet.py"], calls
    name = '=HYPERLINK("http://x","y")'
    table = pd.DataFrame({"photo": ["a.jpg"], "predicted": [name], f"p_{name}": [1.0], name: ["@x"], "error": ["-1+1"]})
    text = spreadsheet.to_csv(table)
    (tmp_path / "t.csv").write_text(text)
    cells = [cell for row in csv.reader(text.splitlines()) for cell in row]
    assert not [cell for cell in cells if cell[:1] in "=+-@"]
    assert spreadsheet.read_table(tmp_path / "t.csv")["predicted"].tolist() == [name]


def test_90_every_file_has_the_mode_that_the_umask_leaves(awkward):
    """Weights once had 0600, tables 0644 whatever the umask said."""
    wanted = {path: (0o777 if stat.S_ISDIR(mode) else 0o666) & ~UMASK for path, mode in awkward.modes.items()}
    wrong = {
        path: oct(stat.S_IMODE(mode)) for path, mode in awkward.modes.items() if stat.S_IMODE(mode) != wanted[path]
    }
    assert not wrong
    assert {awkward.run_folder / "model" / "model.json", awkward.report / "index.html"} < awkward.modes.keys()
