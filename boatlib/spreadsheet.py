"""Tables as CSV files that a person can open: no cell is taken for a formula by a spreadsheet, and all comes back as it was."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


_FORMULA = re.compile(r"'*[=+\-@\t\r]")  # what a spreadsheet would compute, and what was protected from it before
_PROTECTED = re.compile(r"'+[=+\-@\t\r]")


def cell(text: str) -> str:
    """A text with an apostrophe in front where a spreadsheet would take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


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


def read_csv(file: Path, texts: list[str]) -> "pd.DataFrame":
    """Read what `to_csv` wrote. texts: columns that stay text even where they look like numbers."""
    import pandas as pd

    table = pd.read_csv(file, dtype=dict.fromkeys(texts, str), keep_default_na=False)
    for place, kind in enumerate(table.dtypes):
        if pd.api.types.is_string_dtype(kind):
            table.isetitem(place, [uncell(value) for value in table.iloc[:, place]])
    return table.rename(columns=uncell)
