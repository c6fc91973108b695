"""What stands behind the widgets, and the widgets themselves as far as they need no browser."""

import ast
import asyncio
import base64
import importlib
import json
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import ipywidgets
import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from bs4 import BeautifulSoup
from conftest import ROOT, WORK, draw
from IPython.core.error import InputRejected
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image
from ruamel.yaml import YAML

from boatlib import show
from boatlib.errors import BoatlibError, DataError, ParameterError
from boatlib.lab import (
    augmentation,
    choose,
    compare_runs,
    contents,
    correction_queue,
    mistake_explorer,
    photo_browser,
    threshold,
    try_photo,
    watch,
)
from boatlib.model.inference import gradcam, held_out
from boatlib.model.inference.predictor import Predictor
from boatlib.model.inputs import views
from boatlib.model.inputs.views import Augmentation, Preprocessing
from boatlib.model.networks import modules
from boatlib.model.training import fit
from boatlib.params import Params, load_params
from boatlib.photos import catalog, images, splits, thumbnails
from boatlib.photos.corrections import Corrections
from boatlib.results import review, review_queue
from boatlib.run import Run, choose_run, chosen_run, finished_runs, last_run
from boatlib.show import provenance
from boatlib.show.kit import html, paging, tables

A, B, C, D = (letter * 64 for letter in "abcd")


def finish(work):
    """What a coroutine returns; in a thread, since a browser of other tests may hold this thread's event loop. It is always the
    same one: notebooks' signatures lie in an SQLite file, which is bound to a thread.
    """
    return THREAD.submit(asyncio.run, work).result()


THREAD = ThreadPoolExecutor(1)


@pytest.fixture
def live(monkeypatch):
    """As in JupyterLab."""
    monkeypatch.delenv("BOATLIB_STATIC", raising=False)


@pytest.fixture
def static(monkeypatch):
    """As under the chain."""
    monkeypatch.setenv("BOATLIB_STATIC", "1")


def parts(widget, kind):
    """All widgets of a kind inside one, in their order."""
    inside = [found for child in getattr(widget, "children", ()) for found in parts(child, kind)]
    return [*([widget] if isinstance(widget, kind) else []), *inside]


def button(widget, text):
    found = [b for b in parts(widget, ipywidgets.Button) if text in f"{b.description} {b.tooltip}"]
    assert found, [b.description for b in parts(widget, ipywidgets.Button)]
    return found[0]


def words(widget):
    """What can be read, without the style."""
    texts = [part.value for part in parts(widget, ipywidgets.HTML | ipywidgets.Label)]
    return BeautifulSoup(re.sub(r"<style>.*?</style>", "", " ".join(texts), flags=re.S), "html.parser").get_text(" ")


@pytest.fixture
def found(photo_set):
    return catalog.build_catalog(photo_set, 5)


def test_photos_are_chosen_by_class_use_split_and_size(found):
    split = pd.DataFrame({"photo": ["kayak/000.jpg", "kayak/001.jpg"], "split": ["train", "test"]})
    rows = splits.with_splits(found.table, split)
    assert len(show.catalog.select(rows)) == 20
    assert len(show.catalog.select(rows, "raft")) == 0
    assert len(show.catalog.select(rows, "raft", "skipped")) == 3
    assert len(show.catalog.select(rows, status=show.catalog.EVERYTHING)) == 23
    assert show.catalog.select(rows, split="test")["photo"].tolist() == ["kayak/001.jpg"]
    assert len(show.catalog.select(rows, size="under 300 pixels")) == 20
    assert len(show.catalog.select(rows, size="800 or more")) == 0
    assert (splits.with_splits(found.table, None)["split"] == "").all()


def test_pages_end_where_the_photos_end(found, tmp_path):
    rows = found.table
    assert paging.page_count(rows) == 2
    for number in (2, 99):
        page, count = paging.rows_of_page(rows, number)
        assert (len(page), count) == (11, "Photos 13 to 23 of 23")
    assert paging.rows_of_page(rows.head(0), 1)[1] == "No photo is like that."
    assert show.catalog.page(rows, 1, tmp_path).text.startswith("Photos 1 to 12 of 23")


def test_facts_name_what_is_known_and_leave_out_what_is_not(found):
    rows = splits.with_splits(found.table, None)
    used = show.catalog.facts(rows.iloc[0]).text
    assert "160 x 120" in used
    assert "reason" not in used
    assert "its class has only 3 photos" in show.catalog.facts(rows.iloc[-1]).text


def test_a_thumbnail_is_made_once_for_each_content(photo_set, project, monkeypatch):
    made = []
    monkeypatch.setenv("BOATLIB_CACHE", str(project / "cache"))
    monkeypatch.setattr(
        thumbnails, "thumbnail", lambda source, side: made.append(side) or images.thumbnail(source, side)
    )
    file, other = (photo_set / "kayak" / f"{number:03d}.jpg" for number in range(2))
    first = thumbnails.cached(file, 64)
    assert thumbnails.cached(file, 64) == first == images.thumbnail(file, 64)
    assert made == [64]
    file.write_bytes(other.read_bytes())
    assert thumbnails.cached(file, 64) == images.thumbnail(other, 64) != first
    file.unlink()
    with pytest.raises(DataError):
        thumbnails.cached(file, 64)


