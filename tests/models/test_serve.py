"""A model that answers over HTTP: real processes and real sockets; workers are killed while they answer."""

import contextlib
import http.client
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import sklearn
from conftest import ROOT, WORK, draw, save_model
from PIL import Image

from boatlib.cli import main
from boatlib.model.features import embedding
from boatlib.model.inference import onnx
from boatlib.model.inference.familiarity import Familiarity
from boatlib.model.inference.predictor import Predictor
from boatlib.model.training import fit
from boatlib.policy import Policy
from boatlib.serve import pool
from boatlib.serve.limits import readable

pytestmark = pytest.mark.serve
FLOWER = Path(sklearn.__file__).parent / "datasets" / "images" / "flower.jpg"
EDGE = "an-edge-between-parts"
FORM = {"Content-Type": f"multipart/form-data; boundary={EDGE}"}
TOKEN = "a-token-that-nobody-knows"
SLOW, DEADLY = b"slow to read", b"kills who reads it"  # behind the end of a photo, for workers that were changed
CHANGED = f"""
import os, sys, time
if "boatlib.serve.worker" in sys.orig_argv:
    from boatlib.model.inputs import loading

    def open_photo(data, *arguments, honest=loading.open_photo):
        if data.endswith({DEADLY!r}):
            os.kill(os.getpid(), 9)
        if data.endswith({SLOW!r}):
            time.sleep(0.7)
        return honest(data, *arguments)

    loading.open_photo = open_photo
"""


@pytest.fixture(scope="module")
def once():
    return {}


@pytest.fixture
def models(make_task, once, tmp_path_factory):
    """A model folder, and what `export` makes of it; trained once."""
    if not once:
        task = make_task(epochs=3)
        saved = save_model(task, fit.train(task).network)
        seen = embedding.embed_plain(task.train, task.root, saved.bodies)
        taught = saved.with_policy(Policy({"": 0.6}, familiar_to=0.98), Familiarity.fit(seen, task.labels(task.train)))
        place = tmp_path_factory.mktemp("models")
        once["folder"] = Path(shutil.copytree(taught.folder, place / "model"))
        once["exported"] = place / "model-onnx"
        onnx.export_onnx(taught, once["exported"], [FLOWER], "test")
    return once


