"""Networks by their name alone: `auto` finds what each can be shown, and its model answers the same when it is read again."""

import json

import numpy as np
import pytest
from conftest import save_model

from boatlib.model.inference.predictor import Predictor
from boatlib.model.networks import auto, backbones
from boatlib.model.training import fit

pytestmark = pytest.mark.families

AT_ONCE = [  # what is special: patches of 14 and 16, windows, one size only, squeezed in its pretraining
    "timm/vit_tiny_patch16_224", "timm/eva02_tiny_patch14_224", "timm/swin_tiny_patch4_window7_224", "timm/levit_128",
    "timm/tf_efficientnetv2_b0", "squeezenet1_1",
]  # fmt: skip
LATER = [
    "timm/vit_small_patch14_dinov2.lvd142m", "timm/deit3_small_patch16_224", "timm/mixer_b16_224", "timm/xcit_nano_12_p16_224",
    "timm/coatnet_0_rw_224", "timm/convnext_atto", "timm/convnextv2_atto", "timm/resnet10t", "timm/regnetx_002",
    "timm/mobilenetv4_conv_small", "timm/mobilevit_xxs", "timm/efficientformerv2_s0", "timm/edgenext_xx_small", "timm/fastvit_t8",
    "timm/ghostnet_100", "timm/hrnet_w18_small", "timm/lcnet_050", "timm/maxvit_nano_rw_256", "timm/poolformer_s12",
    "timm/repvgg_a0", "timm/res2net50_26w_4s", "timm/tiny_vit_5m_224", "timm/vit_base_patch16_siglip_224", "timm/vovnet39a",
    "alexnet", "vgg11", "resnet18", "densenet121", "googlenet", "mnasnet0_5", "mobilenet_v3_small", "regnet_y_400mf", "swin_t",
    "vit_b_16",
]  # fmt: skip


def test_forty_are_tried():
    assert len({*AT_ONCE, *LATER}) == 40


@pytest.mark.parametrize("name", [*AT_ONCE, *(pytest.param(name, marks=pytest.mark.slow) for name in LATER)])
def test_a_network_works_by_its_name_alone(make_task, name):
    task = make_task(
        train=6, val=4, backbone=name, weights="none", resolution="auto", pooling="auto", epochs=1, max_epochs_stop=1
    )
    assert "auto" not in (task.settings.resolution, task.settings.pooling)
    saved = save_model(task, fit.train(task).network)
    expected = Predictor(saved).predict_catalogued(task.val, task.root)
    answers = Predictor.load(saved.folder).predict([task.root / photo for photo in task.val["photo"]])
    columns = ["p_kayak", "p_raft"]
    assert np.abs(answers[columns].to_numpy() - expected[columns].to_numpy()).max() < 1e-4
    told = json.loads((saved.folder / "model.json").read_text())
    assert "auto" not in json.dumps(told)


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        (
            ["efficientnet_lite2", "efficientnet_lite1"],
            (640, 427),
            ("384x576", "mean+gem"),
        ),  # what the boats were tried with
        ("efficientnet_lite2", (480, 640), ("544x416", "mean+gem")),
        ("resnet50", (348, 348), ("416x416", "mean+gem")),
        ("resnet50", (28, 28), ("224x224", "mean+gem")),  # nothing is won by making them larger still
        ("timm/vit_small_patch14_dinov2.lvd142m", (640, 427), ("420x630", "default")),
        ("timm/vit_tiny_patch16_224", (427, 640), ("288x192", "default")),
        ("timm/mixer_b16_224", (640, 427), ("224x224", "default")),  # its weights are those of one size
        ("vit_b_16", (640, 427), ("224x224", "default")),
        ("timm/vit_base_patch16_clip_224.openai", (640, 427), ("192x288", "default")),
    ],
)
def test_what_auto_stands_for(name, shape, expected):
    assert auto.decide(name, "auto", "auto", shape) == expected


def test_what_was_squeezed_stays_so(monkeypatch):
    squeezed = backbones.preprocessing_of("resnet18", "224x224")
    monkeypatch.setattr(backbones, "_published", lambda name: squeezed)
    assert auto.decide("resnet18", "auto", "default", (640, 427)) == ("default", "default")


def test_what_is_asked_for_is_not_changed():
    assert auto.decide("resnet18", "96x160", "default", (640, 427)) == ("96x160", "default")
