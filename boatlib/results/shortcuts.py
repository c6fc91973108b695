"""What a model may have learnt instead of the things: the files, the rim of the pictures, or photos that belong together.

Each rule is a small forest that sees one thing alone and is asked about photos of which it has seen neither them nor their
group. R. Geirhos et al., Shortcut learning in deep neural networks, Nature Machine Intelligence 2 (2020).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from boatlib.order import natural
from boatlib.photos import glance
from boatlib.photos.layout.listing import Listing
from boatlib.photos.layout.series import find_series
from boatlib.results.cross_validation import ENOUGH, folds
from boatlib.results.intervals import wilson

FILE, BORDER, CORNERS, BACKGROUND, MIDDLE = "file", "border", "corners", "background", "middle"
RULES = (FILE, BORDER, CORNERS, BACKGROUND)
ALL = "all classes"
COLUMNS = ["rule", "class", "right", "chance", "model"]
FEWEST = 30  # photos of a class that take part, however large the set is
TREES = 25
NEAR = 0.5  # of the way from chance to the model: from here on a rule comes near it
BEYOND = 0.1  # of the way from chance to no mistake that a rule must go at least, by the lower end of its range
MOST = 3  # facts that are named
ALIKE = 0.8  # a fact is named when it tells so much of what the best one tells
BURST = 10  # seconds
PLACE = 50  # metres
EARTH = 6_371_000  # metres
HANDFUL = 5  # test photos, and 5% of them
# columns of the table of facts behind each fact that can be named, the plainest first
NAMED = {
    "format": ["format"], "colour": ["mode", "grey"], "camera": ["make", "camera"], "software": ["software"],
    "size": ["width", "height", "pixels"], "shape": ["ratio"], "quality": ["quality"],
    "bytes": ["bytes", "bytes_a_pixel"], "date": ["day", "hour"], "orientation": ["orientation"],
}  # fmt: skip


class Fact(NamedTuple):
    """What tells photos apart (a key of NAMED), and what is typical of the class and of the others: median, or commonest."""

    name: str
    own: tuple[Any, ...] = ()
    others: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Found:
    """A class that a rule finds: how many of its photos, of how many, the share of answers with its name that are true, facts."""

    rule: str
    name: str
    right: int
    photos: int
    true: float
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Leak:
    """Test photos that belong to others which taught: kind (names, seconds, place), how many of how many; what to set."""

    kind: str
    photos: int
    of: int
    group_by: str = ""


@dataclass(frozen=True)
class Shortcuts:
    """What was found.

    table: columns COLUMNS, a row for each of RULES and MIDDLE, and for all classes together (first) and each class; right: share
    of the photos that the rule names rightly; chance: what knows nothing would reach (for all classes together the share of the
    largest one, for a class how often the rule gives its name at all); model: its share of right answers on the test photos.
    near: rules that come near the model, with the facts that tell most; classes: what one rule finds; leaks: photos that belong
    together; alike: the photos were made alike before (`training.same_file`), so that this is what is left.
    """

    table: pd.DataFrame
    near: dict[str, tuple[Fact, ...]]
    classes: list[Found]
    leaks: list[Leak]
    alike: bool = False

    @property
    def names(self) -> list[str]:
        """Classes that are found without looking at what the pictures show."""
        return natural({found.name for found in self.classes})


def to_record(found: Shortcuts) -> dict[str, Any]:
    """What was found, as JSON can keep it; the table is a file of its own."""
    return {
        "near": {rule: list(facts) for rule, facts in found.near.items()},
        "classes": [asdict(one) for one in found.classes],
        "leaks": [asdict(leak) for leak in found.leaks],
        "alike": found.alike,
    }


def of_record(record: Mapping[str, Any], table: pd.DataFrame) -> Shortcuts:
    """The same again. record: `to_record`; table: `shortcuts.csv`."""
    classes = [Found(**one | {"facts": _facts_of(one["facts"])}) for one in record["classes"]]
    near = {rule: _facts_of(facts) for rule, facts in record["near"].items()}
    return Shortcuts(table, near, classes, [Leak(**leak) for leak in record["leaks"]], record["alike"])


def _facts_of(facts: Sequence[Sequence[Any]]) -> tuple[Fact, ...]:
    return tuple(Fact(name, tuple(own), tuple(others)) for name, own, others in facts)


def known(split: pd.DataFrame, catalog: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """All that is known of the used photos, in the order of `facts` (and of the glances): columns of `split.csv`, `catalog.csv`
    and `file_facts.csv`.
    """
    own = catalog.loc[
        catalog["status"] == "used",
        ["photo", "format", "mode", "width", "height", "bytes", "group_by", "reason", "part"],
    ]
    return facts.merge(own, on="photo", how="left").merge(
        split[["photo", "label", "split", "group", "sha256"]], on="photo", how="left"
    )


def find_shortcuts(
    photos: pd.DataFrame, glances: np.ndarray, per_class: pd.DataFrame, leaks: Sequence[Leak] = (), alike: bool = False
) -> Shortcuts:
    """Ask each rule about all photos. photos: `known`; glances: [photos, 115]; per_class: `metrics.per_class` of the model;
    leaks: `find_leaks`; alike: photos and glances are those of photos that were made alike.

    A rule comes near the model where it goes NEAR of its way from chance and BEYOND of the way to no mistake. It finds a class
    where both recall and precision, by the lower ends of their ranges, lie nearer to one than to its share of the photos. What
    the rim of a picture tells counts only if its middle tells less: a frame is a shortcut, water all over is not. What the file
    tells must not come from bytes that the picture itself decides. Ranges are Wilson's, of as many photos as there are groups.
    """
    chosen = _some(photos)
    photos, glances = photos.iloc[chosen].reset_index(drop=True), glances[chosen]
    parts, labels = folds(photos["label"].to_numpy(dtype=object), photos["group"], 0), photos["label"]
    numbers = file_numbers(photos)
    seen = {FILE: numbers} | {rule: pd.DataFrame(glance.part(glances, rule)) for rule in (*RULES[1:], MIDDLE)}
    rows = pd.concat([_rows(rule, _answers(own, labels, parts), photos, per_class) for rule, own in seen.items()])
    alarms = alarming(rows)
    if (alarms["rule"] == FILE).any():
        numbers = _without_content(numbers, photos)
        sure = alarming(_rows(FILE, _answers(numbers, labels, parts), photos, per_class))
        alarms = alarms[(alarms["rule"] != FILE) | alarms.index.isin(sure.index)]
    near, classes = {}, []
    for row in alarms.to_dict("records"):
        facts = _telling(numbers, photos, parts, None if row["whole"] else row["class"]) if row["rule"] == FILE else ()
        if row["whole"]:
            near[row["rule"]] = facts
        else:
            classes.append(Found(row["rule"], row["class"], row["correct"], row["photos"], row["true"], facts))
    return Shortcuts(rows[COLUMNS].reset_index(drop=True), near, classes, list(leaks), alike)


def alarming(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of RULES that come near the model, or find a class (`find_shortcuts`). rows: of one rule or of all."""
    place = rows.groupby("rule").cumcount()  # the classes stand in one order for all rules
    rival = rows.loc[rows["rule"] == MIDDLE, ["right", "true"]].min(axis=1).reset_index(drop=True)
    rival = place.map(rival).where(rows["rule"] != FILE, 0.0)
    low = rows[["low", "true_low"]].min(axis=1)
    near = rows["right"] - rows["chance"] >= NEAR * (rows["model"] - rows["chance"])
    near &= rows["low"] - rows["chance"] >= BEYOND * (1 - rows["chance"])
    finds = low >= (1 + rows["share"]) / 2
    return rows[rows["rule"].isin(RULES) & (low > rival) & near.where(rows["whole"], finds)]


