"""What to do with an answer: take it, or have a person look at the photo."""

import pandas as pd

LEAST = 0.5  # an answer that is held less probable than all others together is always looked at


def review_threshold(predictions: pd.DataFrame, sure: float) -> float:
    """The confidence below which a person should look: the lowest one at or above which at least `sure` of the answers are
    right (and never below LEAST); 1.0 where no confidence is enough.

    predictions: columns label, predicted, confidence, of photos that were not learnt from.
    """
    right = (predictions["predicted"] == predictions["label"]).groupby(predictions["confidence"]).agg(["sum", "count"])
    kept = right.sort_index(ascending=False).cumsum()  # at or above each confidence
    enough = kept.index[kept["sum"] >= sure * kept["count"]]
    return max(LEAST, float(enough.min())) if len(enough) else 1.0


def review_work(predictions: pd.DataFrame, threshold: float) -> dict[str, int]:
    """What a threshold means for these photos: reviewed (photos below it), kept (the others), kept_right."""
    kept = predictions[predictions["confidence"] >= threshold]
    right = int((kept["predicted"] == kept["label"]).sum())
    return {"reviewed": len(predictions) - len(kept), "kept": len(kept), "kept_right": right}
