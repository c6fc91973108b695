"""What a simple model says of each photo when it has learnt from others only: the base for label suspects and learning curves.

A linear head on the frozen network's features stands in for the head that was trained: it learns in a tenth of a second,
so it can be taught again and again. Nothing of it goes into the model, and nothing is chosen by it.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from boatlib.model.features.store import Features
from boatlib.photos import splits

FOLDS = 5
COMPONENTS = (
    64  # principal components of the features: as good as all of them on the example set, and ten times as fast
)
WIDE = 256  # principal components by which photos are compared with each other
ENOUGH = 4000  # photos
BLOCK = 1000  # photos in memory at a time
STRENGTH = 0.1  # inverse of the regularisation, for features of length 10


def probabilities(
    features: np.ndarray, labels: pd.Series, groups: pd.Series, share: float = 1.0, seed: int = 0
) -> np.ndarray:
    """The probability of each class for each photo, by a head that has seen neither the photo nor its group.

    features: `simplified`; share: of the other folds' photos, class by class, that the head learns from.
    Returns float64 [photos, classes], classes sorted by name. Rows are zero where the other folds lack every class but one.
    """
    from sklearn.linear_model import LogisticRegression

    classes = sorted(set(labels))
    truth = labels.to_numpy(dtype=object)
    random = np.random.default_rng(seed)
    found = np.zeros((len(truth), len(classes)))
    for teach, judge in folds(truth, groups, seed):
        chosen = np.concatenate([_some(teach[truth[teach] == name], share, random) for name in classes])
        if len(set(truth[chosen])) < 2 or not len(judge):
            continue
        head = LogisticRegression(C=STRENGTH, max_iter=300, tol=1e-3).fit(features[chosen], truth[chosen].astype(str))
        places = np.array([classes.index(str(name)) for name in head.classes_])
        found[np.ix_(judge, places)] = head.predict_proba(features[judge])
    return found


def folds(
    labels: np.ndarray, groups: np.ndarray | pd.Series, seed: int, count: int = FOLDS
) -> list[tuple[np.ndarray, np.ndarray]]:
    """`count` pairs of photos that teach and photos that are judged, whole groups together, class by class alike."""
    parts = splits.in_parts(labels, groups, count, seed)
    return [(np.flatnonzero(parts != part), np.flatnonzero(parts == part)) for part in range(count)]


def _some(photos: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    count = min(len(photos), max(1, round(share * len(photos))))
    return random.permutation(photos)[:count]


def coordinates(features: np.ndarray | Features, classes: int = 0) -> np.ndarray:
    """Principal components of features [photos, n], float32 [photos, k]: WIDE of them, or as many as there are classes.

    They are found from at most ENOUGH photos; that is more than all of most sets, and keeps the memory flat.
    """
    from sklearn.decomposition import PCA

    wanted = min(max(WIDE, classes), ENOUGH, *features.shape)
    values = PCA(wanted, svd_solver="randomized" if wanted < min(features.shape) else "full", random_state=0)
    chosen = np.sort(np.random.default_rng(0).permutation(len(features))[:ENOUGH])
    values.fit(features[chosen].astype(np.float32))
    blocks = (features[start : start + BLOCK] for start in range(0, len(features), BLOCK))
    return np.concatenate([values.transform(block.astype(np.float32)) for block in blocks])


def narrowed(wide: np.ndarray, labels: pd.Series) -> np.ndarray:
    """What the simple heads learn from: the first of the `coordinates`, of mean length 10, float64 [photos, k]."""
    parts = wide[:, : max(COMPONENTS, labels.nunique())]
    length = np.sqrt((parts**2).sum(axis=1).mean())
    return parts * (10 / length if length else 1.0)


def simplified(features: np.ndarray | Features, labels: pd.Series) -> np.ndarray:
    """The same from features [photos, n]."""
    return narrowed(coordinates(features, labels.nunique()), labels)


def right_answers(found: np.ndarray, labels: Sequence[str] | pd.Series) -> np.ndarray:
    """Whether the most probable class is the label: bool [photos]."""
    classes = np.array(sorted(set(labels)), dtype=object)
    return classes[found.argmax(axis=1)] == np.asarray(labels, dtype=object)
