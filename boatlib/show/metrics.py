"""How good the model is, all classes together."""

from collections.abc import Mapping
from typing import Any

from boatlib.messages import gettext as _
from boatlib.messages import ngettext
from boatlib.shares import percent
from boatlib.show.kit.html import Html, paragraph


def accuracy(metrics: Mapping[str, Any]) -> Html:
    """The overall figures with their range."""
    return paragraph(
        f"The model names the right class for {metrics['correct']} of {metrics['photos']} test photos: "
        f"{percent(metrics['accuracy'])} (95% range {percent(metrics['accuracy_low'])} to {percent(metrics['accuracy_high'])}). "
        f"Counting every class alike, rare or common, it is {percent(metrics['balanced_accuracy'])} (balanced accuracy). "
        f"Always saying the commonest class would be right for {percent(metrics['largest_class'])}."
    )


def reservations(metrics: Mapping[str, Any]) -> Html:
    """What must be known to read the figure: photos that are not independent, photos that have a twin in train."""
    words = []
    if groups := metrics.get("groups"):
        words.append(
            _(
                "The {photos} test photos belong to {groups} groups, whose photos are much alike: the ranges "
                "come from drawing whole groups "
                "(bootstrap), and are wider than for single photos.",
                photos=metrics["photos"],
                groups=groups,
            )  # fmt: skip
        )
    if twins := metrics.get("twins"):
        words.append(
            ngettext(
                "{number} test photo has a twin in train (the set came divided so): without it, {correct} of "
                "{photos} are right, {share} "
                "({low} to {high}).",
                "{number} test photos have a twin in train (the set came divided so): without them, {correct} "
                "of {photos} are right, "
                "{share} ({low} to {high}).",
                twins["with_twin"],
                correct=twins["correct"],
                photos=twins["photos"],
                share=percent(twins["accuracy"]),
                low=percent(twins["accuracy_low"], 0),
                high=percent(twins["accuracy_high"], 0),
            )  # fmt: skip
        )
    return paragraph(" ".join(words)) if words else Html("")
