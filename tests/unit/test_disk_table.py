"""Tables that lie on the disk."""

import numpy as np
import pandas as pd
import pytest

from boatlib import disk_table
from boatlib.disk_table import PART, DiskTable
from boatlib.errors import DiskError


def numbers(first, last):
    count = last - first
    return pd.DataFrame({"number": range(first, last), "text": ["a"] * count, "share": np.linspace(0, 1, count)})


def test_it_gives_back_what_came_part_by_part():
    table = DiskTable([numbers(0, 3), numbers(3, PART + 10)])
    assert len(table) == PART + 10
    assert [len(part) for part in table.parts("SELECT number FROM rows ORDER BY place DESC")] == [PART, 10]
    found = table.ask("SELECT * FROM rows WHERE number > ? AND text = ? ORDER BY number LIMIT 1", 5, "a")
    assert found[["place", "number", "text"]].values.tolist() == [[6, 6, "a"]]
    table.change("UPDATE rows SET text = ? WHERE number = ?", [("b", 1), ("c", 7)])
    assert table.ask("SELECT number FROM rows WHERE text != 'a'")["number"].tolist() == [1, 7]


def test_a_missing_number_stays_one():
    table = DiskTable([pd.DataFrame({"share": [0.5, np.nan], "file": [b"\xff", b"a"]})])
    assert table.ask("SELECT avg(share) AS mean FROM rows")["mean"].tolist() == [0.5]
    assert table.ask("SELECT file FROM rows WHERE share IS NULL")["file"].tolist() == [b"a"]


def test_no_room_is_a_sentence():
    table = DiskTable([numbers(0, 3)])
    table._database.execute("PRAGMA max_page_count = 4")
    with pytest.raises(DiskError, match=r"no room for temporary files \(database or disk is full\)\. .*TMPDIR"):
        table._add(numbers(0, 5_000))
    with pytest.raises(DiskError, match="no room"), disk_table._explained():
        raise pd.errors.DatabaseError("Execution failed on sql 'SELECT': disk I/O error")


def test_a_wrong_question_is_no_lack_of_room():
    with pytest.raises(Exception, match="no such column"):
        DiskTable([numbers(0, 3)]).ask("SELECT another FROM rows")
