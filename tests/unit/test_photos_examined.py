"""Learning curves, labels in doubt, what the crop hides: by simulation and by what was planted."""

import numpy as np
import pandas as pd
import pytest

from boatlib.model.inputs.views import Preprocessing
from boatlib.results import crop_audit, cross_validation, label_issues, learning_curve


def features(labels, spread=1.0, seed=0, size=20):
    """Points around one centre a class."""
    random = np.random.default_rng(seed)
    names = sorted(set(labels))
    centres = {name: random.normal(0, 1, size) for name in names}
    return np.stack([centres[label] + random.normal(0, spread, size) for label in labels]).astype(np.float32)


def photos(labels):
    rows = pd.DataFrame({"photo": [f"{n:03d}.jpg" for n in range(len(labels))], "label": labels, "split": "train"})
    return rows.assign(group=rows["photo"])


def test_nobody_is_judged_by_a_head_that_has_seen_it():
    random = np.random.default_rng(0)
    rows = photos(random.permutation(["a", "b"] * 100).tolist())  # labels without meaning
    noise = random.normal(size=(200, 50)).astype(np.float32)
    rows["group"] = [f"{n // 2}" for n in range(200)]
    noise[1::2] = noise[::2]  # each photo has a twin, with another label as often as not
    found = cross_validation.probabilities(
        cross_validation.simplified(noise, rows["label"]), rows["label"], rows["group"]
    )
    assert 0.38 < cross_validation.right_answers(found, rows["label"]).mean() < 0.62
    assert found.sum(axis=1) == pytest.approx(1)


def test_planted_labels_are_found_and_good_ones_are_not_accused():
    truth = ["a"] * 60 + ["b"] * 60 + ["c"] * 20
    rows = photos(truth)
    points = cross_validation.simplified(features(truth, 0.7), rows["label"])
    planted = {3: "b", 70: "c", 100: "a", 125: "a"}
    for place, label in planted.items():
        rows.loc[place, "label"] = label
    found = label_issues.find_suspects(
        rows.assign(decision=""), cross_validation.probabilities(points, rows["label"], rows["group"])
    )
    assert {f"{place:03d}.jpg" for place in planted} <= set(found["photo"])
    assert len(found) <= len(planted) + 2
    first = found.set_index("photo")["suggested"]
    assert [first[f"{place:03d}.jpg"] for place in planted] == [truth[place] for place in planted]
    assert found["self_confidence"].is_monotonic_increasing


def test_the_learning_curve_counts_every_photo_and_rises():
    labels = ["a"] * 120 + ["b"] * 60 + ["c"] * 12
    curve = learning_curve.measure(
        cross_validation.simplified(features(labels, 1.6), pd.Series(labels)), photos(labels)
    )
    assert len(curve) == 4 * (3 + 1)
    everything = curve[curve["class"] == learning_curve.ALL]
    assert everything["judged"].tolist() == [192] * 4
    assert everything["right"].iloc[0] < everything["right"].iloc[-1]
    parts = curve[curve["class"] != learning_curve.ALL].groupby("share")["right"].sum()
    assert parts.to_numpy() == pytest.approx(everything["right"].to_numpy())


def law(error, speed, floor, times):
    """The truth of the simulations, written down by itself: above a floor the odds of an error fall by a power of the photos."""
    odds = (error - floor) / (1 - error) / times**speed
    return (floor + odds) / (1 + odds)


def simulate(random, judged, now):
    """A class with a curve of its own: what is measured at four shares, by photos that are easy or hard at all of them."""
    error, speed = random.uniform(0.03, 0.45), random.uniform(0.1, 1.2)
    floor = error * random.uniform(0, 0.7)
    easy = random.uniform(size=judged)
    shares = np.array(learning_curve.SHARES)
    taught = (
        shares * now / 0.75
    )  # cross-validation teaches with four fifths, a split of 60 % with three quarters of that
    errors = [law(error, speed, floor, t / now) for t in taught]
    # the same photos are judged each time: half of the luck is theirs, half the draw's
    right = [float(((easy + random.uniform(size=judged)) / 2 > np.quantile(_halves(), e)).sum()) for e in errors]
    rows = pd.DataFrame({"class": "x", "share": shares, "taught": taught, "judged": judged, "right": right})
    return rows, error, speed, floor


