"""Which modules a notebook or module uses, read from its imports: so that a change re-runs what it can change."""

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path


def used_by(file: Path, root: Path) -> list[Path]:
    """All modules of boatlib that a notebook or module imports, directly or through others; relative to `root`."""
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        new = imports_of(waiting.pop(), root) - found
        found |= new
        waiting += [root / module for module in new]
    return sorted(found)


@cache
def imports_of(file: Path, root: Path) -> frozenset[Path]:
    """The modules of boatlib that a file itself imports when it runs (not those for type checkers only)."""
    found = set()
    tree = ast.parse(_source(file))
    named = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    for node in _nodes(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            packages = [
                alias.name for alias in node.names if (root / Path(*node.module.split("."), alias.name)).is_dir()
            ]
            names += [f"{node.module}.{chain}" for chain in named if chain.split(".")[0] in packages]
        else:
            continue
        for name in names:
            module = Path(*name.split(".")).with_suffix(".py")
            if name.startswith("boatlib.") and (root / module).is_file():
                found.add(module)
    return frozenset(found)


def _source(file: Path) -> str:
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".ipynb":
        return text
    return "\n".join("".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "code")


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from _nodes(node)
