"""The catalog: one row for every file found below the images folder, used or skipped, with the reason."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from boatlib import runtime
from boatlib.errors import DataError, UnreadablePhotoError
from boatlib.order import natural
from boatlib.photos import corrections, duplicates, levels, reading
from boatlib.photos.glance import FACTS, PARTS, file_facts, glance, is_grey, reduced
from boatlib.photos.images import PASSED, USUAL, Limits, open_photo
from boatlib.photos.layout import by_folder
from boatlib.photos.layout.listing import Listing
from boatlib.photos.layout.parts import TRAIN
from boatlib.photos.layout.reasons import Reason
from boatlib.photos.levels import Range

CATALOG = [
    "photo", "label", "status", "reason_code", "reason", "format", "mode", "width", "height", "bytes", "sha256", "group",
    "decision", "stratum", "low", "high", "part", "group_by", "set_label", "remark",
]  # fmt: skip
REASON = ["reason_code", "reason"]
OPENED = [
    "reason", "format", "mode", "width", "height", "bytes", "sha256", "low", "high", "whole", "remark", *FACTS,
]  # fmt: skip
TEXTS = ["reason", "format", "mode", "sha256", "remark", "make", "camera", "software", "taken"]  # of these
NOTHING = np.zeros(sum(PARTS.values()), np.float16)  # the glance at a file that is not a photo
PART = 4096  # photos of which all that was seen is in memory one by one
HASH_SIDE = 64  # pixels; a decode of this size is enough for the perceptual hash of 32 x 32


@dataclass(frozen=True)
class Catalog:
    """What was found.

    table: columns CATALOG, a row a file; `status` is "used" or "skipped"; `reason_code` (`Reason`) and in words `reason` say why
    it was skipped; `part` is the given part (train, val, test or ""), `group_by` the group asked for or "", `set_label` what the
    set itself says; `decision` is what a person decided about it (keep, relabel, drop); `stratum` is the class as which 02
    divides it: what it would be called if nobody had corrected anything, "" if it would be skipped then. So a correction moves no
    photo to another split; low, high: what a picture of more than 8 bits uses of its range, empty for others and where the file
    states its own; remark: what of a file is not seen, such as pages behind the first.
    duplicates: columns group, kind (exact | near), photo, label, status, conflict; a row a photo that has a duplicate.
    classes: columns class, photos (readable), conflicts, copies, used, kept, in_train (not left out for that); a row a class.
    notes: sentences on what is unusual about the folder as a whole.
    value_range: what is black and white in used pictures of more than 8 bits; None where there are none.
    facts: what the file of each used photo says of itself, columns photo and FACTS; glances: what is seen of each at a glance,
    float16 [used photos, 115], in the same order.
    """

    table: pd.DataFrame
    duplicates: pd.DataFrame
    classes: pd.DataFrame
    notes: list[str]
    value_range: Range | None
    facts: pd.DataFrame
    glances: np.ndarray


def build_catalog(
    source: Path | Listing,
    min_photos_per_class: int = 30,
    decided: pd.DataFrame | None = None,
    near: int | str = duplicates.NEAR,
    limits: Limits = USUAL,
    given: str = "keep",
) -> Catalog:
    """Look at every file of a set. Nothing in it is changed.

    source: what `layout.sets.read` found, or a folder in which each first-level folder is a class; decided: corrections that
    hold (`Corrections.decided`); near: how near near-duplicates are (`duplicates.group_photos`); limits: of the sizes of photos;
    given: "ignore" where the parts that a set comes with are not kept (`split.given`).
    Raises DataError when fewer than two classes remain.
    """
    listing = by_folder.read(source) if isinstance(source, Path) else source
    table, seen = _with_facts(listing.rows.assign(set_label=listing.rows["label"]), listing.root, limits)
    table["group"] = ""
    readable = table[table["reason"] == ""]
    table.loc[readable.index, "group"] = duplicates.group_photos(readable, near)
    uncorrected = table[["photo", "label", "part", *REASON, "sha256"]].copy()
    table["decision"] = "" if decided is None else corrections.apply(table, decided)
    photos_per_class = table.loc[table["reason"] == "", "label"].value_counts()
    dropped = _drop(table, min_photos_per_class, given)
    if (table["decision"] != "").any():
        _drop(uncorrected, min_photos_per_class, given)
    else:
        uncorrected = table
    table["stratum"] = uncorrected["label"].where(uncorrected["reason"] == "", "")
    table["status"] = ["used" if reason == "" else "skipped" for reason in table["reason"]]
    deep = table[(table["status"] == "used") & table["low"].notna()]
    value_range = levels.of_set(
        [levels.Levels(*row) for row in zip(deep["low"], deep["high"], deep["whole"], strict=True)]
    )
    classes = _classes(table, photos_per_class, dropped)
    notes = [*listing.notes, *_remarks(table)]
    facts, glances = _of_used(table, seen, listing.root, value_range)
    catalog = Catalog(table[CATALOG], _duplicates(table), classes, notes, value_range, facts, glances)
    _refuse_too_few_classes(catalog, listing.root, min_photos_per_class)
    return catalog


def _remarks(table: pd.DataFrame) -> list[str]:
    """What is not seen of used files, and of how many."""
    counts = table.loc[(table["status"] == "used") & (table["remark"] != ""), "remark"].value_counts()
    return [
        f"Of {count:,} photo{'' if count == 1 else 's'} only {remark} {'are' if 'three' in remark else 'is'} seen."
        for remark, count in counts.items()
    ]


def _drop(table: pd.DataFrame, min_photos_per_class: int, given: str) -> set[str]:
    """Leave out copies and classes that are too small or not taught, in place; returns these classes."""
    _resolve_exact_duplicates(table)
    dropped = _drop_small_classes(table, min_photos_per_class)
    return dropped | _drop_untaught_classes(table) if given == "keep" else dropped


def _facts(path: Path, limits: Limits) -> dict[str, Any]:
    facts: dict[str, Any] = {"reason": "", "format": "", "mode": "", "width": 0, "height": 0, "hash": 0}
    try:
        data = path.read_bytes()
    except OSError as error:
        return facts | {"bytes": 0, "sha256": "", "reason": f"cannot be read ({error.strerror})"}
    facts |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    try:
        photo = open_photo(data, shorter_side=HASH_SIDE, limits=limits)
    except UnreadablePhotoError as error:
        return facts | {"reason": str(error)}
    facts |= {"format": photo.format, "mode": photo.mode, "width": photo.width, "height": photo.height}
    facts |= {"remark": photo.remark}
    facts |= photo.levels._asdict() if photo.levels else {}
    small = reduced(photo.image)
    facts |= file_facts(data) | {"grey": is_grey(small), "glance": glance(small)}
    return facts | {"hash": duplicates.perceptual_hash(photo.image)}


def _of_used(
    table: pd.DataFrame, seen: np.ndarray, root: Path, value_range: Range | None
) -> tuple[pd.DataFrame, np.ndarray]:
    """Facts and glances of the used photos. Pictures of more than 8 bits are opened again, by the range of the whole set.

    seen: glances of all, those of a row at `glance`.
    """
    used = table[table["status"] == "used"]
    kinds = {"quality": float, "orientation": int, "latitude": float, "longitude": float, "grey": bool}
    facts = used[["photo", *FACTS]].astype(kinds).reset_index(drop=True)
    glances = seen[used["glance"].to_numpy(np.int64)]
    deep = used["low"].notna().to_numpy()
    if deep.any():
        shown = partial(open_photo, shorter_side=HASH_SIDE, value_range=value_range, limits=PASSED)
        with ThreadPoolExecutor(runtime.cores()) as pool:
            again = pool.map(lambda photo: glance(reduced(shown(root / photo).image)), used.loc[deep, "photo"])
            glances[deep] = list(again)
    return facts, glances


def _with_facts(files: pd.DataFrame, root: Path, limits: Limits) -> tuple[pd.DataFrame, np.ndarray]:
    """Add format, mode, size, SHA-256 and perceptual hash; a file that is not a photo gets its reason. Returns the glances too,
    float16 [photos, 115], to which the column `glance` points."""
    wanted = files.index[files["reason"] == ""]
    paths = (root / photo for photo in files.loc[wanted, "photo"])
    facts = reading.by_copies(partial(_facts, limits=limits), paths)
    parts, glances, hashes = [], [np.zeros((0, sum(PARTS.values())), np.float16)], []
    while some := list(islice(facts, PART)):
        parts.append(pd.DataFrame(some, columns=OPENED).astype(dict.fromkeys(TEXTS, "str")))
        glances.append(np.stack([row.get("glance", NOTHING) for row in some]))
        hashes += [row["hash"] for row in some]
    seen = pd.concat(parts or [pd.DataFrame(columns=OPENED)], ignore_index=True).set_axis(wanted)
    table = files.join(seen.drop(columns="reason"))
    table.loc[wanted, "reason"] = seen["reason"]
    table.loc[wanted, "reason_code"] = [Reason.UNREADABLE if reason else "" for reason in seen["reason"]]
    table["glance"] = pd.Series(np.arange(len(wanted)), wanted).reindex(table.index, fill_value=-1)
    unopened = table.index[table["bytes"].isna()]
    if len(unopened):
        table.loc[unopened, "bytes"] = [_size(root / photo) for photo in table.loc[unopened, "photo"]]
    texts = ["format", "mode", "sha256", "remark"]
    table[texts] = table[texts].astype("str").fillna("")
    # 64 bits without sign fit neither a float nor pandas' integers: keep Python's own
    table["hash"] = pd.Series(hashes, wanted, dtype=object).reindex(table.index, fill_value=0)
    table = table.astype({"width": "Int64", "height": "Int64", "bytes": "int64", "low": "float64", "high": "float64"})
    return table, np.concatenate(glances)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _resolve_exact_duplicates(table: pd.DataFrame) -> None:
    """The rule for equal files: with one label the first of a part is kept; with two labels nobody knows, and none is kept."""
    readable = table[table["reason"] == ""]
    found: dict[Any, tuple[str, str]] = {}
    for _, same in readable[readable.duplicated("sha256", keep=False)].groupby("sha256", sort=False):
        labels = natural(set(same["label"]))
        if len(labels) > 1:
            words = f"the same photo has two labels: {' and '.join(labels)}"
            found |= dict.fromkeys(same.index, (Reason.TWO_LABELS, words))
            continue
        # a copy in another given part is counted, and not taken away
        for _, within in same.groupby("part", sort=False):
            found |= dict.fromkeys(within.index[1:], (Reason.COPY, f"exact copy of {within['photo'].iloc[0]}"))
    if found:
        table.loc[list(found), REASON] = list(found.values())  # at once: each time all of the columns are copied


def _drop_small_classes(table: pd.DataFrame, minimum: int) -> set[str]:
    counts = table.loc[table["reason"] == "", "label"].value_counts()
    dropped = set(counts.index[counts < minimum])
    for label in dropped:
        chosen = (table["label"] == label) & (table["reason"] == "")
        table.loc[chosen, REASON] = Reason.SMALL_CLASS, f"its class has only {counts[label]} photos (minimum {minimum})"
    return dropped


def _drop_untaught_classes(table: pd.DataFrame) -> set[str]:
    """A class that the given train part does not have cannot be learnt, whatever the others have of it."""
    used = table[table["reason"] == ""]
    if TRAIN not in set(used["part"]):
        return set()
    dropped = set(used["label"]) - set(used.loc[used["part"].isin([TRAIN, ""]), "label"])
    for label in dropped:
        own = used[used["label"] == label]
        parts = " and ".join(natural(set(own["part"])))
        table.loc[own.index, REASON] = (
            Reason.NOT_TAUGHT,
            f"its class has photos in the given part {parts} alone, none in train",
        )
    return dropped


def _duplicates(table: pd.DataFrame) -> pd.DataFrame:
    grouped = table[table["group"] != ""].assign(group=lambda rows: duplicates.whole_group(rows["group"]))
    same = grouped[grouped.groupby("group")["photo"].transform("size") > 1].copy()
    same["kind"] = ["exact" if same else "near" for same in same.duplicated("sha256", keep=False)]
    same["conflict"] = same.groupby("group")["label"].transform("nunique") > 1
    same = same.sort_values(["group", "kind", "photo"])
    return same[["group", "kind", "photo", "label", "status", "conflict"]].reset_index(drop=True)


def _classes(table: pd.DataFrame, photos: pd.Series, dropped: set[str]) -> pd.DataFrame:
    rows = []
    for label in natural((set(table["label"]) | set(table["set_label"])) - {""}):
        reasons = table.loc[table["label"] == label, "reason_code"]
        rows.append(
            {
                "class": label,
                "photos": int(photos.get(label, 0)),
                "conflicts": int((reasons == Reason.TWO_LABELS).sum()),
                "copies": int((reasons == Reason.COPY).sum()),
                "used": int((reasons == "").sum()),
                "kept": label not in dropped and bool((reasons == "").any()),
                "in_train": not (reasons == Reason.NOT_TAUGHT).any(),
            }
        )
    return pd.DataFrame(rows, columns=["class", "photos", "conflicts", "copies", "used", "kept", "in_train"])


def _refuse_too_few_classes(catalog: Catalog, root: Path, minimum: int) -> None:
    kept = catalog.classes.loc[catalog.classes["kept"], "class"]
    if len(kept) >= 2:
        return
    counts = ", ".join(f"{row['class']} {row['photos']}" for _, row in catalog.classes.iterrows()) or "none"
    hint = ""
    sizes = {"too small": "min_side", "too large": "max_pixels"}
    unusable = catalog.table.loc[catalog.table["reason"] != "", "reason"]
    if len(unusable):
        reason, files = unusable.value_counts().index[0], int(unusable.value_counts().iloc[0])
        hint += f" The commonest reason to skip a file ({files} of {len(catalog.table)}): {reason}."
        if parameter := next((name for words, name in sizes.items() if reason.startswith(words)), ""):
            hint += f" To use them, {'lower' if parameter == 'min_side' else 'raise'} exploration.{parameter}."
    raise DataError(
        f"Only {len(kept)} class(es) with at least {minimum} usable photos in {os.path.normpath(root)}; two are needed. "
        f"Photos by class: {counts}.{hint} "
        "Add photos, or lower exploration.min_photos_per_class in the params file."
    )
