"""Accuracy over several seeds: each seed is another split, another start of the head.

    python benchmarks/accuracy.py ../shared/boats/images --seeds 5 --views 0 2

Nothing is tuned here: the test photos of each split are judged once by the model that the params describe.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import pandas as pd

from boatlib.model import backbones, embedding, training, views
from boatlib.model.bundle import save_bundle
from boatlib.model.prediction import Predictor
from boatlib.params import Params
from boatlib.photos import catalog, splits
from boatlib.results import metrics
from boatlib.run import cache_folder


def one_seed(table: pd.DataFrame, root: Path, params: Params) -> pd.DataFrame:
    """Split, train and judge once; one row a way of looking: way, accuracy, balanced, seconds (cached features)."""
    started = time.perf_counter()
    split = splits.make_split(table, params.split.train, params.split.val, params.split.test, params.seed)
    train, val, test = (split[split["split"] == part] for part in splits.SPLITS)
    classes = sorted(set(split["label"]))
    chosen = params.training
    network = backbones.find_backbone(chosen.backbone, chosen.weights, params.seed)
    trained = training.train_head(
        embedding.embed(train, root, views.training_views(chosen.views), network),
        training.class_numbers(train, classes),
        embedding.embed(val, root, [views.PLAIN], network)[:, 0],
        training.class_numbers(val, classes),
        classes=len(classes),
        epochs=chosen.epochs,
        max_epochs_stop=chosen.max_epochs_stop,
        learning_rate=chosen.learning_rate,
        batch_size=chosen.batch_size,
        seed=params.seed,
    )
    predictor = Predictor(save_bundle(cache_folder("benchmark") / "model", network, trained.head, classes, {}))
    rows = []
    for way, predictions in predictor.predict_ways(test, root, views.tta_ways(params.tta.views)).items():
        overall = metrics.overall(predictions, [1])
        rows.append({"way": way, "accuracy": overall["accuracy"], "balanced": overall["balanced_accuracy"]})
    return pd.DataFrame(rows).assign(seed=params.seed, seconds=time.perf_counter() - started)


def main() -> None:
    """Print mean and spread over the seeds, for each number of training views and each way of looking."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--views", type=int, nargs="+", default=[Params(run="default").training.views])
    options = parser.parse_args()
    table = catalog.build_catalog(options.images).table
    results = []
    with open(os.devnull, "w") as nowhere:
        terminal, sys.stdout = sys.stdout, nowhere  # the epochs of all seeds are of no interest here
        for count in options.views:
            for seed in range(options.seeds):
                params = Params(run="benchmark", seed=seed, training={"views": count})  # type: ignore[arg-type]
                results.append(one_seed(table, options.images, params).assign(views=count))
        sys.stdout = terminal
    rows = pd.concat(results)
    summary = rows.groupby(["views", "way"])[["accuracy", "balanced"]].agg(["mean", "std", "min", "max"])
    print(f"{options.seeds} seeds, {len(table[table['status'] == 'used'])} photos, default params but for the views")
    print((summary * 100).round(2).to_string())


if __name__ == "__main__":
    main()
