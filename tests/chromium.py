"""The browser of the tests: the one that the reports are printed with, or Playwright's own. As a command: is there one?"""

import os
import sys
from pathlib import Path

from boatlib.report import pdf


def find() -> str | None:
    """Path of a browser of the Chromium family; None where there is none."""
    if found := pdf.find_browser():
        return found
    if os.environ.get(pdf.BROWSER):  # named, and not there
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        place = playwright.chromium.executable_path
    return place if Path(place).is_file() else None


if __name__ == "__main__":
    sys.exit(find() is None)
