import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import FLOAT32, draw
from PIL import Image

from boatlib import runtime
from boatlib.errors import DamagedModelError, DataError, ParameterError
from boatlib.model.features import embedding
from boatlib.model.inference import bundle
from boatlib.model.inference.predictor import Predictor
from boatlib.model.inputs import views
from boatlib.model.networks import backbones, engines, modules
from boatlib.model.training import fit
from boatlib.params import Compute
from boatlib.runtime import Machine

NETWORK = backbones.find_backbone("efficientnet_lite0", on=FLOAT32)
HALF = runtime.machine("cpu")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model of three classes whose head has learnt nothing."""
    torch.manual_seed(1)
    head, body = modules.article_head(1280, 3), NETWORK.build()
    folder = tmp_path_factory.mktemp("model") / "model"
    network = modules.Network([body], head)
    return bundle.save_bundle(folder, network, ["a", "b", "c"], {}, on=FLOAT32)


@pytest.fixture
def photos(tmp_path):
    import hashlib

    for number in range(5):
        draw(number).save(tmp_path / f"{number}.png")
    names = [f"{number}.png" for number in range(5)]
    digests = [hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in names]
    return pd.DataFrame({"photo": names, "sha256": digests}), tmp_path


def test_views_are_square_and_random_ones_depend_on_the_photo_alone():
    image = draw(1)
    names = [*views.DETERMINISTIC, *views.Augmentation().names(3)]
    one, again = (views.make_views(image, names, NETWORK.preprocessing, "ab12") for _ in range(2))
    alone = views.make_views(image, ["augmented-2"], NETWORK.preprocessing, "ab12")[0]
    other = views.make_views(image, ["augmented-2"], NETWORK.preprocessing, "cd34")[0]
    for first, second in zip(one, again, strict=True):
        assert first.shape == (224, 224, 3)
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(alone, one[-1])
    assert (other != alone).any()


def test_the_flip_is_the_mirror_image():
    plain, flip = views.make_views(draw(1), ["plain", "flip"], NETWORK.preprocessing)
    np.testing.assert_array_equal(plain[:, ::-1], flip)


def test_light_changes_what_its_name_says():
    red = Image.new("RGB", (8, 8), (200, 40, 40))
    same = red.convert("RGB", views._light(1, 1, 1)).getpixel((0, 0))
    darker = red.convert("RGB", views._light(0.8, 1, 1)).getpixel((0, 0))
    grey = red.convert("RGB", views._light(1, 1, 0)).getpixel((0, 0))
    flat = red.convert("RGB", views._light(1, 0, 1)).getpixel((0, 0))
    assert same == (200, 40, 40)
    assert darker == (160, 32, 32)
    assert max(grey) - min(grey) <= 1
    assert flat == (128, 128, 128)


def test_pretrained_weights_give_other_features_than_none(photos):
    table, root = photos
    untrained = backbones.find_backbone("efficientnet_lite0", "none", seed=3, on=FLOAT32)
    known = embedding.embed(table, root, ["plain"], [NETWORK])[:]
    random = embedding.embed(table, root, ["plain"], [untrained])[:]
    assert known.shape == random.shape == (5, 1, 1280)
    assert np.abs(known - random).max() > 0.1


def test_engines_agree_with_torch():
    rows = [np.asarray(draw(n).resize((224, 224))) for n in range(5)]
    fast, plain = NETWORK.engine().run(rows), engines.TorchEngine(NETWORK.build(), FLOAT32).run(rows)
    cosine = (fast * plain).sum(1) / np.linalg.norm(fast, axis=1) / np.linalg.norm(plain, axis=1)
    assert cosine.min() > 0.999


@pytest.mark.skipif(not torch.cpu.get_capabilities().get("avx512_bf16"), reason="this CPU has no bfloat16")
def test_the_engine_of_a_gpu_computes_channels_last_and_in_half_precision_where_asked():
    rows = [np.asarray(draw(n).resize((224, 224))) for n in range(18)]
    exact = engines.TorchEngine(NETWORK.build(), FLOAT32).run(rows)
    engine = engines.TorchEngine(NETWORK.build(), HALF)
    half = engine.run(rows)
    assert half.shape == exact.shape
    assert half.dtype == np.float32
    cosine = (exact * half).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(half, axis=1)
    assert 0.98 < cosine.min() < 1 - 1e-7
    weights = [p for p in engine._module.parameters() if p.ndim == 4]
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)


@pytest.mark.skipif(not torch.cpu.get_capabilities().get("avx512_bf16"), reason="this CPU has no bfloat16")
def test_half_precision_is_used_where_it_is_wanted_and_stays_close():
    rows = [np.asarray(draw(n).resize((224, 224))) for n in range(5)]
    exact = NETWORK.engine().run(rows)
    assert engines.identity(FLOAT32).endswith("-float32")
    assert engines.identity(HALF).endswith("-bfloat16"), "features of another precision are other features"
    half = backbones.find_backbone("efficientnet_lite0", on=HALF).engine().run(rows)
    cosine = (exact * half).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(half, axis=1)
    assert 0.98 < cosine.min() < 1 - 1e-7


def test_the_backbone_is_really_frozen():
    body = NETWORK.build()
    before = {name: tensor.clone() for name, tensor in body.state_dict().items()}
    engines.TorchEngine(body, FLOAT32).run([np.asarray(draw(n).resize((224, 224))) for n in range(20)])
    assert all(torch.equal(before[name].cpu(), tensor.cpu()) for name, tensor in body.state_dict().items())


def test_answers_do_not_depend_on_companions_or_the_cache(saved, photos):
    table, root = photos
    predictor = Predictor(saved)
    together = predictor.answers(table, root)
    alone = np.concatenate([predictor.answers(table.iloc[[row]], root) for row in range(len(table))])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(together[..., :-1].sum(axis=2), 1)


def test_features_are_computed_once_and_again_when_what_they_depend_on_changes(photos, monkeypatch):
    table, root = photos
    monkeypatch.setattr(embedding, "cache_folder", lambda name: root / name)  # empty, whatever ran before
    calls = []

    class Counting:
        name, key, preprocessing, on = "counting", "counting", NETWORK.preprocessing, FLOAT32

        def engine(self):
            calls.append(1)
            return NETWORK.engine()

    first = embedding.embed(table, root, ["plain", "flip"], [Counting()])
    again = embedding.embed(table, root, ["flip", "plain"], [Counting()])
    assert len(calls) == 1
    np.testing.assert_array_equal(first[:, ::-1], again)
    monkeypatch.setattr(views, "VERSION", -1)
    embedding.embed(table, root, ["plain"], [Counting()])
    assert len(calls) == 2


def test_40_and_56_a_photo_that_changed_is_named(saved, photos):
    table, root = photos
    draw(99).save(root / "3.png")
    changed = table.assign(sha256=[f"{n}" * 64 for n in range(5)])
    with pytest.raises(DataError, match="changed or removed"):
        Predictor(saved).answers(changed, root)


def test_24_a_flipped_byte_is_found(saved, tmp_path):
    import shutil

    folder = shutil.copytree(saved.folder, tmp_path / "model")
    data = bytearray((folder / bundle.WEIGHTS).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / bundle.WEIGHTS).write_bytes(data)
    with pytest.raises(DamagedModelError, match="checksum"):
        bundle.load_bundle(folder)
    (folder / bundle.DESCRIPTION).write_text("{")
    with pytest.raises(DamagedModelError, match="not a whole model"):
        bundle.load_bundle(folder)


class Doubling:
    """An engine that says how much it was given at a time."""

    def __init__(self):
        self.calls = []

    def run(self, rows):
        rows = list(rows)
        self.calls.append(len(rows))
        return np.array([[2.0 * row] for row in rows]) if rows else np.empty((0, 0))


@pytest.mark.parametrize("count", [0, 1, engines.TURN, 2 * engines.TURN + 6])
def test_several_engines_take_turns_over_one_stream(count):
    asked = []

    def stream():
        for number in range(count):
            asked.append(number)
            yield [[number] * (number % 3), [number]]

    first, second = Doubling(), Doubling()
    few, all_of_them = engines.run_each([first, second], stream())
    assert few.ravel().tolist() == [2 * n for n in range(count) for _ in range(n % 3)]
    assert all_of_them.ravel().tolist() == [2 * n for n in range(count)]
    assert max(second.calls, default=0) <= engines.TURN
    assert asked == list(range(count))


def test_large_pictures_pass_few_at_a_time():
    sizes = [
        engines.batch_size([height, width, 3]) for height, width in ((96, 96), (224, 224), (384, 576), (2000, 2000))
    ]
    assert sizes == [16, 8, 2, 2]
    assert engines.batch_size([2560]) == engines.BATCH


@pytest.mark.parametrize(("amp", "half"), [("off", False), ("auto", True)])
def test_device_and_precision_travel_with_what_computes(make_task, tmp_path, amp, half):
    """From the settings to the networks that teach, and with the model to whoever asks it: not by the environment."""
    task = replace(make_task(epochs=1, max_epochs_stop=1), compute=Compute(device="cpu", amp=amp))
    assert {network.on for network in task.backbones} == {Machine("cpu", half)}
    saved = bundle.save_bundle(tmp_path / "model", fit.train(task).network, task.classes, {}, on=task.machine)
    there = Predictor.load(saved.folder, "cpu").bundle
    assert {there.on, *(body.on for body in there.bodies)} == {Machine("cpu", half)}
    assert not [
        name for name in os.environ if name.startswith("BOATLIB_") and name not in ("BOATLIB_CACHE", "BOATLIB_BROWSER")
    ]
    with pytest.raises(ParameterError, match="no NVIDIA GPU was found"):
        Predictor.load(saved.folder, "cuda")
