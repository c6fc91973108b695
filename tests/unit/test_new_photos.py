"""New photos: none is lost, none is looked at twice; changes are noticed, and the promise is judged without cheating."""

import json
import os
from math import log

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from conftest import draw, make_set
from hypothesis import given, settings
from hypothesis import strategies as st

from boatlib import messages, spreadsheet
from boatlib.disk_table import DiskTable
from boatlib.errors import DataError, MissingInputError, ParameterError
from boatlib.model.inference.answered import Answered
from boatlib.model.inference.held_out import HeldOut
from boatlib.model.inference.predictor import Predictor
from boatlib.params import Params, Share
from boatlib.photos import arrivals, looks
from boatlib.photos.looks import LOOKS
from boatlib.pipeline import preflight
from boatlib.policy import CHECK, UNKNOWN, USE, Policy
from boatlib.results import acceptance, arrived, drift, expected
from boatlib.results.arrived import Batch
from boatlib.results.batches import Batches
from boatlib.run import Run
from boatlib.show import arrived as shown
from boatlib.show.kit import gallery

CLASSES = ["kayak", "raft"]


def rows_of(found):
    return found.table.ask("SELECT * FROM rows ORDER BY photo")


def answers_of(answered):
    return pd.concat(answered.parts(arrived.IN_SHORT), ignore_index=True)


def look(answered, found, batch=1, progress=lambda done: None):
    answered.waiting(found)
    answered.look_at(found, batch, progress)


# ---- photos that arrive


def test_every_file_is_found_and_folders_that_are_classes_are_labels(tmp_path):
    root = make_set(tmp_path / "new", {"Kayak": 2, "elsewhere/raft/day 1": 1, "others": 1})
    (root / "notes.txt").write_text("nothing to see")
    found = arrivals.find(str(root), "folders", CLASSES)
    assert found.root == root
    assert dict(rows_of(found)[["photo", "label"]].itertuples(index=False, name=None)) == {
        "Kayak/000.jpg": "kayak",
        "Kayak/001.jpg": "kayak",
        "elsewhere/raft/day 1/000.jpg": "raft",
        "others/000.jpg": "others",
        "notes.txt": "",
    }
    assert (rows_of(arrivals.find(str(root), "", CLASSES))["label"] == "").all()


def test_a_table_of_paths_says_which_photos_and_one_that_is_gone_stays_a_row(tmp_path):
    root = make_set(tmp_path / "new", {"a": 3})
    (root / "list.csv").write_text("file,label\na/000.jpg,kayak\na/002.jpg,\na/gone.jpg,\n")
    rows = rows_of(arrivals.find(str(root / "list.csv"), "", CLASSES)).set_index("photo")
    assert list(rows.index) == ["a/000.jpg", "a/002.jpg", "a/gone.jpg"]
    assert rows.loc["a/000.jpg", "label"] == "kayak"
    assert rows.loc["a/gone.jpg", "reason"] == "there is no such photo"


def test_labels_that_cannot_be_had_are_a_sentence(tmp_path):
    root = make_set(tmp_path / "new", {"a": 1})
    with pytest.raises(ParameterError, match=r"new\.labels: there is no table none\.csv"):
        arrivals.find(str(root), str(tmp_path / "none.csv"), CLASSES)
    (tmp_path / "names.csv").write_text("photo,name\na/000.jpg,kayak\n")
    with pytest.raises(ParameterError, match="has no column `label`"):
        arrivals.find(str(root), str(tmp_path / "names.csv"), CLASSES)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="there are no photos"):
        arrivals.find(str(tmp_path / "empty"), "", CLASSES)


def test_labels_are_read_as_people_write_them(tmp_path):
    said = {"Raft ": "raft", "RAFT": "raft", "?": "", " - ": "", "sail boot": "sail boot", "": ""}
    assert {label: arrivals.as_class(label, CLASSES) for label in said} == said
    root = make_set(tmp_path / "new", {"a": 3})
    (root / "names.csv").write_text("Photo;LABEL\na/000.jpg;Kayak\na/001.jpg;sail boot\na/002.jpg;?\n")
    found = arrivals.find(str(root), str(root / "names.csv"), CLASSES)
    rows = rows_of(found).set_index("photo")
    assert rows.loc[["a/000.jpg", "a/001.jpg", "a/002.jpg"], "label"].tolist() == ["kayak", "sail boot", ""]
    words = arrivals.in_words(found, {"a/002.jpg": "raft"}, CLASSES)
    assert words == "4 files, 3 of them with a label; labels that are no class of the model: 'sail boot'"


