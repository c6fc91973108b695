"""Tables as CSV files that a person can open: no cell is taken for a formula by a spreadsheet, and all comes back as it was."""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# columns that are text whatever stands in them, and those of yes and no
TEXTS = {
    "photo", "label", "predicted", "class", "group", "sha256", "reason", "reason_code", "suggested", "decision", "largest_class",
    "colour_histogram", "stratum", "part", "group_by", "set_label", "status", "format", "mode", "kind", "split", "error",
    "remark", "purpose", "day", "model", "state", "changed", "make", "camera", "software", "taken",
    "rule", "called", "what", "answer", "action",
}  # fmt: skip
YES_OR_NO = {"conflict", "kept", "best", "in_train"}
_FORMULA = re.compile(r"'*[=+\-@\t\r]")  # what a spreadsheet would compute, and what was protected from it before
_PROTECTED = re.compile(r"'+[=+\-@\t\r]")


def cell(text: str) -> str:
    """A text with an apostrophe in front where a spreadsheet would take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def one_line(text: str) -> str:
    """A name on one line, so that each row of a file that only grows is a line of it."""
    return text.replace("\r", "\\r").replace("\n", "\\n")


def uncell(text: str) -> str:
    """What `cell` was given."""
    return text[1:] if _PROTECTED.match(text) else text


def to_csv(table: "pd.DataFrame", head: bool = True) -> str:
    """The text of a CSV file, without the index; names of columns are protected too. head: with the line of their names."""
    import pandas as pd

    texts = table.rename(columns=lambda name: cell(str(name)))
    for place, kind in enumerate(texts.dtypes):
        if pd.api.types.is_string_dtype(kind) or kind.kind == "O":
            column = texts.iloc[:, place]
            texts.isetitem(place, [cell(value) if isinstance(value, str) else value for value in column])
    return texts.to_csv(index=False, header=head, lineterminator="\n")


def read_table(file: Path) -> "pd.DataFrame":
    """Read what `to_csv` wrote: names that look like numbers or like "NA" stay text, an empty cell among numbers is a
    missing number. Raises ValueError for what it did not write, or that is cut off.
    """
    import pandas as pd

    _need_an_end(file)
    return _as_it_was(pd.read_csv(file, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False))


def read_parts(file: Path, rows: int, columns: Sequence[str] | None = None) -> "Iterator[pd.DataFrame]":
    """`read_table` of so many rows at a time, and of all columns or only these."""
    import pandas as pd

    _need_an_end(file)
    texts = dict.fromkeys(TEXTS, str)
    with pd.read_csv(file, dtype=texts, keep_default_na=False, usecols=columns, chunksize=rows) as parts:
        yield from map(_as_it_was, parts)


def _as_it_was(table: "pd.DataFrame") -> "pd.DataFrame":
    """What `to_csv` was given, from what pandas has read."""
    import pandas as pd

    for place, kind in enumerate(table.dtypes):
        if pd.api.types.is_string_dtype(kind):
            table.isetitem(place, [uncell(value) for value in table.iloc[:, place]])
    table = table.rename(columns=uncell)
    for column in YES_OR_NO & set(table.columns):  # without rows pandas cannot tell it from a column of texts
        table[column] = table[column].astype(bool)
    for column in set(table.columns[table.dtypes.map(pd.api.types.is_string_dtype)]) - TEXTS:
        with contextlib.suppress(ValueError):
            table[column] = pd.to_numeric(table[column].replace("", None))
    return table


def _need_an_end(file: Path) -> None:
    """Raises ValueError where the last line has none: each that was written has one, and pandas would not mind."""
    with file.open("rb") as opened:
        size = opened.seek(0, os.SEEK_END)
        opened.seek(max(size - 1, 0))
        if opened.read(1) != b"\n":
            raise ValueError("its last line has no end")
