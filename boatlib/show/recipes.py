"""Which recipes were tried, which one was chosen and why, and what more time would bring."""

from typing import TYPE_CHECKING

import pandas as pd

from boatlib.results.intervals import wilson
from boatlib.shares import percent
from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, paragraph

if TYPE_CHECKING:
    from boatlib.model.training.search import Found


def tried(recipes: pd.DataFrame) -> Html:
    """Every recipe with what it reached. recipes: columns of `search.COLUMNS`."""
    if recipes.empty:
        return paragraph("The recipe was asked for, so none was tried.")
    ranges = [wilson(row.correct, row.photos) for row in recipes.itertuples()]
    shown = pd.DataFrame(
        {
            "recipe": recipes["recipe"],
            "judged by": recipes["judged_by"],
            "photos": recipes["photos"],
            "right": recipes["correct"] / recipes["photos"],
            "95% range": [f"{percent(low)} to {percent(high)}" for low, high in ranges],
            "log-loss": recipes["log_loss"],
            "worse than the best by": [
                "" if row.worse_by == 0 else f"{row.worse_by:.3f} ± {row.standard_error:.3f}"
                for row in recipes.itertuples()
            ],
            "seconds": recipes["seconds"],
            "verdict": recipes["verdict"],
        }
    )
    formats: dict[str, tables.Format] = {
        "photos": tables.number, "right": percent, "log-loss": lambda value: f"{value:.3f}", "seconds": lambda value: f"{value:.0f}"
    }  # fmt: skip
    return tables.table(shown, "Recipes that were tried", formats)


def chosen(found: "Found", minutes: float) -> Html:
    """The choice in words."""
    settings = found.task.settings
    if found.tried.empty:
        return paragraph(f"training.recipe is {settings.recipe}.")
    if settings.recipe == "head":
        what = "A head on networks that stay as they are is taken"
    elif settings.frozen:
        what = "A network that learns and a head on networks that stay as they are answer together"
    else:
        what = "A network that learns is taken"
    return paragraph(f"{what}{_why(found, minutes)} recipe.yaml has this recipe as a params file, without the search.")


def _why(found: "Found", minutes: float) -> str:
    if found.task.settings.recipe != "head":
        return ": on photos that none of them had learnt from it is the best, or as good as the best and cheaper."
    if found.minutes is not None:
        return f": for more the {minutes:g} minutes were too short. {more(found, minutes)}"
    rehearsal = found.rehearsal
    if rehearsal and rehearsal.reduction()[1] <= 0:
        return (
            f": in a rehearsal with a few photos, learning took no error away ({sum(rehearsal.before)} of {len(rehearsal.before)} right "
            f"before, {sum(rehearsal.after)} after)."
        )
    return ": a network that learns is not better by more than chance."


def more(found: "Found", minutes: float) -> str:
    """What more minutes would likely bring; empty where nothing says that they would bring anything."""
    if found.likely is None or found.minutes is None:
        return ""
    low, high = (max(1, round(value)) for value in found.likely)
    points = f"{low} to {high} points" if high > low else f"about {high} point{'s' if high > 1 else ''}"
    wanted = f"{found.minutes:.0f}" if found.minutes >= 2 else f"{found.minutes:.1f}"
    return f"With {wanted} minutes instead of {minutes:g} (training.minutes), a network that learns would likely bring {points}."
