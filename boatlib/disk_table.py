"""A table that lies in a temporary file and is asked in SQL (SQLite): however many rows it has, only those that somebody asks for
are in memory.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from boatlib.errors import DiskError

if TYPE_CHECKING:
    import pandas as pd

PART = 2_000  # rows that are in memory at a time


class DiskTable:
    """parts: of equal columns. In SQL the table is called `rows`; beside the columns it has `place`, the number of a row as they
    came, from 0 on. A missing number is NULL. Every method raises DiskError where temporary files have no room.
    """

    def __init__(self, parts: "Iterable[pd.DataFrame]") -> None:
        self._database = sqlite3.connect("")  # a temporary file, which nobody else sees and which goes with it
        with _explained():
            self._database.execute("PRAGMA journal_mode = OFF")  # nobody takes anything back
        self._rows = 0
        for part in parts:
            self._add(part)

    def __len__(self) -> int:
        """How many rows."""
        return self._rows

    def _add(self, part: "pd.DataFrame") -> None:
        names = ", ".join(f'"{name}"' for name in part.columns)
        with _explained():
            if not self._rows:
                self._database.execute(f"CREATE TABLE IF NOT EXISTS rows (place INTEGER PRIMARY KEY, {names})")
            places = range(self._rows, self._rows + len(part))
            columns = (part[name].tolist() for name in part.columns)
            holes = ", ".join("?" * (1 + part.shape[1]))
            self._database.executemany(
                f"INSERT INTO rows (place, {names}) VALUES ({holes})", zip(places, *columns, strict=True)
            )
        self._rows += len(part)

    def ask(self, sql: str, *values: Any) -> "pd.DataFrame":  # noqa: ANN401
        """What a query finds. values: of its question marks."""
        import pandas as pd

        with _explained():
            return pd.read_sql_query(sql, self._database, params=values)

    def parts(self, sql: str, *values: Any) -> "Iterator[pd.DataFrame]":  # noqa: ANN401
        """The same, PART rows at a time."""
        import pandas as pd

        with _explained():
            yield from pd.read_sql_query(sql, self._database, params=values, chunksize=PART)

    def change(self, sql: str, values: Iterable[tuple[Any, ...]] = ((),)) -> None:
        """Change rows, once for each tuple of values."""
        with _explained():
            self._database.executemany(sql, values)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:  # OSError: what pandas makes of it
        if not re.search("disk|unable to open", str(error)):
            raise
        raise DiskError(
            f"There is no room for temporary files ({error}). Make room, or name another folder in TMPDIR."
        ) from None
