"""Shares in words and digits. Nothing and all (0% and 100%) are said only of what is exactly none or all."""

import math

from boatlib.messages import gettext as _
from boatlib.messages import in_digits, in_percent

MOST = 4  # places behind the point


def percent(share: float, places: int = 1, most: int = MOST) -> str:
    """A share as per cent, "" for a missing one. Where it would look like none or all and is neither, it gets further places, at
    most `most`: "99.7%"; beyond them it says so: "over 99.9%".
    """
    share = round(float(share), 12)
    if math.isnan(share):
        return ""
    for digits in range(places, max(places, most) + 1):
        text = f"{share:.{digits}%}"[:-1]
        if float(text) not in (0, 100) or share in (0, 1):
            return in_percent(text)
    if share > 0.5:
        return _("over {share}", share=in_percent(f"{100 - 10**-digits:.{digits}f}"))
    return _("under {share}", share=in_percent(f"{10**-digits:.{digits}f}"))


def confidence(share: float, places: int = 1) -> str:
    """How sure a model is, as per cent: never wholly, whatever its arithmetic says."""
    return percent(min(max(float(share), 1e-9), 1 - 1e-9), places, most=1)


def of_hundred(share: float) -> str:
    """A share as so many of a hundred: "93", "more than 99", "less than 1"."""
    whole = f"{share * 100:.0f}"
    if whole == "100" and share < 1:
        return _("more than 99")
    return _("less than 1") if whole == "0" and share > 0 else whole


def p_words(value: float) -> str:
    """A p-value for a sentence: "p = 0.03", "p < 0.001"."""
    if value < 0.001:
        return f"p < {in_digits(0.001, 3)}"
    return f"p = {in_digits(value, 3 if value < 0.1 else 2)}"
