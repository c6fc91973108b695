"""The pieces of the summary: verdict, class table, matrix that opens, names, settings, findings in words."""

import re

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from boatlib.params import Params, Training, shareable
from boatlib.policy import Policy
from boatlib.results import brief, class_verdicts
from boatlib.results import policy as results_policy
from boatlib.results.intervals import wilson
from boatlib.show import (
    calibration,
    catalog,
    classes,
    comparison,
    confusion,
    label_issues,
    learning_curve,
    provenance,
    recipes,
    tta,
)
from boatlib.show import policy as policy_words
from boatlib.show.kit import html, names, tables

HOSTILE = ["<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", '"><b>']


def per_class(**counts):
    """Classes by correct and test photos; what they are named is always right."""
    rows = [
        (name, right, total, right / max(1, total), *wilson(right, total), right)
        for name, (right, total) in counts.items()
    ]
    return pd.DataFrame(rows, columns=["class", "correct", "test", "top1", "top1_low", "top1_high", "answers"])


def cells_of(piece):
    soup = BeautifulSoup(piece.markup, "html.parser")
    return [[cell.get_text(strip=True) for cell in row.find_all(["th", "td"])] for row in soup.find_all("tr")]


def judged(used=0, wrong=0, photos=100, needed=0):
    """As `results.policy.judged` tells it."""
    rows = pd.DataFrame({"label": "a", "predicted": ["b"] * wrong + ["a"] * (photos - wrong), "unfamiliarity": 0.0})
    rows["confidence"] = [0.9] * used + [0.1] * (photos - used)
    return results_policy.judged(Policy({"": 0.5 if used else 2.0}, needed=needed), rows)


ENOUGH = {
    "recipe": "head",
    "frozen": [],
    "tried": 3,
    "minutes": 2.0,
    "needed": None,
    "points": None,
    "rehearsal": [50, 45, 45],
}
SHORT = ENOUGH | {"needed": 12.6, "points": [3.2, 6.7], "rehearsal": [50, 30, 40]}


def test_what_more_minutes_would_bring_is_said_where_the_signs_are_there():
    assert recipes.more(ENOUGH) == ""
    words = "With 13 minutes instead of 2 (training.minutes), fine-tuning would likely name 3 to 7 more of 100 photos rightly."
    assert recipes.more(SHORT) == words
    assert "name up to 4 more of 100 photos" in recipes.more(SHORT | {"points": [0.0, 4.2]})
    assert "name about 1 more of 100 photos" in recipes.more(SHORT | {"points": [0.6, 0.9]})
    assert f"2 minutes were too short. {words}" in recipes.chosen(SHORT).text
    assert "a network that learns is not better by more than chance" in recipes.chosen(ENOUGH).text
    assert "it makes hardly an error" in recipes.chosen(ENOUGH | {"rehearsal": None}).text
    both = ENOUGH | {"recipe": "finetune", "frozen": ["a"], "rehearsal": [50, 30, 40]}
    assert (
        "A network that learns and a head on networks that stay as they are answer together"
        in recipes.chosen(both).text
    )
    assert "as training.recipe says" in recipes.chosen(ENOUGH | {"tried": 0}).text


def test_a_promise_that_the_test_breaks_is_called_broken():
    text = policy_words.words(judged(used=200, wrong=20, photos=250))
    assert "20 of 200 (10.0%, up to 15 in 100)" in text
    assert "The test shows more errors than that" in text
    assert "than that" not in policy_words.words(judged(used=200, wrong=0, photos=250))
    assert "none of 200 (up to 2 in 100)" in policy_words.words(judged(used=200, wrong=0, photos=250))


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_wherever_they_are_shown(name, tmp_path):
    rows = pd.DataFrame({"class": [name], "n": [1]})
    answers = pd.DataFrame(
        {"photo": [name], "label": name, "predicted": name, "confidence": 0.5, f"p_{name}": 0.5, "p_o": 0}
    )
    suspects = answers.assign(split="test", suggested=name, self_confidence=0.1, suggested_confidence=0.9)
    judged = per_class(**{name: (3, 4)}).assign(train=1, val=1, precision=1.0, recall=1.0, f1=1.0, top3=1.0, loss=0.1)
    changed = answers.assign(then=name)
    shown = [
        tables.table(rows, name),
        html.paragraph(name),
        confusion.matrix(answers, tmp_path),
        confusion.pairs(answers.assign(label="other", p_other=0.5), tmp_path),
        label_issues.photos(suspects, tmp_path, [name]),
        comparison.changes({"changed": changed}, tmp_path),
        classes.table(judged),
        classes.ranking(judged),
    ]
    for piece in shown:
        soup = BeautifulSoup(piece.markup, "html.parser")
        assert not soup.find_all(["script", "b", "img"])


