import shutil
import subprocess
import sys
import time

import pandas as pd
import pytest

from boatlib import show
from boatlib.errors import DataError
from boatlib.photos import catalog, splits
from boatlib.photos.corrections import COLUMNS, Corrections
from boatlib.photos.layout.reasons import Reason
from boatlib.report import publish
from boatlib.results import comparison
from boatlib.run import Run

A, B, C = (letter * 64 for letter in "abc")


@pytest.fixture
def log(tmp_path):
    return Corrections(tmp_path / "params" / "corrections.csv")


def holding(log):
    return log.decided().set_index("sha256")[["decision", "new_label"]].apply(tuple, axis=1).to_dict()


def test_the_newest_decision_about_a_photo_holds_and_can_be_taken_back(log):
    assert log.decided().empty
    assert log.decided().columns.tolist() == COLUMNS
    assert log.undo() is None
    log.decide(A, "kayak/1.jpg", "kayak")
    log.decide(B, "kayak/2.jpg", "raft")
    log.decide(A, "kayak/1.jpg", "raft")
    log.drop(C, "raft/3.jpg")
    assert holding(log) == {A: ("relabel", "raft"), B: ("relabel", "raft"), C: ("drop", "")}
    assert log.undo()["sha256"] == C
    assert log.undo()["new_label"] == "raft"
    assert holding(log) == {A: ("keep", ""), B: ("relabel", "raft")}
    assert len(log.file.read_text().splitlines()) == 1 + 6  # nothing was ever taken out of the file


def test_a_torn_line_and_lines_by_hand_cost_no_other_decision(log):
    log.decide(A, 'kayak/"1", really.jpg', "kayak")
    whole = log.file.read_bytes()
    log.decide(B, 'kayak/"2", really.jpg', "raft")
    torn = log.file.read_bytes()
    for end in range(len(whole), len(torn)):
        log.file.write_bytes(torn[:end])
        log.drop(C, "raft/3.jpg")
        expected = {A: ("keep", ""), C: ("drop", "")}
        if end == len(torn) - 1:  # only the line's end was missing
            expected[B] = ("relabel", "raft")
        assert holding(log) == expected
        assert log.check() == f"{len(expected)} decisions about photos in corrections.csv" + (
            "" if end == len(torn) - 1 or end == len(whole) else "; 1 line was cut off, and counts for nothing"
        )
    log.file.write_text("\ufeff" + log.file.read_text() + "a,b\nnonsense\n,,,,,\n")
    assert C in holding(log)
    with pytest.raises(DataError, match=r"line 5: 'b' in the column sha256(.|\n)*line 6: ''"):
        log.check()


def test_names_that_a_spreadsheet_would_compute_come_back_as_they_were(log):
    log.decide(A, "=1+1/x.jpg", "@raft")
    row = log.decided().iloc[0]
    assert (row["photo"], row["label"], row["new_label"]) == ("=1+1/x.jpg", "=1+1", "@raft")
    assert not any(cell[:1] in "=+-@" for cell in log.file.read_text().splitlines()[1].split(",") if cell)


def test_the_fingerprint_follows_what_holds(log):
    empty = log.fingerprint()
    log.decide(A, "kayak/1.jpg", "raft")
    one = log.fingerprint()
    assert one != empty
    log.drop(A, "kayak/1.jpg")
    assert log.fingerprint() not in (one, empty)
    log.undo()
    assert log.fingerprint() == one
    log.undo()
    assert log.fingerprint() == empty


WRITER = """
import sys
from pathlib import Path
from boatlib.photos.corrections import Corrections
file, number, count = sys.argv[1:]
for place in range(int(count)):
    Corrections(Path(file)).decide(f"{number:0>2}{place:062d}", f"kayak/{number}-{place}.jpg", "raft")
"""


def writer_of(log, number, count):
    return subprocess.Popen([sys.executable, "-c", WRITER, str(log.file), str(number), str(count)])