def test_a_table_without_its_columns_says_which(tmp_path):
    file = tmp_path / "to_label.csv"
    file.write_text("photo,purpose\na.jpg,judge\n")
    with pytest.raises(ParameterError, match="the column label is gone"):
        arrivals.filled_in(file)


def test_a_label_a_size_or_a_time_changes_the_fingerprint(tmp_path):
    root = make_set(tmp_path / "new", {"raft": 2})
    before = arrivals.find(str(root), "", CLASSES).fingerprint
    assert arrivals.find(str(root), "", CLASSES).fingerprint == before
    assert arrivals.find(str(root), "folders", CLASSES).fingerprint != before
    draw(77).save(root / "raft" / "000.jpg")
    assert arrivals.find(str(root), "", CLASSES).fingerprint != before


def test_dark_blurred_and_pale_photos_have_other_looks():
    picture = np.asarray(draw(3))
    light, contrast, sharpness, colour = looks.of_picture(picture)
    assert looks.of_picture(picture // 3)[0] < light / 2
    assert looks.of_picture(picture // 3)[1] < contrast / 2
    assert looks.of_picture(np.asarray(draw(3).convert("L").convert("RGB")))[3] == pytest.approx(0, abs=1e-6)
    noise = np.random.default_rng(0).integers(0, 255, picture.shape).astype(np.uint8)
    assert looks.of_picture(noise)[2] > 5 * sharpness
    assert colour > 0.1


# ---- what was answered


@pytest.fixture
def predictor(taught):
    saved, _ = taught
    return Predictor(saved)


def test_no_photo_is_looked_at_twice_and_none_is_lost(predictor, tmp_path, monkeypatch):
    root = make_set(tmp_path / "new", {"a": 5})
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    (root / "a" / "line\nbreak.jpg").write_bytes((root / "a" / "000.jpg").read_bytes())
    answered = Answered(tmp_path / "model", predictor)
    found = arrivals.find(str(root), "", CLASSES)
    done = []
    look(answered, found, 1, done.append)
    assert done[-1] == len(answers_of(answered)) == 7
    rows = answers_of(answered).set_index("photo")
    assert rows.loc["broken.jpg", "error"].startswith("damaged")
    assert rows.loc["a/000.jpg", "predicted"] in CLASSES
    assert np.isfinite(rows.loc["a/000.jpg", list(LOOKS)].astype(float)).all()
    again = Answered(tmp_path / "model", predictor)
    assert again.waiting(found) == (0, 1)
    draw(500).save(root / "a" / "later.jpg")
    draw(501).save(root / "a" / "000.jpg")  # another photo under an old name
    now = arrivals.find(str(root), "", CLASSES)
    assert again.waiting(now) == (2, 1)
    assert {name for name, *_ in now.there()} == {"a/later.jpg", "a/000.jpg"}
    again.look_at(now, 2, done.append)
    assert len(answers_of(again)) == 9
    assert again.waiting(now) == (0, 2)
    assert (tmp_path / "model" / "directions.f16").stat().st_size == 9 * 2 * again._width
    assert "a/line\\nbreak.jpg" in set(answers_of(again)["photo"])  # one row, one line


def test_what_a_stop_left_half_written_is_looked_at_again(predictor, tmp_path):
    root = make_set(tmp_path / "new", {"a": 4})
    found = arrivals.find(str(root), "", CLASSES)
    answered = Answered(tmp_path / "model", predictor)
    look(answered, found)
    whole = answers_of(answered)
    file = tmp_path / "model" / "answers.csv"
    file.write_bytes(file.read_bytes()[:-20])  # the last line is torn; its direction is there
    after = Answered(tmp_path / "model", predictor)
    assert len(answers_of(after)) == 3
    now = arrivals.find(str(root), "", CLASSES)
    assert after.waiting(now) == (1, 1)
    after.look_at(now, 1, lambda done: None)
    pd.testing.assert_frame_equal(answers_of(after), whole)
    assert (tmp_path / "model" / "directions.f16").stat().st_size == 4 * 2 * after._width


@pytest.mark.parametrize("left", [0, 5])
def test_a_stop_before_the_first_row_leaves_nothing_behind(predictor, tmp_path, left):
    """Directions are written first: those of rows that never came would stand before all others for ever."""
    folder, root = tmp_path / "model", make_set(tmp_path / "new", {"a": 3})
    folder.mkdir()
    (folder / "directions.f16").write_bytes(b"x" * 400)
    if left:
        (folder / "answers.csv").write_bytes(b"batch"[:left])
    answered, found = Answered(folder, predictor), arrivals.find(str(root), "", CLASSES)
    look(answered, found)
    assert len(answers_of(answered)) == 3
    assert (folder / "directions.f16").stat().st_size == 3 * 2 * answered._width


def test_answers_are_those_of_predict(predictor, tmp_path):
    root = make_set(tmp_path / "new", {"a": 3})
    answered = Answered(tmp_path / "model", predictor)
    found = arrivals.find(str(root), "", CLASSES)
    look(answered, found)
    (rows,) = arrived.told(answered.parts(), predictor.bundle.policy)
    said = predictor.predict([root / photo for photo in rows["photo"]])
    for column in ("predicted", "confidence", "p_kayak", "needs_review", "reason", "error"):
        assert rows[column].tolist() == said[column].tolist(), column


def test_answers_that_are_read_part_by_part_are_the_same(predictor, tmp_path, project, monkeypatch):
    root = make_set(tmp_path / "new", {"a": 5, "=b": 2})
    (root / "a" / "broken.jpg").write_bytes(b"no picture")
    answered = Answered(tmp_path / "model", predictor)
    look(answered, arrivals.find(str(root), "", CLASSES))
    whole, (told,) = answers_of(answered), arrived.told(answered.parts(), predictor.bundle.policy)
    monkeypatch.setattr("boatlib.model.inference.answered.PART", 3)
    again = Answered(tmp_path / "model", predictor)
    assert [len(part) for part in again.parts()] == [3, 3, 2]
    pd.testing.assert_frame_equal(answers_of(again), whole)
    file = Run("parts").write_parts("answers", arrived.told(again.parts(), predictor.bundle.policy))
    pd.testing.assert_frame_equal(spreadsheet.read_table(file), told)
    assert file.read_text() == spreadsheet.to_csv(told)


def test_a_name_that_is_no_text_is_answered_too(predictor, tmp_path):
    root = make_set(tmp_path / "new", {"a": 2})
    os.rename(os.fsencode(root / "a" / "000.jpg"), os.fsencode(root / "a") + b"/\xff.jpg")
    answered, found = Answered(tmp_path / "model", predictor), arrivals.find(str(root), "folders", ["a", "b"])
    assert found.fingerprint
    look(answered, found)
    assert answers_of(answered)[["photo", "error"]].values.tolist() == [["a/001.jpg", ""], ["a/\\udcff.jpg", ""]]
    assert answered.waiting(arrivals.find(str(root), "", CLASSES)) == (0, 1)
    assert arrivals.said_of(found, {}, ["a", "b"]) == {"a/001.jpg": "a", "a/\\udcff.jpg": "a"}
    (root / "a" / "001.jpg").rename(root / "a" / "two\nlines.jpg")
    named = pd.DataFrame({"photo": ["a/\\udcff.jpg", "a/two\\nlines.jpg"]})
    assert ["unreadable" in card for card in gallery.cards(named, root, lambda row: ("", []))] == [False, False]


def test_a_batch_is_its_own_rows_alone():
    table = DiskTable([frame_of(4, 2, number) for number in (1, 2, 4)])
    assert Batch(table, 4).rows("1 ORDER BY place")["photo"].tolist() == [f"4-00{n}.jpg" for n in range(4)]
    assert Batch(table, 2).counts == {USE: 2, CHECK: 1, UNKNOWN: 0, arrived.UNREADABLE: 1}
    assert len(Batch(table, 5)) == 0
    assert Batch(table, 5).read().empty


def test_no_answers_are_a_table_too():
    batch = Batch(arrived.with_actions([], Policy({"": 0.6}, 0.9)), 1)
    assert len(batch) == 0
    assert arrived.to_label(batch, 5, 5).empty
    assert batch.by_answer(CLASSES)["photos"].tolist() == [0, 0]


def test_a_model_that_no_test_has_judged_says_so(tmp_path):
    with pytest.raises(MissingInputError, match="04_evaluation has not judged it"):
        HeldOut.load(tmp_path)


# ---- has the world changed


def world(seed, photos=150, classes=4, moved=0.0, strange=0.04, light=0.0):
    random = np.random.default_rng(seed)
    answers = random.integers(0, classes, photos)
    centres = np.random.default_rng(1).normal(size=(classes, 16))
    features = centres[answers] + random.normal(size=(photos, 16)) + moved
    return drift.Seen(
        random.random(photos) < strange,
        random.beta(8, 1, photos).astype(np.float32),
        answers,
        random.normal(size=(photos, len(LOOKS))) + np.eye(len(LOOKS))[2] * light,
        features,
    )


def test_unchanged_batches_raise_at_most_five_false_alarms_in_a_hundred():
    alarms = sum(drift.compare(world(2 * n, 120), world(2 * n + 1, 80))["changed"].any() for n in range(200))
    assert alarms <= 10


def test_what_changed_is_named():
    before = world(0)
    assert not drift.compare(before, world(1))["changed"].any()
    strange = drift.compare(before, world(1, strange=0.4)).set_index("what")
    assert strange.loc[drift.UNFAMILIAR, "changed"]
    dark = drift.compare(before, world(1, light=-3.0)).set_index("what")
    assert dark.index[dark["changed"]].tolist() == ["light"]
    assert drift.kinds(before, world(1, light=-3.0)) == ["light-"]
    apart = drift.compare(before, world(1, moved=0.7)).set_index("what")
    assert apart.loc[drift.FEATURES, "changed"]
    low, high = drift.range_of_area(apart.loc[drift.FEATURES, "effect"], 75, 75)
    assert low < apart.loc[drift.FEATURES, "effect"] < high


def test_few_photos_are_not_compared():
    assert drift.compare(world(0), world(1, drift.FEWEST - 1)).empty
    assert not expected.may_be_said(drift.compare(world(0), world(1, 3)))


def test_p_values_are_adjusted_as_holm_did():
    assert drift.holm(np.array([0.01, 0.04, 0.03])).tolist() == pytest.approx([0.03, 0.06, 0.06])


def test_the_estimate_finds_the_share_of_right_answers_where_confidence_is_honest():
    random, inside = np.random.default_rng(0), 0
    for _ in range(40):
        known, new = random.beta(6, 1, 400), random.beta(4, 1.2, 200)
        right = random.random(400) < known
        told = expected.share(known, right, new)
        inside += told["low"] <= (random.random(200) < new).mean() <= told["high"]
        assert told["low"] <= told["middle"] <= told["high"]
    assert inside >= 36


# ---- the promise


def test_looking_after_every_label_breaks_a_kept_promise_in_at_most_one_of_twenty():
    random = np.random.default_rng(0)
    bound = log(1 / 0.05)
    broken = [
        (acceptance.evidence(random.random(1500) < 0.02, 0.02, acceptance.BROKEN) >= bound).any() for _ in range(400)
    ]
    kept = [(acceptance.evidence(random.random(1500) < 0.02, 0.02, acceptance.KEPT) >= bound).any() for _ in range(400)]
    assert 0 < np.mean(broken) <= 0.05
    assert np.mean(kept) <= 0.05


def test_a_broken_promise_is_found_with_the_day_and_the_answer():
    random = np.random.default_rng(1)
    days = [f"2026-11-{1 + n // 20:02d}" for n in range(400)]
    ferry = random.random(400) < 0.5
    wrong = np.where(ferry, random.random(400) < 0.15, random.random(400) < 0.005)
    labels = pd.DataFrame({"answer": np.where(ferry, "ferry", "buoy"), "wrong": wrong, "day": days})
    rows = acceptance.judge(labels, Policy({"": 0.6}, 0.9)).set_index("answer")
    assert rows.loc["ferry", "state"] == rows.loc[acceptance.ALL, "state"] == acceptance.BROKEN
    assert rows.loc["buoy", "state"] != acceptance.BROKEN
    assert "2026-11-01" <= rows.loc["ferry", "since"] <= "2026-11-20"
    early = acceptance.judge(labels[labels["day"] < rows.loc["ferry", "since"]], Policy({"": 0.6}, 0.9)).set_index(
        "answer"
    )
    assert early.loc["ferry", "state"] == acceptance.OPEN


def test_so_many_labels_decide_as_is_said_first():
    kept, broken = acceptance.needed(0.02, 0.95)
    bound = log(2 / 0.05)
    assert acceptance.evidence(np.zeros(kept, bool), 0.02, acceptance.KEPT)[-1] >= bound
    assert acceptance.evidence(np.zeros(kept - 1, bool), 0.02, acceptance.KEPT)[-1] < bound
    assert 100 < broken < kept < 400


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 40), st.integers(0, 400), st.sampled_from([0.01, 0.02, 0.1, 0.3]))
def test_the_range_holds_the_share_that_was_seen_and_narrows(wrong, right, target):
    judged = wrong + right
    low, high = acceptance.sequence_range(wrong, judged, target, 0.95)
    assert 0 <= low <= high <= 1
    if judged:
        assert low <= wrong / judged <= high
        more = acceptance.sequence_range(10 * wrong, 10 * judged, target, 0.95)
        assert more[1] - more[0] <= high - low + 1e-9


