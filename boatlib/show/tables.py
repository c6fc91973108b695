"""Tables that a screen reader can follow: caption, scoped heads, numbers right-aligned, every cell escaped."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from boatlib import runtime
from boatlib.results.comparison import COLOURS, LARGEST
from boatlib.run import Run, files_of
from boatlib.shares import p_words, percent
from boatlib.show.html import Html, escape, paragraph

Format = Callable[[Any], str]
ROWS = 60  # of a DataFrame in JupyterLab
FORECASTS = 20  # classes in the table of what more photos would bring


def whole_percent(value: float) -> str:
    """A share as per cent without decimals, where these are not needed; an empty cell where there is none."""
    return percent(value, 0)


def interval(low: float, high: float, form: Format = percent) -> str:
    """A range as text that is not broken across lines."""
    return f"{form(low)}\u00a0–\u00a0{form(high)}"


def number(value: float) -> str:
    """A count with its thousands apart."""
    return "" if pd.isna(value) else f"{value:,.0f}"


def decimal(value: float) -> str:
    """A number with three places."""
    return "" if pd.isna(value) else f"{value:.3f}"


class Cell(NamedTuple):
    """A cell that is sorted by something else than its text, or that has a drawing (markup) before it."""

    text: str
    value: float
    drawing: str = ""


def table(rows: pd.DataFrame, caption: str, formats: Mapping[str, Format] | None = None, css: str = "") -> Html:
    """A DataFrame (without its index) as HTML table; the first column heads each row.

    formats: for columns of numbers; css: "sortable" lets the reader sort it, "with-total" sets the last row off, "compact" brings
    the rows together. Without rows it is a sentence.
    """
    if rows.empty:
        return paragraph(f"{caption}: none.", "note")
    formats = formats or {}
    numeric = {name for name in rows.columns if pd.api.types.is_numeric_dtype(rows[name]) or name in formats}
    numeric |= {name for name in rows.columns if len(rows) and all(isinstance(v, Cell) for v in rows[name])}
    numeric -= {rows.columns[0], "verdict"} if len(rows.columns) else set()
    align = {name: ' class="number"' if name in numeric else "" for name in rows.columns}
    head = "".join(f'<th scope="col"{align[name]}>{escape(str(name))}</th>' for name in rows.columns)
    body = []
    for row in rows.to_dict("records"):
        cells = []
        for position, (name, value) in enumerate(row.items()):
            inside, key = _inside(value, formats.get(str(name)))
            sort = f' data-value="{key}"' if css == "sortable" and key else ""
            cells.append(f'<th scope="row">{inside}</th>' if position == 0 else f"<td{align[name]}{sort}>{inside}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    markup = (
        f'<div class="table" tabindex="0" role="region" aria-label="{escape(caption)}"><table class="{css}">'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )
    return Html(markup, f"{caption}\n{rows.to_string(index=False)}")


def _inside(value: Any, form: Format | None) -> tuple[str, str]:  # noqa: ANN401
    """Markup of a cell, and what it is sorted by (empty: its text)."""
    if isinstance(value, Cell):
        return f"{value.drawing}{escape(value.text)}", f"{value.value:g}"
    if pd.isna(value):
        return "", "-1"
    key = f"{value:g}" if isinstance(value, int | float | np.number) else ""
    return escape(form(value) if form else str(value)), key


def skipped_reasons(catalog: pd.DataFrame, photo_names: bool = True) -> Html:
    """Why files were skipped, the commonest reason first, with an example where names of photos may be shown."""
    skipped = catalog[catalog["status"] == "skipped"]
    # the catalog has the name of the other photo; here all copies are one kind
    kinds = skipped["reason"].str.replace(r"^exact copy of .*", "exact copy of another photo", regex=True)
    found = skipped.assign(reason=kinds).groupby("reason").agg(files=("photo", "size"), example=("photo", "first"))
    rows = found.reset_index().sort_values(["files", "reason"], ascending=[False, True])
    return table(
        rows if photo_names else rows.drop(columns="example"), "Files that are not used, by reason", {"files": number}
    )


def twins(duplicates: pd.DataFrame, limit: int = 30) -> Html:
    """Photos that stand there twice; `limit` rows are shown at the most, which the caption says."""
    rows = duplicates.head(limit).assign(conflict=lambda t: ["two labels" if c else "" for c in t["conflict"]])
    more = f" (the first {limit} of {len(duplicates)})" if len(duplicates) > limit else ""
    kinds = {"exact": "byte for byte", "near": "to the eye"}
    rows = rows.assign(kind=rows["kind"].map(kinds)).rename(columns={"kind": "the same"})
    return table(rows, f"Photos that have a twin{more}")


def split_counts(counts: pd.DataFrame) -> Html:
    """Photos of each class in train, val and test, with the sums."""
    rows = pd.concat([counts, counts.sum().to_frame("all classes").T]).rename_axis("class").reset_index()
    rows["all"] = rows[["train", "val", "test"]].sum(axis=1)
    return table(
        rows, "Photos by class and split", dict.fromkeys(["train", "val", "test", "all"], number), "with-total"
    )


def class_weights(classes: Sequence[str], photos: Sequence[int], weights: Sequence[float]) -> Html:
    """How many photos teach each class, and how much each of them counts."""
    rows = pd.DataFrame({"class": classes, "training photos": photos, "weight of a photo": weights})
    formats: dict[str, Format] = {"training photos": number, "weight of a photo": lambda value: f"{value:.2f}"}
    return table(rows, "How much a photo of each class counts", formats)


def answers(predictions: pd.DataFrame) -> Html:
    """Photos with what the model says of them, as `Predictor.predict` gives it; the classes' probabilities are left out."""
    names = {"photo": "photo", "predicted": "the model says", "confidence": "sure"}
    names |= {"needs_review": "look again", "error": "error"}
    rows = predictions[list(names)].rename(columns=names)
    rows["photo"] = [str(photo).replace("\\", "/").rsplit("/", 1)[-1] for photo in rows["photo"]]
    rows["look again"] = ["yes" if wanted else "" for wanted in rows["look again"]]
    return table(rows, "What the model says", {"sure": percent})


