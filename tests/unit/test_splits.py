import numpy as np
import pandas as pd
import pytest

from boatlib.errors import DataError
from boatlib.photos import splits


def table(**counts):
    rows = [(f"{label}/{n}.jpg", label) for label, count in counts.items() for n in range(count)]
    frame = pd.DataFrame(rows, columns=["photo", "label"])
    groups = [f"g{n}" for n in range(len(frame))]
    return frame.assign(
        status="used", group=groups, sha256=frame["photo"], decision="", stratum=frame["label"], part="", group_by=""
    )


def test_shares_hold_in_every_class():
    counts = splits.count_by_split(splits.make_split(table(a=100, b=50), 0.6, 0.2, 0.2, seed=1))
    assert counts.loc["a"].to_dict() == {"train": 60, "val": 20, "test": 20}
    assert counts.loc["b"].to_dict() == {"train": 30, "val": 10, "test": 10}


def test_the_same_seed_gives_the_same_split_and_another_seed_another():
    one, same, other = (splits.make_split(table(a=100, b=50), 0.6, 0.2, 0.2, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert (one["split"] != other["split"]).any()


def test_a_class_of_three_stands_in_every_split_and_one_of_two_is_refused():
    counts = splits.count_by_split(splits.make_split(table(a=30, b=3), 0.6, 0.2, 0.2, seed=1))
    assert counts.loc["b"].tolist() == [1, 1, 1]
    with pytest.raises(DataError, match="needs at least 3"):
        splits.make_split(table(a=30, b=2), 0.6, 0.2, 0.2, seed=1)


def test_55_groups_stay_together_and_the_proof_can_fail():
    rows = table(a=60, b=30)
    rows["group"] = [f"g{n // 3}" for n in range(len(rows))]
    split = splits.make_split(rows, 0.6, 0.2, 0.2, seed=5)
    assert "no photo, no equal file and no group" in splits.prove_disjoint(split)
    split.loc[0, "split"] = next(name for name in splits.SPLITS if name != split.loc[0, "split"])
    with pytest.raises(DataError, match="two splits"):
        splits.prove_disjoint(split)


def test_a_given_division_is_kept_and_what_it_lacks_is_made_of_train():
    rows = table(a=60, b=60)
    rows["part"] = ["test" if n % 3 == 0 else "train" for n in range(120)]
    split = splits.make_split(rows, 0.6, 0.2, 0.2, seed=1)
    assert (split["split"] == "test").tolist() == (rows["part"] == "test").tolist()
    assert splits.count_by_split(split).loc["a"].to_dict() == {"train": 30, "val": 10, "test": 20}
    assert splits.given_parts(rows) == ["train", "test"]
    assert splits.given_parts(rows.assign(part="test")) == []
    ignored = splits.make_split(rows, 0.6, 0.2, 0.2, seed=1, given="ignore")
    assert ignored.equals(splits.make_split(rows.assign(part=""), 0.6, 0.2, 0.2, seed=1))


def test_twins_across_given_parts_are_counted():
    rows = table(a=20, b=20)
    rows["part"] = ["test" if n % 2 else "train" for n in range(40)]
    rows.loc[1, "group"], rows.loc[3, "sha256"] = rows.loc[0, "group"], rows.loc[2, "sha256"]
    split = splits.make_split(rows, 0.6, 0.2, 0.2, seed=1)
    split["split"] = split["split"].replace("val", "train")
    assert splits.with_twins(split).sum() == 2
    assert "2 test photos have a twin in train" in splits.prove_disjoint(split, ["train", "test"])
    with pytest.raises(DataError, match="two splits"):
        splits.prove_disjoint(split)


def test_a_group_of_several_classes_stays_together():
    rows = table(a=60, b=60)
    rows["group_by"] = [f"patient {n % 40}" for n in range(120)]  # each with photos of both
    split = splits.make_split(rows, 0.6, 0.2, 0.2, seed=3)
    assert (split.groupby(rows["group_by"])["split"].nunique() == 1).all()
    shares = splits.count_by_split(split).div(60)
    assert ((shares["train"] - 0.6).abs() < 0.1).all()
    few = rows.assign(group_by=["one" if n < 60 else f"p{n}" for n in range(120)])
    with pytest.raises(DataError, match="Its 60 photos belong to 1 group"):
        splits.make_split(few, 0.6, 0.2, 0.2, seed=3)


def test_parts_for_cross_validation_have_whole_groups_and_as_much_of_each_class():
    random = np.random.default_rng(0)
    labels = random.choice(["barge", "dory", "ketch"], 600, p=[0.8, 0.15, 0.05])
    groups = np.where(
        random.uniform(size=600) < 0.3, 7, np.arange(600)
    )  # one group is a third of all, and of every class
    parts = splits.in_parts(labels, groups, 5, 0)
    assert len(set(parts[groups == 7])) == 1
    alone = splits.in_parts(labels, np.arange(600), 5, 0)
    for label in set(labels):
        assert np.ptp(np.bincount(alone[labels == label], minlength=5)) <= 1
    assert np.ptp(np.bincount(alone)) <= 3
    assert sorted(splits.in_parts(np.array([*"abcde"]), np.arange(5), 5, 1)) == [0, 1, 2, 3, 4]
    assert (splits.in_parts(labels, groups, 5, 0) == parts).all()
    assert (splits.in_parts(labels, groups, 5, 1) != parts).any()
    assert len(splits.in_parts(labels[:0], groups[:0], 5, 0)) == 0