def test_the_range_covers_the_truth_at_all_times_together():
    random, missed = np.random.default_rng(2), 0
    for _ in range(200):
        counts = np.cumsum(random.random(300) < 0.06)
        ends = [acceptance.sequence_range(int(counts[n]), n + 1, 0.02, 0.95) for n in range(4, 300, 12)]
        missed += any(not low <= 0.06 <= high for low, high in ends)
    assert missed <= 10


# ---- batches


def batch_of(photos=40, used=25, number=1):
    return Batch(DiskTable([frame_of(photos, used, number)]), number)


def frame_of(photos=40, used=25, number=1):
    actions = [USE] * used + [CHECK] * (photos - used - 1) + [arrived.UNREADABLE]
    rows = pd.DataFrame(
        {
            "batch": number,
            "photo": [f"{number}-{n:03d}.jpg" for n in range(photos)],
            "size": 10,
            "time": range(photos),
            "predicted": ["kayak", "raft"] * (photos // 2),
            "confidence": np.linspace(0.99, 0.3, photos),
            "action": actions,
            "error": [""] * (photos - 1) + ["damaged"],
        }
    )
    return rows.assign(mark=arrivals.marks(rows))


def test_photos_to_name_are_drawn_or_doubtful_and_never_both():
    batch = batch_of()
    asked = arrived.to_label(batch, 10, 8)
    judge, learn = (set(asked.loc[asked["purpose"] == what, "photo"]) for what in (arrived.JUDGE, arrived.LEARN))
    assert (len(judge), len(learn), len(judge & learn)) == (10, 8, 0)
    used = set(batch.rows("action = ?", USE)["photo"])
    assert judge <= used
    assert learn.isdisjoint(used)
    assert judge != set(batch.rows("place < 10")["photo"]), "not the surest ones"
    assert arrived.to_label(batch, 10, 8).equals(asked), "the same at every start"


def test_only_labels_that_chance_chose_judge_or_all_of_a_batch():
    batch, known = batch_of(), pd.DataFrame(columns=arrived.JUDGED)
    asked = arrived.to_label(batch, 10, 8)
    drawn = asked.loc[asked["purpose"] == arrived.JUDGE, "photo"]
    chosen_by_somebody = dict.fromkeys(batch.rows("action = ? AND place < 12", USE)["photo"], "kayak")
    first = arrived.newly_judged(batch.table, chosen_by_somebody, asked, known, "2026-11-12")
    assert set(first["photo"]) == set(chosen_by_somebody) & set(drawn)
    whole = dict.fromkeys(batch.rows("1")["photo"], "kayak")
    second = arrived.newly_judged(batch.table, whole, asked, first, "2026-11-13")
    assert len(first) + len(second) == 25, "each once"
    assert set(second["wrong"][second["answer"] == "raft"]) == {True}
    assert arrived.newly_judged(batch.table, whole, asked, pd.concat([first, second]), "2026-11-14").empty


def test_a_corrected_label_keeps_its_place(project):
    batches = Batches(Run("inbox"), "0123456789abcdef")
    rows = pd.DataFrame(
        {"photo": ["a", "b"], "batch": 1, "day": "2026-11-12", "answer": "raft", "label": ["punt", "raft"]}
    )
    batches.add_judged(rows.assign(wrong=rows["label"] != "raft")[arrived.JUDGED], {"a": "punt", "b": "raft"})
    after = batches.add_judged(pd.DataFrame(columns=arrived.JUDGED), {"a": "raft"})
    assert after["photo"].tolist() == ["a", "b"]
    assert after["wrong"].tolist() == [False, False]
    assert batches.judged()["wrong"].tolist() == [False, False]


def test_what_was_filled_in_stays(project):
    batches = Batches(Run("inbox"), "0123456789abcdef")
    asked = batches.ask(arrived.to_label(batch_of(), 5, 5))
    file = Run("inbox").folder / "to_label.csv"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], lines[1] + "kayak", *lines[2:]]) + "\n")
    again = batches.ask(pd.concat([arrived.to_label(batch_of(number=number), 5, 5) for number in (1, 2)]))
    assert again["label"].tolist().count("kayak") == 1
    assert len(again) > len(asked)
    assert arrivals.filled_in(file) == {asked["photo"].iloc[0]: "kayak"}


