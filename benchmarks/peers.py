"""Other ways to the same thing, beside ours: same photos, same division, same weights to start from (lite0), same cores.

    python benchmarks/peers.py ../shared/boats/images --minutes 2
    python benchmarks/peers.py ../shared/sets/grocery --set exploration.label_from=last --set exploration.min_photos_per_class=5

Each peer is a process and, where it needs a library that we do not have, an environment of its own below `.cache/peers/`, in
which torch is the one that is here. Test photos are judged once, at the end. Peers: the article's recipe and that of PyTorch's
transfer-learning tutorial in plain PyTorch, fastai's `fine_tune`, and ours.
"""

import argparse
import inspect
import json
import os
import resource
import site
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from memory import watched

ROOT = Path(__file__).resolve().parents[1]
NEEDS = {"fastai": ["fastai"]}
SIDE = 224
HALF = (0.5, 0.5, 0.5)  # mean and standard deviation with which the weights were learnt
CANNOT = {
    "Ultralytics classify": "starts from its own yolo*-cls weights, which are a download; no other weights can be given",
    "Keras": "its applications have no EfficientNet-Lite, and their own weights are a download",
    "AutoGluon MultiModal": "not tried: it asks for torch below 2.14 and timm below 1.0.7, an environment without ours",
}
Judge = Callable[[pd.DataFrame], np.ndarray]  # class numbers of photos


# User lines: what somebody writes who does it this way. They are counted from here ...


def article(split: pd.DataFrame, root: Path, classes: list[str], weights: str, epochs: int) -> Judge:
    """The article's recipe: a frozen body, a small head, Adam, early stopping after ten epochs without progress."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader
    from torchvision.transforms import v2

    ends = [v2.CenterCrop(SIDE), v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(HALF, HALF)]
    random = [
        v2.RandomResizedCrop(256, (0.8, 1.0)),
        v2.RandomRotation(15),
        v2.ColorJitter(0.2, 0.2),
        v2.RandomHorizontalFlip(),
    ]
    learn, look = v2.Compose([*random, *ends]), v2.Compose([v2.Resize(256), *ends])
    sets = {
        part: Photos(split[split["split"] == part], root, classes, learn if part == "train" else look)
        for part in ("train", "val")
    }
    model = lite0(weights, len(classes))
    model.requires_grad_(False)
    model.classifier = nn.Sequential(
        nn.Linear(model.num_features, 256), nn.ReLU(), nn.Dropout(0.4), nn.Linear(256, len(classes)), nn.LogSoftmax(1)
    )
    optimiser = torch.optim.Adam(model.classifier.parameters())
    best, kept, waited = np.inf, None, 0
    for _ in range(epochs):
        model.eval()
        model.classifier.train()
        for pictures, labels in DataLoader(sets["train"], 128, shuffle=True, num_workers=2):
            optimiser.zero_grad()
            nn.functional.nll_loss(model(pictures), labels).backward()
            optimiser.step()
        model.eval()
        with torch.no_grad():
            losses = [
                nn.functional.nll_loss(model(x), y, reduction="sum")
                for x, y in DataLoader(sets["val"], 128, num_workers=2)
            ]
        if float(sum(losses)) < best:
            best, waited = float(sum(losses)), 0
            kept = {name: tensor.clone() for name, tensor in model.classifier.state_dict().items()}
        else:
            waited += 1
            if waited == 10:
                break
    model.classifier.load_state_dict(kept)
    return lambda photos: answers(model, Photos(photos, root, classes, look))


def tutorial(split: pd.DataFrame, root: Path, classes: list[str], weights: str, epochs: int) -> Judge:
    """PyTorch's transfer-learning tutorial, "finetuning the ConvNet": SGD, steps a tenth as large after every seven epochs."""
    import copy

    import torch
    from torch import nn
    from torch.utils.data import DataLoader
    from torchvision.transforms import v2

    ends = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(HALF, HALF)]
    learn = v2.Compose([v2.RandomResizedCrop(SIDE), v2.RandomHorizontalFlip(), *ends])
    look = v2.Compose([v2.Resize(256), v2.CenterCrop(SIDE), *ends])
    sets = {
        part: Photos(split[split["split"] == part], root, classes, learn if part == "train" else look)
        for part in ("train", "val")
    }
    model = lite0(weights, len(classes))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 7, 0.1)
    best, kept = -1.0, None
    for _ in range(epochs):
        model.train()
        for pictures, labels in DataLoader(sets["train"], 4, shuffle=True, num_workers=2):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(pictures), labels).backward()
            optimiser.step()
        schedule.step()
        right = float((answers(model, sets["val"]) == sets["val"].labels).mean())
        if right > best:
            best, kept = right, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return lambda photos: answers(model, Photos(photos, root, classes, look))


