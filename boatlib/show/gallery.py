"""Photos on a page: small pictures made from fresh pixels, with words below them. Long sets are cut, and say so."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from boatlib.errors import ParameterError, UnreadablePhotoError
from boatlib.model import views
from boatlib.model.views import Preprocessing
from boatlib.order import natural
from boatlib.photos.images import open_photo, small_webp, thumbnail
from boatlib.shares import confidence, percent
from boatlib.show import plots, sentences, theme
from boatlib.show.html import Html, card, escape, picture

PER_CLASS = 6
CLASSES = 30  # of which photos are shown
LIMIT = 48  # photos in one gallery
DARK = 0.25  # brightness of what did not speak for a class


def grid(cards: Iterable[str], css: str = "") -> str:
    """Cards side by side, as many as fit."""
    return f'<div class="gallery {css}">{"".join(cards)}</div>'


def photo_card(file: Path, alt: str, lines: Sequence[str], side: int = 160) -> str:
    """One photo with words below it; a photo that cannot be opened is a grey card with the reason."""
    try:
        return card(picture(thumbnail(file, side), "image/webp", alt), lines)
    except UnreadablePhotoError as error:
        return card(f'<div class="unreadable">{escape(str(error))}</div>', lines)


def class_samples(catalog: pd.DataFrame, root: Path, per_class: int = PER_CLASS, seed: int = 0) -> Html:
    """A row of used photos for each class, chosen at random (by seed); of many classes the first CLASSES."""
    used = catalog[catalog["status"] == "used"]
    parts = []
    by_label = dict(list(used.groupby("label")))
    for label, photos in ((name, by_label[name]) for name in natural(by_label)[:CLASSES]):
        chosen = photos.sample(min(per_class, len(photos)), random_state=seed)["photo"]
        cards = [photo_card(root / photo, f"Photo {n} of class {label}", []) for n, photo in enumerate(chosen, start=1)]
        parts.append(
            f'<h3 class="row">{escape(str(label))} <small>{len(photos)} photos</small></h3>{grid(cards, "strip")}'
        )
    count = used["label"].nunique()
    cut = f"<p class='note'>{CLASSES} of {count} classes are shown.</p>" if count > CLASSES else ""
    return Html("".join(parts) + cut, f"Photos of {min(count, CLASSES)} classes")


def twin_groups(duplicates: pd.DataFrame, root: Path, limit: int = LIMIT) -> Html:
    """Photos that have a twin, side by side: label, kind, and whether the labels differ."""
    shown = duplicates.head(limit)
    cards = []
    for row in shown.to_dict("records"):
        kind = "the same file" if row["kind"] == "exact" else "the same to the eye"
        words = [str(row["label"]), kind + (", two labels" if row["conflict"] else ""), f"group {row['group']}"]
        cards.append(photo_card(root / row["photo"], f"Photo of group {row['group']}, labelled {row['label']}", words))
    cut = f"<p class='note'>{limit} of {len(duplicates)} photos are shown.</p>" if len(duplicates) > limit else ""
    return Html(grid(cards) + cut, f"{len(shown)} photos with a twin")


def augmented_views(
    file: Path,
    sha256: str,
    preprocessing: Preprocessing,
    augmentation: views.Augmentation = views.USUAL,
    count: int = 16,
) -> Html:
    """Random views of one photo, as the head sees them while it learns."""
    pictures = views.make_views(
        open_photo(file, value_range=preprocessing.value_range).image, augmentation.names(count), preprocessing, sha256
    )
    cards = [
        card(
            picture(small_webp(Image.fromarray(view), 120), "image/webp", f"Random view {number} of the same photo"), []
        )
        for number, view in enumerate(pictures, start=1)
    ]
    return Html(grid(cards, "small views"), f"{count} random views of {file.name}")


def named_views(file: Path, sha256: str, preprocessing: Preprocessing, names: Sequence[str]) -> Html:
    """The named views of one photo, each with its name."""
    pictures = views.make_views(
        open_photo(file, value_range=preprocessing.value_range).image, names, preprocessing, sha256
    )
    cards = [
        card(picture(small_webp(Image.fromarray(view), 140), "image/webp", f"View {name} of the photo"), [name])
        for name, view in zip(names, pictures, strict=True)
    ]
    return Html(grid(cards, "small views"), f"Views of {file.name}: {', '.join(names)}")


def what_the_model_sees(file: Path, preprocessing: Preprocessing) -> Html:
    """A photo with the part that the model sees framed, and that part as it reaches the network."""
    image = open_photo(file, value_range=preprocessing.value_range).image
    framed = image.copy()
    box = views.seen_box(*image.size, preprocessing)
    shade = Image.new("RGB", image.size, "white")
    mask = Image.new("L", image.size, 130)
    ImageDraw.Draw(mask).rectangle(box, fill=0)
    framed.paste(shade, mask=mask)
    ImageDraw.Draw(framed).rectangle(box, outline=theme.WARM, width=max(3, image.width // 150))
    seen = Image.fromarray(views.make_views(image, [views.PLAIN], preprocessing)[0])
    share = (box[2] - box[0]) * (box[3] - box[1]) / (image.width * image.height)
    cards = [
        card(
            picture(small_webp(framed, 320), "image/webp", "Photo with the part that the model sees framed"),
            ["the photo"],
        ),
        card(
            picture(small_webp(seen, 224), "image/webp", "The framed part as the model sees it"),
            [f"what the model sees: {percent(share, 0)} of its area, {seen.width} x {seen.height} pixels"],
        ),
    ]
    return Html(grid(cards, "pair"), f"The model sees {percent(share, 0)} of the photo")


def what_spoke_for(view: np.ndarray, places: Mapping[str, np.ndarray]) -> Html:
    """A view of a photo, once for each class, dark but for the places that spoke for that class.

    view: uint8 [height, width, 3]; places: class to a map of the same size, float32 from 0 to 1.
    """
    cards = []
    for name, lit in places.items():
        picture_of = Image.fromarray((view * (DARK + (1 - DARK) * lit[..., None])).astype(np.uint8))
        words = f"what spoke for {name} is bright"
        cards.append(card(picture(small_webp(picture_of, 480), "image/webp", f"The photo; {words}"), [words]))
    return Html(grid(cards, "pair"), f"What spoke for {', '.join(places)}")


def _cards(
    rows: pd.DataFrame, root: Path, describe: Callable[[Any], tuple[str, list[str]]], names: Sequence[str] | None = None
) -> list[str]:
    """A card for each row (column photo). describe: a row's alt text and lines; names: of the photos, as they may be shown."""
    cards = []
    for row, name in zip(rows.to_dict("records"), names or [""] * len(rows), strict=True):
        alt, lines = describe(row)
        own = [name.rsplit("/", 1)[-1]] if name else []  # without its folders: the class is named beside it
        cards.append(photo_card(root / row["photo"], alt, [*lines, *own]))
    return cards


