"""Which run a notebook works on, in JupyterLab: one of those that are there, with all of its settings.

A notebook writes into the folder of its run, and 04 into its corrections. So settings that are not those of the run stop it,
unless they are asked for as a run of their own (`variation`).
"""

import ast
import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import ipywidgets
from IPython.core.error import InputRejected
from IPython.core.getipython import get_ipython
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from IPython.display import HTML, display

from boatlib.errors import BoatlibError, MissingInputError, ParameterError
from boatlib.files import replacing_folder, write_text
from boatlib.lab.parts import Pane, script
from boatlib.messages import on_the_day
from boatlib.params import Params, changed_by, declared_parameters
from boatlib.run import NEW_PHOTOS, Run, all_steps, choose_run, chosen_run, files_of, project_root
from boatlib.show import arrived, brief
from boatlib.show.kit.html import Html, paragraph

HERE = "choose"  # cells that name this module are never stopped
THIS_RUN = "this_run"  # the variable of all notebooks by which they know their run
SHOWN_ALONE = {("01_exploration", "training")}  # sections of which a notebook only shows something
FROM_THE_TOP = "Run it from the top: Run > Run All Cells."
# Run All moves the view to the end of the notebook, where a cell further up is no longer drawn: it is looked for from the top,
# more slowly each time, since a busy browser draws late. Whoever scrolls, clicks or types ends it; so does another tab in front
INTO_VIEW = script("""
const cell = this.closest('.jp-Cell');
const panel = cell.closest('.jp-WindowedPanel-outer')
  || document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer');
let top = 0, wait = 60, seen = 0, over = false;
for (const input of ['wheel', 'pointerdown', 'keydown'])
  document.addEventListener(input, () => { over = true; }, {capture: true, once: true});
const look = () => {
  if (over || wait > 2000 || seen > 3 || !panel || !panel.clientHeight) return;
  if (cell.isConnected) {
    seen += 1;
    cell.scrollIntoView({block: 'center'});
  } else {
    panel.scrollTo(0, top);
    top += 500;
    if (top > panel.scrollHeight) { top = 0; wait *= 2; }
  }
  setTimeout(look, cell.isConnected ? 500 : wait);
};
setTimeout(look, 500);""")


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

    again = False  # for the reason that stopped the last one

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def _begins(node: ast.AST) -> bool:
    """Whether a cell has imports or defaults alone, as those above the one that chooses."""
    body = getattr(node, "body", [])
    return all(isinstance(line, ast.Import | ast.ImportFrom | ast.AnnAssign) for line in body)


class Guard(ast.NodeTransformer):
    """Asked before each cell: are the parameters still those of the run, and is what lies in memory its own? namespace: the
    notebook's variables.
    """

    def __init__(self, namespace: dict[str, Any], notebook: str, run: str) -> None:
        self._namespace, self._notebook, self._run = namespace, notebook, run
        self.next = run  # what the notebook is to work on from the top
        self.stop = ""  # why no cell runs before the one that chooses has run again
        self.said = ""  # of these sentences the last one that was shown
        self._untouched = True  # no cell has worked on the run yet
        self.follow: Callable[[str], None] = self.go_to  # called with a run that a cell has chosen

    def visit(self, node: ast.AST) -> ast.AST:
        """Raises Stopped."""
        if _begins(node) or any(isinstance(inner, ast.Name) and inner.id == HERE for inner in ast.walk(node)):
            return node
        if sentence := self.stop or self.against() or self._left_over(node):
            stopped = Stopped(sentence)
            stopped.again, self.said = sentence == self.said, sentence
            raise stopped
        self._untouched = False
        return node

    def go_to(self, run: str) -> None:
        """Work on another run. Where a cell has worked on this one, none goes on with what it has left in memory."""
        self.next = run
        if self._untouched:
            self._run, self.stop = run, ""
            self._namespace.update(settings(run, self._notebook))
        else:
            self.stop = "" if run == self._run else f"This notebook is to work on {run} now. {FROM_THE_TOP}"

    def _left_over(self, node: ast.AST) -> str:
        """What to do where variables are those of another run, and this cell is not the one that makes them anew."""
        held = self._namespace.get(THIS_RUN)
        names = (
            inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
        )
        if not isinstance(held, Run) or held.name == self._run or THIS_RUN in names:
            return ""
        return f"What is in memory belongs to the run {held.name}, and {self._run} is chosen. {FROM_THE_TOP}"

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
    known, last = runs(answers), chosen_run(answers)
    run = next((guard.next for guard in _guards() if guard.next in known), last)  # what others choose changes none
    assert run  # the cell is there because there is one
    namespace.update(settings(run, notebook))
    guard = Guard(namespace, notebook, run)
    wide = {"width": "760px"}
    which = ipywidgets.Dropdown(options=_options(answers), value=run, description="run", layout=wide)
    said = Pane()

    def show() -> None:
        words = paragraph(guard.stop, "verdict") if guard.stop else _differing(which.value, notebook)
        if guard.next == run != last:
            words += paragraph(f"Another notebook has chosen {last} since; this one goes on with {run}.", "note")
        said.show(words)

    def take(change: dict[str, str]) -> None:
        choose_run(change["new"])
        guard.go_to(change["new"])
        show()

    def follow(name: str) -> None:
        """What `variation` has chosen."""
        if not answers:
            which.options = _options(answers)
            which.value = name

    guard.follow = follow
    which.observe(take, "value")
    if shell := get_ipython():
        _watch(shell, guard)
    show()
    return ipywidgets.VBox([which, said])