def test_the_browser_filters_pages_and_tells(live, found, photo_set, project):
    (photo_set / "kayak" / "torn.jpg").write_bytes(b"\xff\xd8\xffnothing")
    table = catalog.build_catalog(photo_set, 5).table
    widget = photo_browser.widget(table, photo_set, Run("new"))
    assert "Photos 1 to 12 of 20" in words(widget)
    kinds = {box.description: box for box in parts(widget, ipywidgets.Dropdown)}
    kinds["use"].value = "all"
    button(widget, "next page").click()
    assert "Photos 13 to 24 of 24" in words(widget)
    kinds["class"].value = "paper boat"
    assert "Photos 1 to 8 of 8" in words(widget)  # and on page 1 again
    button(widget, "paper boat/003.jpg").click()
    assert "160 x 120" in words(widget)
    assert "The model says" not in words(widget)  # there is none yet
    kinds["class"].value, kinds["use"].value = "kayak", "skipped"
    assert any("damaged" in b.description for b in parts(widget, ipywidgets.Button))


def test_the_browser_asks_the_model_of_the_run(live, taught, project):
    task = taught[1]
    run = task.run
    rows = pd.concat([task.train, task.val]).assign(
        status="used", reason="", decision="", width=160, height=120, format="JPEG", mode="RGB", bytes=1
    )
    widget = photo_browser.widget(rows.drop(columns="split"), task.root, run)
    button(widget, "kayak/000.jpg").click()
    assert "The model says: kayak" in words(widget)
    assert "has learnt from this photo" in words(widget)


def predictions_of(task, run):
    rows = Predictor.load(run.path("model")).predict_catalogued(task.val, task.root)
    rows.loc[0, "predicted"] = "raft" if rows.loc[0, "label"] == "kayak" else "kayak"
    return rows


def test_a_cell_opens_to_its_photos_and_to_where_the_model_looked(live, taught):
    task = taught[1]
    run = task.run
    rows = predictions_of(task, run)
    wrong = rows.iloc[0]
    widget = mistake_explorer.widget(rows, task.val, task.root, run)
    assert f"1 photo of {wrong['label']} taken for {wrong['predicted']}" in words(widget)  # the commonest mistake
    button(widget, f"photos of {'raft'} named rightly").click()
    assert "of raft named rightly" in words(widget)
    button(widget, f"of {wrong['label']} taken for").click()
    button(widget, wrong["photo"]).click()
    assert f"wrongly (it shows: {wrong['label']})" in words(widget)
    button(widget, "Where did it look").click()
    assert f"what spoke for {wrong['predicted']} is bright" in words(widget)
    assert f"what spoke for {wrong['label']} is bright" in words(widget)


def test_photos_of_a_cell_come_by_confidence(live, taught):
    task = taught[1]
    run = task.run
    rows = predictions_of(task, run)
    widget = mistake_explorer.widget(rows, task.val, task.root, run)
    button(widget, "photos of kayak named rightly").click()
    own = rows[(rows["label"] == "kayak") & (rows["predicted"] == "kayak")].sort_values("confidence")
    order = parts(widget, ipywidgets.Dropdown)[0]
    for value, expected in ((order.options[1], own), (order.options[0], own[::-1])):
        order.value = value
        shown = [b.tooltip.split(":")[0] for b in parts(widget, ipywidgets.Button) if "show more" in str(b.tooltip)]
        assert shown[: len(own)] == expected["photo"].tolist()


class Colours(torch.nn.Module):
    """A network that finds red and blue, each in a map of its own."""

    def __init__(self):
        super().__init__()
        self.look = torch.nn.Conv2d(3, 2, 1, bias=False)
        self.look.weight.data = torch.tensor([[1.0, 0, 0], [0, 0, 1]]).view(2, 3, 1, 1)

    def forward(self, pictures):
        return self.look(pictures).mean((2, 3))


def test_the_map_is_bright_where_lies_what_the_answer_came_from(monkeypatch, tmp_path):
    body = modules.Body(Colours(), Preprocessing(32, 1.0, (0.0,) * 3, (1.0,) * 3)).eval()
    head = torch.nn.Linear(2, 2)
    head.weight.data = torch.eye(2)
    saved = SimpleNamespace(classes=["red", "blue"])
    monkeypatch.setattr(gradcam, "_modules", lambda folder, changed: (saved, [body], head))
    (tmp_path / "model.json").write_text("{}")
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[:, :16, 0] = picture[:, 16:, 2] = 255
    Image.fromarray(picture).save(tmp_path / "photo.png")
    for label, bright, dark in (("red", np.s_[:, :15], np.s_[:, 17:]), ("blue", np.s_[:, 17:], np.s_[:, :15])):
        view, places = gradcam.where_it_looked(tmp_path, (tmp_path / "photo.png").read_bytes(), label)
        assert view.shape == (32, 32, 3)
        assert places[bright].min() == pytest.approx(1)
        assert places[dark].max() == 0


