"""What people decided about photos, and what that changed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from boatlib.photos.corrections import DROP, KEEP, RELABEL, Corrections
from boatlib.photos.layout.reasons import Reason
from boatlib.shares import percent
from boatlib.show.kit import gallery, tables
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.words import listing, photos_in_words

SHOWN = 24  # photos with changed labels in a gallery


def applied(catalog: pd.DataFrame, corrections: Corrections | None = None) -> Html:
    """How many decisions hold in a run. corrections: says too what of them concerns no photo that is here.

    Raises what `Corrections.check` does.
    """
    made = catalog.loc[catalog["decision"] != ""].drop_duplicates("sha256")["decision"].value_counts()
    words = [f"{made.get(kind, 0)} {what}" for kind, what in _WORDS.items() if made.get(kind, 0)]
    found = paragraph(
        f"People have looked at {photos_in_words(int(made.sum()))}: {listing(words)}. The images folder is as it was; the "
        "decisions are applied to what is read from it."
        if words
        else "Nobody has decided anything about these photos yet: every label is the set's own."
    )
    read = corrections.check() if corrections else ""
    if corrections is None or not read:
        return found
    other = len(corrections.decided()) - int(made.sum())
    verb = "is" if other == 1 else "are"
    rest = (
        f" {other} of them {verb} about photos that are not here, or have another label in the set now."
        if other
        else ""
    )
    return found + paragraph(f"Read: {read}.{rest}", "note")


_WORDS = {KEEP: "kept as labelled", RELABEL: "got another label", DROP: "left out"}


def changed_labels(catalog: pd.DataFrame, root: Path, names: list[str] | None = None) -> Html:
    """Photos whose label was changed or that were left out; SHOWN at most, which is said. names: as they may be shown."""
    rows = catalog[catalog["decision"].isin([RELABEL, DROP])].assign(name=names or "")
    cards = []
    for row in rows.head(SHOWN).to_dict("records"):
        before = row["set_label"]
        now = "left out" if row["reason_code"] == Reason.LEFT_OUT else f"now: {row['label']}"
        own = [row["name"].rsplit("/", 1)[-1]] if row["name"] else []
        cards.append(
            gallery.photo_card(
                root / row["photo"], f"Photo that the set calls {before}, {now}", [f"in the set: {before}", now, *own]
            )
        )
    cut = f"<p class='note'>{SHOWN} of {len(rows)} photos are shown.</p>" if len(rows) > SHOWN else ""
    return Html((gallery.grid(cards) if cards else "") + cut, f"{len(rows)} photos whose label was changed")


def moved(record: Mapping[str, Any] | None) -> Html:
    """Which numbers moved because labels moved. record: `comparison.moved_by_labels`."""
    if record is None:
        return Html("")
    changed, shares = record["changed"], record["shares"]
    counts = changed["split"].value_counts()
    where = listing([f"{counts[name]} in {name}" for name in ("train", "val", "test") if name in counts])
    out = int((changed["now"] == "").sum())
    kinds = {f"{len(changed) - out} got another label": len(changed) - out, f"{out} left out": out}
    first = shares.iloc[0]
    text = (
        f"Since the last run people changed {photos_in_words(len(changed))}: {listing([k for k, n in kinds.items() if n])} "
        f"({where}). The last run was right for {_of(first, 'then')} test photos. Its answers, judged by the corrected labels, "
        f"are right for {_of(first, 'relabelled')}: this step is the labels alone. The model that was taught with the "
        f"corrected labels is right for {_of(first, 'now')}."
    )
    bias = (
        "People look mostly at photos that the model gets wrong, so corrected test labels tend to favour it. Change one only "
        "where it is plainly wrong."
    )
    rows = pd.DataFrame(
        {
            "class": shares["class"],
            "last run": [_of(row, "then") for row in shares.to_dict("records")],
            "same answers, corrected labels": [_of(row, "relabelled") for row in shares.to_dict("records")],
            "this run": [_of(row, "now") for row in shares.to_dict("records")],
        }
    )
    table = tables.table(rows, "Right answers, of all test photos and of the classes that moved")
    return paragraph(text) + table + (paragraph(bias, "note") if "test" in counts else Html(""))


def _of(row: Mapping[str, Any], stage: str) -> str:
    count, photos = row[stage], row[f"{stage}_photos"]
    return f"{count} of {photos} ({percent(count / photos)})" if photos else "no photos"
