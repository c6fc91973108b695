import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from boatlib import show
from boatlib.results import intervals, metrics, tta


def predictions(labels, probabilities, classes=("a", "b", "c")):
    probabilities = np.asarray(probabilities, float)
    best = probabilities.argmax(1)
    table = pd.DataFrame({"photo": [f"{n}.jpg" for n in range(len(labels))], "label": labels})
    table["predicted"] = [classes[n] for n in best]
    table["confidence"] = probabilities.max(1)
    return table.assign(**{f"p_{name}": probabilities[:, n] for n, name in enumerate(classes)})


PERFECT = predictions(["a", "b", "c"], np.eye(3))
MIXED = predictions(["a", "a", "b", "c"], [[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2]])
SPLIT = pd.DataFrame({"label": ["a", "a", "b", "c", "a"], "split": ["test", "test", "test", "test", "train"]})


def test_perfect_predictions_are_one():
    overall = metrics.overall(PERFECT, [1, 2, 3])
    assert (overall["accuracy"], overall["balanced_accuracy"], overall["top2"]) == (1, 1, 1)
    assert "top3" not in overall  # among three classes the right one always is
    assert overall["loss"] == pytest.approx(0)


def test_the_figures_of_a_small_example():
    overall = metrics.overall(MIXED, [1, 2, 3])
    assert (overall["correct"], overall["photos"]) == (2, 4)
    assert overall["top2"] == 0.75
    assert overall["balanced_accuracy"] == pytest.approx((0.5 + 1 + 0) / 3)
    rows = metrics.per_class(MIXED, SPLIT, [1, 3]).set_index("class")
    assert rows.loc["a", ["train", "test", "correct"]].tolist() == [1, 2, 1]
    assert rows.loc["a", "loss"] == pytest.approx(-np.log([0.8, 0.3]).mean())
    assert rows.loc["b", "precision"] == 0.5
    assert rows.loc["b", "recall"] == 1


def test_confusions_are_counted_and_ranked():
    matrix = metrics.confusion_matrix(MIXED)
    assert matrix.loc["a", "b"] == 1
    assert matrix.to_numpy().sum() == 4
    assert metrics.most_confused(matrix)[["label", "predicted"]].to_numpy().tolist() == [["c", "a"], ["a", "b"]]
    assert metrics.most_confused(metrics.confusion_matrix(PERFECT)).empty


def test_wilson_against_a_published_example_and_its_limits():
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 gives 0.2553 to 0.3662
    assert intervals.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert intervals.wilson(5, 5)[1] == pytest.approx(1)
    assert np.isnan(intervals.wilson(0, 0)).all()


def test_mcnemar_is_the_exact_binomial_on_what_changed():
    before = pd.Series([True] * 5 + [False] * 9)
    after = pd.Series([False] * 2 + [True] * 3 + [True] * 8 + [False])
    result = intervals.mcnemar(before, after)
    assert (result["fixed"], result["broken"]) == (8, 2)
    assert result["p_value"] == pytest.approx(binomtest(2, 10).pvalue)
    assert intervals.mcnemar(before, before)["p_value"] == 1


def test_the_choice_is_made_by_right_answers_then_by_loss():
    worse = predictions(["a", "a", "b", "c"], [[0.6, 0.3, 0.1], [0.3, 0.6, 0.1], [0.4, 0.5, 0.1], [0.5, 0.3, 0.2]])
    assert tta.choose({"plain": worse, "fixed": MIXED}) == "fixed"
    surer = predictions(["a", "a", "b", "c"], [[0.9, 0.05, 0.05], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2]])
    assert tta.accuracy(surer) == tta.accuracy(MIXED)
    assert tta.choose({"plain": MIXED, "fixed": surer}) == "fixed"


