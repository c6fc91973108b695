"""Deciding about photos one by one, by mouse or keys; each decision is on disk at once, and the next run applies it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import ipywidgets
import pandas as pd

from boatlib import runtime
from boatlib.errors import DataError
from boatlib.lab.parts import Pane, beside
from boatlib.photos.corrections import DROP, RELABEL, Corrections
from boatlib.results.review_queue import Review
from boatlib.show.kit import gallery
from boatlib.show.kit.html import Html, escape, paragraph

BUTTONS = {
    "keep": "k  keep",
    "drop": "d  leave out",
    "back": "b  back",
    "next": "n  next",
    "undo": "u  undo the last decision",
}


def widget(queue: pd.DataFrame, classes: list[str], root: Path, corrections: Corrections) -> ipywidgets.Widget | Html:
    """Keep, relabel or leave out each photo of a queue (`review_queue`). Outside JupyterLab: how many wait."""
    if not runtime.is_interactive() or queue.empty:
        return waiting(queue)
    review = Review(queue, classes, corrections)
    photo, words, said = Pane(layout={"width": "500px", "min_width": "500px"}), Pane(), Pane()
    keys = ipywidgets.Text(placeholder="click here, then press the keys on the buttons", layout={"width": "420px"})
    before = [""]

    def show() -> None:
        row = review.photo
        photo.show(Html(gallery.photo_card(root / row["photo"], f"Photo labelled {row['label']}", [row["photo"]], 640)))
        words.show(description(review))
        yes.description = f"y  yes, it is {row['suggested']}"
        yes.layout.display = None if row["suggested"] else "none"

    def act(what: str, label: str = "") -> None:
        try:
            said.show(paragraph(review.act(what, label), "note"))
        except DataError as error:
            said.show(paragraph(str(error), "verdict"))
        show()

    def typed(change: dict[str, str]) -> None:
        # what was typed stays in the box: emptying it from here would race with the next key
        fresh = change["new"].removeprefix(before[0]) if len(change["new"]) > len(before[0]) else ""
        before[0] = change["new"]
        for key in fresh.lower():
            if (meaning := review.meaning(key))[0]:
                act(*meaning)

    keys.observe(typed, "value")
    names = {name: f"{place}  {name}" if place < 10 else name for place, name in enumerate(classes, 1)}
    labels = [_button(text, partial(act, "label", name)) for name, text in names.items()]
    others = [_button(text, partial(act, what)) for what, text in BUTTONS.items()]
    wrap = {"flex_flow": "row wrap"}
    yes = _button("", lambda: act("label", str(review.photo["suggested"])))
    yes.button_style = "info"
    show()
    panel = [words, yes, ipywidgets.Box(labels, layout=wrap), ipywidgets.Box(others, layout=wrap), keys, said]
    return beside(photo, ipywidgets.VBox(panel, layout={"width": "560px"}))


def description(review: Review) -> Html:
    """Where one is, why the photo is in the queue, what has been decided about it, and what to bear in mind."""
    row, decided = review.photo, review.corrections.decided()
    done = int(review.queue["sha256"].isin(decided["sha256"]).sum())
    head = f"{review.place + 1} of {len(review.queue)} photos; {done} decided"
    lines = Html(
        f"<h3>Labelled {escape(str(row['label']))} <small>{escape(head)}</small></h3>", f"{row['label']} ({head})"
    )
    lines += paragraph(f"Here because: {row['why']}.")
    for last in decided[decided["sha256"] == row["sha256"]].to_dict("records"):
        what = {RELABEL: f"it is {last['new_label']}", DROP: "leave it out"}.get(last["decision"], "the label is right")
        lines += paragraph(f"Decided: {what}. The next run applies it.")
    if row["split"] == "test":
        lines += paragraph(
            "A test photo, which judges the model: change its label only if it is plainly wrong.", "note"
        )
    return lines


def waiting(queue: pd.DataFrame) -> Html:
    """How many photos wait, and where they can be decided about."""
    if queue.empty:
        return paragraph("No photo waits for a decision.")
    return paragraph(
        f"{len(queue)} photos wait for a decision: keep the label, change it, or leave the photo out. In JupyterLab they "
        "appear here one by one."
    )


def _button(text: str, pressed: Callable[[], None]) -> ipywidgets.Button:
    button = ipywidgets.Button(description=text, layout={"width": "auto"})
    button.on_click(lambda _: pressed())
    return button
