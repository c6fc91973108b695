"""The table of faults is true: each number has a test that bears it, or says why there is none."""

import ast
import re

from conftest import ROOT

ROWS = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", (ROOT / "tests/faults/README.md").read_text(), re.M)


NUMBERS = range(1, 93)


def numbers():
    """Number of a fault to the files with tests that bear it."""
    found = {}
    for file in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and (name := re.match(r"test_(\d\d(?:_and_\d\d)*)_", node.name)):
                for number in name[1].split("_and_"):
                    found.setdefault(int(number), set()).add(file.stem.removeprefix("test_").replace("_", " "))
    return found


def test_every_fault_has_a_row():
    assert [int(number) for number, *_ in ROWS] == list(NUMBERS)


def test_every_row_has_its_tests():
    found = numbers()
    for number, case, where, words in ROWS:
        if where == "-":
            assert words.startswith("cannot happen"), case
            continue
        if other := re.search(r"`test_(\d\d)`", words):
            number = other[1]
        files = {name.strip() for name in where.split(",")}
        ours = {"pipeline"} if number == "57" else set()  # there, after each test
        assert files <= found.get(int(number), set()) | ours, (number, found.get(int(number)))


def test_no_number_is_made_up():
    assert set(numbers()) <= set(NUMBERS)
