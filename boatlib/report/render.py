"""From executed notebooks to pages: self-contained HTML by nbconvert with our own template."""

import ast
import base64
import hashlib
import html
import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from nbconvert import HTMLExporter

from boatlib.errors import BoatlibError
from boatlib.failures import exit_with_words
from boatlib.files import write_text
from boatlib.params import shareable
from boatlib.report.pages import SCRIPT, SUMMARY, TEMPLATE, page_file, page_name, style
from boatlib.run import Run
from boatlib.show.kit import tables

HARD_LIMIT = 7_000_000  # bytes of a page
LIMIT = 3_000_000  # from here on a line says that mail may not let it through


def render(run: Run, step: str, steps: list[str]) -> Path:
    """Make `runs/<run>/pages/<step>.html` from the executed notebook. steps: all steps that get a page, for the links."""
    notebook = nbformat.read(run.folder / "notebooks" / f"{step}.ipynb", as_version=4)
    _keep_what_readers_need(notebook)
    title = _first_heading(notebook)
    script = SCRIPT.read_text(encoding="utf-8")
    page = {
        "title": f"{title} · {run.name}",
        "run": run.name,
        "description": _first_verdict(notebook) or title,
        "style": style() + _code_style(),
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "partner": step == SUMMARY,  # sees neither code nor parameters; the settings are in a table of its own
        "pages": [
            {"file": page_file(name), "name": page_name(name), "current": name == step}
            for name in sorted(steps, key=lambda name: (name != SUMMARY, name))
        ],
        "foot": f"Made on {date.today():%d %B %Y} from the run “{run.name}”.",
    }
    exporter = HTMLExporter(template_name="page", extra_template_basedirs=[str(TEMPLATE)], exclude_anchor_links=True)
    body, _ = exporter.from_notebook_node(notebook, resources={"page": page})
    size = len(body.encode())
    if size > HARD_LIMIT:
        raise BoatlibError(
            f"The page of {step} has {size / 1e6:.1f} MB, more than the limit of {HARD_LIMIT / 1e6:.0f} MB. "
            "Lower evaluation.mistakes, or raise exploration.min_photos_per_class."
        )
    if size > LIMIT:
        print(f"      the page of {step} has {size / 1e6:.1f} MB: large for a mail", flush=True)
    return write_text(run.folder / "pages" / f"{step}.html", body)


def _keep_what_readers_need(notebook: nbformat.NotebookNode) -> None:
    """Take out progress lines, warnings, errors and empty cells; show the parameters with the values that were used."""
    injected = [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.output_type in ("execute_result", "display_data")]
        if "parameters" in cell.metadata.get("tags", []):
            values = shareable(notebook.metadata.papermill.parameters)
            markup = _parameters(cell.source, values)
            cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": markup})]
            cell.source = _with_values(cell.source, values)
    notebook.cells = [c for c in notebook.cells if c.source.strip() and c not in injected]


def _declared(source: str) -> list[tuple[ast.AnnAssign, str]]:
    """The declarations in the cell of the parameters, each with the comment behind it, "" where there is none."""
    lines = source.encode().splitlines()
    found = [node for node in ast.parse(source).body if isinstance(node, ast.AnnAssign) and node.value]
    comments = [lines[(node.end_lineno or 1) - 1][node.end_col_offset :].decode().strip() for node in found]
    return [(node, comment.lstrip("# ")) for node, comment in zip(found, comments, strict=True)]


def _with_values(source: str, values: dict[str, Any]) -> str:
    """The cell of the parameters with the values of this run in place of the defaults."""
    lines = source.splitlines()
    for node, comment in reversed(_declared(source)):
        name = ast.unparse(node.target)
        words = f"{name}: {ast.unparse(node.annotation)} = {values[name]!r}{f'  # {comment}' if comment else ''}"
        lines[node.lineno - 1 : node.end_lineno] = [words]
    return "\n".join(lines)


def _parameters(source: str, values: dict[str, Any]) -> str:
    """A table of the declared parameters: name, value in this run, and what the comment behind it says."""
    named = [(ast.unparse(node.target), comment) for node, comment in _declared(source)]
    rows = [(name, str(values[name]) or "(empty)", meaning) for name, meaning in named]
    return tables.table(
        pd.DataFrame(rows, columns=["parameter", "value", "meaning"]), "Parameters of this notebook", css="compact"
    ).markup


def _first_heading(notebook: nbformat.NotebookNode) -> str:
    for cell in notebook.cells:
        match = re.search(r"^# (.+)$", cell.source, re.M) if cell.cell_type == "markdown" else None
        if match:
            return match[1].strip()
    raise ValueError("the notebook has no H1 heading")


def _first_verdict(notebook: nbformat.NotebookNode) -> str:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            match = re.search(r'<p class="verdict">(.*?)</p>', _markup(output), re.S)
            if match:
                return html.unescape(match[1])
    return ""


def _markup(output: Any) -> str:  # noqa: ANN401
    return "".join(output.get("data", {}).get("text/html", ""))


def _code_style() -> str:
    """Colours of the code that keep a contrast of 4.5 on light and on dark paper."""
    return """
.highlight .k, .highlight .kn, .highlight .kc, .highlight .ow { color: #8250df; }
.highlight .s, .highlight .s1, .highlight .s2, .highlight .sa { color: #0a5a2e; }
.highlight .c1, .highlight .c { color: #57606a; } .highlight .mi, .highlight .mf { color: #0550ae; }
@media (prefers-color-scheme: dark) {
.highlight .k, .highlight .kn, .highlight .kc, .highlight .ow { color: #d2a8ff; }
.highlight .s, .highlight .s1, .highlight .s2, .highlight .sa { color: #7ee2a8; }
.highlight .c1, .highlight .c { color: #a9b4c0; } .highlight .mi, .highlight .mf { color: #79c0ff; } }
"""


if __name__ == "__main__":
    page_of, steps_of_chain = sys.argv[2], sys.argv[3].split(",")
    exit_with_words(
        Run(sys.argv[1]), f"the page of {page_of}", lambda: render(Run(sys.argv[1]), page_of, steps_of_chain)
    )
