import shutil

from boatlib.report import pdf


def test_without_a_browser_there_is_a_sentence_and_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pdf, "PLACES", ())
    monkeypatch.delenv(pdf.BROWSER, raising=False)
    assert "Chromium, Chrome or Edge is needed" in pdf.print_page(tmp_path / "page.html", tmp_path / "page.pdf")
    assert not (tmp_path / "page.pdf").exists()


def test_a_browser_that_fails_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv(pdf.BROWSER, shutil.which("false"))
    page = tmp_path / "page.html"
    page.write_text("<p>x")
    assert pdf.print_page(page, tmp_path / "page.pdf") == "No PDF: false ended with code 1 and made none."
