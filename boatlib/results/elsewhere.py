"""What the result is worth for photos from elsewhere: another place, day or camera than those of the photos that taught.

Photos that were taken in a row look alike without being near-duplicates. Divided at random, some teach and some judge, and the
result is too good for any other photos.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from boatlib.model.features import embedding
from boatlib.model.features.store import Features
from boatlib.model.inference.familiarity import directions, kernel, regression
from boatlib.model.networks import auto, backbones
from boatlib.params import Training
from boatlib.photos import splits
from boatlib.results import cross_validation
from boatlib.results.intervals import over_groups, wilson
from boatlib.run import Run
from boatlib.runtime import Machine

NEAREST = (0.25, 0.5, 0.75)  # of the distances that chance would give: from careful to bold
FEWEST = 15  # photos of a class that tell how near chance puts them
CELL = 3000  # photos among which look-alikes are looked for: larger classes are cut up first
BLOCK = 500  # test photos in memory at a time, beside all that taught
MOST = 4000  # photos that take part in the estimate
ANCHORS = 10  # neighbourhoods of a class, then
TIMES, POINTS = 3.0, 0.02  # errors grow so many times, and by so many points, before it is said: beyond doubt (95%)
WIDTH = 1.0  # of the kernel of the simple model, which is as good as the trained head on the sets that were tried
DIVISIONS = RANDOM, GIVEN, GROUPS = "random", "given", "groups"
COLUMNS = ["distance", "photos", "right", "low", "high"]


def distances(coordinates: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How near two photos of a class must be to be look-alikes, in three strengths (NEAREST): cosine distances, float64 [3].

    Chance is the yardstick: the coordinates of a class's photos (principal components, float [photos, k]) are shuffled, each for
    itself, among its photos, and the distance to the nearest of these mixtures is measured. A photo that has a neighbour nearer
    than a half of all mixtures have owes it to something that both share, such as the place and the day. (Permuted coordinates as
    a null model: J. L. Horn, A rationale and test for the number of factors in factor analysis, Psychometrika 1965.)
    """
    random = np.random.default_rng(0)
    found = []
    for own in _cells(coordinates, labels):
        if len(own) >= FEWEST:
            mixed = np.stack([random.permutation(column) for column in coordinates[own].T], axis=1)
            found.append(_to_nearest(directions(mixed)))
    return np.quantile(np.concatenate(found), NEAREST) if found else np.zeros(len(NEAREST))


def clusters(coordinates: np.ndarray, labels: np.ndarray, distance: float) -> np.ndarray:
    """The number of the group of look-alikes of each photo: int64 [photos]. Photos of one class whose groups lie nearer to each
    other, on average, than the distance are in one (agglomerative clustering, average linkage, cosine).
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    groups = np.zeros(len(labels), np.int64)
    for own in _cells(coordinates, labels):
        numbers = np.ones(len(own), np.int64)
        if len(own) > 1:
            apart = np.clip(1 - _cosines(directions(coordinates[own])), 0, None)
            np.fill_diagonal(apart, 0)
            numbers = fcluster(linkage(squareform(apart, checks=False), "average"), distance, "distance")
        groups[own] = groups.max() + numbers
    return groups


def look_alikes(
    run: Run, catalog: pd.DataFrame, root: Path, training: Training, seed: int, on: Machine
) -> pd.DataFrame:
    """The catalog with the groups of look-alikes as `group_by`, so that they stay in one part (`split.group_by: look-alikes`).

    training: names the networks whose features tell what is alike. Raises DataError for a photo that changed.
    """
    rows = catalog[catalog["stratum"].ne("") | catalog["status"].eq("used")]
    labels = rows["stratum"].where(rows["stratum"] != "", rows["label"])
    chosen = auto.decided(training, run.shape())
    how = chosen.backbone, chosen.weights, seed, chosen.resolution, chosen.pooling, run.value_range(), on, run.limits()
    features = embedding.embed_plain(rows, root, backbones.find_backbones(*how))
    wide = cross_validation.coordinates(features, labels.nunique())
    names = labels.to_numpy(dtype=object)
    found = clusters(wide, names, float(distances(wide, names)[1]))
    return catalog.assign(group_by=pd.Series(found.astype(str), rows.index).reindex(catalog.index, fill_value=""))


def held_together(coordinates: np.ndarray, split: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Right answers of a simple model (kernel ridge regression), by cross-validation: divided at random, and with look-alikes
    held out together.

    coordinates: of the photos of the split, principal components, float [photos, k]. At most about MOST photos take part, whole
    neighbourhoods of them. Columns COLUMNS, a row for the random division (distance 0) and each of `distances`; photos of
    one group count together in the ranges.
    """
    some = _some(coordinates, split["label"].to_numpy(dtype=object))
    part, near = split.iloc[some].reset_index(drop=True), coordinates[some]
    found = distances(near, part["label"].to_numpy(dtype=object))
    return pd.DataFrame([_held(near, part, distance, seed) for distance in (0.0, *found)], columns=COLUMNS)


