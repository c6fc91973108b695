import importlib.metadata
import re

import pytest
from conftest import ROOT

from boatlib import doctor
from boatlib.cli import main
from boatlib.model.networks import weights


def findings():
    return {finding.what: finding for finding in doctor.examine()}


def test_all_is_fine_here_and_fits_on_a_screen(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert all(len(line) <= 100 for line in lines)
    assert re.fullmatch(r"All \d+ are fine\.", lines[-1])


@pytest.mark.parametrize("fault", ["version", "package", "browser", "place", "weights", "disk", "memory"])
def test_what_is_missing_is_named_with_what_to_do(project, monkeypatch, capsys, tmp_path, fault):
    if fault == "version":
        monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.9.1" if name == "torch" else "99")
        what, words = "torch", "At least 2.10 is needed"
    elif fault == "package":
        monkeypatch.setitem(doctor.LEAST, "no-such-package", "1")
        what, words = "no-such-package", "pip install"
    elif fault == "browser":
        monkeypatch.setenv("BOATLIB_BROWSER", "/no/browser")
        what, words = "browser for the PDF", "BOATLIB_BROWSER"
    elif fault == "place":
        (project / "reports").write_text("")
        what, words = "reports/", "cannot be written"
    elif fault == "weights":
        file = tmp_path / weights.default_place("efficientnet_lite1").name
        file.write_bytes(b"x")
        monkeypatch.setattr(weights, "default_place", lambda name: file)
        what, words = "efficientnet_lite1", "Install them again"
    elif fault == "disk":
        monkeypatch.setattr(doctor, "ENOUGH_DISK", 1e18)
        what, words = "runs/", "Make room"
    else:
        monkeypatch.setattr(doctor, "ENOUGH_MEMORY", 1e18)
        what, words = "memory", "quick.yaml"
    assert words in findings()[what].advice
    assert main(["doctor"]) == 4
    shown = capsys.readouterr().out
    assert re.search(rf"^!   {re.escape(what)}", shown, re.M)
    assert "need a look." in shown


@pytest.mark.parametrize(("copies", "words"), [(True, "copies of one process"), (False, "each begun anew")])
def test_it_says_how_kernels_begin(monkeypatch, copies, words):
    monkeypatch.setattr(doctor, "COPIES", copies)
    assert words in findings()["kernels"].found
    assert findings()["kernels"].advice == ""
