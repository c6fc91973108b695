"""One look for all figures: type and colours, on light and on dark paper."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from boatlib.show.kit import fonts

INK = "#1f2a37"
SOFT = "#5b6776"
LINE = "#d5dbe3"
ACCENT = "#0b6e99"
WARM = "#c4551d"
SPLIT_COLOURS = {"train": "#0b6e99", "val": "#7fb7d1", "test": "#c4551d"}
GRID, PAPER = "#e8ecf1", "#ffffff"
# what a colour is on dark paper; the others are the same there
ON_DARK = {
    INK: "#e6ebf1",
    SOFT: "#a9b4c0",
    LINE: "#3a4654",
    GRID: "#2a333d",
    ACCENT: "#6cc0e5",
    WARM: "#e6844f",
    PAPER: "#141a21",
}
STATUS_COLOURS = {"used": "#0b6e99", "skipped": "#b8c2cc"}

_SETTINGS: Any = {
    "font.family": list(fonts.FIRST),
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": 600,
    "axes.titlelocation": "left",
    "axes.labelcolor": SOFT,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "svg.hashsalt": "boatlib",  # the same figure gives the same bytes
    "svg.fonttype": "path",
    "text.parse_math": False,  # a class may be called "US$1 or US$5"
}


@contextmanager
def applied() -> Iterator[None]:
    """Draw in the theme, whatever the user's own settings are; outside they are left alone."""
    import matplotlib as mpl  # here, so that pages without a chart need not wait for it

    fonts.register()

    quiet = _at_level(
        logging.getLogger("matplotlib.font_manager"), logging.ERROR
    )  # a fallback face has not all weights
    with mpl.rc_context(), warnings.catch_warnings(), quiet:
        warnings.filterwarnings("ignore", r"Glyph \d+")  # `fonts` sees to it when a chart is saved
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


@contextmanager
def _at_level(log: logging.Logger, level: int) -> Iterator[None]:
    before = log.level
    log.setLevel(level)
    try:
        yield
    finally:
        log.setLevel(before)
