"""Fault 72: the table of decisions, as other programs save it."""

import csv
import os
import subprocess
import sys

import pandas as pd
import pytest
from awkward import NAME, plain

from boatlib.errors import DataError, ParameterError
from boatlib.photos.corrections import COLUMNS, Corrections

A, B, C, D = (letter * 64 for letter in "abcd")


@pytest.fixture
def log(tmp_path):
    made = Corrections(tmp_path / "corrections.csv")
    made.decide(A, "kayak/é, 1.jpg", "raft")
    made.decide(B, "kayak/2.jpg", "kayak")
    made.drop(C, "=raft/3.jpg")
    return made


def saved(log, delimiter=",", encoding="utf-8", order=COLUMNS, extra=(), change=str, end="\n", head=True):
    """The file as a spreadsheet may save it."""
    rows = list(csv.reader(log.file.read_text().splitlines()))
    places = [COLUMNS.index(name) for name in order]
    rows = [[change(row[place]) for place in places] + list(extra) for row in rows]
    text = "".join(
        delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in row) + end for row in rows[not head :]
    )
    log.file.write_bytes(text.encode(encoding))


WAYS = {
    "semicolons": {"delimiter": ";"},
    "tabs": {"delimiter": "\t"},
    "UTF-16": {"encoding": "utf-16"},
    "UTF-16 and tabs, as Excel's Unicode text": {"encoding": "utf-16", "delimiter": "\t", "end": "\r\n"},
    "UTF-16 without a mark": {"encoding": "utf-16-le"},
    "UTF-8 with a mark": {"encoding": "utf-8-sig", "delimiter": ";", "end": "\r\n"},
    "Windows in the west": {"encoding": "cp1252", "delimiter": ";", "end": "\r\n"},
    "an empty column more": {"extra": [""]},
    "two of them, and semicolons": {"extra": ["", ""], "delimiter": ";"},
    "Capitals": {"change": str.title},
    "CAPITALS": {"change": str.upper},
    "blanks": {"change": lambda cell: f" {cell} "},
    "columns in another order": {"order": ["decision", "new_label", "sha256", "label", "photo", "time"]},
    "without names of columns": {"head": False},
    "an old Macintosh": {"end": "\r"},
}


@pytest.mark.parametrize("way", WAYS)
def test_72_a_table_that_another_program_has_saved_says_the_same(log, way):
    expected = log.decided()[["sha256", "decision"]]
    saved(log, **WAYS[way])
    assert log.decided()[["sha256", "decision"]].equals(expected)
    assert log.check() == "3 decisions about photos in corrections.csv"
    log.decide(D, "kayak/4.jpg", "räft")  # and a further one is written in the same way
    assert log.decided()["sha256"].tolist() == [A, B, C, D]
    assert log.decided()["new_label"].iloc[-1] == "räft"
    assert log.undo()["sha256"] == D
    assert log.check() == "3 decisions about photos in corrections.csv"


@pytest.mark.parametrize("way", ["semicolons", "UTF-16", "Windows in the west"])
def test_72_names_survive(log, way):
    before = log.decided()[["photo", "label", "new_label"]]
    saved(log, **WAYS[way])
    assert log.decided()[["photo", "label", "new_label"]].equals(before)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            f"x,{A},kayak/1.jpg,kayak,raft,rename",
            r"line 5: 'rename' in the column decision is none of drop, keep, relabel, undo",
        ),
        ("x,1E+65,kayak/1.jpg,kayak,raft,relabel", r"line 5: '1e\+65' in the column sha256 is no SHA-256"),
        (
            f"x,{A},kayak/1.jpg,kayak,../x,relabel",
            r"line 5: '\.\./x' in the column new_label cannot be the name of a class",
        ),
        ("a note to myself", r"line 5: '' in the column sha256"),
    ],
)
def test_72_a_line_that_is_no_decision_is_refused_with_its_number(log, line, reason):
    with log.file.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(DataError, match=reason):
        log.check()


def test_72_a_named_file_that_is_not_there_is_an_error(project):
    assert Corrections.named("params/corrections.csv").check() == ""
    assert Corrections.named("none").check() == ""
    with pytest.raises(ParameterError, match=r"exploration\.corrections: there is no file .*mine\.csv"):
        Corrections.named("params/mine.csv").check()


@pytest.mark.fault
def test_72_the_screen(awkward):
    file = awkward.folder / "params" / "decisions.csv"
    setting = ("--set", "exploration.corrections=params/decisions.csv", "--set", "run=decided", "--until", "01")
    missing = awkward.run(*setting)
    assert missing.returncode == 2
    assert "there is no file" in plain(missing)
    catalog = pd.read_csv(awkward.run_folder / "catalog.csv")
    rows = "".join(f"t;{sha};{photo};kayak;;Drop\n" for photo, sha in catalog[["photo", "sha256"]].head(3).to_numpy())
    file.write_bytes(f"{';'.join(COLUMNS)}\n{rows}".encode("utf-16"))
    result = awkward.run(*setting)
    assert result.returncode == 0, plain(result)
    assert "decided: 3 decisions about photos in decisions.csv" in result.stdout
    decided = pd.read_csv(awkward.folder / "runs" / "decided" / "catalog.csv")["decision"]
    assert (decided == "drop").sum() == 3
    file.write_text("sha256,decision\nnone,drop\n")
    refused = awkward.run(*setting)
    assert refused.returncode == 3
    assert "line 2: 'none' in the column sha256 is no SHA-256" in plain(refused)
    code = f"from boatlib.cli import main; raise SystemExit(main(['check', 'params/{NAME}.yaml', '--set', '{setting[1]}']))"
    checked = subprocess.run(
        [sys.executable, "-c", code], cwd=awkward.folder, env=awkward.environment, capture_output=True, text=True
    )
    assert checked.returncode == 3, checked.stdout
    assert "line 2" in plain(checked)
    os.unlink(file)
