"""The brief and its appendix as tagged PDF files (PDF/UA-1), for readers whose mail does not let HTML through.

WeasyPrint makes them. It needs the system's Pango, which most desktops have; where it is missing, a browser of the Chromium
family prints instead.
"""

import gc
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from boatlib.files import replacing
from boatlib.photos.images import as_jpeg
from boatlib.report.pages import APPENDIX, BRIEF, style_of
from boatlib.show.kit import charts

BROWSER = "BOATLIB_BROWSER"  # path of the browser, where none of the usual names is found
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
TIME_LIMIT = 60  # seconds
START = '<section class="brief">'
SIZES = (10.5, 9.75, 9, 8.25, 7.5, 6.75)  # points of the brief's type, the largest with which it is one page
Printer = Callable[[str], tuple[bytes, int]]  # a page as HTML to a PDF and its number of pages


def print_pages(page: Path, folder: Path) -> str:
    """Make BRIEF, always one page, and APPENDIX of a page in a folder, side by side; returns why not, or an empty text."""
    markup = page.read_text(encoding="utf-8")
    if (printer := find_printer()) is None:
        return f"No PDF: the system's Pango is needed to make it, or Chromium, Chrome or Edge (its path in {BROWSER})."
    try:
        with _beside() as other:
            brief = other.submit(_print_brief, markup)
            _write(folder / APPENDIX, printer(_with(markup, style_of(APPENDIX)))[0])
            _write(folder / BRIEF, brief.result())
    except PrintError as error:
        return f"No PDF: {error}."
    return ""


def _beside() -> Executor:
    """A second process, where it costs nothing to begin one."""
    if sys.platform == "linux":
        return ProcessPoolExecutor(1, mp_context=get_context("fork"))
    return ThreadPoolExecutor(1)


def _print_brief(markup: str) -> bytes:
    pdf, pages, top, printer = b"", 2, _without_appendix(markup), find_printer()
    for size in SIZES:
        if printer and pages > 1:
            pdf, pages = printer(_with(top, f"{style_of(BRIEF)} html {{ font-size: {size}pt !important; }}"))
    return pdf


class PrintError(Exception):
    """Nothing was printed, and why."""


def _without_appendix(markup: str) -> str:
    """A page up to the end of its brief: what is hidden need not be set."""
    start, end = markup.find(START), markup.find("</main>")
    close = markup.find("</section>", start)
    return markup if min(start, close, end) < 0 else f"{markup[:close]}</section></div>{markup[end:]}"


def _with(markup: str, style: str) -> str:
    return markup.replace("</head>", f"<style>{style}</style></head>", 1)


def _write(file: Path, pdf: bytes) -> None:
    with replacing(file) as temporary:
        temporary.write_bytes(pdf)


def find_printer() -> Printer | None:
    """What prints here; None where nothing does."""
    return weasyprinter() or browser_printer()


def weasyprinter() -> Printer | None:
    """What prints by WeasyPrint; None where the system has no Pango."""
    try:
        import weasyprint
        from weasyprint.urls import URLFetcher, URLFetcherResponse
    except OSError:
        return None

    class Pictures(URLFetcher):  # type: ignore[misc]
        """Pictures as PDF has them: JPEG for WebP, plain colours for those of a theme. Nothing from outside the page."""

        def fetch(self, url: str, headers: Any = None) -> Any:  # noqa: ANN401
            kind, _, data = url.removeprefix("data:").partition(";base64,")
            if kind == "image/webp":
                return URLFetcherResponse(url, as_jpeg(b64decode(data)), {"Content-Type": "image/jpeg"})
            if kind == "image/svg+xml":
                return URLFetcherResponse(url, charts.on_paper(b64decode(data)), {"Content-Type": kind})
            return super().fetch(url, headers)

    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)  # it names every rule for screens that it does not know
    fetcher = Pictures(allowed_protocols=("data",))

    def printed(markup: str) -> tuple[bytes, int]:
        document = weasyprint.HTML(string=markup, url_fetcher=fetcher).render()
        made = document.write_pdf(pdf_variant="pdf/ua-1") or b"", len(document.pages)
        del document
        gc.collect()  # with its folder of fonts, which a cycle would keep beyond the end of the process
        return made

    return printed


def find_browser() -> str | None:
    """A browser of the Chromium family: the one named by BOATLIB_BROWSER, or one at hand; None where there is none."""
    if chosen := os.environ.get(BROWSER):
        return shutil.which(chosen)
    return next((path for path in (*map(shutil.which, NAMES), *map(shutil.which, PLACES)) if path), None)


def browser_printer() -> Printer | None:
    """What prints by a browser; None where there is none."""
    browser = find_browser()
    return None if browser is None else lambda markup: _printed_by(browser, markup)


def _printed_by(browser: str, markup: str) -> tuple[bytes, int]:
    with tempfile.TemporaryDirectory(prefix="boatlib-") as profile:
        page, made = Path(profile) / "page.html", Path(profile) / "page.pdf"
        page.write_text(markup, encoding="utf-8")
        command = [browser, "--headless", f"--user-data-dir={profile}", "--disable-gpu", "--disable-extensions"]
        command += [
            "--no-first-run",
            "--disable-background-networking",
            "--no-pdf-header-footer",
            "--export-tagged-pdf",
        ]
        command += ["--generate-pdf-document-outline", f"--print-to-pdf={made}"]
        if sys.platform.startswith("linux") and os.geteuid() == 0:
            command += ["--no-sandbox"]  # Chromium refuses to start its sandbox as root
        try:
            result = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=TIME_LIMIT)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PrintError(f"{Path(browser).name} did not make it ({type(error).__name__})") from None
        if not made.is_file():
            raise PrintError(f"{Path(browser).name} ended with code {result.returncode} and made none")
        pdf = made.read_bytes()
    return pdf, len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))
