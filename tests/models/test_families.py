"""Every family of networks, untrained: some are taught both ways for an epoch on a tiny set, saved, and read by a fresh process.

The others take a step and are saved, in this process. All of them go the whole way with `-m slow`.
"""

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import FLOAT32

from boatlib.model.inference import bundle
from boatlib.model.networks import backbones, engines, modules
from boatlib.model.training import fit, optim
from boatlib.params import Training

pytestmark = pytest.mark.families

ARTICLE = [
    "alexnet", "vgg11", "resnet18", "squeezenet1_1", "densenet121", "inception_v3", "googlenet", "shufflenet_v2_x0_5",
    "mobilenet_v2", "resnext50_32x4d", "wide_resnet50_2", "mnasnet0_5",
]  # fmt: skip
NEWER = [
    "efficientnet_b0", "efficientnet_v2_s", "convnext_tiny", "regnet_y_400mf", "vit_b_32", "swin_t", "maxvit_t",
    "mobilenet_v3_small", "timm/mobilenetv3_small_050", "timm/vit_tiny_patch16_224",
    "efficientnet_lite0", "efficientnet_lite2",
]  # fmt: skip

# what is special: an auxiliary classifier, shuffled channels, another library, attention
WHOLE_WAY = [
    ("googlenet", "finetune"), ("shufflenet_v2_x0_5", "head"), ("timm/mobilenetv3_small_050", "finetune"),
    ("timm/vit_tiny_patch16_224", "head"),
]  # fmt: skip
BOTH = [(name, mode) for name in ARTICLE + NEWER for mode in ("head", "finetune")]

PREDICT = """
import sys
from boatlib.model.inference.predictor import Predictor
model, out, *photos = sys.argv[1:]
Predictor.load(model).predict(photos).to_csv(out, index=False)
"""
P = ["p_kayak", "p_raft"]
AGREE = 1e-4  # probabilities by torch in training, and by the engine elsewhere


def family(name):
    return name.split("_")[0].rstrip("0123456789")


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


def test_no_family_is_forgotten():
    assert {family(name) for name in backbones.torchvision_names()} <= {family(name) for name in ARTICLE + NEWER}


@pytest.mark.parametrize("name", ARTICLE + NEWER)
def test_a_family_takes_a_step_and_is_saved(monkeypatch, tmp_path, name):
    monkeypatch.setattr(engines, "prepare", lambda *_: None)  # converted for the CPU where it goes the whole way
    body = backbones.find_backbone(name, "none", on=FLOAT32).build(auxiliary=True)
    body.teach_auxiliary(2)
    pictures = torch.randint(0, 256, (2, *body.preprocessing.shape, 3), dtype=torch.uint8)
    with torch.no_grad():
        features = body.eval()(pictures).shape[1]
    model = modules.Classifier(modules.article_head(features, 2), body).train()
    settings = Training(backbone=name, recipe="finetune", class_weights="none")
    optimiser = optim.optimiser(model, settings)
    before = {name: tensor.clone() for name, tensor in body.network.named_parameters()}
    loss = optim.loss(model(pictures), torch.tensor([0, 1]), torch.ones(2), settings)
    loss.backward()
    optimiser.step()
    assert torch.isfinite(loss)
    moved = [name for name, tensor in body.network.named_parameters() if not torch.equal(tensor, before[name])]
    assert len(moved) > len(before) / 2, "the body learns, and not its last layers alone"
    body.drop_auxiliary()
    saved = bundle.save_bundle(tmp_path / "model", modules.Network([body], model.head), ["a", "b"], {}, on=FLOAT32)
    with torch.inference_mode():
        assert torch.equal(saved.bodies[0].build()(pictures), body.eval()(pictures))
    shutil.rmtree(tmp_path / "model")


@pytest.mark.parametrize(("name", "recipe"), [both if both in WHOLE_WAY else slow(*both) for both in BOTH])
def test_a_family_learns_is_saved_and_answers_the_same_elsewhere(make_task, project, monkeypatch, name, recipe):
    monkeypatch.setenv("BOATLIB_CACHE", str(project / "cache"))  # large, and of no use to anyone else
    one_epoch = {"epochs": 1, "max_epochs_stop": 1, "range_test": 0, "batch_size": 4}
    task = make_task(train=6, val=2, backbone=name, weights="none", recipe=recipe, **one_epoch)
    trained = fit.train(task)
    assert len(trained.history) == 1
    assert np.isfinite(trained.history[["train_loss", "val_loss"]].to_numpy()).all()
    saved = bundle.save_bundle(task.run.path("model"), trained.network, task.classes, {}, on=task.machine)
    shutil.rmtree(project / "cache")  # a fresh process on another computer: it has the model folder alone
    command = [sys.executable, "-c", PREDICT, str(saved.folder), str(project / "out.csv")]
    subprocess.run([*command, *(str(task.root / photo) for photo in task.val["photo"])], check=True)
    there = pd.read_csv(project / "out.csv")
    np.testing.assert_allclose(there[P].to_numpy(), trained.validation[P].to_numpy(), atol=AGREE)
    clear = (there[P[0]] - there[P[1]]).abs() > 2 * AGREE
    assert there["predicted"][clear].tolist() == trained.validation["predicted"][clear].tolist()
    shutil.rmtree(project)
