"""Fixtures that several layers share: small drawn sets, and one tiny run of the whole chain."""

import atexit
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if worker := os.environ.get(
    "PYTEST_XDIST_WORKER"
):  # each has cores of its own, also for what it starts: none waits for another
    every, count = sorted(os.sched_getaffinity(0)), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.sched_setaffinity(0, every[int(worker.removeprefix("gw")) % len(every) :: count])
    os.environ["OMP_NUM_THREADS"] = str(len(os.sched_getaffinity(0)))

import chromium
import numpy as np
import pandas as pd
import pytest
from chromium import browser, chromium_path  # noqa: F401 (fixtures)
from PIL import Image
from xdist.scheduler import LoadFileScheduling

from boatlib import runtime
from boatlib.model.training.task import TrainingTask
from boatlib.params import Compute, Training
from boatlib.report import pdf
from boatlib.run import Run

if (found := chromium.find()) and not pdf.find_browser():  # Playwright's own: reports are printed with it too
    os.environ[pdf.BROWSER] = found
if TYPE_CHECKING:
    from boatlib.model.inference.bundle import Bundle
    from boatlib.model.networks.modules import Network

ROOT = Path(__file__).parents[1]
FLOAT32 = runtime.machine(
    "cpu", "off"
)  # engines and torch agree to many digits; what half precision costs has its own tests
os.environ.setdefault("BOATLIB_CACHE", str(ROOT / ".cache"))  # what is computed there is computed once
REAL = ROOT.parent / "shared" / "boats" / "images"


def copy_of_the_project(folder: Path) -> Path:
    """Notebooks, workflow and params as they are, and the program itself: runs and reports of its own."""
    for part in ("notebooks", "workflow", "params"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(".*"))
    (folder / "boatlib").symlink_to(ROOT / "boatlib")
    return folder


