"""Tables that a screen reader can follow: caption, scoped heads, numbers right-aligned, every cell escaped."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from boatlib.run import Run, files_of
from boatlib.show.html import Html, escape

Format = Callable[[Any], str]


def percent(value: float) -> str:
    """A share as text; an empty cell where there is none."""
    return "" if pd.isna(value) else f"{value:.1%}"


def number(value: float) -> str:
    """A count with its thousands apart."""
    return "" if pd.isna(value) else f"{value:,.0f}"


def decimal(value: float) -> str:
    """A number with three places."""
    return "" if pd.isna(value) else f"{value:.3f}"


def table(rows: pd.DataFrame, caption: str, formats: Mapping[str, Format] | None = None, css: str = "") -> Html:
    """A DataFrame (without its index) as HTML table; the first column heads each row."""
    formats = formats or {}
    numeric = {name for name in rows.columns if pd.api.types.is_numeric_dtype(rows[name]) or name in formats}
    numeric -= {rows.columns[0]} if len(rows.columns) else set()
    align = {name: ' class="number"' if name in numeric else "" for name in rows.columns}
    head = "".join(f'<th scope="col"{align[name]}>{escape(str(name))}</th>' for name in rows.columns)
    body = []
    for row in rows.to_dict("records"):
        cells = []
        for position, (name, value) in enumerate(row.items()):
            text = escape(formats[name](value) if name in formats else "" if pd.isna(value) else str(value))
            cells.append(f'<th scope="row">{text}</th>' if position == 0 else f"<td{align[name]}>{text}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    markup = (
        f'<div class="table" tabindex="0" role="region" aria-label="{escape(caption)}"><table class="{css}">'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )
    return Html(markup, f"{caption}\n{rows.to_string(index=False)}")


def skipped_reasons(catalog: pd.DataFrame) -> Html:
    """Why files were skipped, the commonest reason first, with an example."""
    skipped = catalog[catalog["status"] == "skipped"]
    rows = skipped.groupby("reason").agg(files=("photo", "size"), example=("photo", "first")).reset_index()
    rows = rows.sort_values(["files", "reason"], ascending=[False, True])
    return table(rows, "Files that are not used, by reason")


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


def per_class(rows: pd.DataFrame, short: bool = False) -> Html:
    """The article's table with ranges, one row a class; the short one has only what a partner asks for."""
    tops = [name for name in rows.columns if name.startswith("top") and "_" not in name]
    shown = rows.assign(
        right=[f"{r['correct']} of {r['test']}" if short else str(r["correct"]) for r in rows.to_dict("records")],
        range=[
            f"{percent(r['top1_low'])} – {percent(r['top1_high'])}" if r["test"] else "no test photos"
            for r in rows.to_dict("records")
        ],
    )
    columns = [
        "class",
        "train",
        "val",
        "test",
        "right",
        *tops[:1],
        "range",
        *tops[1:],
        "loss",
        "precision",
        "recall",
        "f1",
    ]
    if short:
        columns = ["class", "right", *tops[:1], "range", *tops[1:2], "precision"]
    names = {"top1": "top-1", "range": "95 % range", "f1": "F1", **{t: f"top-{t[3:]}" for t in tops[1:]}}
    shown = shown[columns].rename(columns=names)
    formats: dict[str, Format] = dict.fromkeys([*(names[t] for t in tops), "precision", "recall", "F1"], percent)
    formats |= {"loss": decimal, "right": str, "95 % range": str}
    return table(shown, "Each class on the test photos", formats)


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


def confusion_matrix(matrix: pd.DataFrame) -> Html:
    """Counts and row shares; a darker cell holds a larger share of its row (scale 0 to 1)."""
    head = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in matrix.columns)
    body = []
    for label, counts in matrix.iterrows():
        total = int(counts.sum())
        cells = "".join(_matrix_cell(str(label), str(name), int(count), total) for name, count in counts.items())
        body.append(f'<tr><th scope="row">{escape(str(label))}</th>{cells}<td class="number sum">{total}</td></tr>')
    caption = "Confusion matrix: rows are what the photo shows, columns what the model says"
    markup = (
        f'<div class="table" tabindex="0" role="region" aria-label="{caption}"><table class="matrix">'
        f'<caption>{caption}</caption><thead><tr><td></td>{head}<th scope="col">photos</th></tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )
    return Html(markup, f"{caption}\n{matrix.to_string()}")


def _matrix_cell(label: str, predicted: str, count: int, total: int) -> str:
    share = count / total if total else 0.0
    css = "right" if label == predicted else "wrong" if count else "none"
    words = f"<strong>{count}</strong> <small>{share:.0%}</small>" if count else '<span class="zero">0</span>'
    return f'<td class="cell {css}" style="--share:{share:.3f}">{words}</td>'


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
    """How each way of looking did on the validation photos. rows: way, looks, accuracy, loss, chosen."""
    formats = {"looks": number, "right": percent, "loss": decimal}
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
                "p-value": test["p_value"],
            }
            for name, test in record["test"].items()
        ]
    )
    formats: dict[str, Format] = {"plain": str, "with several looks": str, "p-value": decimal}
    return table(rows, "Against the plain look, on the test photos", formats)


def reasons_in_short(catalog: pd.DataFrame) -> Html:
    """How many files were skipped for which kind of reason, without the photos' names."""
    skipped = catalog[catalog["status"] == "skipped"]
    kinds = skipped["reason"].str.replace(r"^exact copy of .*", "exact copy of another photo", regex=True)
    rows = kinds.value_counts().rename_axis("reason").reset_index(name="files")
    return table(rows.sort_values(["files", "reason"], ascending=[False, True]), "Files that were left out")


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


def settings(values: Mapping[str, Any], caption: str) -> Html:
    """Names and values, nested ones with dots."""
    flat: list[tuple[str, str]] = []
    for name, value in values.items():
        flat += (
            [(f"{name}.{k}", str(v)) for k, v in value.items()] if isinstance(value, Mapping) else [(name, str(value))]
        )
    return table(pd.DataFrame(flat, columns=["parameter", "value"]), caption)
