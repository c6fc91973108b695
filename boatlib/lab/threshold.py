"""Work against errors, live: where is the line below which a person looks?"""

import ipywidgets
import pandas as pd

from boatlib import runtime
from boatlib.lab.parts import Pane
from boatlib.results.review import by_answer
from boatlib.shares import percent
from boatlib.show import review
from boatlib.show.kit.html import Html, paragraph


def widget(predictions: pd.DataFrame, threshold: float) -> ipywidgets.Widget | Html:
    """Move the line and see, for each answer of the model, how many photos people check and how many errors are left.

    threshold: where the line is at first. Outside JupyterLab: nothing.
    """
    if not runtime.is_interactive():
        return Html("")
    slider = ipywidgets.FloatSlider(
        value=min(threshold, 1), min=0, max=1, step=0.01, readout_format=".0%", description="check below",
        style={"description_width": "initial"}, layout={"width": "560px"},
    )  # fmt: skip
    pane = Pane()
    slider.observe(lambda _: pane.show(at(predictions, slider.value)), "value")
    pane.show(at(predictions, slider.value))
    return ipywidgets.VBox([slider, pane])


def at(predictions: pd.DataFrame, threshold: float) -> Html:
    """One line, in words and by answer."""
    rows = by_answer(predictions, threshold)
    total = rows.iloc[0]
    verb = "is" if total["wrong"] == 1 else "are"
    text = (
        f"If people check the answers given with less than {percent(threshold, 0)} confidence, and not those called "
        f"unfamiliar, they "
        "look at "
        f"{total['checked']} of "
        f"{total['given']} photos; of the {total['kept']} others {total['wrong']} {verb} named wrongly."
    )
    return paragraph(text) + review.by_answer(rows)
