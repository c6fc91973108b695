"""Which answers may stand alone: a promise, kept."""

import numpy as np
import pandas as pd
import pytest

from boatlib import policy as actions
from boatlib.params import Review
from boatlib.policy import CHECK, COMMON, NEVER, UNKNOWN, USE, Policy
from boatlib.results import policy

PROMISE = Review(target_error=0.02, certainty=0.95)


def drawn(random, photos, classes=1, slope=12.0, wrong_anyway=0.004):
    """Answers whose confidence is honest but for a few that are wrong however sure."""
    confidence = 1 / (1 + np.exp(-random.normal(4.5, 2.5, photos) * slope / 12))
    confidence = np.maximum(confidence, 1 - confidence)
    right = random.uniform(size=photos) < confidence * (1 - wrong_anyway)
    names = np.array([f"class {n}" for n in range(classes)], dtype=object)
    said = names[random.integers(classes, size=photos)]
    rows = pd.DataFrame({"photo": np.arange(photos).astype(str), "predicted": said, "confidence": confidence})
    return rows.assign(label=np.where(right, said, "other"), unfamiliarity=0.0)


def alone(rows):
    return rows["photo"]


@pytest.mark.parametrize(("photos", "classes", "drawn_in"), [(200, 1, 0.08), (600, 1, 0.3), (3000, 3, 0.8)])
def test_the_promise_is_kept_in_at_least_95_of_100_divisions(photos, classes, drawn_in):
    """1,000 divisions into photos that draw the line and (so many that chance plays no part) photos that judge it."""
    random = np.random.default_rng(0)
    judges = drawn(random, 200_000, classes)
    wrong = (judges["predicted"] != judges["label"]).to_numpy()
    order = np.argsort(judges["confidence"].to_numpy())
    sure, left = judges["confidence"].to_numpy()[order], wrong[order][::-1].cumsum()[::-1]
    said = judges["predicted"].to_numpy()
    kept = used = 0
    for _ in range(1000 if classes == 1 else 200):
        rows = drawn(random, photos, classes)
        found = policy.draw(rows.assign(group=alone(rows)), PROMISE, 1.0)
        if classes == 1:
            place = np.searchsorted(sure, found.line("class 0"))
            errors, answers = (left[place], len(sure) - place) if place < len(sure) else (0, 0)
        else:
            take = judges["confidence"].to_numpy() >= np.array([found.line(name) for name in said])
            errors, answers = wrong[take].sum(), take.sum()
        kept += errors <= PROMISE.target_error * answers
        used += answers > 0
    total = 1000 if classes == 1 else 200
    assert kept >= 0.95 * total, f"kept in {kept} of {total}, a line drawn in {used}"
    assert used >= drawn_in * total, "a promise that nobody can use is easily kept"


def test_without_an_error_so_many_answers_are_needed_and_not_one_fewer():
    assert policy.fewest(0.02, 0.05) == 149
    for photos, line in ((149, 0.9), (148, NEVER)):
        rows = pd.DataFrame({"predicted": "a", "label": "a", "confidence": 0.9, "unfamiliarity": 0.0}, range(photos))
        found = policy.draw(rows.assign(group=pd.Series(range(photos))), PROMISE, 1.0)
        assert found.lines == {COMMON: line}
        assert found.needed == (0 if line < 1 else pytest.approx(1, abs=4))


def test_the_line_lies_where_errors_begin():
    rows = pd.DataFrame({"predicted": "a", "confidence": np.linspace(0.99, 0.5, 600), "unfamiliarity": 0.0})
    rows["label"] = np.where(np.arange(600) < 400, "a", np.where(np.arange(600) % 4, "a", "b"))
    line = policy.draw(rows.assign(group=pd.Series(range(600))), PROMISE, 1.0).line("a")
    used = rows[rows["confidence"] >= line]
    assert 400 <= len(used) <= 420
    assert policy.draw(rows.assign(label="b").assign(group=pd.Series(range(600))), PROMISE, 1.0).needed == 0
    assert not policy.draw(rows.assign(label="b").assign(group=pd.Series(range(600))), PROMISE, 1.0).uses_any


