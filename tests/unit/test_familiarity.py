"""Photos unlike those that taught, seen by their features."""

import numpy as np
import pandas as pd
import pytest

from boatlib.model.inference.familiarity import COMPONENTS, MOST, Familiarity
from boatlib.results import elsewhere, unknown
from boatlib.show import elsewhere as words


def clouds(random, classes, each, width=300, spread=0.6):
    """Features of classes: points around centres, float32 [photos, width], and the class of each."""
    centres = random.normal(size=(classes, width))
    labels = np.repeat(np.arange(classes), each)
    return (centres[labels] + spread * random.normal(size=(len(labels), width))).astype(np.float32), labels


@pytest.fixture(scope="module")
def seen():
    return clouds(np.random.default_rng(0), 6, 60)


def test_what_lies_far_from_everything_is_noticed_and_what_is_known_is_not(seen):
    features, labels = seen
    teach = np.arange(len(labels)) % 2 == 0
    known = Familiarity.fit(features[teach], labels[teach])
    line = np.quantile(known.unfamiliarity(features[~teach]), 0.95)
    strange = np.random.default_rng(1).normal(size=(100, features.shape[1])).astype(np.float32) * 1.2
    assert (known.unfamiliarity(strange) > line).mean() > 0.98
    assert known.evidence(features[~teach]).argmax(axis=1).tolist() == labels[~teach].tolist()


def test_a_class_that_was_never_taught_is_noticed_by_most_of_its_photos(seen):
    features, labels = seen
    split = pd.DataFrame(
        {"label": [f"c{n}" for n in labels], "split": np.resize(["train", "train", "val"], len(labels))}
    )
    rows = unknown.leave_one_out(features, split, 0.05)
    assert list(rows.columns) == unknown.COLUMNS
    assert rows["what"].tolist() == [f"c{n}" for n in range(6)]
    assert (rows["photos"] == 60).all()
    assert (rows["noticed"] / rows["photos"]).min() > 0.9
    two = split[split["label"].isin(["c0", "c1"])]
    assert unknown.leave_one_out(features[: len(two)], two, 0.05).empty


def test_what_is_saved_says_the_same(seen, tmp_path):
    known = Familiarity.fit(*seen)
    known.save(tmp_path / "reference.safetensors")
    again = Familiarity.load(tmp_path / "reference.safetensors")
    np.testing.assert_array_equal(known.unfamiliarity(seen[0]), again.unfamiliarity(seen[0]))


def test_the_torch_module_says_the_same(seen):
    import torch

    known = Familiarity.fit(*seen)
    there = known.module()(torch.from_numpy(seen[0])).numpy()
    np.testing.assert_allclose(there, known.unfamiliarity(seen[0]), atol=1e-5)
    nothing = Familiarity.of_nothing(seen[0].shape[1], 6)
    assert (nothing.module()(torch.from_numpy(seen[0])).numpy() == 1).all()


def test_of_many_photos_few_are_kept_and_of_each_class_some(tmp_path):
    random = np.random.default_rng(2)
    features = random.normal(size=(20_000, 200)).astype(np.float32)
    labels = np.where(np.arange(20_000) < 19_950, np.arange(20_000) % 3, 3)
    known = Familiarity.fit(features, labels)
    assert known.reference.shape[1] == COMPONENTS
    assert MOST - 10 <= len(known.reference) <= MOST + 20
    known.save(tmp_path / "r")
    assert (tmp_path / "r").stat().st_size < 4e6


def test_parts_are_judged_by_the_others(seen):
    features, labels = seen
    parts = np.arange(len(labels)) % 3
    found = Familiarity.of_parts(features, labels, parts)
    alone = Familiarity.fit(features[parts != 1], labels[parts != 1]).unfamiliarity(features[parts == 1])
    np.testing.assert_array_equal(found[parts == 1], alone)


# Photos from elsewhere: the same number of photos, once each for itself, once in series


