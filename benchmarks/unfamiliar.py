"""Which score notices photos of something else? Of known photos 5% are refused; how many strange ones are noticed?

    python benchmarks/unfamiliar.py ../shared/boats/images --far ../shared/sets/grocery
    python benchmarks/unfamiliar.py ../shared/sets/grocery --label-from last --far ../shared/boats/images

Near: each class in turn (of many, twelve of them) is left out of the teaching. Far: 400 photos of another set, which is shown to
the networks in the same way. Three tenths of the known photos draw the line. The scores: distance to the nearest photo, largest
logit of a linear model, its largest probability, and the kernel ridge regression that is used, in several widths.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from elsewhere import SEED, features_of

from boatlib.model.features import embedding
from boatlib.model.inference import familiarity
from boatlib.model.inference.familiarity import Familiarity
from boatlib.model.networks import auto, backbones
from boatlib.params import Exploration, Training
from boatlib.photos import shapes
from boatlib.photos.catalog import build_catalog
from boatlib.photos.layout import sets

REFUSED = 0.05
WIDTHS = (0.5, 1.0, 1.5, 2.0, 3.0)
LINEAR = 20  # classes at the most for which the linear model is taught: it would take minutes
FAR, MOST = 400, 12


def scores(features: np.ndarray, labels: np.ndarray, asked: list[np.ndarray]) -> dict[str, list[np.ndarray]]:
    """By name, the unfamiliarity of each photo of each list that is asked about."""
    from sklearn.linear_model import LogisticRegression

    found: dict[str, list[np.ndarray]] = {}
    usual = familiarity.WIDTH
    for width in WIDTHS:
        familiarity.WIDTH = width
        known = Familiarity.fit(features, labels)
        found[f"kernel, width {width:g}"] = [known.unfamiliarity(rows) for rows in asked]
    familiarity.WIDTH = usual
    values = [(rows - known.mean) @ known.components for rows in (features, *asked)]
    scale = 10 / np.sqrt((values[0] ** 2).sum(axis=1).mean())
    directions = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in values]
    found["nearest photo"] = [1 - (rows @ directions[0].T).max(axis=1) for rows in directions[1:]]
    if len(set(labels)) > LINEAR:
        return found
    linear = LogisticRegression(C=0.1, max_iter=300, tol=1e-3).fit(values[0] * scale, labels)
    logits = [linear.decision_function(rows * scale) for rows in values[1:]]
    found["largest logit"] = [-rows.max(axis=1) for rows in logits]
    found["largest probability"] = [-linear.predict_proba(rows * scale).max(axis=1) for rows in values[1:]]
    return found


def noticed(known: np.ndarray, strange: np.ndarray) -> float:
    """The share of strange photos beyond the line that few known ones reach."""
    return float((strange > np.quantile(known, 1 - REFUSED)).mean())


def main() -> None:
    """Print what is noticed, by score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place", type=Path)
    parser.add_argument("--label-from", default="auto")
    parser.add_argument("--far", type=Path, required=True)
    options = parser.parse_args()
    photos, features = features_of(options.place, options.label_from)
    names, labels = np.unique(photos["label"], return_inverse=True)
    strange = far_features(options.far, photos)
    random = np.random.default_rng(SEED)
    known = random.uniform(size=len(labels)) < 0.3
    rows = [
        (name, "far", noticed(*found))
        for name, found in scores(features[~known], labels[~known], [features[known], strange]).items()
    ]
    for label in random.permutation(len(names))[:MOST]:
        own = labels == label
        asked = [features[known & ~own], features[own]]
        for name, found in scores(features[~known & ~own], labels[~known & ~own], asked).items():
            rows.append((name, "near", noticed(*found)))
    table = (
        pd.DataFrame(rows, columns=["score", "what", "noticed"]).groupby(["score", "what"])["noticed"].mean().unstack()
    )
    print(table.map("{:.0%}".format).to_string())


def far_features(place: Path, photos: pd.DataFrame) -> np.ndarray:
    """Features of photos of another set, shown as those of the first."""
    listing = sets.read(place, Exploration.model_validate({"label_from": "last"}))
    table = build_catalog(listing, 3).table
    some = table[table["status"] == "used"].sample(FAR, random_state=SEED).reset_index(drop=True)
    settings = auto.decided(Training(), shapes.of_catalog(photos.assign(status="used")))
    how = settings.backbone, settings.weights, SEED, settings.resolution, settings.pooling
    return np.asarray(embedding.embed_plain(some, listing.root, backbones.find_backbones(*how)))


if __name__ == "__main__":
    main()
