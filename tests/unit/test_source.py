"""How it is done: what notebooks show of the program is there, short, and taken from where it stands."""

import json

import pytest
from conftest import ROOT

from boatlib.photos import splits
from boatlib.pipeline import dependencies
from boatlib.run import NEW_PHOTOS, all_steps
from boatlib.show import source


def cells(step):
    return json.loads((ROOT / "notebooks" / f"{step}.ipynb").read_text())["cells"]


def tagged(step, tag):
    return ["".join(c["source"]) for c in cells(step) if tag in c["metadata"].get("tags", [])]


@pytest.mark.parametrize("step", [*all_steps(ROOT), NEW_PHOTOS])
def test_each_notebook_shows_how_it_is_done_in_five_to_fifteen_lines(step):
    (imports,) = tagged(step, "imports")
    calls = tagged(step, "how")
    assert calls
    known = {}
    exec(imports, known)  # as the notebook does
    for call in calls:
        shown = []
        known["show"].source.how, kept = (lambda *things, shown=shown: shown.extend(things)), known["show"].source.how
        try:
            exec(call, known)
        finally:
            known["show"].source.how = kept
        assert shown
        for thing in shown:
            assert 5 <= len(source.lines(thing).splitlines()) <= 15, thing.__qualname__


def test_what_is_shown_is_the_source_without_its_docstring():
    shown = source.how(splits.deal)
    assert "def deal(" in shown.text
    assert "Deal the groups" not in shown.text
    assert "boatlib/photos/splits.py, line " in shown.markup
    assert shown.markup.startswith('<details class="how">')


@pytest.mark.parametrize("step", ["03_training", "04_evaluation"])
def test_cells_to_be_changed_are_not_of_the_chain(step):
    trials = tagged(step, "try-it")
    assert len(trials) >= 2, "prose and code"
    kept = dependencies._cells((ROOT / "notebooks" / f"{step}.ipynb").read_text())
    assert len(kept) == len(cells(step)) - len(trials)
