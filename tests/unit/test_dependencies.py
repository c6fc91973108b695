"""A step runs again when code that it reaches has changed, and for no other change."""

import functools
import re
import shutil
from pathlib import Path

import pytest
from conftest import ROOT

from boatlib.kept import kept
from boatlib.pipeline import dependencies
from boatlib.pipeline.dependencies import fingerprint
from boatlib.run import NEW_PHOTOS

STEPS = ["01_exploration", "02_split", "03_training", "04_evaluation", "05_tta", "06_summary"]


@pytest.fixture
def house(tmp_path):
    """A copy of program and notebooks, to change."""
    for part in ("boatlib", "notebooks"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return tmp_path


@functools.cache
def as_it_is(step):
    return fingerprint(ROOT / "notebooks" / f"{step}.ipynb", ROOT)


def changed_by(house, file, old, new):
    """The steps whose code is another when a text in a file is."""
    path = house / file
    text = path.read_text()
    assert old in text, f"{file} no longer holds {old!r}"
    path.write_text(text.replace(old, new))
    return [step for step in STEPS if fingerprint(house / "notebooks" / f"{step}.ipynb", house) != as_it_is(step)]


@pytest.mark.parametrize(
    ("file", "old", "new", "steps"),
    [
        ("boatlib/show/brief.py", "mostly missed", "often missed", ["06_summary"]),
        ("boatlib/show/review.py", "wrong among the others", "wrong of the others", ["06_summary"]),
        ("boatlib/show/policy.py", "An answer is used from this", "Answers are used from this", ["06_summary"]),
        ("boatlib/results/tta.py", "def choose(", "def choose(  # by validation alone\n    ", ["05_tta"]),
        ("boatlib/photos/sample/boats.py", "def ", "def  ", []),
        ("boatlib/photos/splits.py", "np.maximum(np.outer", "np.minimum(np.outer", ["02_split"]),
        ("boatlib/model/training/trainer.py", "32 * 192**2", "16 * 192**2", ["03_training"]),
        ("boatlib/model/training/worker.py", "def main()", "def  main()", ["03_training"]),  # run by its name, as a process
        ("boatlib/show/kit/html.py", "def paragraph(", "def  paragraph(", STEPS),
        ("boatlib/show/kit/tables.py", "_style_frames()\n", "_style_frames()\n\n\n", []),  # blank lines are no code
        ("boatlib/show/kit/tables.py", "\n_style_frames()\n", "\n_style_frames()  # at import\n", STEPS),  # nobody calls it
        ("boatlib/order.py", "natsorted(", "natsorted( ", STEPS),
        ("notebooks/05_tta.ipynb", "What we learnt", "What we know", ["05_tta"]),  # pages show the prose
    ],
)  # fmt: skip
def test_a_change_reaches_these_steps(house, file, old, new, steps):
    assert changed_by(house, file, old, new) == steps


def test_a_function_that_nobody_calls_changes_nothing(house):
    assert (
        changed_by(house, "boatlib/show/tta.py", "import pandas as pd\n", "import pandas as pd\n\n\ndef idle(): ...\n")
        == []
    )


def test_what_is_passed_on_by_another_module_is_followed(tmp_path):
    (tmp_path / "boatlib").mkdir()
    (tmp_path / "boatlib" / "__init__.py").touch()
    (tmp_path / "boatlib" / "first.py").write_text("from boatlib.second import answer\n")
    (tmp_path / "boatlib" / "second.py").write_text("def answer():\n    return 42\n")
    script = tmp_path / "script.py"
    script.write_text("from boatlib import first\nfirst.answer()\n")
    before = fingerprint(script, tmp_path)
    assert [line.split()[0] for line in before] == ["script.py", "boatlib.second"]


def test_what_snakemake_asks_is_found_out_before(monkeypatch, tmp_path):
    monkeypatch.setenv("BOATLIB_CACHE", str(tmp_path))
    dependencies.find_out(ROOT)
    asked = re.findall(r'code\(f?"(.+?)"\)', (ROOT / "workflow" / "Snakefile").read_text())
    names = {Path(file).stem.replace("{NEW_PHOTOS}", NEW_PHOTOS) for file in asked}
    assert len(names) == 10
    assert names <= {file.stem for file in (tmp_path / "program").iterdir()}


def test_a_fingerprint_is_found_out_once_for_each_state_of_the_program(house, monkeypatch, tmp_path):
    monkeypatch.setenv("BOATLIB_CACHE", str(tmp_path))
    file = house / "notebooks" / "05_tta.ipynb"
    first = dependencies.kept_fingerprint(file, house)
    assert first == fingerprint(file, house)
    monkeypatch.setattr(dependencies, "fingerprint", lambda *_: ["anew"])
    assert dependencies.kept_fingerprint(file, house) == first
    for changed in (house / "boatlib" / "show" / "tta.py", file):
        changed.write_text(changed.read_text() + "\n")
        dependencies._program.cache_clear()
        assert dependencies.kept_fingerprint(file, house) == ["anew"]
        (tmp_path / "program" / "05_tta.json").unlink()


@pytest.mark.parametrize("content", ["", "{}", "[]", '["another", 1]', "\x00"])
def test_what_is_kept_can_be_damaged_or_lost(monkeypatch, tmp_path, content):
    monkeypatch.setenv("BOATLIB_CACHE", str(tmp_path))
    assert kept("name", "content", lambda: [1, "a"]) == [1, "a"]
    assert kept("name", "content", lambda: pytest.fail("asked again")) == [1, "a"]
    (tmp_path / "program" / "name.json").write_text(content)
    assert kept("name", "content", lambda: [2]) == [2]
    (tmp_path / "program" / "name.json").unlink()
    (tmp_path / "program" / "name.json").mkdir()  # nothing can be written there
    assert kept("name", "content", lambda: [3]) == [3]
