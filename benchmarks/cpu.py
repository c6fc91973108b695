"""How busy the cores are while the chain runs, as a picture: where they wait is where time can be won. And how long a bare loop
over the same photos takes: every one decoded, and shown to the run's networks.

    python benchmarks/cpu.py ../shared/boats/images --params params/quick.yaml --picture docs/cpu.png

Everything cold but networks and weights. What the whole machine does is measured, so nothing else may run.
"""

import argparse
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import openvino
import psutil
from fresh import empty_cache
from matplotlib.figure import Figure
from throughput import model_of

from boatlib import runtime
from boatlib.model.inference.bundle import load_bundle
from boatlib.model.inputs import loading, views
from boatlib.model.networks import engines
from boatlib.photos import sources
from boatlib.run import Run
from boatlib.show.kit import theme

RUN = "benchmark-cpu"
EVERY = 0.25  # seconds between two measurements


def busy_while(command: list[str]) -> tuple[list[tuple[float, float]], list[tuple[float, str]]]:
    """Run a command: seconds since its start with the share of the cores that was busy until then, and what it printed, with its
    time. Raises SystemExit where it fails.
    """
    busy, lines, started = [], [], time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def read() -> None:
        for line in process.stdout or ():
            lines.append((time.perf_counter() - started, line))

    reader = threading.Thread(target=read)
    reader.start()
    psutil.cpu_percent()
    while process.poll() is None:
        time.sleep(EVERY)
        busy.append((time.perf_counter() - started, psutil.cpu_percent() / 100))
    reader.join()
    if process.returncode:
        raise SystemExit("".join(line for _, line in lines))
    return busy, lines


def steps_of(lines: list[tuple[float, str]]) -> list[tuple[str, float, float]]:
    """Name, start and end of each step."""
    found = [(when, re.search(r"/(\d\d)_\w+ +([\d.]+) s +done", line)) for when, line in lines]
    return [(match[1], when - float(match[2]), when) for when, match in found if match]


def drawn(busy: list[tuple[float, float]], steps: list[tuple[str, float, float]]) -> Figure:
    """Busy cores over time, in means of a second, with the steps below."""
    seconds, share = np.array(busy).T
    smooth = np.convolve(share, np.ones(4) / 4, "same")
    with theme.applied():
        figure = Figure(figsize=(9, 2.6), layout="constrained")
        axes = figure.subplots()
        axes.fill_between(seconds, smooth, color=theme.ACCENT, alpha=0.35, linewidth=0)
        axes.plot(seconds, smooth, color=theme.ACCENT, linewidth=1.2)
        until: list[float] = []  # by the row: a step beside another one has the next
        for name, start, end in sorted(steps, key=lambda step: step[1]):
            row = next((row for row, last in enumerate(until) if last <= start), len(until))
            until[row:] = [end, *until[row + 1 :]]
            low, high = 0.08 * row, 0.08 * row + 0.07
            axes.axvspan(start, end, ymin=low, ymax=high, color=theme.WARM, alpha=0.5, linewidth=0)
            axes.text((start + end) / 2, (low + high) / 2, name, ha="center", va="center", fontsize=8, color=theme.INK)
        axes.set(xlim=(0, seconds[-1]), ylim=(0, 1.02), xlabel="seconds", ylabel="busy cores, as a share")
    return figure


def bare_loop(run: Run) -> float:
    """Seconds of a loop that decodes each photo of a run once, and shows it to the frozen networks; they are compiled before."""
    networks, root = load_bundle(run.path("model")).bodies, sources.root_of(run)
    photos, prepare = [root / photo for photo in run.table("split")["photo"]], networks[0].preprocessing
    size = engines.batch_size(decoded(photos[0], prepare).shape)
    queues = []
    for network in networks:
        model = model_of(network)
        model.reshape([size, *decoded(photos[0], prepare).shape])
        compiled = openvino.compile_model(model, "CPU", engines.settings(network.on))
        queues.append(openvino.AsyncInferQueue(compiled, runtime.cores()))
    started = time.perf_counter()
    with ThreadPoolExecutor(runtime.cores()) as pool:
        pictures = pool.map(partial(decoded, prepare=prepare), photos)
        while batch := list(islice(pictures, size)):
            for queue in queues:
                queue.start_async({0: np.stack(batch + batch[:1] * (size - len(batch)))})
        for queue in queues:
            queue.wait_all()
    return time.perf_counter() - started


def decoded(photo: Path, prepare: views.Preprocessing) -> np.ndarray:
    """A photo as the networks are shown it."""
    return loading.decode(photo.read_bytes(), "", [views.PLAIN], prepare)[0]


def main() -> None:
    """Print the mean of each step and of all, and save the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--params", type=Path, default=Path("params/quick.yaml"))
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--picture", type=Path, default=Path("docs/cpu.png"))
    options = parser.parse_args()
    settings = [*options.set, f"images={options.images}", f"run={RUN}"]
    command = [sys.executable, "-m", "boatlib", "run", str(options.params)]
    with empty_cache():
        busy, lines = busy_while([*command, *[word for setting in settings for word in ("--set", setting)]])
    steps = steps_of(lines)
    edges = [0.0, *[end for _, _, end in steps], busy[-1][0]]
    names = [f"until the end of {name}" for name, _, _ in steps] + ["pages, PDF"]
    print("| | seconds | busy |\n|---|---|---|")
    for name, (start, end) in zip(names, pairwise(edges), strict=True):
        share = np.mean([value for when, value in busy if start < when <= end] or [np.nan])
        print(f"| {name} | {end - start:.1f} | {share:.0%} |")
    print(f"| all | {busy[-1][0]:.1f} | {np.mean([value for _, value in busy]):.0%} |")
    bare = bare_loop(Run(RUN))
    print(f"| a bare loop over the same photos | {bare:.1f} | the chain takes {busy[-1][0] / bare:.2f} times as long |")
    drawn(busy, steps).savefig(options.picture, dpi=130)
    for folder in (Path("runs", RUN), Path("reports", RUN)):
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