def test_a_network_without_maps_of_places_says_so():
    body = modules.Body(torch.nn.Sequential(torch.nn.Flatten()), Preprocessing(8, 1.0, (0,) * 3, (1,) * 3))
    with pytest.raises(BoatlibError, match="no maps of places"):
        gradcam._last_map(body, torch.zeros(1, 8, 8, 3, dtype=torch.uint8))


@pytest.fixture
def queue():
    known = pd.DataFrame(
        [("kayak/1.jpg", A, "kayak", "", ""), ("raft/1.jpg", A, "raft", "", ""), ("kayak/2.jpg", B, "kayak", "", "train"),
         ("kayak/3.jpg", C, "kayak", "", "test"), ("raft/4.jpg", D, "raft", "keep", "test")],
        columns=["photo", "sha256", "label", "decision", "split"],
    ).assign(set_label=["kayak", "raft", "kayak", "kayak", "raft"])  # fmt: skip
    twins = pd.DataFrame(
        {"photo": ["kayak/1.jpg", "raft/1.jpg"], "label": ["kayak", "raft"], "group": "g", "conflict": True}
    )
    suspects = pd.DataFrame({"photo": ["kayak/2.jpg"], "suggested": ["raft"], "suggested_confidence": [0.9]})
    predictions = pd.DataFrame(
        {"photo": ["kayak/3.jpg", "raft/4.jpg", "kayak/2.jpg"], "label": ["kayak", "raft", "kayak"],
         "predicted": ["raft", "kayak", "raft"], "confidence": [0.7, 0.9, 0.6]}
    )  # fmt: skip
    return review_queue.review_queue(known, twins, suspects, predictions)


def model(*classes):
    """One that calls everything a raft."""

    def says(rows, _):
        shares = {f"p_{name}": 0.944 if name == "raft" else place / 1000 for place, name in enumerate(classes)}
        return rows[["photo", "label"]].assign(predicted="raft", confidence=0.944, **shares)

    return SimpleNamespace(classes=list(classes), predict_catalogued=says)


def test_the_queue_holds_each_doubtful_photo_once_and_none_that_is_decided(queue):
    assert queue["photo"].tolist() == ["kayak/1.jpg", "kayak/2.jpg", "kayak/3.jpg"]
    assert queue["why"].tolist() == ["labelled kayak and raft", "looks like raft, 90%", "the model says raft, 70%"]
    assert queue["suggested"].tolist() == ["", "raft", "raft"]
    assert queue[["other", "other_label"]].to_numpy().tolist() == [["raft/1.jpg", "raft"], ["", ""], ["", ""]]


def test_the_queue_shows_what_it_takes_to_decide(live, queue, tmp_path):
    for name in ("kayak", "raft"):
        (tmp_path / name).mkdir()
    for number, name in enumerate(["kayak/1.jpg", "raft/1.jpg", "kayak/2.jpg"]):
        draw(number).save(tmp_path / name)
    widget = correction_queue.widget(queue, model("kayak", "raft"), tmp_path, Corrections.named("none"))
    assert "labelled kayak" in words(widget)
    assert "labelled raft" in words(widget), "the photo that contradicts, beside it"
    assert "The model says raft, 94% sure." in words(widget)
    button(widget, "n  next").click()
    assert "raft/1.jpg" not in words(widget)
    assert "The model, which has learnt from this photo, says raft, 94% sure." in words(widget)


def test_keys_decide_and_decisions_survive(live, queue, tmp_path):
    log = Corrections(tmp_path / "corrections.csv")
    widget = correction_queue.widget(queue, model("kayak", "raft"), tmp_path, log)
    keys = parts(widget, ipywidgets.Text)[0]
    keys.value = "2"  # the first one is a raft
    keys.value = "2?"  # no such key
    keys.value = "2?yd"  # two at once: yes, a raft; and the last one is left out
    held = log.decided().set_index("sha256")[["decision", "new_label"]].apply(tuple, axis=1).to_dict()
    assert held == {A: ("relabel", "raft"), B: ("relabel", "raft"), C: ("drop", "")}
    assert "3 decided" in words(widget)
    keys.value = "2?ydu"
    assert C not in set(log.decided()["sha256"])
    assert "Taken back: kayak/3.jpg" in words(widget)
    keys.value = "2?y"  # taking letters out of the box decides nothing
    assert len(log.decided()) == 2
    again = correction_queue.widget(queue, model("kayak", "raft"), tmp_path, log)  # a new kernel, or a second tab
    assert "3 of 3 photos; 2 decided" in words(again)
    assert "A test photo" in words(again)
    button(again, "k  keep").click()
    button(widget, "b  back").click()
    assert "3 decided" in words(widget)  # the first tab sees it too