def _without_content(numbers: pd.DataFrame, photos: pd.DataFrame) -> pd.DataFrame:
    """Bytes only where they alone tell how strongly a file is compressed: elsewhere what a picture shows decides them, too."""
    compressed = photos["format"].isin(["WEBP", "HEIF", "AVIF", "JPEG2000"])
    return numbers.assign(**{column: numbers[column].where(compressed, -1.0) for column in NAMED["bytes"]})


def find_leaks(photos: pd.DataFrame) -> list[Leak]:
    """Test photos that belong to photos which taught or tuned, by names (unless groups were asked for), by the time at which one
    camera took them, and by the place; only where it is more than HANDFUL and a twentieth of them. photos: `known`.
    """
    test, taught = (photos[photos["split"] == "test"], photos[photos["split"] != "test"])
    series = None if photos["group_by"].any() else find_series(Listing(Path(), photos))
    found = {
        "names": _of_series(test, taught, series.pattern) if series else 0,
        "seconds": _within_seconds(test, taught),
        "place": _within_metres(test, taught),
    }
    enough = max(HANDFUL, len(test) / 20)
    pattern = {"names": series.pattern} if series else {}
    return [Leak(kind, count, len(test), pattern.get(kind, "")) for kind, count in found.items() if count > enough]


def _of_series(test: pd.DataFrame, taught: pd.DataFrame, pattern: str) -> int:
    own, others = (rows["photo"].str.extract(pattern, expand=False) for rows in (test, taught))
    return int((own.notna() & own.isin(set(others.dropna()))).sum())


