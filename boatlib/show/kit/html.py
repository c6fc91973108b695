"""What a notebook cell shows, as HTML: text that is always escaped, figures that always have a text for the blind."""

import base64
import html
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from boatlib import runtime

if TYPE_CHECKING:
    from matplotlib.figure import Figure


escape = html.escape
PIECES = Path(__file__).with_name("pieces.css")


class Html:
    """A piece of a page. JupyterLab and the report show `markup`; a terminal shows `text`."""

    def __init__(self, markup: str, text: str = "", figure: "Figure | None" = None) -> None:
        self.markup = markup
        self.text = text
        self.figure = figure  # of a chart: to look closer, change or save it

    def _repr_html_(self) -> str:
        return in_lab(self.markup) if runtime.is_interactive() else self.markup

    def __repr__(self) -> str:
        """The words alone."""
        return self.text

    def __add__(self, other: "Html") -> "Html":
        """One below the other."""
        return Html(self.markup + other.markup, f"{self.text}\n{other.text}".strip())


@cache
def _lab_style() -> str:
    """The pieces' style for JupyterLab, in the colours of its theme; only what lies in a `boatlib` block is styled."""
    theme = (
        "--ink: var(--jp-content-font-color1); --soft: var(--jp-content-font-color2); --line: var(--jp-border-color2); "
        "--paper: var(--jp-layout-color0); --wash: var(--jp-layout-color2); --accent: var(--jp-content-link-color); "
        "--accent-rgb: 11, 110, 153; --warm-rgb: 196, 85, 29; --amber-rgb: 150, 98, 0; --card: #fff; color: "
        "var(--ink); line-height: 1.5;"
    )
    rows = "tbody tr:nth-child(n), tbody tr:nth-child(n):hover { background: none; }"
    long = (
        ".table { max-height: 36rem; overflow: auto; } "
        ".table thead th { position: sticky; top: 0; background: var(--paper); z-index: 1; } "
        ".note { font-size: .95em; } .verdict { font-size: 1.15em; } dt { float: none; width: auto; }"  # against Lab's own rules
    )
    paper = "figure.chart img { background: #fff; color-scheme: light; }"  # charts follow the system's theme, and Lab has its own
    return f"<style>.boatlib.boatlib {{ {theme} {rows}\n{PIECES.read_text(encoding='utf-8')} {paper} {long} }}</style>"


def in_lab(markup: str) -> str:
    """Markup with the style that it has in a report, for an output in JupyterLab."""
    return f'{_lab_style()}<div class="boatlib">{markup}</div>'


def paragraph(text: str, kind: str = "") -> Html:
    """A paragraph. kind: "" (plain), "verdict" or "note"."""
    css = f' class="{kind}"' if kind else ""
    return Html(f"<p{css}>{escape(text)}</p>", text)


def bullets(items: Iterable[str]) -> Html:
    """A list of sentences."""
    texts = list(items)
    return Html(f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>", "\n".join(texts))


def picture(data: bytes, kind: str, alt: str) -> str:
    """An image inside the page; `kind` is its media type."""
    return f'<img alt="{escape(alt)}" src="data:{kind};base64,{base64.b64encode(data).decode()}">'


def card(image: str, lines: Iterable[str]) -> str:
    """A photo with lines of text below it, for a gallery."""
    words = "<br>".join(escape(line) for line in lines)
    return f'<figure class="card">{image}{f"<figcaption>{words}</figcaption>" if words else ""}</figure>'
