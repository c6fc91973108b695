"""Which score notices photos of something else? Of known photos 2 to 8% are refused; how many strange ones are noticed?

    python benchmarks/unfamiliar.py ../shared/boats/images --far ../shared/sets/grocery --seeds 4
    python benchmarks/unfamiliar.py ../shared/sets/grocery --label-from last --far ../shared/boats/images

Near: each class in turn (of many, twelve of them) is left out of the teaching. Far: 400 photos of another set, which is shown to
the networks in the same way. Three tenths of the known photos draw the line. The scores: distance to the nearest photo, largest
logit of a linear model, its largest probability, and the kernel ridge regression that is used, in several widths, and with fewer
photos and components. What is noticed is the mean over the shares that are refused: one line alone hangs on a few photos.
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

REFUSED = np.arange(0.02, 0.081, 0.01)
WIDTHS = (1.0, 1.5, 2.0, 3.0)
LINEAR = 20  # classes at the most for which the linear model is taught: it would take minutes
FAR, MOST = 400, 12


def scores(features: np.ndarray, labels: np.ndarray, asked: list[np.ndarray]) -> dict[str, list[np.ndarray]]:
    """By name, the unfamiliarity of each photo of each list that is asked about."""
    from sklearn.linear_model import LogisticRegression

    found: dict[str, list[np.ndarray]] = {}
    usual = familiarity.WIDTH, familiarity.MOST, familiarity.COMPONENTS
    others = {
        f"kernel, width {usual[0]:g}, {usual[1] // 4} photos": (usual[0], usual[1] // 4, usual[2]),
        f"kernel, width {usual[0]:g}, {usual[2] // 3} components": (usual[0], usual[1], usual[2] // 3),
    }
    ways = {f"kernel, width {width:g}": (width, *usual[1:]) for width in WIDTHS} | others
    for name, way in ways.items():
        familiarity.WIDTH, familiarity.MOST, familiarity.COMPONENTS = way
        known = Familiarity.fit(features, labels)
        found[name] = [known.unfamiliarity(rows) for rows in asked]
    familiarity.WIDTH, familiarity.MOST, familiarity.COMPONENTS = usual
    known = Familiarity.fit(features, labels)
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
    """The share of strange photos beyond the lines that few known ones reach."""
    return float(np.mean([(strange >= line).mean() for line in np.quantile(known, 1 - REFUSED, method="higher")]))


def main() -> None:
    """Print what is noticed, by score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place", type=Path)
    parser.add_argument("--label-from", default="auto")
    parser.add_argument("--far", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    photos, features = features_of(options.place, options.label_from)
    names, labels = np.unique(photos["label"], return_inverse=True)
    strange = far_features(options.far, photos)
    rows = []
    for seed in range(options.seeds):
        random = np.random.default_rng([SEED, seed])
        known = random.uniform(size=len(labels)) < 0.3
        for label in [None, *random.permutation(len(names))[:MOST]]:
            own = np.zeros(len(labels), bool) if label is None else labels == label
            asked = [features[known & ~own], strange if label is None else features[own]]
            taught = np.unique(labels[~known & ~own], return_inverse=True)[1]
            for name, found in scores(features[~known & ~own], taught, asked).items():
                rows.append((name, "far" if label is None else "near", noticed(*found)))
    table = pd.DataFrame(rows, columns=["score", "what", "noticed"])
    print(table.groupby(["score", "what"])["noticed"].mean().unstack().map("{:.1%}".format).to_string())


def far_features(place: Path, photos: pd.DataFrame) -> np.ndarray:
    """Features of photos of another set, shown as those of the first."""
    listing = sets.read(place, Exploration.model_validate({"label_from": "last"}))
    table = build_catalog(listing, 3).table
    some = table[table["status"] == "used"].sample(FAR, random_state=SEED).reset_index(drop=True)
    settings = auto.decided(Training(recipe="head"), shapes.of_catalog(photos.assign(status="used")))
    how = settings.backbone, settings.weights, SEED, settings.resolution, settings.pooling
    return np.asarray(embedding.embed_plain(some, listing.root, backbones.find_backbones(*how)))


if __name__ == "__main__":
    main()
