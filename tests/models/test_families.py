"""Every family of networks, untrained, on a tiny set: taught both ways for an epoch, saved, and read by a fresh process."""

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from boatlib.model.inference import bundle
from boatlib.model.networks import backbones
from boatlib.model.training import fit

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


def test_no_family_is_forgotten():
    assert {family(name) for name in backbones.torchvision_names()} <= {family(name) for name in ARTICLE + NEWER}


@pytest.mark.parametrize("mode", ["head", "finetune"])
@pytest.mark.parametrize("name", ARTICLE + NEWER)
def test_a_family_learns_is_saved_and_answers_the_same_elsewhere(make_task, project, monkeypatch, name, mode):
    monkeypatch.setenv("BOATLIB_CACHE", str(project / "cache"))  # large, and of no use to anyone else
    one_epoch = {"epochs": 1, "max_epochs_stop": 1, "range_test": 0, "batch_size": 4}
    task = make_task(train=6, val=2, backbone=name, weights="none", mode=mode, **one_epoch)
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
