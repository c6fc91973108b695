"""How it is done: the lines of the program that matter, read when they are shown, so that they cannot go stale."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, escape

PACKAGE = Path(__file__).parents[1]


def how(*things: Callable[..., Any]) -> Html:
    """Functions or classes as they stand in the program, folded up, without their docstrings; and the place of each."""
    parts = [
        f'<p>{escape(place(thing))}</p><pre tabindex="0"><code>{_coloured(lines(thing))}</code></pre>'
        for thing in things
    ]
    markup = f'<details class="how"><summary>How it is done</summary>{"".join(parts)}</details>'
    return Html(markup, "\n\n".join(lines(thing) for thing in things))


def lines(thing: Callable[..., Any]) -> str:
    """The source of a function or class without its docstring."""
    text = textwrap.dedent(inspect.getsource(thing))
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    rows = text.splitlines()
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        rows[first.lineno - 1 : first.end_lineno] = []
    return "\n".join(rows)


def place(thing: Callable[..., Any]) -> str:
    """Where something stands: file and line."""
    file = Path(inspect.getsourcefile(thing) or "").relative_to(PACKAGE.parent)
    return f"{file.as_posix()}, line {inspect.getsourcelines(thing)[1]}"


def places(rows: dict[str, Callable[..., Any]]) -> Html:
    """Where each of several things is done, as a table: what, and its place in the program."""
    found = pd.DataFrame([(what, thing.__qualname__, place(thing)) for what, thing in rows.items()])
    return tables.table(found.set_axis(["what", "name", "where"], axis=1), "Where each of these lines lives in boatlib")


def _coloured(code: str) -> str:
    """Python with the classes of the colours that pages give to code."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return f'<span class="highlight">{highlight(code, PythonLexer(), HtmlFormatter(nowrap=True))}</span>'
