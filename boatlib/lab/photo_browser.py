"""Looking through all photos of a set: by class, use, split and size."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import ipywidgets
import pandas as pd

from boatlib import runtime
from boatlib.lab.parts import Pager, Pane, Photos, beside, choice
from boatlib.model.inference.predictor import Predictor
from boatlib.order import natural
from boatlib.photos import splits
from boatlib.run import Run
from boatlib.show import predictions
from boatlib.show.catalog import EVERYTHING, SIZES, facts, page, select
from boatlib.show.kit import gallery, paging
from boatlib.show.kit.html import Html, paragraph

NAMES = {"label": "class", "status": "use"}  # of columns


def widget(catalog: pd.DataFrame, root: Path, run: Run) -> ipywidgets.Widget | Html:
    """Page through the photos; a click on one shows its facts and what the model of the run says of it.

    Outside JupyterLab: the first page of the skipped ones.
    """
    if not runtime.is_interactive():
        return page(select(catalog[catalog["width"].notna()], status="skipped"), 1, root)
    catalog = splits.with_splits(catalog, run.table("split") if run.path("split").exists() else None)
    choices = {
        "label": natural(set(catalog["label"]) - {""}),
        "status": ["used", "skipped"],
        "split": ["train", "val", "test"],
        "size": list(SIZES),
    }
    filters = {name: choice(NAMES.get(name, name), [EVERYTHING, *values]) for name, values in choices.items()}
    count, details = ipywidgets.Label(), Pane(layout={"width": "340px", "min_width": "340px"})

    def chosen() -> pd.DataFrame:
        return select(catalog, **{name: box.value for name, box in filters.items()})

    def show() -> None:
        rows, count.value = paging.rows_of_page(chosen(), pager.page)
        own = "photo" if filters["label"].value != EVERYTHING else "label"
        photos.show(rows, [Path(str(name)).name or "no class" for name in rows[own]])
        details.show(paragraph("Click the name below a photo: what is known of it appears here.", "note"))

    def restart(_: object) -> None:
        pager.restart(paging.page_count(chosen()))
        show()

    photos = Photos(root, paging.PAGE, lambda row: details.show(about(row, root, run)))
    pager = Pager(show)
    filters["status"].value = "used"
    for box in filters.values():
        box.observe(restart, "value")
    restart(None)
    return ipywidgets.VBox(
        [ipywidgets.HBox(list(filters.values())), ipywidgets.HBox([pager, count]), beside(photos, details)]
    )


def about(row: Mapping[str, Any], root: Path, run: Run) -> Html:
    """A photo with its facts and, where the run has a model, with its prediction. row: of a catalog with splits."""
    file = root / row["photo"]
    photo = gallery.one_photo(file, f"Photo of {row['label']}") + facts(row)
    if not row["width"] or pd.isna(row["width"]) or not run.path("model").exists():
        return photo
    answer = _predictor(run, run.path("model").stat().st_mtime).predict(file).iloc[0]
    learnt = " It has learnt from this photo." if row["split"] == "train" else ""
    return photo + paragraph(
        f"The model says: {answer['predicted']} ({predictions.sure(answer['confidence'])}).{learnt}"
    )


@cache
def _predictor(run: Run, changed: float) -> Predictor:  # asked for again when `changed` differs
    return Predictor.load(run.path("model"))
