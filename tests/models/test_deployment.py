"""The model away from home: as ONNX file in an environment without torch, and as a page in a real browser."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import venv
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import sklearn
from conftest import REAL, ROOT, draw
from PIL import Image

from boatlib.cli import main
from boatlib.errors import BoatlibError
from boatlib.lab import try_photo
from boatlib.model.features import embedding
from boatlib.model.inference import bundle, onnx
from boatlib.model.inference.familiarity import Familiarity
from boatlib.model.inference.predictor import Predictor
from boatlib.model.training import fit
from boatlib.policy import Policy
from boatlib.shares import confidence

FLOWER = Path(sklearn.__file__).parent / "datasets" / "images" / "flower.jpg"
EXPORT = pytest.mark.deploy
APP = pytest.mark.app


@pytest.fixture
def model(make_task):
    task = make_task(epochs=3, backbone=["efficientnet_lite0", "shufflenet_v2_x0_5"], weights=["default", "none"])
    return save(task)


def save(task, classes=None):
    trained = fit.train(task)
    classes = classes or task.classes
    saved = bundle.save_bundle(task.run.path("model"), trained.network, classes, {}, on=task.machine)
    seen = embedding.embed_plain(task.train, task.root, saved.bodies)
    return saved.with_policy(Policy({"": 0.6}, familiar_to=0.98), Familiarity.fit(seen, task.labels(task.train)))


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(5):
        draw(number, number % 2).save(folder / f"{number}.png")
    deep = np.asarray(draw(5, 1).convert("L"), dtype=np.uint16) * 16  # 12 bits in a file of 16
    Image.fromarray(deep).save(folder / "00 deep.png")
    return folder


@EXPORT
def test_the_exported_model_gives_the_same_answers_without_torch(model, photos, tmp_path, capsys):
    assert main(["export", str(model.folder), "--onnx", "--photos", str(photos), "--out", str(tmp_path / "out")]) == 0
    parity = json.loads((tmp_path / "out" / "parity.json").read_text())
    assert (parity["photos"], parity["same_class"]) == (6, 6)
    assert parity["largest_difference_of_a_probability"] < 1e-4
    assert "name the same class for 6" in capsys.readouterr().out
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-c", ROOT / "constraints.txt"]
    installed = subprocess.run([*install, "numpy", "onnxruntime", "pillow"], capture_output=True, text=True)
    if "Could not find a version" in installed.stderr:
        pytest.skip("no connection to the package index, so there can be no fresh environment")
    assert installed.returncode == 0, installed.stderr
    assert subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 1
    files = [str(file) for file in [*sorted(photos.iterdir()), FLOWER]]
    run = subprocess.run(
        [python, tmp_path / "out" / "predict_onnx.py", *files], capture_output=True, text=True, check=True
    )
    there = pd.DataFrame(
        [line.split("\t") for line in run.stdout.splitlines()], columns=["photo", "predicted", "confidence", "action"]
    )
    here = Predictor(model).predict(files)
    assert here["unfamiliar"].iloc[-1], "a flower is no boat"
    assert here["reason"].iloc[-1].startswith("unlike anything it was taught; nearest: ")
    assert not here["unfamiliar"].all(), "and others are"
    assert there["predicted"].tolist() == here["predicted"].tolist()
    np.testing.assert_allclose(there["confidence"].astype(float), here["confidence"], atol=1e-4)
    assert there["action"].str.startswith("unknown").tolist() == here["unfamiliar"].tolist()
    assert (there["action"] != "use").tolist() == here["needs_review"].tolist()


def test_a_flower_is_unfamiliar_at_every_door(model, capsys):
    """The exported model and the page: see the other tests."""
    assert main(["predict", str(model.folder), str(FLOWER)]) == 0
    assert "look again: unlike anything it was taught; nearest: " in capsys.readouterr().out
    assert "unlike anything it was taught" in try_photo.answer(Predictor(model), FLOWER.read_bytes(), "a flower").text
    row = Predictor(model).predict(FLOWER).iloc[0]
    assert row[["unfamiliar", "needs_review"]].all()


@EXPORT
def test_61_the_exported_model_does_not_tell_where_it_was_made(model, photos, tmp_path):
    assert main(["export", str(model.folder), "--onnx", "--photos", str(photos), "--out", str(tmp_path / "out")]) == 0
    places = {str(ROOT), str(Path.home()), str(tmp_path), sys.prefix, "site-packages", "networks.py"}
    for file in (tmp_path / "out").iterdir():
        content = file.read_bytes()
        assert [place for place in places if place.encode() in content] == [], file.name


@EXPORT
def test_the_exported_model_tells_how_photos_are_prepared(model, photos, tmp_path):
    import onnxruntime

    onnx.export_onnx(model, tmp_path / "out", sorted(photos.iterdir()), "test")
    session = onnxruntime.InferenceSession(tmp_path / "out" / "model.onnx")
    told = session.get_modelmeta().custom_metadata_map
    assert json.loads(told["classes"]) == model.classes
    inputs = json.loads(told["preprocessing"])
    assert [one["input"] for one in inputs] == [one.name for one in session.get_inputs()] == ["picture0", "picture1"]
    assert [one["interpolation"] for one in inputs] == ["bicubic", "bilinear"]
    assert "shorter side" in told["preprocessing_in_words"]
    for count in (1, 5):
        rows = {one["input"]: np.zeros((count, one["size"], one["size"], 3), np.uint8) for one in inputs}
        assert session.run(["probabilities"], rows)[0].shape == (count, 2)


@EXPORT
def test_an_export_that_cannot_be_compared_writes_nothing(model, tmp_path):
    with pytest.raises(BoatlibError, match="no photos to compare"):
        onnx.export_onnx(model, tmp_path / "out", [ROOT / "README.md"], "test")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.fixture
def page(model, tmp_path):
    """The address of the page, started as a user does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "boatlib", "app", str(model.folder), "--port", str(port)]
    with (tmp_path / "app.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ)
        for _ in range(120):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.25)
        yield re.search(r"http://\S+", (tmp_path / "app.log").read_text())[0]
        listening = {c.laddr for c in psutil.Process(server.pid).net_connections("tcp") if c.status == "LISTEN"}
        server.send_signal(signal.SIGINT)
        server.wait(20)
    assert listening == {("127.0.0.1", port)}, "the page listens to this computer alone"


