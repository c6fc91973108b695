"""Where a run on new photos keeps what it must not forget: answers by model, labels that have judged, a line for each batch."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from boatlib import spreadsheet
from boatlib.files import write_text
from boatlib.photos import arrivals
from boatlib.results.arrived import ASKED, JUDGED, WATCH, joined
from boatlib.run import BATCHES, TO_LABEL, Run


@dataclass(frozen=True)
class Batches:
    """run: on new photos; model: by what the model folder is known (`bundle.fingerprint`), whose answers and judgements stand by
    themselves.
    """

    run: Run
    model: str

    @property
    def folder(self) -> Path:
        """Of the present model."""
        return self.run.folder / BATCHES / self.model[:12]

    def number(self, newest: int, waiting: int) -> int:
        """Of the batch that waiting photos belong to: the last one, where nothing waits; one that was begun and has no line
        yet goes on. newest: of `Answered.waiting`.
        """
        watch = self.watch()
        last = int(watch["batch"].max()) if len(watch) else 0
        return last + 1 if waiting or newest > last else newest

    def watch(self) -> pd.DataFrame:
        """A line for each batch so far, of all models: columns `arrived.WATCH`."""
        return _read(self.run.folder / BATCHES / "watch.csv", WATCH)

    def judged(self) -> pd.DataFrame:
        """Accepted answers of the model that labels have judged, in the order in which the labels came: `arrived.JUDGED`."""
        return _read(self.folder / "judged.csv", JUDGED)

    def asked(self) -> pd.DataFrame:
        """Photos that a person was asked to name, with what was filled in: `arrived.ASKED`."""
        file = self.run.folder / TO_LABEL
        if not file.is_file():
            return pd.DataFrame(columns=ASKED)
        rows = arrivals.read_filled(file).reindex(columns=ASKED, fill_value="")
        return rows.assign(batch=pd.to_numeric(rows["batch"], errors="coerce").fillna(0).astype(int))

    def labels(self, found: arrivals.Arrivals, classes: Collection[str]) -> dict[str, str]:
        """What people say of photos, by photo: what the set says, and what was filled in."""
        return arrivals.said_of(found, arrivals.filled_in(self.run.folder / TO_LABEL), classes)

    def add_judged(self, rows: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
        """Add rows behind those that are there, which keep their place when a label is corrected; returns all. labels: of now."""
        before = self.judged()
        label = [labels.get(photo) or was for photo, was in zip(before["photo"], before["label"], strict=True)]
        before = before.assign(label=label, wrong=[a != b for a, b in zip(label, before["answer"], strict=True)])
        whole = joined(before, rows)
        write_text(self.folder / "judged.csv", spreadsheet.to_csv(whole))
        return whole

    def ask(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Add photos to those that a person is asked to name; what was filled in stays. Returns all."""
        before = self.asked()
        known = set(before[["photo", "batch"]].itertuples(index=False, name=None))
        keys = rows[["photo", "batch"]].itertuples(index=False, name=None)
        new = rows[np.array([key not in known for key in keys], bool)]
        whole = joined(before, new)
        write_text(self.run.folder / TO_LABEL, spreadsheet.to_csv(whole))
        return whole

    def keep_watch(self, watch: pd.DataFrame) -> None:
        """Write the lines of all batches."""
        write_text(self.run.folder / BATCHES / "watch.csv", spreadsheet.to_csv(watch))


def _read(file: Path, columns: list[str]) -> pd.DataFrame:
    return spreadsheet.read_table(file) if file.is_file() else pd.DataFrame(columns=columns)
