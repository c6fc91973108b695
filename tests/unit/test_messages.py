"""Catalogues: whole, with the same names in every sentence; numbers, lists and dates as readers write them."""

import re
import string
import sys
from datetime import date

import pytest
from conftest import ROOT

from boatlib import messages
from boatlib.params import Share
from boatlib.report import pages
from boatlib.shares import percent
from boatlib.show.kit import fonts
from boatlib.show.kit.words import errors, listing, photos_in_words

sys.path.insert(0, str(ROOT / "workflow"))
import languages

OTHERS = [name for name in messages.languages() if name != "en"]


@pytest.fixture(autouse=True)
def english_again():
    yield
    messages.use("en")


def names_in(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_there_are_german_and_chinese():
    assert {"de", "zh"} <= set(OTHERS)
    assert all(name in str(Share.model_fields["language"].description) for name in messages.languages())
    with pytest.raises(ValueError, match="there is no such language; there are: en, de, zh"):
        Share(language="xx")


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_every_sentence_and_no_other(language):
    wanted = {message.id for message in languages.sentences() if message.id}
    catalogue = languages.read(language)
    assert len(wanted) > 250
    assert {message.id for message in catalogue if message.id} == wanted, "run python workflow/languages.py"
    assert languages.missing(catalogue) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_fills_in_what_its_sentence_does(language):
    for message in languages.read(language):
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        texts = languages._texts(message.string)
        assert names_in(texts[-1]) == names_in(ids[-1]), message.id
        for text in texts:
            assert names_in(text) <= names_in(ids[-1]), message.id
            assert text.startswith("#") == ids[0].startswith("#")
            assert (not re.search(r"[a-z]", ids[0].replace("{", " {")) or text != ids[0]) or len(ids[0]) < 12, text


def test_what_is_missing_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    assert len(languages.missing(languages.update("fr"))) > 250
    assert len(list(tmp_path.glob("*.po"))) == 1


def test_numbers_lists_and_dates_are_written_as_readers_write_them():
    told = {}
    for language in ("en", "de", "zh"):
        messages.use(language)
        told[language] = (
            messages.in_digits(1234.5),
            percent(0.9551),
            listing(["a", "b", "c"]),
            messages.on_the_day(date(2026, 11, 28)),
            photos_in_words(1),
            photos_in_words(2000),
            errors(2, 201, 0.035),
        )
    assert told["en"] == (
        "1,234.5",
        "95.5%",
        "a, b and c",
        "28 November 2026",
        "1 photo",
        "2,000 photos",
        "2 of 201 (1.0%, up to 4 in 100)",
    )
    german = (
        "1.234,5",
        "95,5\u00a0%",
        "a, b und c",
        "28. November 2026",
        "1 Foto",
        "2.000 Fotos",
        "2 von 201 (1,0\u00a0%, bis zu 4 von 100)",
    )
    assert told["de"] == german
    assert told["zh"][:4] == ("1,234.5", "95.5%", "a、b和c", "2026年11月28日")
    assert told["zh"][4:] == ("1 张照片", "2,000 张照片", "201 个中 2 个（1.0%，每 100 个最多 4 个）")


def test_names_from_right_to_left_are_set_apart_and_others_are_not():
    assert (
        messages.gettext("{name} is harder than {others}", name="סירה", others="kayak")
        == "\u2068סירה\u2069 is harder than kayak"
    )


def test_braces_in_a_name_are_signs_of_the_name():
    assert messages.gettext("labelled {name}", name="{x}") == "labelled {x}"


def test_a_page_carries_the_signs_that_it_uses():
    latin = fonts.faces("A photo")
    assert latin.count("@font-face") == len(fonts.WEIGHTS)
    assert fonts.faces("A photo Фото").count("@font-face") == 2 * len(fonts.WEIGHTS)
    chinese = fonts.faces("A photo 帆船")
    assert 'font-family: "further 0"' in chinese
    assert len(chinese) < len(latin) + 10_000  # two signs, and not a font of 16 MB


def test_the_signs_of_a_decision_are_in_the_face():
    """On paper there is no other one: a sign that it lacks is a blank."""
    written = " ".join(line for line in pages.style().splitlines() if line.startswith(".decision"))
    signs = {sign for code in re.findall(r"\\([0-9a-f]{4})", written) if not (sign := chr(int(code, 16))).isspace()}
    assert "\u2713" in signs
    assert signs <= fonts._charmap(str(fonts._of_weight(fonts.WEIGHTS[0])))
    assert all(any(low <= ord(sign) <= high for low, high in fonts.SCRIPTS["latin"]) for sign in signs)
