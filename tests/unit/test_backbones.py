"""Networks by name: what they expect, where their weights are, and what is said when they cannot be had."""

import hashlib
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file

from boatlib import runtime
from boatlib.cli import main
from boatlib.errors import ParameterError
from boatlib.model.networks import backbones, weights
from boatlib.model.networks.modules import Body


@pytest.mark.parametrize("name", backbones.LITE)
def test_what_is_written_down_of_the_lite_networks_is_what_timm_says(name):
    config = timm.get_pretrained_cfg(f"tf_{name}")
    own = backbones.preprocessing_of(name)
    assert (own.size, own.crop_fraction, own.mean, own.std, own.interpolation) == (
        config.input_size[1], config.crop_pct, config.mean, config.std, config.interpolation,
    )  # fmt: skip
    with torch.device("meta"):
        network = timm.create_model(f"tf_{name}")
    assert backbones.LITE_FACTS[name][:2] == (sum(p.numel() for p in network.parameters()), own.size)


def test_preprocessing_is_that_of_the_weights():
    inception = backbones.preprocessing_of("inception_v3")
    assert (inception.size, inception.resized, inception.interpolation) == (299, 342, "bilinear")
    assert backbones.preprocessing_of("timm/vit_tiny_patch16_224").mean == (0.5, 0.5, 0.5)
    with pytest.raises(ParameterError, match="pictures of 768 x 1024 pixels; only square"):
        backbones.preprocessing_of("timm/vit_base_patch16_sapiens2")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnet5", "Did you mean resnet50"),
        ("timm/resnet5", "Did you mean timm/resnet"),
        ("zzz", "backbones` lists"),
        ("timm/resnet18.nope", "There are: .*timm/resnet18.a1_in1k"),
        ("timm/hf-hub:a/b", "There is no backbone"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_ones(name, words):
    with pytest.raises(ParameterError, match=words):
        backbones.find_backbone(name)


@pytest.mark.slow
def test_one_rule_finds_every_classifier_of_torchvision():
    sizes = (
        "16gf",
        "32gf",
        "128gf",
        "1_6gf",
        "3_2gf",
        "8gf",
        "800mf",
    )  # RegNets cannot be made without memory: the small
    for name in [name for name in backbones.torchvision_names() if not name.endswith(sizes)]:
        with torch.device("cpu" if name.startswith("regnet") else "meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = torchvision.models.get_model(name, weights=None)
            outputs = sum(p.numel() for p in network.parameters())
            body = Body(network, backbones.preprocessing_of(name), has_classifier=True)
        left = [p.shape[0] for n, p in body.network.named_parameters() if not n.startswith(body.auxiliary_parts or "-")]
        assert 1000 not in left, name
        assert sum(p.numel() for p in body.network.parameters()) < outputs
        assert len(body.auxiliary) == {"googlenet": 2, "inception_v3": 1}.get(name, 0), name


def test_a_frozen_stage_stays_in_evaluation_mode_and_batch_norm_everywhere():
    body = backbones.find_backbone("efficientnet_lite0", "none").build()
    body.freeze_before("blocks.5")
    body.train()
    learning = {name for name, p in body.network.named_parameters() if p.requires_grad}
    assert {name.split(".")[0] for name in learning} == {"blocks", "conv_head", "bn2"}
    assert {name.split(".")[1] for name in learning if name.startswith("blocks")} == {"5", "6"}
    assert not body.network.get_submodule("blocks.4").training
    assert body.network.get_submodule("blocks.5").training
    assert not any(m.training for m in body.modules() if isinstance(m, torch.nn.BatchNorm2d))
    with pytest.raises(ParameterError, match="It has: conv_stem, bn1, blocks.0"):
        body.freeze_before("layer4")


def test_25_a_local_file_serves_as_state_dict_or_safetensors_and_must_fit(tmp_path):
    torch.manual_seed(5)
    network = torchvision.models.resnet18(weights=None)
    torch.save({"state_dict": {f"module.{n}": t for n, t in network.state_dict().items()}}, tmp_path / "mine.pth")
    save_file(network.state_dict(), tmp_path / "mine.safetensors")
    rows = torch.zeros(1, 224, 224, 3, dtype=torch.uint8)
    with torch.inference_mode():
        features = [
            backbones.find_backbone("resnet18", str(tmp_path / name)).build()(rows)
            for name in ("mine.pth", "mine.safetensors")
        ]
    assert torch.equal(*features)
    for other in ("resnet34", "efficientnet_lite0"):
        with pytest.raises(ParameterError, match="do not fit"):
            backbones.find_backbone(other, str(tmp_path / "mine.pth")).build()


def test_timm_refuses_the_weights_of_another_network(tmp_path):
    network = timm.create_model("mobilenetv3_small_050")
    save_file(network.state_dict(), tmp_path / "mine.safetensors")
    body = backbones.find_backbone("timm/mobilenetv3_small_050", str(tmp_path / "mine.safetensors")).build()
    assert torch.equal(body.network.state_dict()["conv_stem.weight"], network.state_dict()["conv_stem.weight"])
    with pytest.raises(ParameterError, match="do not fit"):
        backbones.find_backbone("timm/mobilenetv3_small_075", str(tmp_path / "mine.safetensors")).build()


def test_a_file_whose_name_carries_a_hash_is_checked(tmp_path):
    state = torchvision.models.squeezenet1_1(weights=None).state_dict()
    torch.save(state, tmp_path / "new.pth")
    right = tmp_path / f"squeezenet-{hashlib.sha256((tmp_path / 'new.pth').read_bytes()).hexdigest()[:8]}.pth"
    right.write_bytes((tmp_path / "new.pth").read_bytes())
    backbones.find_backbone("squeezenet1_1", str(right))
    right.write_bytes(right.read_bytes()[:-1] + b"x")
    with pytest.raises(ParameterError, match="damaged"):
        backbones.find_backbone("squeezenet1_1", str(right))


def test_58_a_file_that_is_no_weights_file_runs_nothing(tmp_path):
    import pickle

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "touched"), "w"))

    (tmp_path / "bomb.pth").write_bytes(pickle.dumps(Bomb(), protocol=2))
    with pytest.raises(ParameterError, match="not a readable file of weights"):
        backbones.find_backbone("resnet18", str(tmp_path / "bomb.pth")).build()
    assert not (tmp_path / "touched").exists()


