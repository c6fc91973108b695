"""New photos and their answers: what becomes of each, which a person should name, and what all of it comes to."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from boatlib.disk_table import DiskTable
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
IN_SHORT = ["batch", *arrivals.KEY, *LOOKS, "predicted", "confidence", "unfamiliarity", "error"]
ASKED = ["photo", "purpose", "batch", "answer", "label"]
JUDGED = ["photo", "batch", "day", "answer", "label", "wrong"]
WATCH = [
    "batch", "day", "model", "photos", "unreadable", "accepted", "unsure", "unfamiliar", "confidence", "expected", "expected_low",
    "expected_high", "changed", "judged", "wrong", "state",
]  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """Photos that came together. table: `with_actions`, of all batches of a model; number: of this one."""

    table: DiskTable
    number: int

    def rows(self, where: str, *values: Any) -> pd.DataFrame:  # noqa: ANN401
        """The rows of the batch for which a condition in SQL holds, and in the order that stands behind it."""
        return self.table.ask(f"SELECT * FROM rows WHERE batch = ? AND {where}", self.number, *values)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many photos there are of each action."""
        sql = "SELECT action, count(*) FROM rows WHERE batch = ? GROUP BY action"
        found = dict(self.table.ask(sql, self.number).itertuples(index=False, name=None))
        return {action: int(found.get(action, 0)) for action in (USE, CHECK, UNKNOWN, UNREADABLE)}

    def __len__(self) -> int:
        """How many photos."""
        return sum(self.counts.values())

    def read(self) -> pd.DataFrame:
        """Photos that could be read: all, or `drift.MOST` of them, drawn at random."""
        return self.rows("action != ? ORDER BY mark LIMIT ?", UNREADABLE, drift.MOST).sort_values("place")

    def mean_confidence(self) -> float:
        """Of the photos that could be read; not a number where there is none."""
        sql = "SELECT avg(confidence) FROM rows WHERE batch = ? AND action != ?"
        return float(self.table.ask(sql, self.number, UNREADABLE).astype(float).iat[0, 0])

    def least_sure(self, actions: Collection[str], number: int, start: int = 0) -> pd.DataFrame:
        """So many photos with one of these actions, the least sure answers first, and of equals the one that came first."""
        holes = ", ".join("?" * len(actions))
        where = f"action IN ({holes}) ORDER BY confidence, place LIMIT ? OFFSET ?"
        return self.rows(where, *actions, number, start)

    def drawn(self, number: int) -> pd.DataFrame:
        """So many accepted answers, drawn at random."""
        return self.rows("action = ? ORDER BY mark LIMIT ?", USE, number)

    def accepted(self, label: str, number: int) -> pd.DataFrame:
        """So many accepted answers of a class, drawn at random, the surest first."""
        found = self.rows("action = ? AND predicted = ? ORDER BY mark DESC LIMIT ?", USE, label, number)
        return found.sort_values("confidence", ascending=False, kind="stable")

    def unreadable(self, number: int) -> pd.DataFrame:
        """So many files that could not be read."""
        return self.rows("action = ? ORDER BY place LIMIT ?", UNREADABLE, number)

    def reasons(self) -> pd.DataFrame:
        """Columns error, files: why files could not be read, the commonest reason first."""
        sql = "SELECT error, count(*) AS files FROM rows WHERE batch = ? AND action = ? GROUP BY error ORDER BY files DESC, error"
        return self.table.ask(sql, self.number, UNREADABLE)

    def by_answer(self, classes: list[str]) -> pd.DataFrame:
        """A row a class: answer, photos, and how many of them are USE, CHECK and UNKNOWN."""
        sql = "SELECT predicted, action, count(*) AS photos FROM rows WHERE batch = ? AND action != ? GROUP BY predicted, action"
        found = self.table.ask(sql, self.number, UNREADABLE).pivot(index="predicted", columns="action", values="photos")
        counts = found.reindex(index=classes, columns=[USE, CHECK, UNKNOWN]).fillna(0).astype(int)
        table = counts.assign(photos=counts.sum(axis=1)).rename_axis(None, axis=1).rename_axis("answer").reset_index()
        return table[["answer", "photos", USE, CHECK, UNKNOWN]].sort_values(
            ["photos", "answer"], ascending=[False, True]
        )


def with_actions(parts: Iterable[pd.DataFrame], policy: Policy) -> DiskTable:
    """All answers of a model with action (USE, CHECK, UNKNOWN, UNREADABLE) and mark (`arrivals.marks`). parts: `Answered.parts`
    of the columns IN_SHORT.
    """

    def told(rows: pd.DataFrame) -> pd.DataFrame:
        actions = np.where(rows["error"] == "", policy.actions(rows), UNREADABLE)
        return rows.assign(action=actions, mark=arrivals.marks(rows))

    table = DiskTable(map(told, chain([pd.DataFrame(columns=IN_SHORT)], parts)))  # without rows it has columns too
    table.change("CREATE INDEX by_batch ON rows (batch, action, predicted)")
    return table


