"""What a model has answered to new photos so far: no photo is looked at twice, and none is lost."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, tee
from pathlib import Path

import numpy as np
import pandas as pd

from boatlib import spreadsheet
from boatlib.disk_table import PART
from boatlib.errors import DamagedFileError
from boatlib.files import explained
from boatlib.model.inference.predictor import Examined, Predictor
from boatlib.photos.arrivals import KEY, Arrivals
from boatlib.photos.looks import LOOKS

ANSWERS, DIRECTIONS = "answers.csv", "directions.f16"


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

    def parts(self, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """All rows, the oldest first, PART at a time, and with all columns or only some. Raises DamagedFileError."""
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

    def waiting(self, found: Arrivals) -> tuple[int, int]:
        """How many of the photos that were found have no answer yet, and the number of the last batch (0: there is none)."""
        newest = 0
        for part in self.parts(["batch", *KEY]):
            found.note_answered(part)
            newest = max(newest, int(part["batch"].max()))
        return found.waiting(), newest

    def look_at(self, found: Arrivals, batch: int, progress: Callable[[int], object]) -> None:
        """Answer the photos that `waiting` has counted, part by part; each part is on the disk before the next begins. progress:
        called with the number of photos that are done.
        """
        if not found.waiting():
            return
        done = 0
        for gone in found.not_there():
            self._append(self._not_there(gone), np.zeros((len(gone), self._width), np.float16), gone, batch)
            done += len(gone)
        keys, photos = tee(found.there())
        for part in self.predictor.examine_stream((name, file) for name, *_, file in photos):
            own = pd.DataFrame((key for *key, _ in islice(keys, len(part.answers))), columns=KEY)
            self._append(part, self._directions_of(part), own, batch)
            done += len(own)
            progress(done)
        self.predictor.rest()

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
        keys = rows[KEY].reset_index(drop=True)
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
