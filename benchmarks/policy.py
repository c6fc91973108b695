"""Is the promise kept on real photos? Each seed is another split and training; the test photos judge the lines, once.

    python benchmarks/policy.py ../shared/boats/images --seeds 10 --params params/boats.yaml

Printed for each seed and for all together: the test photos that are used without a check, how many of them are wrong, how many
are called unfamiliar, and how many photos of the classes that were too few to be taught are called so. Lines drawn by the
validation photos alone stand beside those that the training photos helped to draw.
"""

import argparse
import contextlib
import os
import shutil
from pathlib import Path

import pandas as pd

from boatlib.model.features import embedding
from boatlib.model.inference.bundle import save_bundle
from boatlib.model.inference.familiarity import Familiarity
from boatlib.model.inference.predictor import Predictor
from boatlib.model.networks import auto
from boatlib.model.training import fit, others
from boatlib.model.training.task import TrainingTask
from boatlib.params import Params, load_params
from boatlib.photos import catalog, shapes, splits
from boatlib.photos.layout import sets
from boatlib.policy import Policy
from boatlib.results import calibration, elsewhere, policy, unknown
from boatlib.run import Run

RUN = Run("benchmark")


def one_seed(table: pd.DataFrame, root: Path, params: Params) -> pd.DataFrame:
    """A row for each way to draw the lines: used, wrong, unknown (test photos), photos, strange, noticed, line."""
    split = splits.make_split(table, params.split.train, params.split.val, params.split.test, params.seed)
    train, val, test = (split[split["split"] == part].reset_index(drop=True) for part in splits.SPLITS)
    training = auto.decided(params.training.model_copy(update={"recipe": "head"}), shapes.of_catalog(table))
    task = TrainingTask(RUN, training, params.compute, params.seed, sorted(set(split["label"])), train, val, root)
    trained = fit.train(task)
    temperature = calibration.fit_temperature(trained.validation)
    before = trained.before_refit
    saved = save_bundle(RUN.path("model"), trained.network, task.classes, {}, temperature, before, on=task.machine)
    seen, labels = embedding.embed_plain(train, root, saved.bodies), task.labels(train)
    saved = saved.with_policy(Policy(), Familiarity.fit(seen, labels))
    tuning = Predictor(saved).before_refit().predict_catalogued(val, root)
    both = pd.concat([train, val], ignore_index=True)
    alike = elsewhere.in_series(embedding.embed_plain(both, root, saved.bodies), both, params.seed)
    taught = calibration.with_temperature(others.judged_by_others(task, training.epochs, alike), temperature)
    taught["unfamiliarity"] = Familiarity.of_parts(seen, labels, taught["part"].to_numpy())
    line = policy.familiar_to(tuning, params.review.refuse)
    groups = val["group"], train["group"]
    ways = {
        "validation alone": policy.judges(tuning, taught.head(0), groups, None),
        "with training photos": policy.judges(tuning, taught, groups, alike),
    }
    answers = Predictor(saved).predict_catalogued(test, root)
    rows = []
    for way, judges in ways.items():
        drawn = policy.draw(judges, params.review, line)
        told = policy.judged(drawn, answers)
        strange = unknown.photos_left_out(Predictor(saved.with_policy(drawn, saved.familiarity)), table, root)
        row = {name: told[name] for name in ("used", "wrong", "unknown", "photos")}
        row |= {
            "strange": strange["photos"].sum(),
            "noticed": strange["noticed"].sum(),
            "line": min(drawn.lines.values()),
        }
        rows.append({"way": way, "seed": params.seed, **row})
    return pd.DataFrame(rows)


def main() -> None:
    """Print a row for each seed, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--params", type=Path, default=Path("params/boats.yaml"))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    exploration = load_params(options.params, options.set).exploration
    listing = sets.read(options.images, exploration)
    table = catalog.build_catalog(listing, exploration.min_photos_per_class).table
    results = []
    for seed in range(options.seeds):
        params = load_params(options.params, [*options.set, f"seed={seed}"])
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            results.append(one_seed(table, listing.root, params))
    shutil.rmtree(RUN.folder)
    rows = pd.concat(results)
    print(rows.sort_values(["way", "seed"]).to_string(index=False))
    sums = rows.groupby("way")[["used", "wrong", "unknown", "photos", "strange", "noticed"]].sum()
    print(sums.assign(share_wrong=(sums["wrong"] / sums["used"]).round(4)).to_string())


if __name__ == "__main__":
    main()
