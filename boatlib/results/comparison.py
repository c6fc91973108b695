"""The model against simple rules and against the last run: always on the same photos, in pairs."""

import json
from typing import Any

import numpy as np
import pandas as pd

from boatlib import spreadsheet
from boatlib.params import shareable
from boatlib.results.intervals import mcnemar, wilson
from boatlib.run import Run

LARGEST, COLOURS = "largest_class", "colour_histogram"


def baselines(train: pd.DataFrame, test: pd.DataFrame, train_colours: np.ndarray, colours: np.ndarray) -> pd.DataFrame:
    """What two simple rules say of the test photos: columns photo, label, largest_class, colour_histogram.

    largest_class always names the commonest class of the training photos. colour_histogram is a logistic regression on the
    square roots of the colours' shares, float32 [photos, colours].
    """
    from sklearn.linear_model import LogisticRegression

    labels = train["label"].astype(str).to_numpy(dtype=object)
    rule = LogisticRegression(C=10.0, max_iter=1000).fit(np.sqrt(train_colours), labels)
    largest = train["label"].value_counts().sort_index().idxmax()
    rows = test[["photo", "label"]].reset_index(drop=True)
    return rows.assign(**{LARGEST: largest, COLOURS: rule.predict(np.sqrt(colours))})


def against_baselines(predictions: pd.DataFrame, rules: pd.DataFrame) -> pd.DataFrame:
    """The model beside the rules: columns rule, photos, correct, right, right_low, right_high, p_value (exact McNemar against the
    model; missing for the model itself, which is the last row).
    """
    label = predictions["label"]
    answers = {name: rules.set_index("photo")[name].reindex(predictions["photo"]) for name in (LARGEST, COLOURS)}
    answers["model"] = predictions["predicted"]
    model = (predictions["predicted"] == label).to_numpy()
    rows = []
    for name, said in answers.items():
        right = said.to_numpy() == label.to_numpy()
        low, high = wilson(right.sum(), len(right))
        row = {"rule": name, "photos": len(right), "correct": int(right.sum()), "right": float(right.mean())}
        row |= {"right_low": low, "right_high": high}
        p_value = np.nan if name == "model" else mcnemar(pd.Series(right), pd.Series(model))["p_value"]
        rows.append(row | {"p_value": p_value})
    return pd.DataFrame(rows)


def against_last_run(run: Run, predictions: pd.DataFrame, settings: dict[str, Any]) -> dict[str, Any] | None:
    """This run beside the last published one of its name, on the photos that both judge by and label alike; None without one.

    settings: `params.shareable` of this run. Returns photos, now_correct, then_correct, fixed, broken, p_value (exact McNemar),
    changed (rows of predictions that were fixed or broken, with `then` as the answer of before), settings (what differs).
    """
    folder = run.earlier()
    if folder is None:
        return None
    then = spreadsheet.read_csv(folder / "predictions.csv", ["photo", "label", "predicted"])
    shared = predictions.merge(
        then[["photo", "label", "predicted"]].rename(columns={"predicted": "then"}), on=["photo", "label"]
    )
    before, after = shared["then"] == shared["label"], shared["predicted"] == shared["label"]
    old = shareable(json.loads((folder / "params.json").read_text(encoding="utf-8")))
    return {
        "photos": len(shared),
        "now_correct": int(after.sum()),
        "then_correct": int(before.sum()),
        **mcnemar(before, after),
        "changed": shared[before != after].reset_index(drop=True),
        "settings": [f"{n} ({old.get(n, 'unknown')} before, {v} now)" for n, v in settings.items() if old.get(n) != v],
    }
