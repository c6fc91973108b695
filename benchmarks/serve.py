"""The server beside a bare loop of onnxruntime, with many clients, broken and huge uploads, and workers that are killed.

    python -m boatlib export runs/boats/model --onnx
    python benchmarks/serve.py runs/boats/model runs/boats/model-onnx runs/boats/data/test

Compared are, photo by photo, the answers of `predict` with the model folder and those of the server with the exported model.
"""

import argparse
import http.client
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
from PIL import Image

from boatlib.model.inference import batch
from boatlib.model.inference.onnx_predictor import OnnxPredictor
from boatlib.model.inference.predictor import Predictor

PORT = 8471
EDGE = "an-edge-between-parts"
FORM = {"Content-Type": f"multipart/form-data; boundary={EDGE}"}
DECISIONS = ["predicted", "unfamiliar", "needs_review", "reason", "error"]


def form(photos: Sequence[tuple[str, bytes]]) -> bytes:
    """The body of a request with files."""
    head = 'Content-Disposition: form-data; name="photo"; filename="{}"\r\n\r\n'
    parts = [f"--{EDGE}\r\n{head.format(name)}".encode() + data + b"\r\n" for name, data in photos]
    return b"".join(parts) + f"--{EDGE}--\r\n".encode()


@contextmanager
def served(python: str, place: Path, model: Path, *options: str) -> Iterator[psutil.Process]:
    """A server that runs, started with this interpreter in this folder."""
    command = [python, "-m", "boatlib", "serve", str(model), "--port", str(PORT), *options]
    own = {name: os.environ[name] for name in ("PATH", "HOME", "BOATLIB_CACHE") if name in os.environ}
    server = subprocess.Popen(command, cwd=place, env=own, stderr=subprocess.PIPE, text=True)
    assert server.stderr
    print(server.stderr.readline().strip(), flush=True)
    threading.Thread(target=server.stderr.read, daemon=True).start()
    try:
        yield psutil.Process(server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        if server.wait(60):
            raise SystemExit(f"the server ended with status {server.returncode}")


def ask(connection: http.client.HTTPConnection, body: bytes) -> tuple[int, dict[str, Any]]:
    """Status and answer. A server that refuses need not read to the end."""
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.request("POST", "/predict", body, FORM)
    response = connection.getresponse()
    return response.status, json.loads(response.read() or "{}")


def same_answers(model: Path, photos: Sequence[Path]) -> None:
    """Print how far served answers are from those of `predict`."""
    here = Predictor.load(model).predict(list(photos))
    connection, rows = http.client.HTTPConnection("127.0.0.1", PORT), []
    for start in range(0, len(photos), 16):
        some = [(path.name, path.read_bytes()) for path in photos[start : start + 16]]
        status, answer = ask(connection, form(some))
        assert status == 200, answer
        rows += answer["photos"]
    there = pd.DataFrame(rows)
    shares = pd.DataFrame(list(there["probabilities"])).add_prefix("p_")
    for name in ("confidence", "unfamiliarity"):
        print(f"largest difference of {name}: {np.abs(there[name] - here[name]).max():.1e}")
    print(f"largest difference of a probability: {np.abs(shares - here[shares.columns]).to_numpy().max():.1e}")
    for name in DECISIONS:
        print(f"{name}: equal for {int((there[name] == here[name]).sum())} of {len(here)} photos")


def bare_loop(file: Path, photos: Sequence[Path], seconds: float) -> None:
    """Print photos a second and times of one after the other, with all cores, and decoding only."""
    model = OnnxPredictor.load(file)
    times: list[float] = []
    until, used = time.perf_counter() + seconds, time.process_time()
    while time.perf_counter() < until:
        path = random.choice(photos)
        started = time.perf_counter()
        list(model.predict_stream([("", path)]))
        times.append(time.perf_counter() - started)
    report(
        "bare loop", times[1:], sum(times[1:]), f"{(time.process_time() - used) / len(times):.3f} CPU seconds a photo"
    )


def report(name: str, times: Sequence[float], seconds: float, words: str = "") -> None:
    """A line of the table."""
    p50, p99 = np.percentile(times, [50, 99])
    print(f"{name:<34} {len(times) / seconds:>6.1f}/s  p50 {p50:>6.3f} s  p99 {p99:>6.3f} s  {words}", flush=True)


def strange_uploads(photo: bytes) -> dict[str, tuple[bytes, int, str]]:
    """Bodies, with the status that they must get and what must be in the row's error."""
    bomb, tall = io.BytesIO(), Image.new("1", (30_000, 30_000))
    tall.save(bomb, "PNG")
    return {
        "broken": (form([("broken.jpg", photo[: len(photo) // 2])]), 200, "ends too early"),
        "no photo": (form([("notes.txt", b"some words")]), 200, "a text file"),
        "empty": (form([("empty.jpg", b"")]), 200, "empty file"),
        "bomb": (form([("bomb.png", bomb.getvalue())]), 200, "too large"),
        "huge": (form([("huge.jpg", photo + bytes(64_000_000))]), 413, ""),
        "no form": (photo, 400, ""),
    }


def cpu_seconds(server: psutil.Process) -> float:
    """That a server and its workers have used."""
    times = [process.cpu_times() for process in [server, *server.children()]]
    return sum(time.user + time.system for time in times)


def load(
    name: str, server: psutil.Process, photos: Sequence[Path], clients: int, seconds: float, kill: bool = False
) -> None:
    """Print photos a second and times with so many clients, each of which asks again when it is answered.

    One request in twenty is a strange one. kill: a worker is killed every five seconds.
    """
    bodies = [form([(path.name, path.read_bytes())]) for path in photos]
    strange = list(strange_uploads(photos[0].read_bytes()).values())
    times: list[float] = []
    found: Counter[str] = Counter()
    until = time.perf_counter() + seconds

    def client(number: int) -> None:
        own = random.Random(number)
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=120)
        while time.perf_counter() < until:
            odd = clients > 1 and own.random() < 0.05
            body, wanted, words = own.choice(strange) if odd else (own.choice(bodies), 200, "")
            started = time.perf_counter()
            try:
                status, answer = ask(connection, body)
            except (OSError, http.client.HTTPException) as error:
                found[f"LOST ({type(error).__name__})"] += 1
                connection.close()
                continue
            error = answer["photos"][0]["error"] if status == 200 else ""
            right = status == wanted and (words in error if words else not error)
            kind = "strange" if odd else "photo"
            found[f"{kind} {status}" if right else f"WRONG {status} {error or answer}"] += 1
            if right and not odd:
                times.append(time.perf_counter() - started)

    started, used = time.perf_counter(), cpu_seconds(server)
    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    deaths = 0
    while kill and time.perf_counter() < until:
        time.sleep(5)
        workers = [child for child in server.children() if "boatlib.serve.worker" in child.cmdline()]
        if workers:
            random.choice(workers).kill()
            deaths += 1
    for thread in threads:
        thread.join()
    words = f"{(cpu_seconds(server) - used) / sum(found.values()):.3f} CPU seconds a request"
    words = f"{deaths} workers killed" if kill else words
    words += "".join(f", {count} x {kind}" for kind, count in sorted(found.items()))
    report(name, times, time.perf_counter() - started, words)


def main() -> None:
    """Print the comparison and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a model folder")
    parser.add_argument("exported", type=Path, help="what `export --onnx` has made of it")
    parser.add_argument("photos", type=Path, help="folder of photos")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=30.0, help="for each line of the table")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the server")
    parser.add_argument(
        "--place", type=Path, default=Path(__file__).resolve().parents[1], help="where its boatlib lies"
    )
    parser.add_argument("--only", default="", metavar="PATTERN", help="parts: same, bare, alone, one, many, killed")
    options = parser.parse_args()
    photos = [path.resolve() for _, path in batch.find_sources([options.photos])]
    exported = options.exported.resolve()

    def wanted(part: str) -> bool:
        return re.search(options.only, part) is not None

    if wanted("bare"):
        bare_loop(exported / "model.onnx", photos, options.seconds)
    if wanted("alone"):
        with served(options.python, options.place, exported, "--workers", "1") as server:
            load("server, --workers 1, 1 client", server, photos, 1, options.seconds)
    with served(options.python, options.place, exported) as server:
        if wanted("same"):
            same_answers(options.model, photos)
        if wanted("one"):
            load("server, 1 client", server, photos, 1, options.seconds)
        if wanted("many"):
            load(f"server, {options.clients} clients", server, photos, options.clients, options.seconds)
        if wanted("killed"):
            load("the same, workers killed", server, photos, options.clients, options.seconds, kill=True)
        sizes = [process.memory_info().rss / 1e6 for process in [server, *server.children()]]
        print(f"memory at the end: {sizes[0]:.0f} MB, workers {', '.join(f'{size:.0f}' for size in sizes[1:])} MB")


if __name__ == "__main__":
    main()
