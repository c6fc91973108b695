"""Keep the catalogues of `boatlib/languages/` beside the sentences of the program.

    python workflow/languages.py          adds what is new, takes out what is gone, and says what is not translated yet
    python workflow/languages.py fr       begins a new one

Then translate what is empty in the file, with any editor for .po files.
"""

import ast
import io
import json
import sys
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from boatlib.report.pages import PARTNER

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "boatlib" / "languages"
ASKS = {"_": 1, "gettext": 1, "ngettext": 2}  # functions, and how many sentences each gets

# of the head of a catalogue: dates would differ each time, and the others are for work that is not done here
NOT_KEPT = tuple(f'"{name}' for name in ("POT-", "PO-", "Project-", "Report-", "Last-", "Language-Team", "Generated-"))


def sentences() -> Catalog:
    """Every sentence that can be translated: of the program, of the notebooks that partners read, and all notebooks' headings."""
    found = Catalog(project="boatlib", charset="utf-8")
    for file in sorted((ROOT / "boatlib").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ASKS:
                texts = tuple(
                    ast.literal_eval(part) for part in node.args[: ASKS[node.func.id]] if isinstance(part, ast.Constant)
                )
                if texts:
                    place = [(file.relative_to(ROOT).as_posix(), node.lineno)]
                    found.add(texts if len(texts) > 1 else texts[0], locations=place)
    for notebook in sorted((ROOT / "notebooks").glob("0[1-7]_*.ipynb")):
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            text = "".join(cell["source"])
            tags = cell["metadata"].get("tags", [])
            if cell["cell_type"] != "markdown" or "notebook-only" in tags:  # the latter is not on the partner's page
                continue
            if text.startswith("# "):
                found.add(
                    text.splitlines()[0].removeprefix("# ").strip(), locations=[(f"notebooks/{notebook.name}", 1)]
                )
            elif notebook.stem in PARTNER:
                found.add(text, locations=[(f"notebooks/{notebook.name}", 1)])
    return found


def read(language: str) -> Catalog:
    """The catalogue of a language; an empty one where there is none yet."""
    file = FOLDER / f"{language}.po"
    if not file.is_file():
        return Catalog(locale=language, project="boatlib", charset="utf-8")
    with file.open("rb") as opened:
        return read_po(opened, locale=language)


def missing(catalogue: Catalog) -> list[str]:
    """Sentences without a translation, or with one that is only guessed."""
    return [
        str(message.id) for message in catalogue if message.id and (message.fuzzy or not all(_texts(message.string)))
    ]


def _texts(string: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (string or "",) if not isinstance(string, tuple) else string


def update(language: str) -> Catalog:
    """Write a language's catalogue anew, with all sentences of now."""
    old, new = read(language), Catalog(locale=language, project="boatlib", charset="utf-8", fuzzy=False)
    new.header_comment = f"# {Locale.parse(language).english_name}: the brief and its appendix"
    for message in sentences():
        if message.id:
            known = old.get(message.id[0] if isinstance(message.id, tuple) else message.id)
            new.add(message.id, known.string if known and known.id == message.id else None, locations=message.locations)
    text = io.BytesIO()
    write_po(text, new, sort_by_file=True, omit_header=False, include_lineno=False, width=120)
    lines = [line for line in text.getvalue().decode().splitlines() if not line.startswith(NOT_KEPT)]
    (FOLDER / f"{language}.po").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return new


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(file.stem for file in FOLDER.glob("*.po")):
        without = missing(update(name))
        print(f"{name}: {len(without)} sentences are not translated")
