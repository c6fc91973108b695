"""Predictions for whole folders of photos, written as they come: any number of photos, in constant memory, resumable."""

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from boatlib import spreadsheet
from boatlib.errors import DataError
from boatlib.files import explained, is_stream, open_stream, replacing, through_links
from boatlib.model.inference.predictor import Predictor
from boatlib.photos.layout.tree import readable_name, walk_photos
from boatlib.spreadsheet import one_line


def find_sources(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """Names and paths of all photos, those of folders recursively. A name is the path as it leads there from the current folder.

    Hidden and system files are not photos; what is named twice is there once. Raises DataError for a path that does not exist.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if path.is_dir():
            found |= {readable_name(str(path / name)): path / name for name in sorted(walk_photos(path))}
        elif path.exists():
            found[readable_name(str(path))] = path
        else:
            raise DataError(f"{path} does not exist. Name photos, or folders of photos.")
    return list(found.items())


class GrowingTable:
    """A CSV file that grows part by part beside its place, and takes its place when it is whole; through a link, if it is one.

    Its name until then says which model and which views it comes from, so only the same work is gone on with. Into a device or
    a pipe rows are written as they come.
    """

    def __init__(self, file: Path, predictor: Predictor, views: Sequence[str]) -> None:
        self.file = file
        self._stream = open_stream(file) if is_stream(file) else None
        self._begun = False
        work, place = f"{predictor.bundle.weights_sha256[:12]}-{len(views)}", through_links(file)
        self.part = place.with_name(f".{place.name[:50]}.{work}.part")

    def done(self, sources: Sequence[tuple[str, Path]]) -> int:
        """How many of the sources an interrupted start has left rows of; a row cut in the middle is taken off."""
        if self._stream or not self.part.is_file():
            return 0
        with self.part.open("rb+") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
        try:
            photos = spreadsheet.read_table(self.part)["photo"].tolist()
        except (ValueError, KeyError):  # pandas' own errors are ValueErrors
            photos = [""]
        if photos != [one_line(name) for name, _ in sources[: len(photos)]]:  # the folder is not what it was
            self.part.unlink()
            photos = []
        self._begun = bool(photos)
        return len(photos)

    def append(self, table: pd.DataFrame) -> None:
        """Write further rows. Raises DiskError."""
        texts = table.assign(photo=table["photo"].map(one_line))
        data = spreadsheet.to_csv(texts, head=not self._begun).encode("utf-8")
        self._begun = True
        if self._stream:
            self._stream.write(data)
            return
        with explained(self.file):
            self.part.parent.mkdir(parents=True, exist_ok=True)
            with self.part.open("ab") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())

    def finish(self) -> None:
        """Put the whole table in its place. Raises DiskError."""
        if self._stream:
            self._stream.close()
            return
        with replacing(self.file) as temporary:
            os.replace(self.part, temporary)
