"""The random views of training, with sliders: what may be done to a photo so that a person still sees what it shows?"""

from pathlib import Path
from typing import Any

import ipywidgets
import pandas as pd

from boatlib import runtime
from boatlib.lab.parts import Pane
from boatlib.model.inputs.views import Augmentation, Preprocessing
from boatlib.show import provenance
from boatlib.show.kit.html import Html, escape, paragraph
from boatlib.show.views import augmented

VIEWS = 12
RANGES = {"min_scale": (0.05, 1.0, 0.05), "rotation": (0.0, 90.0, 1.0), "jitter": (0.0, 0.9, 0.05)}


def widget(
    photos: pd.DataFrame, root: Path, preprocessing: Preprocessing, augmentation: Augmentation, count: int = 0
) -> ipywidgets.Widget | Html:
    """Move the sliders and see the views; below stand the lines for a params file, and the one that makes a run of it here.
    Outside JupyterLab: the views as they are.

    photos: columns photo, sha256, the first one is shown first; count: views of each photo in the run, 0 for none.
    """
    if not runtime.is_interactive():
        return augmented(root / photos["photo"].iloc[0], photos["sha256"].iloc[0], preprocessing, augmentation)
    wide = {"style": {"description_width": "70px"}, "layout": {"width": "420px"}, "continuous_update": False}
    sliders = {
        name: ipywidgets.FloatSlider(
            value=getattr(augmentation, name), min=low, max=high, step=step, description=name, **wide
        )
        for name, (low, high, step) in RANGES.items()
    }
    flip = ipywidgets.Checkbox(value=augmentation.flip, description="flip", indent=False, layout={"width": "110px"})
    views = ipywidgets.IntSlider(
        value=count, min=0, max=64, description="views", tooltip="of each photo, beside the plain one", **wide
    )
    another = ipywidgets.Button(description="another photo", icon="random")
    pane, lines, place = Pane(), Pane(), [0]

    def show(_: object = None) -> None:
        chosen = Augmentation(**{name: slider.value for name, slider in sliders.items()}, flip=flip.value)
        row = photos.iloc[place[0] % len(photos)]
        pane.show(augmented(root / row["photo"], row["sha256"], preprocessing, chosen, VIEWS))
        wanted = {
            "views": views.value,
            "min_scale": chosen.min_scale,
            "rotation": chosen.rotation,
            "jitter": chosen.jitter,
            "flip": chosen.flip,
        }
        lines.show(provenance.params_lines("training", wanted) + _as_variation(wanted))

    def next_photo(_: object) -> None:
        place[0] += 1
        show()

    another.on_click(next_photo)
    for control in (*sliders.values(), flip, views):
        control.observe(show, "value")
    show()
    return ipywidgets.VBox([views, *sliders.values(), ipywidgets.HBox([flip, another]), pane, lines])


def _as_variation(wanted: dict[str, Any]) -> Html:
    call = f'choose.variation("a-name-of-its-own", training={wanted})'
    command = f'<pre class="command" tabindex="0"><code>{escape(call)}</code></pre>'
    return paragraph("Or, in a cell of this notebook, as a run of its own:", "note") + Html(command, call)
