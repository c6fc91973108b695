"""The smaller faults of the second list, each with what is right."""

import json
from dataclasses import replace

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT

from boatlib.model.features.store import Store
from boatlib.model.inference import bundle
from boatlib.model.networks import backbones
from boatlib.model.training import fit
from boatlib.params import Params, Training
from boatlib.report import pages
from boatlib.results import learning_curve, policy
from boatlib.run import all_steps
from boatlib.show import model_card, training


def test_1_the_words_of_the_curves_name_the_lowest_loss_and_the_epoch_that_counts():
    rows = pd.DataFrame({"epoch": [1, 2, 3], "val_loss": [0.5, 0.2, 0.4], "train_loss": 0.3, "train_accuracy": 0.9})
    rows = rows.assign(val_accuracy=[0.7, 0.8, 0.9], best=[False, False, True])
    text = training.curves(rows, 50).text
    assert "lowest (0.200) in epoch 2; epoch 3 counts, with a loss of 0.400 and 90.0% of" in text


def test_2_the_model_that_goes_out_is_read_back_number_by_number(make_task):
    task = make_task(refit=True)
    trained = fit.train(task)
    told = task.description(pd.DataFrame({"class": [], "kept": [], "photos": []}).astype({"kept": bool}))
    folder = task.run.path("model")
    saved = bundle.save_bundle(folder, trained.network, task.classes, told, 1.3, trained.before_refit, on=task.machine)
    assert saved.holds(trained.network, 1.3)
    assert not saved.holds(trained.network, 1.2)
    assert not saved.holds(trained.before_refit, 1.3)
    answers = trained.validation.assign(unfamiliarity=0.0)
    text = training.saved(saved, trained, 1.3, answers).text
    assert "it is the one that was trained, number by number" in text
    assert "the model that they judged, before it learnt from them too, names" in text
    assert "as it did when it was trained" in text
    first, second = (answers.columns.get_loc(f"p_{name}") for name in task.classes[:2])
    place = answers.columns.get_loc("predicted")
    flipped = answers.copy()
    flipped.iloc[0, place] = next(name for name in task.classes if name != answers["predicted"].iloc[0])
    for apart, words in (
        (0.001, "for one photo with two classes as probable as each other"),
        (0.4, "rightly, NOT the"),
    ):
        flipped.iloc[0, [first, second]] = 0.5 + apart / 2, 0.5 - apart / 2
        assert words in training.saved(saved, trained, 1.3, flipped).text
    with torch.no_grad():
        next(trained.network.head.parameters()).add_(1e-6)
    assert "it is NOT the one that was trained" in training.saved(saved, trained, 1.3, answers).text
    overall = {
        "correct": 4,
        "photos": 5,
        "accuracy": 0.8,
        "accuracy_low": 0.4,
        "accuracy_high": 0.9,
        "balanced_accuracy": 0.8,
    }
    judged = policy.judged(saved.policy, answers)
    card = model_card.write_card(saved, "validation", overall, judged).read_text()
    assert "Before it learnt from them too, it named 4 of 5 validation photos" in card
    assert "It names 4 of 5 test photos" in model_card.write_card(saved, "test", overall, judged).read_text()


@pytest.mark.parametrize(
    ("weights", "words"),
    [("none", "without"), (["none", "none"], "without"), (["none", "default"], "some without"), ("default", "")],
)
def test_3_networks_without_pretrained_weights_are_called_so(weights, words):
    text = training.plan(Training(weights=weights), 10, 5).text
    assert (f"({words} pretrained weights)" in text) == bool(words)


def test_4_a_name_that_several_sections_have_is_asked_about(tmp_path):
    cell = nbformat.v4.new_code_cell("views: int = 0\nrun: str = 'x'", metadata={"tags": ["parameters"]})
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    text = nbformat.writes(nbformat.v4.new_notebook(cells=[cell], metadata=kernel))
    params = Params(run="x", training={"views": 3}, tta={"views": 5})
    for name, views in (("03_training", 3), ("05_tta", 5)):
        (tmp_path / f"{name}.ipynb").write_text(text)
        assert params.for_notebook(tmp_path / f"{name}.ipynb") == {"views": views, "run": "x"}
    (tmp_path / "04_evaluation.ipynb").write_text(text)
    with pytest.raises(ValueError, match="declares 'views', which training and tta have"):
        params.for_notebook(tmp_path / "04_evaluation.ipynb")


def test_5_now_counts_all_photos_that_teach():
    points = [("x", share, 80 * share, 100, 60 + 20 * share) for share in learning_curve.SHARES]
    curve = pd.DataFrame(points, columns=["class", "share", "taught", "judged", "right"])
    counts = pd.DataFrame({"class": ["x"], "train": [60], "val": [20], "test": [20]})
    without, with_val = (learning_curve.forecast_table(curve, counts, 0.9, refit) for refit in (False, True))
    assert without["train"].tolist() == [60]
    assert with_val["train"].tolist() == [80]
    assert with_val["now"].iloc[0] == pytest.approx(0.8, abs=0.04)  # where the curve ends
    assert with_val["now"].iloc[0] > without["now"].iloc[0]


def test_6_a_training_is_told_apart_by_how_its_first_head_learns(make_task, monkeypatch):
    task = make_task(recipe="finetune")
    before = task.identity()
    assert before["head_first"]["epochs"] == Training().epochs
    monkeypatch.setattr(type(task), "head_first", lambda self: Training(epochs=99))
    assert task.identity() != before
    assert make_task(name="head").identity()["head_first"] == {}


def test_7_the_share_up_to_which_photos_are_counted_is_the_runs_own():
    notebook = json.loads((ROOT / "notebooks" / "04_evaluation.ipynb").read_text())
    source = "".join(line for cell in notebook["cells"] for line in cell["source"])
    assert "forecast_table(curve, per_class, dependable, refit)" in source
    assert (
        Params(run="x", summary={"dependable": 0.8}).for_notebook(ROOT / "notebooks" / "04_evaluation.ipynb")[
            "dependable"
        ]
        == 0.8
    )


def test_9_no_file_stays_open(tmp_path):
    import psutil

    before = len(psutil.Process().open_files())
    stores = [Store(tmp_path / str(number)) for number in range(20)]
    for store in stores:
        store.append(["a"], np.ones((1, 3), np.float32))
        store.read(store.find(["a"]))
    assert len(psutil.Process().open_files()) == before


def test_11_steps_are_called_what_their_notebooks_say():
    assert pages.page_name("05_tta") == "Several looks"
    assert [pages.page_name(step) for step in all_steps(ROOT)][0] == "Exploration"


def test_15_networks_that_squeeze_photos_are_shown_all_of_them():
    squeezed = backbones.preprocessing_of("timm/convnext_base.fb_in22k_ft_in1k_384")
    assert squeezed.shape == (384, 384)
    assert squeezed.width == 384
    assert backbones.preprocessing_of("timm/resnet18.a1_in1k").width == 0
    assert replace(squeezed, width=0) != squeezed
