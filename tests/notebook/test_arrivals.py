"""New photos, as a user sends them to a taught model: answers, a page, a promise that is watched, and back into teaching."""

import json
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from conftest import TINY, WORK, draw, run_all

from boatlib.model.inference.predictor import Predictor
from boatlib.pipeline.chain import PROMISE_BROKEN
from boatlib.run import NEW_PHOTOS, OF_NEW_PHOTOS, SHARED_FILES, Run

pytestmark = pytest.mark.notebook
INBOX = "test-inbox"


def answer(model, photos, *more):
    settings = {"run": INBOX, "model": str(model), "new.images": str(photos), "new.judge": "40", "compute.amp": "off"}
    return run_all("params/new.yaml", *(word for pair in settings.items() for word in ("--set", "=".join(pair))), *more)


@pytest.fixture(scope="module")
def model(tiny_run, tmp_path_factory):
    """The tiny run's model, whose policy accepts every answer."""
    folder = tmp_path_factory.mktemp("taught") / "model"
    shutil.copytree(tiny_run / "model", folder)
    told = json.loads((folder / "model.json").read_text())
    told["policy"] |= {"lines": {"": 0.0}, "familiar_to": None}
    (folder / "model.json").write_text(json.dumps(told))
    return folder


@pytest.fixture(scope="module")
def inbox(model, tmp_path_factory):
    """Photos of two days, one file that is broken, and one that is none; answered once."""
    photos = tmp_path_factory.mktemp("inbox")
    for number in range(24):
        draw(5000 + number, number % 2).save(photos / f"monday {number:02d}.jpg")
    (photos / "broken.jpg").write_bytes((photos / "monday 00.jpg").read_bytes()[:700])
    (photos / "notes.txt").write_text("call Ann")
    result = answer(model, photos)
    assert result.returncode == 0, result.stdout + result.stderr
    return photos


def answers():
    return Run(INBOX).table("answers")


def test_each_file_has_a_row_and_the_answers_are_those_of_predict(inbox, model):
    run = Run(INBOX)
    assert [path for path, _ in OF_NEW_PHOTOS.values() if not (run.folder / path).exists()] == []
    assert [name for name in SHARED_FILES if not run.path(name).exists()] == []
    table = answers().set_index("photo")
    assert set(table.index) == {file.name for file in inbox.iterdir()}
    assert table.loc["notes.txt", "error"] == "a text file, not a photo"
    assert table.loc["broken.jpg", "needs_review"]
    said = (
        Predictor.load(model)
        .predict([inbox / name for name in table.index])
        .assign(photo=table.index)
        .set_index("photo")
    )
    assert table["predicted"].to_dict() == said["predicted"].to_dict()
    assert table["confidence"].tolist() == pytest.approx(said["confidence"].tolist(), nan_ok=True)
    assert table["reason"].to_dict() == said["reason"].to_dict()


def test_the_page_says_what_the_table_says(inbox):
    report = WORK / "reports" / INBOX
    soup = BeautifulSoup((report / "index.html").read_text(encoding="utf-8"), "html.parser")
    record = json.loads((report / "summary.json").read_text())
    table = answers()
    assert record["photos"] == len(table) == 26
    assert record["accepted"] == 24
    assert record["unreadable"] == 2
    text = soup.get_text(" ")
    assert "Of 26 photos, 24 answers are accepted and 2 go to a person." in text
    assert "broken.jpg" in text
    assert not soup.find_all(class_="code")
    assert (report / "brief.pdf").is_file()
    assert record["verdict"].startswith("As usual.")
    board = (WORK / "reports" / "index.html").read_text(encoding="utf-8")
    assert "26 new photos" in board
    assert TINY in board


def test_only_what_is_new_is_looked_at(inbox, model):
    result = answer(model, inbox)
    assert result.returncode == 0
    assert NEW_PHOTOS not in result.stdout, "nothing has changed, so no notebook runs"
    before = answers()
    for number in range(20):
        draw(7000 + number, number % 2).save(inbox / f"tuesday {number:02d}.jpg")
    result = answer(model, inbox)
    assert re.findall(r"(\d+) of (\d+) photos", result.stdout)[-1] == ("20", "20")
    after = answers()
    assert after["batch"].tolist() == [1] * 26 + [2] * 20
    pd.testing.assert_frame_equal(after.head(26), before)
    assert Run(INBOX).table("watch")["photos"].tolist() == [26, 20]