def test_of_many_classes_digits_are_the_likely_ones_and_any_can_be_named(live, queue, tmp_path):
    classes = ["kayak", "raft", *(f"class {n}" for n in range(81))]
    log = Corrections(tmp_path / "corrections.csv")
    widget = correction_queue.widget(queue, model(*classes), tmp_path, log)
    digits = [made.description for made in parts(widget, ipywidgets.Button) if made.description[:1].isdigit()]
    assert digits == ["1  raft", *(f"{n}  class {82 - n}" for n in range(2, 10))], (
        "the contradicting label first, then by p"
    )
    parts(widget, ipywidgets.Text)[0].value = "2"
    (named,) = parts(widget, ipywidgets.Combobox)
    named.value = "class 7"
    assert log.decided()["new_label"].tolist() == ["class 80", "class 7"]
    assert named.value == ""
    named.value = "class"
    assert "The name of 81 classes begins with 'class'. Nothing is decided." in words(widget)
    named.value = "Raf"
    assert log.decided()["new_label"].tolist() == ["class 80", "class 7", "raft"]
    parts(widget, ipywidgets.Text)[0].value = "20"
    assert len(log.decided()) == 3


def test_a_decision_that_cannot_be_kept_is_said_and_nothing_moves_on(live, queue, tmp_path):
    widget = correction_queue.widget(queue, model("kayak", "raft"), tmp_path, Corrections.named("none"))
    button(widget, "k  keep").click()
    assert "No decision can be kept" in words(widget)
    assert "1 of 3 photos" in words(widget)


ANSWERS = pd.DataFrame(
    {
        "photo": list("abcde"),
        "label": list("xxyyy"),
        "predicted": list("xyyyx"),
        "confidence": [0.9, 0.6, 0.8, 0.5, 0.95],
    }
)


def test_the_line_is_counted_for_each_answer():
    rows = review.by_answer(ANSWERS, 0.7).set_index("answer")
    assert rows.loc["all answers"].tolist() == [5, 2, 3, 1]
    assert rows.loc["x"].tolist() == [2, 0, 2, 1]
    assert rows.loc["y"].tolist() == [3, 2, 1, 0]
    assert review.by_answer(ANSWERS, 0)["checked"].sum() == 0
    assert review.by_answer(ANSWERS, 1.01)["kept"].sum() == 0


def test_the_slider_moves_the_numbers(live):
    widget = threshold.widget(ANSWERS, 0.0)
    assert "they look at 0 of 5 photos; of the 5 others 2 are named wrongly." in words(widget)
    parts(widget, ipywidgets.FloatSlider)[0].value = 0.7
    assert "they look at 2 of 5 photos; of the 3 others 1 is named wrongly." in words(widget)


def test_a_photo_that_is_uploaded_or_pasted_gets_the_predictors_answer(live, taught):
    task = taught[1]
    run = task.run
    predictor = Predictor.load(run.path("model"))
    file = task.root / "kayak" / "000.jpg"
    expected = predictor.predict(file).iloc[0]
    widget = try_photo.widget(predictor, file)
    upload, pasted = parts(widget, ipywidgets.FileUpload)[0], parts(widget, ipywidgets.Textarea)[0]
    upload.value = ({"name": "mine.jpg", "type": "image/jpeg", "size": 1, "content": memoryview(file.read_bytes()),
                     "last_modified": pd.Timestamp.now()},)  # fmt: skip
    assert f"The model says {expected['predicted']}, {expected['confidence']:.0%} sure" in words(widget)
    pasted.value = "data:image/jpeg;base64," + base64.b64encode(file.read_bytes()).decode()
    assert "the pasted photo" in words(widget)
    assert pasted.value == ""
    for text in ("data:text/plain;base64,aGVsbG8=", "no address", "data:,%%%"):
        pasted.value = text
        assert "cannot be used" in words(widget)


def test_two_runs_are_compared_and_one_alone_is_not(live, project):
    def make(name, predicted, seed):
        run = Run(name)
        rows = pd.DataFrame({"photo": list("abcd"), "label": list("xxyy"), "predicted": list(predicted)})
        run.write_table("predictions", rows)
        run.write_table("val_predictions", rows.head(2))
        run.path("model").mkdir()
        (run.path("model") / held_out.FILE).touch()
        run.write_record("metrics", {"photos": 4, "accuracy": float((rows["label"] == rows["predicted"]).mean())})
        (run.folder / "params.json").write_text(json.dumps({"run": name, "seed": seed}))
        return run

    one = make("one", "xyyx", 1)
    assert "one run only" in compare_runs.widget(one, project).text
    two = make("two", "xxyx", 2)
    assert finished_runs() == ["one", "two"]
    widget = compare_runs.widget(two, project)
    text = words(widget)
    assert "“two” is right for 3, “one” for 2: 1 put right, 0 made wrong" in text
    assert "seed (1 → 2)" in text
    assert "75.0%" in text
    assert (
        "To choose by: on the 2 validation photos “two” is right for 2, “one” for 1: 1 put right, 0 made wrong" in text
    )
    assert "take the one that is simpler or quicker" in text
    assert "was taught again" not in text
    (one.path("model") / held_out.FILE).unlink()
    parts(widget, ipywidgets.Dropdown)[0].value = "two"
    assert "The settings are the same" in words(widget)
    parts(widget, ipywidgets.Dropdown)[0].value = "one"
    assert "The model of one was taught again since" in words(widget)


