"""On which code a step depends: every definition that its notebook reaches, in whatever room it stands, and no other.

A notebook names functions; these name others. What is reached is known by its source, so a reworded caption runs again where
it is shown, and nowhere else. Code that makes data is not followed: what it makes is known by its content (DATA).
"""

import ast
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from boatlib.kept import kept
from boatlib.params import inspected
from boatlib.run import NEW_PHOTOS, all_steps

DATA = ("boatlib.photos.sample",)  # draws photos, and these are known by their fingerprint
SCRIPTS = (
    "boatlib/pipeline/shards.py",
    "boatlib/report/render.py",
    "boatlib/report/publish.py",
)  # of steps without a notebook
TRIAL = "try-it"  # tag of a cell that is there to be changed in JupyterLab: the chain leaves it out
Place = tuple[str, str]  # of a definition: its module and its name; "": what runs when the module is imported


def fingerprint(file: Path, root: Path) -> list[str]:
    """The code that a notebook or script runs: a line for each module of which it reaches anything, with a digest of that.

    file, root: absolute. It changes with a definition that is reached, and with nothing else.
    """
    start = _read_text(_code(file), "", root)
    reached = {place for statement in start.statements for place in statement.places}
    waiting = list(reached)
    while waiting:
        new = _places_of(waiting.pop(), root) - reached
        reached |= new
        waiting += new
    digests: dict[str, list[str]] = {file.relative_to(root).as_posix(): [_shown(file)]}
    for module, name in sorted(reached):
        for statement in _read(module, root).named(name) if module else []:
            digests.setdefault(module, []).append(statement.source)
    return [
        f"{place} {hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:8]}" for place, parts in digests.items()
    ]


def kept_fingerprint(file: Path, root: Path) -> list[str]:
    """The same, found out once for each state of the program's files."""
    return kept(
        file.stem, "\n".join([file.read_text(encoding="utf-8"), *_program(root)]), lambda: fingerprint(file, root)
    )


def find_out(root: Path) -> None:
    """What Snakemake will ask about steps, before somebody waits for it: their code, and the parameters of notebooks."""
    for step in [*all_steps(root), NEW_PHOTOS]:
        notebook = root / "notebooks" / f"{step}.ipynb"
        kept_fingerprint(notebook, root)
        inspected(notebook)
    for script in SCRIPTS:
        kept_fingerprint(root / script, root)


@cache
def _program(root: Path) -> list[str]:
    """All modules, each with its place."""
    files = sorted((root / "boatlib").rglob("*.py"))
    return [part for file in files for part in (file.relative_to(root).as_posix(), file.read_text(encoding="utf-8"))]


@cache
def imports_of(module: str, root: Path) -> frozenset[str]:
    """The modules of boatlib that a module imports anywhere, also for type checkers only."""
    return frozenset(_read(module, root).imported)


@dataclass
class Statement:
    """A statement of a module: the names that it defines (none: it runs at import), its source, and what it names itself."""

    names: tuple[str, ...]
    source: str
    places: frozenset[Place]


@dataclass
class Module:
    """What stands in a module, and where its imported names lead to: a module and a name in it, or a module and ""."""

    name: str
    statements: list[Statement] = field(default_factory=list)
    aliases: dict[str, Place] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)  # modules, also those for type checkers only
    at_import: set[str] = field(default_factory=set)  # modules that run when this one is imported

    def named(self, name: str) -> list[Statement]:
        """The statements that define a name; "": those that define none; "*": all."""
        return [s for s in self.statements if name == "*" or (name in s.names if name else not s.names)]


def _places_of(place: Place, root: Path) -> set[Place]:
    """What a definition names, and what runs when its module is imported."""
    module, name = _read(place[0], root), place[1]
    found = {place for statement in module.named(name) for place in statement.places}
    if name and name != "*" and not module.named(name) and name in module.aliases:
        found.add(module.aliases[name])  # it stands elsewhere, and is passed on
    return found | {(module.name, "")} | {(other, "") for other in module.at_import}


@cache
def _read(module: str, root: Path) -> Module:
    path = _file(module, root)
    return _read_text(path.read_text(encoding="utf-8") if path else "", module, root)


