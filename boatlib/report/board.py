"""The list of runs, `reports/index.html`: what each says, what changed, its earlier runs, and runs of the same test photos in
pairs."""

import json
from collections.abc import Mapping
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from boatlib import spreadsheet
from boatlib.files import write_text
from boatlib.messages import in_digits, on_the_day
from boatlib.params import FOLDER
from boatlib.report.pages import style
from boatlib.results.comparison import between
from boatlib.run import Run
from boatlib.shares import p_words, percent
from boatlib.show import arrived, brief
from boatlib.show.kit import fonts, tables
from boatlib.show.kit.html import escape

RECORD, HOW = "summary.json", "run.json"  # in a report folder: what it says, and how it was made
PUBLISHED = "published.jsonl"  # in the folder of a run: a line for each report with other results, the oldest first
COMPLETE = ".complete"  # in a report folder: all of its pages come from one whole run
PAIRS = 12  # at the most
HEADS = (
    "report",
    "set",
    "made",
    "verdict",
    "of 1,000 accepted",
    "wrong of the accepted",
    "right",
    "since the last run",
)


def remember(run: Run) -> None:
    """Add a line to the run's published reports, unless the last one says the same."""
    record, how = run.record("summary"), run.record("run_record")
    kept = (
        ("kind", "decision", "photos", "accepted", "promise")
        if _of_new_photos(record)
        else ("decision", "accuracy", "photos", "policy")
    )
    line = {"made": how["made"], **{name: record.get(name) for name in kept}}
    file = run.folder / PUBLISHED
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    if not lines or {**json.loads(lines[-1]), "made": ""} != {**line, "made": ""}:
        write_text(file, "\n".join([*lines, json.dumps(line)]) + "\n")


def write(reports: Path) -> Path:
    """Write the list of all whole reports in the folder, the newest first."""
    found = [path.parent for path in reports.glob(f"*/{COMPLETE}")]
    runs = {folder.name: (_read(folder / RECORD), _read(folder / HOW)) for folder in found}
    runs = dict(sorted(runs.items(), key=lambda item: (reports / item[0] / COMPLETE).stat().st_mtime, reverse=True))
    rows = "".join(_row(name, *both) for name, both in runs.items())
    heads = "".join(f'<th scope="col">{head}</th>' for head in HEADS)
    table = (
        '<div class="table" tabindex="0" role="region" aria-label="Reports"><table class="board">'
        "<caption>A line for each run; its name opens its decision brief.</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    body = f"{table}{_pairs(list(runs))}" if runs else "<p>No report yet.</p>"
    return write_text(
        reports / "index.html",
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        'font-src data:">\n'
        f'<meta name="color-scheme" content="light dark">\n<title>Reports</title>\n'
        f"<style>{fonts.faces(body)}{style()}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>Reports</h1>\n{body}\n</main>\n</body>\n</html>\n",
    )


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _row(name: str, record: Mapping[str, Any], how: Mapping[str, Any]) -> str:
    link = f'<a href="{escape(name)}/index.html">{escape(name)}</a>'
    if "decision" not in record:  # of an older version
        return f'<tr><th scope="row">{link}</th><td colspan="7">{escape(str(record.get("verdict", "")))}</td></tr>'
    of = how["settings"]["images"]
    new = _of_new_photos(record)
    kind = (
        f"{record['photos']:,} new photos"
        if new
        else f"{len(record['answers'])} classes{'' if of == FOLDER else f', {of}'}"
    )
    verdict, *figures = _figures(record)
    badge = f'<span class="mark {(arrived if new else brief).MOODS[record["decision"]]}">{escape(verdict)}</span>'
    last = "–" if new else brief.since_last(record) or "the first one"
    first = [escape(kind), escape(on_the_day(date.fromisoformat(how["made"]))), badge]
    cells = "".join(f"<td>{inside}</td>" for inside in [*first, *map(escape, [*figures, last])])
    return f'<tr><th scope="row">{link}{_earlier(name)}</th>{cells}</tr>'


def _of_new_photos(record: Mapping[str, Any]) -> bool:
    return "kind" in record


def _figures(record: Mapping[str, Any]) -> list[str]:
    """Verdict, answers of 1,000 that are accepted, wrong ones among them, right answers."""
    if _of_new_photos(record):
        judged, share = record["promise"]["answers"][0], record["accepted"] / record["photos"]
        wrong = f"{judged['wrong']} of {judged['judged']:,}" if judged["judged"] else "not judged"
        return [arrived.decision(record), in_digits(round(1000 * share)), wrong, "–"]
    judged = record["policy"]
    accepted, wrong = "none", "–"
    if brief.accepts(record):
        accepted, wrong = in_digits(judged["use_per_1000"]), f"{judged['wrong']} of {judged['used']:,}"
    return [brief.decision(record), accepted, wrong, f"{percent(record['accuracy'])} of {record['photos']:,}"]


def _earlier(name: str) -> str:
    """The run's earlier reports, folded up; nothing for a first one."""
    file = Run(name).folder / PUBLISHED
    lines = file.read_text(encoding="utf-8").splitlines()[:-1] if file.is_file() else []
    if not lines:
        return ""
    told = [json.loads(line) for line in reversed(lines)]
    items = "".join(
        f"<li>{escape(on_the_day(date.fromisoformat(one['made'])))}: {escape(', '.join(_figures(one)))}</li>"
        for one in told
    )
    return f"<details><summary>{len(told)} earlier</summary><ul>{items}</ul></details>"


def _pairs(names: list[str]) -> str:
    """Runs that were judged by the same photos, in pairs: the exact test of McNemar on what they answer differently."""
    answers = {
        name: spreadsheet.read_table(file)[["photo", "label", "predicted"]]
        for name in names
        if (file := Run(name).path("predictions")).is_file()
    }
    rows: list[dict[str, Any]] = []
    for first, second in combinations(answers, 2):
        beside = between(answers[second], {}, answers[first], {})
        if beside["photos"] and len(rows) < PAIRS:
            rows.append(
                {
                    "first": first,
                    "second": second,
                    "same test photos": beside["photos"],
                    "first right": beside["now_correct"],
                    "second right": beside["then_correct"],
                    "only the first": beside["fixed"],
                    "only the second": beside["broken"],
                    "p-value": p_words(beside["p_value"]),
                }
            )
    if not rows:
        return ""
    shown = pd.DataFrame(rows)
    counts = [name for name in shown.columns if name not in ("first", "second", "p-value")]
    table = tables.table(shown, "Runs judged by the same photos", dict.fromkeys(counts, tables.number)).markup
    return f"<h2>Side by side</h2>{table}"
