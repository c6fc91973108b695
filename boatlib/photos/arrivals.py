"""New photos that wait for an answer: every file that lies there, and what people say that some of them show."""

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from boatlib import spreadsheet
from boatlib.disk_table import PART, DiskTable
from boatlib.errors import DataError, ParameterError
from boatlib.params import FOLDERS
from boatlib.photos import sources
from boatlib.photos.layout import by_table, tables
from boatlib.photos.layout.by_table import Photos, Table
from boatlib.photos.layout.tree import Found, find_files, readable_name, walk_photos
from boatlib.run import project_root

KEY = ["photo", "size", "time"]  # a file with another size or time is another photo
COLUMNS = [*KEY, "label", "reason"]
LABEL = "label"  # column of a table that says what photos show


@dataclass(frozen=True)
class Arrivals:
    """Where new photos lie: root; table: a row a file: `photo`, its name below root as it stands in our tables (on one line, in
    UTF-8), size in bytes and time of its last change in nanoseconds (both 0 where it is not there), label ("": nobody has
    said), reason why there is nothing to look at ("": there is), `file` (its name below root as bytes), `mark` (`marks`), and
    whether it has been answered.
    """

    root: Path
    table: DiskTable

    @property
    def fingerprint(self) -> str:
        """A short text that changes with names, sizes, times and labels."""
        found, texts = hashlib.sha256(), ", ".join(COLUMNS)
        for number, part in enumerate(self.table.parts(f"SELECT {texts} FROM rows ORDER BY photo")):
            found.update(spreadsheet.to_csv(part, head=not number).encode())
        return found.hexdigest()[:16]

    def note_answered(self, rows: pd.DataFrame) -> None:
        """These photos (columns KEY) need no answer any more."""
        self.table.change("UPDATE rows SET answered = 1 WHERE mark = ?", ((mark,) for mark in marks(rows).tolist()))

    def waiting(self) -> int:
        """How many have no answer yet."""
        return int(self.table.ask("SELECT count(*) FROM rows WHERE NOT answered").iat[0, 0])

    def not_there(self) -> Iterator[pd.DataFrame]:
        """Those that wait for an answer, and of which there is nothing to look at."""
        return self.table.parts("SELECT * FROM rows WHERE NOT answered AND reason != '' ORDER BY photo")

    def there(self) -> Iterator[tuple[str, int, int, Path]]:
        """KEY and path of the others that wait, one by one in the order of their names."""
        for part in self.table.parts("SELECT * FROM rows WHERE NOT answered AND reason = '' ORDER BY photo"):
            for *key, file in part[[*KEY, "file"]].itertuples(index=False, name=None):
                yield *key, self.root / os.fsdecode(file)

    def labelled(self) -> pd.DataFrame:
        """The rows whose label somebody has said, in the order of their names."""
        return self.table.ask("SELECT * FROM rows WHERE label != '' ORDER BY photo")


def find(images: str, labels: str, classes: Collection[str]) -> Arrivals:
    """Look for the photos of `new.images`, a folder or a table of paths, and for their labels.

    labels: FOLDERS (a photo's folder), a table with the columns of photos and `label`, or "". A folder without a table is
    gone through part by part, however large. Raises DataError for photos that cannot be found, ParameterError for labels that
    cannot.
    """
    place = sources.opened(images, "new.images")
    root = place if place.is_dir() else by_table.root_of(place)
    names: Iterable[str] = walk_photos(root)
    reasons: dict[str, str] = {}
    said: dict[str, str] = {}
    if not place.is_dir():
        reasons, said = _of_table(place, root)
        names = reasons
    if labels not in ("", FOLDERS):
        found = [Found(name) for name in sorted(walk_photos(root))] if place.is_dir() else find_files(root)
        said |= _said(project_root() / Path(labels).expanduser(), Photos(root, found), "new.labels")

    def row(name: str) -> tuple[Any, ...]:
        told, reason = readable_name(name), reasons.get(name, "")
        label = (_folder(told, classes) if labels == FOLDERS else "") or said.get(name, "")
        size, time = _facts(root / name, reason)
        return spreadsheet.one_line(told), size, time, as_class(label, classes), reason, os.fsencode(name)

    table = DiskTable(_in_parts(map(row, names)))
    if not len(table):
        raise DataError(f"new.images: there are no photos in {images}.")
    table.change("CREATE INDEX by_name ON rows (photo)")
    table.change("CREATE INDEX by_mark ON rows (mark)")
    return Arrivals(root, table)


def _in_parts(rows: Iterator[tuple[Any, ...]]) -> Iterator[pd.DataFrame]:
    while taken := list(islice(rows, PART)):
        part = pd.DataFrame(taken, columns=[*COLUMNS, "file"])
        yield part.assign(mark=marks(part), answered=False)


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
    """A number for each file by its name, size and time, drawn evenly, so that it has nothing to do with what photos show: int64
    [rows], none below 0. Of a million files two have the same one with a probability below 1e-6.
    """
    keys = zip(rows["photo"], rows["size"], rows["time"], strict=True)
    texts = (f"{photo}\0{size}\0{time}".encode() for photo, size, time in keys)
    return np.fromiter((int.from_bytes(hashlib.sha256(text).digest()[:8]) >> 1 for text in texts), np.int64)


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


def said_of(found: Arrivals, filled: Mapping[str, str], classes: Collection[str]) -> dict[str, str]:
    """What people say of photos, by photo, as classes are written: what was filled in, otherwise what the set says. filled:
    `filled_in`.
    """
    labelled = found.labelled()
    said = [*zip(labelled["photo"], labelled[LABEL], strict=True), *filled.items()]
    return {photo: name for photo, label in said if (name := as_class(label, classes))}


def in_words(found: Arrivals, filled: Mapping[str, str], classes: Collection[str]) -> str:
    """How many files there are, how many have a label, and which labels are no class."""
    known = said_of(found, filled, classes)
    parts = found.table.parts("SELECT photo FROM rows")
    labels = [known[photo] for part in parts for photo in part["photo"] if photo in known]
    strange = sorted(set(labels) - set(classes))
    words = f"{len(found.table):,} files" + (f", {len(labels):,} of them with a label" if labels else "")
    if not strange:
        return words
    more = f" and {len(strange) - 5} more" if len(strange) > 5 else ""
    return f"{words}; labels that are no class of the model: {', '.join(map(repr, strange[:5]))}{more}"
