import numpy as np
import pandas as pd
import pytest
import torch
from scipy.optimize import brentq
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from boatlib import predictions
from boatlib.model.networks.modules import article_head, tempered
from boatlib.results import calibration


def table(probabilities, labels, classes="abc"):
    best = probabilities.argmax(axis=1)
    rows = pd.DataFrame({"photo": [f"{n:04d}" for n in range(len(labels))], "label": [classes[k] for k in labels]})
    rows["predicted"], rows["confidence"] = [classes[k] for k in best], probabilities.max(axis=1)
    return rows.assign(**{f"p_{name}": probabilities[:, k] for k, name in enumerate(classes)})


def simulated(photos, temperature, seed=0):
    """Labels drawn from softmax(z); the model says softmax(z * temperature): too sure where it is above 1."""
    random = np.random.default_rng(seed)
    scores = random.normal(0, 2, (photos, 3))
    truth = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    labels = [random.choice(3, p=row) for row in truth]
    said = np.exp(scores * temperature)
    return table(said / said.sum(1, keepdims=True), labels)


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(temperature):
    assert calibration.fit_temperature(simulated(6000, temperature)) == pytest.approx(temperature, rel=0.08)


def test_the_temperature_is_where_the_loss_has_its_minimum():
    rows = simulated(300, 1.7)
    # and one photo more, which looks like each of them a little and shows any of the other classes
    others = [rows.assign(label=name)[rows["label"] != name] for name in "abc"]
    both = pd.concat([rows, *others], ignore_index=True)
    weights = [1.0] * 300 + [1 / 300 / 2] * 600

    def slope(t):
        losses = [
            log_loss(
                both["label"],
                predictions.probability_matrix(calibration.with_temperature(both, x)),
                sample_weight=weights,
            )
            for x in (t * 1.001, t / 1.001)
        ]
        return losses[0] - losses[1]

    assert calibration.fit_temperature(rows) == pytest.approx(brentq(slope, 0.5, 5), rel=1e-3)


def test_a_temperature_changes_confidence_and_no_answer():
    rows = simulated(200, 2)
    cooler = calibration.with_temperature(rows, 2)
    assert cooler["predicted"].tolist() == rows["predicted"].tolist()
    assert (cooler["confidence"] <= rows["confidence"] + 1e-12).all()
    assert predictions.probability_matrix(cooler).sum(axis=1) == pytest.approx(1)
    back = calibration.with_temperature(cooler, 0.5)
    assert back["confidence"].to_numpy() == pytest.approx(rows["confidence"].to_numpy())


def test_the_saved_head_has_the_temperature_worked_in():
    torch.manual_seed(0)
    head = article_head(5, 3).eval()
    inputs = torch.randn(7, 5)
    with torch.no_grad():
        plain, cooler = head(inputs).exp().numpy(), tempered(head, 1.8)(inputs).exp().numpy()
    expected = calibration.with_temperature(table(plain, [0] * 7), 1.8)
    assert cooler == pytest.approx(predictions.probability_matrix(expected), abs=1e-6)


def test_reliability_agrees_with_scikit_learn():
    rows = simulated(2000, 1.5)
    right = rows["predicted"] == rows["label"]
    found = calibration.reliability(rows)
    assert found["photos"].sum() == 2000
    for row in found.to_dict("records"):
        own = (rows["confidence"] >= row["from"]) & (rows["confidence"] < row["to"])
        true, said = calibration_curve(right[own], rows["confidence"][own], n_bins=1)
        assert (row["right"], row["said"]) == (pytest.approx(true[0]), pytest.approx(said[0]))
        assert row["right_low"] < row["right"] <= row["right_high"]
    true, said = calibration_curve(right, rows["confidence"], n_bins=10)
    counts = np.histogram(rows["confidence"], bins=np.linspace(0, 1, 11))[0]
    expected = (np.abs(true - said) * counts[counts > 0]).sum() / 2000
    assert calibration.expected_calibration_error(rows) == pytest.approx(expected)


def test_calibration_lowers_the_error_of_a_model_that_is_too_sure():
    val, test = simulated(3000, 2.5, seed=1), simulated(3000, 2.5, seed=2)
    after = calibration.with_temperature(test, calibration.fit_temperature(val))
    assert calibration.expected_calibration_error(after) < calibration.expected_calibration_error(test) / 3


def test_a_certain_and_right_model_is_no_problem():
    rows = table(np.eye(3), [0, 1, 2])
    assert np.isfinite(calibration.fit_temperature(rows))
    assert calibration.reliability(rows)["right"].tolist() == [1.0]
