"""Whole photos as pictures, features pooled in two ways, and a model taught again with the validation photos."""

import json

import numpy as np
import pytest
import torch
from conftest import draw
from PIL import Image

from boatlib.errors import ParameterError
from boatlib.model.features import embedding
from boatlib.model.inference import bundle
from boatlib.model.inference.predictor import Predictor
from boatlib.model.inputs import loading, views
from boatlib.model.networks import backbones, modules
from boatlib.model.training import fit
from boatlib.params import Params
from boatlib.run import cache_folder

FINETUNE = {
    "recipe": "finetune", "unfreeze": "blocks.6", "resolution": "96x96", "range_test": 0, "epochs": 1, "max_epochs_stop": 1,
}  # fmt: skip
HEAD = {"epochs": 3, "max_epochs_stop": 3, "views": 1}
WIDE = backbones.find_backbone("efficientnet_lite0", resolution="96x160")


def test_the_same_seed_teaches_the_same(make_task):
    one, two = (fit.train(make_task(**FINETUNE, refit=True)) for _ in range(2))
    for first, second in ((one.network, two.network), (one.before_refit, two.before_refit)):
        own, other = first.bodies[0].state_dict(), second.bodies[0].state_dict()
        assert all(torch.equal(own[name], other[name]) for name in own)


def test_the_last_epoch_counts_when_nothing_else_is_to(make_task):
    history = fit.train(make_task(**HEAD, monitor="last")).history
    assert history["best"].tolist() == [False, False, True]


@pytest.mark.parametrize("settings", [HEAD, FINETUNE])
def test_a_refit_teaches_the_validation_photos_and_keeps_who_was_judged_by_them(make_task, tmp_path, settings):
    task = make_task(**settings, refit=True)
    plain = fit.train(make_task(**settings))
    trained = fit.train(task)
    assert trained.history.equals(plain.history)
    for name, tensor in plain.network.head.state_dict().items():
        assert torch.equal(trained.before_refit.head.state_dict()[name], tensor)
    assert not torch.equal(trained.network.head.state_dict()["0.weight"], plain.network.head.state_dict()["0.weight"])
    saved = bundle.save_bundle(
        tmp_path / "model", trained.network, task.classes, {}, before_refit=trained.before_refit, on=task.machine
    )
    judged = Predictor(saved).before_refit().predict_catalogued(task.val, task.root)
    np.testing.assert_allclose(judged["confidence"], trained.validation["confidence"], atol=1e-3)
    alone = bundle.save_bundle(tmp_path / "alone", plain.network, task.classes, {}, on=task.machine)
    assert alone.before_refit() is alone


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18"])
def test_features_are_the_mean_and_the_generalised_mean(name):
    weights = "default" if "lite" in name else "none"
    plain, both = (
        backbones.find_backbone(name, weights, seed=1, pooling=pooling) for pooling in ("default", "mean+gem")
    )
    assert both.key == f"{plain.key}-mean-gem"
    rows = torch.from_numpy(np.stack([np.asarray(draw(n).resize((224, 224))) for n in range(2)]))
    with torch.inference_mode():
        mean, pooled = plain.build()(rows), both.build()(rows)
    assert pooled.shape == (2, 2 * mean.shape[1])
    torch.testing.assert_close(pooled[:, : mean.shape[1]], mean)
    assert (pooled[:, mean.shape[1] :] >= mean - 1e-4).all(), "never below the mean of what is not negative"


def test_the_generalised_mean_is_the_cube_root_of_the_mean_of_cubes():
    maps = torch.tensor([0.0, 1.0, 2.0, 3.0]).reshape(1, 1, 2, 2)
    assert modules.MeanAndGeM(flat=True)(maps)[0].tolist() == pytest.approx([1.5, 9 ** (1 / 3)])


@pytest.mark.parametrize("name", ["vgg11", "convnext_tiny"])  # no mean; a norm behind it that knows its width
def test_a_network_that_cannot_be_pooled_in_two_ways_is_refused(name):
    with pytest.raises(ParameterError, match="training.pooling: mean\\+gem is not possible with .* Set it to default"):
        backbones.find_backbone(name, "none", pooling="mean+gem").build()


def test_whole_photos_are_squeezed_into_the_picture():
    picture = Image.fromarray(np.tile(np.linspace(0, 255, 300, dtype=np.uint8)[None, :, None], (100, 1, 3)))
    prepare = WIDE.preprocessing
    assert prepare.shape == (96, 160)
    assert views.seen_box(300, 100, prepare) == (0, 0, 300, 100)
    plain, flip, start, end, random = views.make_views(
        picture, [*views.DETERMINISTIC, views.Augmentation().name(0)], prepare, "ab"
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
        ({"recipe": "head", "cutmix": 1.0}, "recipe `head` learns from features"),
        ({"recipe": "head", "frozen": ["a"]}, "name them in backbone"),
        ({"resolution": "384x"}, "HEIGHTxWIDTH in pixels, for example 384x576, not '384x'"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Params.model_validate_json(json.dumps({"run": "a", "training": settings}))


def test_a_photo_is_opened_once_for_all_networks_that_are_shown_the_same(make_task, monkeypatch, tmp_path):
    task = make_task()
    (tmp_path / "empty cache").mkdir()
    (tmp_path / "empty cache" / "engines").symlink_to(cache_folder("engines"))
    monkeypatch.setenv("BOATLIB_CACHE", str(tmp_path / "empty cache"))
    opened = []
    decode = loading.decode
    monkeypatch.setattr(loading, "decode", lambda *words: opened.append(words[1]) or decode(*words))
    two = backbones.find_backbones(["squeezenet1_0", "squeezenet1_1"], "none", resolution="96x160")
    both = embedding.embed(task.val, task.root, [views.PLAIN, "flip"], two)
    assert sorted(opened) == sorted(task.val["sha256"])
    alone = [embedding.embed(task.val, task.root, [views.PLAIN, "flip"], [one]) for one in two]
    np.testing.assert_array_equal(both, np.concatenate(alone, axis=2))
    assert len(opened) == len(task.val), "the rest comes from the cache"
