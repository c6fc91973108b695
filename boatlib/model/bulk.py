"""Predictions for whole folders of photos, written as they come: any number of photos, in constant memory, resumable."""

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from boatlib import spreadsheet
from boatlib.errors import DataError
from boatlib.model.prediction import Predictor
from boatlib.photos.catalog import find_photos, readable_name


def find_sources(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """Names and paths of all photos: a file by its name, those of a folder, recursively, by their path below it.

    Hidden and system files are not photos. Raises DataError for a path that does not exist.
    """
    found: list[tuple[str, Path]] = []
    for path in paths:
        if path.is_dir():
            found += [(readable_name(name), path / name) for name in find_photos(path)]
        elif path.exists():
            found.append((readable_name(path.name), path))
        else:
            raise DataError(f"{path} does not exist. Name photos, or folders of photos.")
    return found


class GrowingTable:
    """A CSV file that grows part by part beside its place, and takes its place when it is whole.

    Its name until then says which model and which looks it comes from, so only the same work is gone on with.
    """

    def __init__(self, file: Path, predictor: Predictor, looks: Sequence[str]) -> None:
        self.file = file
        work = f"{predictor.bundle.weights_sha256[:12]}-{len(looks)}"
        self.part = file.with_name(f".{file.name}.{work}.part")

    def done(self, sources: Sequence[tuple[str, Path]]) -> int:
        """How many of the sources an interrupted start has left rows of; a row cut in the middle is taken off."""
        if not self.part.is_file():
            return 0
        with self.part.open("rb+") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
        try:
            photos = pd.read_csv(self.part, usecols=["photo"], dtype=str, keep_default_na=False)["photo"].tolist()
        except (ValueError, pd.errors.EmptyDataError):
            photos = [""]
        if photos != [_cell(name) for name, _ in sources[: len(photos)]]:  # the folder is not what it was
            self.part.unlink()
            return 0
        return len(photos)

    def append(self, table: pd.DataFrame) -> None:
        """Write further rows to the disk."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        first = not self.part.is_file()
        texts = table.assign(photo=table["photo"].map(_cell))
        with self.part.open("a", encoding="utf-8", newline="") as file:
            texts.to_csv(file, index=False, header=first, lineterminator="\n")
            file.flush()
            os.fsync(file.fileno())

    def finish(self) -> None:
        """Put the whole table in its place."""
        os.replace(self.part, self.file)


def _cell(text: str) -> str:
    """A name on one line of its own, that a spreadsheet takes for a text and not for a formula."""
    return spreadsheet.cell(text.replace("\r", "\\r").replace("\n", "\\n"))
