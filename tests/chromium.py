"""The browser of the tests: the one that the reports are printed with, or Playwright's own. As a command: is there one?"""

import os
import sys
from pathlib import Path

import pytest

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


@pytest.fixture(scope="session")
def chromium_path():
    """Path of a real Chromium; without one the test is skipped, in CI it fails. Whatever the tests start prints with it too."""
    found = find()
    if found is None:
        words = f"no browser: install Chromium, or name one in {pdf.BROWSER}"
        pytest.fail(words) if os.environ.get("CI") else pytest.skip(words)
    return found


@pytest.fixture(scope="session")
def browser(chromium_path):
    """It runs."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"])


if __name__ == "__main__":
    sys.exit(find() is None)
