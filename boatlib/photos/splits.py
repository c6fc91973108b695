"""Which photos teach, which tune, which judge: a stratified split that never parts a group."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from boatlib.errors import DataError
from boatlib.order import natural

TRAIN = "train"
SPLITS = (TRAIN, "val", "test")
COLUMNS = ["photo", "label", "split", "group", "sha256", "decision"]


def make_split(
    catalog: pd.DataFrame, train: float, val: float, test: float, seed: int, given: str = "keep"
) -> pd.DataFrame:
    """Split the used photos of a catalog by the shares given (sum 1), class by class, whole groups together.

    given: "keep" the parts that the set comes with; those it lacks are made of its train part, in the proportion of the shares.
    Photos are divided by their stratum, also those that a correction left out: a correction moves no other photo, and runs
    before and after it are judged by the same ones. What is used by a correction alone is dealt out afterwards. A group is all
    near-duplicates of a class, and all photos of one value of `group_by`.
    Returns columns COLUMNS, in the order of the catalog. Raises DataError when a class has too few groups to stand in all
    three splits.
    """
    catalog = catalog.assign(group=whole_groups(catalog))
    used = catalog[catalog["status"] == "used"]
    parts = given_parts(used) if given == "keep" else []
    wanted = [name for name in SPLITS if name not in parts or name == TRAIN]
    shares = {name: share for name, share in {"train": train, "val": val, "test": test}.items() if name in wanted}
    shares = {name: share / sum(shares.values()) for name, share in shares.items()} if parts else shares
    random = np.random.default_rng(seed)
    chosen: dict[str, str] = {}
    free = catalog[catalog["part"].isin([TRAIN, ""])] if parts else catalog
    by_folder = free[free["stratum"] != ""].assign(label=free["stratum"])
    free_used = used[used.index.isin(free.index)]
    for photos in (by_folder, free_used[~free_used["group"].isin(by_folder["group"])]):
        chosen |= deal(photos, shares, random)
    if len(wanted) > 1:
        _refuse_too_few_groups(free_used, len(wanted))
    split = used["group"].map(chosen)
    if parts:
        split = used["part"].where(~used["part"].isin([TRAIN, ""]), split)
    return used.assign(split=split)[COLUMNS].reset_index(drop=True)


def given_parts(catalog: pd.DataFrame) -> list[str]:
    """The parts that a set comes with, in their order; none where it has no train part."""
    found = set(catalog["part"]) - {""}
    return [name for name in SPLITS if name in found] if TRAIN in found else []


def whole_groups(catalog: pd.DataFrame) -> pd.Series:
    """The group of each photo: near-duplicates and the photos of one `group_by` belong together, directly or through others."""
    if (catalog["group_by"] == "").all():
        return catalog["group"]
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    near = pd.factorize(catalog["group"].where(catalog["group"] != "", "\0" + catalog["photo"]))[0]
    asked = pd.factorize(catalog["group_by"].where(catalog["group_by"] != "", "\0" + catalog["photo"]))[0] + len(
        catalog
    )
    edges = coo_array((np.ones(len(catalog), np.int8), (near, asked)), (2 * len(catalog), 2 * len(catalog)))
    component = connected_components(edges, directed=False)[1][near]
    names = (pd.factorize(component)[0] + 1).astype(str)
    return pd.Series(np.char.add("g", np.char.zfill(names.astype("U"), 4)), catalog.index).where(
        catalog["group"] != "", ""
    )


def deal(photos: pd.DataFrame, shares: dict[str, float], random: np.random.Generator) -> dict[str, str]:
    """Deal groups of photos out, class by class, the largest first: each to the split that lacks most photos of its classes.

    photos: columns group, label; shares: split to share, sum 1. Returns group to split. A group of several classes is dealt with
    that of most of its photos, and counts for all.
    """
    groups, members, lacking = _to_deal(photos, np.array([*shares.values()]))
    chosen: dict[str, str] = {}
    for _, own in groups.groupby("label"):
        order = own["photos"].iloc[random.permutation(len(own))].sort_values(ascending=False, kind="stable")
        for group in order.index:
            classes, counts = members[group]
            split = int(np.argmax(counts @ lacking[classes]))
            lacking[classes, split] -= counts
            chosen[str(group)] = [*shares][split]
    return chosen


def _to_deal(
    photos: pd.DataFrame, shares: np.ndarray
) -> tuple[pd.DataFrame, dict[str, tuple[list[int], np.ndarray]], np.ndarray]:
    """For `deal`: by group its main class and number of photos; by group its classes and photos of each; and what each split is
    to get of each class, float [classes, splits]."""
    pairs = photos.groupby(["group", "label"]).size().rename("photos").reset_index()
    of_class = pairs.groupby("label")["photos"].sum()
    number = dict(zip(of_class.index, range(len(of_class)), strict=True))
    members = {
        group: ([number[label] for label in rows["label"]], rows["photos"].to_numpy())
        for group, rows in pairs.groupby("group")
    }
    main = pairs.sort_values(["group", "photos"], ascending=[True, False], kind="stable").drop_duplicates("group")
    groups = main.set_index("group").assign(photos=pairs.groupby("group")["photos"].sum())
    return groups, members, np.maximum(np.outer(of_class, shares), 1.0)


def in_parts(labels: np.ndarray | pd.Series, groups: np.ndarray | pd.Series, count: int, seed: int) -> np.ndarray:
    """For cross-validation: the part of each photo, from 0 to `count` - 1, int64 [photos], with each class divided alike.

    Whole groups, the largest first, go to the part that has fewest photos of their class (that of most of their photos); among
    equals, to the smallest part. No part is empty where there are as many groups.
    """
    (group, _), (label, names) = pd.factorize(np.asarray(groups)), pd.factorize(np.asarray(labels))
    sizes = np.bincount(group)
    pairs, photos = np.unique(group * len(names) + label, return_counts=True)
    pairs = pairs[np.argsort(photos, kind="stable")]
    mostly = np.zeros(len(sizes), np.int64)
    mostly[pairs // len(names)] = pairs % len(names)  # of a group's classes the last one stays: that of most photos
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    of_class, of_part, chosen = [[0] * count for _ in names], [0] * count, np.zeros(len(sizes), np.int64)
    for number, size, own in zip(order, sizes[order].tolist(), mostly[order].tolist(), strict=True):
        part = min(range(count), key=lambda part, own=own: (of_class[own][part], of_part[part]))  # type: ignore[misc]
        of_class[own][part] += size
        of_part[part] += size
        chosen[number] = part
    return chosen[group]


def _refuse_too_few_groups(used: pd.DataFrame, needed: int) -> None:
    for label, members in used.groupby("label"):
        if (different := members["group"].nunique()) >= needed:
            continue
        alike = len(members) - different
        asked = members["group_by"].replace("", None).nunique()
        why = (
            f"its {len(members)} photos belong to {asked} group{'' if asked == 1 else 's'} (split.group_by), and a group stays "
            "in one part. Add photos of others"
            if asked and asked <= different
            else f"{alike + 1 if different == 1 else alike} of its {len(members)} photos are near-duplicates of others, directly "
            "or through others, as under one fixed camera, and these stay together. Set exploration.near_duplicates to "
            "fewer bits, or to `off` if they show different things"
            if alike
            else "Add photos"
        )
        raise DataError(
            f"Class {label!r} has {different} different photo{'' if different == 1 else 's'}; it needs at least "
            f"{needed}, one for each of train, val and test. {why[0].upper()}{why[1:]}, or raise "
            "exploration.min_photos_per_class to leave the class out."
        )


def prove_disjoint(split: pd.DataFrame, given: Sequence[str] = ()) -> str:
    """Check that no group and no equal file stands in two splits. Returns the sentence; raises DataError otherwise.

    given: parts that came with the set, and are kept as they are: what stands in two of them is counted.
    """
    free = split[~split["split"].isin(given)] if given else split
    for column, words in (("group", "near-duplicates"), ("sha256", "equal files")):
        spread = free.groupby(column)["split"].nunique()
        if (spread > 1).any():
            photos = free.loc[free[column].isin(spread.index[spread > 1]), "photo"].tolist()
            raise DataError(f"{words.capitalize()} stand in two splits: {', '.join(photos[:6])}. Run 02_split again.")
    twins = with_twins(split)
    counts = {part: int(twins[split["split"] == part].sum()) for part in ("val", "test")}
    if given and any(counts.values()):
        words = " and ".join(
            f"{count:,} {part} photo{'' if count == 1 else 's'}" for part, count in counts.items() if count
        )
        return (
            f"The set came divided, and its division is kept. Checked: {words} ha{'ve' if sum(counts.values()) > 1 else 's'} a "
            "twin in "
            "train: an equal file, a near-duplicate of the class, or a photo of the same group. The results are given with "
            "them and without."
        )
    return (
        f"Checked: {len(split)} photos in {split['group'].nunique()} groups; "
        "no photo, no equal file and no group of one class's near-duplicates stands in two splits."
    )


def with_twins(split: pd.DataFrame) -> pd.Series:
    """Which photos have a twin in train, and are not there themselves: an equal file, or one of their group."""
    train = split[split["split"] == TRAIN]
    return (split["split"] != TRAIN) & (split["group"].isin(train["group"]) | split["sha256"].isin(train["sha256"]))


def count_by_split(split: pd.DataFrame) -> pd.DataFrame:
    """Number of photos of each class (rows) in train, val and test (columns)."""
    counts = pd.crosstab(split["label"], split["split"]).reindex(columns=list(SPLITS), fill_value=0)
    return counts.loc[natural(counts.index)]


def with_splits(catalog: pd.DataFrame, split: pd.DataFrame | None) -> pd.DataFrame:
    """A catalog with a column `split`, "" where a photo is in none. split: `split.csv`, or None before it is made."""
    parts = {} if split is None else dict(zip(split["photo"], split["split"], strict=True))
    return catalog.assign(split=[parts.get(photo, "") for photo in catalog["photo"]])