def record_of(batch, labels=None, changes=None, strange=None, policy=None):
    labels = labels if labels is not None else pd.DataFrame(columns=arrived.JUDGED)
    changes = changes if changes is not None else drift.compare(world(0), world(1))
    policy = policy or Policy({"": 0.6}, 0.9)
    told = {"said": True, "middle": 0.9, "low": 0.85, "high": 0.95}
    judged = acceptance.judge(labels, policy)
    return arrived.record(batch, changes, [], judged, told, policy, (249, 200), strange or {})


@pytest.mark.parametrize(
    ("labels", "changes", "decision"),
    [
        (None, None, arrived.AS_USUAL),
        (None, {"strange": 0.5}, arrived.CHANGED),
        (60, None, arrived.BROKEN_IN_USE),
        (60, {"strange": 0.5}, arrived.BROKEN_IN_USE),
    ],
)
def test_the_gravest_decides_and_every_word_comes_from_the_record(labels, changes, decision):
    told = labels and pd.DataFrame(
        {"answer": "raft", "wrong": [n % 4 == 0 for n in range(labels)], "day": "2026-11-12", "photo": "", "batch": 1}
    )
    compared = drift.compare(world(0), world(1, **changes)) if changes else None
    record = record_of(batch_of(), told, compared)
    assert record["decision"] == decision
    assert json.loads(json.dumps(record)) == record
    answers = batch_of().by_answer(CLASSES)
    first = shown.must_look(batch_of(2, 1), None, 0)
    page = BeautifulSoup(shown.page(record, answers, Share(owner="Harbour office"), first).markup, "html.parser")
    text = page.get_text(" ")
    assert shown.decision(record) in text
    assert "25" in text
    assert "Harbour office" in text
    mail = shown.mail(record, Share(), "inbox", pd.Timestamp("2026-11-29").date())
    assert shown.lead(record) in mail
    assert len(mail.split()) <= 120
    if decision == arrived.BROKEN_IN_USE:
        assert "is broken, above all for raft, since 12 November 2026: 15 of 60 were wrong" in text


