"""What was found: files, reasons, sizes, photos of each class; browsing all of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from boatlib.messages import gettext as _
from boatlib.order import natural
from boatlib.photos.layout.reasons import Reason
from boatlib.shares import percent
from boatlib.show.kit import charts, gallery, tables, theme
from boatlib.show.kit.html import Html, bullets, escape, paragraph
from boatlib.show.kit.paging import PAGE, rows_of_page
from boatlib.show.kit.words import listing, photos_in_words

PER_CLASS = 6
CLASSES = 30  # of which photos are shown
EVERYTHING = "all"
SIZES = {"under 300 pixels": (0, 300), "300 to 799": (300, 800), "800 or more": (800, 10**9)}  # of the shorter side


def found(catalog: pd.DataFrame, classes: pd.DataFrame) -> Html:
    """How many files were found, used and skipped."""
    used, kept = int((catalog["status"] == "used").sum()), int(classes["kept"].sum())
    return paragraph(
        _(
            "Of {files} files found, {used} photos of {kept} classes are used and {skipped} files are skipped; "
            "catalog.csv has a row for "
            "each, with the reason.",
            files=len(catalog),
            used=used,
            kept=kept,
            skipped=len(catalog) - used,
        )  # fmt: skip
    )


def folder_notes(notes: Sequence[str]) -> Html:
    """What is unusual about the folder as a whole."""
    return (
        bullets(notes)
        if notes
        else paragraph("The folder is laid out as expected: one folder of photos for each class.")
    )


def deep_pictures(catalog: pd.DataFrame, value_range: tuple[float, float] | None) -> Html:
    """Which used photos have more than 8 bits, what they use of them, and what is made black and white; nothing without any."""
    rows = catalog[(catalog["status"] == "used") & catalog["low"].notna()]
    if value_range is None or rows.empty:
        return Html("")
    black, white = value_range
    outside = rows[(rows["low"] < black - 0.1 * (white - black)) | (rows["high"] > white + 0.1 * (white - black))]
    text = (
        f"{photos_in_words(len(rows))} of more than 8 bits ({listing(sorted(set(rows['mode'])))}): their values go from "
        f"{rows['low'].min():g} to {rows['high'].max():g}. For all of them, and for those that the model will be asked about, "
        f"{black:g} is black and {white:g} is white."
    )
    if len(outside):
        verbs = ("reaches", "loses") if len(outside) == 1 else ("reach", "lose")
        text += (
            f" {photos_in_words(len(outside))} {verbs[0]} far beyond and {verbs[1]} what lies there (columns low and high of "
            "catalog.csv)."
        )
    return paragraph(text)


REASONS = {
    Reason.NOT_FOLLOWED: lambda: _("a link, a pipe or a folder, which is not opened"),
    Reason.NAME: lambda: _("a name that is no text"),
    Reason.SYSTEM: lambda: _("a file of the system"),
    Reason.BESIDE: lambda: _("lies beside the folders of the classes"),
    Reason.NESTED: lambda: _("a second copy of the set inside it"),
    Reason.EXCLUDED: lambda: _("left out by the settings"),
    Reason.SECOND_VERSION: lambda: _("a mask, thumbnail or other version of a photo"),
    Reason.NO_FILE: lambda: _("a row of the table without a photo"),
    Reason.NO_ROW: lambda: _("a photo that the table does not name"),
    Reason.UNREADABLE: lambda: _("cannot be opened as a photo"),
    Reason.LEFT_OUT: lambda: _("left out by a person"),
    Reason.COPY: lambda: _("exact copy of another photo"),
    Reason.TWO_LABELS: lambda: _("the same photo with two labels"),
    Reason.SMALL_CLASS: lambda: _("its class has too few photos"),
    Reason.NOT_TAUGHT: lambda: _("its class has no photo meant for teaching"),
}


def skipped_by_reason(catalog: pd.DataFrame) -> Html:
    """How many files were skipped for which kind of reason, the commonest first."""
    counts = catalog.loc[catalog["status"] == "skipped", "reason_code"].value_counts()
    rows = pd.DataFrame(
        {_("reason"): [REASONS[Reason(code)]() for code in counts.index], _("files"): counts.to_numpy()}
    )
    return tables.table(rows, _("Files that are not used"), {_("files"): tables.number})


def skipped_reasons(catalog: pd.DataFrame, photo_names: bool = True) -> Html:
    """Why files were skipped in the words of the catalog, the commonest reason first, with an example where names may be
    shown."""
    skipped = catalog[catalog["status"] == "skipped"]
    # the catalog has the name of the other photo; here all copies are one kind
    kinds = skipped["reason"].where(skipped["reason_code"] != Reason.COPY, "exact copy of another photo")
    found = skipped.assign(reason=kinds).groupby("reason").agg(files=("photo", "size"), example=("photo", "first"))
    rows = found.reset_index().sort_values(["files", "reason"], ascending=[False, True])
    shown = rows if photo_names else rows.drop(columns="example")
    return tables.table(shown, "Files that are not used, by reason", {"files": tables.number})


def sizes_chart(catalog: pd.DataFrame) -> Html:
    """How large the used photos are, and how wide for their height."""
    used = catalog[catalog["status"] == "used"]
    width, height = used["width"].astype(float), used["height"].astype(float)
    with theme.applied():
        figure, (left, right) = charts.axes_of(2.9, columns=2)
        left.hist(np.minimum(width, height), bins=30, color=theme.ACCENT)
        left.set(title="Shorter side", xlabel="pixels", ylabel="photos")
        right.hist(width / height, bins=30, color=theme.ACCENT)
        right.axvline(1, color=theme.WARM, linewidth=1, linestyle="--")
        right.set(title="Width : height", xlabel="1 is square; a larger number is wider")
        for axes in (left, right):
            axes.grid(axis="x", visible=False)
            charts.bare(axes, "bottom")
    wide = float((width > height).mean())
    alt = (
        f"Two histograms: the shorter side has {int(np.minimum(width, height).median())} pixels at the median; "
        f"{percent(wide, 0)} of the photos are wider than high."
    )
    return charts.chart(figure, alt)


def samples(catalog: pd.DataFrame, root: Path, per_class: int = PER_CLASS, seed: int = 0) -> Html:
    """A row of used photos for each class, chosen at random (by seed); of many classes the first CLASSES."""
    used = catalog[catalog["status"] == "used"]
    parts = []
    by_label = dict(list(used.groupby("label")))
    for label, photos in ((name, by_label[name]) for name in natural(by_label)[:CLASSES]):
        chosen = photos.sample(min(per_class, len(photos)), random_state=seed)["photo"]
        cards = [
            gallery.photo_card(root / photo, f"Photo {n} of class {label}", [])
            for n, photo in enumerate(chosen, start=1)
        ]
        parts.append(
            f'<h3 class="row">{escape(str(label))} <small>{len(photos)} photos</small></h3>{gallery.grid(cards, "strip")}'
        )
    count = used["label"].nunique()
    cut = f"<p class='note'>{CLASSES} of {count} classes are shown.</p>" if count > CLASSES else ""
    return Html("".join(parts) + cut, f"Photos of {min(count, CLASSES)} classes")


def select(
    catalog: pd.DataFrame,
    label: str = EVERYTHING,
    status: str = "used",
    split: str = EVERYTHING,
    size: str = EVERYTHING,
) -> pd.DataFrame:
    """Rows of a catalog with this label, status ("used", "skipped"), split (column `split`) and size (of SIZES)."""
    chosen = catalog
    for column, value in (("label", label), ("status", status), ("split", split)):
        if value != EVERYTHING:
            chosen = chosen[chosen[column] == value]
    if size != EVERYTHING:
        low, high = SIZES[size]
        shorter = chosen[["width", "height"]].min(axis=1)
        chosen = chosen[(shorter >= low) & (shorter < high)]
    return chosen.reset_index(drop=True)


def facts(row: Mapping[str, Any]) -> Html:
    """What the catalog knows of one photo, as a table."""
    rows = [
        ("file", row["photo"]),
        ("class", str(row["label"]) or "none"),
        ("used", f"yes, {row['split']}" if row["status"] == "used" and row["split"] else str(row["status"])),
        ("reason", row["reason"]),
        ("decision of a person", row["decision"]),
        ("pixels", "" if pd.isna(row["width"]) or not row["width"] else f"{row['width']} x {row['height']}"),
        ("format", f"{row['format']} {row['mode']}".strip()),
        ("bytes", tables.number(row["bytes"])),
    ]
    known = pd.DataFrame([(name, value) for name, value in rows if value], columns=["", "this photo"])
    return tables.table(known, "What is known of it")


def page(photos: pd.DataFrame, number: int, root: Path, size: int = PAGE) -> Html:
    """One page of photos with class, size and, for a skipped file, the reason."""
    rows, count = rows_of_page(photos, number, size)
    cards = []
    for row in rows.to_dict("records"):
        reason = [str(row["reason"])] if row["reason"] else []
        pixels = [] if pd.isna(row["width"]) or not row["width"] else [f"{row['width']} x {row['height']} pixels"]
        words = [str(row["label"]) or "no class", *pixels, *reason]
        cards.append(gallery.photo_card(root / row["photo"], f"{row['status']} photo, {words[0]}", words))
    return paragraph(count, "note") + Html(gallery.grid(cards))
