import csv
import io

import pandas as pd
import pytest

from boatlib import spreadsheet

NAMES = ["kayak", "=1+1", "+a", "-b", "@c", "'=d", "''+e", "'tis", "\tf", "a=b", "", "007", "NA", 'é, "q"\nx']


def test_what_is_written_comes_back(tmp_path):
    table = pd.DataFrame({"label": NAMES, "=1+1": range(len(NAMES)), "loss": [-0.5] * len(NAMES)})
    file = tmp_path / "table.csv"
    file.write_text(spreadsheet.to_csv(table), encoding="utf-8", newline="")
    back = spreadsheet.read_table(file)
    assert back["label"].tolist() == NAMES
    assert list(back.columns) == ["label", "=1+1", "loss"]
    assert back["loss"].tolist() == table["loss"].tolist()


def test_no_cell_is_a_formula():
    text = spreadsheet.to_csv(pd.DataFrame({"label": NAMES, "@x": NAMES}))
    for row in csv.reader(io.StringIO(text)):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("kind", [object, "str"])
def test_both_kinds_of_text_columns_are_protected(kind):
    assert "'=1+1" in spreadsheet.to_csv(pd.DataFrame({"label": pd.Series(["=1+1"], dtype=kind)}))