@pytest.mark.parametrize(
    ("better", "asked", "wanted"),
    [(0, False, []), (1, False, []), (8, False, ["fixed"]), (0, True, ["random", "fixed"])],
)
def test_test_photos_are_looked_at_again_where_that_is_needed_or_asked_for(better, asked, wanted):
    labels, rows = ["a"] * 30, np.array([[0.6, 0.4]] * 30)
    plain, fixed = ([[0.4, 0.6]] * wrong + rows[wrong:].tolist() for wrong in (10, 10 - better))
    tables = [pd.DataFrame(p, columns=["p_a", "p_b"]).assign(photo=range(30), label=labels) for p in (plain, fixed)]
    plain, fixed = (t.assign(predicted=np.where(t["p_a"] > 0.5, "a", "b")) for t in tables)
    on_val = {"plain": plain, "random": plain, "fixed": fixed}
    strategies = {"plain": ["plain"], "random": ["plain", "random-0"], "fixed": ["plain", "flip"]}
    needed = tta.to_judge(on_val, strategies, asked)
    assert list(needed) == wanted
    record = tta.judge(on_val, {"plain": plain} | {name: on_val[name] for name in needed}, strategies)
    assert list(record["test"]) == wanted
    assert record["shown"] in (wanted or ["plain"])
    assert set(record["validation"]) == {"random", "fixed"}


def test_comparing_other_photos_is_refused():
    with pytest.raises(ValueError, match="same photos"):
        tta.compare(MIXED, MIXED.iloc[::-1])


def test_a_perfect_model_has_no_confused_pairs():
    matrix = pd.DataFrame([[3, 0], [0, 2]], index=pd.Index(["a", "b"], name="label"), columns=["a", "b"])
    assert metrics.most_confused(matrix).empty
    assert list(metrics.most_confused(matrix).columns) == ["label", "predicted", "photos", "share"]
    matrix.loc["a", "b"] = 1
    assert metrics.most_confused(matrix)["share"].tolist() == [0.25]


def test_ranges_over_groups_follow_the_groups():
    random = np.random.default_rng(1)
    right = random.random(300) < 0.8
    alone = intervals.over_groups(right)
    assert alone == intervals.wilson(int(right.sum()), 300)
    singles = intervals.over_groups(right, np.arange(300).astype(str))
    assert np.abs(np.subtract(singles, alone)).max() < 0.015
    tens = np.repeat(right[:30], 10)  # ten photos of each that are all right or all wrong
    wide = intervals.over_groups(tens, np.repeat(np.arange(30), 10).astype(str))
    own = intervals.wilson(int(right[:30].sum()), 30)
    assert np.abs(np.subtract(wide, own)).max() < 0.06
    assert wide[1] - wide[0] > 2 * np.subtract(*intervals.wilson(int(tens.sum()), 300)[::-1])
    perfect = intervals.over_groups(np.ones(50, bool), np.repeat(np.arange(5), 10).astype(str))
    assert perfect == intervals.wilson(5, 5)
    assert np.isnan(intervals.over_groups(np.zeros(0, bool), np.zeros(0, str))).all()


def test_the_range_of_a_bootstrap_holds_as_often_as_it_says():
    random, hits = np.random.default_rng(2), 0
    for _ in range(200):
        chances = random.beta(4, 1, 60)  # of each group; 0.8 in the mean
        right = random.random((60, 5)) < chances[:, None]
        low, high = intervals.over_groups(right.ravel(), np.repeat(np.arange(60), 5).astype(str))
        hits += low <= 0.8 <= high
    assert hits / 200 > 0.9


def test_what_has_a_twin_in_train_is_counted_and_taken_away():
    overall = metrics.overall(MIXED, [1], twins=["0.jpg"])
    assert overall["twins"]["with_twin"] == 1
    assert (overall["twins"]["correct"], overall["twins"]["photos"]) == (1, 3)
    assert "twins" not in metrics.overall(MIXED, [1])
    assert "groups" not in overall
    groups = np.array(["g1", "g1", "g2", "g3"], dtype=object)
    assert metrics.overall(MIXED, [1], groups)["groups"] == 3
    words = show.metrics.reservations(overall).text
    assert words.startswith("1 test photo has a twin in train")
    assert show.metrics.reservations(metrics.overall(MIXED, [1])).text == ""
    assert "belong to 3 groups" in show.metrics.reservations(metrics.overall(MIXED, [1], groups)).text