def _halves(cache=[]):  # noqa: B006 (the quantiles of the mean of two uniform numbers, drawn once)
    if not cache:
        random = np.random.default_rng(9)
        cache.append((random.uniform(size=200_000) + random.uniform(size=200_000)) / 2)
    return cache[0]


@pytest.mark.parametrize("judged", [40, 200])
def test_likely_ranges_hold_as_often_as_they_say(judged):
    random = np.random.default_rng(judged)
    hits, wanted_hits, trials = 0, 0, 120
    for _ in range(trials):
        now = judged * 0.6
        rows, error, speed, floor = simulate(random, judged, now)
        found = learning_curve.forecast(rows, now)
        low, _, high = found.right_with(2)
        truth = 1 - law(error, speed, floor, 2)
        hits += low <= truth <= high
        few, _, many = found.more_photos_for(0.9)
        if error <= 0.1:
            needed = 0.0
        elif floor >= 0.1:
            needed = np.inf
        else:
            tried = np.geomspace(1, learning_curve.MOST, 20_001)
            enough = tried[law(error, speed, floor, tried) <= 0.1]
            needed = (enough[0] - 1) * now if len(enough) else np.inf
        wanted_hits += few <= needed <= many
    assert hits / trials > learning_curve.LIKELY - 0.05
    assert wanted_hits / trials > learning_curve.LIKELY - 0.05


def test_a_perfect_class_wants_no_photos_and_a_flat_one_is_out_of_reach():
    shares = np.array(learning_curve.SHARES)
    rows = pd.DataFrame({"class": "x", "share": shares, "taught": shares * 100, "judged": 400, "right": 400.0})
    assert learning_curve.forecast(rows, 75).more_photos_for(0.9) == (0, 0, 0)
    flat = rows.assign(right=200.0)
    low, middle, high = learning_curve.forecast(flat, 75).right_with(2)
    assert low < 0.52 < high
    assert abs(middle - 0.5) < 0.06
    assert np.isinf(learning_curve.forecast(flat, 75).more_photos_for(0.9)).all()


def test_what_a_square_in_the_middle_does_not_show():
    prepare = Preprocessing(224, 0.875, (0.5,) * 3, (0.5,) * 3)
    sizes = pd.DataFrame({"photo": ["square", "wide"], "width": [400, 1000], "height": [400, 500]})
    found = crop_audit.unseen_shares(sizes, [prepare]).set_index("photo")["unseen"]
    assert found["square"] == pytest.approx(1 - 0.875**2, abs=0.01)
    assert found["wide"] == pytest.approx(1 - 0.875**2 / 2, abs=0.01)


def test_the_crop_is_accused_only_with_proof():
    right = pd.DataFrame({"photo": [f"{n}" for n in range(80)], "label": "a", "predicted": "a"})
    hidden = pd.DataFrame({"photo": right["photo"], "unseen": np.linspace(0.3, 0.7, 80)})
    wrong_where_hidden = right.assign(predicted=["a"] * 60 + ["b"] * 20)
    record = crop_audit.crop_verdict(wrong_where_hidden, hidden)
    assert record["p_value"] < 0.001
    assert record["unseen_wrong"] > record["unseen_right"]
    assert crop_audit.crop_verdict(right, hidden)["p_value"] == 1.0
    by_group = crop_audit.accuracy_by_unseen(wrong_where_hidden, hidden)
    assert by_group["photos"].sum() == 80
    assert by_group["correct"].sum() == 60