def photo_set(random, series, each, classes=5, width=200):
    """Coordinates of photos that are taken in series of `each`, and their split: what a series shares hides the class."""
    labels = np.repeat(np.arange(classes), series * each)
    centres = random.normal(size=(classes, width)) * 0.35
    visits = random.normal(size=(classes * series, width)).repeat(each, axis=0)
    own = random.normal(size=(len(labels), width)) * (0.35 if each > 1 else 1e-9)
    coordinates = centres[labels] + visits + own
    coordinates *= np.geomspace(3, 0.3, width)  # principal components fall off
    rows = pd.DataFrame({"label": [f"c{n}" for n in labels], "photo": [f"{n}.jpg" for n in range(len(labels))]})
    return coordinates, rows.assign(group=rows["photo"], visit=np.arange(len(labels)) // each)


def estimate(coordinates, rows, accuracy=0.97):
    held = elsewhere.held_together(coordinates, rows, 0)
    near = held["distance"].to_numpy()[1:]
    half = np.random.default_rng(0).permutation(len(rows))
    apart = elsewhere.to_teaching(coordinates, half[: len(half) // 2], half[len(half) // 2 :])
    return elsewhere.judge(held, accuracy, accuracy, apart, near, elsewhere.RANDOM)


def test_series_are_found_and_what_they_hide_is_told():
    coordinates, rows = photo_set(np.random.default_rng(0), series=8, each=6)
    near = elsewhere.distances(coordinates, rows["label"].to_numpy())
    assert (np.diff(near) > 0).all()
    found = pd.Series(elsewhere.clusters(coordinates, rows["label"].to_numpy(), near[1]))
    assert (found.groupby(rows["visit"]).nunique() == 1).mean() > 0.9, "a visit stays in one group"
    told = estimate(coordinates, rows)
    truth = elsewhere._right_answers(
        coordinates, rows["label"].to_numpy(dtype=object), rows["visit"].to_numpy(), 0
    ).mean()
    assert told["differs"]
    assert told["look_alikes"] > 0.8
    assert told["low"] <= told["middle"] <= told["high"] < 0.97
    assert told["random"] > truth + 0.1
    assert told["random"] - told["held"] > 0.5 * (told["random"] - truth), "most of what series hide is told"


def test_look_alikes_draw_no_line_for_each_other_where_photos_come_in_series():
    coordinates, rows = photo_set(np.random.default_rng(0), series=8, each=6)
    alike = elsewhere.in_series(coordinates.astype(np.float32), rows, 0)
    assert (alike.groupby(rows["visit"]).nunique() == 1).mean() > 0.9, "a visit stays in one group"
    coordinates, rows = photo_set(np.random.default_rng(0), series=48, each=1)
    assert elsewhere.in_series(coordinates.astype(np.float32), rows, 0) is None


def test_photos_each_taken_for_itself_raise_no_alarm():
    alarms = []
    for seed in range(10):
        coordinates, rows = photo_set(np.random.default_rng(seed), series=48, each=1)
        alarms.append(estimate(coordinates, rows)["differs"])
    assert not any(alarms)


def test_a_given_part_that_fares_as_photos_from_elsewhere_do_is_not_warned_of():
    coordinates, rows = photo_set(np.random.default_rng(0), series=8, each=6)
    held = elsewhere.held_together(coordinates, rows, 0)
    near, apart = held["distance"].to_numpy()[1:], np.full(50, 2.0)
    for division, simple, expected in (("given", 0.5, True), ("given", 0.99, False), ("random", 0.5, False)):
        told = elsewhere.judge(held, 0.97, simple, apart, near, division)  # however good the model itself may be
        assert told["apart"] is expected
        assert bool(words.warning(told)) is not expected
        assert ("are from elsewhere" in words.words(told).text) is expected
    quiet = told | {"differs": False}
    assert "no sign" in words.words(quiet).text
    assert "when groups stay together" in words.words(quiet | {"division": "groups"}).text


def test_the_simple_model_is_asked_about_test_photos_as_it_is_in_cross_validation():
    coordinates, rows = photo_set(np.random.default_rng(0), series=8, each=6)
    order = np.random.default_rng(0).permutation(len(rows))
    mixed = elsewhere.of_simple_model(coordinates, rows["label"], order[:190], order[190:])
    visits = np.flatnonzero(rows["visit"] % 4 == 0), np.flatnonzero(rows["visit"] % 4 > 0)
    strange = elsewhere.of_simple_model(coordinates, rows["label"], visits[1], visits[0])
    held = elsewhere.held_together(coordinates, rows, 0)["right"]
    assert strange < (held.iloc[0] + held.iloc[2]) / 2 < mixed


def test_steps_of_distance_hold_every_test_photo():
    near = np.array([0.2, 0.3, 0.4])
    rows = pd.DataFrame({"label": "a", "predicted": ["a"] * 8 + ["b"] * 2})
    table = elsewhere.by_distance(rows, np.array([0.0, 0.05, 0.15, 0.25, 0.25, 0.35, 0.35, 0.39, 0.6, 1.1]), near)
    assert list(table.columns) == elsewhere.COLUMNS
    assert table["photos"].tolist() == [2, 1, 2, 3, 2]
    assert table["right"].tolist() == [1, 1, 1, 1, 0]


def test_large_classes_are_cut_and_large_sets_sampled_by_neighbourhoods(monkeypatch):
    monkeypatch.setattr(elsewhere, "CELL", 60)
    coordinates, rows = photo_set(np.random.default_rng(0), series=20, each=6, classes=2)
    labels = rows["label"].to_numpy()
    found = pd.Series(elsewhere.clusters(coordinates, labels, elsewhere.distances(coordinates, labels)[1]))
    assert (found.groupby(rows["visit"]).nunique() == 1).mean() > 0.7
    assert (pd.Series(labels).groupby(found).nunique() == 1).all()
    monkeypatch.setattr(elsewhere, "MOST", 100)
    some = elsewhere._some(coordinates, labels)
    assert 60 <= len(some) <= 100 + 2 * elsewhere.ANCHORS * elsewhere.FEWEST
    assert set(labels[some]) == set(labels)
