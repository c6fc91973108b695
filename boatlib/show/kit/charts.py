"""Charts: how one is begun, bared, and put into a page with a sentence that says what it shows."""

import io
import re
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from boatlib.files import replacing
from boatlib.messages import gettext as _
from boatlib.shares import percent
from boatlib.show.kit import fonts, theme
from boatlib.show.kit.html import Html, paragraph, picture

# matplotlib is imported where a chart is begun: pages without one need not wait for it
if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTH, NARROW = 6.8, 3.7  # inches, the text width of a page and of a telephone


def axes_of(height: float, columns: int = 1, width: float = WIDTH) -> tuple["Figure", np.ndarray]:
    """A figure as wide as a page and `height` inches high, and its axes, so many columns of them side by side."""
    figure, axes = grid_of(1, columns, height, width)
    return figure, axes[0]


def grid_of(
    rows: int, columns: int, height: float, width: float = WIDTH, sharey: bool = False
) -> tuple["Figure", np.ndarray]:
    """A figure of so many inches, and its axes [rows, columns]."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        rows, columns, figsize=(width, height), layout="constrained", squeeze=False, sharey=sharey
    )
    plt.close(figure)  # shown as a picture in the page, not a second time by the notebook
    return figure, axes


def in_percent(axis: "Axis") -> None:
    """Label an axis of shares as per cent."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(
        FuncFormatter(lambda share, _position: percent(share, 0 if round(share * 100, 6) % 1 == 0 else 1))
    )


def in_whole_numbers(axis: "Axis", most: int | Literal["auto"] = "auto") -> None:
    """Label an axis of counts, with `most` labels at the most."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(most, integer=True))


def bare(axes: "Axes", keep: str = "") -> None:
    """Take the frame off, but for one side ("left" or "bottom")."""
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(side == keep)


def chart(figure: "Figure", alt: str, narrow: "Figure | None" = None) -> Html:
    """A figure as vector picture, which follows light and dark. alt: its finding in a sentence, for whoever cannot see it;
    narrow: the same drawn NARROW inches wide, for telephones.
    """
    data, missing = _drawn(figure)
    image = picture(data, "image/svg+xml", alt)
    if narrow is not None:
        source = f"data:image/svg+xml;base64,{b64encode(_drawn(narrow)[0]).decode()}"
        image = f'<picture><source media="(max-width: 36rem)" srcset="{source}">{image}</picture>'
    words = _("No font here has {signs}, so the picture shows a box there.", signs=" ".join(missing))
    # without a narrow drawing a chart scrolls on a narrow screen: tabindex lets the keys scroll it too
    kind = 'class="chart narrow"' if narrow is not None else 'class="chart" tabindex="0"'
    shown = Html(f"<figure {kind}>{image}</figure>", alt, figure)
    return Html(shown.markup + paragraph(words, "note").markup, alt, figure) if missing else shown


def _drawn(figure: "Figure") -> tuple[bytes, str]:
    """A figure as SVG with colours by name, and the signs that no font has."""
    buffer = io.BytesIO()

    def save() -> None:
        buffer.truncate(buffer.seek(0))
        figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})

    with theme.applied():  # names on axes are made while it is drawn
        missing = fonts.saved_with_all_signs(figure, save)
    return _with_names(buffer.getvalue().decode()).encode(), missing


def _with_names(svg: str) -> str:
    """Colours of the theme by name: light by default, dark where the reader's screen is."""
    for number, light in enumerate(theme.ON_DARK):
        svg = svg.replace(f": {light}", f": var(--c{number}, {light})")
    dark = " ".join(f"--c{number}: {dark};" for number, dark in enumerate(theme.ON_DARK.values()))
    return svg.replace(
        "<defs>", f"<style>@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}</style><defs>", 1
    )


def on_paper(svg: bytes) -> bytes:
    """A chart of `chart` in its light colours alone, for what knows no others."""
    return re.sub(rb"var\(--c\d+, (#\w+)\)", rb"\1", svg)


def save_figure(shown: Html, path: Path) -> Path:
    """Save a chart as PNG file."""
    if shown.figure is None:
        raise ValueError("only a chart can be saved")
    with replacing(path) as temporary, theme.applied():
        shown.figure.savefig(
            temporary, format="png", dpi=160, bbox_inches="tight", facecolor=theme.PAPER, metadata={"Software": None}
        )
    return path
