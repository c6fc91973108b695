"""Charts: how one is begun, bared, and put into a page with a sentence that says what it shows."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from boatlib.files import replacing
from boatlib.show.kit import fonts, theme
from boatlib.show.kit.html import Html, paragraph, picture

# matplotlib is imported where a chart is begun: pages without one need not wait for it
if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTH = 6.8  # inches, the text width of a page


def axes_of(height: float, columns: int = 1) -> tuple["Figure", np.ndarray]:
    """A figure as wide as a page and `height` inches high, and its axes, so many columns of them side by side."""
    figure, axes = grid_of(1, columns, height)
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
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1))


def in_whole_numbers(axis: "Axis", most: int | Literal["auto"] = "auto") -> None:
    """Label an axis of counts, with `most` labels at the most."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(most, integer=True))


def bare(axes: "Axes", keep: str = "") -> None:
    """Take the frame off, but for one side ("left" or "bottom")."""
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(side == keep)


def chart(figure: "Figure", alt: str) -> Html:
    """A figure as vector picture. alt: its finding in a sentence, for whoever cannot see it."""
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


def save_figure(shown: Html, path: Path) -> Path:
    """Save a chart as PNG file."""
    if shown.figure is None:
        raise ValueError("only a chart can be saved")
    with replacing(path) as temporary, theme.applied():
        shown.figure.savefig(temporary, format="png", dpi=160, bbox_inches="tight", metadata={"Software": None})
    return path