def fastai(split: pd.DataFrame, root: Path, classes: list[str], weights: str, epochs: int) -> Judge:
    """fastai: `vision_learner` with its own head, and `fine_tune`: one epoch of the head, then all, one cycle."""
    import torch
    from fastai.vision.all import (
        CategoryBlock,
        ColReader,
        ColSplitter,
        DataBlock,
        ImageBlock,
        Normalize,
        Resize,
        aug_transforms,
        vision_learner,
    )

    rows = split[split["split"] != "test"].assign(is_valid=split["split"] == "val")
    block = DataBlock(
        (ImageBlock, CategoryBlock(vocab=classes)), get_x=ColReader("photo", pref=f"{root}/"), get_y=ColReader("label"),
        splitter=ColSplitter(), item_tfms=Resize(256), batch_tfms=[*aug_transforms(size=SIDE), Normalize.from_stats(HALF, HALF)],
    )  # fmt: skip
    loaders = block.dataloaders(rows, bs=64, num_workers=2)
    learner = vision_learner(loaders, "tf_efficientnet_lite0", pretrained=False)
    found = learner.model[0].model.load_state_dict(torch.load(weights, weights_only=True), strict=False)
    assert not found.missing_keys, "the weights are another network's"
    with learner.no_bar(), learner.no_logging():
        learner.fine_tune(epochs)

    def judge(photos: pd.DataFrame) -> np.ndarray:
        with learner.no_bar():
            scores, _ = learner.get_preds(dl=loaders.test_dl(photos))
        return torch.as_tensor(scores).argmax(1).numpy()

    return judge


# ... to here; what follows serves all of them.


def ours(job: dict[str, Any]) -> dict[str, Any]:
    """`./run_all.sh` up to 03 with a params file of two lines, and the model of it asked about the test photos."""
    from boatlib.model.inference.predictor import Predictor
    from boatlib.photos import sources
    from boatlib.run import Run

    run = Run("benchmark-peers")
    command = ["./run_all.sh", "params/sample.yaml", "--set", f"run={run.name}", "--set", f"images={job['images']}"]
    command += [word for text in job["set"] for word in ("--set", text)]
    environment = os.environ | {"BOATLIB_CACHE": str(ROOT / ".cache" / "peers" / "ours")}
    subprocess.run([*command, "--until", "split"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL, env=environment)
    step = ["--until", "training", "--force", "training", "--set", f"training.minutes={job['minutes']}"]
    seconds, peak, _ = watched([*command, *step], ROOT, env=environment)
    split = run.table("split")
    test = split[split["split"] == "test"]
    found = Predictor.load(run.path("model")).predict_catalogued(test, sources.root_of(run))
    return judged(test["label"].to_numpy(), found["predicted"].to_numpy()) | {
        "seconds": seconds,
        "peak": peak,
        "lines": 2,
    }


def judged(labels: np.ndarray, named: np.ndarray) -> dict[str, float]:
    """Share of right answers, and the same with every class counting alike, in per cent."""
    right = labels == named
    return {
        "right": 100 * right.mean(),
        "balanced": 100 * np.mean([right[labels == name].mean() for name in np.unique(labels)]),
    }


def lite0(weights: str, classes: int) -> Any:  # noqa: ANN401
    """The pretrained network with a classifier of random weights."""
    import timm
    import torch

    model = timm.create_model("tf_efficientnet_lite0", num_classes=classes)
    found = model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True), strict=False)
    assert set(found.missing_keys) == {"classifier.weight", "classifier.bias"}, "the weights are another network's"
    return model


