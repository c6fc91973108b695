"""Would it notice a photo of something else? In words, and as a table."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.messages import gettext as _
from boatlib.results.unknown import LEFT_OUT, NEVER_TAUGHT
from boatlib.shares import of_hundred
from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.words import listing


def words(rows: pd.DataFrame, judged: Mapping[str, Any]) -> Html:
    """Which strange photos it was shown, and what noticing them costs. rows: `unknown.csv`; judged: `results.policy.judged`."""
    cost = _(
        "{unknown} of {photos} test photos, which do show one of the classes, are called unfamiliar: the price "
        "for noticing others.",
        unknown=judged["unknown"],
        photos=judged["photos"],
    )
    tried = _("Taught classes were left out in turn, and their photos shown.")
    if not rows["kind"].eq(NEVER_TAUGHT).any():
        tried = _("With two classes only, none can be left out to try it.")
    return paragraph(f"{tried} {cost}")


def table(rows: pd.DataFrame) -> Html:
    """All of it, what was never taught first; nothing where nothing was tried."""
    if rows.empty:
        return Html("")
    counts = [_("{some} of {of}", some=n, of=p) for n, p in zip(rows["noticed"], rows["photos"], strict=True)]
    columns: dict[str, object] = {
        _("photos of"): rows["what"],
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
