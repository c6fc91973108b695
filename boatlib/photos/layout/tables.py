"""Tables as people have them: CSV with any separator and encoding, Excel, Parquet, JSON lines; all cells as text."""

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from boatlib.errors import DataError

TEXTS = {".csv", ".tsv", ".tab", ".txt", ".lst"}
SHEETS = {".xlsx", ".xls", ".xlsm", ".ods"}
ENDINGS = TEXTS | SHEETS | {".parquet", ".jsonl", ".ndjson", ".json"}
ENCODINGS = ("utf-8-sig", "utf-16", "cp1252", "latin-1")
SEPARATORS = ",;\t|"
LOOKED_AT = 200  # lines
IS_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")


def is_table(name: str) -> bool:
    """Whether a file is called like a table."""
    return f".{name.rpartition('.')[2].lower()}" in ENDINGS


def read(file: Path, pictures: bool = False) -> pd.DataFrame:
    """The table in a file. Columns are called as in its first line, or "1", "2", ... where that is a row like all others.

    pictures: keep columns of bytes (pictures inside of Parquet); else they come as empty texts. All other cells are texts,
    without blanks around, "" where there is nothing. Raises DataError for what is no table.
    """
    ending = file.suffix.lower()
    try:
        if ending in TEXTS:
            return _text(file)
        if ending in SHEETS:
            return _texts(_with_head(pd.read_excel(file, header=None, dtype=str, keep_default_na=False)))
        if ending == ".parquet":
            return _flat(pd.read_parquet(file), pictures)
        return _texts(pd.json_normalize(_records(file)))
    except (DataError, OSError):
        raise
    except ImportError as error:
        raise DataError(f"{file.name} cannot be read: {error}. Save it as CSV, or install that package.") from None
    except Exception as error:  # each of these libraries has errors of its own
        raise DataError(
            f"{file.name} is not readable as a table ({type(error).__name__}: {str(error)[:150]})."
        ) from None


def _text(file: Path) -> pd.DataFrame:
    data = file.read_bytes()
    text = next((decoded for name in ENCODINGS if (decoded := _decoded(data, name)) is not None), "")
    if "\0" in text:
        raise DataError(f"{file.name} is not readable as a table: it is not text.")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{file.name} is empty.")
    rows = list(csv.reader(lines, delimiter=_separator(lines[:LOOKED_AT], file.suffix.lower()), skipinitialspace=True))
    width = max(map(len, rows))
    return _texts(_with_head(pd.DataFrame([[*row, *[""] * (width - len(row))] for row in rows], dtype=str)))


def _decoded(data: bytes, encoding: str) -> str | None:
    if encoding == "utf-16" and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _separator(lines: Sequence[str], ending: str) -> str:
    """What parts all lines into the same number of columns; a blank where nothing else does and a line holds one."""

    def columns(separator: str) -> tuple[bool, int]:
        counts = {len(row) for row in csv.reader(lines, delimiter=separator)}
        return len(counts) == 1 and counts != {1}, max(counts)

    best = max(SEPARATORS, key=columns)
    if columns(best)[1] > 1:
        return best
    blank = {len(line.split()) for line in lines} == {2} and ending == ".txt"
    return " " if blank else ","


def _with_head(cells: pd.DataFrame) -> pd.DataFrame:
    """The first line as names of the columns, unless it is a row: it holds a number or the name of a file where others do."""
    cells = cells.fillna("").astype(str)
    first, rest = cells.iloc[0].str.strip(), cells.iloc[1:]
    if len(rest) and not _is_row(first, rest):
        names = [name or str(place + 1) for place, name in enumerate(first)]
        return rest.set_axis(_different(names), axis=1).reset_index(drop=True)
    return cells.set_axis([str(place + 1) for place in range(cells.shape[1])], axis=1)


def _is_row(first: pd.Series, rest: pd.DataFrame) -> bool:
    looked_at = rest.head(LOOKED_AT)
    for place, cell in first.items():
        column = looked_at[place].str.strip()
        if IS_NUMBER.fullmatch(cell) or (_is_file(cell) and column.map(_is_file).mean() > 0.5):
            return True
    again = [place for place, cell in first.items() if cell and (looked_at[place].str.strip() == cell).any()]
    return bool(again)


def _is_file(cell: str) -> bool:
    return bool(re.search(r"[^\s]\.[A-Za-z0-9]{2,5}$", cell.strip()))


def _different(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return found


def _records(file: Path) -> list[dict[str, Any]]:
    text = file.read_text(encoding="utf-8-sig")
    if file.suffix.lower() == ".json":
        found = json.loads(text)
        if isinstance(found, dict):  # file to label
            found = [
                {"file": key, "label": value} for key, value in found.items() if not isinstance(value, dict | list)
            ]
        return list(found)
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _flat(table: pd.DataFrame, pictures: bool) -> pd.DataFrame:
    """Parquet of Hugging Face holds pictures as {bytes, path}."""
    columns: dict[str, Any] = {}
    for name, column in table.items():
        first = next((value for value in column if value is not None), None)
        if isinstance(first, dict) and "bytes" in first:
            if pictures:
                columns[str(name)] = [value["bytes"] if value else b"" for value in column]
            columns[f"{name}.path"] = [str((value or {}).get("path") or "") for value in column]
        elif isinstance(first, bytes):
            if pictures:
                columns[str(name)] = [value or b"" for value in column]
        else:
            columns[str(name)] = column.map(_cell)
    return pd.DataFrame(columns)


def _texts(table: pd.DataFrame) -> pd.DataFrame:
    return table.map(_cell).rename(columns=lambda name: str(name).strip())


def _cell(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
