"""Which recipes were tried, which one was chosen and why, and what more time would bring."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.shares import percent
from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, paragraph


def tried(recipes: pd.DataFrame) -> Html:
    """Every recipe with what it reached. recipes: columns of `search.COLUMNS`, and the ranges of `intervals.of_counts`."""
    if recipes.empty:
        return paragraph("The recipe was asked for, so none was tried.")
    rows = list(recipes.itertuples())
    shown = pd.DataFrame(
        {
            "recipe": recipes["recipe"],
            "judged by": recipes["judged_by"],
            "photos": recipes["photos"],
            "right": recipes["right"],
            "95% range": [f"{percent(row.low)} to {percent(row.high)}" for row in rows],
            "log-loss": recipes["log_loss"],
            "worse than the best by": [
                "" if row.worse_by == 0 else f"{row.worse_by:.3f} ± {row.standard_error:.3f}" for row in rows
            ],
            "seconds": recipes["seconds"],
            "verdict": recipes["verdict"],
        }
    )
    formats: dict[str, tables.Format] = {
        "photos": tables.number,
        "right": percent,
        "log-loss": lambda value: f"{value:.3f}",
        "seconds": lambda value: f"{value:.0f}",
    }
    return tables.table(
        shown, "Recipes that were tried; a training photo is judged by what has not learnt from it", formats
    )


def chosen(search: Mapping[str, Any]) -> Html:
    """The choice in words. search: `search.json`."""
    if not search["tried"]:
        return paragraph(f"The recipe is {search['recipe']}, as training.recipe says.")
    if search["recipe"] == "head":
        what = "A head on networks that stay as they are is taken"
    elif search["frozen"]:
        what = "A network that learns and a head on networks that stay as they are answer together"
    else:
        what = "A network that learns is taken"
    return paragraph(f"{what}{_why(search)} recipe.yaml has this recipe as a params file, without the search.")


def _why(search: Mapping[str, Any]) -> str:
    if search["recipe"] != "head":
        return ": on photos that none of them had learnt from, none is better by more than chance, and no cheaper one is as good."
    if search["needed"] is not None:
        return f": for a network that learns, {search['minutes']:g} minutes were too short. {more(search)}".rstrip()
    if search["rehearsal"] is None:
        return ": it makes hardly an error, so nothing else was tried."
    return ": a network that learns is not better by more than chance."


def more(search: Mapping[str, Any]) -> str:
    """What more minutes would likely bring; empty where nothing says that they would bring anything."""
    if search["points"] is None or search["needed"] is None:
        return ""
    low, high = round(search["points"][0]), max(1, round(search["points"][1]))
    many = f"up to {high}" if not low else f"about {high}" if low == high else f"{low} to {high}"
    allowed, needed = search["minutes"], max(search["needed"], search["minutes"] + 1)
    longer = f"With {needed:.0f} minutes instead of {allowed:g} (training.minutes)"
    return f"{longer}, fine-tuning would likely name {many} more of 100 photos rightly."