def test_sliders_give_lines_that_a_params_file_takes(live, photo_set, project, tmp_path):
    rows = catalog.build_catalog(photo_set, 5).table
    widget = augmentation.widget(rows, photo_set, Preprocessing(64, 1.0, (0.5,) * 3, (0.5,) * 3), Augmentation())
    before = parts(widget, ipywidgets.HTML)[0].value
    sliders = {
        s.description: s for s in parts(widget, ipywidgets.FloatSlider | ipywidgets.IntSlider | ipywidgets.Checkbox)
    }
    sliders["min_scale"].value, sliders["rotation"].value, sliders["views"].value, sliders["flip"].value = (
        0.8,
        3.0,
        6,
        False,
    )
    assert parts(widget, ipywidgets.HTML)[0].value != before
    lines = BeautifulSoup(parts(widget, ipywidgets.HTML)[1].value, "html.parser").find("pre").get_text()
    file = tmp_path / "mine.yaml"
    file.write_text(lines)
    settings = load_params(file).training
    assert (settings.views, settings.min_scale, settings.rotation, settings.flip) == (6, 0.8, 3.0, False)
    assert YAML(typ="safe").load(lines) == {"training": {"views": 6, "min_scale": 0.8, "rotation": 3.0, "flip": False}}
    assert provenance.params_lines("training", {"views": 0}).text.startswith("# training")
    call = BeautifulSoup(parts(widget, ipywidgets.HTML)[1].value, "html.parser").find_all("pre")[1].get_text()
    (asked,) = ast.parse(call).body[0].value.keywords
    assert (asked.arg, ast.literal_eval(asked.value)["rotation"]) == ("training", 3.0)
    photo = parts(widget, ipywidgets.HTML)[0].value
    button(widget, "another photo").click()
    assert parts(widget, ipywidgets.HTML)[0].value != photo


def test_strengths_change_views_and_their_names_and_the_usual_ones_keep_theirs():
    image, prepare = draw(5), Preprocessing(48, 1.0, (0.5,) * 3, (0.5,) * 3)
    assert Augmentation().names(2) == ["augmented-0", "augmented-1"]
    strong = Augmentation(0.25, 45, 0.5, False)
    assert strong.name(3) == "augmented-3-0.25-45-0.5-0"
    usual, other = (views.make_views(image, [a.name(3)], prepare, "ab")[0] for a in (Augmentation(), strong))
    assert (usual != other).any()
    none = views.make_views(image, Augmentation(1.0, 0.0, 0.0, False).names(8), prepare, "ab")
    assert all(np.abs(view.astype(int) - none[0]).mean() < 40 for view in none)
    assert views._of_name("augmented-3-0.25-45-0.5-0") == (3, strong)


def test_a_training_elsewhere_is_watched_as_its_epochs_pass(live, make_task):
    task = make_task("elsewhere", epochs=3, monitor="last")

    async def watched():
        widget = watch.widget(task.run)
        first = words(widget)
        await asyncio.to_thread(fit.train, task)
        curves = parts(widget, ipywidgets.HTML)[0]
        for _ in range(100):
            await asyncio.sleep(0.1)
            if "<img" in curves.value:
                break
        widget.close()
        return first, curves.value

    first, curves = finish(watched())
    assert "no epoch has ended yet" in first
    assert "Curves over 3 epochs" in curves


def test_each_epoch_is_in_the_history_at_once(make_task, monkeypatch):
    task = make_task(epochs=3, monitor="last")
    seen = []
    progress = fit.runtime.progress
    monkeypatch.setattr(
        fit.runtime, "progress", lambda text: (seen.append(len(task.run.table("history"))), progress(text))
    )
    trained = fit.train(task)
    assert seen[:3] == [1, 2, 3]
    pd.testing.assert_frame_equal(task.run.table("history"), trained.history, check_dtype=False)


def test_every_widget_has_a_static_twin(static, taught, queue, tmp_path):
    task = taught[1]
    run = task.run
    rows = predictions_of(task, run)
    run.write_table("predictions", rows)
    run.write_table("history", pd.DataFrame([[1, 1, 1, 0.5, 0.5, 0.5, 0.1, True]], columns=fit.HISTORY))
    known = task.val.assign(status="skipped", reason="x", width=160, height=120)
    prepare = Preprocessing(48, 1.0, (0.5,) * 3, (0.5,) * 3)
    twins = {
        "Photos 1 to 5 of 5": photo_browser.widget(known, task.root, run),
        "Down: what the photo shows": mistake_explorer.widget(rows, task.val, task.root, run),
        "3 photos wait": correction_queue.widget(queue, model("kayak", "raft"), tmp_path, Corrections.named("none")),
        "": threshold.widget(rows, 0.5),  # nothing beside the table of what becomes of each answer
        "The model says": try_photo.widget(Predictor.load(run.path("model")), task.root / "kayak" / "000.jpg"),
        "There is no earlier run": compare_runs.widget(run, task.root),
        "16 random views": augmentation.widget(task.val, task.root, prepare, Augmentation()),
        "Curves over 1 epoch": watch.widget(run),
    }
    for expected, twin in twins.items():
        assert isinstance(twin, html.Html), expected
        assert expected in twin.text
        assert "<style" not in twin._repr_html_()


