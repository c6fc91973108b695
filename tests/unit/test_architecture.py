"""The house stands as ARCHITECTURE.md draws it."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT

from boatlib.pipeline import dependencies

MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / "boatlib").rglob("*.py") if path.name != "__init__.py")
LAYERS = ["photos", "model", "results", "show", "lab", "report"]


def layer(module: Path) -> str:
    return module.parts[1] if len(module.parts) > 2 else ""


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_arrows_point_one_way(module):
    own = layer(module)
    for used in dependencies.imports_of(ROOT / module, ROOT):
        if own in LAYERS and layer(used) in LAYERS:
            assert LAYERS.index(layer(used)) <= LAYERS.index(own), f"{module} uses {used}"
        assert module not in dependencies.used_by(ROOT / used, ROOT), f"{module} and {used} use each other"


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("torch", r"boatlib/model/.*"),
        ("matplotlib", r"boatlib/show/kit/(charts|theme|fonts|html).py"),
        ("jupyter_server", r"boatlib/lab/contents.py"),
        ("captum", r"boatlib/model/inference/gradcam.py"),
        ("ipywidgets", r"boatlib/lab/.*"),
        ("streamlit", r"boatlib/app.py"),
        ("onnxruntime", r"boatlib/model/inference/onnx(_example)?.py"),
        ("nbconvert", r"boatlib/report/.*"),
        ("papermill", r"boatlib/pipeline/.*"),
    ],
)
def test_heavy_libraries_are_imported_in_their_rooms_only(library, allowed):
    users = [m for m in MODULES if re.search(rf"^\s*(import|from) {library}\b", (ROOT / m).read_text(), re.M)]
    assert users
    assert [str(m) for m in users if not re.fullmatch(allowed, str(m))] == []


@pytest.mark.parametrize("notebook", ["01_exploration", "02_split", "04_evaluation", "05_tta", "06_summary"])
def test_a_notebook_that_needs_no_tensor_does_not_import_torch(notebook):
    cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text())["cells"]
    imports = next("".join(c["source"]) for c in cells if "imports" in c["metadata"].get("tags", []))
    code = f"{imports}\nimport sys\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_conda_pip_and_the_pinned_versions_hold_together():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [name for extra in project["optional-dependencies"].values() for name in extra]
    names = {re.split(r"[<>=!\[ ]", line)[0].lower().replace("_", "-") for line in wanted} - {project["name"]}
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().split()}
    assert names - pinned == set()
    conda = (ROOT / "environment.yml").read_text()
    assert f"python {project['requires-python']}" in conda
    assert "--constraint constraints.txt" in conda
    assert "--editable ." in conda
