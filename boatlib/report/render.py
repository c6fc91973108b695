"""From executed notebooks to pages: self-contained HTML by nbconvert with our own template."""

import base64
import hashlib
import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from nbconvert import HTMLExporter

from boatlib import failures, messages
from boatlib.errors import BoatlibError
from boatlib.files import write_text
from boatlib.messages import gettext as _
from boatlib.messages import on_the_day
from boatlib.params import Params, Share, inspected, shareable
from boatlib.photos import thumbnails
from boatlib.report.pages import PARTNER, SCRIPT, TEMPLATE, page_file, page_name, style
from boatlib.run import NEW_PHOTOS, Run, all_steps, in_words, project_root
from boatlib.show import brief
from boatlib.show.kit import fonts
from boatlib.show.kit.tables import table

HARD_LIMIT = 7_000_000  # bytes of a page
LOGO = 320  # pixels
NOT_FOR_PARTNERS = {"how", "notebook-only"}  # tags of cells: how it is done, and prose for whoever reads the notebook
LIMIT = 3_000_000  # from here on a line says that mail may not let it through


@cache
def get_ready() -> None:
    """Let nbconvert import what it imports only when a page is made, so that copies of this process need not."""
    cells = [nbformat.v4.new_markdown_cell("`a`"), nbformat.v4.new_code_cell("a = 1")]
    HTMLExporter(template_name="basic").from_notebook_node(nbformat.v4.new_notebook(cells=cells))


def render(run: Run, step: str, steps: list[str]) -> Path:
    """Make `runs/<run>/pages/<step>.html` from the executed notebook; that of a partner in the language that was chosen.

    steps: all steps that get a page, for the links.
    """
    share = Params.of_run(run.name).share
    with messages.speaking(share.language if step in PARTNER else messages.ENGLISH):
        return _render(run, step, steps, share)


def _render(run: Run, step: str, steps: list[str], share: Share) -> Path:
    file = run.folder / "notebooks" / f"{step}.ipynb"
    notebook = nbformat.read(file, as_version=4)
    partner = step in PARTNER
    _keep_what_readers_need(notebook, inspected(file), partner)
    made = date.fromtimestamp(file.stat().st_mtime)
    if partner:
        made = date.fromisoformat(run.record("run_record")["made"])
        _translate(notebook)
    report, heading = brief.title(share, run.name), "" if partner else _first_heading(notebook)
    kind, appendix = _parts(step)
    script = SCRIPT.read_text(encoding="utf-8")
    page = {
        "language": messages.language(),
        "title": report if partner else f"{heading} · {run.name}",
        "report": report,
        "imprint": " · ".join(brief.imprint(share, made)),
        "logo": _logo(share.logo),
        "description": in_words(run.record("summary")) if partner else heading,
        "style": style() + _code_style(),
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "partner": partner,  # sees neither code nor parameters; the settings are in run.json
        "words": {
            "kind": kind,
            "appendix": appendix,
            "skip": _("Skip to the content"),
            "pages": _("Pages of this report"),
        },
        "pages": [
            {"file": page_file(name), "name": _(page_name(name)), "current": name == step}
            for name in sorted(steps, key=lambda name: (name not in PARTNER, name))
        ],
        "foot": _("Made on {day} from the run “{run}”.", day=on_the_day(made), run=run.name),
    }
    exporter = HTMLExporter(template_name="page", extra_template_basedirs=[str(TEMPLATE)], exclude_anchor_links=True)
    body, _resources = exporter.from_notebook_node(notebook, resources={"page": page})
    body = body.replace("<style>", f"<style>{fonts.faces(body)}", 1)
    size = len(body.encode())
    if size > HARD_LIMIT:
        raise BoatlibError(
            f"The page of {step} has {size / 1e6:.1f} MB, more than the limit of {HARD_LIMIT / 1e6:.0f} MB. "
            "Lower evaluation.mistakes, or raise exploration.min_photos_per_class."
        )
    if size > LIMIT:
        print(f"      the page of {step} has {size / 1e6:.1f} MB: large for a mail", flush=True)
    return write_text(run.folder / "pages" / f"{step}.html", body)


def _keep_what_readers_need(
    notebook: nbformat.NotebookNode, declared: dict[str, dict[str, str]], partner: bool
) -> None:
    """Take out progress lines, warnings, errors and empty cells; show the parameters with the values that were used; a
    partner sees no code, not even folded up."""
    injected = [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.output_type in ("execute_result", "display_data")]
        if "parameters" in cell.metadata.get("tags", []):
            values = shareable(notebook.metadata.papermill.parameters)
            markup = _parameters(declared, values)
            cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": markup})]
            cell.source = _with_values(declared, values)
    notebook.cells = [c for c in notebook.cells if c.source.strip() and c not in injected]
    _result_first(notebook)
    if partner:
        notebook.cells = [c for c in notebook.cells if not NOT_FOR_PARTNERS & set(c.metadata.get("tags", []))]


def _parts(step: str) -> tuple[str, str]:
    """What the two parts of a partner's page are called."""
    if step == NEW_PHOTOS:
        return _("New photos"), _("New photos: all of it")
    return _("Decision brief"), _("Appendix: the evidence")


def _result_first(notebook: nbformat.NotebookNode) -> None:
    """What a notebook found stands below its heading; nothing moves where no cell is tagged `result`."""
    for cell in notebook.cells:
        if "result" in cell.metadata.get("tags", []) and cell.outputs:
            notebook.cells.insert(1, nbformat.v4.new_code_cell(outputs=cell.outputs, metadata={"tags": ["result"]}))
            cell.outputs = []
            return


def _translate(notebook: nbformat.NotebookNode) -> None:
    """The prose of a notebook in the chosen language; its heading goes, since the page has the report's name there."""
    notebook.cells = [c for c in notebook.cells if c.cell_type != "markdown" or not c.source.startswith("# ")]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _(cell.source)


def _logo(name: str) -> str:
    """A picture of the user's as a page has it, from fresh pixels; "" without one. Raises UnreadablePhotoError."""
    if not name:
        return ""
    small = thumbnails.cached(project_root() / name, LOGO)
    return f"data:image/webp;base64,{base64.b64encode(small).decode()}"


def _with_values(declared: dict[str, dict[str, str]], values: dict[str, Any]) -> str:
    """The cell of the parameters with the values of this run in place of the defaults."""
    lines = []
    for name, found in declared.items():
        comment = f"  # {found['help']}" if found["help"] else ""
        lines.append(f"{name}: {found['inferred_type_name']} = {values[name]!r}{comment}")
    return "\n".join(lines)


def _parameters(declared: dict[str, dict[str, str]], values: dict[str, Any]) -> str:
    """A table of the declared parameters: name, value in this run, and what the comment behind it says."""
    rows = [(name, str(values[name]) or "(empty)", found["help"]) for name, found in declared.items()]
    shown = pd.DataFrame(rows, columns=["parameter", "value", "meaning"])
    markup = table(shown, "Parameters of this notebook", css="compact").markup
    return f'<details class="how"><summary>Parameters</summary>{markup}</details>'


def _first_heading(notebook: nbformat.NotebookNode) -> str:
    for cell in notebook.cells:
        match = re.search(r"^# (.+)$", cell.source, re.M) if cell.cell_type == "markdown" else None
        if match:
            return match[1].strip()
    raise ValueError("the notebook has no H1 heading")


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


def main(name: str, step: str) -> int:
    """Make the page of a step; returns the exit code. What went wrong is printed in a sentence."""
    run = Run(name)
    return failures.exit_code_of(run, f"the page of {step}", lambda: render(run, step, all_steps(project_root())))
