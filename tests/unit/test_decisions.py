import numpy as np
import pandas as pd
import pytest

from boatlib.results import review


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


def test_the_table_of_work_rounds_up_to_whole_photos(predictions):
    rows = review.work_table(review.selective_risk(predictions.head(33)))
    assert (33 - rows["kept"]).tolist() == [0, 2, 4, 7, 10, 17]
    assert len(review.work_table(review.selective_risk(predictions.head(2)))) == 2


@pytest.mark.parametrize(("error", "check"), [(10, 1), (1, 10), (3, 1), (2, 0.9)])
def test_the_cheapest_threshold_beats_every_other(predictions, error, check):
    best = review.cheapest_threshold(predictions, error, check)
    cost = review.cost(predictions, best, error, check)
    others = [0.0, *predictions["confidence"], np.nextafter(1, 2)]
    assert cost == pytest.approx(min(review.cost(predictions, line, error, check) for line in others))


def test_dear_checks_check_nothing_and_dear_errors_everything():
    rows = pd.DataFrame(
        {"photo": list("abcd"), "label": "x", "predicted": ["x", "y", "x", "y"], "confidence": [0.9, 0.8, 0.7, 0.6]}
    )
    assert review.cheapest_threshold(rows, 1, 100) == 0.0
    assert review.cost(rows, 0.0, 1, 100) == pytest.approx(50)
    rows["predicted"] = "y"
    assert review.cheapest_threshold(rows, 100, 1) > 1
    assert review.cost(rows, np.nextafter(1, 2), 100, 1) == pytest.approx(100)