def test_a_kept_promise_is_said_and_what_was_never_taught_is_named():
    ledger = pd.DataFrame({"answer": "raft", "label": "raft", "wrong": False, "day": "2026-11-12"}, index=range(400))
    assert "at most 2% errors among accepted answers is kept: 0 of 400" in shown.lead(record_of(batch_of(), ledger))
    ledger.loc[:39, ["label", "wrong"]] = ["otter", True]
    ledger.loc[40:45, ["label", "wrong"]] = ["kayak", True]
    strange = arrived.strange(ledger, CLASSES)
    assert strange == {"otter": 40}
    record = record_of(batch_of(), ledger, strange=strange)
    said = "40 of the wrong ones show what it was never taught: otter (40)."
    assert shown.lead(record).endswith(f"46 of 400 were wrong. {said}")
    assert said in shown.promise(record).markup
    assert "better by the labels" in shown.expected(record_of(batch_of(), strange={"otter": 1})).text
    assert "an estimate, no proof" in shown.expected(record_of(batch_of())).text
    few = record_of(batch_of(), ledger.iloc[[0, 100]], strange={"otter": 1})
    assert shown.lead(few).endswith(
        "1 of 2 checked answers were wrong. 1 of the wrong ones shows what it was never taught: otter (1)."
    )
    assert "Have it taught otter too: whatever it calls such photos is wrong." in shown.next_steps(record)


