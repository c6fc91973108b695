"""New photos and their answers: what becomes of each, which a person should name, and what all of it comes to."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from boatlib.photos import arrivals
from boatlib.photos.looks import LOOKS
from boatlib.policy import CHECK, UNKNOWN, USE, Policy
from boatlib.predictions import decided
from boatlib.results import acceptance, drift

# decisions, the gravest first: people's labels say that too many accepted answers are wrong; the photos are of another kind than
# the test photos, or more labels than promised say so, though not beyond doubt; no answer is accepted at all; as usual
BROKEN_IN_USE, CHANGED, NONE_ACCEPTED, AS_USUAL = "broken in use", "changed", "check all", "as usual"
UNREADABLE = "unreadable"  # an action beside those of a policy
JUDGE, LEARN = "judge", "learn"  # what a label is for
ASKED = ["photo", "purpose", "batch", "answer", "label"]
JUDGED = ["photo", "batch", "day", "answer", "label", "wrong"]
WATCH = [
    "batch", "day", "model", "photos", "unreadable", "accepted", "unsure", "unfamiliar", "confidence", "expected", "expected_low",
    "expected_high", "changed", "judged", "wrong", "state",
]  # fmt: skip


def with_actions(rows: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """The rows with action: USE, CHECK, UNKNOWN, UNREADABLE. rows: `Answered.rows`."""
    return rows.assign(action=np.where(rows["error"] == "", policy.actions(rows), UNREADABLE))


def told(parts: Iterable[pd.DataFrame], policy: Policy) -> Iterator[pd.DataFrame]:
    """What `answers.csv` says: every column that a model's answer has. parts: `Answered.parts`."""
    for rows in parts:
        yield decided(rows.drop(columns=["size", "time", "error"]), rows["error"].tolist(), policy)


def of_batch(rows: pd.DataFrame, number: int) -> pd.DataFrame:
    """The rows of the last batch, without a copy: they stand behind all others."""
    return rows.iloc[int(np.searchsorted(rows["batch"].to_numpy(int), number)) :]


def some_read(batch: pd.DataFrame) -> pd.DataFrame:
    """Photos that could be read: all, or `drift.MOST` of them, drawn at random."""
    places = pd.Series(np.flatnonzero(batch["error"] == ""))
    return batch.iloc[places.sample(min(len(places), drift.MOST), random_state=0)]


def least_sure(batch: pd.DataFrame, *actions: str) -> np.ndarray:
    """Places of the rows with one of these actions, the least sure answers first, and of equals the one that came first."""
    places = np.flatnonzero(batch["action"].isin(actions))
    return places[np.argsort(batch["confidence"].to_numpy()[places], kind="stable")]


def to_label(batch: pd.DataFrame, judge: int, learn: int) -> pd.DataFrame:
    """Columns ASKED: `judge` accepted answers, drawn at random, and the `learn` photos that it is least sure of, none of which
    is accepted; so no photo is for both. batch: `with_actions`, of one batch.
    """
    used = np.flatnonzero(batch["action"] == USE)
    drawn = batch.iloc[used[np.argsort(arrivals.marks(batch.iloc[used]))[:judge]]]
    doubtful = batch.iloc[least_sure(batch, CHECK, UNKNOWN)[:learn]]
    parts = [rows.assign(purpose=what) for rows, what in ((drawn, JUDGE), (doubtful, LEARN))]
    both = pd.concat(parts, ignore_index=True).rename(columns={"predicted": "answer"})
    return both.assign(label="")[ASKED]


def newly_judged(
    rows: pd.DataFrame, labels: Mapping[str, str], asked: pd.DataFrame, known: pd.DataFrame, day: str
) -> pd.DataFrame:
    """What labels say about accepted answers that nobody has judged yet: columns JUDGED.

    Labels judge where they were drawn at random (asked: ASKED, JUDGE), or where all accepted answers of a batch have one;
    others were chosen by somebody, and would prove nothing. rows: `with_actions`, of one model; known: JUDGED.
    """
    used = rows.loc[rows["action"] == USE, ["photo", "size", "time", "batch", "predicted"]]
    used = used.assign(label=used["photo"].map(labels).fillna(""))
    whole = used.groupby("batch")["label"].transform(lambda column: (column != "").all()) if len(used) else []
    drawn = set(asked.loc[asked["purpose"] == JUDGE, ["photo", "batch"]].itertuples(index=False, name=None))
    asked_for = [key in drawn for key in used[["photo", "batch"]].itertuples(index=False, name=None)]
    new = used[(used["label"] != "") & (np.array(asked_for, bool) | np.array(whole, bool))]
    before = set(known[["photo", "batch"]].itertuples(index=False, name=None))
    keys = list(new[["photo", "batch"]].itertuples(index=False, name=None))
    new = new[np.array([key not in before for key in keys], bool)]
    new = new.assign(place=arrivals.marks(new)).sort_values(["batch", "place"]).rename(columns={"predicted": "answer"})
    return new.assign(day=day, wrong=new["answer"] != new["label"])[JUDGED].reset_index(drop=True)


