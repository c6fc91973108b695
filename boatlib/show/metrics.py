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
