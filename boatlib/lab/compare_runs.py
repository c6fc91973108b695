"""Two runs side by side: figures, photos put right and made wrong, settings that differ."""

import contextlib
from pathlib import Path
from typing import Any

import ipywidgets

from boatlib import runtime
from boatlib.errors import BoatlibError
from boatlib.lab.parts import Pane, choice
from boatlib.model.inference import held_out
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
    others = [name for name in runs if name != run.name]
    first.value = next((name for name in others if _photos(name) == _photos(run.name)), others[0])
    second.value = run.name
    pane = Pane()

    def show(_: object) -> None:
        pane.show(compared(Run(first.value), Run(second.value), root))

    first.observe(show, "value")
    second.observe(show, "value")
    show(None)
    return ipywidgets.VBox([ipywidgets.HBox([first, second]), pane])


def _photos(run: str) -> str:
    with contextlib.suppress(ValueError, BoatlibError):  # a damaged run can be chosen, and says so then
        return Params.of_run(run).images
    return ""


def compared(first: Run, second: Run, root: Path) -> Html:
    """What differs between two runs. root: the folder of their photos."""
    settings = [shareable(Params.of_run(run.name).model_dump()) for run in (first, second)]

    def beside(answers: str) -> dict[str, Any]:
        return between(first.table(answers), settings[0], second.table(answers), settings[1])

    test, names = beside("predictions"), (f"“{first.name}”", f"“{second.name}”")
    return (
        comparison.outdated([run.name for run in (first, second) if _was_taught_again(run)])
        + comparison.to_choose_by(beside("val_predictions"), *names)
        + comparison.figures({run.name: run.record("metrics") for run in (first, second)})
        + comparison.two_runs(test, *names)
        + comparison.changes(test, root)
    )


def _was_taught_again(run: Run) -> bool:
    """Whether 04 has not judged the present model: it would have left the test photos there."""
    return not (run.path("model") / held_out.FILE).is_file()
