import json

import numpy as np
import pandas as pd
import pytest

from boatlib.report import publish
from boatlib.results import comparison
from boatlib.run import Run
from boatlib.show import comparison as shown

PREDICTIONS = pd.DataFrame({"photo": list("abcdef"), "label": list("xxxyyy"), "predicted": list("xxyyyy")})


def test_simple_rules_name_the_commonest_class_and_see_colours():
    random = np.random.default_rng(0)
    labels = ["red"] * 40 + ["blue"] * 20
    shares = np.array([[0.8, 0.2] if label == "red" else [0.2, 0.8] for label in labels])
    shares = shares + random.uniform(0, 0.05, shares.shape)
    rows = pd.DataFrame({"photo": [f"{n}" for n in range(60)], "label": labels})
    rules = comparison.baselines(rows, rows.tail(30), shares, shares[-30:])
    assert set(rules["largest_class"]) == {"red"}
    assert rules["colour_histogram"].tolist() == rows["label"].tail(30).tolist()
    beside = comparison.against_baselines(rows.tail(30).assign(predicted=rows["label"]), rules).set_index("rule")
    assert beside.loc["largest_class", "correct"] == 10
    assert beside.loc["largest_class", "p_value"] == pytest.approx(2 / 2**20)
    assert beside.loc["colour_histogram", "p_value"] == 1.0
    assert np.isnan(beside.loc["model", "p_value"])


def write(run, predictions, **settings):
    run.write_table("predictions", predictions)
    run.write_table("split", predictions[["photo", "label"]].assign(split="test", sha256=predictions["photo"]))
    (run.folder / "params.json").write_text(json.dumps({"seed": 1, **settings}))


def test_the_last_run_is_the_last_one_with_other_answers(project):
    run = Run("again")
    write(run, PREDICTIONS)
    assert comparison.against_last_run(run, PREDICTIONS, {}) is None
    publish._remember(run)
    assert run.earlier() is None  # the same answers are not another run
    better = PREDICTIONS.assign(predicted=list("xxxyyx"))
    write(run, better, seed=2)
    record = comparison.against_last_run(run, run.table("predictions"), {"seed": 2})
    assert (record["photos"], record["fixed"], record["broken"]) == (6, 1, 1)
    assert record["changed"]["photo"].tolist() == ["c", "f"]
    assert record["changed"]["then"].tolist() == ["y", "y"]
    assert record["settings"] == ["seed (1 → 2)"]
    publish._remember(run)
    publish._remember(run)  # publishing twice forgets nothing
    assert comparison.against_last_run(run, better, {"seed": 2})["fixed"] == 1
    assert sorted(path.name for path in run.earlier().iterdir()) == ["params.json", "predictions.csv", "split.csv"]


def test_other_photos_or_other_labels_are_not_compared(project):
    run = Run("again")
    write(run, PREDICTIONS)
    publish._remember(run)
    moved = PREDICTIONS.assign(photo=list("uvwxyz"))
    write(run, moved)
    beside = comparison.against_last_run(run, moved, {})
    assert beside["photos"] == 0
    assert beside["joined"] == {"test": 6}
    assert "0 photos that teach, and 6 that judge" in shown.last_run(beside).markup
    corrected = PREDICTIONS.assign(label=list("xxyyyy"))
    write(run, corrected)
    assert comparison.against_last_run(run, corrected, {})["photos"] == 5