def confused_pairs(pairs: pd.DataFrame) -> Html:
    """The commonest mistakes in words."""
    rows = pd.DataFrame(
        {
            "the photo shows": pairs["label"],
            "the model says": pairs["predicted"],
            "photos": pairs["photos"],
            "of that class": pairs["share"],
        }
    )
    return table(rows, "The most confused pairs", {"photos": number, "of that class": percent})


def tta_ways(rows: pd.DataFrame) -> Html:
    """How each way of looking did on the validation photos. rows: `tta.summarise`."""
    formats: dict[str, Format] = {"looks": number, "right": percent, "loss": decimal}
    return table(rows, "Ways of looking, judged on the validation photos", formats)


def tta_tests(record: Mapping[str, Any]) -> Html:
    """The paired test of each way of looking against the plain look. record: `tta.json`."""
    rows = pd.DataFrame(
        [
            {
                "way": name,
                "plain": f"{test['plain_correct']} of {test['photos']}",
                "with several looks": f"{test['tta_correct']} of {test['photos']}",
                "put right": test["fixed"],
                "made wrong": test["broken"],
                "p-value": p_words(test["p_value"]),
            }
            for name, test in record["test"].items()
        ]
    )
    formats: dict[str, Format] = {"plain": str, "with several looks": str, "p-value": str}
    return table(rows, "Against the plain look, on the test photos", formats)


def files_written(run: Run, notebook: str) -> Html:
    """What a notebook has made: file, size. It is each notebook's last cell, and the proof that it came so far."""
    rows = []
    for name in files_of(notebook):
        path = run.need(name)
        inside = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        size = sum(file.stat().st_size for file in inside)
        words = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"
        rows.append({"file": f"runs/{run.name}/{path.name}", "files": len(inside), "size": words})
    return table(pd.DataFrame(rows), "Files of this notebook", {"files": number, "size": str})


def tta_per_class(rows: pd.DataFrame) -> Html:
    """Each class on the test photos, plainly and with each way of TTA."""
    ways = [name for name in rows.columns if name not in ("class", "test")]
    return table(rows, "Right answers on the test photos, by way of looking", dict.fromkeys(ways, percent))


def review_by_answer(rows: pd.DataFrame) -> Html:
    """Work and errors for each answer of the model at one threshold. rows: `decisions.by_answer`."""
    shares = [
        f"{wrong} of {kept}" if kept else "none kept" for wrong, kept in zip(rows["wrong"], rows["kept"], strict=True)
    ]
    columns = {"the model says": rows["answer"], "photos": rows["given"], "checked by people": rows["checked"]}
    shown = pd.DataFrame(columns | {"wrong among the others": shares})
    return table(shown, "The same by answer")


