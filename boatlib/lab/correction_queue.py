"""Deciding about photos one by one, by mouse or keys; each decision is on disk at once, and the next run applies it."""

from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from pathlib import Path

import ipywidgets
import pandas as pd

from boatlib import runtime
from boatlib.errors import DataError
from boatlib.lab.parts import Pane, beside, script
from boatlib.model.inference.predictor import Predictor
from boatlib.photos.corrections import DROP, RELABEL, Corrections
from boatlib.results.review_queue import DIGITS, Review
from boatlib.show.kit import gallery
from boatlib.show.kit.html import Html, escape, paragraph
from boatlib.show.predictions import sure

BUTTONS = {
    "keep": "k  keep",
    "drop": "d  leave out",
    "back": "b  back",
    "next": "n  next",
    "undo": "u  undo the last decision",
}

PANEL = "boatlib-queue"
WIDE = {"width": "420px"}
# A key after a click on a button is meant for the queue too. Only the browser is quick enough to see to that
HEARS = script(f"""
const panel = this.closest('.{PANEL}');
panel.addEventListener('click', event => event.target.closest('button') && panel.querySelector('input').focus());
panel.addEventListener('change', event => event.target !== panel.querySelector('input') && panel.querySelector('input').focus());
""")


def widget(queue: pd.DataFrame, predictor: Predictor, root: Path, corrections: Corrections) -> ipywidgets.Widget | Html:
    """Keep, relabel or leave out each photo of a queue (`review_queue`). Outside JupyterLab: how many wait."""
    if not runtime.is_interactive() or queue.empty:
        return waiting(queue)
    says = predictor.predict_catalogued(queue, root).set_index("photo").loc[queue["photo"]]
    review = Review(queue, predictor.classes, corrections, says)
    photo, words, said = Pane(layout={"width": "500px", "min_width": "500px"}), Pane(), Pane()
    # the last keys stay in the box, unseen: emptying it from here would race with the next one
    hidden = {"text_color": "transparent"}
    keys = ipywidgets.Text(placeholder="click here, or on a button, and press its key", style=hidden, layout=WIDE)
    before = [""]

    def show() -> None:
        row = review.photo
        both = [(row["photo"], row["label"]), (row["other"], row["other_label"])]
        cards = [_card(root, name, f"labelled {label}", 320 if row["other"] else 640) for name, label in both if name]
        photo.show(Html(gallery.grid(cards, "two") if row["other"] else cards[0]))
        words.show(description(review, says.iloc[review.place]))
        yes.description = f"y  yes, it is {row['suggested']}"
        yes.layout.display = None if row["suggested"] else "none"
        for number, (made, name) in enumerate(zip_longest(labels, review.likely), 1):
            made.description, made.layout.display = f"{number}  {name}", None if name else "none"

    def act(what: str, label: str = "") -> None:
        try:
            said.show(paragraph(review.act(what, label), "note"))
        except DataError as error:
            said.show(paragraph(str(error), "verdict"))
        show()

    def typed(change: dict[str, str]) -> None:
        fresh = change["new"].removeprefix(before[0]) if len(change["new"]) > len(before[0]) else ""
        before[0] = change["new"]
        for key in fresh.lower():
            if (meaning := review.meaning(key))[0]:
                act(*meaning)

    def named(change: dict[str, str]) -> None:
        if typed := change["new"].strip():
            meant = [name for name in review.classes if name.casefold().startswith(typed.casefold())]
            exact = [name for name in meant if name.casefold() == typed.casefold()]
            any_class.value = ""
            if len(exact or meant) == 1:
                act("label", (exact or meant)[0])
            else:
                which = "no class" if not meant else f"{len(meant)} classes"
                said.show(paragraph(f"The name of {which} begins with {typed!r}. Nothing is decided.", "verdict"))

    def button(text: str, pressed: Callable[[], None]) -> ipywidgets.Button:
        made = ipywidgets.Button(description=text, layout={"width": "auto"})
        made.on_click(lambda _: pressed())
        return made

    def take(place: int) -> None:
        act("label", review.likely[place])

    labels = [button("", partial(take, place)) for place in range(min(DIGITS, len(review.classes)))]
    others = [button(text, partial(act, what)) for what, text in BUTTONS.items()]
    any_class = ipywidgets.Combobox(
        placeholder="another class: its name, and Enter", options=review.classes, continuous_update=False, layout=WIDE
    )
    any_class.layout.display = None if len(review.classes) > len(labels) else "none"
    keys.observe(typed, "value")
    any_class.observe(named, "value")
    wrap = {"flex_flow": "row wrap"}
    yes = button("", lambda: act("label", str(review.photo["suggested"])))
    yes.button_style = "info"
    show()
    rows = [ipywidgets.Box(row, layout=wrap) for row in (others, labels)]
    panel = [ipywidgets.HTML(HEARS), words, yes, *rows, keys, any_class, said]
    right = ipywidgets.VBox(panel, layout={"width": "560px", "margin": "0 0 0 16px"})
    right.add_class(PANEL)
    return beside(photo, right)


def _card(root: Path, name: str, words: str, side: int) -> str:
    return gallery.photo_card(root / name, f"Photo {words}", [words, name], side)


def description(review: Review, says: pd.Series) -> Html:
    """Where one is, why the photo is in the queue, what the model says, what has been decided, and what to bear in mind. says: a
    row of predictions.
    """
    row, decided = review.photo, review.corrections.decided()
    done = int(review.queue["sha256"].isin(decided["sha256"]).sum())
    head = f"{review.place + 1} of {len(review.queue)} photos; {done} decided"
    lines = Html(
        f"<h3>Labelled {escape(str(row['label']))} <small>{escape(head)}</small></h3>", f"{row['label']} ({head})"
    )
    lines += paragraph(f"Here because: {row['why']}.")
    learnt = ", which has learnt from this photo," if row["split"] in ("train", "val") else ""
    lines += paragraph(f"The model{learnt} says {says['predicted']}, {sure(says['confidence'])}.")
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
