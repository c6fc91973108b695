import numpy as np
import pandas as pd
import pytest

from boatlib.results import class_verdicts, learning_curve, review, tta


@pytest.fixture
def predictions():
    random = np.random.default_rng(3)
    confidence = random.uniform(0.3, 1, 200).round(2)  # with ties
    right = random.uniform(size=200) < confidence
    rows = pd.DataFrame({"photo": [f"{n:03d}" for n in range(200)], "label": "a", "confidence": confidence})
    return rows.assign(predicted=np.where(right, "a", "b"))


def test_selective_risk_is_what_counting_gives(predictions):
    risks = review.selective_risk(predictions)
    order = predictions.sort_values(["confidence", "photo"])
    for checked in (0, 1, 17, 100, 199):
        rest = order.iloc[checked:]
        row = risks.iloc[checked]
        assert row["kept"] == len(rest)
        assert row["wrong"] == (rest["predicted"] != rest["label"]).sum()
        assert row["risk_low"] <= row["risk"] <= row["risk_high"]
    assert risks["checked"].iloc[0] == 0
    assert len(risks) == 200


def test_more_photos_are_wanted_where_they_help_and_something_is_missing():
    forecasts = pd.DataFrame({"class": list("abcd"), "now": [0.9, 0.6, 0.7, 0.5], "doubled": [0.95, 0.61, 0.8, 0.7]})
    verdicts = pd.DataFrame({"class": list("abc"), "verdict": [class_verdicts.DEPENDABLE, "not yet", "promising"]})
    assert learning_curve.worth_collecting(forecasts, verdicts) == ["c"]


def test_a_class_gains_and_loses_whole_photos():
    shares = pd.DataFrame(
        {"class": ["a", "b", "c"], "test": [10, 20, 0], "plain": [0.5, 0.9, np.nan], "fixed": [0.7, 0.85, np.nan]}
    )
    assert tta.changes(shares, "fixed") == {"a": 2, "b": -1, "c": 0}