def told(parts: Iterable[pd.DataFrame], policy: Policy) -> Iterator[pd.DataFrame]:
    """What `answers.csv` says: every column that a model's answer has. parts: `Answered.parts`."""
    for rows in parts:
        yield decided(rows.drop(columns=["size", "time", "error"]), rows["error"].tolist(), policy)


def to_label(batch: Batch, judge: int, learn: int) -> pd.DataFrame:
    """Columns ASKED: `judge` accepted answers, drawn at random, and the `learn` photos that it is least sure of, none of which
    is accepted; so no photo is for both.
    """
    drawn, doubtful = batch.drawn(judge), batch.least_sure([CHECK, UNKNOWN], learn)
    parts = [rows.assign(purpose=what) for rows, what in ((drawn, JUDGE), (doubtful, LEARN))]
    both = pd.concat(parts, ignore_index=True).rename(columns={"predicted": "answer"})
    return both.assign(label="")[ASKED]


def newly_judged(
    table: DiskTable, labels: Mapping[str, str], asked: pd.DataFrame, known: pd.DataFrame, day: str
) -> pd.DataFrame:
    """What labels say about accepted answers that nobody has judged yet: columns JUDGED.

    Labels judge where they were drawn at random (asked: ASKED, JUDGE), or where all accepted answers of a batch have one;
    others were chosen by somebody, and would prove nothing. table: `with_actions`; known: JUDGED.
    """
    sql = "SELECT photo, batch, predicted AS answer FROM rows WHERE action = ? ORDER BY batch, mark"
    parts = chain([pd.DataFrame(columns=["photo", "batch", "answer"])], table.parts(sql, USE))
    new = pd.concat([part[part["photo"].isin(labels)] for part in parts], ignore_index=True)
    counts = table.ask("SELECT batch, count(*) AS photos FROM rows WHERE action = ? GROUP BY batch", USE)
    labelled = new["batch"].value_counts()
    whole = {number for number, photos in counts.itertuples(index=False) if labelled.get(number) == photos}
    drawn = set(asked.loc[asked["purpose"] == JUDGE, ["photo", "batch"]].itertuples(index=False, name=None))
    before = set(known[["photo", "batch"]].itertuples(index=False, name=None))
    keys = new[["photo", "batch"]].itertuples(index=False, name=None)
    judges = [key not in before and (key in drawn or key[1] in whole) for key in keys]
    new = new[np.array(judges, bool)]
    new = new.assign(day=day, label=new["photo"].map(labels))
    return new.assign(wrong=new["answer"] != new["label"])[JUDGED].reset_index(drop=True)


def strange(ledger: pd.DataFrame, classes: Collection[str]) -> dict[str, int]:
    """Labels that are no class of the model, with the number of answers that they judge, the commonest first. ledger: JUDGED."""
    counts = Counter(label for label in ledger["label"] if label not in classes)
    return dict(sorted(counts.items(), key=lambda found: (-found[1], found[0])))


def seen(rows: pd.DataFrame, directions: np.ndarray, classes: list[str]) -> drift.Seen:
    """Photos that could be read, as they are compared. rows: `Batch.read`; directions: of each (`Answered.directions`)."""
    return drift.Seen(
        (rows["action"] == UNKNOWN).to_numpy(bool),
        rows["confidence"].to_numpy(np.float32),
        rows["predicted"].map(classes.index).to_numpy(np.int64),
        rows[list(LOOKS)].to_numpy(float),
        directions,
    )


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
    batch: Batch,
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
    counts = batch.counts
    told = changes[changes["changed"].astype(bool)]
    promise = {
        "made": policy.promises, "target_error": policy.target_error, "certainty": policy.certainty,
        "answers": judged.replace({np.nan: None}).to_dict("records"),
        "labels_if_kept": needed[0], "labels_if_broken": needed[1], "never_taught": dict(never_taught),
    }  # fmt: skip
    return {
        "kind": "new photos",
        "batch": batch.number,
        "decision": decision(counts[USE], changes, promise),
        "photos": len(batch),
        **{name: counts[action] for name, action in
           (("accepted", USE), ("unsure", CHECK), ("unfamiliar", UNKNOWN), ("unreadable", UNREADABLE))},
        "changed": told["what"].tolist(),
        "kinds": kinds,
        "compared": len(changes) > 0,
        "expected": dict(expected),
        "promise": promise,
    }  # fmt: skip


def line(day: str, model: str, batch: Batch, told: Mapping[str, Any]) -> dict[str, Any]:
    """A line of `watch.csv` (WATCH). told: `record`."""
    whole = told["promise"]["answers"][0]
    expected = told["expected"]
    return {
        "batch": told["batch"], "day": day, "model": model,
        **{name: told[name] for name in ("photos", "unreadable", "accepted", "unsure", "unfamiliar")},
        "confidence": round(batch.mean_confidence(), 4),
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