def _held(coordinates: np.ndarray, photos: pd.DataFrame, distance: float, seed: int) -> tuple[float, ...]:
    """A row of `held_together`."""
    group = (_with_look_alikes(coordinates, photos, distance) if distance else photos["group"]).to_numpy()
    right = _right_answers(coordinates, photos["label"].to_numpy(dtype=object), group, seed)
    return distance, len(right), right.mean(), *over_groups(right, group if distance else None)


def _with_look_alikes(coordinates: np.ndarray, photos: pd.DataFrame, distance: float) -> pd.Series:
    """The groups of photos, each with all that are look-alikes of one of its own."""
    alike = clusters(coordinates, photos["label"].to_numpy(dtype=object), distance)
    return splits.whole_groups(photos.assign(group_by=alike.astype(str)))


def in_series(features: np.ndarray | Features, photos: pd.DataFrame, seed: int) -> pd.Series | None:
    """The groups of photos, look-alikes together, where dividing these photos at random hides errors (`judge`); None elsewhere.

    features: float32 [photos, n]; photos: columns photo, label, group, in the same order.
    """
    wide = cross_validation.coordinates(features, photos["label"].nunique())
    some = _some(wide, photos["label"].to_numpy(dtype=object))
    part, near = photos.iloc[some].reset_index(drop=True), wide[some]
    middle = float(distances(near, part["label"].to_numpy(dtype=object))[1])
    if not middle:
        return None
    rows = [_held(near, part, distance, seed) for distance in (0.0, middle)]
    differs = _differs(*(dict(zip(COLUMNS, row, strict=True)) for row in rows))
    return _with_look_alikes(wide, photos, middle) if differs else None


def _differs(random: Mapping[str, float], held: Mapping[str, float]) -> bool:
    """Whether errors grow, beyond doubt, when look-alikes are held out together. Two rows of `held_together`."""
    return 1 - held["high"] > TIMES * (1 - random["right"]) and random["right"] - held["right"] > POINTS


