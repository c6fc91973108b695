"""Would it notice a photo of something else? In words, and as a table."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.results.intervals import wilson
from boatlib.results.unknown import BACKGROUND, LEFT_OUT, NEVER_TAUGHT
from boatlib.shares import of_hundred, percent
from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, bullets, paragraph
from boatlib.show.kit.words import listing

MOST = 4  # sentences; the table has all


def words(rows: pd.DataFrame, judged: Mapping[str, Any]) -> Html:
    """How many strange photos are noticed, and what that costs. rows: `unknown.csv`; judged: `results.policy.judged`."""
    first = paragraph(
        f"{judged['unknown']:,} of the {judged['photos']:,} test photos, which do show one of the classes, are called "
        f"unfamiliar: {percent(judged['unknown'] / max(1, judged['photos']))}. These checks are needless: the price for "
        f"noticing others."
    )
    if rows.empty:
        return first + paragraph("With two classes only, none can be left out to try it.", "note")
    return first + bullets(sentence(row) for row in rows.head(MOST).to_dict("records"))


def sentence(row: Mapping[str, Any]) -> str:
    """One row of `unknown.csv` in words."""
    what, photos, noticed = row["what"], row["photos"], row["noticed"]
    others = f"; others are called {row['called'].replace(', ', ' or ')}" if row["called"] else ""
    if row["kind"] == NEVER_TAUGHT:
        return f"If {what} had never been taught, {of_hundred(noticed / photos)} of 100 such photos would be noticed{others}."
    if row["kind"] == LEFT_OUT:
        checked = f", {row['checked']} others go to a person since the model is not sure" if row["checked"] else ""
        return f"Of the {photos} photos of {what}, which were too few to be taught, {noticed} are noticed{checked}{others}."
    return f"Of the {photos} test photos that show none of the classes, {noticed} are noticed."


def table(rows: pd.DataFrame) -> Html:
    """All of it, with ranges."""
    kinds = {
        LEFT_OUT: "had too few photos",
        NEVER_TAUGHT: "left out to try it",
        BACKGROUND: "shows none of the classes",
    }
    shown = pd.DataFrame(
        {
            "photos of": rows["what"],
            "why it is strange": rows["kind"].map(kinds),
            "photos": rows["photos"],
            "noticed": [f"{percent(n / p, 0)}" for n, p in zip(rows["noticed"], rows["photos"], strict=True)],
            "95% range": [tables.interval(*wilson(n, p)) for n, p in zip(rows["noticed"], rows["photos"], strict=True)],
            "the others are called": rows["called"],
        }
    )
    return tables.table(shown, "Photos of something else", {"photos": tables.number})


def in_short(rows: pd.DataFrame) -> str:
    """One sentence for the first screen; "" where nothing was tried."""
    tried = rows[rows["kind"] == NEVER_TAUGHT]
    real = rows[rows["kind"] == LEFT_OUT]
    parts = []
    if len(tried):
        shares = (tried["noticed"] / tried["photos"]).sort_values()
        low, high = of_hundred(shares.iloc[0]), of_hundred(shares.iloc[-1])
        parts.append(
            f"Show it nothing but what it was taught: of photos of something else it noticed between {low} and {high} of 100 "
            f"(leaving out {len(tried)} classes, one at a time), and most others get a wrong name"
        )
    if len(real):
        names = [f"{row['noticed']} of {row['photos']} photos of {row['what']}" for row in real.to_dict("records")]
        parts.append(f"{'it' if parts else 'It'} noticed {listing(names, 4)}, which were too few to be taught")
    return "; ".join(parts) + "." if parts else ""