def test_nine_pictures_of_a_patient_count_as_one():
    rows = pd.DataFrame({"predicted": "a", "label": "a", "confidence": 0.9, "unfamiliarity": 0.0}, range(900))
    assert policy.draw(rows.assign(group=pd.Series(range(900))), PROMISE, 1.0).uses_any
    found = policy.draw(rows.assign(group=pd.Series(np.arange(900) // 9)), PROMISE, 1.0)
    assert not found.uses_any
    assert 9 * 149 - 900 <= found.needed <= 9 * 149 - 900 + 50


def test_an_answer_that_is_given_often_has_a_line_of_its_own():
    random = np.random.default_rng(1)
    rows = pd.concat(
        [drawn(random, 2000), drawn(random, 400).assign(predicted="rare", label="rare")], ignore_index=True
    )
    found = policy.draw(rows.assign(group=pd.Series(range(2400))), PROMISE, 1.0)
    assert set(found.lines) == {COMMON, "class 0"}
    assert found.line("rare") < found.line("class 0")


def test_equal_confidences_are_used_or_checked_together():
    rows = pd.DataFrame({"predicted": "a", "label": "a", "confidence": [0.9] * 300 + [0.8] * 100, "unfamiliarity": 0.0})
    rows.loc[300:350, "label"] = "b"
    assert policy.draw(rows.assign(group=pd.Series(range(400))), PROMISE, 1.0).line("a") == 0.9


def test_with_costs_the_cheapest_line_is_drawn_by_the_same_function():
    random = np.random.default_rng(3)
    rows = drawn(random, 200)
    right = (rows["predicted"] == rows["label"]).to_numpy()
    for error, check in ((10, 1), (1, 10), (3, 1), (2, 0.9)):
        found = policy.draw(rows.assign(group=alone(rows)), Review(cost_of_error=error, cost_of_check=check), 1.0)
        assert found.rule == "cost"
        costs = [
            policy.cost(Policy({COMMON: line}).actions(rows), right, error, check)
            for line in [0.0, *rows["confidence"], NEVER]
        ]
        assert policy.cost(found.actions(rows), right, error, check) == pytest.approx(min(costs))
    assert policy.cheapest_line(rows, 1, 100) == 0.0
    assert policy.cheapest_line(rows.assign(label="other"), 100, 1) == NEVER


def test_what_is_unfamiliar_is_unknown_whatever_the_confidence():
    rows = pd.DataFrame(
        {"predicted": ["a", "a", "b"], "confidence": [0.99, 0.99, 0.4], "unfamiliarity": [0.9, 0.1, 0.1]}
    )
    found = Policy({COMMON: 0.5}, familiar_to=0.8)
    assert found.actions(rows).tolist() == [UNKNOWN, USE, CHECK]
    assert found.reasons(rows) == ["unlike anything it was taught; nearest: a", "", "less sure than 50.0%"]
    assert Policy({COMMON: NEVER}).reasons(rows)[2] == "answers b are always checked"
    assert Policy(rule="none").reasons(rows)[2] == "06_summary has drawn no line yet"


def test_a_share_of_known_photos_is_refused():
    rows = pd.DataFrame({"unfamiliarity": np.linspace(0, 1, 1000)})
    assert (rows["unfamiliarity"] >= policy.familiar_to(rows, 0.05)).mean() == pytest.approx(0.05, abs=0.002)


def test_the_table_counts_every_photo_once():
    random = np.random.default_rng(4)
    rows = drawn(random, 500, 3).assign(unfamiliarity=random.uniform(size=500))
    found = Policy({COMMON: 0.9, "class 1": NEVER}, familiar_to=0.9)
    table = policy.table(found, rows)
    assert list(table.columns) == policy.COLUMNS
    every, each = table[table["answer"] == policy.ALL], table[table["answer"] != policy.ALL]
    assert every["judged"].sum() == each["judged"].sum() == 500
    assert every["per_1000"].sum() == pytest.approx(1000)
    assert not ((each["answer"] == "class 1") & (each["action"] == USE)).any()
    told = policy.judged(found, rows)
    assert told["used"] + told["checked"] + told["unknown"] == told["photos"] == 500
    assert told["use_per_1000"] + told["check_per_1000"] + told["unknown_per_1000"] == 1000
    assert set(table["action"]) == set(actions.ACTIONS)


def test_validation_photos_draw_no_line_where_their_look_alikes_taught():
    validation, teaching = drawn(np.random.default_rng(0), 20), drawn(np.random.default_rng(1), 50)
    groups = alone(validation), alone(teaching)
    rows = policy.judges(validation, teaching, groups, None)
    assert list(rows.columns) == policy.JUDGES
    assert len(rows) == 70
    alike = pd.Series([f"series {n // 5}" for n in range(70)])
    rows = policy.judges(validation, teaching, groups, alike)
    assert rows["confidence"].tolist() == teaching["confidence"].tolist()
    assert rows["group"].tolist() == alike[:50].tolist()
    rows = policy.judges(validation, teaching.head(0), groups, None)  # where the body learns, too
    assert len(rows) == 20
