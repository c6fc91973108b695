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
from boatlib.show.kit import paging
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.predictions import photo, sure, what_spoke_for

MARK = "2px solid currentColor"
SUREST, LEAST_SURE = "surest first", "least sure first"


def widget(predictions: pd.DataFrame, catalog: pd.DataFrame, root: Path, run: Run) -> ipywidgets.Widget | Html:
    """Click a cell of the confusion matrix: its photos appear, by confidence; click below one: what the model says of it.

    predictions: of the test photos; catalog: columns photo, sha256. Outside JupyterLab: the matrix, its photos inside.
    """
    if not runtime.is_interactive():
        return confusion.matrix(predictions, root)
    known = predictions.merge(catalog[["photo", "sha256"]], on="photo")
    counts, left_out = metrics.worst_classes(metrics.confusion_matrix(predictions))
    cell = {"label": "", "predicted": ""}
    title, details = Pane(), Pane(layout={"width": "500px", "min_width": "500px"})
    order, look = choice("order", [SUREST, LEAST_SURE]), ipywidgets.Button(description="Where did it look?", icon="eye")
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
        pager.restart(paging.page_count(rows()))
        show()

    def open_photo(row: Mapping[str, Any]) -> None:
        chosen.update(row)
        look.layout.display = None
        details.show(photo(root / row["photo"], pd.Series(row)) + paragraph(row["photo"], "note"))

    def where(_: object) -> None:
        details.show(looked(root / chosen["photo"], chosen, run.need("model")) + paragraph(chosen["photo"], "note"))

    photos, pager = Photos(root, paging.PAGE, open_photo), Pager(show)
    order.observe(lambda _: show(), "value")
    look.on_click(where)
    look.layout.display, look.layout.width = "none", "190px"
    wrong = metrics.most_confused(counts, 1)
    first = wrong.iloc[0] if len(wrong) else {"label": counts.index[0], "predicted": counts.index[0]}
    matrix = _matrix(counts, (str(first["label"]), str(first["predicted"])), open_cell)
    cells = ipywidgets.VBox([matrix, title, ipywidgets.HBox([pager, order])])
    hint = ipywidgets.Label(
        f"The {len(counts)} classes with most mistakes; {left_out} others are not shown." if left_out else ""
    )
    return ipywidgets.VBox([hint, cells, beside(photos, ipywidgets.VBox([look, details]))])


def looked(file: Path, row: Mapping[str, Any], model: Path) -> Html:
    """What spoke for the answer, and for the label where that is another. row: of predictions."""
    places = {}
    for name in dict.fromkeys([row["predicted"], row["label"]]):
        view, places[name] = gradcam.where_it_looked(model, file.read_bytes(), name)
    answer = f"Labelled {row['label']}; the model says {row['predicted']}, {sure(row['confidence'])}."
    return paragraph(answer) + what_spoke_for(view, places)


def _matrix(counts: pd.DataFrame, first: tuple[str, str], opened: Callable[[str, str], None]) -> ipywidgets.Widget:
    """A button for each cell, which calls `opened` with label and answer: blue where that is right, orange where wrong; the open
    one has a frame. first: that is open at first.
    """
    narrow, wide = {"width": "76px", "justify_content": "center"}, {"width": "150px"}
    last: list[ipywidgets.Button] = []

    def chosen(button: ipywidgets.Button, pair: tuple[str, str]) -> None:
        for other in last:
            other.layout.border = None
        last[:] = [button]
        button.layout.border = MARK
        opened(*pair)

    head = [
        ipywidgets.Label("label \u2193  answer \u2192", layout=wide),
        *(ipywidgets.Label(str(c), layout=narrow) for c in counts.columns),
    ]
    lines = [ipywidgets.HBox(head)]
    for label, row in counts.iterrows():
        cells = [ipywidgets.Label(str(label), layout=wide)]
        for predicted, count in row.items():
            share = count / max(row.sum(), 1)
            colour = (
                f"rgba({'11,110,153' if label == predicted else '196,85,29'},{0.1 + 0.5 * share:.2f})" if count else ""
            )
            button = ipywidgets.Button(description=str(count), disabled=not count, layout=narrow)
            button.tooltip = confusion.what_happened(str(label), str(predicted), int(count))
            button.style.button_color = colour or "transparent"
            button.on_click(lambda button, pair=(str(label), str(predicted)): chosen(button, pair))
            if (str(label), str(predicted)) == first:
                chosen(button, first)
            cells.append(button)
        lines.append(ipywidgets.HBox(cells))
    return ipywidgets.VBox(lines)