def metrics_of_runs(records: Mapping[str, Mapping[str, Any]]) -> Html:
    """The figures of several runs side by side. records: name of a run to its `metrics.json`."""
    names = [
        n for n in next(iter(records.values()), {}) if all(isinstance(r.get(n), int | float) for r in records.values())
    ]
    rows = {run: [f"{record[name]:.4g}" for name in names] for run, record in records.items()}
    shown = pd.DataFrame({"figure": [name.replace("_", " ") for name in names], **rows})
    return table(shown, "The figures of both runs, each on its own test photos")


def work_against_errors(rows: pd.DataFrame) -> Html:
    """What is checked, and what is still wrong. rows: `decisions.work_table`."""
    shown = pd.DataFrame(
        {
            "people check": [
                f"{percent(share, 0)}, the least certain" if share else "nothing" for share in rows["checked"]
            ],
            "photos checked": rows["kept"].iloc[0] - rows["kept"],
            "answers under": [
                "–" if not share else f"{percent(b)}" for share, b in zip(rows["checked"], rows["below"], strict=True)
            ],
            "still wrong": [f"{wrong} of {kept}" for wrong, kept in zip(rows["wrong"], rows["kept"], strict=True)],
            "share": rows["risk"],
            "95% range": [interval(*ends) for ends in zip(rows["risk_low"], rows["risk_high"], strict=True)],
        }
    )
    formats: dict[str, Format] = {"photos checked": number, "share": percent}
    formats |= dict.fromkeys(("answers under", "still wrong", "95% range"), str)
    return table(shown, "Work against errors, on the test photos", formats)


def more_photos(rows: pd.DataFrame, right: float) -> Html:
    """What more photos would bring; of many classes those that gain most. rows: `forecast_table`, made for the share `right`."""
    caption = "What more photos would bring, with likely ranges"
    if len(rows) > FORECASTS:
        caption += f"; the {FORECASTS} of {len(rows)} classes that would gain most from twice as many"
        rows = rows.loc[(rows["doubled"] - rows["now"]).nlargest(FORECASTS).index].sort_index()
    shown = pd.DataFrame(
        {
            "class": rows["class"],
            "photos now": rows["photos"],
            "right now": [_likely(r, "now") for r in rows.to_dict("records")],
            "with twice as many": [_likely(r, "doubled") for r in rows.to_dict("records")],
            f"more photos until {percent(right, 0)} are right": [
                _how_many(r["wanted_low"], r["wanted_high"]) for r in rows.to_dict("records")
            ],
        }
    )
    return table(shown, caption, {"photos now": number})


def _likely(row: Mapping[str, Any], name: str) -> str:
    return f"{percent(row[name], 0)}\u00a0({interval(row[f'{name}_low'], row[f'{name}_high'], whole_percent)})"


def _how_many(low: float, high: float) -> str:
    if high <= 0:
        return "none"
    if math.isinf(low):
        return "out of reach: more than ten times as many"
    least = "none" if low <= 0 else f"{low:,.0f}"
    return (
        f"{least} to {high:,.0f}" if not math.isinf(high) else f"at least {least}" if low > 0 else "none, or very many"
    )


def baselines(rows: pd.DataFrame, largest: str) -> Html:
    """The model beside the simple rules. rows: `against_baselines`."""
    names = {LARGEST: f"always “{largest}”", COLOURS: "the mix of colours alone", "model": "the model"}
    shown = pd.DataFrame(
        {
            "rule": rows["rule"].map(names),
            "right": [f"{c} of {n}" for c, n in zip(rows["correct"], rows["photos"], strict=True)],
            "share": rows["right"],
            "95% range": [interval(*ends) for ends in zip(rows["right_low"], rows["right_high"], strict=True)],
            "p-value": ["–" if pd.isna(p) else p_words(p) for p in rows["p_value"]],
        }
    )
    return table(
        shown,
        "The model beside simple rules",
        {"share": percent, **dict.fromkeys(("right", "95% range", "p-value"), str)},
    )


def _frame(frame: pd.DataFrame) -> str:
    rows = frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()
    cut = f", the first {ROWS} of them here" if len(frame) > ROWS else ""
    words = f"{len(frame):,} rows{cut}"
    return table(rows.head(ROWS), words)._repr_html_()


def _style_frames() -> None:
    """In JupyterLab a DataFrame that a cell shows looks like the tables of a report. (IPython is there, or nothing happens.)"""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None and runtime.is_interactive():
        shell.display_formatter.formatters["text/html"].for_type(pd.DataFrame, _frame)


_style_frames()
