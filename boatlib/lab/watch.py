"""The curves of a training, also of one that runs elsewhere: they grow as its epochs pass."""

import asyncio
import contextlib

import ipywidgets

from boatlib import runtime
from boatlib.lab.parts import Pane, choice
from boatlib.run import Run, started_runs
from boatlib.show import training
from boatlib.show.kit.html import Html, paragraph

SECONDS = 1.0  # between looks at the file


def widget(run: Run) -> ipywidgets.Widget | Html:
    """Choose a run and watch its curves, from its `history.csv`. Outside JupyterLab: the curves of this run as they are."""
    if not runtime.is_interactive():
        return curves(run)
    which, pane = choice("run", started_runs()), Pane()
    which.value = run.name
    shown: list[object] = [None]

    def show() -> None:
        chosen = Run(which.value)
        with contextlib.suppress(FileNotFoundError):
            now = (chosen.name, chosen.path("history").stat().st_mtime_ns)
            if now != shown[0]:
                pane.show(curves(chosen))
                shown[0] = now
            return
        shown[0] = None
        pane.show(paragraph(f"{chosen.name}: no epoch has ended yet. The curves appear here by themselves.", "note"))

    async def look() -> None:
        while box.comm is not None:  # until the widget is closed
            show()
            await asyncio.sleep(SECONDS)

    box = ipywidgets.VBox([which, pane])
    which.observe(lambda _: show(), "value")
    show()
    with contextlib.suppress(RuntimeError):  # without an event loop, as in a plain Python, it shows what is there
        _LOOKING.append(asyncio.get_running_loop().create_task(look()))
    return box


_LOOKING: list[asyncio.Task] = []  # tasks are held, or they may vanish


def curves(run: Run) -> Html:
    """The curves as far as the training has come."""
    return training.curves(run.table("history"), int((run.table("split")["split"] == "val").sum()))
