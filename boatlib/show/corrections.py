"""What people decided about photos, and what that changed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from boatlib.messages import gettext as _
from boatlib.messages import ngettext
from boatlib.photos.corrections import DROP, KEEP, RELABEL, Corrections
from boatlib.photos.layout.reasons import Reason
from boatlib.shares import percent
from boatlib.show.kit import gallery, tables
from boatlib.show.kit.html import Html, paragraph

SHOWN = 24  # photos with changed labels in a gallery


def applied(catalog: pd.DataFrame, corrections: Corrections | None = None) -> Html:
    """How many decisions hold in a run. corrections: says too what of them concerns no photo that is here; without it,
    nothing where none hold.

    Raises what `Corrections.check` does.
    """
    made = catalog.loc[catalog["decision"] != ""].drop_duplicates("sha256")["decision"].value_counts()
    counts = {name: int(made.get(name, 0)) for name in (KEEP, RELABEL, DROP)}
    if corrections is None and not sum(counts.values()):
        return Html("")
    found = paragraph(
        _(
            "People have looked at {photos} photos: {kept} kept as labelled, {relabelled} got another label, {out} left out.",
            photos=sum(counts.values()),
            kept=counts[KEEP],
            relabelled=counts[RELABEL],
            out=counts[DROP],
        )  # fmt: skip
        if sum(counts.values())
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
    first = shares.iloc[0]
    text = ngettext(
        "Since the last run people changed the label of {number} photo or left it out. The last run was right "
        "for {then} test photos; its "
        "answers, by the corrected labels, are right for {relabelled}: that step is the labels alone. This run "
        "is right for {now}.",
        "Since the last run people changed the labels of {number} photos or left them out. The last run was "
        "right for {then} test photos; "
        "its answers, by the corrected labels, are right for {relabelled}: that step is the labels alone. This "
        "run is right for {now}.",
        len(changed), then=_of(first, "then"), relabelled=_of(first, "relabelled"), now=_of(first, "now"),
    )  # fmt: skip
    bias = _(
        "People look mostly at photos that the model gets wrong, so corrected test labels tend to favour it. "
        "Change one only where it is "
        "plainly wrong."
    )
    rows = shares.to_dict("records")
    columns = {
        _("class"): [_("all classes") if row["class"] == "all classes" else row["class"] for row in rows],
        _("last run"): [_of(row, "then") for row in rows],
        _("same answers, corrected labels"): [_of(row, "relabelled") for row in rows],
        _("this run"): [_of(row, "now") for row in rows],
    }
    table = tables.table(pd.DataFrame(columns), _("Right answers, of all test photos and of the classes that moved"))
    return paragraph(text) + table + (paragraph(bias, "note") if "test" in set(changed["split"]) else Html(""))


def _of(row: Mapping[str, Any], stage: str) -> str:
    count, photos = row[stage], row[f"{stage}_photos"]
    return (
        _("{some} of {of} ({share})", some=count, of=photos, share=percent(count / photos))
        if photos
        else _("no photos")
    )