@APP
def test_the_page_names_what_is_on_dropped_photos(page, model, photos, browser):
    real = sorted(REAL.glob("*/*.jpg"))[:: len(list(REAL.glob("*/*.jpg"))) // 3][:3] if REAL.is_dir() else []
    files = [*real, *sorted(photos.iterdir())[:2], FLOWER, ROOT / "README.md"]
    answers = Predictor(model).predict(files)
    tab = browser.new_page()
    seen, errors = [], []
    tab.on("request", lambda request: seen.append(request.url))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(page.split("?")[0])
    tab.get_by_text("it holds the key to this page").wait_for(timeout=60_000)
    assert tab.locator("input[type=file]").count() == 0
    tab.goto(page)
    tab.get_by_text("The model knows 2 classes: kayak, raft.").wait_for(timeout=60_000)
    tab.locator("input[type=file]").set_input_files(files)
    good = answers[answers["error"] == ""].to_dict("records")
    expected = [f"{row['predicted']}: {confidence(row['confidence'])}" for row in good] + ["a text file, not a photo"]
    there = "texts => texts.every(text => document.querySelector('[data-testid=stMain]').innerText.includes(text))"
    tab.wait_for_function(there, arg=expected, timeout=60_000)  # the page is drawn anew with each file that arrives
    shown = tab.locator("[data-testid=stMain]").inner_text()
    assert shown.count("A person should look") == int(answers["needs_review"].sum()) - 1  # the last one is no photo
    assert "A person should look at this photo: unlike anything it was taught; nearest: " in shown
    assert tab.locator("[data-testid=stImage] img").count() == len(files) - 1
    assert {re.match(r"\w+://[^/]+", url)[0] for url in seen if not url.startswith(("data:", "blob:"))} == {
        page.split("/?")[0]
    }
    assert errors == []
    tab.close()


@APP
def test_names_are_text_on_the_page(make_task, photos):
    from streamlit.testing.v1 import AppTest

    saved = save(make_task(), ["**bold**", "<img src=x onerror=alert(1)>"])
    script = f"from boatlib import app\napp.main({str(saved.folder)!r})"
    page = AppTest.from_string(script, default_timeout=60).run()
    assert not page.exception
    (line,) = page.markdown
    assert r"\*\*bold\*\*" in line.value
    assert r"\<img src=x onerror=alert\(1\)\>" in line.value


@APP
def test_without_a_model_the_page_is_not_started(tmp_path, capsys):
    assert main(["app", str(tmp_path)]) == 4
    assert "not a whole model folder" in capsys.readouterr().err
