"""A set whose labels are folders: `kayak/1.jpg`, `train/kayak/1.jpg`, `data/Fruit/Apple/1.jpg`."""

import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from boatlib.errors import DataError
from boatlib.order import natural
from boatlib.params import Exploration
from boatlib.photos.layout import listing, versions
from boatlib.photos.layout.listing import Listing
from boatlib.photos.layout.parts import NAMES, TRAIN, part_of
from boatlib.photos.layout.reasons import Reason
from boatlib.photos.layout.tree import Found, find_files, is_system_file, readable_name

FEW = 6  # names in a sentence
REASON = ["reason_code", "reason"]


def read(
    root: Path, settings: Exploration | None = None, group_by: str = "", found: Sequence[Found] | None = None
) -> Listing:
    """Find out what each file below `root` shows. found: the files below it, where they are known already.

    Raises DataError with a question where folders can be understood in two ways, ParameterError for settings that fit nothing.
    """
    settings = settings or Exploration()
    found = find_files(root) if found is None else found
    rows = pd.DataFrame({"photo": [readable_name(file.name) for file in found]}, dtype=str)
    if rows.empty:
        raise DataError(
            f"No files in the images folder {os.path.normpath(root)}. It should hold one folder of photos for each class."
        )
    rows[REASON] = pd.DataFrame([_reason_by_name(file) for file in found], columns=REASON, dtype=str)
    rows["group_by"] = ""
    listing.leave_unwanted(rows, settings)
    notes = versions.leave_versions(rows, settings.include)
    folders = [photo.split("/")[:-1] for photo in rows["photo"].tolist()]
    counted = _that_count(rows)
    wrapper = _wrapper([folders[place] for place in counted])
    inner = [own[len(wrapper) :] if own[: len(wrapper)] == wrapper else [] for own in folders]
    if wrapper:
        notes.append(f"The folder “{'/'.join(wrapper)}” holds the whole set.")
    parts, inner, words = _parts(inner, counted, rows["photo"])
    notes += words
    rows["part"] = parts
    rows["label"] = [_label(own, settings.label_from) for own in inner]
    _leave_beside(rows, inner, settings.label_from)
    if settings.label_from in ("auto", "first"):
        notes += _mark_nested_copies(rows, inner)
    if settings.label_from == "auto":
        _ask_about_equal_names(rows, inner)
    _refuse_names_alike(natural(set(rows.loc[rows["reason"] == "", "label"])))
    offers = {}
    deepest = {own[-1] for own, reason in zip(inner, rows["reason"].tolist(), strict=True) if own and not reason}
    if settings.label_from == "auto" and not deepest <= set(rows["label"]):
        offers["exploration.label_from"] = "last"
        notes.append(
            f"Below the class folders there are others: exploration.label_from: last would make {len(deepest):,} classes of them."
        )
    listing.leave_labels(rows, settings)
    if group_by:
        notes.append(listing.add_groups(rows, group_by))
    return Listing(root, rows[listing.COLUMNS], notes, offers)


def _reason_by_name(file: Found) -> tuple[str, str]:
    if file.reason:
        return Reason.NOT_FOLLOWED, file.reason
    if readable_name(file.name) != file.name:
        return Reason.NAME, "its name is not UTF-8: rename it"
    if is_system_file(file.name):
        return Reason.SYSTEM, "hidden or system file, not a photo"
    return "", ""


def _that_count(rows: pd.DataFrame) -> list[int]:
    """Places of the files by which the layout is judged: those called like pictures, or all where none is."""
    able = rows.loc[rows["reason"] == "", "photo"]
    places = able.index.tolist()
    return [place for place, photo in zip(places, able.tolist(), strict=True) if listing.is_picture(photo)] or places


def _wrapper(folders: list[list[str]]) -> list[str]:
    """The folders that hold everything and tell nothing, such as `boats/` in `boats/kayak/1.jpg`."""
    around: list[str] = []
    while folders and len({own[0] if own else "" for own in folders}) == 1 and all(len(own) > 1 for own in folders):
        if part_of(folders[0][0]):
            break
        around.append(folders[0][0])
        folders = [own[1:] for own in folders]
    return around


def _parts(
    inner: list[list[str]], counted: list[int], photos: "pd.Series[str]"
) -> tuple[list[str], list[list[str]], list[str]]:
    """The given part of each file, its folders without that of the part, and sentences."""
    tops = Counter(inner[place][0] for place in counted if inner[place])
    named = {name: part_of(name) for name in tops if part_of(name)}
    others = natural(set(tops) - set(named))
    if not named:
        return _parts_below(inner, counted)
    if others and (len(named) == 1 or TRAIN not in named.values()):
        return [""] * len(inner), inner, []  # a class that happens to be called so
    if others:
        raise DataError(
            f"The folders {_and(natural(named))} look like parts of a divided set, {_and(others)} "
            f"do{'es' if len(others) == 1 else ''} "
            f"not. Is {others[0]} to be left out? Then set exploration.exclude: {[f'{name}/' for name in others[:3]]}. Are all "
            "of them classes? Then give the folders of parts other names."
        )
    if not any(len(inner[place]) > 1 for place in counted):
        raise DataError(
            f"The folders {_and(natural(named))} are called like parts of a divided set, and inside there are photos but no "
            "class "
            "folders. Is there a table that says what each photo shows? Then set images: to that table. Are these the classes? "
            "Then give the folders other names."
        )
    if TRAIN not in named.values():
        raise DataError(
            f"There is {_and(natural(named))}, but no train folder beside: nothing to learn from. Set images: to the folder "
            "above, or to the folder inside that holds one folder for each class."
        )
    parts = [part_of(own[0]) if own and own[0] in named else "" for own in inner]
    rest = [own[1:] if part else own for own, part in zip(inner, parts, strict=True)]
    for part in set(named.values()):  # such as `train/images/kayak/1.jpg`
        mine = [place for place in counted if parts[place] == part]
        around = _wrapper([rest[place] for place in mine])
        for place, own in enumerate(rest):
            if parts[place] == part and own[: len(around)] == around:
                rest[place] = own[len(around) :]
    return parts, rest, [f"The set comes divided: {_counts(parts, rest, counted)}."]


