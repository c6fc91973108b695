"""Features on disk: rows in files that only grow. Memory does not, and what was computed stays when a run is stopped."""

import fcntl
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

BLOCK = 256  # rows that are read at a time by whoever goes through all of them


class Store:
    """Rows of features by name, float32 [n] each, in a folder: the numbers in `rows`, a line with name and checksum in `index`.

    A line is written after its row, so a process that is killed leaves whole rows only; several processes may append.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._rows, self._index = folder / "rows", folder / "index"
        self._rows.touch()
        self._index.touch()
        self._places: dict[str, int] = {}
        self._checksums: list[str] = []
        self._end = 0  # of the last whole line that was read
        self.width = 0
        with self._index.open("rb") as index:
            self._read_index(index.fileno())

    def find(self, names: Sequence[str]) -> np.ndarray:
        """The number of the row of each name: int64; -1 where there is none, or a damaged one."""
        numbers = np.array([self._places.get(name, -1) for name in names], dtype=np.int64)
        known = np.flatnonzero(numbers >= 0)
        for start in range(0, len(known), BLOCK):
            block = known[start : start + BLOCK]
            for place, row in zip(block, self.read(numbers[block]), strict=True):
                if _checksum(row) != self._checksums[numbers[place]]:
                    numbers[place] = -1
        return numbers

    def append(self, names: Sequence[str], rows: np.ndarray) -> None:
        """Keep rows, float32 [names, n]. A name that is there already gets the new row."""
        if not len(names):
            return
        rows = np.ascontiguousarray(rows, dtype=np.float32)
        with self._rows.open("r+b", buffering=0) as numbers, self._index.open("r+b", buffering=0) as index:
            fcntl.flock(index, fcntl.LOCK_EX)  # until it is closed
            self._read_index(index.fileno())  # what other processes have added
            lines = "".join(f"{_checksum(row)} {name}\n" for row, name in zip(rows, names, strict=True))
            if not self.width:
                lines = f"{rows.shape[1]}\n{lines}"
            _write(numbers.fileno(), rows.tobytes(), len(self._checksums) * rows.shape[1] * rows.itemsize)
            os.ftruncate(index.fileno(), self._end)  # half a line of a process that was killed
            _write(index.fileno(), lines.encode(), self._end)
            self._read_index(index.fileno())

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """The rows of these numbers: float32 [numbers, n]. What was cut off from the file is zero."""
        found = np.zeros((len(numbers), self.width), np.float32)
        with self._rows.open("rb", buffering=0) as file:
            for row, number in zip(found, numbers.tolist(), strict=True):
                os.preadv(file.fileno(), [row.data], number * row.nbytes)
        return found

    def _read_index(self, index: int) -> None:
        new = os.pread(index, os.fstat(index).st_size - self._end, self._end)
        new = new[: new.rfind(b"\n") + 1]
        self._end += len(new)
        for line in new.decode(errors="replace").splitlines():
            if self.width:
                checksum, _, name = line.partition(" ")
                self._places[name] = len(self._checksums)
                self._checksums.append(checksum)
            elif line.isdigit():
                self.width = int(line)
            else:  # a damaged file counts as empty, and is written anew
                self._end = 0
                return


def _write(file: int, data: bytes, place: int) -> None:
    """All of it, or OSError: the system may take a part and refuse the rest only when asked again."""
    while data:
        written = os.pwrite(file, data, place)
        data, place = data[written:], place + written


def _checksum(row: np.ndarray) -> str:
    return f"{zlib.crc32(row.data):08x}"


@dataclass(frozen=True)
class Features:
    """Features that lie in stores, those of several networks side by side: like a float32 array [..., n] of which only what is
    asked for is read.

    numbers: of their rows in each store, int64 [..., stores].
    """

    stores: tuple[Store, ...]
    numbers: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""
        return (*self.numbers.shape[:-1], sum(store.width for store in self.stores))

    def __len__(self) -> int:
        """Rows, or photos."""
        return len(self.numbers)

    def __getitem__(self, key: Any) -> np.ndarray:  # noqa: ANN401
        """Reads: float32 [..., n]."""
        numbers = self.numbers[key]
        parts = [store.read(numbers[..., n].ravel()) for n, store in enumerate(self.stores)]
        return np.concatenate(parts, axis=1).reshape(*numbers.shape[:-1], -1)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Reads in blocks."""
        for start in range(0, len(self), BLOCK):
            yield from self[start : start + BLOCK]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:  # noqa: ANN401
        """Reads all of it."""
        return self[:].astype(dtype or np.float32, copy=False)

    def part(self, key: Any) -> Self:  # noqa: ANN401
        """A choice of them, without reading any."""
        return replace(self, numbers=self.numbers[key])

    def rows(self) -> Self:
        """All in one row: [rows, n]."""
        return replace(self, numbers=self.numbers.reshape(-1, len(self.stores)))

    def plus(self, other: Self) -> Self:
        """All of both, which lie in the same stores."""
        return replace(self, numbers=np.concatenate([self.numbers, other.numbers]))