def test_more_wrong_than_promised_is_said_before_it_is_proven():
    ledger = pd.DataFrame({"answer": "raft", "label": "raft", "wrong": False, "day": "2026-11-12"}, index=range(300))
    ledger.loc[20::33, "wrong"] = True
    record = record_of(batch_of(), ledger)
    assert record["promise"]["answers"][0]["state"] == acceptance.OPEN
    assert record["decision"] == arrived.CHANGED
    assert "9 of 300 checked answers were wrong: more than the 2% promised" in shown.lead(record)
    assert "would be accepted" in shown.what_becomes(record)
    assert "better by the labels" in shown.expected(record).text
    assert not [step for step in shown.next_steps(record) if "of about" in step]
    few = record_of(batch_of(), ledger.head(20))
    assert few["decision"] == arrived.AS_USUAL, "20 labels would not show a kept promise either"


def test_without_a_promise_none_is_broken():
    ledger = pd.DataFrame({"answer": "raft", "label": "kayak", "wrong": True, "day": "2026-11-12"}, index=range(60))
    record = record_of(batch_of(), ledger, policy=Policy({"": 0.6}, 0.9, rule="cost"))
    assert record["decision"] == arrived.AS_USUAL
    assert "no promise to judge" in shown.promise(record).text


def test_the_page_is_in_the_readers_language():
    messages.use("de")
    try:
        record = record_of(batch_of())
        page = shown.page(record, batch_of().by_answer(CLASSES), Share(), shown.must_look(batch_of(2, 1), None, 0))
        assert "Wie gewohnt" in page.markup
        assert "Als Nächstes" in page.markup
        assert shown.verdict(record).startswith("Wie gewohnt. Diese Fotos sind wie die Testfotos.")
    finally:
        messages.use("en")


