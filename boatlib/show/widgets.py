"""What can be clicked in JupyterLab. Each widget has a static twin, which is shown where the chain runs."""

from pathlib import Path

import ipywidgets
import pandas as pd
from IPython.display import HTML

from boatlib import runtime
from boatlib.show import browser
from boatlib.show.html import Html


def photo_browser(catalog: pd.DataFrame, root: Path) -> ipywidgets.Widget | Html:
    """Page through the photos by class and status. Outside JupyterLab: the first page of the skipped ones."""
    if not runtime.is_interactive():
        return browser.page(browser.select(catalog[catalog["width"].notna()], status="skipped"), 1, root)
    labels = [browser.EVERYTHING, *sorted(set(catalog["label"]) - {""})]
    label = ipywidgets.Dropdown(options=labels, description="class")
    status = ipywidgets.Dropdown(options=["used", "skipped", browser.EVERYTHING], description="status")
    number = ipywidgets.BoundedIntText(value=1, min=1, description="page")
    back, forward = (ipywidgets.Button(icon=icon, tooltip=words, layout={"width": "44px"}) for icon, words in
                     (("chevron-left", "previous page"), ("chevron-right", "next page")))  # fmt: skip
    output = ipywidgets.Output()

    def show(*_: object) -> None:
        photos = browser.select(catalog, label.value, status.value)
        number.max = browser.page_count(photos)
        output.outputs = ()
        output.append_display_data(HTML(browser.page(photos, number.value, root).markup))

    def first_page(*_: object) -> None:
        number.value = 1
        show()

    label.observe(first_page, "value")
    status.observe(first_page, "value")
    number.observe(show, "value")
    back.on_click(lambda _: setattr(number, "value", max(1, number.value - 1)))
    forward.on_click(lambda _: setattr(number, "value", min(number.max, number.value + 1)))
    show()
    return ipywidgets.VBox([ipywidgets.HBox([label, status, back, number, forward]), output])
