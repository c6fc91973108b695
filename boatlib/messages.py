"""Pages in the reader's language: sentences from gettext catalogues, and numbers, lists and dates as the reader writes them.

A sentence in the code is its English, and what the catalogue `boatlib/languages/<language>.po` is searched by. `use` chooses
the language of this process; until then it is English. A language is added by a file of that folder.
"""

import gettext as library
import io
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babel import Locale

ENGLISH = "en"
FOLDER = Path(__file__).with_name("languages")
_WRITTEN_AS = {ENGLISH: "en_GB"}  # lists without a comma before "and", the day before the month
_chosen = ENGLISH

Value = str | int | float


def languages() -> list[str]:
    """Codes of the languages that pages can be written in, English first."""
    return [ENGLISH, *sorted(file.stem for file in FOLDER.glob("*.po"))]


def use(language: str) -> None:
    """Write in this language from now on. language: one of `languages`."""
    global _chosen  # noqa: PLW0603
    _chosen = language


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """The same for a block only."""
    before = _chosen
    use(language)
    try:
        yield
    finally:
        use(before)


def language() -> str:
    """The language that is written in."""
    return _chosen


def gettext(message: str, **values: Value) -> str:
    """The message in the chosen language, with its {names} filled in."""
    return _filled(_catalogue(_chosen).gettext(message), values)


def ngettext(one: str, many: str, number: int, **values: Value) -> str:
    """The same for a counted message, in the plural form that the language has for `number`, which fills in {number}."""
    return _filled(_catalogue(_chosen).ngettext(one, many, number), values | {"number": number})


def in_digits(value: float, places: int | None = None) -> str:
    """A number as the reader writes it: "1,234.5", "1.234,5". places: behind the point; None: as many as it has, up to three."""
    from babel.numbers import format_decimal

    pattern = None if places is None else "#,##0" + ("." + "0" * places if places else "")
    return format_decimal(value, format=pattern, locale=_locale(_chosen))


def in_percent(digits: str) -> str:
    """A share in per cent as the reader writes it. digits: with a point, as Python does, without a sign: "95.5"."""
    if _chosen == ENGLISH:
        return f"{digits}%"
    symbols = _locale(_chosen).number_symbols["latn"]
    return _locale(_chosen).percent_formats[None].pattern.replace("#,##0", digits.replace(".", symbols["decimal"]))


def in_a_row(names: Sequence[str]) -> str:
    """Names in one phrase: "a, b and c"."""
    from babel.lists import format_list

    return format_list([isolated(name) for name in names], locale=_locale(_chosen))


def on_the_day(day: date) -> str:
    """A date: "28 November 2026"."""
    from babel.dates import format_date

    return format_date(day, "long", locale=_locale(_chosen))


def isolated(name: str) -> str:
    """A name that does not turn the sentence around it when it is written from right to left."""
    if any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in name):
        return f"\u2068{name}\u2069"
    return name


def _filled(message: str, values: dict[str, Value]) -> str:
    return message.format_map({name: _written(value) for name, value in values.items()}) if values else message


def _written(value: Value) -> str:
    return isolated(value) if isinstance(value, str) else in_digits(value)


@cache
def _locale(language: str) -> "Locale":
    from babel import Locale

    return Locale.parse(_WRITTEN_AS.get(language, language))


@cache
def _catalogue(language: str) -> library.NullTranslations:
    if language == ENGLISH:
        return library.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with (FOLDER / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return library.GNUTranslations(compiled)