def _within_seconds(test: pd.DataFrame, taught: pd.DataFrame) -> int:
    own, others = (
        rows.assign(at=pd.to_datetime(rows["taken"].replace("", None), errors="coerce"))
        .dropna(subset="at")
        .sort_values("at")
        for rows in (test, taught)
    )
    if own.empty or others.empty:
        return 0
    others = others[["at", "make", "camera"]].assign(near=True)
    near = pd.merge_asof(
        own, others, on="at", by=["make", "camera"], direction="nearest", tolerance=pd.Timedelta(seconds=BURST)
    )["near"]
    return int(near.notna().sum())


def _within_metres(test: pd.DataFrame, taught: pd.DataFrame) -> int:
    own, others = (_on_the_globe(rows[["latitude", "longitude"]].dropna()) for rows in (test, taught))
    if not len(own) or not len(others):
        return 0
    from scipy.spatial import KDTree

    distance, _ = KDTree(others).query(own, distance_upper_bound=PLACE)
    return int(np.isfinite(distance).sum())


def _on_the_globe(degrees: pd.DataFrame) -> np.ndarray:
    """Metres from the middle of the earth, along three axes: float64 [photos, 3]."""
    latitude, longitude = np.radians(degrees.to_numpy(np.float64)).T
    across = np.cos(latitude)
    return EARTH * np.stack([across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)], axis=1)


def _some(photos: pd.DataFrame) -> np.ndarray:
    """Places of at most ENOUGH photos, and of at least FEWEST of each class, drawn class by class."""
    if len(photos) <= ENOUGH:
        return np.arange(len(photos))
    random = np.random.default_rng(0)
    share = ENOUGH / len(photos)
    own = [np.asarray(places) for places in photos.groupby("label").indices.values()]
    return np.sort(np.concatenate([random.permutation(p)[: max(FEWEST, round(share * len(p)))] for p in own]))


def file_numbers(photos: pd.DataFrame) -> pd.DataFrame:
    """What files say, as numbers for a forest: a column for each in NAMED. Texts are numbered by how common they are."""
    numbers = pd.DataFrame(index=photos.index)
    for column in ("format", "mode", "make", "camera", "software"):
        order = photos[column].value_counts(sort=True).sort_index(kind="stable")
        order = order.sort_values(ascending=False, kind="stable")
        numbers[column] = photos[column].map({text: place for place, text in enumerate(order.index)}).astype(float)
    for column in ("width", "height", "bytes", "quality", "orientation", "grey"):
        numbers[column] = photos[column].astype(float)
    numbers["pixels"] = numbers["width"] * numbers["height"]
    numbers["ratio"] = numbers["width"] / numbers["height"]
    numbers["bytes_a_pixel"] = numbers["bytes"] / numbers["pixels"]
    taken = pd.to_datetime(photos["taken"].replace("", None), errors="coerce")
    numbers["day"] = (taken - pd.Timestamp(2000, 1, 1)).dt.days
    numbers["hour"] = taken.dt.hour + taken.dt.minute / 60
    return numbers.fillna(-1.0)


