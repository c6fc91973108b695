"""Accuracy over several seeds: each seed is another split, another start of the training. A recipe is a params file.

    python benchmarks/accuracy.py ../shared/boats/images --seeds 3 --params params/boats.yaml params/quick.yaml

Nothing is tuned here: the test photos of each split are judged once by the model that the params file describes.
"""

import argparse
import contextlib
import os
import shutil
import time
from pathlib import Path

import pandas as pd

from boatlib.model.inference.bundle import save_bundle
from boatlib.model.inference.predictor import Predictor
from boatlib.model.inputs import views
from boatlib.model.networks import auto
from boatlib.model.training import fit, others, search
from boatlib.model.training.task import TrainingTask
from boatlib.params import Params, load_params
from boatlib.photos import catalog, shapes, splits
from boatlib.results import elsewhere, metrics
from boatlib.run import Run

RUN = Run("benchmark")


def one_seed(table: pd.DataFrame, root: Path, params: Params, tta: bool) -> pd.DataFrame:
    """Split, train and judge once; one row a strategy of looking.

    Columns strategy, val (share of the validation photos named rightly, by what had not seen them), accuracy and balanced (of the
    test photos), seconds (as far as the lines for checks, features that are cached not included), took (head, finetune or both).
    """
    split = splits.make_split(table, params.split.train, params.split.val, params.split.test, params.seed)
    train, val, test = (split[split["split"] == part] for part in splits.SPLITS)
    classes = sorted(set(split["label"]))
    shape = shapes.of_catalog(table)
    RUN.write_record("photos", {"images": str(root), "shape": shape})
    training = auto.decided(params.training, shape)
    task = TrainingTask(RUN, training, params.compute, params.seed, classes, train, val, root)
    started = time.perf_counter()
    alike = elsewhere.in_series(search.first_features(task), pd.concat([train, val], ignore_index=True), params.seed)
    task = search.search(task, alike).task
    trained = fit.train(task)
    others.judged_by_others(task, task.settings.epochs, alike)  # for the lines, as in 03
    seconds = time.perf_counter() - started
    right = (trained.validation["predicted"] == trained.validation["label"]).mean()
    saved = save_bundle(RUN.path("model"), trained.network, classes, {})
    rows = []
    strategies = views.tta_strategies(params.tta.views, params.tta.fixed) if tta else {"plain": [views.PLAIN]}
    for strategy, predictions in Predictor(saved).predict_strategies(test, root, strategies).items():
        overall = metrics.overall(predictions, [1])
        rows.append({"strategy": strategy, "accuracy": overall["accuracy"], "balanced": overall["balanced_accuracy"]})
    took = "both" if task.settings.frozen else task.settings.recipe
    return pd.DataFrame(rows).assign(seed=params.seed, val=right, seconds=seconds, took=took)


def main() -> None:
    """Print mean and spread over the seeds, for each recipe and each strategy of looking."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--params", type=Path, nargs="+", default=[Path("params/boats.yaml")], metavar="PARAMS.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for all of the params files")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--tta", action="store_true", help="with several looks at each photo too")
    options = parser.parse_args()
    table = catalog.build_catalog(options.images).table
    results = []
    for file in options.params:
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            params = load_params(file, [*options.set, f"seed={seed}"])
            with (
                open(os.devnull, "w") as nowhere,
                contextlib.redirect_stdout(nowhere),
            ):  # the epochs are of no interest here
                results.append(one_seed(table, options.images, params, options.tta).assign(recipe=file.stem))
    shutil.rmtree(RUN.folder)
    rows = pd.concat(results)
    figures = ["val", "accuracy", "balanced"]
    rows[figures] *= 100
    print(
        f"{options.seeds} seeds, {len(table[table['status'] == 'used'])} photos{''.join(f', {s}' for s in options.set)}"
    )
    print(rows.groupby(["recipe", "strategy"])[[*figures, "seconds"]].agg(["mean", "std"]).round(2).to_string())
    print(rows[rows["strategy"] == "plain"].groupby(["recipe", "took"]).size().to_string())


if __name__ == "__main__":
    main()
