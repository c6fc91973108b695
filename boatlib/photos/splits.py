"""Which photos teach, which tune, which judge: a stratified split that never parts a group."""

import numpy as np
import pandas as pd

from boatlib.errors import DataError
from boatlib.order import natural

SPLITS = ("train", "val", "test")
COLUMNS = ["photo", "label", "split", "group", "sha256", "decision"]


def make_split(catalog: pd.DataFrame, train: float, val: float, test: float, seed: int) -> pd.DataFrame:
    """Split the used photos of a catalog by the shares given (sum 1), class by class, whole groups together.

    Photos are divided by their stratum, also those that a correction left out: a correction moves no other photo, and runs
    before and after it are judged by the same ones. What is used by a correction alone is dealt out afterwards.
    Returns columns COLUMNS, in the order of the catalog. Raises DataError when a class has too few groups to stand in all
    three splits.
    """
    used = catalog[catalog["status"] == "used"]
    shares = np.array([train, val, test])
    random = np.random.default_rng(seed)
    chosen: dict[str, str] = {}
    by_folder = catalog[catalog["stratum"] != ""].assign(label=catalog["stratum"])
    for photos in (by_folder, used[~used["group"].isin(by_folder["group"])]):
        groups = photos.groupby("group", sort=True).agg(label=("label", "first"), size=("photo", "size"))
        for _, members in groups.groupby("label", sort=True):
            chosen |= deal(members["size"], shares, random)
    for label, members in used.groupby("label"):
        if (different := members["group"].nunique()) < len(SPLITS):
            alike = len(members) - different
            why = (
                f"{alike + 1 if different == 1 else alike} of its {len(members)} photos are near-duplicates of others, directly "
                "or through others, as under one fixed camera, and these stay together. Set exploration.near_duplicates to "
                "fewer bits, or to `off` if they show different things"
                if alike
                else "Add photos"
            )
            raise DataError(
                f"Class {label!r} has {different} different photo{'' if different == 1 else 's'}; it needs at least "
                f"{len(SPLITS)}, one for each of train, val and test. {why}, or raise exploration.min_photos_per_class to "
                "leave the class out."
            )
    return used.assign(split=used["group"].map(chosen))[COLUMNS].reset_index(drop=True)


def deal(sizes: pd.Series, shares: np.ndarray, random: np.random.Generator) -> dict[str, str]:
    """Deal the groups of one class out, the largest first: each to the split that lacks most photos. sizes: photos by group."""
    order = sizes.iloc[random.permutation(len(sizes))].sort_values(ascending=False, kind="stable")
    wanted = np.maximum(shares * sizes.sum(), 1.0)
    chosen = {}
    for group, size in order.items():
        split = int(np.argmax(wanted))
        wanted[split] -= size
        chosen[str(group)] = SPLITS[split]
    return chosen


def prove_disjoint(split: pd.DataFrame) -> str:
    """Check that no group and no equal file stands in two splits. Returns the sentence; raises DataError otherwise."""
    for column, words in (("group", "near-duplicates"), ("sha256", "equal files")):
        spread = split.groupby(column)["split"].nunique()
        if (spread > 1).any():
            photos = split.loc[split[column].isin(spread.index[spread > 1]), "photo"].tolist()
            raise DataError(f"{words.capitalize()} stand in two splits: {', '.join(photos[:6])}. Run 02_split again.")
    return (
        f"Checked: {len(split)} photos in {split['group'].nunique()} groups; "
        "no photo, no equal file and no group of one class's near-duplicates stands in two splits."
    )


def count_by_split(split: pd.DataFrame) -> pd.DataFrame:
    """Number of photos of each class (rows) in train, val and test (columns)."""
    counts = pd.crosstab(split["label"], split["split"]).reindex(columns=list(SPLITS), fill_value=0)
    return counts.loc[natural(counts.index)]


def with_splits(catalog: pd.DataFrame, split: pd.DataFrame | None) -> pd.DataFrame:
    """A catalog with a column `split`, "" where a photo is in none. split: `split.csv`, or None before it is made."""
    parts = {} if split is None else dict(zip(split["photo"], split["split"], strict=True))
    return catalog.assign(split=[parts.get(photo, "") for photo in catalog["photo"]])
