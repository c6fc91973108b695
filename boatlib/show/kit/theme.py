"""One look for all figures: type, colours, and the same colour for the same class on every page."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from boatlib.order import natural

INK = "#1f2a37"
SOFT = "#5b6776"
LINE = "#d5dbe3"
ACCENT = "#0b6e99"
WARM = "#c4551d"
# Colour-blind safe, after Paul Tol's "muted" and "bright" schemes, ordered so that neighbours differ in lightness
CLASS_COLOURS = (
    "#332288", "#cc6677", "#117733", "#ddaa33", "#88ccee", "#882255", "#44aa99", "#999933", "#aa4499", "#4477aa",
)  # fmt: skip
SPLIT_COLOURS = {"train": "#0b6e99", "val": "#7fb7d1", "test": "#c4551d"}
STATUS_COLOURS = {"used": "#0b6e99", "skipped": "#b8c2cc"}

_SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": SOFT,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e8ecf1",
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "figure.facecolor": "white",
    "legend.frameon": False,
    "svg.hashsalt": "boatlib",  # the same figure gives the same bytes
    "svg.fonttype": "path",
    "text.parse_math": False,  # a class may be called "US$1 or US$5"
}


@contextmanager
def applied() -> Iterator[None]:
    """Draw in the theme, whatever the user's own settings are; outside they are left alone."""
    import matplotlib as mpl  # here, so that pages without a chart need not wait for it

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+")  # `fonts` sees to it when a chart is saved
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """A colour for each class, by its place in the sorted list of names."""
    return {name: CLASS_COLOURS[number % len(CLASS_COLOURS)] for number, name in enumerate(natural(classes))}
