"""Pieces of sentences."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from boatlib.messages import gettext as _
from boatlib.messages import in_a_row, ngettext
from boatlib.shares import of_hundred, percent

FEWEST = 0.005  # a share that is "fewer than 1 in 100"


def listing(names: Sequence[str], most: int = sys.maxsize) -> str:
    """Names in one phrase: "a, b and c"; of more than `most` the first ones: "a, b and 7 more"."""
    names, more = list(names), len(names) - most
    if more > 0:
        return ngettext("{names} and {number} more", "{names} and {number} more", more, names=", ".join(names[:most]))
    return in_a_row(names) if names else _("none")


def photos_in_words(count: int) -> str:
    """ "1 photo", "2 photos"."""
    return ngettext("{number} photo", "{number} photos", count)


def up_to(high: float) -> str:
    """How many it could be, at most. high: the upper end of a share's range."""
    return _("fewer than 1 in 100") if high <= FEWEST else _("up to {most} in 100", most=of_hundred(high))


def errors(wrong: int, of: int, high: float) -> str:
    """How many are wrong, and how many could be: "none of 179 (up to 2 in 100)", "3 of 1,790 (0.2%, up to 1 in 100)".

    high: upper end of the 95% range of the share.
    """
    most = up_to(high)
    if not wrong:
        return _("none of {of} ({most})", of=of, most=most)
    return _("{wrong} of {of} ({share}, {most})", wrong=wrong, of=of, share=percent(wrong / of), most=most)


def between(row: Mapping[str, Any]) -> str:
    """A group of shares in words, from its columns from and to: "70% to 90%"."""
    if row["from"] <= 0:
        return _("less than {share}", share=percent(row["to"], 0))
    if row["to"] < 1:
        return _("{low} to {high}", low=percent(row["from"], 0), high=percent(row["to"], 0))
    return _("{share} or more", share=percent(row["from"], 0))
