"""How the network is taught, on a few drawn photos."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import FLOAT32, ROOT
from sklearn.utils.class_weight import compute_class_weight

from boatlib.errors import DamagedModelError, DataError, ParameterError, TrainingError
from boatlib.model.networks import backbones, modules, weights
from boatlib.model.training import checkpoints, datasets, fit, optim, trainer
from boatlib.model.training.process_group import ProcessGroup, alone
from boatlib.model.training.task import TrainingTask
from boatlib.params import Compute, Params, Training
from boatlib.run import Run

FINETUNE = {"recipe": "finetune", "unfreeze": "blocks.6", "range_test": 0, "resolution": "96x96"}


def weights_of(trained):
    parts = {f"head.{name}": tensor for name, tensor in trained.network.head.state_dict().items()}
    for number, body in enumerate(trained.network.bodies):
        parts |= {f"{number}.{name}": tensor for name, tensor in body.network.state_dict().items()}
    return parts


def same(one, two):
    first, second = weights_of(one), weights_of(two)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_the_head_learns_and_the_best_epoch_is_kept(make_task):
    trained = fit.train(make_task(epochs=8, max_epochs_stop=8, views=1))
    history = trained.history
    assert list(history.columns) == fit.HISTORY
    assert history["best"].sum() == 1
    assert history.loc[history["best"], "val_loss"].iloc[0] == history["val_loss"].min()
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
    right = (trained.validation["predicted"] == trained.validation["label"]).mean()
    assert right == history.loc[history["best"], "val_accuracy"].iloc[0]
    assert len(trained.seconds) == len(history)


def test_balanced_accuracy_can_decide_when_to_stop(make_task):
    history = fit.train(make_task(epochs=6, max_epochs_stop=6, monitor="balanced_accuracy")).history
    assert history.loc[history["best"], "val_balanced_accuracy"].iloc[0] == history["val_balanced_accuracy"].max()


def test_no_progress_stops_the_training(make_task):
    history = fit.train(make_task(epochs=50, max_epochs_stop=2, learning_rate=1e-12)).history
    assert len(history) < 50
    assert int(history.loc[history["best"], "epoch"].iloc[0]) == len(history) - 2


def test_31_the_same_seed_teaches_the_same_and_another_does_not(make_task):
    one, two, other = (fit.train(make_task(seed=seed)) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one.history, two.history)
    assert same(one, two)
    assert not same(one, other)


def test_the_range_test_changes_neither_model_nor_training(make_task):
    for settings in ({}, FINETUNE | {"range_test": 6, "epochs": 1, "max_epochs_stop": 1}):
        plain = fit.train(make_task(**settings))
        task = make_task(**settings)
        before = torch.random.get_rng_state()
        curve = fit.range_test(task)
        assert torch.equal(before, torch.random.get_rng_state())
        assert 1 < len(curve) <= task.settings.range_test
        assert curve["learning_rate"].is_monotonic_increasing
        assert same(plain, fit.train(task))


def test_finetuning_moves_what_is_unfrozen_and_nothing_else(make_task):
    trained = fit.train(make_task(epochs=1, max_epochs_stop=1, **FINETUNE))
    body = trained.network.bodies[0]
    before = make_task().backbones[0].build().network.state_dict()
    moved = {n for n, tensor in body.network.state_dict().items() if not torch.equal(tensor, before[n])}
    assert moved
    assert {n.rsplit(".", 1)[0].split(".")[0] for n in moved} <= {"blocks", "conv_head", "bn2"}
    assert not any(n.startswith(tuple(f"blocks.{stage}." for stage in range(6))) for n in moved)
    assert not any("running" in n for n in moved), "batch-norm statistics stay those of the pretraining"
    assert body.key.startswith("efficientnet_lite0-finetuned-")
    assert (body.name, len(trained.history)) == ("efficientnet_lite0", 1)


@pytest.mark.parametrize("settings", [{}, FINETUNE | {"epochs": 1, "max_epochs_stop": 1}])
def test_parts_of_a_step_give_the_same_as_the_whole(make_task, settings):
    whole, parts = (fit.train(make_task(gradient_accumulation=count, **settings)).history for count in (1, 3))
    np.testing.assert_allclose(whole["train_loss"], parts["train_loss"], rtol=1e-4)
    np.testing.assert_allclose(whole["val_loss"], parts["val_loss"], rtol=1e-4)


def test_class_weights_are_those_of_scikit_learn_with_mean_one():
    labels = np.array([0] * 6 + [1] * 3 + [2])
    auto = optim.class_weights(labels, 3, "auto")
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(auto / auto[0], expected / expected[0], rtol=1e-6)
    for kind in ("none", "sqrt", "auto"):
        weights = optim.class_weights(labels, 3, kind)
        assert weights[labels].mean() == pytest.approx(1)
    assert np.unique(optim.class_weights(labels, 3, "none")).tolist() == [1]
    sqrt = optim.class_weights(labels, 3, "sqrt")
    assert (sqrt[2] / sqrt[0]) ** 2 == pytest.approx(auto[2] / auto[0])


def test_class_weights_reach_the_loss(make_task):
    plain, weighted = (fit.train(make_task(train=14, class_weights=kind)) for kind in ("none", "auto"))
    assert same(plain, weighted), "classes of equal size weigh the same"
    model = (torch.log(torch.tensor([[0.9, 0.1], [0.9, 0.1]])), [])
    loss = optim.loss(model, torch.tensor([0, 1]), torch.tensor([1.0, 3.0]), Training(label_smoothing=0.0))
    assert float(loss) == pytest.approx(-np.log(0.9) - 3 * np.log(0.1))


def test_label_smoothing_and_auxiliary_outputs_are_part_of_the_loss():
    values, targets, ones = torch.log(torch.tensor([[0.8, 0.2]])), torch.tensor([0]), torch.ones(2)
    smooth = optim.loss((values, []), targets, ones, Training(label_smoothing=0.2))
    assert float(smooth) == pytest.approx(-0.9 * np.log(0.8) - 0.1 * np.log(0.2))
    twice = optim.loss((values, [values]), targets, ones, Training(label_smoothing=0.0))
    assert float(twice) == pytest.approx(-(1 + optim.AUXILIARY) * np.log(0.8))


def rates(**settings):
    model = modules.Classifier(modules.article_head(4, 2))
    chosen = Training(**{"epochs": 10, "schedule": "constant"} | settings)
    optimiser = optim.optimiser(model, chosen)
    schedule = optim.schedule(optimiser, chosen, steps_per_epoch=10)
    found = []
    for _ in range(100):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return np.array(found)


def test_schedules_have_their_shape():
    assert np.unique(rates()).tolist() == [0.001]
    cosine = rates(schedule="cosine", warmup_epochs=2)
    assert (np.diff(cosine[:20]) > 0).all()
    assert (np.diff(cosine[21:]) < 0).all()
    assert cosine.max() == pytest.approx(0.001)
    assert cosine[-1] < 1e-5
    np.testing.assert_allclose(rates(schedule="cosine"), 0.0005 * (1 + np.cos(np.pi * np.arange(100) / 100)), atol=1e-9)
    one_cycle = rates(schedule="one_cycle")
    assert one_cycle.argmax() == pytest.approx(30, abs=2)
    assert one_cycle[0] < 0.0001
    assert rates(warmup_epochs=1)[-1] == pytest.approx(0.001)


def test_the_body_has_a_step_size_of_its_own(make_task):
    task = make_task(**FINETUNE, body_learning_rate=0.0003)
    lesson = fit.prepare(task, alone(task.machine))
    groups = optim.optimiser(lesson.model, task.settings).param_groups
    assert [group["lr"] for group in groups] == [0.001, 0.0003]
    assert all(parameter.requires_grad for parameter in groups[1]["params"])


def test_mixing_is_off_unless_asked_for_and_mixes_rows_and_labels():
    assert optim.mixer(Training(), 3) is None
    torch.manual_seed(0)
    labels = torch.tensor([0, 1, 2, 0])
    for settings, rows in (
        (Training(mixup=1.0), torch.eye(4)),
        (
            Training(mixup=1.0, cutmix=1.0, recipe="finetune", backbone="a"),
            torch.randint(0, 255, (4, 8, 8, 3), dtype=torch.uint8),
        ),
    ):
        mixed, targets = optim.mixer(settings, 3)(rows, labels)
        assert mixed.shape == rows.shape
        assert targets.shape == (4, 3)
        torch.testing.assert_close(targets.sum(1), torch.ones(4))
        assert ((targets > 0) & (targets < 1)).any()


def test_mixup_and_averaged_weights_train(make_task):
    plain, mixed, averaged = (fit.train(make_task(**s)) for s in ({}, {"mixup": 0.4}, {"ema": 0.5}))
    assert not same(plain, mixed)
    assert not same(plain, averaged)
    np.testing.assert_allclose(plain.history["train_loss"], averaged.history["train_loss"])  # it learns the same ...
    assert (plain.history["val_loss"] != averaged.history["val_loss"]).any()  # ... and is judged by its average


def test_pictures_change_from_epoch_to_epoch_and_not_with_the_division(make_task):
    task = make_task(**FINETUNE)
    train = fit.prepare(task, alone(task.machine)).train
    assert isinstance(train, datasets.PictureDataset)
    rows = np.arange(6)
    first, again = (torch.cat(list(train.batches(np.array_split(rows, n), 1))) for n in (2, 3))
    assert torch.equal(first, again)
    assert not torch.equal(first, next(train.batches([rows], 2)))


def test_26_a_loss_that_is_not_finite_stops_with_the_photos(make_task):
    with pytest.raises(TrainingError) as error:
        fit.train(make_task(learning_rate=1e30, epochs=5, max_epochs_stop=5))
    assert "not finite" in str(error.value)
    assert ".jpg" in str(error.value)
    assert "lower training.learning_rate (now 1e+30)" in str(error.value)


def test_26_no_checkpoint_holds_numbers_that_are_not_finite(make_task):
    task = make_task(learning_rate=1e30, epochs=5, max_epochs_stop=5)
    with pytest.raises(TrainingError):
        fit.train(task)
    state = checkpoints.load(task.folder)
    assert state is None or all(torch.isfinite(t).all() for t in state["model"].values())


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_29_out_of_memory_is_one_sentence_with_three_remedies(make_task, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(trainer.Trainer, "_part", fail)
    with pytest.raises(TrainingError) as caught:
        fit.train(make_task(batch_size=6))
    for words in ("steps of 6 photos", "training.gradient_accumulation", "training.batch_size", "training.backbone"):
        assert words in str(caught.value)


def test_56_a_photo_that_changed_since_is_named(make_task):
    task = make_task(**FINETUNE)
    photo = task.root / task.train["photo"].iloc[3]
    content = photo.read_bytes()
    fit.features(task)  # cached before it changes
    photo.write_bytes(content[:-2])
    with pytest.raises(DataError, match="003.jpg was changed"):
        fit.train(task)


def test_37_a_job_needs_two_classes_and_validation_photos(make_task):
    task = make_task()
    split = task.run.table("split")
    for rows, words in (
        (split[split["split"] == "train"], "no validation photos"),
        (split[split["label"] == "raft"], "no training photo"),
        (split.assign(split=np.where(split["label"] == "raft", "val", "train")), "no training photo"),
    ):
        task.run.write_table("split", rows)
        with pytest.raises(DataError, match=words):
            TrainingTask.of_run(task.run, task.settings, task.compute, 1)


def test_a_job_travels_as_a_file_and_by_the_name_of_its_run(make_task):
    task = make_task(learning_rate=0.002)
    again = TrainingTask.read(str(task.write()))
    assert (again.settings, again.compute, again.seed) == (task.settings, task.compute, task.seed)
    pd.testing.assert_frame_equal(again.train, task.train)
    assert again.identity() == task.identity()
    params = Params(run="task", training=Training(recipe="head", learning_rate=0.005))
    (task.run.folder / "params.json").write_text(params.model_dump_json())
    assert TrainingTask.read("task").settings.learning_rate == 0.005
    (task.run.folder / "params.json").write_text(Params(run="task").model_dump_json())
    with pytest.raises(ParameterError, match=r"set training\.recipe to head or finetune"):
        TrainingTask.read("task")


# Checkpoints


def nested():
    return {"a": torch.arange(3), "b": [{"c": torch.ones(2, 2), 7: 0.5}, None, "x"], "empty": {}}


def test_a_checkpoint_comes_back_as_it_was_and_the_one_before_is_deleted(tmp_path):
    assert checkpoints.load(tmp_path) is None
    checkpoints.save(tmp_path, nested(), 1)
    checkpoints.save(tmp_path, nested() | {"new": 2}, 2)
    state = checkpoints.load(tmp_path)
    assert torch.equal(state["a"], torch.arange(3))
    assert torch.equal(state["b"][0]["c"], torch.ones(2, 2))
    assert state["b"][0][7] == 0.5
    assert (state["b"][1], state["b"][2], state["empty"], state["new"]) == (None, "x", {}, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-0002.pt", "last.json"]


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "page", "missing"])
def test_24_a_damaged_checkpoint_is_refused(tmp_path, damage):
    file = checkpoints.save(tmp_path, nested(), 1)
    data = bytearray(file.read_bytes())
    if damage == "missing":
        file.unlink()
    else:
        data[-1] ^= 1
        file.write_bytes({"flip": data, "cut": data[:20], "empty": b"", "page": b"<html>"}[damage])
    with pytest.raises(DamagedModelError, match="damaged"):
        checkpoints.load(tmp_path)


def test_23_a_write_that_fails_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, nested(), 1)

    def fail(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="No space"):
        checkpoints.save(tmp_path, nested(), 2)
    assert checkpoints.load(tmp_path) is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-0001.pt", "last.json"]


def test_58_nothing_in_a_checkpoint_runs(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "touched"), "w"))

    file = tmp_path / "epoch-0001.pt"
    torch.save({"rows": Bomb()}, file)
    record = {
        "file": file.name,
        "sha256": weights.sha256(file),
        "epoch": 1,
    }  # whoever can write one can write the other
    (tmp_path / "last.json").write_text(json.dumps(record))
    with pytest.raises(DamagedModelError, match="is damaged"):
        checkpoints.load(tmp_path)
    assert not (tmp_path / "touched").exists()


def test_history_is_written_by_the_training_alone(make_task):
    task = make_task(epochs=2, max_epochs_stop=2)
    trained = fit.train(task)
    pd.testing.assert_frame_equal(task.run.table("history"), trained.history)
    task.run.path("history").unlink()  # as Snakemake does before a step
    os.environ["BOATLIB_RESUME"] = "1"
    try:
        fit.train(task)  # had ended: no epoch is left
    finally:
        del os.environ["BOATLIB_RESUME"]
    pd.testing.assert_frame_equal(task.run.table("history"), trained.history)


def test_25_resume_asks_for_the_same_training(make_task, monkeypatch):
    fit.learn(make_task(epochs=2, max_epochs_stop=2), alone(FLOAT32))
    monkeypatch.setenv("BOATLIB_RESUME", "1")
    with pytest.raises(ParameterError, match=r"learning_rate 0.001, now 0.1"):
        fit.train(make_task(epochs=2, max_epochs_stop=2, learning_rate=0.1))


def test_the_checkpoint_of_a_training_that_has_ended_stops_no_other(make_task, monkeypatch):
    fit.train(make_task())
    assert Run("task").trained_epochs() == 0
    monkeypatch.setenv("BOATLIB_RESUME", "1")
    assert len(fit.train(make_task(epochs=2, max_epochs_stop=2)).history) == 2


def test_resume_of_a_training_that_had_ended_gives_its_result(make_task, monkeypatch):
    first = fit.train(make_task())
    monkeypatch.setenv("BOATLIB_RESUME", "1")
    again = fit.train(make_task())
    pd.testing.assert_frame_equal(first.history, again.history)
    assert same(first, again)


def test_a_damaged_checkpoint_stops_only_who_asks_for_it(make_task, monkeypatch):
    task = make_task()
    fit.train(task)
    (file,) = task.folder.glob("epoch-*")
    file.write_bytes(b"torn")
    fit.train(task)
    (file,) = task.folder.glob("epoch-*")
    file.write_bytes(b"torn")
    monkeypatch.setenv("BOATLIB_RESUME", "1")
    with pytest.raises(DamagedModelError, match="without --resume"):
        fit.train(task)


def test_an_interrupted_training_is_offered_and_not_lost_before_the_first_epoch(make_task, capsys):
    task = make_task()
    fit.learn(task, alone(task.machine))
    assert Run("task").trained_epochs() == 3
    fit._unfinished(task, ProcessGroup())
    assert "after epoch 3" in capsys.readouterr().out
    assert json.loads((task.folder / "last.json").read_text())["epoch"] == 3


# The machine


@pytest.mark.parametrize(
    ("gpus", "settings", "words"),
    [
        (0, {"device": "cuda"}, "no NVIDIA GPU was found"),
        (1, {"processes": 2}, "there is 1 GPU. Set it to 1 at the most"),
        (2, {"processes": 3, "device": "cuda"}, "there are 2 GPUs"),
        (0, {"processes": 2}, ""),
        (1, {"processes": 2, "device": "cpu"}, ""),
        (2, {"processes": 2}, ""),
    ],
)
def test_35_what_the_machine_does_not_have_is_refused(monkeypatch, gpus, settings, words):
    monkeypatch.setattr("boatlib.runtime.gpus", lambda: gpus)
    if words:
        with pytest.raises(ParameterError, match=words):
            Compute(**settings).check()
    else:
        Compute(**settings).check()


def test_contradictions_in_the_settings_are_refused():
    for settings, words in (
        ({"recipe": "head", "frozen": ["a"]}, "leave frozen empty"),
        ({"recipe": "head", "cutmix": 1.0}, "cutmix pastes pictures"),
        ({"schedule": "one_cycle", "warmup_epochs": 1.0}, "warm-up of its own"),
    ):
        with pytest.raises(ParameterError, match=words):
            Training.from_notebook(settings)


def test_the_same_in_bfloat16_is_nearly_the_same(make_task):
    if not torch.cpu.get_capabilities().get("avx512_bf16"):
        pytest.skip("this CPU does not multiply bfloat16")
    exact = make_task(epochs=1, max_epochs_stop=1, label_smoothing=0.3, **FINETUNE)
    half = replace(exact, compute=Compute(device="cpu", amp="auto"))
    one, two = (fit.train(task).history["train_loss"] for task in (exact, half))
    np.testing.assert_allclose(one, two, rtol=0.05)
    assert not np.array_equal(one, two)


def test_the_networks_of_a_training_are_found_once(make_task, monkeypatch):
    asked = []
    found = backbones.find_backbones
    monkeypatch.setattr(backbones, "find_backbones", lambda *how: asked.append(how) or found(*how))
    task = make_task(epochs=2, max_epochs_stop=2, range_test=3)
    fit.range_test(task)
    fit.train(task)
    assert len(asked) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="OpenMP is not GNU's")
@pytest.mark.parametrize("count", ["", "7"])
def test_threads_that_wait_sleep_soon_unless_somebody_wants_it_otherwise(count):
    """What OpenMP itself says when 03 loads it: it must know before torch is there."""
    cells = nbformat.read(ROOT / "notebooks" / "03_training.ipynb", as_version=4).cells
    imports = next(cell.source for cell in cells if "imports" in cell.metadata.get("tags", []))
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    environment |= {"OMP_DISPLAY_ENV": "VERBOSE"} | ({"GOMP_SPINCOUNT": count} if count else {})
    command = [sys.executable, "-c", f"{imports}\nimport torch"]
    said = subprocess.run(command, cwd=ROOT, env=environment, check=True, stderr=subprocess.PIPE, text=True).stderr
    assert f"GOMP_SPINCOUNT = '{count or 1000}'" in said
