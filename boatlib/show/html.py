"""What a notebook cell shows, as HTML: text that is always escaped, figures that always have a text for the blind."""

import base64
import html
import io
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from boatlib import runtime
from boatlib.files import replacing

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
        "--accent-rgb: 11, 110, 153; --warm-rgb: 196, 85, 29; --card: #fff; color: var(--ink); line-height: 1.5;"
    )
    rows = "tbody tr:nth-child(n), tbody tr:nth-child(n):hover { background: none; }"
    return f"<style>.boatlib.boatlib {{ {theme} {rows}\n{PIECES.read_text(encoding='utf-8')} }}</style>"


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


def chart(figure: "Figure", alt: str) -> Html:
    """A figure as vector picture. alt: its finding in a sentence, for whoever cannot see it."""
    from boatlib.show import fonts, theme  # matplotlib, which pages without a chart need not wait for

    buffer = io.BytesIO()

    def save() -> None:
        buffer.truncate(buffer.seek(0))
        figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})

    with theme.applied():  # names on axes are made while it is drawn
        missing = fonts.saved_with_all_signs(figure, save)
    image = picture(buffer.getvalue(), "image/svg+xml", alt)
    words = f"No font here has {' '.join(missing)}, so the picture shows a box there."
    # on a narrow screen a chart scrolls: tabindex lets the keys scroll it too
    shown = Html(f'<figure class="chart" tabindex="0">{image}</figure>', alt, figure)
    return Html(shown.markup + paragraph(words, "note").markup, alt, figure) if missing else shown


def picture(data: bytes, kind: str, alt: str) -> str:
    """An image inside the page; `kind` is its media type."""
    return f'<img alt="{escape(alt)}" src="data:{kind};base64,{base64.b64encode(data).decode()}">'


def card(image: str, lines: Iterable[str]) -> str:
    """A photo with lines of text below it, for a gallery."""
    words = "<br>".join(escape(line) for line in lines)
    return f'<figure class="card">{image}{f"<figcaption>{words}</figcaption>" if words else ""}</figure>'


def save_figure(shown: Html, path: Path) -> Path:
    """Save a chart as PNG file."""
    from boatlib.show import theme

    if shown.figure is None:
        raise ValueError("only a chart can be saved")
    with replacing(path) as temporary, theme.applied():
        shown.figure.savefig(temporary, format="png", dpi=160, bbox_inches="tight", metadata={"Software": None})
    return path
