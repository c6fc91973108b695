"""The last act: the pages of a whole run take the place of the older ones, and the list of runs is written anew."""

import html
import os
import re
import shutil
import sys
from pathlib import Path

from boatlib.report.pages import PDF, SUMMARY, page_file, style
from boatlib.report.pdf import print_page
from boatlib.run import EARLIER, KEPT, Run, project_root, write_text

COMPLETE = ".complete"  # in a report folder: all of its pages come from one whole run


def publish(run: Run) -> Path:
    """Put `runs/<run>/pages/` into `reports/<run>/` in one step; returns the path of its index.html."""
    folder = project_root() / "reports" / run.name
    new, old = (folder.with_name(f".{run.name}.{word}") for word in ("new", "old"))
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    new.mkdir(parents=True)
    for page in (run.folder / "pages").glob("*.html"):
        shutil.copyfile(page, new / page_file(page.stem))
    if problem := print_page(run.folder / "pages" / f"{SUMMARY}.html", new / PDF):
        print(f"      {problem}", flush=True)
    (new / COMPLETE).touch()
    if folder.exists():
        os.replace(folder, old)
    os.replace(new, folder)
    shutil.rmtree(old, ignore_errors=True)
    _list_runs(folder.parent)
    _remember(run)
    return folder / "index.html"


def _remember(run: Run) -> None:
    """Keep what this run was judged by, for the comparison with the next one of its name."""
    folder = run.folder / EARLIER
    newest, before, fresh = (folder / name for name in ("newest", "before", ".fresh"))
    same = newest.is_dir() and (newest / KEPT[0]).read_bytes() == (run.folder / KEPT[0]).read_bytes()
    if same and all((newest / name).is_file() for name in KEPT):
        return
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name in KEPT:
        shutil.copyfile(run.folder / name, fresh / name)
    if newest.is_dir() and not same:
        shutil.rmtree(before, ignore_errors=True)
        os.replace(newest, before)
    shutil.rmtree(newest, ignore_errors=True)
    os.replace(fresh, newest)


def verdict(page: Path) -> str:
    """The verdict that a published summary carries as its description."""
    match = re.search(r'<meta (?=[^>]*name="description")[^>]*content="([^"]*)"', page.read_text(encoding="utf-8"))
    return html.unescape(match[1]) if match else ""


def _list_runs(reports: Path) -> None:
    runs = sorted(path.parent for path in reports.glob(f"*/{COMPLETE}"))
    items = "".join(
        f'<li><a href="{html.escape(run.name)}/index.html">{html.escape(run.name)}</a>'
        f"<p>{html.escape(verdict(run / 'index.html'))}</p></li>"
        for run in runs
    )
    write_text(
        reports / "index.html",
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>Reports</title>\n<style>{style()}</style>\n</head>\n<body>\n<main>\n<h1>Reports</h1>\n"
        f'<ul class="runs">{items}</ul>\n</main>\n</body>\n</html>\n',
    )


if __name__ == "__main__":
    publish(Run(sys.argv[1]))
