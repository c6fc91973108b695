"""The model against simple rules and against the last run: always on the same photos, in pairs."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from boatlib import spreadsheet
from boatlib.order import natural
from boatlib.params import settings_of, shareable
from boatlib.photos.corrections import DROP
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


def moved_by_labels(run: Run, predictions: pd.DataFrame, catalog: pd.DataFrame) -> dict[str, Any] | None:
    """Which numbers moved since the last published run of this name because labels were corrected; None where no label was.

    predictions, catalog: of this run. Returns changed (photo, split, then, now: "" for a photo that is left out) and shares,
    a row for all classes and one for each that moved: class, and right answers and photos of the last run (then,
    then_photos), of its answers by the labels of now (relabelled, relabelled_photos), and of this run (now, now_photos).
    """
    folder = run.earlier()
    if folder is None or not (folder / "split.csv").is_file():
        return None
    earlier = spreadsheet.read_table(folder / "split.csv")[["photo", "label", "split"]]
    used = catalog["status"] == "used"
    labels_now = catalog[used].set_index("photo")["label"]
    out = catalog[~used & (catalog["decision"] == DROP)].assign(label="").set_index("photo")["label"]
    earlier["now"] = earlier["photo"].map(pd.concat([labels_now, out]))  # without a label: no longer there
    earlier = earlier.rename(columns={"label": "then"}).dropna(subset="now")
    changed = earlier[earlier["now"] != earlier["then"]].reset_index(drop=True)
    if changed.empty:
        return None
    answers = spreadsheet.read_table(folder / "predictions.csv")
    stages = {
        "then": answers,
        "relabelled": answers[answers["photo"].isin(labels_now.index)].assign(
            label=lambda a: a["photo"].map(labels_now)
        ),
        "now": predictions,
    }
    return {"changed": changed, "shares": _right_by_class(stages)}


def _right_by_class(stages: dict[str, pd.DataFrame]) -> pd.DataFrame:
    columns: dict[str, pd.Series] = {}
    for name, answers in stages.items():
        right = (answers["predicted"] == answers["label"]).groupby(answers["label"]).agg(["sum", "count"])
        right.loc["all classes"] = right.sum()
        columns |= {name: right["sum"], f"{name}_photos": right["count"]}
    shares = pd.DataFrame(columns).fillna(0).astype(int)
    moved = (shares["then"] != shares["now"]) | (shares["then_photos"] != shares["now_photos"])
    moved |= shares["then"] != shares["relabelled"]
    shares = shares[moved | (shares.index == "all classes")]
    shares = shares.loc[["all classes", *natural(name for name in shares.index if name != "all classes")]]
    return shares.rename_axis("class").reset_index()


def against_last_run(run: Run, predictions: pd.DataFrame, settings: dict[str, Any]) -> dict[str, Any] | None:
    """This run beside the last published one of its name, on the photos that both judge by and label alike; None without one.

    settings: `params.shareable` of this run. Returns photos, now_correct, then_correct, fixed, broken, p_value (exact McNemar),
    changed (rows of predictions that were fixed or broken, with `then` as the answer of before), settings (what differs), joined
    (photos that came since, by the part that they are in).
    """
    folder = run.earlier()
    if folder is None:
        return None
    then = spreadsheet.read_table(folder / "predictions.csv")
    old = shareable(settings_of(folder / "params.json"))
    return between(then, old, predictions, settings) | {"joined": _joined(run, folder)}


def _joined(run: Run, earlier: Path) -> dict[str, int]:
    """Photos, by part, with whose content the earlier run neither taught nor judged."""
    before, now = spreadsheet.read_table(earlier / "split.csv"), run.table("split")
    parts = now.loc[~now["sha256"].isin(before["sha256"]), "split"].value_counts()
    return {str(part): int(count) for part, count in parts.items()}


def between(
    then: pd.DataFrame, old: dict[str, Any], predictions: pd.DataFrame, settings: dict[str, Any]
) -> dict[str, Any]:
    """Two runs on the photos that both judge by and label alike: predictions and settings of the first, then of the second.

    Returns what `against_last_run` does.
    """
    shared = predictions.merge(
        then[["photo", "label", "predicted"]].rename(columns={"predicted": "then"}), on=["photo", "label"]
    )
    before, after = shared["then"] == shared["label"], shared["predicted"] == shared["label"]
    return {
        "photos": len(shared),
        "now_correct": int(after.sum()),
        "then_correct": int(before.sum()),
        **mcnemar(before, after),
        "changed": shared[before != after].reset_index(drop=True),
        "settings": [
            f"{n} ({_named(old[n])} → {_named(v)})"
            for n, v in settings.items()
            if n in old and old[n] != v and n != "run" and not n.startswith("share.")
        ],
    }


def _named(value: Any) -> str:  # noqa: ANN401
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
