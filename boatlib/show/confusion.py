"""What is taken for what: the confusion matrix, whose cells open to their photos; the commonest mistakes."""

from pathlib import Path

import numpy as np
import pandas as pd

from boatlib.messages import gettext as _
from boatlib.messages import in_digits, ngettext
from boatlib.results import metrics
from boatlib.shares import confidence, percent
from boatlib.show.kit import charts, gallery, tables, theme
from boatlib.show.kit.html import Html, escape, paragraph
from boatlib.show.kit.names import shortened
from boatlib.show.kit.words import listing, photos_in_words

PHOTOS, MISTAKES = 6, 24  # photos behind a cell: the least certain right ones, the surest mistakes
PHOTOS_OF_PART, MISTAKES_OF_PART = 3, 8  # of many classes


def matrix(predictions: pd.DataFrame, root: Path) -> Html:
    """Counts, coloured by the share of the row on a scale from 0 to 1. Of many classes those that are taken for each other, in
    parts.

    A cell is a <details>: it opens by click or Enter, without script. root: the photos' folder.
    """
    counts = metrics.confusion_matrix(predictions)
    blocks = metrics.confusion_blocks(counts)
    parts = [_part(counts, names, predictions, root) for names in blocks]
    if len(counts) <= metrics.WHOLE:
        return parts[0]
    shown = sum(map(len, blocks))
    note = _(
        "Of {all} classes, those that are most often taken for each other; the other {others} are not shown here.",
        all=len(counts),
        others=len(counts) - shown,
    )
    return sum(parts, paragraph(note))


def _part(counts: pd.DataFrame, names: list[str], predictions: pd.DataFrame, root: Path) -> Html:
    """The matrix of some classes; of these, answers with other names stand together in one column."""
    short, whole = shortened(names), len(names) == len(counts)
    head = "".join(f'<th scope="col">{_head(name, short)}</th>' for name in names)
    head += "" if whole else f'<th scope="col">{escape(_("others"))}</th>'
    body = []
    for label in names:
        row, total = counts.loc[label], int(counts.loc[label].sum())
        cells = "".join(_cell(label, name, int(row[name]), total, predictions, root, whole) for name in names)
        cells += "" if whole else f'<td class="sum">{in_digits(total - int(row[names].sum()))}</td>'
        body.append(
            f'<tr><th scope="row">{_head(label, short)}</th>{cells}<td class="number sum">{in_digits(total)}</td></tr>'
        )
    sums = "".join(f"<td>{in_digits(int(counts[name].sum()))}</td>" for name in names) + ("" if whole else "<td></td>")
    body.append(f'<tr class="sums"><th scope="row">{escape(_("answers"))}</th>{sums}<td></td></tr>')
    caption = _("Down: what the photo shows; across: what the model says.")
    hint = f'<span class="screen">{escape(_("A number opens to its photos."))}</span>'
    label = escape(_("Confusion matrix: {names}", names=listing(names, 3)))
    markup = (
        f'<div class="matrix-block"><div class="table" tabindex="0" role="region" aria-label="{label}">'
        f'<table class="matrix"><caption>{escape(caption)} {hint}</caption>'
        f'<thead><tr><td></td>{head}<th scope="col">{escape(_("photos"))}</th></tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div></div>"
    )
    return Html(markup, f"{caption}\n{counts.loc[names, names].to_string()}")


def _head(name: str, short: dict[str, str]) -> str:
    """A class's name, cut where it is long, with all of it at hand."""
    if short[name] == name:
        return escape(name)
    return f'<span title="{escape(name)}">{escape(short[name])}</span>'


def _cell(
    label: str, predicted: str, count: int, total: int, predictions: pd.DataFrame, root: Path, whole: bool
) -> str:
    share = count / total if total else 0.0
    css = "none" if not count else "right" if label == predicted else "wrong"
    start = (
        f'<td class="cell {css}" style="--alpha:{(0.06 + 0.5 * share) if css == "right" else 0.08 + 0.6 * share:.2f}">'
    )
    if not count:
        return f"{start}</td>"
    words, of = what_happened(label, predicted, count), _("of {of}", of=total)
    own = photos_of_cell(predictions, label, predicted, surest_first=label != predicted)
    limits = (PHOTOS, MISTAKES) if whole else (PHOTOS_OF_PART, MISTAKES_OF_PART)
    limit = limits[label != predicted]
    cut = ""
    if count > limit:
        cut = " " + (
            _("The least certain {limit} are shown.", limit=limit)
            if label == predicted
            else _("The surest {limit} are shown.", limit=limit)
        )
    return (
        f'{start}<details name="cell"><summary aria-label="{escape(f"{count} {of}, {words}")}"><strong>{count}</strong> '
        f"<small>{escape(of)}</small></summary>"
        f'<div class="behind" tabindex="0" role="region" aria-label="{escape(words)}">'
        f"<p><strong>{escape(words)}.</strong>{cut}</p>{_photos(own.head(limit), root)}</div></details></td>"
    )


