"""The face of pages and charts, and signs of all scripts: names of classes are written as people write them.

The face is Source Sans 3, which a package brings as one variable font. Charts take files of two weights, made once and
kept in the cache; a page, and what is printed of it, carries the scripts that it uses.
"""

import hashlib
import importlib.util
import re
import warnings
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from boatlib.files import replacing
from boatlib.run import cache_folder

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont
    from matplotlib.figure import Figure


FACE = "Source Sans 3"
WEIGHTS = (400, 600)
FEATURES = ["kern", "liga", "mark", "mkmk", "locl", "tnum", "ccmp", "init", "medi", "fina", "rlig"]
FURTHER = 3  # fonts for signs that the face lacks: "further 0" and so on
SCRIPTS = {  # parts that a page carries where it uses them: Latin with signs; Greek and Cyrillic
    "latin": ((0x20, 0x24F), (0x2000, 0x206F), (0x20A0, 0x22FF), (0x2700, 0x27BF)),
    "greek-cyrillic": ((0x370, 0x52F),),
}
FIRST = (FACE, "DejaVu Sans")  # the latter comes with matplotlib: Hebrew, Arabic and more
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

        families = [*FIRST, *_families("".join(sorted(missing)))]
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


def register() -> None:
    """Make the face known to matplotlib."""
    from matplotlib import font_manager

    if FACE not in {font.name for font in font_manager.fontManager.ttflist}:
        for weight in WEIGHTS:
            font_manager.fontManager.addfont(str(_of_weight(weight)))


def faces(text: str) -> str:
    """Rules of style with the face inside them, as far as a text needs it, and other fonts for the signs that it lacks."""
    used = {ord(sign) for sign in set(text)}
    needed = [
        name for name, ranges in SCRIPTS.items() if any(low <= code <= high for low, high in ranges for code in used)
    ]
    parts = [(FACE, weight, _part(weight, name), _ranges(name)) for name in needed for weight in WEIGHTS]
    if signs := _lacking(text):
        others = _families(signs, packaged=True)[:FURTHER]
        parts += [(f"further {n}", WEIGHTS[0], _signs_of(name, signs), "") for n, name in enumerate(others)]
    return "".join(
        _rule(name, weight, f"data:font/woff2;base64,{b64encode(file.read_bytes()).decode()}", ranges)
        for name, weight, file, ranges in parts
    )


def _lacking(text: str) -> str:
    """The signs of a text that lie in none of the face's scripts."""
    own = [ends for ranges in SCRIPTS.values() for ends in ranges]
    return "".join(
        sorted(s for s in set(text) if s.isprintable() and not any(low <= ord(s) <= high for low, high in own))
    )


def _rule(family: str, weight: int, url: str, ranges: str = "") -> str:
    only = f" unicode-range: {ranges};" if ranges else ""
    return f'@font-face {{ font-family: "{family}"; font-weight: {weight}; src: url({url});{only} }}\n'


def _ranges(script: str) -> str:
    return ", ".join(f"U+{low:X}-{high:X}" for low, high in SCRIPTS[script])


def _of_weight(weight: int) -> Path:
    """The face in one weight, as TrueType file: all its signs, without small capitals and the like: half of the time."""

    def make(file: Path) -> None:
        from fontTools.varLib import instancer

        package = Path(str(importlib.util.find_spec("fontpkg_source_sans_3").origin)).parent  # type: ignore[union-attr]
        source = next(path for path in package.rglob("*.ttf") if "Italic" not in path.name)
        font = _cut(source, None, name_IDs=["*"], name_languages=["*"])
        instancer.instantiateVariableFont(font, {"wght": weight}, inplace=True, updateFontNames=True).save(file)

    return _kept(f"source-sans-3-{weight}.ttf", make)


def _part(weight: int, script: str) -> Path:
    """One script of the face, as a page carries it."""
    wanted = [code for low, high in SCRIPTS[script] for code in range(low, high + 1)]
    return _subset(_of_weight(weight), wanted, f"source-sans-3-{weight}-{script}.woff2")


def _signs_of(family: str, signs: str) -> Path:
    """Some signs of another font, as a page carries them."""
    known = hashlib.sha256(f"{family} {signs}".encode()).hexdigest()[:16]
    return _subset(Path(_fonts()[family]), [ord(sign) for sign in signs], f"further-{known}.woff2")


def _subset(source: Path, wanted: list[int], name: str) -> Path:
    def make(file: Path) -> None:
        font = _cut(source, wanted)
        font.flavor = "woff2"
        font.save(file)

    return _kept(name, make)


def _cut(source: Path, wanted: list[int] | None, **options: list[str]) -> "TTFont":
    """A font with some signs, None for all, and what FEATURES need."""
    from fontTools import subset

    told = subset.Options(layout_features=FEATURES, **options)
    font = subset.load_font(str(source), told)
    cut = subset.Subsetter(told)
    cut.populate(unicodes=font.getBestCmap() if wanted is None else wanted)
    cut.subset(font)
    return font


def _kept(name: str, make: Callable[[Path], None]) -> Path:
    file = cache_folder("fonts") / name
    if not file.is_file():
        with replacing(file) as temporary:
            make(temporary)
    return file


@cache
def _families(signs: str, packaged: bool = False) -> list[str]:
    """Names of fonts that have some of the signs, the fewest that have all that can be had.

    packaged: only those of packages, whose licences let a page carry them.
    """
    wanted, chosen = set(signs), []
    for name, file in _fonts().items():
        if packaged and not any(package in file for package in PACKAGES):
            continue
        if wanted and (has := wanted & _charmap(file)):
            chosen.append(name)
            wanted -= has
    return chosen


@cache
def _fonts() -> dict[str, str]:
    """Families that can be drawn with, and their files: those of the system first, then those of packages."""
    from matplotlib import font_manager

    register()
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