def test_without_a_connection_three_ways_out_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def refuse(*_, **__):
        raise OSError("no connection")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    with pytest.raises(ParameterError) as error:
        backbones.find_backbone("resnet50")
    for way in ("connect once to https://", "name a file", "`none`"):
        assert way in str(error.value)


def test_default_weights_are_fetched_once(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    fetched = []

    def fetch(address, place, promised, progress):
        fetched.append((address, promised))
        torch.save({}, place)

    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    with pytest.raises(ParameterError, match="damaged: its SHA-256 does not begin with f37072fd"):
        weights.find_weights("resnet18", "default")
    monkeypatch.setattr(weights, "sha256", lambda _: "f37072fd" + 56 * "0")
    one, two = (weights.find_weights("resnet18", "default") for _ in range(2))
    assert one == two
    assert len(fetched) == 1
    assert fetched[0][1] in fetched[0][0]  # the hash that the address promises is checked by the download


def test_several_backbones_have_a_file_each_or_one_word_for_all(tmp_path):
    names = ["efficientnet_lite0", "efficientnet_lite1"]
    assert [b.source.file for b in backbones.find_backbones(names, "none")] == [None, None]
    with pytest.raises(ParameterError, match="3 files for 2 backbones"):
        backbones.find_backbones(names, ["none"] * 3)


def test_the_list_names_size_accuracy_and_what_is_at_hand(capsys):
    table = backbones.list_backbones()
    assert len(table) == len(backbones.torchvision_names()) + len(backbones.LITE)
    row = table.set_index("name").loc["resnet50"]
    assert (row["parameters"], row["size"], round(row["imagenet"], 5)) == (25557032, 224, 0.80858)
    assert table.set_index("name").loc["efficientnet_lite0", "at_hand"]
    main(["backbones", "timm/mobilenetv3_small_050"])
    assert "timm/mobilenetv3_small_050.lamb_in1k       1.6 M    224" in capsys.readouterr().out
    assert np.isnan(backbones.list_backbones("timm/mobilenetv3_small_050")["imagenet"].astype(float)).all()


def test_files_of_older_versions_of_torchvision_are_read(tmp_path):
    """DenseNet's published files say norm.1 where the network says norm1; many lack the counters of batch-norm."""
    state = torchvision.models.densenet121(weights=None).state_dict()
    old = {re.sub(r"(norm|conv)([12])\.", r"\1.\2.", n) if "denselayer" in n else n: t for n, t in state.items()}
    old = {name: tensor for name, tensor in old.items() if not name.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "old.pth")
    body = backbones.find_backbone("densenet121", str(tmp_path / "old.pth")).build()
    name = "features.denseblock1.denselayer1.norm1.weight"
    assert torch.equal(body.network.state_dict()[name], state[name])
    last = "features.denseblock4.denselayer16.conv2.weight"
    assert torch.equal(body.network.state_dict()[last], state[last])


def test_timm_reads_safetensors_also_where_it_has_a_reader_of_its_own(tmp_path):
    network = timm.create_model("vit_tiny_patch16_224")
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    body = backbones.find_backbone("timm/vit_tiny_patch16_224", str(tmp_path / "model.safetensors")).build()
    assert torch.equal(body.network.state_dict()["cls_token"], network.state_dict()["cls_token"])


def test_minus_one_hides_all_gpus(monkeypatch):
    monkeypatch.setattr(Path, "glob", lambda *_: [Path("/dev/nvidia0"), Path("/dev/nvidia1"), Path("/dev/nvidiactl")])
    for visible, count in ((None, 2), ("-1", 0), ("", 0), ("0", 1), ("0,-1,1", 1)):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if visible is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert runtime.gpus() == count
