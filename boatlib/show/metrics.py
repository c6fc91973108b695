"""How good the model is, all classes together."""

from collections.abc import Mapping
from typing import Any

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
            f"The {metrics['photos']:,} test photos belong to {groups:,} groups, and photos of one group are much alike: the "
            "ranges come from drawing whole groups (bootstrap), and are wider than for as many single photos."
        )
    if twins := metrics.get("twins"):
        words.append(
            f"{twins['with_twin']:,} test photo{' has' if twins['with_twin'] == 1 else 's have'} a twin in train (the set came "
            f"divided so): without {'it' if twins['with_twin'] == 1 else 'them'}, the model is right for {twins['correct']:,} of "
            f"{twins['photos']:,}, {percent(twins['accuracy'])} ({percent(twins['accuracy_low'], 0)} to "
            f"{percent(twins['accuracy_high'], 0)})."
        )
    return paragraph(" ".join(words)) if words else Html("")
