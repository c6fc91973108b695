"""The pages of a report: their names, and where template and style lie."""

from pathlib import Path

TEMPLATE = Path(__file__).parent / "template"
STYLE = TEMPLATE / "page.css"
SCRIPT = TEMPLATE / "page.js"
PDF = "summary.pdf"
SUMMARY = "06_summary"  # the partner's page: it becomes index.html and shows no code


def page_file(step: str) -> str:
    """Name of a step's page in the report folder."""
    return "index.html" if step == SUMMARY else f"{step}.html"


def page_name(step: str) -> str:
    """Name of a step in the navigation."""
    return {SUMMARY: "Summary", "05_tta": "Several looks"}.get(step, step.split("_", 1)[1].capitalize())
