"""The confusion matrix whose cells open: the photos behind each, and where the model looked."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ipywidgets
import pandas as pd

from boatlib import runtime
from boatlib.lab.parts import Pager, Pane, Photos, beside, choice
from boatlib.model.inference import gradcam
from boatlib.results import metrics
from boatlib.run import Run
from boatlib.show import confusion
from boatlib.show.catalog import EVERYTHING
from boatlib.show.kit import paging
from boatlib.show.kit.html import Html, escape, paragraph
from boatlib.show.kit.names import shortened
from boatlib.show.predictions import photo, sure, what_spoke_for

LOOK = "Where did it look?"
MARK = "2px solid currentColor"
HORIZONTAL = 10  # answers whose names stand horizontally
UPRIGHT = (
    "<div style='writing-mode: vertical-rl; transform: rotate(180deg); line-height: 32px; white-space: nowrap'>{}</div>"
)
SUREST, LEAST_SURE = "surest first", "least sure first"


def widget(predictions: pd.DataFrame, catalog: pd.DataFrame, root: Path, run: Run) -> ipywidgets.Widget | Html:
    """Click a cell of the confusion matrix: its photos appear, by confidence; click below one: what the model says of it.

    predictions: of the test photos; catalog: columns photo, sha256. Outside JupyterLab: the matrix, its photos inside.
    """
    if not runtime.is_interactive():
        return confusion.matrix(predictions, root)
    known = predictions.merge(catalog[["photo", "sha256"]], on="photo")
    everything = metrics.confusion_matrix(predictions)
    counts, left_out = metrics.worst_classes(everything)
    cell = {"label": "", "predicted": ""}
    title, details = Pane(), Pane(layout={"width": "440px", "min_width": "440px"})
    order, look = choice("order", [SUREST, LEAST_SURE]), ipywidgets.Button(description=LOOK, icon="eye")
    chosen: dict[str, Any] = {}

    def rows() -> pd.DataFrame:
        return confusion.photos_of_cell(known, cell["label"], cell["predicted"], order.value == SUREST)

    def show() -> None:
        page, count = paging.rows_of_page(rows(), pager.page)
        words = confusion.what_happened(cell["label"], cell["predicted"], len(rows()))
        title.show(paragraph(f"{words}. {count}."))
        photos.show(page, [sure(share) for share in page["confidence"]])

    def open_cell(label: str, predicted: str) -> None:
        cell.update(label=label, predicted=predicted)
        matrix.mark(label, predicted)
        pager.restart(paging.page_count(rows()))
        show()

    def open_photo(row: Mapping[str, Any]) -> None:
        chosen.update(row)
        look.layout.display = None
        details.show(photo(root / row["photo"], pd.Series(row)) + paragraph(row["photo"], "note"))

    def where(_: object) -> None:
        look.description, look.disabled = "Looking ...", True
        details.show(looked(root / chosen["photo"], chosen, run.need("model")) + paragraph(chosen["photo"], "note"))
        look.description, look.disabled = LOOK, False

    photos, pager = Photos(root, paging.PAGE, open_photo), Pager(show)
    order.observe(lambda _: show(), "value")
    look.on_click(where)
    look.layout.display, look.layout.width = "none", "190px"
    matrix = Matrix(counts, open_cell)
    wrong = [tuple(row) for row in metrics.most_confused(everything, len(predictions)).to_numpy().tolist()]
    pairs = [
        (confusion.what_happened(label, predicted, count), (label, predicted)) for label, predicted, count, _ in wrong
    ]
    mistakes = ipywidgets.Dropdown(options=pairs, description="mistakes", layout={"width": "640px"})
    of_class = choice("of", [EVERYTHING, *map(str, everything.index)], "320px")

    def narrow(change: dict[str, str]) -> None:
        mistakes.options = [(words, pair) for words, pair in pairs if change["new"] in (EVERYTHING, *pair)]

    mistakes.observe(lambda change: open_cell(*change["new"]) if change["new"] else None, "value")
    of_class.observe(narrow, "value")
    open_cell(*(wrong[0][:2] if wrong else (counts.index[0], counts.index[0])))
    rest = f"The {len(counts)} classes with most mistakes; those of the other {left_out} are in the list below."
    hint = [ipywidgets.Label(rest)] if left_out else []
    cells = [
        matrix,
        *([ipywidgets.HBox([mistakes, of_class])] if left_out else []),
        title,
        ipywidgets.HBox([pager, order]),
    ]
    return ipywidgets.VBox([*hint, *cells, beside(photos, ipywidgets.VBox([look, details]))])


def looked(file: Path, row: Mapping[str, Any], model: Path) -> Html:
    """What spoke for the answer, and for the label where that is another. row: of predictions."""
    places = {}
    for name in dict.fromkeys([row["predicted"], row["label"]]):
        view, places[name] = gradcam.where_it_looked(model, file.read_bytes(), name)
    answer = f"Labelled {row['label']}; the model says {row['predicted']}, {sure(row['confidence'])}."
    return paragraph(answer) + what_spoke_for(view, places)


class Matrix(ipywidgets.VBox):
    """A confusion matrix with a button for each cell, blue where the answer is right, orange where it is wrong.

    opened: called with label and answer of a cell that is clicked.
    """

    def __init__(self, counts: pd.DataFrame, opened: Callable[[str, str], None]) -> None:
        upright = len(counts) > HORIZONTAL
        narrow = {
            "width": "32px" if upright else "76px",
            "justify_content": "center",
            "flex": "0 0 auto",
            "padding": "0",
        }
        wide = {"width": "200px", "flex": "0 0 auto"}
        name = UPRIGHT if upright else "{}"
        short = shortened([str(column) for column in counts.columns], 28)
        head = [ipywidgets.HTML(name.format(escape(short[str(column)])), layout=narrow) for column in counts.columns]
        corner = ipywidgets.Label("label \u2193  answer \u2192", layout=wide)
        lines = [ipywidgets.HBox([corner, *head], layout={"align_items": "flex-end"})]
        self._buttons: dict[tuple[str, str], ipywidgets.Button] = {}
        for label, row in counts.iterrows():
            for predicted, count in row.items():
                pair = str(label), str(predicted)
                self._buttons[pair] = ipywidgets.Button(description=str(count), disabled=not count, layout=narrow)
                self._buttons[pair].tooltip = confusion.what_happened(*pair, int(count))
                self._buttons[pair].style.button_color = _colour(pair, count / max(row.sum(), 1))
                self._buttons[pair].on_click(lambda _, pair=pair: opened(*pair))
            own = [self._buttons[str(label), str(predicted)] for predicted in counts.columns]
            lines.append(ipywidgets.HBox([ipywidgets.Label(short[str(label)], layout=wide), *own]))
        super().__init__(lines)

    def mark(self, label: str, predicted: str) -> None:
        """A frame around the one cell whose photos are shown."""
        for pair, button in self._buttons.items():
            button.layout.border = MARK if pair == (label, predicted) else None


def _colour(pair: tuple[str, str], share: float) -> str:
    rgb = "11,110,153" if pair[0] == pair[1] else "196,85,29"
    return f"rgba({rgb},{0.1 + 0.5 * share:.2f})" if share else "transparent"
