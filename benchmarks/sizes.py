"""Would a head gain if the frozen networks saw each photo in two sizes? Their features are averaged, size by size.

    python benchmarks/sizes.py ../shared/boats/images --sizes 384x576 384x576,512x768 --seeds 10

The head is that of the default recipe. Training photos are judged by heads that have not learnt from them; the test photos of
each split once by the head that the validation photos have taught too.
"""

import argparse
import contextlib
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy import RUN

from boatlib.model.features import embedding
from boatlib.model.training import datasets, fit, others, search
from boatlib.model.training.process_group import alone
from boatlib.model.training.task import TrainingTask
from boatlib.model.training.trainer import Trainer
from boatlib.params import Params, load_params
from boatlib.photos import catalog, splits


@dataclass(frozen=True)
class Averaged:
    """As `Features`, in memory: float32 [photos, views, n]."""

    values: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Photos, views, n."""
        return self.values.shape

    def part(self, places: object) -> "Averaged":
        """Some of them."""
        return Averaged(self.values[places])

    def rows(self) -> "Averaged":
        """Every view a row."""
        return Averaged(self.values.reshape(-1, self.values.shape[-1]))

    def plus(self, other: "Averaged") -> "Averaged":
        """All rows of both."""
        return Averaged(np.concatenate([self.values, other.values]))

    def __getitem__(self, places: object) -> np.ndarray:
        """The numbers."""
        return self.values[places]


def averaged(task: TrainingTask, photos: pd.DataFrame, sizes: list[str]) -> Averaged:
    """The mean of what the networks see in each size."""
    seen = [
        replace(task, settings=task.settings.model_copy(update={"resolution": size, "pooling": "mean+gem"}))
        for size in sizes
    ]
    every = [np.asarray(embedding.embed_plain(photos, task.root, one.backbones)) for one in seen]
    return Averaged(np.mean(every, axis=0)[:, None])


def one_seed(table: pd.DataFrame, root: Path, params: Params, sizes: list[str]) -> dict[str, float]:
    """Log-loss of the training photos, and the shares of training and test photos that were named rightly."""
    split = splits.make_split(table, params.split.train, params.split.val, params.split.test, params.seed)
    train, val, test = (split[split["split"] == part] for part in splits.SPLITS)
    settings = params.training.model_copy(update={"resolution": sizes[0], "pooling": "mean+gem"})
    task = TrainingTask(RUN, settings, params.compute, params.seed, sorted(set(split["label"])), train, val, root)
    task_features = averaged(task, train, sizes), averaged(task, val, sizes)
    fit.features = others.features = lambda _: task_features  # what both ask for
    losses, right = search.judged(others.judged_by_others(task, settings.epochs))
    state = fit.learn(task, alone(task.machine))[0]
    lesson = fit.prepare(task, alone(task.machine))
    lesson.model.load_state_dict(state["refit"])
    asked = datasets.of_features(test, task.labels(test), averaged(task, test, sizes))
    answers = Trainer(task, lesson.model, alone(task.machine), lesson.train, None).judge(asked).argmax(axis=1)
    hits = pd.Series(answers == asked.labels)
    balanced = hits.groupby(asked.labels).mean().mean()
    return {"loss": losses.mean(), "training": right.mean(), "test": hits.mean(), "balanced": balanced}


def main() -> None:
    """Print the means, a row for each choice of sizes, and how often the test photos of a seed fared better or worse."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--sizes", nargs="+", default=["384x576", "384x576,512x768"])
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    table = catalog.build_catalog(options.images).table
    found: dict[str, pd.DataFrame] = {}
    for sizes in options.sizes:
        rows = []
        for seed in range(options.seeds):
            params = load_params(Path("params/boats.yaml"), [f"seed={seed}", "training.recipe=head"])
            with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
                rows.append(one_seed(table, options.images, params, sizes.split(",")))
        found[sizes] = pd.DataFrame(rows)
        apart = found[sizes]["test"] - found[options.sizes[0]]["test"]
        means = "  ".join(f"{name} {value:.4f}" for name, value in found[sizes].mean().items())
        print(f"{sizes:24} {means}  better {(apart > 0).sum()}, worse {(apart < 0).sum()}", flush=True)
    shutil.rmtree(RUN.folder)


if __name__ == "__main__":
    main()