def _parts_below(inner: list[list[str]], counted: list[int]) -> tuple[list[str], list[list[str]], list[str]]:
    """The same where parts lie inside the classes: `kayak/train/1.jpg`."""
    second = [inner[place][1] if len(inner[place]) > 1 else "" for place in counted]
    if not second or not all(part_of(name) for name in second) or TRAIN not in map(part_of, second):
        return [""] * len(inner), inner, []
    parts = [part_of(own[1]) if len(own) > 1 else "" for own in inner]
    rest = [[own[0], *own[2:]] if part else own for own, part in zip(inner, parts, strict=True)]
    return parts, rest, [f"The set comes divided, inside each class: {_counts(parts, rest, counted)}."]


def _counts(parts: list[str], inner: list[list[str]], counted: list[int]) -> str:
    counts = Counter(parts[place] for place in counted if inner[place])
    return ", ".join(f"{part} {counts[part]:,}" for part in dict.fromkeys(NAMES.values()) if counts[part])


def _label(folders: list[str], label_from: str | int) -> str:
    if not folders:
        return ""
    if label_from == "last":
        return folders[-1]
    number = label_from if isinstance(label_from, int) else 1
    return folders[number - 1] if number <= len(folders) else ""


def _leave_beside(rows: pd.DataFrame, inner: list[list[str]], label_from: str | int) -> None:
    without = rows.index[(rows["reason"] == "") & (rows["label"] == "")]
    rows.loc[without, "reason"] = [
        f"lies {depth} folders deep, and exploration.label_from is {label_from}"
        if (depth := len(inner[place]))
        else "lies in the folder of its part, not in that of a class: nothing says what it shows"
        if part
        else "lies beside the class folders, not in one"
        for place, part in rows.loc[without, "part"].items()
    ]
    rows.loc[without, "reason_code"] = Reason.BESIDE


def _mark_nested_copies(rows: pd.DataFrame, inner: list[list[str]]) -> list[str]:
    """A class folder that holds no photos but folders named like the other classes is the set inside itself."""
    notes = []
    able = rows[rows["reason"] == ""]
    for part in natural(set(able["part"])):
        candidates = able[able["part"] == part]
        labels = set(candidates["label"])
        names = candidates["photo"].str.rpartition("/")[2]
        inside = [
            "/".join([*inner[place], name]) for place, name in zip(names.index.tolist(), names.tolist(), strict=True)
        ]
        below = pd.Series(inside, names.index, dtype=str)
        outside = set(below)
        for label, own in candidates.groupby("label"):
            places = own.index
            has_own = any(len(inner[place]) == 1 for place in places)
            if has_own or len({inner[place][1] for place in places} & (labels - {label})) < 2:
                continue
            known = below[places].str.removeprefix(f"{label}/").isin(outside)
            rows.loc[places, "reason"] = [
                f"second copy: the folder {label}/ repeats the set inside itself"
                if is_known
                else f"inside {label}/, which repeats the set, but not found outside it"
                for is_known in known
            ]
            rows.loc[places, ["reason_code", "label"]] = [Reason.NESTED, ""]
            missing = int((~known).sum())
            also = f" {missing} of its files have no namesake outside." if missing else ""
            notes.append(
                f"The folder “{label}” is not a class: it repeats the set inside itself ({len(places):,} files), "
                f"and was left out.{also}"
            )
    return notes


def _ask_about_equal_names(rows: pd.DataFrame, inner: list[list[str]]) -> None:
    """Folders of the same names below several classes: which of the two is what a photo shows? Raises DataError."""
    below: dict[str, set[str]] = {}
    counted = _that_count(rows)
    for place in counted:
        if len(inner[place]) > 1:
            below.setdefault(inner[place][0], set()).add(inner[place][1])
    shared = Counter(name for names in below.values() for name in names)
    often = natural(name for name, count in shared.items() if count > 1)
    concerned = sum(bool(names & set(often)) for names in below.values())
    if not often or concerned * 2 <= len({inner[place][0] for place in counted if inner[place]}):
        return
    first = natural(below)
    raise DataError(
        f"Which folders are the classes? Below {_and(first)} there are folders of the same names: {_and(often)}. If "
        f"{_and(first[:2])} are what a photo shows, set exploration.label_from: first; if {_and(often[:2])} are, set "
        "exploration.label_from: last."
    )


def _refuse_names_alike(labels: list[str]) -> None:
    """Two folders whose names differ only in case, accents' encoding or blanks are one class in a person's eyes."""
    seen: dict[str, str] = {}
    for label in labels:
        key = " ".join(unicodedata.normalize("NFC", label).casefold().split())
        if key in seen:
            raise DataError(
                f"Two class folders have the same name to the eye: {seen[key]!r} and {label!r}. Join them or rename one."
            )
        seen[key] = label


def _and(names: Sequence[str]) -> str:
    """ "a, b and c"; of many names the first."""
    names = list(names)
    if len(names) > FEW:
        return f"{', '.join(names[:FEW])} and {len(names) - FEW} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