def test_labels_break_the_promise_and_ring(inbox, model):
    asked = pd.read_csv(Run(INBOX).folder / "to_label.csv", keep_default_na=False)
    drawn = asked["purpose"] == "judge"
    assert drawn.sum() == 44
    asked.loc[drawn, "label"] = "punt"  # which it was never taught, so that each answer is wrong
    asked.to_csv(Run(INBOX).folder / "to_label.csv", index=False)
    result = answer(model, inbox)
    assert result.returncode == PROMISE_BROKEN, result.stdout + result.stderr
    assert "Promise broken" in result.stdout
    assert "44 of 44 were wrong" in result.stdout
    rows = Run(INBOX).table("acceptance").set_index("answer")
    assert rows.loc["", "state"] == "broken"
    assert Run(INBOX).table("watch")["state"].tolist() == ["open", "broken"]
    assert answer(model, inbox).returncode == PROMISE_BROKEN, "for as long as this model answers"


def test_a_spreadsheet_may_save_it_its_own_way_and_a_label_can_be_corrected(inbox, model):
    file = Run(INBOX).folder / "to_label.csv"
    asked = pd.read_csv(file, keep_default_na=False)
    answered = answers().set_index("photo")["predicted"]
    judge = asked["purpose"] == "judge"
    asked.loc[judge, "label"] = [f" {answered[photo].upper()} " for photo in asked.loc[judge, "photo"]]
    asked.rename(columns={"label": "Label"}).to_csv(file, index=False, sep=";", encoding="utf-8-sig")
    result = answer(model, inbox)
    assert result.returncode == 0, result.stdout + result.stderr
    whole = Run(INBOX).table("acceptance").iloc[0]
    assert (whole["judged"], whole["wrong"]) == (44, 0)
    asked.loc[judge, "label"] = "punt"
    asked.to_csv(file, index=False)
    assert answer(model, inbox).returncode == PROMISE_BROKEN


def test_back_into_teaching(inbox, tiny_run, tmp_path):
    file = tmp_path / "next.yaml"
    command = [sys.executable, "-m", "boatlib", "teach", INBOX, "--write", str(file)]

    def teach():
        return subprocess.run(command, cwd=WORK, capture_output=True, text=True)

    file_to_fill = Run(INBOX).folder / "to_label.csv"
    asked = pd.read_csv(file_to_fill, keep_default_na=False)
    asked.loc[asked.index[0], "label"] = " KAYAK "  # as a person writes it: no new class
    asked.to_csv(file_to_fill, index=False)
    refused = teach()
    assert refused.returncode == 3
    assert "is not here, so its photos are not known" in refused.stderr  # the model is a copy that lies elsewhere
    record = Run(INBOX).folder / "params.json"
    params = json.loads(record.read_text())
    record.write_text(json.dumps(params | {"model": f"runs/{TINY}/model"}))
    told = teach()
    assert told.returncode == 0, told.stderr
    assert "44 that judge" in told.stdout
    table = pd.read_csv(Run(INBOX).folder / "teaching" / "labels.csv")
    assert set(table["label"]) == {"kayak", "paper boat", "punt"}
    assert "New classes, if they have photos enough: punt (43)." in told.stdout
    before = pd.read_csv(tiny_run / "split.csv").set_index("photo")["split"]
    assert table.set_index("photo").loc[before.index, "part"].to_dict() == before.to_dict()
    check = subprocess.run(
        [sys.executable, "-m", "boatlib", "check", str(file)], cwd=WORK, capture_output=True, text=True
    )
    assert check.returncode == 0, check.stdout + check.stderr
    assert teach().returncode == 2, "a params file is never overwritten"
    record.write_text(json.dumps(params))


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        (["--set", "new.images=no/such/folder"], 3, "Set `new.images:` to the folder that holds the photos."),
        (["--set", "model=notebooks"], 2, "holds no model.json"),
        (["--set", f"run={TINY}"], 2, "is the name of a run that teaches"),
        (["--set", "new.labels=no.csv"], 2, "new.labels: there is no table no.csv"),
    ],
)
def test_what_is_wrong_is_refused_before_the_first_step(inbox, model, settings, code, words):
    result = answer(model, inbox, *settings)
    assert result.returncode == code, result.stdout + result.stderr
    assert words in result.stderr
    assert "Traceback" not in result.stderr
