"""New photos that wait for an answer: every file that lies there, and what people say that some of them show."""

import hashlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from boatlib import spreadsheet
from boatlib.errors import DataError, ParameterError
from boatlib.params import FOLDERS
from boatlib.photos import sources
from boatlib.photos.layout import by_table, tables
from boatlib.photos.layout.by_table import Photos, Table
from boatlib.photos.layout.tree import Found, find_files, find_photos
from boatlib.run import project_root

COLUMNS = ["photo", "size", "time", "label", "reason"]
LABEL = "label"  # column of a table that says what photos show


@dataclass(frozen=True)
class Arrivals:
    """Where new photos lie: root; rows: columns COLUMNS, a row a file, in the order of their names: `photo` below root, size in
    bytes and time of its last change in nanoseconds (both 0 where it is not there), label ("": nobody has said), reason why there
    is nothing to look at ("": there is).
    """

    root: Path
    rows: pd.DataFrame

    @property
    def fingerprint(self) -> str:
        """A short text that changes with names, sizes, times and labels."""
        return hashlib.sha256(spreadsheet.to_csv(self.rows).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def find(images: str, labels: str, classes: Collection[str]) -> Arrivals:
    """Look for the photos of `new.images`, a folder or a table of paths, and for their labels.

    labels: FOLDERS (a photo's folder), a table with the columns of photos and `label`, or "". Raises
    DataError for photos that cannot be found, ParameterError for labels that cannot.
    """
    place = sources.opened(images, "new.images")
    root = place if place.is_dir() else by_table.root_of(place)
    said: dict[str, str] = {}
    if place.is_dir():
        reasons = dict.fromkeys(find_photos(root), "")
    else:
        reasons, said = _of_table(place, root)
    if labels == FOLDERS:
        said |= {name: label for name in reasons if (label := _folder(name, classes))}
    elif labels:
        found = [Found(name) for name in reasons] if place.is_dir() else find_files(root)
        said |= _said(project_root() / Path(labels).expanduser(), Photos(root, found), "new.labels")
    said = {name: as_class(label, classes) for name, label in said.items()}
    if not reasons:
        raise DataError(f"new.images: there are no photos in {images}.")
    names = sorted(reasons)
    facts = np.fromiter(chain.from_iterable(_facts(root / name, reasons[name]) for name in names), np.int64)
    labelled, why = ([texts.get(name, "") for name in names] for texts in (said, reasons))
    columns = names, facts[::2], facts[1::2], labelled, why
    return Arrivals(root, pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))))


