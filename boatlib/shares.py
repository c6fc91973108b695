"""Shares in words and digits. Nothing and all (0% and 100%) are said only of what is exactly none or all."""

import math

MOST = 4  # places behind the point


def percent(share: float, places: int = 1, most: int = MOST) -> str:
    """A share as per cent, "" for a missing one. Where it would look like none or all and is neither, it gets further places, at
    most `most`: "99.7%"; beyond them it says so: "over 99.9%".
    """
    share = round(float(share), 12)
    if math.isnan(share):
        return ""
    for digits in range(places, max(places, most) + 1):
        text = f"{share:.{digits}%}"
        if float(text[:-1]) not in (0, 100) or share in (0, 1):
            return text
    return f"over {100 - 10**-digits:.{digits}f}%" if share > 0.5 else f"under {10**-digits:.{digits}f}%"


def confidence(share: float, places: int = 1) -> str:
    """How sure a model is, as per cent: never wholly, whatever its arithmetic says."""
    return percent(min(max(float(share), 1e-9), 1 - 1e-9), places, most=1)


def of_hundred(share: float) -> str:
    """A share as so many of a hundred: "93", "more than 99", "less than 1"."""
    whole = f"{share * 100:.0f}"
    if whole == "100" and share < 1:
        return "more than 99"
    return "less than 1" if whole == "0" and share > 0 else whole


def p_words(value: float) -> str:
    """A p-value for a sentence: "p = 0.03", "p < 0.001"."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"
