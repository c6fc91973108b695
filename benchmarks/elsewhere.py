"""Is the estimate for photos from elsewhere true? On a set whose test photos, as its authors divided it, are from elsewhere.

    python benchmarks/elsewhere.py ../shared/sets/grocery --label-from last
    python benchmarks/elsewhere.py ../shared/boats/images --halves 100

The estimate sees the authors' train and val alone; then a simple model that they taught is judged by the authors' test photos.
By whole set, by the folders on top of the classes, and the other way round (test teaches, train judges). With --halves, random
halves of a set are looked at instead, and alarms are counted: right where photos are each taken for themselves.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from boatlib.model.features import embedding
from boatlib.model.networks import auto, backbones
from boatlib.params import Exploration, Training
from boatlib.photos import shapes
from boatlib.photos.catalog import build_catalog
from boatlib.photos.layout import sets
from boatlib.results import cross_validation, elsewhere

SEED = 42


def features_of(place: Path, label_from: str) -> tuple[pd.DataFrame, np.ndarray]:
    """The used photos of a set, and the features of the default networks, as the chain makes and keeps them."""
    chosen: int | str = int(label_from) if label_from.isdigit() else label_from
    listing = sets.read(place, Exploration.model_validate({"label_from": chosen}))
    table = build_catalog(listing).table
    settings = auto.decided(Training(recipe="head"), shapes.of_catalog(table))
    how = settings.backbone, settings.weights, SEED, settings.resolution, settings.pooling
    used = table[table["status"] == "used"].reset_index(drop=True)
    return used, np.asarray(embedding.embed_plain(used, listing.root, backbones.find_backbones(*how)))


def truth(features: np.ndarray, labels: np.ndarray, teach: np.ndarray, judge: np.ndarray) -> float:
    """What the simple model reaches on photos from elsewhere."""
    both = np.concatenate([teach, judge])
    wide, places = cross_validation.coordinates(features[both], len(set(labels))), np.arange(len(both))
    parts = places[: len(teach)], places[len(teach) :]
    return elsewhere.of_simple_model(wide.astype(np.float32), pd.Series(labels[both]), *parts)


def estimate(features: np.ndarray, photos: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """The estimate, and whether it would be said."""
    wide = cross_validation.coordinates(features, photos["label"].nunique())
    held = elsewhere.held_together(wide, photos.reset_index(drop=True), SEED)
    near = held["distance"].to_numpy()[1:]
    random = held["right"].iloc[0]
    return held, elsewhere.judge(held, random, random, np.zeros(1), near, elsewhere.RANDOM)["differs"]


def compare(name: str, features: np.ndarray, photos: pd.DataFrame, teach: np.ndarray, judge: np.ndarray) -> None:
    """Print a line: the estimates, the truth, and whether the report would warn."""
    labels = photos["label"].to_numpy(dtype=object)
    judge = judge[np.isin(labels[judge], labels[teach])]
    held, said = estimate(features[teach], photos.iloc[teach])
    shares = "  ".join(f"{share:6.1%}" for share in held["right"])
    reached = truth(features, labels, teach, judge)
    print(f"{name:32}{len(teach):7,}  {shares}   {reached:6.1%}   {'warns' if said else '-'}", flush=True)


def main() -> None:
    """Print the table, or the alarms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place", type=Path)
    parser.add_argument("--label-from", default="auto")
    parser.add_argument("--halves", type=int, default=0)
    options = parser.parse_args()
    photos, features = features_of(options.place, options.label_from)
    if options.halves:
        alarms = 0
        for seed in range(options.halves):
            half = np.sort(np.random.default_rng(seed).permutation(len(photos))[: len(photos) // 2])
            alarms += estimate(features[half], photos.iloc[half])[1]
        print(f"{alarms} alarms in {options.halves} random halves of {len(photos):,} photos")
        return
    print(f"{'':32}{'photos':>7}  random  careful middle    bold   truth")
    test = (photos["part"] == "test").to_numpy()
    top = photos["photo"].str.split("/").str[1]
    for kind, teach in (("train", ~test), ("test", test)):
        for name in ("all", *sorted(set(top))):
            own = np.ones(len(photos), bool) if name == "all" else (top == name).to_numpy()
            one, other = np.flatnonzero(teach & own), np.flatnonzero(~teach & own)
            compare(f"{name}, {kind} teaches", features, photos, one, other)


if __name__ == "__main__":
    main()
