"""Speed as ratios within one run: the training against the article's way, embedding against a bare loop; start of the kernels.

    python benchmarks/speed.py ../shared/boats/images

The article's way: a frozen ResNet-50 and a new head, photos read by torchvision's ImageFolder with its random views, in every
epoch anew. One epoch is measured and multiplied by the article's 32. Weights are random ones: they take as long.
"""

import argparse
import contextlib
import io
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import nbformat
import numpy as np
import openvino
import pandas as pd
import torch
from fresh import empty_cache
from jupyter_client.manager import start_new_kernel
from PIL import Image
from torch import nn
from torchvision import datasets, models
from torchvision.transforms import v2

from boatlib import runtime
from boatlib.model.features import embedding
from boatlib.model.inputs import loading, views
from boatlib.model.networks import auto, backbones, engines
from boatlib.model.networks.backbones import Backbone
from boatlib.model.networks.modules import article_head
from boatlib.model.training import fit
from boatlib.model.training.task import TrainingTask
from boatlib.params import Params, load_params
from boatlib.photos import catalog, folders, reading, shapes, splits
from boatlib.run import Run, cache_folder

EPOCHS = 32  # of the article
RUN = Run("benchmark-speed")


def seconds_of(work: Callable[[], object]) -> float:
    """How long it takes; what it prints is of no interest."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        started = time.perf_counter()
        work()
        return time.perf_counter() - started


def article_epoch(folder: Path) -> float:
    """Seconds of one epoch of the article's training, validation included."""
    ends = [
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
    random = [
        v2.RandomResizedCrop(256, (0.8, 1.0)),
        v2.RandomRotation(15),
        v2.ColorJitter(0.2, 0.2),
        v2.RandomHorizontalFlip(),
    ]
    ways = {"train": [*random, v2.CenterCrop(224), *ends], "val": [v2.Resize(256), v2.CenterCrop(224), *ends]}
    sets = {part: datasets.ImageFolder(str(folder / part), v2.Compose(way)) for part, way in ways.items()}
    body = models.resnet50(weights=None)
    body.fc = nn.Identity()
    body.requires_grad_(False).eval()
    head = article_head(2048, len(sets["train"].classes))
    optimiser = torch.optim.Adam(head.parameters())

    def epoch() -> None:
        for part, photos in sets.items():
            for inputs, labels in torch.utils.data.DataLoader(photos, 128, shuffle=part == "train", num_workers=2):
                with torch.no_grad():
                    features = body(inputs)
                loss = nn.functional.nll_loss(head(features), labels)
                if part == "train":
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()

    return seconds_of(epoch)


def our_training(split: pd.DataFrame, root: Path, params: Params) -> float:
    """Seconds of the whole training of a params file, embedding included."""
    train, val = (split[split["split"] == part] for part in ("train", "val"))
    head = params.training.model_copy(update={"recipe": "head"})
    training = auto.decided(head, shapes.of_files(root, train["photo"].tolist()))
    task = TrainingTask(RUN, training, params.compute, params.seed, sorted(set(split["label"])), train, val, root)
    for network in task.backbones:
        network.engine()  # compiled once for each machine, at set-up
    with empty_cache():
        return seconds_of(lambda: fit.train(task))


def bare_engine(network: Backbone, shown: list[np.ndarray], count: int) -> float:
    """Seconds of a bare OpenVINO loop over tensors that are ready, as many as `count` rows."""
    file = next(cache_folder("engines").glob(f"{network.key}-*-{engines.identity(network.on)}.xml"))
    model = openvino.Core().read_model(file)
    size = engines.batch_size(shown[0].shape)
    model.reshape([size, *shown[0].shape])
    queue = openvino.AsyncInferQueue(
        openvino.compile_model(model, "CPU", engines.settings(network.on)), runtime.cores()
    )
    tensors = [np.stack(shown[i : i + size]) for i in range(0, len(shown), size)]
    queue.start_async({0: tensors[0]})
    queue.wait_all()

    def loop() -> None:
        for batch in islice(cycle(tensors), count // size):
            queue.start_async({0: batch})
        queue.wait_all()

    return seconds_of(loop)


def embedding_rates(photos: pd.DataFrame, root: Path, network: Backbone, repeats: int) -> tuple[float, float]:
    """Photos a second: of embedding, from files to features, and of the bare engine over pictures that are there already."""
    network.engine()  # compiled once for each machine, at set-up
    first = photos.iloc[:64]
    shown = [
        loading.decode(reading.read_unchanged(root, photo, sha256), sha256, [views.PLAIN], network.preprocessing)[0]
        for photo, sha256 in zip(first["photo"], first["sha256"], strict=True)
    ]
    ours, bare = [], []
    for _ in range(repeats):
        with empty_cache():
            ours.append(seconds_of(lambda: embedding.embed(photos, root, [views.PLAIN], [network])))
        bare.append(bare_engine(network, shown, len(photos)))
    return len(photos) / statistics.median(ours), len(photos) / statistics.median(bare)


def multiplications(network: Backbone) -> float:
    """10^9 multiplications of the convolutions for one picture."""
    body, counts = network.build(), []
    for part in body.modules():
        if isinstance(part, nn.Conv2d):
            part.register_forward_hook(lambda part, _, out: counts.append(out.numel() * part.weight[0].numel()))
    with torch.inference_mode():
        body(torch.zeros(1, *network.preprocessing.shape, 3, dtype=torch.uint8))
    return sum(counts) / 1e9


def machine(photos: pd.DataFrame, root: Path) -> tuple[float, float]:
    """What it could do: JPEG files of the folder decoded in full by one core a second, and 10^9 multiplications a second."""
    data = [(root / photo).read_bytes() for photo in photos["photo"].iloc[:200]]
    decode = seconds_of(lambda: [Image.open(io.BytesIO(one)).load() for one in data])
    size = 4096
    dtype = torch.bfloat16 if runtime.takes_bfloat16() else torch.float32
    left, right = torch.randn(2, size, size).to(dtype)
    product = min(seconds_of(lambda: left @ right) for _ in range(5))
    return len(data) / decode, size**3 / product / 1e9


def startup(notebook: Path) -> float:
    """Seconds until a kernel has started and has done the imports of a notebook."""
    cells = nbformat.read(notebook, as_version=4).cells
    imports = next(cell.source for cell in cells if "imports" in cell.metadata.get("tags", []))
    started = time.perf_counter()
    manager, client = start_new_kernel(kernel_name="python3")
    client.execute_interactive(imports, timeout=120)
    seconds = time.perf_counter() - started
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return seconds


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--repeats", type=int, default=3, help="measurements of embedding, of which the median counts")
    options = parser.parse_args()
    table = catalog.build_catalog(options.images).table
    split = splits.make_split(table, 0.6, 0.2, 0.2, seed=0)
    decode, matrix = machine(table[table["status"] == "used"], options.images)
    print(f"the machine: {decode:.0f} photos a second decoded by a core, {matrix:.0f} billion multiplications a second")
    with tempfile.TemporaryDirectory() as folder:
        folders.make_folders(split, options.images, Path(folder, "data"))
        epoch = article_epoch(Path(folder, "data"))
    article = epoch * EPOCHS
    print(f"the article's way: {epoch:.1f} s an epoch, times {EPOCHS}: {article:.0f} s")
    print("| training step, embedding included | seconds | times as fast |\n|---|---|---|")
    same = ["training.backbone=resnet50", "training.weights=none"]
    recipes = {
        "quick.yaml with the same backbone": ("quick", same),
        "quick.yaml": ("quick", []),
        "boats.yaml": ("boats", []),
    }
    for words, (file, changes) in recipes.items():
        params = load_params(Path("params", f"{file}.yaml"), ["seed=0", "training.range_test=0", *changes])
        ours = our_training(split, options.images, params)
        print(f"| {words} | {ours:.1f} | {article / ours:.0f} |", flush=True)
    print(
        "\n| embedding, photos a second | from files | bare engine | ratio | bare, of the matrix rate |\n|---|---|---|---|---|"
    )
    used = table[table["status"] == "used"]
    for name, resolution in (("efficientnet_lite0", "default"), ("efficientnet_lite2", "384x576")):
        network = backbones.find_backbone(name, resolution=resolution)
        ours, bare = embedding_rates(used, options.images, network, options.repeats)
        share = bare * multiplications(network) / matrix
        print(f"| {name}, {resolution} | {ours:.0f} | {bare:.0f} | {ours / bare:.2f} | {share:.0%} |", flush=True)
    shutil.rmtree(RUN.folder, ignore_errors=True)
    starts = {notebook.stem: startup(notebook) for notebook in sorted(Path("notebooks").glob("*.ipynb"))}
    each = ", ".join(f"{name} {seconds:.1f}" for name, seconds in starts.items())
    print(f"\nkernels started and modules imported, seconds: {each}; together {sum(starts.values()):.1f}")


if __name__ == "__main__":
    main()