def photos_of_cell(predictions: pd.DataFrame, label: str, predicted: str, surest_first: bool) -> pd.DataFrame:
    """The predictions behind a cell, by confidence."""
    own = predictions[(predictions["label"] == label) & (predictions["predicted"] == predicted)]
    return own.sort_values(["confidence", "photo"], ascending=[not surest_first, True], ignore_index=True)


def what_happened(label: str, predicted: str, count: int) -> str:
    """A cell in words."""
    if label == predicted:
        return ngettext(
            "{number} photo of {label} named rightly", "{number} photos of {label} named rightly", count, label=label
        )
    return ngettext(
        "{number} photo of {label} taken for {predicted}",
        "{number} photos of {label} taken for {predicted}",
        count,
        label=label,
        predicted=predicted,
    )


def _photos(rows: pd.DataFrame, root: Path, css: str = "") -> str:
    cards = [
        gallery.photo_card(
            root / row["photo"],
            _("Photo of {label}; the model says {predicted}", label=str(row["label"]), predicted=str(row["predicted"])),
            [str(row["predicted"]), _("{share} sure", share=confidence(row["confidence"], 0))],
        )
        for row in rows.to_dict("records")
    ]
    return gallery.grid(cards, css)


def pairs(predictions: pd.DataFrame, root: Path, pairs: int = 3, photos: int = 6) -> Html:
    """The commonest mistakes with the photos behind them, open: what the matrix hides behind its cells, for paper too."""
    found = metrics.most_confused(metrics.confusion_matrix(predictions), pairs)
    parts = []
    for row in found.to_dict("records"):
        own = photos_of_cell(predictions, row["label"], row["predicted"], surest_first=True)
        words = what_happened(row["label"], row["predicted"], row["photos"])
        pictures = _photos(own.head(photos), root, "strip")
        share = _("{share} of that class", share=percent(row["share"], 0))
        parts.append(f"<h4>{escape(words)} <small>{escape(share)}</small></h4>{pictures}")
    return Html("".join(parts), f"{len(found)} pairs")


def words(pairs: pd.DataFrame) -> Html:
    """The commonest mistakes in words."""
    if pairs.empty:
        return paragraph("No test photo was named wrongly.")
    first = pairs.iloc[0]
    return paragraph(
        f"The commonest mistake: {photos_in_words(int(first['photos']))} of {first['label']} "
        f"({percent(first['share'], 0)} of that class) {'is' if first['photos'] == 1 else 'are'} taken for {first['predicted']}."
    )


def pairs_table(pairs: pd.DataFrame) -> Html:
    """The commonest mistakes in words."""
    rows = pd.DataFrame(
        {
            "the photo shows": pairs["label"],
            "the model says": pairs["predicted"],
            "photos": pairs["photos"],
            "of that class": pairs["share"],
        }
    )
    return tables.table(rows, "The most confused pairs", {"photos": tables.number, "of that class": percent})


def chart(matrix: pd.DataFrame) -> Html:
    """The confusion matrix as a picture: counts, coloured by the share of each row (0 to 1). Of many classes the worst."""
    import seaborn

    right, total = int(np.trace(matrix.to_numpy())), int(matrix.to_numpy().sum())
    matrix, left_out = metrics.worst_classes(matrix)
    short = shortened([str(name) for name in matrix.columns])
    matrix = matrix.rename(index=short, columns=short)
    shares = matrix.div(matrix.sum(axis=1).replace(0, 1), axis=0)
    size = min(0.8 * len(matrix) + 1.6, 14)
    with theme.applied():
        figure, ((axes,),) = charts.grid_of(1, 1, size, size + 0.8)
        colours = seaborn.light_palette(theme.ACCENT, as_cmap=True)
        seaborn.heatmap(shares, annot=matrix, fmt="d", cmap=colours, vmin=0, vmax=1, square=True, linewidths=1.5,
                        cbar=False, ax=axes, annot_kws={"fontsize": 11})  # fmt: skip
        note = f"The {len(matrix)} classes with most mistakes; {left_out} others are not shown." if left_out else ""
        axes.set(xlabel="the model says", ylabel="the photo shows", title=note)
        axes.tick_params(axis="x", rotation=35, colors=theme.INK)
        axes.tick_params(axis="y", rotation=0, colors=theme.INK)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("right")
    return charts.chart(
        figure, f"Confusion matrix: {right} of {total} photos lie on the diagonal, where the model is right."
    )
