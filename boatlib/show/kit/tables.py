"""Tables that a screen reader can follow: caption, scoped heads, numbers right-aligned, every cell escaped."""

import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from boatlib import runtime
from boatlib.messages import in_digits
from boatlib.shares import percent
from boatlib.show.kit.html import Html, escape, paragraph

Format = Callable[[Any], str]
ROWS = 60  # of a DataFrame in JupyterLab
NARROW = 3  # columns that a telephone is wide enough for: the rows of wider tables become cards there


def dot_range(low: float, high: float, share: float, line: float | None = None) -> str:
    """A share as a mark on its range, on a scale from 0 to 1, with a line at a target, as drawing in the colour of its row
    (`--mood`); the numbers must stand beside it as text.
    """
    target = "" if line is None else f'<i class="target" style="left:{100 * line:.1f}%"></i>'
    width = 100 * max(0.004, high - low)
    return (
        f'<span class="dots" aria-hidden="true">{target}<i class="range" style="left:{100 * low:.1f}%;width:{width:.1f}%"></i>'
        f'<i class="share" style="left:{100 * share:.1f}%"></i></span>'
    )


def counted_bar(right: float, wrong: float) -> str:
    """Two shares of the full width one behind the other, as drawing; the numbers must stand beside it as text."""
    return (
        f'<span class="band" aria-hidden="true"><i class="right" style="width:{100 * right:.1f}%"></i>'
        f'<i class="wrong" style="width:{100 * wrong:.1f}%"></i></span>'
    )


def whole_percent(value: float) -> str:
    """A share as per cent without decimals, where these are not needed; an empty cell where there is none."""
    return percent(value, 0)


def interval(low: float, high: float, form: Format = percent) -> str:
    """A range as text that is not broken across lines."""
    return f"{form(low)}\u00a0–\u00a0{form(high)}"


def number(value: float) -> str:
    """A count with its thousands apart."""
    return "" if pd.isna(value) else in_digits(round(value))


def decimal(value: float) -> str:
    """A number with three places."""
    return "" if pd.isna(value) else f"{value:.3f}"


class Cell(NamedTuple):
    """A cell that is sorted by something else than its text, or that has a drawing (markup) before it."""

    text: str
    value: float
    drawing: str = ""
    number: bool = True  # it stands at the right


def table(rows: pd.DataFrame, caption: str, formats: Mapping[str, Format] | None = None, css: str = "") -> Html:
    """A DataFrame (without its index) as HTML table; the first column heads each row.

    formats: for columns of numbers; css: "sortable" lets the reader sort it, "with-total" sets the last row off, "compact" brings
    the rows together. Without rows it is a sentence.
    """
    if rows.empty:
        return paragraph(f"{caption}: none.", "note")
    formats, cards = formats or {}, len(rows.columns) > NARROW
    classes = " ".join([*([css] if css else []), *(["cards"] if cards else [])])
    numeric = {name for name in rows.columns if pd.api.types.is_numeric_dtype(rows[name]) or name in formats}
    numeric |= {name for name in rows.columns if all(isinstance(v, Cell) and v.number for v in rows[name])}
    numeric -= {rows.columns[0]}
    align = {name: ' class="number"' if name in numeric else "" for name in rows.columns}
    head = "".join(f'<th scope="col"{align[name]}>{escape(str(name))}</th>' for name in rows.columns)
    body = []
    for row in rows.to_dict("records"):
        cells = []
        for position, (name, value) in enumerate(row.items()):
            inside, key = _inside(value, formats.get(str(name)))
            sort = f' data-value="{key}"' if "sortable" in css.split() and key else ""
            told = f' data-label="{escape(str(name))}"' if cards else ""
            cells.append(
                f'<th scope="row">{inside}</th>' if position == 0 else f"<td{align[name]}{sort}{told}>{inside}</td>"
            )
        body.append(f"<tr>{''.join(cells)}</tr>")
    markup = (
        f'<div class="table" tabindex="0" role="region" aria-label="{escape(caption)}"><table class="{classes}">'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )
    return Html(markup, f"{caption}\n{rows.to_string(index=False)}")


def _inside(value: Any, form: Format | None) -> tuple[str, str]:  # noqa: ANN401
    """Markup of a cell, and what it is sorted by (empty: its text)."""
    if isinstance(value, Cell):
        return f"{value.drawing}{escape(value.text)}", f"{value.value:g}"
    if pd.isna(value):
        return "", "-1"
    key = f"{value:g}" if isinstance(value, int | float | np.number) else ""
    return escape(form(value) if form else str(value)), key


def _frame(frame: pd.DataFrame) -> str:
    rows = frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()
    cut = f", the first {ROWS} of them here" if len(frame) > ROWS else ""
    words = f"{len(frame):,} rows{cut}"
    return table(rows.head(ROWS), words)._repr_html_()


def _style_frames() -> None:
    """In JupyterLab a DataFrame that a cell shows looks like the tables of a report. (IPython is there, or nothing happens.)"""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None and runtime.is_interactive():
        shell.display_formatter.formatters["text/html"].for_type(pd.DataFrame, _frame)


_style_frames()
