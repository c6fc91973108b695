"""Two runs side by side: figures, photos put right and made wrong, settings that differ."""

from pathlib import Path

import ipywidgets

from boatlib import runtime
from boatlib.lab.parts import Pane, choice
from boatlib.params import Params, shareable
from boatlib.results.comparison import against_last_run, between
from boatlib.run import Run, finished_runs
from boatlib.show import comparison
from boatlib.show.kit.html import Html, paragraph


def widget(run: Run, root: Path) -> ipywidgets.Widget | Html:
    """Choose two runs and compare them. Outside JupyterLab: this run and the last one of its name."""
    if not runtime.is_interactive():
        predictions, settings = run.table("predictions"), shareable(Params.of_run(run.name).model_dump())
        record = against_last_run(run, predictions, settings)
        return comparison.last_run(record) + comparison.changes(record, root)
    runs = finished_runs()
    if len(runs) < 2:
        return paragraph("There is one run only. As soon as there are two, they can be compared here.")
    first, second = choice("run", runs), choice("beside", runs)
    first.value, second.value = next(name for name in runs if name != run.name), run.name
    pane = Pane()

    def show(_: object) -> None:
        pane.show(compared(Run(first.value), Run(second.value), root))

    first.observe(show, "value")
    second.observe(show, "value")
    show(None)
    return ipywidgets.VBox([ipywidgets.HBox([first, second]), pane])


def compared(first: Run, second: Run, root: Path) -> Html:
    """What differs between two runs. root: the folder of their photos."""
    tables_of = [(run.table("predictions"), shareable(Params.of_run(run.name).model_dump())) for run in (first, second)]
    record = between(*tables_of[0], *tables_of[1])
    figures = comparison.figures({run.name: run.record("metrics") for run in (first, second)})
    return (
        figures
        + comparison.two_runs(record, f"“{first.name}”", f"“{second.name}”")
        + comparison.not_to_choose_by()
        + comparison.changes(record, root)
    )