def strange(ledger: pd.DataFrame, classes: Collection[str]) -> dict[str, int]:
    """Labels that are no class of the model, with the number of answers that they judge, the commonest first. ledger: JUDGED."""
    counts = Counter(label for label in ledger["label"] if label not in classes)
    return dict(sorted(counts.items(), key=lambda found: (-found[1], found[0])))


def seen(rows: pd.DataFrame, directions: np.ndarray, classes: list[str]) -> drift.Seen:
    """Photos that could be read, as they are compared. rows: `with_actions`; directions: of each (`Answered.directions`)."""
    return drift.Seen(
        (rows["action"] == UNKNOWN).to_numpy(bool),
        rows["confidence"].to_numpy(np.float32),
        rows["predicted"].map(classes.index).to_numpy(np.int64),
        rows[list(LOOKS)].to_numpy(float),
        directions,
    )


def by_answer(batch: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """A row a class: answer, photos, and how many of them are USE, CHECK and UNKNOWN."""
    read = batch[batch["action"] != UNREADABLE]
    counts = pd.crosstab(read["predicted"], read["action"]).reindex(
        index=classes, columns=[USE, CHECK, UNKNOWN], fill_value=0
    )
    table = counts.assign(photos=counts.sum(axis=1)).rename_axis(None, axis=1).rename_axis("answer").reset_index()
    return table[["answer", "photos", USE, CHECK, UNKNOWN]].sort_values(["photos", "answer"], ascending=[False, True])


def decision(accepted: int, changes: pd.DataFrame, promise: Mapping[str, Any]) -> str:
    """One of the four. accepted: answers; changes: `drift.compare`; promise: of `record`."""
    if any(row["state"] == acceptance.BROKEN for row in promise["answers"]):
        return BROKEN_IN_USE
    told = changes[changes["changed"].astype(bool)]["what"]
    if set(told) & {drift.UNFAMILIAR, drift.FEATURES, drift.CONFIDENCE} or above(promise):
        return CHANGED
    return AS_USUAL if accepted else NONE_ACCEPTED


def judged_enough(promise: Mapping[str, Any]) -> bool:
    """Whether as many answers are judged as would show a promise to be kept."""
    return bool(promise["made"] and promise["answers"][0]["judged"] >= promise["labels_if_kept"])


def above(promise: Mapping[str, Any]) -> bool:
    """Whether more of enough judged answers were wrong than is promised, though that is not beyond doubt."""
    whole = promise["answers"][0]
    too_many = bool(whole["wrong"] > promise["target_error"] * whole["judged"])
    return whole["state"] == acceptance.OPEN and judged_enough(promise) and too_many


def record(
    number: int,
    batch: pd.DataFrame,
    changes: pd.DataFrame,
    kinds: list[str],
    judged: pd.DataFrame,
    expected: Mapping[str, Any],
    policy: Policy,
    needed: tuple[int, int],
    never_taught: Mapping[str, int],
) -> dict[str, Any]:
    """All of it as `summary.json` keeps it: counts of the batch, what changed, the promise, what to expect.

    never_taught: `strange`.
    """
    counts = batch["action"].value_counts()
    told = changes[changes["changed"].astype(bool)]
    promise = {
        "made": policy.promises, "target_error": policy.target_error, "certainty": policy.certainty,
        "answers": judged.replace({np.nan: None}).to_dict("records"),
        "labels_if_kept": needed[0], "labels_if_broken": needed[1], "never_taught": dict(never_taught),
    }  # fmt: skip
    return {
        "kind": "new photos",
        "batch": number,
        "decision": decision(int(counts.get(USE, 0)), changes, promise),
        "photos": len(batch),
        **{name: int(counts.get(action, 0)) for name, action in
           (("accepted", USE), ("unsure", CHECK), ("unfamiliar", UNKNOWN), ("unreadable", UNREADABLE))},
        "changed": told["what"].tolist(),
        "kinds": kinds,
        "compared": len(changes) > 0,
        "expected": dict(expected),
        "promise": promise,
    }  # fmt: skip


def line(day: str, model: str, batch: pd.DataFrame, told: Mapping[str, Any]) -> dict[str, Any]:
    """A line of `watch.csv` (WATCH). told: `record`."""
    whole = told["promise"]["answers"][0]
    expected = told["expected"]
    return {
        "batch": told["batch"], "day": day, "model": model,
        **{name: told[name] for name in ("photos", "unreadable", "accepted", "unsure", "unfamiliar")},
        "confidence": round(float(batch["confidence"].mean()), 4),
        "expected": expected.get("middle"), "expected_low": expected.get("low"), "expected_high": expected.get("high"),
        "changed": " ".join(told["changed"]), "judged": whole["judged"], "wrong": whole["wrong"], "state": whole["state"],
    }  # fmt: skip


def grown(watch: pd.DataFrame, new: Mapping[str, Any]) -> pd.DataFrame:
    """`watch.csv` with a line for a batch, in place of one that it has already."""
    return joined(watch[watch["batch"] != new["batch"]], pd.DataFrame([new], columns=WATCH))


def joined(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Rows of two tables of the same columns; an empty one, whose columns have no type, changes none."""
    parts = [part for part in (first, second) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else first
