"""The whole chain on a tiny set: papermill, kernels and Snakemake as a user starts them."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, TINY, WORK, draw, run_all, tiny_arguments

from boatlib import runtime
from boatlib.model.inference.bundle import load_bundle
from boatlib.params import Params
from boatlib.run import FILES, Run

pytestmark = pytest.mark.notebook


def tables(folder):
    names = [path for path, _ in FILES.values() if path.endswith((".csv", ".png")) or path == "tta.json"]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def times(folder):
    return {path.stem: path.stat().st_mtime_ns for path in (folder / "notebooks").glob("*.ipynb")}


def test_every_file_of_the_contract_is_there(tiny_run):
    assert [path for path, _ in FILES.values() if not (tiny_run / path).exists()] == []
    report = WORK / "reports" / TINY
    assert (report / "index.html").is_file()
    assert len(list(report.glob("*.html"))) == 6
    catalog = pd.read_csv(tiny_run / "catalog.csv", keep_default_na=False)
    assert len(catalog) == 30
    assert "broken.jpg" in catalog.loc[catalog["status"] == "skipped", "photo"].str.cat()


def test_the_contracts_columns(tiny_run):
    def columns(name):
        return list(pd.read_csv(tiny_run / name).columns)

    expected = [
        "photo",
        "label",
        "status",
        "reason_code",
        "reason",
        "format",
        "mode",
        "width",
        "height",
        "bytes",
        "sha256",
        "group",
    ]
    assert columns("catalog.csv") == [
        *expected, "decision", "stratum", "low", "high", "part", "group_by", "set_label", "remark",
    ]  # fmt: skip
    assert columns("split.csv") == ["photo", "label", "split", "group", "sha256", "decision"]
    assert columns("predictions.csv") == [
        "photo", "label", "predicted", "confidence", "unfamiliarity", "p_kayak", "p_paper boat",
    ]  # fmt: skip
    assert columns("judges.csv") == ["label", "predicted", "confidence", "unfamiliarity", "group"]
    assert columns("policy.csv") == ["answer", "action", "per_1000", "right", "judged"]
    assert columns("elsewhere.csv") == ["distance", "photos", "right", "low", "high"]
    assert columns("unknown.csv") == ["what", "kind", "photos", "noticed", "called"]
    assert columns("shortcuts.csv") == ["rule", "class", "right", "chance", "model"]
    counts, rates = ["train", "val", "test", "correct"], ["top1", "top1_low", "top1_high"]  # of two classes, no top-3
    per_class = ["class", *counts, *rates, "loss", "precision", "recall", "f1", "answers"]
    assert columns("per_class.csv") == per_class


def test_nothing_changed_runs_nothing(tiny_run, tiny_images):
    before = times(tiny_run)
    result = run_all(*tiny_arguments(tiny_images))
    assert result.returncode == 0
    assert times(tiny_run) == before


def test_what_was_deleted_is_made_again(tiny_run, tiny_images):
    before = times(tiny_run)
    (tiny_run / "tta.json").unlink()
    assert run_all(*tiny_arguments(tiny_images)).returncode == 0
    assert (tiny_run / "tta.json").is_file()
    changed = {step for step, time in times(tiny_run).items() if time != before[step]}
    assert changed == {"05_tta", "06_summary"}


def test_a_copy_without_its_times_runs_nothing_again(tiny_run, tiny_images):
    """As after an unpacked archive: every file of the run, its pages and its photos gets a new time, in any order."""
    random, now = np.random.default_rng(0), time.time()
    places = [tiny_run, WORK / "reports" / TINY, tiny_images]
    files = [path for place in places for path in place.rglob("*") if path.is_file() and not path.is_symlink()]
    for path, age in zip(files, random.permutation(len(files)), strict=True):
        os.utime(path, (now - age, now - age))
    before = times(tiny_run)
    result = run_all(*tiny_arguments(tiny_images))
    assert result.returncode == 0, result.stdout
    assert times(tiny_run) == before
    assert "nothing has changed" in run_all(*tiny_arguments(tiny_images), "--dry-run").stdout


def test_a_chain_that_stopped_behind_03_makes_the_model_whole_again(tiny_run, tiny_images):
    """The same training gives the same model, but without what 04 and 06 add to it."""
    same = tiny_arguments(tiny_images)
    assert run_all(*same).returncode == 0
    model = tiny_run / "model"
    whole, policy = sorted(model.rglob("*")), json.loads((model / "model.json").read_text())["policy"]
    assert run_all(*same, "--force", "03", "--until", "03").returncode == 0
    assert sorted(model.rglob("*")) != whole
    assert run_all(*same).returncode == 0
    assert sorted(model.rglob("*")) == whole
    assert json.loads((model / "model.json").read_text())["policy"] == policy


def test_a_changed_tta_parameter_runs_05_and_06_only_and_makes_their_pages(tiny_run, tiny_images):
    def pages():
        return {file.stem: file.stat().st_mtime_ns for file in (tiny_run / "pages").iterdir()}

    before, pages_before = times(tiny_run), pages()
    result = run_all(*tiny_arguments(tiny_images), "--set", "tta.views=3")
    assert result.returncode == 0, result.stdout
    changed = {step for step, time in times(tiny_run).items() if time != before[step]}
    assert changed == {"05_tta", "06_summary"}
    assert {step for step, time in pages().items() if time != pages_before[step]} == changed


def test_other_costs_run_06_only_and_the_model_draws_another_line(tiny_run, tiny_images):
    def policy():
        return json.loads((tiny_run / "model" / "model.json").read_text())["policy"]

    same = (*tiny_arguments(tiny_images), "--set", "tta.views=3")
    assert run_all(*same).returncode == 0
    before = times(tiny_run)
    assert policy()["rule"] == "target"
    result = run_all(*same, "--set", "review.cost_of_error=50", "--set", "review.cost_of_check=1")
    assert result.returncode == 0, result.stdout
    assert {step for step, time in times(tiny_run).items() if time != before[step]} == {"06_summary"}
    assert policy()["rule"] == "cost"
    assert "cheapest for the costs" in (tiny_run / "model" / "MODEL_CARD.md").read_text()
    assert "nothing has changed" not in run_all(*same, "--dry-run").stdout
    assert run_all(*same).returncode == 0
    assert policy()["rule"] == "target"


@pytest.fixture
def own_code():
    """A copy of the program in place of the program, to change."""
    place = WORK / "boatlib"
    place.unlink()
    shutil.copytree(ROOT / "boatlib", place, ignore=shutil.ignore_patterns("__pycache__"))
    yield place
    shutil.rmtree(place)
    place.symlink_to(ROOT / "boatlib")


def test_a_change_of_the_code_runs_what_reaches_it(tiny_run, tiny_images, own_code):
    def would_run():
        return run_all(*tiny_arguments(tiny_images), "--set", "tta.views=3", "--dry-run").stdout

    assert run_all(*tiny_arguments(tiny_images), "--set", "tta.views=3").returncode == 0
    changes = [
        ("show/brief.py", "mostly missed", "often missed", ["summary", "report"]),
        ("photos/sample/boats.py", "def ", "def  ", []),
        ("results/tta.py", "def choose(", "def choose(  # by validation alone\n    ", ["tta", "summary", "report"]),
    ]
    for file, old, new, steps in changes:
        path = own_code / file
        text = path.read_text()
        path.write_text(text.replace(old, new))
        shown = would_run()
        path.write_text(text)
        assert re.findall(rf"^  {TINY} +(\w+)", shown, re.M) == steps, shown
        if steps:
            assert f"Code has changed: boatlib.{file.removesuffix('.py').replace('/', '.')}\n" in shown
    assert "nothing has changed" in would_run()


def test_a_changed_folder_would_run_everything(tiny_run, tiny_images):
    new = tiny_images / "kayak" / "new.jpg"
    new.write_bytes((tiny_images / "raft" / "000.jpg").read_bytes()[:-2] + b"\xff\xd9")
    try:
        result = run_all(*tiny_arguments(tiny_images), "--set", "tta.views=3", "--dry-run")
    finally:
        new.unlink()
    shown = re.findall(r"test-tiny\s+(\w+)", result.stdout)
    assert {"exploration", "split", "training", "evaluation", "tta", "summary"} <= set(shown)


@pytest.mark.slow
def test_31_the_same_params_give_the_same_bytes(tiny_run, tiny_images):
    other = run_all(*tiny_arguments(tiny_images), "--set", "tta.views=3", "--set", f"run={TINY}-again")
    assert other.returncode == 0, other.stdout
    run_all(*tiny_arguments(tiny_images), "--set", "tta.views=3")
    assert tables(tiny_run) == tables(WORK / "runs" / f"{TINY}-again")


def test_weights_that_are_none_are_found_before_the_first_step_and_the_last_report_is_kept(
    tiny_run, tiny_images, tmp_path
):
    page = WORK / "reports" / TINY / "index.html"
    before = page.read_bytes()
    (tmp_path / "other.pth").write_bytes(b"no weights")
    result = run_all(*tiny_arguments(tiny_images), "--set", f"training.weights={tmp_path / 'other.pth'}")
    assert result.returncode == 2
    assert "other.pth is not a readable file of weights" in result.stderr
    assert "01_exploration" not in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
    assert page.read_bytes() == before
    run_all(*tiny_arguments(tiny_images), "--set", "tta.views=3")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("training.weights=/no/such/file.pth", "does not exist"),
        ("training.backbone=efficientnet_lite9", "Did you mean efficientnet_lite"),
        ("compute.device=cuda", "no NVIDIA GPU was found"),
    ],
)
def test_what_cannot_be_had_is_found_before_the_first_step(tiny_images, setting, words):
    if "cuda" in setting and runtime.gpus():
        pytest.skip("there is a GPU")
    result = run_all(*tiny_arguments(tiny_images), "--set", f"run={TINY}-never", "--set", setting)
    assert result.returncode == 2
    assert words in result.stderr
    assert "exploration" not in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_a_recipe_is_found_while_nobody_can_read_the_test_photos_and_gives_the_same_model_again(tiny_images, tmp_path):
    photos, name = shutil.copytree(tiny_images, tmp_path / "photos"), f"{TINY}-found"
    auto = ["--set", f"run={name}", "--set", "training.recipe=auto", "--set", "training.minutes=0.5"]
    result = run_all(*tiny_arguments(photos), *auto, "--until", "split")
    assert result.returncode == 0, result.stdout + result.stderr
    split = Run(name).table("split")
    hidden = [photos / photo for photo in split.loc[split["split"] == "test", "photo"]]
    assert hidden
    for photo in hidden:
        photo.rename(f"{photo}.hidden")
    step = [sys.executable, "-m", "boatlib.pipeline.step", name, "03_training"]
    found = subprocess.run(step, cwd=WORK, capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "tried: the best head" in found.stdout or "tried: head" in found.stdout
    for photo in hidden:
        photo.with_name(f"{photo.name}.hidden").rename(photo)
    recipes = pd.read_csv(WORK / "runs" / name / "recipes.csv")
    assert (recipes["verdict"] == "chosen").any()
    assert recipes["low"].le(recipes["right"]).all()
    again = run_all(f"runs/{name}/recipe.yaml", "--until", "training")
    assert again.returncode == 0, again.stdout + again.stderr
    weights = [load_bundle(Run(run).path("model")).weights_sha256 for run in (name, f"{name}-again")]
    assert weights[0] == weights[1]


def test_an_interrupted_chain_goes_on_with_resume_and_says_so(tiny_images):
    settings = ["--set", f"run={TINY}-resumed", "--set", "training.epochs=60", "--set", "training.max_epochs_stop=60"]
    command = [sys.executable, "-m", "boatlib", "run", *tiny_arguments(tiny_images), *settings, "--until", "03"]
    process = subprocess.Popen(command, cwd=WORK, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in process.stdout:
        if "epoch  10" in line:
            break
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    epochs = int(re.search(r"had come to the end of epoch (\d+): the same command with --resume", output)[1])
    assert 10 <= epochs < 60
    again = subprocess.run([*command, "--resume"], cwd=WORK, capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stdout
    assert f"going on after epoch {epochs}" in again.stdout
    history = pd.read_csv(WORK / "runs" / f"{TINY}-resumed" / "history.csv")
    assert history["epoch"].tolist() == list(range(1, 61))


@pytest.mark.slow
def test_a_profile_runs_several_runs_side_by_side(tiny_images, tmp_path):
    names = [f"{TINY}-sweep-{seed}" for seed in (1, 2)]
    for seed, name in enumerate(names):
        text = f"images: {tiny_images}\nseed: {seed}\nexploration: {{min_photos_per_class: 8}}\n"
        text += "training: {range_test: 0, resolution: 96x160}\n"
        (tmp_path / f"{name}.yaml").write_text(text)
    files = [str(tmp_path / f"{name}.yaml") for name in names]
    result = run_all(*files, "--profile", "workflow/profiles/local")
    assert result.returncode == 0, result.stdout + result.stderr
    for name in names:
        assert (WORK / "reports" / name / "index.html").is_file()
        assert f'href="{name}/index.html"' in (WORK / "reports" / "index.html").read_text()


@pytest.mark.parametrize(
    ("folder", "words"),
    [("no/such/folder", "does not exist"), ("params/sample.yaml", "is a file"), ("params", "class")],
)
def test_folders_that_cannot_serve_are_bad_data(folder, words):
    result = run_all("params/sample.yaml", "--set", f"images={folder}", "--set", f"run={TINY}-bad")
    assert result.returncode == 3
    assert words in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.parametrize("notebook", ["01_exploration", "02_split", "04_evaluation", "05_tta", "06_summary"])
def test_only_the_training_needs_torch(tiny_run, notebook):
    """Every cell of the notebook, on a copy of the run: what 03 left is enough for the others."""
    name = f"{TINY}-no-torch"
    shutil.rmtree(WORK / "runs" / name, ignore_errors=True)
    shutil.copytree(tiny_run, WORK / "runs" / name, symlinks=True)
    cells = [c for c in nbformat.read(WORK / "notebooks" / f"{notebook}.ipynb", 4).cells if c.cell_type == "code"]
    values = Params.of_run(name).for_notebook(WORK / "notebooks" / f"{notebook}.ipynb") | {"run": name}
    given = "\n".join(f"{key} = {value!r}" for key, value in values.items())
    sources = [f"{c.source}\n{given}" if "parameters" in c.metadata.get("tags", []) else c.source for c in cells]
    code = "\n".join([*sources, "import sys", "sys.exit('torch' in sys.modules)"])
    as_the_chain = os.environ | {runtime.STATIC: "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=WORK, env=as_the_chain, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_table_with_parts_and_groups_and_photos_of_phones(tmp_path):
    """Labels in a sheet of semicolons, a given test part, two photos of each patient, half of them HEIC."""
    rows = []
    for patient in range(24):
        for shot, ending in enumerate(("heic", "png")):
            name = f"p{patient:02d} {shot}.{ending}"
            (tmp_path / "set").mkdir(exist_ok=True)
            draw(7 * patient + shot, patient % 2).save(tmp_path / "set" / name)
            rows.append((name, "sick" if patient % 2 else "well", f"p{patient}", "test" if patient > 15 else "train"))
    table = pd.DataFrame(rows, columns=["file", "finding", "patient", "split"])
    table.to_csv(tmp_path / "set" / "labels.csv", sep=";", index=False)
    name = f"{TINY}-table"
    settings = {
        "run": name, "images": str(tmp_path / "set" / "labels.csv"), "exploration.min_photos_per_class": 4,
        "split.group_by": "patient", "training.recipe": "head", "training.backbone": "efficientnet_lite0", "training.epochs": 4,
        "training.max_epochs_stop": 4, "compute.amp": "off", "share.subject": "skin", "exploration.near_duplicates": "off",
    }  # fmt: skip
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    result = run_all("params/sample.yaml", *words)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{name}: auto is resolution" in result.stdout
    run = Run(name)
    split, catalog = run.table("split"), run.table("catalog")
    assert split["split"].value_counts().to_dict() == {"train": 24, "test": 16, "val": 8}
    given = split.merge(catalog[["photo", "part", "group_by"]], on="photo")
    assert (given.loc[given["part"] == "test", "split"] == "test").all()
    assert (given.groupby("group_by")["split"].nunique() == 1).all()
    assert set(catalog.loc[catalog["status"] == "used", "format"]) == {"HEIF", "PNG"}
    assert run.record("metrics")["groups"] == 8
    page = (WORK / "reports" / name / "index.html").read_text(encoding="utf-8")
    assert "classes in skin photos" in page
    assert "The 16 test photos belong to 8 groups" in page


def test_shards_side_by_side_give_the_bytes_of_one(tiny_images, tiny_run, monkeypatch, tmp_path):
    of_one = tiny_arguments(tiny_images)
    assert run_all(*of_one).returncode == 0  # other tests ask 05 for other views
    of_several = [*of_one, "--set", f"run={TINY}-shards", "--set", "compute.shards=2", "--jobs", "2"]
    monkeypatch.setenv("BOATLIB_CACHE", str(tmp_path))  # nothing is there yet
    done = run_all(*of_several)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {f"shard {number} of 2" for number in (1, 2)} <= set(re.findall(r"shard \d of \d", done.stdout))
    assert "shown to the network" not in done.stdout.partition("03_training")[2].partition("04_evaluation")[0]
    assert tables(WORK / "runs" / f"{TINY}-shards") == tables(tiny_run)
    assert "Nothing to do" in run_all(*of_several, "--dry-run").stdout