class Photos:
    """Photos with the numbers of their classes, as torch's data loaders want them."""

    def __init__(self, photos: pd.DataFrame, root: Path, classes: list[str], transform: Callable[..., Any]) -> None:
        self.files = [root / photo for photo in photos["photo"]]
        self.labels = pd.Categorical(photos["label"], classes).codes.astype(np.int64)
        self.transform = transform

    def __len__(self) -> int:
        """How many."""
        return len(self.files)

    def __getitem__(self, number: int) -> tuple[Any, int]:
        """Picture and class number."""
        from PIL import Image, ImageOps

        with Image.open(self.files[number]) as image:
            return self.transform(ImageOps.exif_transpose(image).convert("RGB")), int(self.labels[number])


def answers(model: Any, photos: Photos) -> np.ndarray:  # noqa: ANN401
    """The class number of each."""
    import torch
    from torch.utils.data import DataLoader

    model.eval()
    with torch.no_grad():
        return np.concatenate(
            [model(pictures).argmax(1).numpy() for pictures, _ in DataLoader(photos, 64, num_workers=2)]
        )


PEERS = {"article": article, "tutorial": tutorial, "fastai": fastai}


def one(job: dict[str, Any]) -> dict[str, Any]:
    """A peer, in its own process."""
    import torch

    if job["peer"] == "ours":
        return ours(job)
    torch.manual_seed(job["seed"])
    split, classes, root = pd.read_csv(job["split"], dtype=str), job["classes"], Path(job["root"])
    way = PEERS[job["peer"]]
    started = time.perf_counter()
    judge = way(split, root, classes, job["weights"], job["epochs"])
    seconds = time.perf_counter() - started
    test = split[split["split"] == "test"]
    named = np.array(classes, dtype=object)[judge(test)]
    usage = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    lines = len([line for line in inspect.getsource(way).splitlines()[2:] if line.strip()])
    return judged(test["label"].to_numpy(), named) | {"seconds": seconds, "peak": max(usage), "lines": lines}


def python_of(peer: str) -> str:
    """The interpreter of a peer: ours, or one of an environment in which the peer's packages are laid over ours."""
    if peer not in NEEDS:
        return sys.executable
    folder = ROOT / ".cache" / "peers" / peer
    interpreter = folder / "bin" / "python"
    if not interpreter.exists():
        venv.create(folder, with_pip=True)
        own = next((folder / "lib").glob("python*/site-packages"))
        (own / "ours.pth").write_text("\n".join(site.getsitepackages()) + "\n")
        subprocess.run([interpreter, "-m", "pip", "install", "-q", *NEEDS[peer]], check=True)
    return str(interpreter)


def main() -> None:
    """Print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="?")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--peers", nargs="+", default=[*PEERS, "ours"])
    parser.add_argument("--minutes", type=float, default=2.0, help="of ours")
    parser.add_argument("--epochs", type=int, default=25, help="of the others, at most")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(one(options.job)))
        return
    import torch

    from boatlib.model.networks import backbones
    from boatlib.order import natural
    from boatlib.params import overridden
    from boatlib.photos import catalog, splits
    from boatlib.photos.layout import sets

    params, _ = overridden(options.set)
    listing = sets.read(Path(options.images), params.exploration)
    table = catalog.build_catalog(listing, params.exploration.min_photos_per_class).table
    split = splits.make_split(table, 0.6, 0.2, 0.2, params.seed)
    folder = ROOT / ".cache" / "peers"
    folder.mkdir(parents=True, exist_ok=True)
    split.to_csv(folder / "split.csv", index=False)
    torch.save(backbones.find_backbone("efficientnet_lite0").build().network.state_dict(), folder / "lite0.pth")
    job = {
        "split": str(folder / "split.csv"),
        "classes": natural(set(split["label"])),
        "root": str(listing.root.resolve()),
        "seed": params.seed,
    }
    job |= {"weights": str(folder / "lite0.pth"), "epochs": options.epochs}
    job |= {"images": options.images, "set": options.set, "minutes": options.minutes}
    print(f"{'':12}{'right':>8}{'balanced':>10}{'seconds':>9}{'peak MB':>9}{'lines':>7}")
    for peer in options.peers:
        command = [python_of(peer), __file__, "--job", json.dumps(job | {"peer": peer})]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
        row = json.loads(done.stdout.splitlines()[-1])
        print(
            f"{peer:12}{row['right']:8.1f}{row['balanced']:10.1f}{row['seconds']:9.0f}{row['peak']:9.0f}{row['lines']:7d}",
            flush=True,
        )
    for name, why in CANNOT.items():
        print(f"{name}: {why}")


if __name__ == "__main__":
    main()
