"""Single predictions: the answer in words, as bars, beside its photo; mistakes; where the model looked."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from boatlib.errors import ParameterError
from boatlib.order import natural
from boatlib.photos.images import small_webp
from boatlib.shares import confidence, percent
from boatlib.show.kit import charts, gallery, tables, theme
from boatlib.show.kit.html import Html, card, paragraph, picture
from boatlib.show.kit.names import shortened

DARK = 0.25  # brightness of what did not speak for a class


def sure(share: float) -> str:
    """How sure the model is, in few characters; never 100%."""
    return "over 99% sure" if share > 0.995 else f"{confidence(share, 0)} sure"


def words(prediction: pd.Series) -> Html:
    """What the model says of one photo, and, where the label is known, whether that is right."""
    if "label" not in prediction:
        verdict = ""
    elif prediction["label"] == prediction["predicted"]:
        verdict = ", rightly"
    else:
        verdict = f", wrongly (it shows: {prediction['label']})"
    return paragraph(f"The model says {prediction['predicted']}, {sure(prediction['confidence'])}{verdict}.")


def table(predictions: pd.DataFrame) -> Html:
    """Photos with what the model says of them, as `Predictor.predict` gives it; the classes' probabilities are left out."""
    names = {"photo": "photo", "predicted": "the model says", "confidence": "sure", "error": "error"}
    rows = predictions[list(names)].rename(columns=names)
    rows["photo"] = [str(photo).replace("\\", "/").rsplit("/", 1)[-1] for photo in rows["photo"]]
    return tables.table(rows, "What the model says", {"sure": percent})


def bars(prediction: pd.Series) -> Html:
    """How probable the model holds each class for one photo. prediction: one row of a table of predictions."""
    values = prediction[prediction.index.str.startswith("p_")].astype(float)
    values.index = values.index.str.removeprefix("p_")
    values = values.sort_values().tail(7)
    short = shortened(values.index.tolist())
    values.index = values.index.map(short)
    with theme.applied():
        figure, (axes,) = charts.axes_of(0.5 + 0.32 * len(values))
        colours = [
            theme.ACCENT if name == short.get(prediction["predicted"]) else theme.STATUS_COLOURS["skipped"]
            for name in values.index
        ]
        axes.barh(values.index, values, color=colours, height=0.7)
        for place, value in enumerate(values):
            axes.text(value, place, f"  {confidence(value, 0)}", va="center", color=theme.INK)
        axes.set(xlim=(0, 1.12), xticks=[])
        axes.grid(visible=False)
        axes.tick_params(axis="y", colors=theme.INK)
        charts.bare(axes)
    return charts.chart(
        figure, f"Probabilities for one photo: {prediction['predicted']} {confidence(prediction['confidence'], 0)}."
    )


def what_spoke_for(view: np.ndarray, places: Mapping[str, np.ndarray]) -> Html:
    """A view of a photo, as it is, and once for each class, dark but for the places that spoke for that class.

    view: uint8 [height, width, 3]; places: class to a map of the same size, float32 from 0 to 1.
    """
    shown = {"what the model is shown": view}
    for name, lit in places.items():
        shown[f"what spoke for {name} is bright"] = (view * (DARK + (1 - DARK) * lit[..., None])).astype(np.uint8)
    cards = [
        card(picture(small_webp(Image.fromarray(pixels), 480), "image/webp", f"The photo; {words}"), [words])
        for words, pixels in shown.items()
    ]
    return Html(gallery.grid(cards, "views"), f"What spoke for {', '.join(places)}")


def mistakes(wrong: pd.DataFrame, root: Path, names: Sequence[str] | None = None) -> Html:
    """Photos that the model names wrongly: what they show, what it says, how sure it is; and their names."""

    def describe(row: Mapping[str, Any]) -> tuple[str, list[str]]:
        alt = f"Photo of {row['label']} that the model takes for {row['predicted']}"
        return alt, [f"shows: {row['label']}", f"model: {row['predicted']} ({confidence(row['confidence'], 0)})"]

    return Html(gallery.grid(gallery.cards(wrong, root, describe, names)), f"{len(wrong)} mistakes")


def of_class(predictions: pd.DataFrame, label: str, root: Path, limit: int = 12) -> Html:
    """Test photos of one class with the model's answers, wrong ones first; `limit` at the most, which is said.

    Raises ParameterError for an unknown class.
    """
    own = predictions[predictions["label"] == label]
    if own.empty:
        known = ", ".join(natural(set(predictions["label"])))
        raise ParameterError(f"evaluation.show_class: there is no class {label!r}. There are: {known}.")
    own = own.assign(right=own["predicted"] == own["label"]).sort_values(["right", "confidence"])
    cards = [
        gallery.photo_card(
            root / row["photo"],
            f"Photo of {label}; the model says {row['predicted']}",
            [("✓ " if row["right"] else "✗ ") + str(row["predicted"]), f"{confidence(row['confidence'], 0)} sure"],
        )
        for row in own.head(limit).to_dict("records")
    ]
    cut = f"<p class='note'>{limit} of {len(own)} photos are shown.</p>" if len(own) > limit else ""
    return Html(gallery.grid(cards) + cut, f"{len(cards)} photos of {label}")


def photo(file: Path, prediction: pd.Series, side: int = 320) -> Html:
    """A photo with what the model says of it: the answer, and a bar for each class.

    prediction: a row of `Predictor.predict` or of a table of predictions; with a label it is said whether the answer is right.
    """
    alt = f"The photo, which the model takes for {prediction['predicted']}"
    return gallery.one_photo(file, alt, side) + answer(prediction)


def answer(row: pd.Series) -> Html:
    """The answer in words, and a bar for each class."""
    return words(row) + bars(row)