def _options(answers: bool) -> list[tuple[str, str]]:
    return [(words, name) for name, words in runs(answers).items()]


def _differing(run: str, notebook: str) -> Html:
    """Which settings of a run are not those that the cell with the defaults shows."""
    own = settings(run, notebook)
    defaults = declared_parameters(project_root() / "notebooks" / f"{notebook}.ipynb")
    other = [f"{name} = {value!r}" for name, value in own.items() if name != "run" and value != defaults[name]]
    words = f"{', '.join(other)}; all else" if other else "all but the name"
    return paragraph(
        f"Run {run}: {words} as it stands above. Running this notebook writes its files in runs/{run}/ anew.", "note"
    )


def _guards() -> list[Guard]:
    """That of this notebook, if the cell that chooses has run."""
    transformers = shell.ast_transformers if (shell := get_ipython()) else []
    return [guard for guard in transformers if isinstance(guard, Guard)]


def _watch(shell: InteractiveShell, guard: Guard) -> None:
    """Ask the guard before each cell, and bring what has failed into view, once."""
    shell.ast_transformers[:] = [other for other in shell.ast_transformers if not isinstance(other, Guard)]
    shell.ast_transformers.append(guard)
    if _bring_into_view not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _bring_into_view)


def _bring_into_view(result: ExecutionResult) -> None:
    error = result.error_before_exec or result.error_in_exec
    if error and not (isinstance(error, Stopped) and error.again):
        display(HTML(INTO_VIEW))


def variation(name: str, **changed: object) -> Html:
    """Make a run like the chosen one, but for some settings, and choose it. What earlier notebooks have made is copied. One that
    has been made so before is chosen.

    changed: parameters as notebooks name them. Raises ParameterError; then no cell of the notebook runs either, since it would
    work on the run that was to be left alone.
    """
    try:
        words = _made(name, changed)
    except ParameterError as error:
        for guard in _guards():
            guard.stop = guard.said = (
                f"The variation was refused: {error} Mend its line, then run this notebook from the top."
            )
        raise
    for guard in _guards():
        guard.follow(name)
    return words


def _made(name: str, changed: dict[str, Any]) -> Html:
    of = next((guard.next for guard in _guards()), chosen_run())
    if not of:
        raise ParameterError("There is no run yet of which this could be a variation.")
    params = changed_by(Params.of_run(of), changed).model_copy(update={"run": name})
    told = ", ".join(f"{key} = {value!r}" for key, value in changed.items()) or "the same settings"
    if (project_root() / "runs" / name).exists():
        if Params.of_run(name) != params:
            raise ParameterError(
                f"There is a run {name!r} already, with other settings. Give the variation a name of its own."
            )
        choose_run(name)
        return paragraph(f"{name}, with {told}, is there already, and chosen.", "note")
    kept = [*_before(Params.of_run(of), params)]
    with replacing_folder(project_root() / "runs" / name) as new:
        write_text(new / "params.json", params.model_dump_json(indent=2) + "\n")
        for old in [Run(of).path(file) for step in kept for file in files_of(step)]:
            if old.is_file():
                shutil.copyfile(old, new / old.name)
            elif old.is_dir():
                shutil.copytree(old, new / old.name, symlinks=True, copy_function=_linked)
    choose_run(name)
    steps = all_steps(project_root())
    first = next((step for step in steps if step not in kept), steps[-1])  # 06 has all settings
    return paragraph(f"{name} is {of} with {told}, and chosen now. Run {first} from the top, and those behind it.")


def _before(old: Params, new: Params) -> Iterator[str]:
    """Notebooks before the first one whose files depend on a parameter that differs."""
    was, now = old.model_dump(exclude={"run"}), new.model_dump(exclude={"run"})
    changed = {key: _names(key, was[key], value) for key, value in now.items() if value != was[key]}
    for step in all_steps(project_root()):
        own = declared_parameters(project_root() / "notebooks" / f"{step}.ipynb").keys()
        if any(names & own for section, names in changed.items() if (step, section) not in SHOWN_ALONE):
            return
        yield step


def _names(key: str, was: Any, now: Any) -> set[str]:  # noqa: ANN401
    """What differs in a section; outside of sections the parameter itself."""
    return {name for name, value in now.items() if value != was[name]} if isinstance(now, dict) else {key}


def _linked(old: str, new: str) -> None:
    try:
        os.link(old, new)
    except OSError:  # a file system without hard links
        shutil.copyfile(old, new)
