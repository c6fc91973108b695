"""From any kind of photo to answers: the same ones, whatever the company and the form in which a photo comes."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import draw, save_model
from PIL import Image

from boatlib.cli import main
from boatlib.errors import BoatlibError
from boatlib.model.inference import batch, bundle
from boatlib.model.inference.predictor import CHUNK, Predictor
from boatlib.model.inputs import views
from boatlib.model.networks.modules import Network
from boatlib.model.training import fit
from boatlib.policy import Policy
from boatlib.results import metrics, policy
from boatlib.show import model_card


def probabilities(table):
    return table[[name for name in table if name.startswith("p_")]].to_numpy()


def test_every_form_of_a_photo_gives_the_same_answer(taught):
    predictor = Predictor.load(taught[0].folder)
    file = taught[1].root / taught[1].val["photo"].iloc[0]
    image = Image.open(file)
    table = predictor.predict([file, str(file), file.read_bytes(), image, np.asarray(image)])
    columns = ["photo", "predicted", "confidence", "unfamiliarity", "p_kayak", "p_raft"]
    columns += ["unfamiliar", "needs_review", "reason", "error"]
    assert list(table.columns) == columns
    assert table["photo"].tolist() == [str(file), str(file), "2", "3", "4"]
    assert np.ptp(probabilities(table), axis=0).max() < 1e-6
    for one in (file, str(file), file.read_bytes(), image, np.asarray(image)):
        assert len(predictor.predict(one)) == 1


def test_answers_are_those_of_the_evaluation_whatever_the_batch(taught):
    saved, task = taught
    predictor = Predictor(saved)
    expected = probabilities(predictor.predict_catalogued(task.train, task.root))
    files = [task.root / photo for photo in task.train["photo"]]
    assert np.abs(probabilities(predictor.predict(files)) - expected).max() < 1e-6
    alone = pd.concat([predictor.predict(file) for file in files])
    assert np.abs(probabilities(alone) - expected).max() < 1e-6
    assert np.abs(probabilities(predictor.predict(files[::-1]))[::-1] - expected).max() < 1e-6
    several = probabilities(predictor.predict_catalogued(task.train, task.root, views.DETERMINISTIC))
    assert np.abs(probabilities(predictor.predict(files, views.DETERMINISTIC)) - several).max() < 1e-6


def test_several_bodies_see_side_by_side(make_task, tmp_path):
    task = make_task(backbone=["efficientnet_lite0", "efficientnet_lite1"])
    saved = save_model(task, fit.train(task).network)
    assert [body.preprocessing.size for body in saved.bodies] == [224, 240]
    assert saved.features == 2560
    expected = probabilities(Predictor(saved).predict_catalogued(task.val, task.root))
    files = [task.root / photo for photo in task.val["photo"]]
    assert np.abs(probabilities(Predictor.load(saved.folder).predict(files)) - expected).max() < 1e-6


def test_bad_files_are_rows_with_a_reason(taught, tmp_path):
    (tmp_path / "text.jpg").write_text("hello")
    draw(1).save(tmp_path / "good.png")
    predictor = Predictor(taught[0])
    table = predictor.predict(
        [tmp_path / "text.jpg", tmp_path / "good.png", tmp_path / "none.jpg", np.zeros((4, 4)), b""]
    )
    assert table["error"].tolist()[0] == "a text file, not a photo"
    assert table["error"].tolist()[1] == ""
    assert "No such file" in table["error"].tolist()[2]
    assert "float64" in table["error"].tolist()[3]
    assert table["error"].tolist()[4] == "empty file"
    bad = table[table["error"] != ""]
    assert set(bad["predicted"]) == {""}
    assert bad["needs_review"].all()
    assert np.isnan(probabilities(bad)).all()
    assert predictor.predict([]).empty
    assert list(predictor.predict([]).columns) == list(table.columns)


def test_what_is_not_sure_enough_is_flagged(taught):
    saved, task = taught
    files = [task.root / photo for photo in task.val["photo"]]
    lowest = Predictor(saved).predict(files)["confidence"].min()
    for below, flags in ((lowest - 1e-6, 0), (lowest + 1e-6, 1)):
        table = Predictor(saved.with_policy(Policy({"": below}), None)).predict(files)
        assert table["needs_review"].sum() == flags
        assert (table["reason"] != "").tolist() == table["needs_review"].tolist()


def test_28_numbers_that_are_not_finite_are_an_error_and_not_a_class(taught):
    import torch

    saved, task = taught
    body = saved.bodies[0].build()
    head = saved.build_head()
    torch.nn.init.constant_(head[3].bias, float("nan"))
    broken = bundle.save_bundle(saved.folder, Network([body], head), ["a", "b"], {})
    with pytest.raises(BoatlibError, match="not finite"):
        Predictor(broken).predict(task.root / task.val["photo"].iloc[0])


def test_a_saved_model_comes_back_with_everything(taught):
    again = bundle.load_bundle(taught[0].folder)
    assert again == taught[0]
    assert again.classes == ["kayak", "raft"]
    assert json.loads((again.folder / "model.json").read_text())["taught_on"]["left_out"] == {"punt": 2}
    assert not list(again.folder.glob("*.pth"))


@pytest.mark.parametrize(("field", "value"), [("key", "../../outside"), ("name", "timm/hf-hub:somebody/something")])
def test_60_a_model_folder_from_somewhere_cannot_reach_outside(taught, monkeypatch, tmp_path, field, value):
    saved, task = taught
    file = saved.folder / bundle.DESCRIPTION
    description = json.loads(file.read_text())
    description["bodies"][0][field] = value
    file.write_text(json.dumps(description))
    monkeypatch.setenv("BOATLIB_CACHE", str(tmp_path / "empty"))
    with pytest.raises(BoatlibError, match="not a whole model folder|There is no backbone"):
        Predictor.load(saved.folder).predict(task.root / task.val["photo"].iloc[0])


def test_a_saved_model_normalises_as_it_was_saved_whatever_the_library_says_today(taught):
    file = taught[0].folder / bundle.DESCRIPTION
    description = json.loads(file.read_text())
    description["bodies"][0]["preprocessing"]["mean"] = [0.1, 0.2, 0.3]
    file.write_text(json.dumps(description))
    body = bundle.load_bundle(taught[0].folder).bodies[0].build()
    assert body.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])


# Many photos


def test_more_than_one_chunk_in_order(taught, monkeypatch):
    monkeypatch.setattr("boatlib.model.inference.predictor.CHUNK", 4)
    saved, task = taught
    files = [(str(number), task.root / photo) for number, photo in enumerate(task.train["photo"])]
    files.insert(5, ("bad", task.root / "none.jpg"))
    tables = list(Predictor(saved).predict_stream(files))
    assert [len(table) for table in tables] == [4, 4, 4, 1]
    assert pd.concat(tables)["photo"].tolist() == [name for name, _ in files]
    assert CHUNK > 4


def folder_of(tmp_path, count=9):
    for number in range(count):
        file = tmp_path / "in" / ("a", "b")[number % 2] / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        draw(number).save(file)
    (tmp_path / "in" / ".hidden.jpg").write_text("")
    (tmp_path / "in" / "Thumbs.db").write_text("")
    (tmp_path / "in" / "a" / "=1+1.jpg").write_text("text")
    return tmp_path / "in"


def read(file):
    return pd.read_csv(file, keep_default_na=False)


def test_folders_become_a_table_whose_photos_keep_their_folders(taught, tmp_path, capsys):
    folder, out = folder_of(tmp_path), tmp_path / "new" / "out.csv"
    single = tmp_path / "single.png"
    draw(50).save(single)
    assert main(["predict", str(taught[0].folder), str(folder), str(single), "--csv", str(out)]) == 0
    table = read(out)
    assert table["photo"].tolist()[:2] == [f"{folder}/a/0.jpg", f"{folder}/a/2.jpg"]
    assert table["photo"].tolist()[-1] == str(single)
    assert len(table) == 11
    assert table.loc[table["error"] != "", "photo"].tolist() == [f"{folder}/a/=1+1.jpg"]
    assert "11 photos, 1 of them not readable" in capsys.readouterr().out
    assert [path.name for path in out.parent.iterdir()] == ["out.csv"]


def test_an_interrupted_table_goes_on_where_it_was(taught, tmp_path, capsys, monkeypatch):
    folder, out = folder_of(tmp_path), tmp_path / "out.csv"
    command = ["predict", str(taught[0].folder), str(folder), "--csv", str(out)]
    main([*command[:-1], str(tmp_path / "whole.csv")])
    monkeypatch.setattr("boatlib.model.inference.predictor.CHUNK", 3)
    append, seen = batch.GrowingTable.append, []

    def interrupt(self, table):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(len(table))
        append(self, table)

    monkeypatch.setattr(batch.GrowingTable, "append", interrupt)
    assert main(command) == 130
    assert not out.exists()
    (part,) = tmp_path.glob(".out.csv.*.part")
    part.write_text(part.read_text()[:-7])  # and the last row is torn
    monkeypatch.setattr(batch.GrowingTable, "append", append)
    assert main(command) == 0
    assert "5 of 10 photos were done before" in capsys.readouterr().err
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_table_of_other_photos_or_another_model_is_not_gone_on_with(taught, tmp_path):
    folder = folder_of(tmp_path)
    sources = batch.find_sources([folder])
    growing = batch.GrowingTable(tmp_path / "out.csv", Predictor(taught[0]), ["plain"])
    growing.append(
        Predictor(taught[0]).predict([path for _, path in sources[:2]]).assign(photo=[n for n, _ in sources[:2]])
    )
    assert growing.done(sources) == 2
    assert batch.GrowingTable(tmp_path / "out.csv", Predictor(taught[0]), views.DETERMINISTIC).done(sources) == 0
    assert growing.done(sources[1:]) == 0


@pytest.mark.parametrize("name", ["=1+1.jpg", "-x.jpg", "two\nlines.jpg", "é {x}.jpg", "\udcff.jpg"])
def test_odd_names_come_out_as_text(taught, tmp_path, name):
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / name).write_text("text")
    assert main(["predict", str(taught[0].folder), str(folder), "--csv", str(tmp_path / "out.csv")]) == 3
    (photo,) = read(tmp_path / "out.csv")["photo"]
    assert not photo.startswith(("=", "-", "+", "@"))


def test_what_cannot_be_predicted_says_so(taught, tmp_path, capsys):
    model = str(taught[0].folder)
    assert main(["predict", model, str(tmp_path / "nowhere")]) == 3
    assert "does not exist" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["predict", model, str(tmp_path / "empty")]) == 3
    assert main(["predict", str(tmp_path / "empty"), model]) == 4
    assert "not a whole model folder" in capsys.readouterr().err


def test_without_a_table_the_answers_are_printed(taught, tmp_path, capsys):
    folder = folder_of(tmp_path, 2)
    assert main(["predict", str(taught[0].folder), str(folder), "--tta"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [
        f"{folder}/{name}" for name in ("a/0.jpg", "a/=1+1.jpg", "b/1.jpg")
    ]
    assert "%" in lines[0]


# What to do with an answer, and what the card says


def test_the_card_says_what_the_data_say(taught):
    saved, task = taught
    table = Predictor(saved).predict_catalogued(task.val, task.root)
    overall = metrics.overall(table, [1])
    judged = policy.judged(saved.policy, table)
    text = model_card.write_card(saved, "validation", overall, judged).read_text()
    assert f"{overall['correct']} of {overall['photos']} validation photos" in text
    assert "test photos have not judged yet" in text
    assert "punt (2 photos)" in text
    assert "| raft | 6 |" in text
    per_class = metrics.per_class(table, task.val.assign(split="test"), [1])
    text = model_card.write_card(saved, "test", overall, judged, per_class).read_text()
    assert "These photos had no say in its making" in text
    for row in per_class.to_dict("records"):
        assert f"| {row['class']} | {row['correct']} of {row['test']} |" in text
    assert saved.weights_sha256 in text
    code = text.split("```python\n")[1].split("```")[0]
    names = [str(task.root / photo) for photo in task.val["photo"].iloc[:2]]
    code = code.replace('"model"', repr(str(saved.folder))).replace('["photo1.jpg", "photo2.jpg"]', repr(names))
    exec(compile(code, "card", "exec"), {})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"recipe": "head"}, "net (weights: default) stayed as it was"),
        ({"recipe": "finetune", "unfreeze": "all"}, "learnt too, all of it,"),
        ({"recipe": "finetune", "unfreeze": "layer4"}, "learnt too, from its stage layer4 on,"),
    ],
)
def test_the_card_says_what_learnt(settings, words):
    told = {"photos": {"a": 1}, "val_photos": 1, "weights": "default", "unfreeze": "all", "seed": 1, "fingerprint": "0"}
    assert words in model_card._taught_on(told | settings, ["net"])


def test_the_card_tells_who_learnt_from_who_stayed_frozen():
    told = {"photos": {"a": 1}, "val_photos": 1, "weights": "default", "unfreeze": "all", "seed": 1, "fingerprint": "0"}
    told |= {
        "recipe": "finetune",
        "refit": True,
        "backbone": ["small"],
        "frozen": ["wide", "tall"],
        "frozen_share": 0.7,
    }
    text = model_card._taught_on(told, ["small", "wide", "tall", "small"])
    assert "for as many epochs, and both answer together. small (weights: default) learnt too, all of it" in text
    assert "wide and tall stayed frozen, with a head of their own, which has 70% of the say." in text


def test_names_in_the_card_cannot_become_markup():
    assert model_card._cell("a|b`<img>\n*x*") == "a\\|b\\`\\<img\\> \\*x\\*"
