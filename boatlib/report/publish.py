"""The last act: the pages of a whole run take the place of the older ones, and the list of runs is written anew."""

import contextlib
import gc
import os
import shutil
from pathlib import Path

from boatlib.failures import exit_code_of
from boatlib.files import explained, through_links
from boatlib.params import Params
from boatlib.report import board
from boatlib.report.board import COMPLETE
from boatlib.report.pages import PARTNER, page_file
from boatlib.report.pdf import print_pages
from boatlib.report.render import render
from boatlib.run import BEFORE, EARLIER, KEPT, NEWEST, SHARED_FILES, Run, all_steps, project_root

LARGE = 1_000_000  # bytes of a file that is kept as hard link


def publish(run: Run) -> Path:
    """Make the partner's page, and put it with the others of `runs/<run>/pages/` into `reports/<run>/` in one step; returns the
    path of its index.html. Raises what `render` raises, and DiskError.
    """
    steps = all_steps(project_root(), bool(Params.of_run(run.name).model))
    first = next(step for step in steps if step in PARTNER)
    render(run, first, steps)
    reports = project_root() / "reports"
    folder = through_links(reports / run.name)
    new, old = (folder.with_name(f".{folder.name}.{word}") for word in ("new", "old"))
    if old.is_dir() and not folder.exists():  # killed between the two moves below
        os.replace(old, folder)
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    with explained(folder):
        new.mkdir(parents=True)
        for step in steps:
            shutil.copyfile(run.folder / "pages" / f"{step}.html", new / page_file(step))
        for name in SHARED_FILES:
            shutil.copyfile(run.need(name), new / run.path(name).name)
        if problem := print_pages(new / page_file(first), new):
            print(f"      {problem}", flush=True)
        (new / COMPLETE).touch()
        _remember(run)
        if folder.exists():
            os.replace(folder, old)
        os.replace(new, folder)
        shutil.rmtree(old, ignore_errors=True)
        board.remember(run)
        board.write(reports)
    return folder / "index.html"


def _remember(run: Run) -> None:
    """Keep the files of this run: a later one that fails loses nothing, and the next one is compared with it.

    Large ones are hard links, which take no space: whatever is written later gets a file of its own.
    """
    folder = run.folder / EARLIER
    newest, before, fresh, old = (folder / name for name in (NEWEST, BEFORE, ".fresh", ".old"))
    if old.is_dir() and not newest.exists():  # killed between the moves below
        os.replace(old, newest)
    for left in (fresh, old):
        shutil.rmtree(left, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name in KEPT:
        if (run.folder / name).is_dir():
            shutil.copytree(run.folder / name, fresh / name, copy_function=_keep)
        elif (run.folder / name).is_file():
            _keep(run.folder / name, fresh / name)
    predictions = [folder / "predictions.csv" for folder in (newest, fresh)]
    if predictions[0].is_file() and predictions[0].read_bytes() != predictions[1].read_bytes():
        shutil.rmtree(before, ignore_errors=True)
        os.replace(newest, before)
    if newest.is_dir():
        os.replace(newest, old)
    os.replace(fresh, newest)
    shutil.rmtree(old, ignore_errors=True)


def _keep(old: Path | str, new: Path | str) -> None:
    if os.stat(old).st_size > LARGE:
        with contextlib.suppress(OSError):  # a file system without hard links
            os.link(old, new)
            return
    shutil.copyfile(old, new)


def main(run: str) -> int:
    """Publish a run; returns the exit code. What went wrong is printed in a sentence."""
    gc.disable()  # a seventh of the time, for 7 MB: the process ends soon
    return exit_code_of(Run(run), "the report", lambda: publish(Run(run)))