@cache
def _file(module: str, root: Path) -> Path | None:
    """The file of a module of boatlib; None where it is none, or one that makes data."""
    if not module.startswith("boatlib.") or any(module == name or module.startswith(f"{name}.") for name in DATA):
        return None
    place = root.joinpath(*module.split("."))
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


def _read_text(text: str, name: str, root: Path) -> Module:
    tree, lines = ast.parse(text), text.splitlines()
    module = Module(name)
    parts = [(node, list(_walk(node))) for node in tree.body]
    for inner, typing in chain.from_iterable(inside for _, inside in parts):
        if isinstance(inner, ast.Import | ast.ImportFrom):
            _note_import(module, inner, typing, root)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            module.at_import |= {place[0] for place in _imported(node, root).values()}
    defined = {own for node in tree.body for own in _names(node)}
    for node, inside in parts:
        if not isinstance(node, ast.Import | ast.ImportFrom) and not _is_for_types(node) and not _is_text(node):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            source = "\n".join(lines[first - 1 : node.end_lineno])
            module.statements.append(Statement(_names(node), source, _named_places(inside, module, defined, root)))
    return module


def _note_import(module: Module, node: ast.Import | ast.ImportFrom, typing: bool, root: Path) -> None:
    found = _imported(node, root) if isinstance(node, ast.ImportFrom) else {}
    module.imported |= {place[0] for place in found.values()}
    if not typing:
        module.aliases |= found


def _imported(node: ast.ImportFrom, root: Path) -> dict[str, Place]:
    """Where the names lead to that an import brings in."""
    found = {}
    for alias in node.names:
        inner = f"{node.module}.{alias.name}"
        if _file(inner, root):
            found[alias.asname or alias.name] = (inner, "")
        elif _file(str(node.module), root):
            found[alias.asname or alias.name] = (str(node.module), alias.name)
    return found


def _named_places(
    inside: list[tuple[ast.AST, bool]], module: Module, defined: set[str], root: Path
) -> frozenset[Place]:
    """Definitions that a statement, of which all parts are given, names: its own module's, imported ones, and modules whose name
    is a text (`python -m`)."""
    places: set[Place] = set()
    for inner, typing in inside:
        if typing:
            continue
        if isinstance(inner, ast.Attribute):
            if place := _chain(inner, module, root):
                places.add(place)
        elif isinstance(inner, ast.Name):
            if inner.id in defined:
                places.add((module.name, inner.id))
            elif inner.id in module.aliases and module.aliases[inner.id][1]:
                places.add(module.aliases[inner.id])
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str) and _file(inner.value, root):
            places.add((inner.value, "*"))
    return frozenset(places)


def _chain(node: ast.Attribute, module: Module, root: Path) -> Place | None:
    """Where `module.name` or `package.module.name` leads to; None where it begins with no module."""
    names = [node.attr]
    inner: ast.expr = node.value
    while isinstance(inner, ast.Attribute):
        names.insert(0, inner.attr)
        inner = inner.value
    if not isinstance(inner, ast.Name) or module.aliases.get(inner.id, ("", "-"))[1]:
        return None
    place = module.aliases[inner.id][0]
    while names and _file(f"{place}.{names[0]}", root):
        place = f"{place}.{names.pop(0)}"
    return (place, names[0] if names else "")


def _names(node: ast.stmt) -> tuple[str, ...]:
    """The names that a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return (node.name,)
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return tuple(inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name))


def _is_text(node: ast.stmt) -> bool:
    """A docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _walk(node: ast.AST, typing: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """All parts of a tree; and whether each is for type checkers only."""
    yield node, typing
    for inner in ast.iter_child_nodes(node):
        yield from _walk(inner, typing or _is_for_types(node))


def _code(file: Path) -> str:
    """A script, or the code of a notebook."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".ipynb":
        return text
    return "\n".join("".join(c["source"]) for c in _cells(text) if c["cell_type"] == "code")


def _shown(file: Path) -> str:
    """A script, or all cells of a notebook: a page shows its prose too."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".ipynb":
        return text
    return json.dumps([(c["cell_type"], "".join(c["source"]), c["metadata"].get("tags", [])) for c in _cells(text)])


def _cells(notebook: str) -> list[dict[str, Any]]:
    """The cells that the chain executes."""
    return [cell for cell in json.loads(notebook)["cells"] if TRIAL not in cell["metadata"].get("tags", [])]