def _right_answers(coordinates: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """Whether each photo is named rightly by a model that has seen nothing of its group: bool [photos]."""
    unit, (numbers, _) = directions(coordinates).astype(np.float32), pd.factorize(labels)
    right = np.zeros(len(labels), bool)
    for teach, judge in cross_validation.folds(labels, groups, seed):
        weights = regression(unit[teach], numbers[teach], WIDTH)
        right[judge] = (kernel(unit[judge], unit[teach], WIDTH) @ weights).argmax(axis=1) == numbers[judge]
    return right


def by_distance(predictions: pd.DataFrame, apart: np.ndarray, near: np.ndarray) -> pd.DataFrame:
    """Right answers to the test photos by their distance to the nearest photo that taught: columns COLUMNS, a row for each step.

    apart: cosine distance of each, float [photos]; near: `distances`. distance: where a step ends.
    """
    right = (predictions["predicted"] == predictions["label"]).to_numpy()
    edges = [*(near / 2)[:1], *near, 2.0]
    step = np.searchsorted(edges, apart, side="right").clip(max=len(edges) - 1)
    rows = []
    for number in sorted(set(step)):
        own = right[step == number]
        rows.append((edges[number], len(own), own.mean(), *wilson(int(own.sum()), len(own))))
    return pd.DataFrame(rows, columns=COLUMNS)


def to_teaching(coordinates: np.ndarray, teach: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Cosine distance of the photos asked about to the nearest one that taught, of any class: float64 [asked]."""
    known, unknown = directions(coordinates[teach]), directions(coordinates[asked])
    blocks = (unknown[start : start + BLOCK] for start in range(0, len(unknown), BLOCK))
    return np.concatenate([1 - (block @ known.T).max(axis=1) for block in blocks])


def of_simple_model(coordinates: np.ndarray, labels: pd.Series, teach: np.ndarray, asked: np.ndarray) -> float:
    """The share of right answers of the simple model of `held_together` to the photos asked about, taught by others."""
    numbers = pd.factorize(labels)[0]
    some = teach[_some(coordinates[teach], numbers[teach])]
    known, unit = directions(coordinates[some]), directions(coordinates[asked])
    found = kernel(unit, known, WIDTH) @ regression(known, numbers[some], WIDTH)
    return float((found.argmax(axis=1) == numbers[asked]).mean())


def judge(
    held: pd.DataFrame, accuracy: float, simple: float, apart: np.ndarray, near: np.ndarray, division: str
) -> dict[str, Any]:
    """What it comes to. held: `held_together`; accuracy: of the model on the test photos; simple: `of_simple_model` on them;
    apart: `to_teaching`; division: how the test photos were chosen, one of DIVISIONS.

    Returns accuracy, division, look_alikes (share of test photos that are nearer to one that taught than the middle distance),
    random, held (shares of right answers of the simple model, at the middle distance), low, middle, high (shares that the model
    would reach on photos from elsewhere: what the simple model does there, and as much better as it is here, in odds), differs
    (whether errors grow beyond doubt), and apart (whether the test photos are from elsewhere already: given so, and the
    simple model fares with them more as it does without look-alikes than as it does with them).
    """
    random, (high, middle, low) = held["right"].iloc[0], held["right"].iloc[1:]
    photos = held["photos"].iloc[0]
    differs = _differs(held.iloc[0], held.iloc[2])
    better = max(0.0, _log_odds(accuracy, photos) - _log_odds(random, photos))  # than the simple model
    shares = [1 / (1 + np.exp(-_log_odds(share, photos) - better)) for share in (low, middle, high)]
    ends = sorted(min(accuracy, float(share)) for share in shares)
    look_alikes = float((apart < near[1]).mean())
    return {
        "accuracy": accuracy,
        "division": division,
        "look_alikes": look_alikes,
        "random": float(random),
        "held": float(middle),
        **dict(zip(("low", "middle", "high"), ends, strict=True)),
        "differs": bool(differs),
        "apart": bool(differs and division == GIVEN and simple <= (random + middle) / 2),
    }


def _log_odds(share: float, photos: int) -> float:
    """Of a share from so many photos; none and all are pulled in by half a photo."""
    share = (share * photos + 0.5) / (photos + 1)
    return float(np.log(share / (1 - share)))


def _cosines(unit: np.ndarray) -> np.ndarray:
    return unit @ unit.T


def _to_nearest(unit: np.ndarray) -> np.ndarray:
    near = _cosines(unit)
    np.fill_diagonal(near, -1)
    return 1 - near.max(axis=1)


def _cells(coordinates: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """The photos of each class; a class of more than CELL is cut into neighbourhoods."""
    from sklearn.cluster import BisectingKMeans

    cells = []
    for label in dict.fromkeys(labels):
        own = np.flatnonzero(labels == label)
        if len(own) <= CELL:
            cells.append(own)
            continue
        cut = BisectingKMeans(-(-2 * len(own) // CELL), random_state=0, bisecting_strategy="largest_cluster")
        numbers = cut.fit_predict(directions(coordinates[own])[:, :32])
        cells += [own[numbers == number] for number in np.unique(numbers)]
    return cells


def _some(coordinates: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """All photos; of more than MOST, as many of each class as it has a share: whole neighbourhoods, so that look-alikes stay."""
    if len(labels) <= MOST:
        return np.arange(len(labels))
    random, chosen = np.random.default_rng(0), []
    for label in dict.fromkeys(labels):
        own = np.flatnonzero(labels == label)
        unit = directions(coordinates[own])
        each = max(FEWEST, MOST * len(own) // len(labels) // ANCHORS)
        near = unit @ unit[random.permutation(len(own))[:ANCHORS]].T
        chosen.append(own[np.unique(np.argsort(-near, axis=0)[:each])])
    return np.sort(np.concatenate(chosen))