def _answers(numbers: pd.DataFrame, labels: pd.Series, parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """What a forest says of photos that it has not learnt from: names of classes."""
    from sklearn.ensemble import ExtraTreesClassifier

    values, (truth, names) = numbers.to_numpy(np.float32), pd.factorize(labels)
    said = np.zeros(len(truth), np.int64)
    for teach, judge in parts:
        forest = ExtraTreesClassifier(TREES, min_samples_leaf=2, random_state=0).fit(values[teach], truth[teach])
        said[judge] = forest.predict(values[judge])
    return np.asarray(names, dtype=object)[said]


def _rows(rule: str, said: np.ndarray, photos: pd.DataFrame, per_class: pd.DataFrame) -> pd.DataFrame:
    """The table's rows of a rule; also whole (of all classes together), correct, photos, share (of all), low (end of the range of
    right), true and true_low (precision; for all classes together as right).
    """
    labels, groups = photos["label"].to_numpy(dtype=object), photos["group"].to_numpy(dtype=object)
    model = per_class.set_index("class")
    right = said == labels
    shares = pd.Series(labels).value_counts(normalize=True)
    all_right = model["correct"].sum() / model["test"].sum()
    whole = _share(right, groups)
    rows = [(rule, ALL, whole[0], shares.max(), all_right, True, right.sum(), len(labels), 1.0, whole[1], *whole)]
    for name in natural(shares.index):
        own, answers = labels == name, said == name
        found, true = _share(right[own], groups[own]), _share(right[answers], groups[answers])
        counts = False, right[own].sum(), own.sum(), shares[name]
        rows.append((rule, name, found[0], answers.mean(), model["top1"].get(name, np.nan), *counts, found[1], *true))
    return pd.DataFrame(rows, columns=[*COLUMNS, "whole", "correct", "photos", "share", "low", "true", "true_low"])


def _share(right: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """A share and the lower end of its range, of as many photos as there are groups; zeros without photos."""
    if not len(right):
        return 0.0, 0.0
    share, different = float(right.mean()), len(set(groups))
    return share, wilson(round(share * different), different)[0]


def _telling(
    numbers: pd.DataFrame, photos: pd.DataFrame, parts: Sequence[tuple[np.ndarray, np.ndarray]], name: str | None
) -> tuple[Fact, ...]:
    """The facts that, each alone, tell a class from the others best, or all classes apart (None), by a small tree; without those
    that follow from one of them.
    """
    from sklearn.metrics import f1_score
    from sklearn.tree import DecisionTreeClassifier

    own = photos["label"] == name
    truth = pd.factorize(photos["label"])[0] if name is None else own.to_numpy()
    scores = {}
    for fact, columns in NAMED.items():
        values, said = numbers[columns].to_numpy(np.float32), np.zeros(len(truth), truth.dtype)
        for teach, judge in parts if np.ptp(values, axis=0).any() else ():
            tree = DecisionTreeClassifier(max_depth=6, min_samples_leaf=3, random_state=0)
            said[judge] = tree.fit(values[teach], truth[teach]).predict(values[judge])
        scores[fact] = float((said == truth).mean()) if name is None else f1_score(truth, said, zero_division=0)
    enough = ALIKE * max(scores.values())
    telling = sorted((fact for fact in scores if scores[fact] >= enough), key=lambda fact: -scores[fact])
    follows = {"format": ("quality", "bytes"), "size": ("shape", "bytes")}
    implied = {other for fact in telling for other in follows.get(fact, ())}
    return tuple(_fact(fact, photos, own) for fact in telling if fact not in implied)[:MOST]


def _fact(fact: str, photos: pd.DataFrame, own: pd.Series) -> Fact:
    table = photos.assign(ratio=photos["width"] / photos["height"])
    columns = [column for column in NAMED[fact] if column in table and column not in ("camera", "make", "software")]

    def typical(rows: pd.DataFrame) -> tuple[Any, ...]:
        numeric = pd.api.types.is_numeric_dtype
        return tuple(float(rows[c].median()) if numeric(rows[c]) else str(rows[c].mode().iloc[0]) for c in columns)

    return Fact(fact, typical(table[own]), typical(table[~own])) if own.any() and not own.all() else Fact(fact)