def _of_table(file: Path, root: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The photos that a table names, with reasons why they cannot be looked at ("": they can), and their labels where it has that
    column.
    """
    cells, photos = _with_plain_names(tables.read(file)), Photos(root, find_files(root))
    column, _ = by_table.photo_column(Table(file, cells), photos, "")
    meant = [(cell, *photos.find(cell)) for cell in cells[column]]
    reasons = {name or cell: "" if name else how for cell, name, how in meant if cell}
    labels = cells[LABEL] if LABEL in cells else [""] * len(cells)
    return reasons, {name: label for (_, name, _), label in zip(meant, labels, strict=True) if name and label}


def _said(file: Path, photos: Photos, asked: str) -> dict[str, str]:
    if not file.is_file():
        raise ParameterError(f"{asked}: there is no table {file.name}. Write `{FOLDERS}`, or name a table of labels.")
    cells = _with_plain_names(tables.read(file))
    if LABEL not in cells:
        raise ParameterError(
            f"{asked}: {file.name} has no column `{LABEL}`; it has {', '.join(map(str, cells.columns))}."
        )
    if not cells[LABEL].astype(bool).any():
        return {}
    column, _ = by_table.photo_column(Table(file, cells[cells[LABEL] != ""]), photos, "")
    pairs = zip(cells[column], cells[LABEL], strict=True)
    return {name: label for cell, label in pairs if label and (name := photos.find(cell)[0])}


def _folder(name: str, classes: Collection[str]) -> str:
    """Of a photo's folders the innermost that is called like a class, as the class is written; where none is, the innermost,
    which says that the photo shows something else. "" for a photo without a folder.
    """
    known, folders = {label.casefold(): label for label in classes}, name.split("/")[:-1]
    found = [known[folder.casefold()] for folder in folders if folder.casefold() in known]
    return (found or folders or [""])[-1]


def _facts(file: Path, reason: str) -> tuple[int, int]:
    try:
        told = os.stat(file) if not reason else None
    except OSError:  # whoever opens it will say why
        told = None
    return (told.st_size, told.st_mtime_ns) if told else (0, 0)


def marks(rows: pd.DataFrame) -> np.ndarray:
    """A number for each file by its name, size and time, drawn evenly, so that it has nothing to do with what photos show: uint64
    [rows]. Of a million files two have the same one with a probability below 1e-7.
    """
    keys = zip(rows["photo"], rows["size"], rows["time"], strict=True)
    texts = (
        f"{spreadsheet.one_line(photo)}\0{size}\0{time}".encode("utf-8", "surrogateescape")
        for photo, size, time in keys
    )
    return np.fromiter((int.from_bytes(hashlib.sha256(text).digest()[:8]) for text in texts), np.uint64)


def filled_in(file: Path) -> dict[str, str]:
    """Labels that a person has written into the run's own table of photos to name. Raises ParameterError."""
    rows = read_filled(file) if file.is_file() else pd.DataFrame({"photo": [], LABEL: []})
    return {photo: label for photo, label in zip(rows["photo"], rows[LABEL], strict=True) if label}


def read_filled(file: Path) -> pd.DataFrame:
    """A table of ours after any spreadsheet has saved it: other separators, other capitals. Raises ParameterError."""
    cells = _with_plain_names(tables.read(file))
    if lacking := {"photo", LABEL} - set(cells.columns):
        raise ParameterError(
            f"{file.name}: the column {' and '.join(sorted(lacking))} is gone. Call it so again, or delete the file."
        )
    return cells.map(lambda cell: spreadsheet.uncell(str(cell).strip()))


def _with_plain_names(cells: pd.DataFrame) -> pd.DataFrame:
    return cells.rename(
        columns=lambda name: str(name).strip().casefold() if str(name).strip().casefold() in (LABEL, "photo") else name
    )


def as_class(label: str, classes: Collection[str]) -> str:
    """A label as its class is written, whatever its capitals and spaces; "" for mere signs ("?"); any other one as it is."""
    plain = " ".join(label.split())
    known = {name.casefold(): name for name in classes}
    return known.get(plain.casefold(), plain) if any(map(str.isalnum, plain)) else ""


def said_of(rows: pd.DataFrame, filled: Mapping[str, str], classes: Collection[str]) -> dict[str, str]:
    """What people say of photos, by photo, as classes are written: what was filled in, otherwise what the set says. rows:
    `Arrivals.rows`; filled: `filled_in`.
    """
    labelled = rows[rows[LABEL] != ""]
    said = [*zip(labelled["photo"], labelled[LABEL], strict=True), *filled.items()]
    return {photo: name for photo, label in said if (name := as_class(label, classes))}


def in_words(rows: pd.DataFrame, filled: Mapping[str, str], classes: Collection[str]) -> str:
    """How many files there are, how many have a label, and which labels are no class. rows: `Arrivals.rows`."""
    known = said_of(rows, filled, classes)
    labels = [known[photo] for photo in rows["photo"] if photo in known]
    strange = sorted(set(labels) - set(classes))
    words = f"{len(rows):,} files" + (f", {len(labels):,} of them with a label" if labels else "")
    if not strange:
        return words
    more = f" and {len(strange) - 5} more" if len(strange) > 5 else ""
    return f"{words}; labels that are no class of the model: {', '.join(map(repr, strange[:5]))}{more}"
