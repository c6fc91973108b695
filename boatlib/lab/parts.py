"""What several widgets are made of."""

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ipywidgets
import pandas as pd

from boatlib.errors import UnreadablePhotoError
from boatlib.photos import thumbnails
from boatlib.show.kit.html import Html, in_lab

SCRIPT = """<img alt="" style="display:none" src="data:image/gif;base64,{pixel}" onload="{code}">"""
SIDE = 320  # pixels of a thumbnail, which is shown at half of it: crisp on high-density screens
EMPTY = bytes.fromhex("47494638396101000100800000ffffff0000002c00000000010001000002024401003b")  # a white pixel, GIF


def script(code: str) -> str:
    """Markup that has the browser run a script when it is shown; `this` is inside of the output. code: without double quotes."""
    return SCRIPT.format(pixel=base64.b64encode(EMPTY).decode(), code=code)


class Pane(ipywidgets.HTML):
    """A place for pieces of a page."""

    def show(self, piece: Html) -> None:
        """Put a piece in place of what is there."""
        self.value = in_lab(piece.markup)


class Photos(ipywidgets.GridBox):
    """Photos that can be clicked. `show` puts others in their place.

    chosen: called with the row of the photo that was clicked.
    """

    def __init__(self, root: Path, count: int, chosen: Callable[[Mapping[str, Any]], None]) -> None:
        self._root, self._rows, self._chosen = root, pd.DataFrame(), chosen
        self._pictures = [ipywidgets.Image(value=EMPTY, layout=_PICTURE) for _ in range(count)]
        self._buttons = [ipywidgets.Button(layout={"width": "150px"}) for _ in range(count)]
        cards = [ipywidgets.VBox(pair) for pair in zip(self._pictures, self._buttons, strict=True)]
        super().__init__(cards, layout={"grid_template_columns": "repeat(auto-fill, 160px)", "flex": "1 1 0"})
        for place, button in enumerate(self._buttons):
            button.on_click(lambda _, place=place: self._chosen(self._rows.iloc[place].to_dict()))

    def show(self, rows: pd.DataFrame, words: Sequence[str]) -> None:
        """rows: columns photo, sha256, at most as many as there are places; words: of each photo's button."""
        self._rows = rows
        for card, place in zip(self.children, range(len(self._buttons)), strict=True):
            card.layout.display = None if place < len(rows) else "none"
        for picture, button, text, row in zip(
            self._pictures, self._buttons, words, rows.to_dict("records"), strict=False
        ):
            button.description, button.tooltip = text, f"{row['photo']}: show more of it"
            try:
                picture.value = thumbnails.cached(self._root / row["photo"], SIDE)
            except UnreadablePhotoError as error:
                picture.value, button.description = EMPTY, str(error)


class Pager(ipywidgets.HBox):
    """Buttons and a number for the pages 1 to `last`; `changed` is called when another page is wanted."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._number = ipywidgets.BoundedIntText(value=1, min=1, max=1, description="page", layout={"width": "150px"})
        back, forward = (
            ipywidgets.Button(icon=icon, tooltip=words, layout={"width": "44px"})
            for icon, words in (("chevron-left", "previous page"), ("chevron-right", "next page"))
        )
        super().__init__([back, self._number, forward])
        back.on_click(lambda _: self.go_to(self.page - 1))
        forward.on_click(lambda _: self.go_to(self.page + 1))
        self._number.observe(lambda _: changed(), "value")

    @property
    def page(self) -> int:
        """The page that is wanted."""
        return int(self._number.value)

    def go_to(self, page: int) -> None:
        """Ask for a page; beyond the ends: the first or the last."""
        self._number.value = min(max(page, 1), self._number.max)

    def restart(self, last: int) -> None:
        """Begin again at page 1, of `last`."""
        self._number.max = last
        self._number.value = 1


def beside(photos: ipywidgets.Widget, details: ipywidgets.Widget) -> ipywidgets.Widget:
    """Photos, and at their right what is said of one of them."""
    return ipywidgets.HBox([photos, details], layout={"align_items": "flex-start"})


def choice(name: str, values: Sequence[str], width: str = "230px") -> ipywidgets.Dropdown:
    """A list to choose from, with its name before it."""
    style = {"description_width": "initial"}
    return ipywidgets.Dropdown(options=list(values), description=name, style=style, layout={"width": width})


_PICTURE = {"width": "150px", "min_width": "150px", "max_width": "150px", "height": "112px", "object_fit": "cover"}
