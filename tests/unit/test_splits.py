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