# Where the chain and JupyterLab are tried: nothing is written into the project itself
WORK = copy_of_the_project(Path(tempfile.mkdtemp(prefix="boatlib-work-")))
atexit.register(shutil.rmtree, WORK, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _at_work():
    """Whoever looks for the project from the current folder finds the copy."""
    os.chdir(WORK)


class Together(LoadFileScheduling):
    """The tests of a file are one worker's; files that share a prepared run are the same worker's, and it is made once."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return _prepared_run(file) or file


@functools.cache
def _prepared_run(file: str) -> str:
    found = re.search(r"^def \w+\([^)]*\b(tiny_run|awkward|kept)\b", (ROOT / file).read_text(encoding="utf-8"), re.M)
    return found[1].replace("kept", "awkward") if found else ""


def pytest_xdist_make_scheduler(config, log):
    return Together(config, log)


def draw(seed: int, hue: int = 0) -> Image.Image:
    """A picture of coarse random blocks around one colour: never a near-duplicate of another seed's."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 120, (6, 8, 3), dtype=np.uint8)
    blocks[..., hue % 3] += 100
    return Image.fromarray(blocks).resize((160, 120), Image.Resampling.BICUBIC)


def make_set(folder: Path, counts: dict[str, int]) -> Path:
    """A folder of labelled photos: class name to number of photos."""
    for number, (label, count) in enumerate(counts.items()):
        (folder / label).mkdir(parents=True)
        for photo in range(count):
            draw(1000 * number + photo, number).save(folder / label / f"{photo:03d}.jpg", quality=90)
    return folder


@pytest.fixture
def photo_set(tmp_path):
    return make_set(tmp_path / "photos", {"kayak": 12, "paper boat": 8, "raft": 3})


def run_all(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The chain's command as ./run_all.sh calls it, in WORK."""
    command = [sys.executable, "-m", "boatlib", "run", *arguments]
    return subprocess.run(command, cwd=WORK, capture_output=True, text=True, timeout=600, env=os.environ)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project folder to work in, with the cache of the real one: what is computed there is computed once."""
    folder = tmp_path / "project"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "workflow").mkdir()
    (folder / "workflow" / "Snakefile").touch()
    monkeypatch.chdir(folder)
    return folder


PLAIN = {  # a training without anything special
    "backbone": "efficientnet_lite0", "resolution": "default", "pooling": "default", "views": 0, "refit": False,
    "monitor": "loss", "schedule": "constant", "weight_decay": 0.0, "label_smoothing": 0.0, "class_weights": "none",
}  # fmt: skip


@pytest.fixture
def make_task(project):
    """A training on a few drawn photos of two classes, in a run of its own: `make_task(epochs=2, mode="finetune")`."""

    def make(
        name: str = "task", train: int = 12, val: int = 5, processes: int = 1, seed: int = 1, **settings: object
    ) -> TrainingTask:
        run, photos = Run(name), project / "photos"
        rows = []
        for number in range(train + val):
            label = ("kayak", "raft")[number % 2]
            file = photos / label / f"{number:03d}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.exists():
                draw(number, number % 2).save(file, quality=90)
            sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
            rows.append((f"{label}/{file.name}", label, "train" if number < train else "val", sha256, sha256))
        run.write_table("split", pd.DataFrame(rows, columns=["photo", "label", "split", "group", "sha256"]))
        run.write_record("photos", {"images": str(photos), "notes": []})
        few = PLAIN | {"recipe": "head", "epochs": 3, "max_epochs_stop": 3, "batch_size": 5}
        return TrainingTask.of_run(
            run, Training(**few | settings), Compute(amp="off", processes=processes, device="cpu"), seed
        )

    return make


def save_model(task: TrainingTask, network: "Network") -> "Bundle":
    """Save what was learnt as the model of the task's run."""
    from boatlib.model.inference.bundle import save_bundle
    from boatlib.policy import Policy

    told = {"run": "task", "photos": {"kayak": 6, "raft": 6}, "val_photos": 5, "left_out": {"punt": 2}, "seed": 1}
    told |= {"fingerprint": "0123", "recipe": "head", "weights": "default", "unfreeze": "all"}
    saved = save_bundle(task.run.path("model"), network, task.classes, told, on=task.machine)
    return saved.with_policy(Policy({"": 0.6}), None)


@pytest.fixture(scope="session")
def learnt():
    """What was learnt of the photos of `make_task(epochs=4, max_epochs_stop=4)`, once that has been trained."""
    return []


@pytest.fixture
def taught(make_task, learnt):
    """A model of two classes, with its task. Each test has a folder of its own; what it learnt is the same each time."""
    from boatlib.model.training import fit

    task = make_task(epochs=4, max_epochs_stop=4)
    learnt[:] = learnt or [fit.train(task).network]
    return save_model(task, learnt[0]), task


TINY = "test-tiny"


@pytest.fixture(scope="session")
def tiny_images(tmp_path_factory):
    folder = make_set(tmp_path_factory.mktemp("tiny") / "photos", {"kayak": 14, "paper boat": 12, "raft": 3})
    (folder / "kayak" / "broken.jpg").write_bytes((folder / "kayak" / "000.jpg").read_bytes()[:800])
    return folder


def tiny_arguments(images: Path) -> list[str]:
    settings = {
        "run": TINY,
        "images": str(images),
        "exploration.min_photos_per_class": "8",
        "training.recipe": "head",
        "training.epochs": "12",
        "training.resolution": "96x160",
        "tta.views": "2",
        "compute.amp": "off",
    }
    return ["params/sample.yaml", *(word for key, value in settings.items() for word in ("--set", f"{key}={value}"))]


@pytest.fixture(scope="session")
def tiny_run(tiny_images):
    """runs/test-tiny: the whole chain on 29 small photos."""
    result = run_all(*tiny_arguments(tiny_images))
    assert result.returncode == 0, result.stdout + result.stderr
    return WORK / "runs" / TINY


@pytest.fixture(scope="session")
def awkward(tmp_path_factory):
    """A project of its own with one good run, in a folder whose name is as awkward as names get. Its photos were watched.

    The run was made with an umask that no default is like; `modes` are those of what it wrote.
    """
    from awkward import UMASK, Project
    from untouched import watched

    made = Project(tmp_path_factory.mktemp("faults") / "pro ject's {x} é;$HOME & co")
    with watched(made.photos):
        result = made.run(preexec_fn=lambda: os.umask(UMASK))
    assert result.returncode == 0, result.stdout + result.stderr
    written = [*made.run_folder.rglob("*"), *made.report.rglob("*")]
    photos = made.run_folder / "data"  # the user's own, under a second name
    made.modes = {path: path.stat().st_mode for path in written if photos not in path.parents}
    return made


@pytest.fixture
def kept(awkward):
    """The same; inputs and the last good run are byte for byte the same afterwards, and no process is left."""
    before = awkward.inputs(), awkward.good()
    yield awkward
    assert (awkward.inputs(), awkward.good()) == before
    assert awkward.processes() == []
