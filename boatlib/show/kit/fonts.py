"""Signs of all scripts in charts: names of classes are written as people write them."""

import importlib.util
import re
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FIRST = "DejaVu Sans"  # comes with matplotlib: Latin, Greek, Cyrillic, Hebrew, Arabic and more
# Fonts of systems, looked for before those of packages; emoji only in one colour, as charts are drawn
SYSTEM = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "PingFang SC", "Hiragino Sans", "Microsoft YaHei", "Yu Gothic",
    "Malgun Gothic", "Apple SD Gothic Neo", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Noto Sans Devanagari",
    "Kohinoor Devanagari", "Nirmala UI", "Mangal", "Noto Sans Arabic", "Geeza Pro", "Segoe UI", "Noto Sans Bengali",
    "Noto Sans Tamil", "Noto Sans Thai", "Noto Sans Hebrew", "Noto Sans Ethiopic", "Noto Emoji", "Segoe UI Symbol", "Symbola",
    "Arial Unicode MS", "Unifont",
)  # fmt: skip
PACKAGES = ("cvttf_NotoSansCJK_Regular", "fontpkg_noto_sans_devanagari", "fontpkg_noto_sans_arabic")
_MISSING = re.compile(r"Glyph (\d+) .* missing from font")


def saved_with_all_signs(figure: "Figure", save: Callable[[], None]) -> str:
    """Save a figure by `save`, with further fonts where it needs them; returns the signs that no font at hand has."""
    missing = _signs_missing(save)
    if missing:
        from matplotlib.text import Text

        families = [FIRST, *_families("".join(sorted(missing)))]
        for text in figure.findobj(Text):
            text.set_fontfamily(families)  # type: ignore[attr-defined]
        missing = _signs_missing(save)
    return "".join(sorted(missing))


def _signs_missing(save: Callable[[], None]) -> set[str]:
    """What matplotlib complains of while it draws."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        save()
    found = [_MISSING.search(str(warning.message)) for warning in caught]
    return {chr(int(match[1])) for match in found if match}


@cache
def _families(signs: str) -> list[str]:
    """Names of fonts that have some of the signs, the fewest that have all that can be had."""
    wanted, chosen = set(signs), []
    for name, file in _fonts().items():
        if wanted and (has := wanted & _charmap(file)):
            chosen.append(name)
            wanted -= has
    return chosen


@cache
def _fonts() -> dict[str, str]:
    """Families that can be drawn with, and their files: those of the system first, then those of packages."""
    from matplotlib import font_manager

    there = {font.name: font.fname for font in font_manager.fontManager.ttflist if font.style == "normal"}
    found = {name: there[name] for name in SYSTEM if name in there}
    for package in PACKAGES:
        place = importlib.util.find_spec(package)
        for file in sorted(Path(str(place.origin)).parent.rglob("*.[ot]tf")) if place else []:
            font_manager.fontManager.addfont(str(file))
            found[font_manager.fontManager.ttflist[-1].name] = str(file)
    return found


@cache
def _charmap(file: str) -> frozenset[str]:
    from matplotlib.ft2font import FT2Font

    return frozenset(map(chr, FT2Font(file).get_charmap()))
