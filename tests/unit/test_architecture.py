"""The house stands as ARCHITECTURE.md draws it."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from boatlib.pipeline import dependencies, kernel
from boatlib.run import NEW_PHOTOS, all_steps

PACKAGE = ROOT / "boatlib"
MODULES = sorted(path.relative_to(ROOT) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
NAMES = [".".join(path.with_suffix("").parts) for path in MODULES]
# from the ground up: a module uses its own room, rooms of floors below, and the leaves (the files beside the rooms)
FLOORS = [
    ["photos.sample", "photos.layout"], ["photos"],
    ["model.inputs"], ["model.networks"], ["model.features"], ["model.inference", "model.training"],
    ["results"], ["show.kit"], ["show"], ["lab", "report"], ["pipeline"], ["serve"],
]  # fmt: skip
DOORS = ["cli", "app", "doctor", "__main__"]  # beside the rooms too, but above all of them


def room(module: str) -> str:
    return module.removeprefix("boatlib.").rpartition(".")[0]


def floor(module: str) -> int:
    if not room(module):
        return len(FLOORS) if module.removeprefix("boatlib.") in DOORS else -1
    return next(number for number, rooms in enumerate(FLOORS) if room(module) in rooms)


def used_by(module: str) -> set[str]:
    return {name for name in dependencies.imports_of(module, ROOT) if name in NAMES}


def reached_by(module: str) -> set[str]:
    found, waiting = set(), [module]
    while waiting:
        new = used_by(waiting.pop()) - found
        found |= new
        waiting += new
    return found


def test_every_room_is_on_a_floor_and_no_floor_is_empty():
    assert {room(name) for name in NAMES} - {""} == {name for rooms in FLOORS for name in rooms}


@pytest.mark.parametrize("module", NAMES)
def test_arrows_point_down_and_nothing_goes_round_in_circles(module):
    """Imports for type checkers only included."""
    for used in used_by(module):
        below = floor(used) < floor(module) or room(used) == room(module)
        drawn = (room(module), room(used)) == ("photos", "photos.sample")  # where a sample is drawn
        assert below or drawn, f"{module} uses {used}"
    assert module not in reached_by(module)


def test_what_draws_the_sample_is_imported_when_it_is_drawn():
    code = "from boatlib.photos import sources; import sys; sys.exit('boatlib.photos.sample.draw' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_using_a_model_never_reaches_teaching_one():
    for module in NAMES:
        if room(module) == "model.inference":
            assert [name for name in reached_by(module) if room(name) == "model.training"] == []


def test_the_kit_names_no_topic():
    topics = {path.stem for path in (PACKAGE / "show").glob("*.py")} | {
        path.stem for path in (PACKAGE / "results").glob("*.py")
    }
    topics -= {"__init__"}
    for path in (PACKAGE / "show" / "kit").glob("*.py"):
        tree = ast.parse(path.read_text())
        own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assert own & topics == set(), path.name
        module = f"boatlib.show.kit.{path.stem}"
        assert path.stem == "__init__" or {room(used) for used in reached_by(module)} & {"show", "results"} == set()


@pytest.mark.parametrize("script", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_benchmarks_import_what_is_there(script):
    """They are not run by the tests, so a name that moved would be noticed by whoever measures."""
    tree, modules = ast.parse(script.read_text()), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("boatlib"):
            for alias in node.names:
                if (name := f"{node.module}.{alias.name}") in NAMES:
                    modules[alias.name] = importlib.import_module(name)
                else:
                    assert hasattr(importlib.import_module(node.module), alias.name), (
                        f"{node.module} has no {alias.name}"
                    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            assert hasattr(modules[node.value.id], node.attr), f"{node.value.id} has no {node.attr}"


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("torch", r"boatlib/model/.*"),
        ("matplotlib", r"boatlib/show/kit/(charts|theme|fonts|html).py"),
        ("jupyter_server", r"boatlib/lab/contents.py"),
        ("captum", r"boatlib/model/inference/gradcam.py"),
        ("ipywidgets", r"boatlib/lab/.*"),
        ("streamlit", r"boatlib/app.py"),
        ("onnxruntime", r"boatlib/model/inference/onnx(_example|_predictor)?.py"),
        ("fastapi", r"boatlib/serve/(web|limits).py"),
        ("prometheus_client", r"boatlib/serve/metrics.py"),
        ("uvicorn", r"boatlib/serve/start.py"),
        ("nbconvert", r"boatlib/report/.*"),
        ("papermill", r"boatlib/(pipeline/.*|params.py)"),
    ],
)
def test_heavy_libraries_are_imported_in_their_rooms_only(library, allowed):
    users = [m for m in MODULES if re.search(rf"^\s*(import|from) {library}\b", (ROOT / m).read_text(), re.M)]
    assert users
    assert [str(m) for m in users if not re.fullmatch(allowed, str(m))] == []


def test_conda_pip_and_the_pinned_versions_hold_together():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [name for extra in project["optional-dependencies"].values() for name in extra]
    names = {canonicalize_name(Requirement(line).name) for line in wanted} - {project["name"]}
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(Requirement(line).name) for line in lines}
    assert names - pinned == set()
    conda = (ROOT / "environment.yml").read_text()
    assert f"python {project['requires-python']}" in conda
    assert "--constraint constraints.txt" in conda
    assert "--editable ." in conda


def test_on_windows_a_sentence_says_where_it_runs():
    code = "import sys; sys.platform = 'win32'; import boatlib"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "boatlib runs on Linux and macOS. On Windows, use it inside WSL" in done.stderr.splitlines()[-1]
    assert "fcntl" not in done.stderr


def test_what_kernels_import_before_they_listen_is_there():
    assert list(kernel.LATER) == [*all_steps(ROOT), NEW_PHOTOS]
    assert all(importlib.util.find_spec(name) for names in kernel.LATER.values() for name in names)
