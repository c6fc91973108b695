"""The list of runs: what each says, its earlier reports, and runs of the same photos in pairs."""

import json

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from test_brief import BOATS, many, recorded

from boatlib.report import board
from boatlib.run import Run


@pytest.fixture
def published(project):
    """Publishes a run as the last step of the chain does, as far as the list goes."""

    def publish(name, record, day="2026-11-28", images="FOLDER", answers=None):
        run, folder = Run(name), project / "reports" / name
        run.write_record("summary", {"verdict": "x", "warnings": []} | record)
        run.write_record("run_record", {"run": name, "made": day, "settings": {"images": images}})
        folder.mkdir(parents=True, exist_ok=True)
        for file in (board.RECORD, board.HOW):
            (folder / file).write_bytes((run.folder / file).read_bytes())
        (folder / board.COMPLETE).touch()
        if answers is not None:
            rows = pd.DataFrame(
                {"photo": [f"{n}.jpg" for n in range(len(answers))], "label": "a", "predicted": list(answers)}
            )
            run.write_table("predictions", rows)
        board.remember(run)
        return BeautifulSoup(board.write(project / "reports").read_text(encoding="utf-8"), "html.parser")

    return publish


def rows_of(soup):
    return {
        row.a.get_text(): [cell.get_text() for cell in row.find_all("td")]
        for row in soup.select("table.board tbody tr")
    }


def test_each_run_has_a_line_and_the_newest_is_first(published):
    published("boats", recorded(BOATS))
    soup = published("leaves", recorded(many(43), line=2.0), images="kaggle:a/leaves")
    rows = rows_of(soup)
    assert list(rows) == ["leaves", "boats"]
    told = recorded(BOATS)["policy"]
    assert rows["boats"][:5] == [
        "5 classes",
        "28 November 2026",
        "Use with checks",
        str(told["use_per_1000"]),
        "1 of 147",
    ]
    assert rows["boats"][5:] == ["97.3% of 150", "the first one"]
    assert rows["leaves"][0] == "43 classes, kaggle:a/leaves"
    assert rows["leaves"][2:5] == ["Check every answer", "none", "–"]


def test_earlier_reports_of_a_run_stand_behind_it(published):
    published("boats", recorded(BOATS), day="2026-11-01")
    published("boats", recorded(BOATS), day="2026-11-02")  # says the same: no report of its own
    soup = published("boats", recorded(BOATS, line=2.0), day="2026-11-03")
    earlier = soup.select("details li")
    assert len(earlier) == 1
    assert earlier[0].get_text().startswith("1 November 2026: Use with checks")
    assert len((Run("boats").folder / board.PUBLISHED).read_text().splitlines()) == 2


def test_runs_of_the_same_photos_are_compared_in_pairs(published):
    published("one", recorded(BOATS), answers="a" * 20 + "b" * 10)
    soup = published("two", recorded(BOATS), answers="a" * 30)
    pairs = next(table for table in soup.find_all("table") if "same photos" in table.caption.get_text())
    assert [cell.get_text() for cell in pairs.tbody.tr.find_all(["th", "td"])] == [
        *("two", "one", "30", "30", "20", "10", "0", "p = 0.002"),
    ]  # fmt: skip


def test_a_report_of_an_older_version_keeps_its_line(published, project):
    published("boats", recorded(BOATS))
    old = project / "reports" / "old"
    old.mkdir()
    (old / board.RECORD).write_text(json.dumps({"verdict": "The model names <b>it</b>."}))
    (old / board.COMPLETE).touch()
    soup = BeautifulSoup(board.write(project / "reports").read_text(), "html.parser")
    assert rows_of(soup)["old"] == ["The model names <b>it</b>."]
    assert not soup.find("b")