def test_a_batch_has_one_line_of_its_own():
    batch = batch_of()
    record, second = record_of(batch), record_of(batch_of(number=2))
    one = arrived.grown(pd.DataFrame(columns=arrived.WATCH), arrived.line("2026-11-28", "abc", batch, record))
    two = arrived.grown(one, arrived.line("2026-11-29", "abc", batch, second))
    assert two["batch"].tolist() == [1, 2]
    assert arrived.grown(two, arrived.line("2026-11-30", "abc", batch, second))["day"].tolist() == [
        "2026-11-28",
        "2026-11-30",
    ]
    assert "accepted" in shown.watch_chart(two).text.lower()
    assert shown.watch_chart(one).markup == ""


# ---- refused before the first step


def test_a_model_and_its_photos_go_together(tmp_path):
    with pytest.raises(ValueError, match=r"model and new\.images go together"):
        Params.model_validate({"run": "x", "model": "runs/boats/model"})
    with pytest.raises(ParameterError, match="there is no folder"):
        preflight.examine(Params.model_validate({"run": "x", "model": "no/model", "new": {"images": "photos"}}))


def test_unknown_answers_of_strangers_are_unfamiliar():
    rows = frame_of().assign(unfamiliarity=1.0, **dict.fromkeys(LOOKS, 0.0)).drop(columns=["action", "mark"])
    batch = Batch(arrived.with_actions([rows[arrived.IN_SHORT]], Policy({"": 0.0}, 0.5)), 1)
    assert batch.counts == {USE: 0, CHECK: 0, UNKNOWN: 39, arrived.UNREADABLE: 1}
    (whole,) = arrived.told([rows], Policy({"": 0.0}, 0.5))
    assert whole["reason"].iloc[0].startswith("unlike anything it was taught")
