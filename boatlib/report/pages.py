"""The pages of a report: their names, and where template and style lie."""

from pathlib import Path

from boatlib.show.html import PIECES

TEMPLATE = Path(__file__).parent / "template"
SCRIPT = TEMPLATE / "page.js"
PDF = "summary.pdf"
SUMMARY = "06_summary"  # the partner's page: it becomes index.html and shows no code


def style() -> str:
    """The style of a page and of what its cells show."""
    return (TEMPLATE / "page.css").read_text(encoding="utf-8") + PIECES.read_text(encoding="utf-8")


def page_file(step: str) -> str:
    """Name of a step's page in the report folder."""
    return "index.html" if step == SUMMARY else f"{step}.html"


def page_name(step: str) -> str:
    """Name of a step in the navigation."""
    return {SUMMARY: "Summary", "05_tta": "Several looks"}.get(step, step.split("_", 1)[1].capitalize())
