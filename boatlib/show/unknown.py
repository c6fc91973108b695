"""Would it notice a photo of something else? In words, and as a table."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.messages import gettext as _
from boatlib.results.unknown import BACKGROUND, LEFT_OUT, NEVER_TAUGHT
from boatlib.shares import of_hundred
from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.words import listing


def words(rows: pd.DataFrame, judged: Mapping[str, Any]) -> Html:
    """How many strange photos are noticed, and what that costs. rows: `unknown.csv`; judged: `results.policy.judged`."""
    first = _(
        "{unknown} of {photos} test photos, which do show one of the classes, are called unfamiliar: needless "
        "checks, the price for noticing "
        "others.",
        unknown=judged["unknown"], photos=judged["photos"],
    )  # fmt: skip
    none = _("With two classes only, none can be left out to try it.") if rows.empty else ""
    return paragraph(f"{first} {none}".strip())


def table(rows: pd.DataFrame) -> Html:
    """All of it, with ranges; nothing where nothing was tried."""
    if rows.empty:
        return Html("")
    kinds = {
        LEFT_OUT: _("had too few photos"),
        NEVER_TAUGHT: _("left out to try it"),
        BACKGROUND: _("shows none of the classes"),
    }
    counts = [_("{some} of {of}", some=n, of=p) for n, p in zip(rows["noticed"], rows["photos"], strict=True)]
    columns: dict[str, object] = {
        _("photos of"): rows["what"],
        _("why it is strange"): rows["kind"].map(kinds),
        _("flagged"): counts,
        _("the others are called"): rows["called"],
    }
    return tables.table(pd.DataFrame(columns), _("Photos of something else"), {_("flagged"): str})


def in_short(rows: pd.DataFrame) -> str:
    """One sentence for the model card; "" where nothing was tried."""
    tried, real = rows[rows["kind"] == NEVER_TAUGHT], rows[rows["kind"] == LEFT_OUT]
    parts = []
    if len(tried):
        shares = (tried["noticed"] / tried["photos"]).sort_values()
        parts.append(
            _(
                "Show it nothing but what it was taught: of photos of something else it noticed between {low} "
                "and {high} of 100 (leaving out "
                "{count} classes, one at a time), and most others get a wrong name.",
                low=of_hundred(shares.iloc[0]),
                high=of_hundred(shares.iloc[-1]),
                count=len(tried),
            )  # fmt: skip
        )
    if len(real):
        names = [
            _("{noticed} of {photos} photos of {what}", noticed=row["noticed"], photos=row["photos"], what=row["what"])
            for row in real.to_dict("records")
        ]
        parts.append(_("It noticed {names}, which were too few to be taught.", names=listing(names, 4)))
    return " ".join(parts)
