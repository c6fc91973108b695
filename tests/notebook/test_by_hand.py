"""The notebook that shows every line: it runs on real photos, on the folders that 02 makes, and writes nothing."""

import papermill
import pytest
from awkward import digest
from conftest import REAL, WORK, run_all

RUN = "test-by-hand"


@pytest.mark.real
@pytest.mark.notebook
@pytest.mark.skipif(not REAL.is_dir(), reason=f"the photos are not here: {REAL.parent.name}/{REAL.name}")
def test_it_teaches_a_network_by_hand(tmp_path):
    split = run_all("params/quick.yaml", "--set", f"run={RUN}", "--set", f"images={REAL}", "--until", "02")
    assert split.returncode == 0, split.stdout
    before = digest(WORK / "runs" / RUN, WORK / "notebooks")
    few = {"run": RUN, "size": 128, "head_epochs": 1, "random_views": 1}  # less than its defaults, which take minutes
    notebook = WORK / "notebooks" / "00_by_hand.ipynb"
    done = papermill.execute_notebook(notebook, tmp_path / "done.ipynb", few, kernel_name="python3", progress_bar=False)
    assert digest(WORK / "runs" / RUN, WORK / "notebooks") == before
    shown = "\n".join(str(output) for cell in done.cells for output in cell.get("outputs", []))
    assert "right for" in shown
    assert "boatlib/model/training/trainer.py, line" in shown
    (table,) = [
        o["data"]["text/plain"] for c in done.cells for o in c.get("outputs", []) if "the same with 1 more" in str(o)
    ]
    shares = [float(line.split()[-2].rstrip("%")) for line in table.splitlines()[1:]]
    assert len(shares) == 3, "the chain has no row: it has not been run to its end"
    assert all(share > 40 for share in shares), "seven classes of which the largest has a third of the photos"
