"""What a range test of the learning rate says: where its smoothed loss is lowest."""

import pandas as pd

WINDOW = 5  # steps in a mean


def smoothed(curve: pd.DataFrame) -> pd.Series:
    """The loss, as the mean of the last WINDOW steps. curve: `fit.range_test`, columns learning_rate, loss."""
    return curve["loss"].rolling(WINDOW, min_periods=1).mean()


def lowest(curve: pd.DataFrame) -> float:
    """The step size at which the smoothed loss is lowest."""
    return float(curve.loc[smoothed(curve).idxmin(), "learning_rate"])
