"""What a model has answered to new photos so far: no photo is looked at twice, and none is lost."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from boatlib import spreadsheet
from boatlib.errors import DamagedFileError
from boatlib.files import explained
from boatlib.model.inference.predictor import Examined, Predictor
from boatlib.photos import arrivals
from boatlib.photos.arrivals import Arrivals
from boatlib.photos.looks import LOOKS

KEY = ["photo", "size", "time"]  # a file with another size or time is another photo
ANSWERS, DIRECTIONS = "answers.csv", "directions.f16"
IN_SHORT = ["batch", *KEY, *LOOKS, "predicted", "confidence", "unfamiliarity", "error"]
PART = 2_000  # rows with all their columns that are in memory at a time


@dataclass(frozen=True)
class Answered:
    """folder: of one model, in which ANSWERS has a row for each photo, in the order in which they came (columns batch, KEY,
    LOOKS, and those of `Predictor.predict`), and DIRECTIONS where each lies (`Familiarity.directions`), as half floats.

    A row counts when its line is whole: whoever is stopped loses at most the photos of the last part.
    """

    folder: Path
    predictor: Predictor

    @property
    def _width(self) -> int:
        familiarity = self.predictor.bundle.familiarity
        return familiarity.components.shape[1] if familiarity else 1

    @cached_property
    def rows(self) -> pd.DataFrame:
        """All rows, the oldest first, with the columns IN_SHORT: about 150 bytes each. Raises DamagedFileError."""
        parts = [*self.parts(IN_SHORT)]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=IN_SHORT)

    def parts(self, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """The same, PART rows at a time, and with all columns or only some."""
        self._mend()
        file = self.folder / ANSWERS
        if not file.is_file():
            return
        try:
            yield from spreadsheet.read_parts(file, PART, columns)
        except ValueError as error:
            raise DamagedFileError(f"{file} is damaged. Move it away; its photos are looked at again.") from error

    def directions(self, places: np.ndarray) -> np.ndarray:
        """Of rows by their places: float32 [rows, k]."""
        file = self.folder / DIRECTIONS
        if not len(places):
            return np.empty((0, self._width), np.float32)
        size, found = 2 * self._width, []
        with file.open("rb") as opened:
            for place in places:
                opened.seek(int(place) * size)
                found.append(opened.read(size))
        return np.frombuffer(b"".join(found), np.float16).reshape(-1, self._width).astype(np.float32)

    def waiting(self, found: Arrivals) -> pd.DataFrame:
        """The rows that were found and have no answer yet."""
        return found.rows[~np.isin(arrivals.marks(found.rows), arrivals.marks(self.rows))]

    def look_at(self, root: Path, waiting: pd.DataFrame, batch: int, progress: Callable[[int], object]) -> None:
        """Answer photos below root, part by part; each part is on the disk before the next begins. waiting: `waiting`; progress:
        called with the number of photos that are done.
        """
        if waiting.empty:
            return
        gone, there = waiting[waiting["reason"] != ""], waiting[waiting["reason"] == ""]
        if len(gone):
            self._append(self._not_there(gone), np.zeros((len(gone), self._width), np.float16), gone, batch)
        done = 0
        for part in self.predictor.examine_stream((photo, root / photo) for photo in there["photo"]):
            own = there.iloc[done : done + len(part.answers)]
            self._append(part, self._directions_of(part), own, batch)
            done += len(own)
            progress(len(gone) + done)
        self.predictor.rest()
        self.__dict__.pop("rows", None)  # read again: numbers are then those of the file

    def _not_there(self, rows: pd.DataFrame) -> Examined:
        none = np.full((len(rows), len(LOOKS)), np.nan, np.float32)
        answers = self.predictor.predict([b""] * len(rows)).assign(error=rows["reason"].to_numpy())
        return Examined(answers, np.empty((len(rows), 0)), none)

    def _directions_of(self, part: Examined) -> np.ndarray:
        familiarity, read = self.predictor.bundle.familiarity, ~np.isnan(part.features[:, 0])
        found = np.zeros((len(read), self._width), np.float16)
        if familiarity and read.any():
            found[read] = familiarity.directions(part.features[read])
        return found

    def _append(self, part: Examined, directions: np.ndarray, rows: pd.DataFrame, batch: int) -> None:
        """Raises DiskError."""
        told = pd.DataFrame(part.looks, columns=list(LOOKS)).round(4)
        keys = _keys(rows).reset_index(drop=True)
        own = part.answers.drop(columns=["photo", "unfamiliar", "needs_review", "reason"])
        table = pd.concat([pd.Series(batch, keys.index, name="batch"), keys, told, own], axis=1)
        file = self.folder / ANSWERS
        with explained(file):
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, data in (
                (DIRECTIONS, directions.tobytes()),
                (ANSWERS, spreadsheet.to_csv(table, head=not file.is_file()).encode("utf-8")),
            ):
                with (self.folder / name).open("ab") as opened:
                    opened.write(data)
                    opened.flush()
                    os.fsync(opened.fileno())

    def _mend(self) -> None:
        """Take off what a stop has left half written: a row without an end, directions without a row."""
        answers, directions = self.folder / ANSWERS, self.folder / DIRECTIONS
        whole = rows = 0
        if answers.is_file():
            with answers.open("rb+") as file:
                for line in file:
                    if line.endswith(b"\n"):
                        whole, rows = whole + len(line), rows + 1
                file.truncate(whole)
        if not whole:  # not even the line of the names
            answers.unlink(missing_ok=True)
            directions.unlink(missing_ok=True)
            return
        os.truncate(directions, (rows - 1) * self._width * 2)


def _keys(rows: pd.DataFrame) -> pd.DataFrame:
    """KEY of rows, as it is written down."""
    return rows[KEY].assign(photo=rows["photo"].map(spreadsheet.one_line))
