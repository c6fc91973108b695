"""The two PDF files of a report: by WeasyPrint, or by a browser; the brief is one page, whatever is in it."""

import shutil
import tempfile

import pypdf
import pytest
from test_brief import BOATS, LONG, many, recorded

from boatlib.params import Share
from boatlib.report import pages, pdf
from boatlib.show import brief
from boatlib.show.kit import fonts
from boatlib.show.kit.html import Html

PHOTO = '<figure class="card"><div class="unreadable">a photo</div><figcaption>shows → says</figcaption></figure>'
THREE = f'<div><h2>Right</h2><div class="gallery three">{3 * PHOTO}</div></div>'
EXAMPLES = f'<div class="examples">{2 * THREE}</div>'


def page_of(folder, counts, share, text="x"):
    shown = brief.page(recorded(counts, suspects=12), ["A warning of some length. " * 4], share, 0.9, Html(EXAMPLES))
    file = folder / "page.html"
    file.write_text(
        f'<!DOCTYPE html><html lang="en"><head><title>Boats</title><style>{fonts.faces(text)}{pages.style()}</style></head>'
        '<body class="partner"><main><h1>Boats</h1><p class="imprint"><span class="of-brief">Decision brief</span></p>'
        f'<div class="output on-one-page">{shown.markup}</div><h2>A. Classes</h2><p>{text}</p></main></body></html>',
        encoding="utf-8",
    )
    return file


FULL = Share(
    subject="boat",
    owner="Ann Example, Port of Somewhere, Department of Boats and Waters",
    contact="ann@example.org",
    intended_use="Sorting the photos of the webcams of the port by what they show. " * 3,
    not_for="Rescue at sea. " * 8,
)


@pytest.mark.parametrize(
    ("counts", "share"),
    [(BOATS, Share()), (BOATS, FULL), (many(2), Share()), (many(43), FULL), (many(200), FULL), (many(43, LONG), FULL)],
    ids=["boats", "full", "2", "43", "200", "long"],
)
def test_the_brief_is_one_page_and_tagged(tmp_path, counts, share):
    assert pdf.print_pages(page_of(tmp_path, counts, share), tmp_path) == ""
    one = pypdf.PdfReader(tmp_path / pages.BRIEF)
    assert len(one.pages) == 1
    assert one.trailer["/Root"]["/MarkInfo"]["/Marked"]
    text = one.pages[0].extract_text()
    assert "Decision brief" in text
    assert "A. Classes" not in text
    rest = pypdf.PdfReader(tmp_path / pages.APPENDIX)
    assert "A. Classes" in rest.pages[0].extract_text()
    assert "Next" not in rest.pages[0].extract_text()


def test_no_temporary_file_is_left(tmp_path, monkeypatch):
    page, place = page_of(tmp_path, BOATS, Share()), tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    assert pdf.print_pages(page, tmp_path) == ""
    assert list(place.iterdir()) == []


def test_signs_of_other_scripts_are_in_the_file(tmp_path):
    assert pdf.print_pages(page_of(tmp_path, BOATS, Share(), "帆船 नाव قارب"), tmp_path) == ""
    text = pypdf.PdfReader(tmp_path / pages.APPENDIX).pages[0].extract_text()
    assert "帆船" in text.replace(
        "\x00", ""
    )  # pypdf puts a NUL between signs of two bytes; PDFium reads them as they are


def test_where_pango_is_missing_a_browser_prints(tmp_path, monkeypatch):
    if pdf.find_browser() is None:
        pytest.skip("no browser here")
    monkeypatch.setattr(pdf, "weasyprinter", lambda: None)
    assert pdf.print_pages(page_of(tmp_path, BOATS, Share()), tmp_path) == ""
    one = pypdf.PdfReader(tmp_path / pages.BRIEF)
    assert len(one.pages) == 1
    assert one.trailer["/Root"]["/MarkInfo"]["/Marked"]


def test_without_pango_and_browser_there_is_a_sentence_and_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "weasyprinter", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pdf, "PLACES", ())
    monkeypatch.delenv(pdf.BROWSER, raising=False)
    assert "Pango is needed to make it, or Chromium, Chrome or Edge" in pdf.print_pages(
        page_of(tmp_path, BOATS, Share()), tmp_path
    )
    assert not list(tmp_path.glob("*.pdf"))


def test_a_browser_that_fails_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "weasyprinter", lambda: None)
    monkeypatch.setenv(pdf.BROWSER, shutil.which("false"))
    words = pdf.print_pages(page_of(tmp_path, BOATS, Share()), tmp_path)
    assert words == "No PDF: false ended with code 1 and made none."
