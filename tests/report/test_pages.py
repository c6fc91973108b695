"""Pages of a tiny run in a real Chromium, from file://, with the network cut."""

import shutil

import pytest
from conftest import ROOT, TINY
from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.report


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "a Chromium is needed: apt-get install chromium"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_open_offline_without_errors_and_fit(tiny_run, browser, width):
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    page = context.new_page()
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    page.on("console", lambda message: seen.append(message.text))
    page.on("pageerror", lambda error: seen.append(str(error)))
    files = sorted((ROOT / "reports" / TINY).glob("*.html"))
    for file in files:
        seen.clear()
        page.goto(f"file://{file}")
        assert [url for url in seen if not url.startswith(("file://", "data:"))] == []
        assert sum(url.startswith("file://") for url in seen) == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width, file.name
        assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)"), file.name
    context.close()


def test_the_switch_shows_the_code_without_script(tiny_run, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"file://{ROOT / 'reports' / TINY / '04_evaluation.html'}")
    code = page.locator(".code").first
    assert not code.is_visible()
    page.locator("#show-code").press("Space")
    assert code.is_visible()
    context.close()