def mistakes(wrong: pd.DataFrame, root: Path, names: Sequence[str] | None = None) -> Html:
    """Photos that the model names wrongly: what they show, what it says, how sure it is; and their names."""

    def describe(row: Mapping[str, Any]) -> tuple[str, list[str]]:
        alt = f"Photo of {row['label']} that the model takes for {row['predicted']}"
        return alt, [f"shows: {row['label']}", f"model: {row['predicted']} ({confidence(row['confidence'], 0)})"]

    return Html(grid(_cards(wrong, root, describe, names)), f"{len(wrong)} mistakes")


def suspects(rows: pd.DataFrame, root: Path, names: Sequence[str] | None = None) -> Html:
    """Photos whose label is in doubt: the label, what it looks like, and which part of the photos it belongs to."""

    def describe(row: Mapping[str, Any]) -> tuple[str, list[str]]:
        looks = f"looks like {row['suggested']}, {confidence(row['suggested_confidence'], 0)}"
        lines = [f"labelled {row['label']}", looks, f"{row['split']} photo"]
        return f"Photo labelled {row['label']} that looks like {row['suggested']}", lines

    return Html(grid(_cards(rows, root, describe, names)), f"{len(rows)} photos whose label is in doubt")


def changes(record: Mapping[str, Any] | None, root: Path, limit: int = 12) -> Html:
    """Photos that this run names rightly and the last one did not, and the other way round; `limit` at the most, which is said.

    record: `against_last_run`; without one there is nothing to show.
    """
    if record is None:
        return Html("")

    def describe(row: Mapping[str, Any]) -> tuple[str, list[str]]:
        what = "put right" if row["predicted"] == row["label"] else "made wrong"
        alt = f"Photo of {row['label']}; now {row['predicted']}, before {row['then']}"
        return alt, [what, f"now: {row['predicted']}", f"before: {row['then']}"]

    changed = record["changed"]
    fixed = changed["predicted"] == changed["label"]
    order = changed.assign(fixed=fixed).sort_values(["fixed", "photo"])
    cut = f"<p class='note'>{limit} of {len(order)} photos are shown.</p>" if len(order) > limit else ""
    return Html(grid(_cards(order.head(limit), root, describe)) + cut, f"{len(order)} photos that changed")


def predictions_of(predictions: pd.DataFrame, label: str, root: Path, limit: int = 12) -> Html:
    """Test photos of one class with the model's answers, wrong ones first; `limit` at the most, which is said.

    Raises ParameterError for an unknown class.
    """
    own = predictions[predictions["label"] == label]
    if own.empty:
        known = ", ".join(natural(set(predictions["label"])))
        raise ParameterError(f"evaluation.show_class: there is no class {label!r}. There are: {known}.")
    own = own.assign(right=own["predicted"] == own["label"]).sort_values(["right", "confidence"])
    cards = [
        photo_card(
            root / row["photo"],
            f"Photo of {label}; the model says {row['predicted']}",
            [("✓ " if row["right"] else "✗ ") + str(row["predicted"]), f"{confidence(row['confidence'], 0)} sure"],
        )
        for row in own.head(limit).to_dict("records")
    ]
    cut = f"<p class='note'>{limit} of {len(own)} photos are shown.</p>" if len(own) > limit else ""
    return Html(grid(cards) + cut, f"{len(cards)} photos of {label}")


def one_photo(file: Path, alt: str, side: int = 320) -> Html:
    """One photo by itself."""
    return Html(grid([photo_card(file, alt, [], side)], "pair"), alt)


def display_prediction(file: Path, prediction: pd.Series, side: int = 320) -> Html:
    """A photo with what the model says of it: the answer, and a bar for each class.

    prediction: a row of `Predictor.predict` or of a table of predictions; with a label it is said whether the answer is right.
    """
    alt = f"The photo, which the model takes for {prediction['predicted']}"
    return one_photo(file, alt, side) + prediction_of(prediction)


def prediction_of(row: pd.Series) -> Html:
    """The answer in words, and a bar for each class."""
    return sentences.one_prediction(row) + plots.probability_bars(row)
