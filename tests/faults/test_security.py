"""Faults 58, 60 and 63: what comes from somewhere runs nothing, reaches nothing, and is the version that it should be."""

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.version import Version

from boatlib import doctor
from boatlib.errors import ParameterError
from boatlib.model.networks import backbones, weights
from boatlib.params import Params, load_params
from boatlib.photos import catalog, folders, splits
from boatlib.photos.corrections import RELABEL, Corrections

MODULES = sorted((ROOT / "boatlib").rglob("*.py"))


def test_58_a_params_file_builds_nothing_but_values(tmp_path):
    file = tmp_path / "bomb.yaml"
    file.write_text(f"images: !!python/object/apply:os.system ['touch {tmp_path}/ran']\n")
    with pytest.raises(ParameterError):
        load_params(file)
    assert not (tmp_path / "ran").exists()


def test_58_nothing_in_the_package_reads_a_pickle():
    for module in MODULES:
        tree = ast.parse(module.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                assert not {"pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal"} & set(names), module
            if isinstance(node, ast.Call):
                name, words = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert name not in ("eval", "exec", "pd.read_pickle", "yaml.load"), module
                if name == "torch.load":
                    assert words.get("weights_only") == "True", module
                if name == "np.load":
                    assert words.get("allow_pickle", "False") == "False", module


@pytest.mark.parametrize("name", ["../x", "/etc", "a/b", "", ".", "..", "x" * 65, "a\0b", "-rf"])
def test_60_a_run_is_named_like_a_folder_and_no_more(name):
    with pytest.raises(ValueError, match="run"):
        Params(run=name)


@pytest.mark.parametrize("label", ["..", "../../x", "/etc", "a\0b", "x" * 256, "."])
def test_60_a_label_written_by_hand_reaches_no_other_folder(photo_set, project, tmp_path, label):
    log = Corrections(tmp_path / "corrections.csv")
    row = catalog.build_catalog(photo_set, 5).table.iloc[0]
    log._append(row["sha256"], row["photo"], "kayak", label, RELABEL)
    assert log.decided().empty
    split = splits.make_split(catalog.build_catalog(photo_set, 5, log.decided()).table, 0.6, 0.2, 0.2, 1)
    before = sorted(tmp_path.iterdir())
    folders.make_folders(split, photo_set, tmp_path / "data")
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "data"])


def test_63_weights_are_those_of_the_source(tmp_path, monkeypatch):
    file = weights.default_place("efficientnet_lite0")
    changed = bytearray(file.read_bytes())
    changed[len(changed) // 2] ^= 1
    (tmp_path / file.name).write_bytes(changed)
    monkeypatch.setattr(weights, "default_place", lambda name: tmp_path / file.name)
    with pytest.raises(ParameterError, match="not the ones that were published"):
        backbones.find_backbone("efficientnet_lite0")


def pinned():
    found = map(Requirement, (ROOT / "constraints.txt").read_text().splitlines())
    here = [one for one in found if one.marker is None or one.marker.evaluate()]
    return {one.name: str(one.specifier).removeprefix("==") for one in here}


def test_63_versions_close_known_holes_and_are_pinned():
    versions = {name.lower().replace("_", "-"): version for name, version in pinned().items()}
    for name, least in doctor.LEAST.items():
        assert Version(versions[name]) >= Version(least), name
    declared = " ".join(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
    for name, least in doctor.LEAST.items():
        assert re.search(rf"\b{name}>={re.escape(least)}", declared), name


def test_63_what_is_installed_is_what_is_pinned():
    drifted = []
    for name, version in pinned().items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if Version(installed).public != Version(version).public:
            drifted.append(f"{name} {installed}, pinned {version}")
    assert drifted == []


def test_63_known_holes_are_looked_up_where_somebody_can_be_asked():
    """pip-audit asks PyPI what is known of each pinned version."""
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--format", "json", "--timeout", "10"]
    command += ["--progress-spinner", "off", "--requirement", str(ROOT / "constraints.txt")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        pytest.skip(f"nobody could be asked for known holes: {done.stderr.strip()[-200:]}")
    audited = [package for package in packages if "vulns" in package]
    if not audited:
        pytest.skip("the package index tells nothing of known holes")
    assert {package["name"]: package["vulns"] for package in audited if package["vulns"]} == {}