def test_pieces_bring_their_style_to_lab_only(monkeypatch):
    piece = html.paragraph("x")
    monkeypatch.setenv("BOATLIB_STATIC", "1")
    assert piece._repr_html_() == "<p>x</p>"
    monkeypatch.delenv("BOATLIB_STATIC")
    assert piece._repr_html_().endswith('<div class="boatlib"><p>x</p></div>')
    assert ".boatlib.boatlib" in piece._repr_html_()


def test_dataframes_look_like_the_tables_of_a_report(live):
    shell = InteractiveShell.instance()
    tables._style_frames()
    rows = pd.DataFrame({"name": ["<b>"] * 70, "n": range(70)})
    shown = shell.display_formatter.format(rows)[0]["text/html"]
    assert '<div class="boatlib">' in shown
    assert "70 rows, the first 60 of them here" in shown
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert "label" in shell.display_formatter.format(rows.groupby("name").sum().rename_axis("label"))[0]["text/html"]


def test_errors_are_sentences_in_lab(capsys):
    shell = InteractiveShell.instance()
    shell.run_cell("from boatlib.run import Run\nRun('nowhere-at-all').need('split')")
    shown = capsys.readouterr().out
    assert "runs/nowhere-at-all/split.csv is missing. Run notebooks/02_split.ipynb first." in shown
    assert "Traceback" not in shown
    assert "need(" not in shown
    (WORK / "runs" / "nowhere-at-all").rmdir()


NOTEBOOK = ROOT / "notebooks" / "01_exploration.ipynb"


@pytest.fixture
def opened(project):
    """A project with a notebook and two runs, of which `second` was started last."""
    file = project / "notebooks" / NOTEBOOK.name
    file.write_bytes(NOTEBOOK.read_bytes())
    for name, started in (("second", 200), ("first", 100)):
        folder = project / "runs" / name
        (folder / "logs").mkdir(parents=True)
        (folder / "params.json").write_text(json.dumps({"run": name, "images": "photos", "seed": 7}))
        (folder / "logs" / "lock").touch()
        os.utime(folder / "logs" / "lock", (started, started))
    return file


@pytest.fixture
def manager(opened, project, monkeypatch):
    monkeypatch.setattr(choose, "get_ipython", lambda: None)  # a kernel of its own for each test
    monkeypatch.setenv("BOATLIB_CACHE", str(project / ".cache"))
    return THREAD.submit(contents.Notebooks, root_dir=str(project)).result()


def get(manager, path="notebooks/01_exploration.ipynb"):
    return finish(manager.get(path))


