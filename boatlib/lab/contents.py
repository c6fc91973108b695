"""How JupyterLab opens and saves the notebooks of the chain.

They open with a cell that chooses a run (`lab.choose`) and with what they showed when they were open last. What is saved in
notebooks/ is their source alone: nothing is to be committed, and nothing runs again, because somebody has looked. JupyterLab is
told of this class by boatlib's installation (etc/jupyter/jupyter_server_config.json); other notebooks are left alone.
"""

from pathlib import Path
from typing import Any

import nbformat
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from nbformat import NotebookNode

from boatlib.errors import MissingInputError
from boatlib.files import write_text
from boatlib.run import NEW_PHOTOS, cache_folder, chosen_run, project_root

INJECTED = "injected-parameters"  # tag of papermill's, for a cell that overrides the defaults
RUN = "boatlib_run"  # in a notebook's metadata: whose settings it was opened with
WIDGET = "application/vnd.jupyter.widget-view+json"
CHOOSER = """# Which run this notebook works on: all of its settings hold. This cell is not saved with the notebook.
from boatlib.lab import choose

choose.widget(globals(), "{notebook}")"""


class Notebooks(AsyncLargeFileManager):
    """JupyterLab's own contents manager, but for the notebooks of the chain."""

    async def get(self, path: str, content: bool = True, *args: Any, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        """Read a file; see AsyncLargeFileManager."""
        model = await super().get(path, content, *args, **options)
        if content and (file := self._notebook(path)):
            try:
                run = chosen_run(answers=file.stem == NEW_PHOTOS)
                inject(model["content"], file, run)
                show_again(model["content"], _seen(file), run, alive=await self._is_open(path))
                model["content"].metadata.language_info = python()
            except Exception:  # whatever is wrong with the last run, the notebook opens, with its defaults
                self.log.exception("%s opens without the settings of a run", path)
        return model

    async def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        """Write a file; see AsyncLargeFileManager."""
        file = self._notebook(path)
        if model.get("type") != "notebook" or not file or not model.get("content"):
            return await super().save(model, path)
        shown = nbformat.from_dict(model["content"])
        write_text(_seen(file), nbformat.writes(shown))
        source = only_source(shown)
        if file.is_file() and source == only_source(nbformat.read(file, as_version=4)):
            return await super().get(path, content=False)
        return await super().save(model | {"content": source}, path)

    def _notebook(self, path: str) -> Path | None:
        """The file of a notebook of the chain, when this server was started inside the project; None for any other path."""
        file = Path(self._get_os_path(path))
        try:
            ours = file.parent == project_root() / "notebooks" and file.suffix == ".ipynb" and file.name[:2].isdigit()
        except MissingInputError:
            return None
        return file if ours else None

    async def _is_open(self, path: str) -> bool:
        """Whether a kernel is at work for this notebook, so that its widgets are alive."""
        sessions = await self.parent.session_manager.list_sessions() if self.parent else []
        return any(session["path"] == path.strip("/") for session in sessions)


def inject(notebook: NotebookNode, file: Path, run: str | None) -> None:
    """Put a cell that takes all settings of a run behind the cell with the defaults."""
    if run is None:
        return
    notebook.metadata[RUN] = run
    place = next((n for n, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])), None)
    if place is not None:
        source, metadata = CHOOSER.format(notebook=file.stem), {"tags": [INJECTED], "trusted": True}
        cell = nbformat.v4.new_code_cell(source, id="choose", metadata=metadata)
        notebook.cells.insert(place + 1, cell)


def python() -> dict[str, Any]:
    """The language as the kernel will describe it: JupyterLab marks a notebook as changed where another description stands."""
    from ipykernel.ipkernel import IPythonKernel

    return dict(IPythonKernel.language_info)


def show_again(notebook: NotebookNode, seen: Path, run: str | None, alive: bool) -> None:
    """Give cells that have not changed what they showed last, in the same run."""
    if not seen.is_file():
        return
    last = nbformat.read(seen, as_version=4)
    if last.metadata.get(RUN) != run:
        return
    by_id = {cell.id: cell for cell in last.cells}
    for cell in notebook.cells:
        was = by_id.get(cell.id)
        if was is not None and was.cell_type == "code" and was.source == cell.source:
            cell.outputs = [output if alive else _without_widget(output) for output in was.outputs]
            cell.execution_count = was.execution_count
            cell.metadata.trusted = True


def only_source(notebook: NotebookNode) -> NotebookNode:
    """A notebook as it lies in notebooks/: no outputs, no injected settings, of the metadata only tags and the kernel."""
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    cells = []
    for cell in notebook.cells:
        tags = list(cell.metadata.get("tags", []))
        if INJECTED in tags:
            continue
        own = {
            "cell_type": cell.cell_type,
            "id": cell.id,
            "source": cell.source,
            "metadata": {"tags": tags} if tags else {},
        }
        own |= {"attachments": cell.attachments} if "attachments" in cell else {}  # pictures in the prose
        cells.append(own | ({"outputs": [], "execution_count": None} if cell.cell_type == "code" else {}))
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return nbformat.from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def _without_widget(output: NotebookNode) -> NotebookNode:
    if WIDGET not in output.get("data", {}):
        return output
    words = "<p><em>Run this cell, and what stood here is alive again.</em></p>"
    return nbformat.v4.new_output("display_data", {"text/html": words, "text/plain": ""})


def _seen(file: Path) -> Path:
    """Where lies what a notebook showed."""
    return cache_folder("lab") / file.name
