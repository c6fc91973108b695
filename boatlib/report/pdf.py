"""A page as tagged PDF, printed by a real browser: for readers whose mail does not let HTML through."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BROWSER = "BOATLIB_BROWSER"  # path of the browser, where none of the usual names is found
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
TIME_LIMIT = 60  # seconds


def find_browser() -> str | None:
    """A browser of the Chromium family: the one named by BOATLIB_BROWSER, or one at hand; None where there is none."""
    if chosen := os.environ.get(BROWSER):
        return shutil.which(chosen)
    return next((path for path in (*map(shutil.which, NAMES), *map(shutil.which, PLACES)) if path), None)


def print_page(page: Path, pdf: Path) -> str:
    """Print a page into a PDF file, with tags for screen readers; returns why not, or an empty text when it is there."""
    browser = find_browser()
    if browser is None:
        return f"No PDF: Chromium, Chrome or Edge is needed to make it, or its path in {BROWSER}."
    with tempfile.TemporaryDirectory(prefix="boatlib-") as profile:
        made = Path(profile) / "page.pdf"
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
            result = subprocess.run(
                [*command, page.resolve().as_uri()], capture_output=True, text=True, timeout=TIME_LIMIT
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"No PDF: {Path(browser).name} did not make it ({type(error).__name__})."
        if not made.is_file():
            return f"No PDF: {Path(browser).name} ended with code {result.returncode} and made none."
        shutil.copyfile(made, pdf)  # with the umask of the user, not with the browser's
    return ""