def test_the_table_of_classes_says_what_is_known_and_draws_ranges():
    rows = per_class(gondola=(38, 38), ferry=(9, 13), raft=(0, 0))
    verdicts = class_verdicts.class_verdicts(rows, 0.9)
    answers = pd.DataFrame({"label": "gondola", "predicted": ["gondola"] * 38 + ["ferry"] * 9, "confidence": 0.9})
    told = brief.answers(verdicts, answers.assign(unfamiliarity=0.0), Policy({"": 0.5}))
    piece = classes.advice(told, 0.9)
    head, *body = cells_of(piece)
    assert head == ["class", "found", "95% range", "answers that are true", "accepted", "shown to be"]
    assert [row[0] for row in body] == ["gondola", "ferry", "raft"]
    assert body[1] == ["ferry", "9 of 13", "42%\u00a0–\u00a087%", "9 of 9", "9 of 9", "not yet"]
    assert body[2] == ["raft", "–", "–", "–", "–", "no test photos"]
    drawn = BeautifulSoup(piece.markup, "html.parser").find_all(class_="dots")
    assert len(drawn) == 2
    low = float(re.search(r"left:([\d.]+)%", drawn[1].find(class_="range")["style"])[1])
    assert low == pytest.approx(100 * rows["top1_low"][1], abs=0.06)
    assert [one.parent["class"] for one in drawn] == [["fine"], ["weak"]]


def test_a_table_without_rows_is_a_sentence():
    assert (
        tables.table(pd.DataFrame({"photo": []}), "Photos that stand there twice").text
        == "Photos that stand there twice: none."
    )


def test_a_cell_of_the_matrix_opens_to_its_photos(photo_set):
    photos = sorted(str(path.relative_to(photo_set)) for path in (photo_set / "kayak").iterdir())
    rows = pd.DataFrame({"photo": photos, "label": "kayak", "predicted": ["raft"] * 2 + ["kayak"] * 10})
    soup = BeautifulSoup(
        confusion.matrix(rows.assign(confidence=0.8, p_kayak=0.2, p_raft=0.8), photo_set).markup, "html.parser"
    )
    right, wrong = soup.find_all("details")
    assert wrong.summary["aria-label"] == "2 of 12, 2 photos of kayak taken for raft"
    assert len(wrong.find_all("img")) == 2
    assert len(right.find_all("img")) == confusion.PHOTOS
    assert "The least certain 6 are shown." in right.get_text()
    assert wrong.img["alt"] == "Photo of kayak; the model says raft"


def test_short_ids_take_the_place_of_names_where_that_is_asked():
    catalogued = pd.DataFrame({"photo": ["a/secret.jpg", "b/other.jpg"], "sha256": ["0123456789ab", "ba9876543210"]})
    shown = pd.Series(["b/other.jpg", "a/secret.jpg"])
    assert names.shown(shown, catalogued, photo_names=True) == ["b/other.jpg", "a/secret.jpg"]
    assert names.shown(shown, catalogued, photo_names=False) == ["ba987654", "01234567"]
    skipped = pd.DataFrame(
        {
            "photo": ["a/secret.jpg"],
            "status": "skipped",
            "reason_code": "exact_copy",
            "reason": "exact copy of a/private.jpg",
        }
    )
    assert "secret" in catalog.skipped_reasons(skipped).markup
    assert "private" not in catalog.skipped_reasons(skipped).markup
    assert "secret" not in catalog.skipped_reasons(skipped, photo_names=False).markup


def test_settings_and_command_do_not_tell_where_things_lie():
    params = Params(run="mine", images="/home/me/photos", training=Training(weights="/home/me/w.pth", views=2))
    assert provenance.command(params) == (
        "./run_all.sh params/sample.yaml --set run=mine --set images=FOLDER --set training.weights=w.pth "
        "--set training.views=2"
    )
    assert shareable(Params(run="b", images="kaggle:a/b").model_dump())["images"] == "kaggle:a/b"


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (36, 120.4, "36 to 120"),
        (36, np.inf, "at least 36"),
        (np.inf, np.inf, "out of reach"),
    ],
)
def test_how_many_more_photos_in_words(low, high, words):
    row = {"class": "a", "photos": 50, "train": 30, "wanted_low": low, "wanted": low, "wanted_high": high}
    row |= dict.fromkeys(("now", "now_low", "now_high", "doubled", "doubled_low", "doubled_high"), 0.5)
    assert cells_of(learning_curve.table(pd.DataFrame([row]), 0.9))[1][-1].startswith(words)


def test_gains_and_losses_by_several_looks_are_counted_in_photos():
    record = {"shown": "fixed", "views": {"fixed": 4}}
    rows = pd.DataFrame({"class": ["a", "b", "c"], "test": [10, 20, 5], "plain": [0.5, 0.9, 1.0]})
    assert tta.changes(record, rows.assign(fixed=[0.7, 0.85, 1.0])).text == (
        "By class, in photos: a (+2) gain; b (-1) lose. The cost: 4 looks at each photo instead of one."
    )


def test_confidence_is_praised_or_blamed_by_the_ranges():
    rows = pd.DataFrame(
        {"photo": [f"{n}" for n in range(100)], "label": "a", "confidence": 0.95, "p_a": 0.95, "p_b": 0.05}
    )
    record = {"temperature": 1.1, "photos": 50}
    honest = rows.assign(predicted=["a"] * 95 + ["b"] * 5)
    assert calibration.bars(honest, record).text.startswith("Nothing in this test contradicts its confidence")
    blown = rows.assign(predicted=["a"] * 70 + ["b"] * 30)
    assert calibration.bars(blown, record).text.startswith("It is too sure of itself where it says 90% to 99%")
    shy = rows.assign(predicted="a", confidence=0.6)
    assert calibration.bars(shy, record).text.startswith("It is more often right than it says")