def chooser(notebook):
    """What the cell that chooses a run does with the variables of a notebook, and which cells it stops afterwards."""
    cells = notebook.cells
    place = next(n for n, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", []))
    assert cells[place + 1].source.startswith("# Which run this notebook works on")
    namespace = {}
    exec(cells[place + 1].source.replace("choose.widget", "box = choose.widget"), namespace)
    return namespace, namespace["box"].children[0]


def test_a_notebook_opens_with_the_settings_of_the_last_run_until_another_is_chosen(manager):
    assert last_run() == chosen_run() == "second"
    variables, which = chooser(get(manager)["content"])
    assert [variables[name] for name in ("run", "images", "seed", "near_duplicates")] == ["second", "photos", 7, 6]
    assert [name for _, name in which.options] == ["second", "first"], "what was started last comes first"
    assert "not finished" in which.options[0][0]
    which.value = "first"
    assert chosen_run() == "first"
    assert chooser(get(manager)["content"])[0]["run"] == "first"
    damaged = Run("damaged").folder / "params.json"
    damaged.write_text("{")
    assert set(choose.runs()) == {"first", "second"}
    damaged.unlink()
    choose_run("")
    assert chosen_run() == "second"
    with pytest.raises(ParameterError, match="There is no run 'third'. There are: first, second"):
        choose_run("third")


def test_settings_that_are_not_those_of_the_run_stop_a_notebook(manager):
    variables, which = chooser(get(manager)["content"])
    guard = choose.Guard(variables, "01_exploration", "second")
    guard.visit(ast.parse("1 + 1"))
    variables["corrections"] = "of-others.csv"
    with pytest.raises(
        InputRejected, match=r"corrections is 'of-others.csv' and not .*choose.variation\('second-2', corr"
    ):
        guard.visit(ast.parse("1 + 1"))
    guard.visit(ast.parse("choose.widget(globals(), 'x')"))
    variables.update(corrections="params/corrections.csv", run="first")
    with pytest.raises(InputRejected, match="run is 'first' and not 'second'"):
        guard.visit(ast.parse("1 + 1"))


def test_a_variation_is_a_run_of_its_own_with_what_does_not_change(opened, project):
    for step in ("02_split", "03_training"):
        (project / "notebooks" / f"{step}.ipynb").write_bytes((ROOT / "notebooks" / f"{step}.ipynb").read_bytes())
    second = Run("second")
    (second.folder / "split.csv").write_text("photo\n")
    (second.folder / "data" / "train").mkdir(parents=True)
    (second.folder / "data" / "train" / "1.jpg").write_text("x")
    (second.folder / "history.csv").write_text("epoch\n")
    said = choose.variation("second-long", epochs=60, schedule="cosine").text
    assert said.startswith(
        "second-long is second with epochs = 60, schedule = 'cosine', and chosen now. Run 03_training"
    )
    assert chosen_run() == "second-long"
    assert Params.of_run("second-long").training.epochs == 60
    assert Params.of_run("second").training.epochs == 24
    assert (Run("second-long").folder / "data" / "train" / "1.jpg").read_text() == "x"
    assert Run("second-long").path("split").is_file()
    assert not Run("second-long").path("history").exists(), "that is to be made anew"
    for changed, words in (
        ({"epoch": 3}, "There is no parameter 'epoch'"),
        ({"epochs": -3}, "epochs"),
        ({"views": 1}, r"training and tta have it. Say which: training=\{'views': 1\}"),
    ):
        with pytest.raises(ParameterError, match=words):
            choose.variation("third", **changed)
    assert not (project / "runs" / "third").exists()
    with pytest.raises(ParameterError, match="There is a run 'second' already, with other settings"):
        choose.variation("second", epochs=3)
    again = choose.variation("second-long", epochs=60, schedule="cosine").text
    assert again == "second-long, with epochs = 60, schedule = 'cosine', is there already, and chosen."
    choose.variation("views", training={"views": 2, "rotation": 30})
    assert Params.of_run("views").training.views == 2
    assert Run("views").path("split").is_file(), "01 shows how views are turned; what it writes is the same"


def test_after_a_variation_no_cell_works_on_the_run_that_was_to_be_left_alone(manager, project, monkeypatch):
    (project / "notebooks" / "03_training.ipynb").write_bytes((ROOT / "notebooks" / "03_training.ipynb").read_bytes())
    shell = InteractiveShell()
    monkeypatch.setattr(choose, "get_ipython", lambda: shell)
    variables, which = chooser(get(manager)["content"])
    (guard,) = (found for found in shell.ast_transformers if isinstance(found, choose.Guard))
    with pytest.raises(ParameterError, match="Say which"):
        choose.variation("second-views", views=1)
    with pytest.raises(
        InputRejected, match="The variation was refused: views: .* run this notebook from the top"
    ) as stop:
        guard.visit(ast.parse("1 + 1"))
    assert stop.value.again, "the cell that was refused is brought into view, and none behind it"
    choose.variation("second-views", training={"views": 1})
    assert (which.value, variables["run"]) == ("second-views", "second-views"), (
        "nothing has worked on the other one yet"
    )
    seed, variables["seed"] = variables["seed"], 8
    for again in (False, True):
        with pytest.raises(InputRejected, match="seed is 8") as stop:
            guard.visit(ast.parse("1 + 1"))
        assert stop.value.again is again, "the first one is brought into view"
    variables["seed"] = seed
    guard.visit(ast.parse("this_run = Run(run)"))
    variables["this_run"] = Run("second-views")
    choose.variation("third", training={"views": 2})
    with pytest.raises(InputRejected, match="to work on third now. Run it from the top"):
        guard.visit(ast.parse("1 + 1"))
    guard.visit(ast.parse("from boatlib.run import Run"))  # from the top
    guard.visit(ast.parse("epochs: int = 24"))
    variables, _ = chooser(get(manager)["content"])
    variables["this_run"] = Run("second-views")
    (guard,) = (found for found in shell.ast_transformers if isinstance(found, choose.Guard))
    with pytest.raises(InputRejected, match="memory belongs to the run second-views, and third is chosen. Run it from"):
        guard.visit(ast.parse("this_run.write_table('a', b)"))
    guard.visit(ast.parse("this_run, params = Run(run), Params.of_run(run)"))
    choose.variation("third", training={"views": 2})  # its line stays where it is
    variables["this_run"] = Run("third")
    guard.visit(ast.parse("1 + 1"))


def test_the_chooser_says_which_settings_are_not_those_above(manager):
    variables, which = chooser(get(manager)["content"])
    assert (
        "Run second: images = &#x27;photos&#x27;, seed = 7; all else as it stands" in variables["box"].children[1].value
    )


def test_a_notebook_goes_on_with_its_run_whatever_another_one_chooses(manager, monkeypatch):
    shell = InteractiveShell()
    monkeypatch.setattr(choose, "get_ipython", lambda: shell)
    variables, which = chooser(get(manager)["content"])
    choose_run("first")
    variables, which = chooser(get(manager)["content"])
    assert variables["run"] == which.value == "second"
    assert "Another notebook has chosen first since" in variables["box"].children[1].value
    which.value = "first"
    assert chooser(get(manager)["content"])[0]["run"] == "first"


def test_a_run_that_answers_new_photos_is_the_last_one_for_07_alone(manager, project):
    folder = project / "runs" / "inbox"
    (folder / "logs").mkdir(parents=True)
    told = {"run": "inbox", "model": "runs/second/model", "new": {"images": "arrived"}}
    (folder / "params.json").write_text(json.dumps(told))
    (folder / "logs" / "lock").touch()
    assert (last_run(), last_run(answers=True)) == ("second", "inbox")
    (project / "notebooks" / "07_new_photos.ipynb").write_bytes(
        (ROOT / "notebooks" / "07_new_photos.ipynb").read_bytes()
    )
    variables, _ = chooser(get(manager, "notebooks/07_new_photos.ipynb")["content"])
    assert [variables[name] for name in ("run", "model", "images")] == ["inbox", "runs/second/model", "arrived"]


def test_looking_changes_nothing_and_what_was_shown_comes_back(manager, opened):
    before, stamp = opened.read_bytes(), opened.stat().st_mtime_ns
    notebook = get(manager)["content"]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    code[0].outputs = [nbformat.v4.new_output("display_data", {"text/plain": "seen"})]
    code[-1].outputs = [
        nbformat.v4.new_output("display_data", {contents.WIDGET: {"model_id": "1"}, "text/plain": "VBox()"})
    ]
    code[0].execution_count, code[0].metadata.collapsed = 3, False
    notebook.metadata.language_info = {"name": "python", "version": "3.11"}
    finish(manager.save({"type": "notebook", "format": "json", "content": notebook}, "notebooks/01_exploration.ipynb"))
    assert opened.read_bytes() == before
    assert opened.stat().st_mtime_ns == stamp
    again = [cell for cell in get(manager)["content"].cells if cell.cell_type == "code"]
    assert again[0].outputs[0].data["text/plain"] == "seen"
    assert again[0].execution_count == 3
    assert "Run this cell" in again[-1].outputs[0].data["text/html"]  # no kernel is at work: a widget would be dead
    finish(manager.save({"type": "notebook", "content": get(manager)["content"]}, "notebooks/01_exploration.ipynb"))
    assert opened.read_bytes() == before


def test_an_edit_is_saved_without_what_was_put_in(manager, opened):
    notebook = get(manager)["content"]
    notebook.cells[0].source += "\n\nOne more sentence."
    notebook.cells[0].attachments = {"pasted.png": {"image/png": "aGVsbG8="}}
    notebook.cells.append(nbformat.v4.new_code_cell("1 + 1"))
    finish(manager.save({"type": "notebook", "format": "json", "content": notebook}, "notebooks/01_exploration.ipynb"))
    saved = nbformat.read(opened, as_version=4)
    assert "One more sentence." in saved.cells[0].source
    assert saved.cells[0].attachments["pasted.png"]
    assert saved.cells[-1].source == "1 + 1"
    assert not any(contents.INJECTED in cell.metadata.get("tags", []) for cell in saved.cells)
    nbformat.validate(saved)
    source = json.loads(NOTEBOOK.read_text())
    assert json.loads(opened.read_text())["cells"][1] == source["cells"][1]


def test_whatever_is_wrong_with_the_last_run_the_notebook_opens(manager, project):
    (project / "runs" / "second" / "params.json").write_text("{")
    (project / ".cache" / "lab").mkdir(parents=True)
    (project / ".cache" / "lab" / "01_exploration.ipynb").write_text("torn")
    assert get(manager)["content"].cells


def test_jupyterlab_is_told_of_it_by_the_installation():
    settings = json.loads(Path(sys.prefix, "etc", "jupyter", "jupyter_server_config.json").read_text())
    module, _, name = settings["ServerApp"]["contents_manager_class"].rpartition(".")
    assert getattr(importlib.import_module(module), name) is contents.Notebooks


def test_other_files_are_left_alone(manager, project):
    other = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("run = 1", metadata={"tags": ["parameters"]})])
    other.cells[0].outputs = [nbformat.v4.new_output("display_data", {"text/plain": "x"})]
    for path in ("notebooks/mine.ipynb", "01_own.ipynb"):
        finish(manager.save({"type": "notebook", "format": "json", "content": other}, path))
        assert len(get(manager, path)["content"].cells) == 1
        assert get(manager, path)["content"].cells[0].outputs
    (project / "a.txt").write_text("x")
    assert get(manager, "a.txt")["content"] == "x"


def test_names_of_the_same_run_are_compared_by_start_not_by_name(opened):
    time.sleep(0.01)
    (opened.parent.parent / "runs" / "first" / "logs" / "lock").touch()
    assert last_run() == "first"
