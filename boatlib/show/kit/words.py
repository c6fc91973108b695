"""Pieces of sentences."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from boatlib.shares import of_hundred, percent


def listing(names: Sequence[str], most: int = sys.maxsize) -> str:
    """Names in one phrase: "a, b and c"; of more than `most` the first ones: "a, b and 7 more"."""
    names = list(names)
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"


def photos_in_words(count: int) -> str:
    """ "1 photo", "2 photos"."""
    return f"{count:,} photo{'' if count == 1 else 's'}"


def errors(wrong: int, of: int, high: float) -> str:
    """How many are wrong, and how many could be: "none of 179 (up to 2 in 100)", "3 of 1,790 (0.2%, fewer than 1 in 100)".

    high: upper end of the 95% range of the share.
    """
    share = "" if not wrong else f"{percent(wrong / of)}, "
    most = of_hundred(high)
    return f"{wrong or 'none'} of {of:,} ({share}{'fewer than 1' if most == 'less than 1' else f'up to {most}'} in 100)"


def between(row: Mapping[str, Any]) -> str:
    """A group of shares in words, from its columns from and to: "70% to 90%"."""
    if row["from"] <= 0:
        return f"less than {percent(row['to'], 0)}"
    return (
        f"{percent(row['from'], 0)} to {percent(row['to'], 0)}"
        if row["to"] < 1
        else f"{percent(row['from'], 0)} or more"
    )
