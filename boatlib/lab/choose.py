"""Which run a notebook works on, in JupyterLab: one of those that are there, with all of its settings.

A notebook writes into the folder of its run, and 04 into its corrections. So settings that are not those of the run stop it,
unless they are asked for as a run of their own (`variation`).
"""

import ast
import contextlib
import os
import shutil
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import ipywidgets
from IPython.core.error import InputRejected
from IPython.core.getipython import get_ipython

from boatlib.errors import BoatlibError, MissingInputError, ParameterError
from boatlib.files import replacing_folder, write_text
from boatlib.lab.parts import Pane
from boatlib.messages import on_the_day
from boatlib.params import Params, changed_by, declared_parameters
from boatlib.run import NEW_PHOTOS, Run, all_steps, choose_run, chosen_run, files_of, project_root
from boatlib.show import arrived, brief
from boatlib.show.kit.html import Html, escape, paragraph

HERE = "choose"  # cells that name this module are never stopped


def runs(answers: bool = False) -> dict[str, str]:
    """The runs that teach, or those that answer, the one that was started last first: by name, what there is to say of each."""
    found = []
    for file in (project_root() / "runs").glob("*/params.json"):
        lock = file.parent / "logs" / "lock"
        with contextlib.suppress(ValueError, BoatlibError):  # a damaged one is no choice
            params = Params.of_run(file.parent.name)
            if bool(params.model) == answers:
                found.append(((lock if lock.is_file() else file).stat().st_mtime, params.run, _words(params)))
    return {name: f"{name}  ·  {_when(time)}  ·  {words}" for time, name, words in sorted(found, reverse=True)}


def _when(time: float) -> str:
    made = datetime.fromtimestamp(time)
    return f"{on_the_day(made.date())}, {made:%H:%M}" if made.date() != date.today() else f"today, {made:%H:%M}"


def _words(params: Params) -> str:
    """A run's set and its verdict."""
    run, images = Run(params.run), params.new.images or params.images
    verdict = "not finished"
    with contextlib.suppress(MissingInputError, KeyError):  # a run of an older version has no such word
        verdict = (arrived if params.model else brief).decision(run.record("summary"))
    return f"{'/'.join(Path(images).parts[-2:])}  ·  {verdict}"


def settings(run: str, notebook: str) -> dict[str, Any]:
    """What a notebook's parameters are in a run."""
    return Params.of_run(run).for_notebook(project_root() / "notebooks" / f"{notebook}.ipynb")


class Stopped(InputRejected):
    """A cell is not run. Only the sentence is shown."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Guard(ast.NodeTransformer):
    """Asked before each cell: are the parameters still those of the run? namespace: the notebook's variables."""

    def __init__(self, namespace: dict[str, Any], notebook: str, run: str) -> None:
        self._namespace, self._notebook, self._run = namespace, notebook, run
        self.left = ""  # another run that was chosen, while this one's results are still in memory

    def visit(self, node: ast.AST) -> ast.AST:
        """Raises Stopped."""
        if not any(isinstance(inner, ast.Name) and inner.id == HERE for inner in ast.walk(node)):
            if self.left:
                raise Stopped(f"This notebook is to work on {self.left} now. Run it from the top: Run > Run All Cells.")
            if sentence := self.against():
                raise Stopped(sentence)
        return node

    def against(self) -> str:
        """Which parameters are not those of the run, and what to do; "" where all are."""
        own = settings(self._run, self._notebook)
        other = {
            name: self._namespace[name] for name, value in own.items() if self._namespace.get(name, value) != value
        }
        if not other:
            return ""
        words = ", ".join(f"{name} is {value!r} and not {own[name]!r}" for name, value in other.items())
        asked = ", ".join(f"{name}={value!r}" for name, value in other.items() if name != "run")
        return (
            f"{words}: these are not the settings of the run {self._run}, whose files this notebook would write. Run the cell at "
            f"the top again, and they are; or make a run of this kind: "
            f"choose.variation({f'{self._run}-2'!r}{', ' * bool(asked)}{asked})"
        )


def widget(namespace: dict[str, Any], notebook: str) -> ipywidgets.Widget:
    """Choose a run, and take all of its settings. namespace: globals() of the notebook."""
    answers = notebook == NEW_PHOTOS
    run = chosen_run(answers)
    assert run  # the cell is there because there is one
    namespace.update(settings(run, notebook))
    guard = Guard(namespace, notebook, run)
    if shell := get_ipython():
        shell.ast_transformers[:] = [other for other in shell.ast_transformers if not isinstance(other, Guard)]
        shell.ast_transformers.append(guard)
    which = ipywidgets.Dropdown(
        options=[(words, name) for name, words in runs(answers).items()], value=run, description="run",
        layout={"width": "760px"},
    )  # fmt: skip
    said = Pane()

    def take(change: dict[str, str]) -> None:
        choose_run(change["new"])
        guard.left = change["new"] if change["new"] != run else ""
        words = f"<strong>{escape(guard.left)}</strong> is chosen. Now run this notebook from the top: Run &gt; Run All Cells."
        said.show(Html(f"<p class='verdict'>{words}</p>") if guard.left else Html(""))

    which.observe(take, "value")
    return ipywidgets.VBox([which, said])


def variation(name: str, **changed: object) -> Html:
    """Make a run like the chosen one, but for some settings, and choose it. What earlier notebooks have made is copied.

    changed: parameters as notebooks name them. Raises ParameterError.
    """
    of = chosen_run()
    if not of:
        raise ParameterError("There is no run yet of which this could be a variation.")
    if (project_root() / "runs" / name).exists():
        raise ParameterError(f"There is a run {name!r} already. Give the variation a name of its own.")
    params = changed_by(Params.of_run(of), changed).model_copy(update={"run": name})
    kept = [*_before(changed)]
    with replacing_folder(project_root() / "runs" / name) as new:
        write_text(new / "params.json", params.model_dump_json(indent=2) + "\n")
        for old in [Run(of).path(file) for step in kept for file in files_of(step)]:
            if old.is_file():
                shutil.copyfile(old, new / old.name)
            elif old.is_dir():
                shutil.copytree(old, new / old.name, symlinks=True, copy_function=_linked)
    choose_run(name)
    first = next(step for step in all_steps(project_root()) if step not in kept)
    told = ", ".join(f"{key} = {value!r}" for key, value in changed.items()) or "the same settings"
    return paragraph(
        f"{name} is {of} with {told}, and chosen now. Run {first} from the top, and those behind it.", "verdict"
    )


def _before(changed: dict[str, object]) -> Iterator[str]:
    """Notebooks before the first one that declares any of these parameters."""
    names = {name for key, value in changed.items() for name in (value if isinstance(value, dict) else [key])}
    for step in all_steps(project_root()):
        if names & declared_parameters(project_root() / "notebooks" / f"{step}.ipynb").keys():
            return
        yield step


def _linked(old: str, new: str) -> None:
    try:
        os.link(old, new)
    except OSError:  # a file system without hard links
        shutil.copyfile(old, new)
