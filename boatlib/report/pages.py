"""The pages of a report: their names, and where template and style lie."""

import json
from pathlib import Path

from boatlib.run import NEW_PHOTOS, project_root
from boatlib.show.kit.html import PIECES

TEMPLATE = Path(__file__).parent / "template"
SCRIPT = TEMPLATE / "page.js"
BRIEF, APPENDIX = "brief.pdf", "appendix.pdf"
SUMMARY = "06_summary"
PARTNER = (SUMMARY, NEW_PHOTOS)  # pages of partners: each becomes the index.html of its run, and shows no code


def style() -> str:
    """The style of a page and of what its cells show."""
    return (TEMPLATE / "page.css").read_text(encoding="utf-8") + PIECES.read_text(encoding="utf-8")


def style_of(pdf: str) -> str:
    """What a PDF file has of the page, and how it is set."""
    return (TEMPLATE / pdf).with_suffix(".css").read_text(encoding="utf-8")


def page_file(step: str) -> str:
    """Name of a step's page in the report folder."""
    return "index.html" if step in PARTNER else f"{step}.html"


def page_name(step: str) -> str:
    """Name of a step in the navigation: the heading of its notebook."""
    cells = json.loads((project_root() / "notebooks" / f"{step}.ipynb").read_text(encoding="utf-8"))["cells"]
    return next(line.removeprefix("# ").strip() for cell in cells for line in cell["source"] if line.startswith("# "))
