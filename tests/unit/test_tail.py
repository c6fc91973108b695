"""Last stages that learn on maps, whole photos as pictures, and a model taught again with the validation photos."""

import json

import numpy as np
import pytest
import torch
from conftest import draw
from PIL import Image

from boatlib.errors import ParameterError
from boatlib.model import backbones, bundle, cutting, embedding, training, views
from boatlib.model.prediction import Predictor
from boatlib.params import Params

TAIL = {"mode": "tail", "unfreeze": "blocks.6", "range_test": 0, "epochs": 2, "max_epochs_stop": 2, "mirror": True}
WIDE = backbones.find_backbone("efficientnet_lite0", resolution="96x160")


def moved(trained, job):
    (_, _, body), before = trained.bodies[0], job.backbones()[0].build().network.state_dict()
    return {n for n, tensor in body.network.state_dict().items() if not torch.equal(tensor, before[n])}


@pytest.mark.parametrize(
    ("name", "stage"),
    [("efficientnet_lite0", "blocks.6"), ("resnet18", "layer4"), ("densenet121", "features.denseblock4")],
)
def test_trunk_and_tail_are_the_network(name, stage):
    cut = cutting.CutBackbone(backbones.find_backbone(name, "default" if "lite" in name else "none", seed=1), stage)
    rows = torch.from_numpy(np.stack([np.asarray(draw(n).resize((224, 224))) for n in range(2)]))
    features = cut.backbone.build()(rows)
    both = torch.from_numpy(cut.engine().run(list(rows.numpy())))
    width = features.shape[1]
    torch.testing.assert_close(both[:, :width], features, rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(cut.tail(both[:, width:]), features, rtol=1e-2, atol=1e-2)


def test_a_network_that_is_no_row_of_stages_is_not_cut():
    cut = cutting.CutBackbone(backbones.find_backbone("googlenet", "none"), "inception5a")
    with pytest.raises(ParameterError, match="cannot be cut before inception5a.*finetune"):
        _ = cut.tail
    with pytest.raises(ParameterError, match="no stage 'blocks.9'. It has: conv_stem, bn1, blocks.0"):
        _ = cutting.CutBackbone(WIDE, "blocks.9").tail


def test_the_tail_learns_and_the_trunk_stays(make_job):
    job = make_job(**TAIL)
    trained = training.train(job)
    names = moved(trained, job)
    assert names
    assert {n.split(".")[0] for n in names} <= {"blocks", "conv_head", "bn2"}
    assert not any(n.startswith(tuple(f"blocks.{stage}." for stage in range(6))) for n in names)
    assert not any("running" in n for n in names)
    assert trained.before_refit is None


def test_maps_are_kept_in_half_the_room_and_features_are_not(make_job):
    job = make_job()
    backbone = job.backbones()[0]
    maps = embedding.embed(job.val, job.root, ["plain"], [cutting.CutBackbone(backbone, "blocks.6")])
    features = embedding.embed(job.val, job.root, ["plain"], [backbone])
    assert (maps.dtype, features.dtype) == (np.float16, np.float32)
    np.testing.assert_allclose(maps[..., :1280], features, rtol=1e-2, atol=1e-2)


def test_the_same_seed_teaches_the_same_tail(make_job):
    one, two = (training.train(make_job(**TAIL, refit=True)) for _ in range(2))
    for first, second in ((one.network, two.network), (one.before_refit, two.before_refit)):
        own, other = first.bodies[0][2].state_dict(), second.bodies[0][2].state_dict()
        assert all(torch.equal(own[name], other[name]) for name in own)


def test_the_last_epoch_counts_when_nothing_else_is_to(make_job):
    history = training.train(make_job(**TAIL | {"epochs": 3, "max_epochs_stop": 3}, stop_on="last")).history
    assert history["best"].tolist() == [False, False, True]


@pytest.mark.parametrize("settings", [{"epochs": 3, "max_epochs_stop": 3}, TAIL])
def test_a_refit_teaches_the_validation_photos_and_keeps_who_was_judged_by_them(make_job, tmp_path, settings):
    job = make_job(**settings, refit=True)
    plain = training.train(make_job(**settings))
    trained = training.train(job)
    assert trained.history.equals(plain.history)
    for name, tensor in plain.head.state_dict().items():
        assert torch.equal(trained.before_refit.head.state_dict()[name], tensor)
    assert not torch.equal(trained.head.state_dict()["0.weight"], plain.head.state_dict()["0.weight"])
    saved = bundle.save_bundle(
        tmp_path / "model", trained.bodies, trained.head, job.classes, {}, before_refit=trained.before_refit
    )
    judged = Predictor(saved).before_refit().predict_catalogued(job.val, job.root)
    np.testing.assert_allclose(judged["confidence"], trained.validation["confidence"], atol=1e-3)
    alone = bundle.save_bundle(tmp_path / "alone", plain.bodies, plain.head, job.classes, {})
    assert alone.before_refit() is alone


def test_whole_photos_are_squeezed_into_the_picture():
    picture = Image.fromarray(np.tile(np.linspace(0, 255, 300, dtype=np.uint8)[None, :, None], (100, 1, 3)))
    prepare = WIDE.preprocessing
    assert prepare.shape == (96, 160)
    assert views.seen_box(300, 100, prepare) == (0, 0, 300, 100)
    plain, flip, start, end, random = views.make_views(
        picture, [*views.DETERMINISTIC, views.augmented_name(0)], prepare, "ab"
    )
    assert {view.shape for view in (plain, flip, start, end, random)} == {(96, 160, 3)}
    assert plain[0, 0, 0] < 4
    assert plain[0, -1, 0] > 251
    np.testing.assert_array_equal(flip, plain[:, ::-1])
    assert start[0, -1, 0] == pytest.approx(255 * views.PART, abs=4)
    assert end[0, 0, 0] == pytest.approx(255 * (1 - views.PART), abs=4)


def test_a_resolution_is_part_of_what_a_backbone_is():
    square = backbones.find_backbone("efficientnet_lite0")
    assert WIDE.key == f"{square.key}-96x160"
    assert WIDE.engine().run([np.zeros((96, 160, 3), np.uint8)]).shape == (1, 1280)
    with pytest.raises(ParameterError, match="vit_b_32 cannot look at pictures of 96x160 pixels"):
        backbones.find_backbone("vit_b_32", "none", resolution="96x160").build()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"mode": "tail"}, "needs the stage"),
        ({"mode": "tail", "unfreeze": "blocks.6", "cutmix": 1.0}, "mode `tail` learns from features"),
        ({"mode": "tail", "unfreeze": "blocks.6", "backbone": ["a", "b"]}, "mode `head` only"),
        ({"resolution": "384"}, "HEIGHTxWIDTH in pixels, for example 384x576, not '384'"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Params.model_validate_json(json.dumps({"run": "a", "training": settings}))