class Server:
    """A server as a user starts it, at a port that is free."""

    def __init__(self, model, log, *options, changed=None, **own):
        path = os.pathsep.join([str(changed), str(ROOT)] if changed else [str(ROOT)])
        environment = {name: value for name, value in os.environ.items() if name != "BOATLIB_TOKEN"}
        command = [sys.executable, "-m", "boatlib", "serve", str(model), "--port", "0", *options]
        self.log = log
        with log.open("w") as file:
            self.process = subprocess.Popen(
                command, cwd=WORK, stderr=file, env=environment | {"PYTHONPATH": path} | own
            )
        wait_for(lambda: "answers" in log.read_text() or self.process.poll() is not None)
        found = re.search(r"http://127\.0\.0\.1:(\d+)/predict", log.read_text())
        assert found, log.read_text()
        self.port = int(found[1])

    def ask(self, method, path, body=None, headers=None):
        """Status, headers, and what JSON says or the text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it need not read what it refuses
                connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        is_json = response.headers.get("content-type") == "application/json"
        return response.status, response.headers, json.loads(text) if is_json else text

    def predict(self, photos, **headers):
        """photos: pairs of name and bytes."""
        return self.ask("POST", "/predict", form(photos), FORM | headers)

    def metric(self, line, **headers):
        text = self.ask("GET", "/metrics", None, headers)[2]
        return float(re.search(rf"^{re.escape(line)} (\S+)$", text, re.M)[1])

    def workers(self):
        return [p for p in psutil.Process(self.process.pid).children() if "boatlib.serve.worker" in p.cmdline()]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def form(photos):
    parts = [
        f'--{EDGE}\r\nContent-Disposition: form-data; name="photo"; filename="{name}"\r\n\r\n'.encode() + data + b"\r\n"
        for name, data in photos
    ]
    return b"".join(parts) + f"--{EDGE}--\r\n".encode()


def wait_for(condition, seconds=90):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def serve(models, tmp_path):
    """Starts servers, which end well when the test has ended."""
    with contextlib.ExitStack() as stack:

        def start(*options, model="exported", **own):
            server = Server(models[model], tmp_path / f"{len(list(tmp_path.iterdir()))}.log", *options, **own)
            stack.callback(lambda: server.process.poll() is None and server.end())
            return server

        yield start


@pytest.fixture(scope="module")
def usual(once, tmp_path_factory):
    """One server for all tests that need nothing special; started by the first."""
    started = []

    def start(models):
        if not started:
            started.append(Server(models["exported"], tmp_path_factory.mktemp("usual") / "log", "--workers", "2"))
        return started[0]

    yield start
    assert [server.end() for server in started] == [0] * len(started)


@pytest.fixture
def server(usual, models):
    return usual(models)


@pytest.fixture
def changed(tmp_path):
    """Workers for which a photo can be slow to read, or deadly."""
    place = tmp_path / "changed"
    place.mkdir()
    (place / "sitecustomize.py").write_text(CHANGED)
    return place


def jpeg(number=0, behind=b""):
    buffer = io.BytesIO()
    draw(number, number % 2).save(buffer, "JPEG", quality=90)
    return buffer.getvalue() + behind


def strange_photos():
    deep = io.BytesIO()
    Image.fromarray(np.asarray(draw(5, 1).convert("L"), dtype=np.uint16) * 16).save(deep, "PNG")  # 12 bits of 16
    bomb = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG")
    photos = [(f"{number}.jpg", jpeg(number)) for number in range(4)]
    photos += [("flower.jpg", FLOWER.read_bytes()), ("deep.png", deep.getvalue())]
    photos += [("half.jpg", jpeg()[:900]), ("nothing.jpg", b""), ("bomb.png", bomb.getvalue())]
    return [*photos, ("../../../etc/passwd", b"root:x:0:0:root"), ("klein é \t船.jpg", jpeg(7))]


@pytest.mark.parametrize("model", ["exported", "folder"])
def test_served_answers_are_those_of_predict(model, server, serve, models):
    photos = strange_photos()
    here = Predictor.load(models["folder"]).predict([data for _, data in photos])
    asked = server if model == "exported" else serve(model=model)
    status, _, said = asked.predict(photos)
    assert status == 200
    there = pd.DataFrame(said["photos"])
    assert [*there] == [
        "photo", "predicted", "confidence", "unfamiliarity", "probabilities", "unfamiliar", "needs_review", "reason", "error"
    ]  # fmt: skip
    assert there["photo"].tolist() == [*[name for name, _ in photos[:-1]], "klein é \\t船.jpg"]
    for name in ("predicted", "unfamiliar", "needs_review", "reason", "error"):
        assert there[name].tolist() == here[name].tolist()
    assert here["unfamiliar"].any(), "a flower is no boat"
    assert not here["unfamiliar"].all()
    read = here["error"] == ""
    assert there["confidence"].isna().tolist() == (~read).tolist() == there["probabilities"].isna().tolist()
    shares = pd.DataFrame(there["probabilities"][read].tolist()).add_prefix("p_").set_index(here.index[read])
    exact = 0 if model == "folder" else 1e-4
    numbers = ["confidence", "unfamiliarity"]
    np.testing.assert_allclose(there[numbers][read].astype(float), here[numbers][read], atol=exact, rtol=0)
    np.testing.assert_allclose(shares, here.loc[read, shares.columns], atol=exact, rtol=0)
    assert said["model"] == json.loads((models["folder"] / "model.json").read_text())["weights_sha256"]


def test_an_exported_model_is_served_without_heavy_packages(models):
    code = (
        "import sys; from pathlib import Path; from boatlib import cli; from boatlib.serve import start, worker, model\n"
        f"loaded = model.load(Path({str(models['exported'])!r}), [0]); model.warm_up(loaded.model)\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=WORK, capture_output=True, text=True, check=True)
    needed = {line.lower().replace("-", "_") for line in (ROOT / "workflow/serve/requirements.txt").read_text().split()}
    heavy = {
        "torch",
        "torchvision",
        "timm",
        "openvino",
        "sklearn",
        "scipy",
        "matplotlib",
        "IPython",
        "onnx",
        "snakemake",
    }
    assert heavy & set(run.stdout.split()) == set()
    assert needed - {"pillow", "python_multipart"} <= set(run.stdout.split())


def test_what_is_too_much_is_refused_in_a_sentence(server, serve):
    small = serve("--max-megabytes", "1", "--max-files", "3")
    before = psutil.Process(small.process.pid).memory_info().rss
    big = form([("big.jpg", bytes(50_000_000))])
    for body in (big, (big[start : start + 65536] for start in range(0, len(big), 65536))):  # announced, and not
        status, headers, said = small.ask("POST", "/predict", body, FORM)
        assert (status, said) == (413, {"detail": "The request is larger than 1 MB."})
        assert headers["connection"] == "close"
    assert psutil.Process(small.process.pid).memory_info().rss - before < 20_000_000
    assert small.predict([("a.jpg", b"")] * 4)[::2] == (413, {"detail": "More than 3 photos in one request."})
    assert server.predict([])[::2] == (400, {"detail": "There is no file in the request."})
    assert server.ask("POST", "/predict", jpeg(), FORM)[::2] == (400, {"detail": "The form cannot be read."})
    cut = form([("a.jpg", jpeg())])[:-30]
    assert server.ask("POST", "/predict", cut, FORM)[::2] == (400, {"detail": "The form ends too early."})
    assert server.ask("POST", "/predict", jpeg(), {"Content-Type": "image/jpeg"})[0] == 415
    assert server.ask("GET", "/predict")[0] == 405
    assert small.predict([("a.jpg", jpeg())])[0] == 200


def test_whatever_is_sent_the_server_knows_what_to_say(server):
    """Forms with bytes changed, lost and put in, and heads that make no sense."""
    random = np.random.default_rng(0)
    whole = form([("a.jpg", jpeg()[:400]), ("b.jpg", b"")])
    heads = [
        FORM["Content-Type"],
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'x' * 5000}",
    ]
    heads += [f"{FORM['Content-Type']}; charset={name}" for name in ("base64", "utf-16", "none")]
    for number in range(200):
        body = bytearray(whole)
        for _ in range(random.integers(0, 6)):
            place = int(random.integers(0, 200 if number % 2 else len(body)))
            body[place : place + int(random.integers(0, 3))] = random.bytes(int(random.integers(0, 3)))
        status, _, said = server.ask(
            "POST", "/predict", bytes(body), {"Content-Type": heads[max(0, number - 200 + len(heads))]}
        )
        assert status in (200, 400, 413), said
    assert server.ask("GET", "/ready")[0] == 200


def test_who_has_no_token_gets_no_answer(serve):
    server = serve(BOATLIB_TOKEN=TOKEN)
    photo = [("a.jpg", jpeg())]
    for shown in ({}, {"Authorization": "Bearer another"}, {"Authorization": TOKEN}):
        status, headers, said = server.predict(photo, **shown)
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        assert said == {"detail": "The token is missing or wrong."}
        assert server.ask("GET", "/metrics", None, shown)[0] == 401
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert server.predict(photo, **right)[0] == 200
    assert server.metric('boatlib_requests_total{code="401"}', **right) == 3
    assert [server.ask("GET", path)[0] for path in ("/health", "/ready", "/docs")] == [200, 200, 200]
    assert TOKEN not in server.log.read_text()
    assert all(TOKEN not in str(worker.environ()) for worker in server.workers())
    assert {c.laddr.ip for c in psutil.Process(server.process.pid).net_connections("tcp")} == {"127.0.0.1"}


def test_a_full_queue_says_so_before_it_reads(serve, changed):
    server = serve("--workers", "1", "--queue", "3", "--max-files", "3", changed=changed)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(server.predict, [(f"{number}.jpg", jpeg(number, SLOW)) for number in range(3)])
        wait_for(lambda: server.metric("boatlib_photos_held") == 3)
        with socket.create_connection(("127.0.0.1", server.port)) as line:
            head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM['Content-Type']}\r\nContent-Length: 999999\r\n\r\n"
            line.sendall(head.encode())  # and nothing of its body
            said = ""
            while "}" not in said:
                said += line.recv(4096).decode()
        assert said.startswith("HTTP/1.1 503")
        assert int(re.search(r"retry-after: (\d+)", said)[1]) >= 1
        assert "3 photos wait already. Try again in" in said
        assert server.ask("GET", "/health")[0] == 200
        assert first.result()[0] == 200
    assert server.predict([("a.jpg", jpeg())])[0] == 200
    assert server.metric("boatlib_photos_held") == 0


def test_a_worker_that_is_killed_under_load_loses_no_photo(serve):
    server = serve("--workers", "2")
    photos = [(f"{number}.jpg", jpeg(number)) for number in range(6)]
    expected = server.predict(photos)[2]
    stop = threading.Event()

    def client(number):
        answers = []
        while not stop.is_set():
            answers.append(server.predict(photos[number % 6 :] + photos[: number % 6]))
        return number, answers

    with ThreadPoolExecutor(8) as threads:
        clients = [threads.submit(client, number) for number in range(8)]
        for death in range(1, 4):
            wait_for(lambda: len(server.workers()) == 2 and server.metric("boatlib_workers") == 2)
            server.workers()[death % 2].kill()
            wait_for(lambda death=death: server.metric("boatlib_worker_deaths_total") == death)
        stop.set()
        for done in clients:
            number, answers = done.result()
            for status, _, said in answers:
                assert status == 200
                assert said["photos"] == expected["photos"][number % 6 :] + expected["photos"][: number % 6]
    assert server.ask("GET", "/ready")[0] == 200


def test_a_photo_that_kills_whoever_reads_it_takes_no_other_down(serve, changed):
    server = serve("--workers", "1", changed=changed)
    status, _, said = server.predict([("a.jpg", jpeg(1)), ("deadly.jpg", jpeg(2, DEADLY)), ("c.jpg", jpeg(3))])
    assert status == 200
    assert [row["error"] for row in said["photos"]] == ["", "the program that reads it broke off, several times", ""]
    assert said["photos"][1]["reason"] == "cannot be read"
    assert server.metric("boatlib_worker_deaths_total") == 3
    assert server.predict([("a.jpg", jpeg(1))])[0] == 200


def test_what_was_accepted_is_answered_before_the_end(serve, changed):
    server = serve("--workers", "1", changed=changed)
    workers = server.workers()
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(server.predict, [(f"{number}.jpg", jpeg(number, SLOW)) for number in range(3)])
        wait_for(lambda: server.metric("boatlib_photos_held") == 3)
        for process in [*workers, server.process]:  # as a system does that ends the whole group
            process.send_signal(signal.SIGTERM)
        status, _, said = asked.result()
    assert (status, [row["error"] for row in said["photos"]]) == (200, ["", "", ""])
    assert server.process.wait(30) == 0
    assert server.log.read_text().endswith("All that was accepted is answered.\n")
    assert not any(worker.is_running() for worker in workers)


@pytest.fixture
def held(models, tmp_path):
    """A pool of one worker, with a model of its own."""
    own = Path(shutil.copytree(models["exported"], tmp_path / "own"))
    said = []
    made = pool.Pool(own, 1, said.append)
    made.start()
    yield made, own, said
    made.close()
    assert made.alive == 0


def test_a_worker_that_is_silent_is_replaced(held, monkeypatch):
    made, _, said = held
    monkeypatch.setattr(pool, "ANSWER", 5.0)
    before = made.pids
    os.kill(before[0], signal.SIGSTOP)
    (waiting,) = made.submit([jpeg()])
    assert waiting.row.result(60)["error"] == ""
    assert made.pids != before
    assert said == ["A worker ended, or was silent for too long, over a photo; another takes its place."]


def test_who_waits_is_told_when_no_worker_can_be_started(held, monkeypatch):
    made, own, said = held
    monkeypatch.setattr(pool, "PAUSE", 0.1)
    whole = (own / "model.onnx").read_bytes()
    (own / "model.onnx").write_bytes(b"nothing")
    os.kill(made.pids[0], signal.SIGKILL)
    (waiting,) = made.submit([jpeg()])
    with pytest.raises(pool.UnavailableError, match="No worker can be started: .* is not a whole exported model"):
        waiting.row.result(60)
    with pytest.raises(pool.UnavailableError):
        made.submit([jpeg()])
    (own / "model.onnx").write_bytes(whole)
    wait_for(lambda: made.alive)
    assert made.submit([jpeg()])[0].row.result(60)["error"] == ""


def test_photos_for_which_nobody_waits_leave_the_queue(serve, changed):
    server = serve("--workers", "1", changed=changed)
    body = form([(f"{number}.jpg", jpeg(number, SLOW)) for number in range(20)])
    with socket.create_connection(("127.0.0.1", server.port)) as line:
        head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM['Content-Type']}\r\nContent-Length: {len(body)}\r\n\r\n"
        line.sendall(head.encode() + body)
        wait_for(lambda: server.metric("boatlib_photos_held") == 20)
    wait_for(lambda: server.metric("boatlib_photos_held") == 0)
    assert server.metric("boatlib_photos_waiting") == 0


def test_without_its_server_no_worker_stays(serve):
    server = serve("--workers", "2")
    wait_for(lambda: server.metric("boatlib_workers") == 2)
    workers = server.workers()
    server.process.kill()
    server.process.wait()
    psutil.wait_procs(workers, timeout=20)
    assert not any(worker.is_running() for worker in workers)


def test_the_page_says_how_to_ask_and_needs_no_other_server(server, browser):
    told = server.ask("GET", "/openapi.json")[2]
    assert "multipart/form-data" in told["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert {"200", "400", "401", "413", "415", "503"} <= set(told["paths"]["/predict"]["post"]["responses"])
    assert set(told["paths"]) == {"/predict", "/health", "/ready", "/metrics"}
    assert "kayak, raft" in told["info"]["description"]
    page = server.ask("GET", "/docs")[2]
    places = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert [place for place in places if not place.startswith("/")] == []
    assert {server.ask("GET", place)[0] for place in places} == {200}
    tab, seen = browser.new_page(), []
    tab.on("request", lambda request: seen.append(request.url))
    tab.goto(f"http://127.0.0.1:{server.port}/docs")
    tab.locator("[data-path='/predict']").click()
    tab.get_by_text("What each of the uploaded photos shows").wait_for()
    tab.close()
    assert {re.match(r"\w+://[^/]+", url)[0] for url in seen if not url.startswith("data:")} == {
        f"http://127.0.0.1:{server.port}"
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--workers", "0"], "--workers is 0; at least 1 is needed."),
        (["--max-megabytes", "-1"], "--max-megabytes is -1"),
        (["--queue", "5"], "--queue is 5: a request of --max-files 32 has no place."),
        (
            ["--host", "0.0.0.0"],
            "At 0.0.0.0 others can ask. Set a token (BOATLIB_TOKEN or --token-file), or say --open.",
        ),
        (["--token-file", "missing"], "missing cannot be written or read (No such file or directory)"),
        (["--host", "256.1.1.1", "--open"], "256.1.1.1:8000 cannot be listened to"),
        (["--port", "99999"], "--port is 99999; a number from 0"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence(options, words, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("BOATLIB_TOKEN", raising=False)
    assert main(["serve", str(tmp_path), *options]) in (2, 4)
    assert words in capsys.readouterr().err


def test_a_token_that_is_none_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("BOATLIB_TOKEN", "")
    assert main(["serve", str(tmp_path)]) == 2
    assert "BOATLIB_TOKEN holds no token" in capsys.readouterr().err
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    assert main(["serve", str(tmp_path), "--token-file", str(tmp_path / "token")]) == 2
    assert "token holds no token" in capsys.readouterr().err


def test_what_is_no_model_is_not_served(tmp_path, capsys):
    assert main(["serve", str(tmp_path), "--port", "0"]) == 4
    assert "is not a whole model folder" in capsys.readouterr().err
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    assert main(["serve", str(tmp_path), "--port", "0"]) == 4
    assert "is not a whole exported model" in capsys.readouterr().err


def test_without_the_extra_a_sentence_says_how_to_get_it(tmp_path, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("boatlib.serve")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve", str(tmp_path)]) == 4
    assert "needs the package uvicorn. Install it: python -m pip install" in capsys.readouterr().err


def test_names_are_as_they_were_given():
    assert readable("../é 船.jpg") == "../é 船.jpg"
    assert readable("a\r\nb\x1b[31m\u202e\udcff") == r"a\r\nb\x1b[31m\u202e\udcff"


@pytest.mark.slow
@pytest.mark.deploy
def test_the_container_holds_what_the_server_needs(models, tmp_path):
    """Its steps, in an environment of its own."""
    file = (ROOT / "workflow/serve/Containerfile").read_text()
    assert "requirements.txt" in file
    assert re.search(r"^USER 10001$", file, re.M)
    python = tmp_path / "serve" / "bin" / "python"
    venv.create(python.parents[1], with_pip=True)
    lists = ["-c", ROOT / "constraints.txt", "-r", ROOT / "workflow/serve/requirements.txt"]
    installed = subprocess.run([python, "-m", "pip", "install", "-q", *lists], capture_output=True, text=True)
    if "Could not find a version" in installed.stderr:
        pytest.skip("no connection to the package index, so there can be no fresh environment")
    assert installed.returncode == 0, installed.stderr
    assert subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 1
    app = Path(shutil.copytree(ROOT / "boatlib", tmp_path / "app" / "boatlib"))
    own = {"PATH": os.environ["PATH"], "BOATLIB_CACHE": str(tmp_path / "cache")}
    command = [python, "-m", "boatlib", "serve", str(models["exported"]), "--port", "0", "--workers", "1"]
    server = subprocess.Popen(command, cwd=app.parent, env=own, stderr=subprocess.PIPE, text=True)
    words = server.stderr.readline()
    server.send_signal(signal.SIGTERM)
    assert (server.wait(30), "/predict answers" in words) == (0, True), words + server.stderr.read()
    command[command.index(str(models["exported"]))] = str(models["folder"])
    refused = subprocess.run(command, cwd=app.parent, env=own, capture_output=True, text=True)
    assert "a model folder needs the whole of boatlib" in refused.stderr


BASE = "docker.io/library/python:3.11-slim"


@pytest.mark.slow
@pytest.mark.deploy
def test_the_image_is_built_and_answers(models, tmp_path):
    """The whole Containerfile, by buildah. Where no registry can be reached, its base is made of Debian's own packages."""
    if not shutil.which("buildah"):
        pytest.skip("there is no buildah to build an image with")
    places = ["--root", tmp_path / "store", "--runroot", tmp_path / "run", "--storage-driver", "vfs"]

    def buildah(*words, **options):
        return subprocess.run(
            ["buildah", *places, *words], check=True, capture_output=True, text=True, **options
        ).stdout.strip()

    if subprocess.run(["buildah", *places, "pull", "-q", BASE], capture_output=True).returncode:
        if not shutil.which("mmdebstrap"):
            pytest.skip("there is no registry to take the base from, and no mmdebstrap to make it")
        packages = "--include=python3,python3-venv,python3-pip,ca-certificates"
        subprocess.run(["mmdebstrap", "-q", "--variant=minbase", packages, "bookworm", tmp_path / "base"], check=True)
        (tmp_path / "base/usr/local/bin/python").symlink_to("/usr/bin/python3.11")
        empty = buildah("from", "scratch")
        buildah("add", "-q", empty, tmp_path / "base", "/")
        buildah("config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", empty)
        buildah("commit", "-q", empty, BASE)
    certificates = ["-v", "/etc/ssl/certs:/etc/ssl/certs:ro"]
    file = ROOT / "workflow/serve/Containerfile"
    buildah("build", "--pull=never", "--isolation", "chroot", *certificates, "-f", file, "-t", "serve", ROOT)
    here = buildah("from", "--pull=never", "localhost/serve")
    inside = ["run", "--isolation", "chroot", "-v", f"{models['exported']}:/model:ro", here, "--"]
    assert buildah(*inside, "python", "-c", "import os; print(os.getuid())") == "10001"
    command = [
        "buildah",
        *places,
        *inside,
        "python",
        "-m",
        "boatlib",
        "serve",
        "/model",
        "--port",
        "0",
        "--workers",
        "1",
    ]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        address = re.search(r"http://\S+/predict", server.stderr.readline())[0]
        asked = urllib.request.Request(address, form([("a.jpg", FLOWER.read_bytes())]), FORM)
        answer = json.load(urllib.request.urlopen(asked, timeout=60))
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)
    assert answer["photos"][0]["error"] == ""