def test_several_at_once_lose_nothing(log):
    writers = [writer_of(log, number, 50) for number in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert len(log.decided()) == 200


def test_a_kill_loses_no_decision_that_was_made(log):
    writer = writer_of(log, 0, 100_000)
    while not log.file.exists() or log.file.stat().st_size < 20_000:
        time.sleep(0.01)
    writer.kill()
    writer.wait(20)
    places = log.decided()["photo"].str.extract(r"-(\d+)\.")[0].astype(int).tolist()
    assert places == list(range(len(places)))
    log.drop(A, "kayak/1.jpg")
    assert len(log.decided()) == len(places) + 1


def test_what_cannot_be_written_is_said(log, tmp_path):
    with pytest.raises(DataError, match="none"):
        Corrections.named("none").drop(A, "kayak/1.jpg")
    blocked = Corrections(tmp_path / "file" / "corrections.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="could not be written"):
        blocked.drop(A, "kayak/1.jpg")
    with pytest.raises(DataError, match="cannot be read"):
        Corrections(tmp_path).decided()


def sha(found, photo):
    return found.table.set_index("photo").loc[photo, "sha256"]


def test_the_next_catalog_applies_them_and_the_folder_is_as_it_was(photo_set, log):
    before = {path: path.read_bytes() for path in photo_set.rglob("*.jpg")}
    plain = catalog.build_catalog(photo_set, 5)
    log.decide(sha(plain, "kayak/000.jpg"), "kayak/000.jpg", "paper boat")
    log.decide(sha(plain, "kayak/001.jpg"), "kayak/001.jpg", "kayak")
    log.drop(sha(plain, "kayak/002.jpg"), "kayak/002.jpg")
    found = catalog.build_catalog(photo_set, 5, log.decided())
    rows = found.table.set_index("photo")
    assert rows.loc["kayak/000.jpg", ["label", "status", "decision"]].tolist() == ["paper boat", "used", "relabel"]
    assert rows.loc["kayak/001.jpg", ["label", "status", "decision"]].tolist() == ["kayak", "used", "keep"]
    assert rows.loc["kayak/002.jpg", ["status", "reason_code", "decision"]].tolist() == [
        "skipped",
        Reason.LEFT_OUT,
        "drop",
    ]
    assert found.classes.set_index("class")["used"].to_dict() == {"kayak": 10, "paper boat": 9, "raft": 0}
    assert {path: path.read_bytes() for path in photo_set.rglob("*.jpg")} == before
    one, other = (splits.make_split(table, 0.6, 0.2, 0.2, 3).set_index("photo") for table in (plain.table, found.table))
    both = one.join(other.add_suffix("_now"), how="inner")
    assert len(both) == len(one) - 1
    assert (both["split"] == both["split_now"]).all()  # a correction moves no photo


def test_a_folder_chosen_later_outweighs_a_decision(photo_set, log):
    plain = catalog.build_catalog(photo_set, 5)
    log.decide(sha(plain, "kayak/000.jpg"), "kayak/000.jpg", "raft")
    shutil.move(photo_set / "kayak" / "000.jpg", photo_set / "paper boat" / "moved.jpg")
    row = catalog.build_catalog(photo_set, 5, log.decided()).table.set_index("photo").loc["paper boat/moved.jpg"]
    assert (row["label"], row["decision"]) == ("paper boat", "")


def test_a_photo_with_two_labels_is_used_again_when_one_is_chosen(photo_set, log):
    shutil.copyfile(photo_set / "kayak" / "000.jpg", photo_set / "paper boat" / "twin.jpg")
    plain = catalog.build_catalog(photo_set, 5)
    reasons = plain.table.set_index("photo")["reason"]
    assert reasons["kayak/000.jpg"].startswith("the same photo has two labels")
    log.decide(sha(plain, "kayak/000.jpg"), "kayak/000.jpg", "paper boat")
    found = catalog.build_catalog(photo_set, 5, log.decided())
    rows = found.table.set_index("photo")
    assert rows.loc["kayak/000.jpg", ["status", "label"]].tolist() == ["used", "paper boat"]
    assert rows.loc["paper boat/twin.jpg", "reason"] == "exact copy of kayak/000.jpg"
    one, other = (splits.make_split(table, 0.6, 0.2, 0.2, 3).set_index("photo") for table in (plain.table, found.table))
    assert set(other.index) - set(one.index) == {"kayak/000.jpg"}
    assert (other.loc[one.index, "split"] == one["split"]).all()


def publish_run(run, labels, predicted, split):
    photos = [f"x/{n}.jpg" for n in range(len(labels))]
    run.write_table("predictions", pd.DataFrame({"photo": photos, "label": labels, "predicted": predicted}))
    run.write_table("split", pd.DataFrame({"photo": photos, "label": labels, "split": split}))
    (run.folder / "params.json").write_text("{}")
    publish._remember(run)


def test_what_labels_moved_and_what_the_model_moved_are_told_apart(project):
    run = Run("again")
    publish_run(run, list("xxxyyy"), list("xxyyyx"), "test")
    now = pd.DataFrame({"photo": [f"x/{n}.jpg" for n in (0, 1, 2, 3, 5)]})
    now = now.assign(label=list("xxyyy"), predicted=list("xxyyy"))
    run.write_table("predictions", now)
    rows = [(f"x/{n}.jpg", label, "used", "") for n, label in ((0, "x"), (1, "x"), (3, "y"), (5, "y"))]
    rows += [("x/2.jpg", "y", "used", "relabel"), ("x/4.jpg", "y", "skipped", "drop")]
    columns = ["photo", "label", "status", "decision"]
    record = comparison.moved_by_labels(run, now, pd.DataFrame(rows, columns=columns).sample(frac=1, random_state=0))
    assert record["changed"].sort_values("photo")[["photo", "then", "now"]].to_numpy().tolist() == [
        ["x/2.jpg", "x", "y"],
        ["x/4.jpg", "y", ""],
    ]
    shares = record["shares"].set_index("class")
    assert shares.loc["all classes"].tolist() == [4, 6, 4, 5, 5, 5]
    assert shares.loc["x"].tolist() == [2, 3, 2, 2, 2, 2]
    assert shares.loc["y"].tolist() == [2, 3, 2, 3, 3, 3]
    text = show.corrections.moved(record).text
    assert "4 of 6 (66.7%)" in text
    assert "people changed the labels of 2 photos or left them out" in text
    unchanged = pd.DataFrame([(f"x/{n}.jpg", label, "used", "") for n, label in enumerate("xxxyyy")], columns=columns)
    assert comparison.moved_by_labels(run, now, unchanged) is None
    assert show.corrections.moved(None).text == ""
