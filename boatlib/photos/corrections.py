"""What people decided about photos: a table that only grows, a line a decision, which the next run applies.

Photos are known by the SHA-256 of their files, so a decision holds in every run; nothing in the images folder is touched.
The file is written a line at a time, under a lock and down to the disk: a crash, a second tab, or a kernel that starts
again lose nothing.
"""

import csv
import errno
import fcntl
import hashlib
import io
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from boatlib import spreadsheet
from boatlib.errors import DataError
from boatlib.run import project_root

if TYPE_CHECKING:
    import pandas as pd  # imported where it is used: the chain's start only asks for the fingerprint

# label: its folder's when it was decided; the decision is last, since a line that was torn must be none
COLUMNS = ["time", "sha256", "photo", "label", "new_label", "decision"]
KEEP, RELABEL, DROP, UNDO = "keep", "relabel", "drop", "undo"
NONE = "none"  # as the name of the file: no corrections
DROPPED = "left out by a correction"  # reason in the catalog


@dataclass(frozen=True)
class Corrections:
    """The decisions in one file. `decide` and `undo` add a line; `decided` is what holds."""

    file: Path

    @classmethod
    def named(cls, name: str) -> "Corrections":
        """Those that `exploration.corrections` names: a file below the project's root, or "none"."""
        return cls(Path(os.devnull) if name == NONE else project_root() / Path(name).expanduser())

    def decide(self, sha256: str, photo: str, label: str) -> None:
        """Write down what a photo shows: the label of its folder (keep) or another one (relabel).

        photo: its path below the images folder. Raises DataError when it cannot be written.
        """
        folder = photo.split("/")[0]
        self._append(sha256, photo, folder, *(("", KEEP) if label == folder else (label, RELABEL)))

    def drop(self, sha256: str, photo: str) -> None:
        """Write down that a photo is to be left out. Raises DataError when it cannot be written."""
        self._append(sha256, photo, photo.split("/")[0], "", DROP)

    def undo(self) -> dict[str, str] | None:
        """Take the newest decision back, by one more line; returns it, or None where there is none."""
        standing = self._standing()
        if not standing:
            return None
        last = standing[-1]
        self._append(last["sha256"], last["photo"], last["label"], "", UNDO)
        return last

    def decided(self) -> "pd.DataFrame":
        """What holds: columns COLUMNS, one row a photo (sha256), in the order of the decisions."""
        import pandas as pd

        return pd.DataFrame(self._holding(), columns=COLUMNS, dtype=str)

    def fingerprint(self) -> str:
        """A short text that changes when other decisions hold."""
        rows = sorted([line[name] for name in COLUMNS[1:]] for line in self._holding())
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]

    def _holding(self) -> list[dict[str, str]]:
        """The newest standing decision about each photo."""
        return list({line["sha256"]: line for line in self._standing()}.values())

    def _standing(self) -> list[dict[str, str]]:
        """The decisions that were not taken back, in their order."""
        standing: list[dict[str, str]] = []
        for line in self._lines():
            if line["decision"] != UNDO:
                standing.append(line)
                continue
            own = [place for place, other in enumerate(standing) if other["sha256"] == line["sha256"]]
            if own:
                del standing[own[-1]]
        return standing

    def _lines(self) -> list[dict[str, str]]:
        """Lines of the file; one that is no decision (torn, or written by hand) counts for nothing."""
        try:
            text = self.file.read_text(encoding="utf-8-sig", errors="replace")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise DataError(f"{self.file.name} cannot be read ({error.strerror}). It holds the corrections.") from error
        # each line by itself: the open quote of a torn one takes no other with it
        rows = [
            [spreadsheet.uncell(value) for value in row] for line in text.splitlines() for row in csv.reader([line])
        ]
        lines = [dict(zip(COLUMNS, row, strict=True)) for row in rows if len(row) == len(COLUMNS)]
        return [line for line in lines if _is_decision(line)]

    def _append(self, *values: str) -> None:
        if self.file == Path(os.devnull):
            raise DataError("No decision can be kept, since `corrections` is `none`. Name a file in the params file.")
        row = [time.strftime("%Y-%m-%dT%H:%M:%S"), *values]
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                size = os.fstat(descriptor).st_size
                torn = size and os.pread(descriptor, 1, size - 1) != b"\n"  # of a line whose end never reached the disk
                text = ("\n" if torn else "") + ("" if size else _line(COLUMNS)) + _line(row)
                data = text.encode()
                if os.write(descriptor, data) < len(data):  # the disk is full
                    os.ftruncate(descriptor, size)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise DataError(f"The decision could not be written into {self.file} ({error.strerror}).") from error


def apply(table: "pd.DataFrame", decided: "pd.DataFrame") -> "pd.Series":
    """Put decisions into a table of photos (columns photo, label, reason, sha256), in place. Returns the decision of each row, ""
    where there is none.

    A decision about a photo that lies in another folder now is out of date: that folder was chosen later.
    """
    import pandas as pd

    readable = table[(table["reason"] == "") & table["sha256"].isin(decided["sha256"])]
    by_file = decided.set_index("sha256").to_dict("index")
    made = pd.Series("", table.index, dtype=str)
    for sha256, twins in readable.groupby("sha256"):
        decision = by_file[sha256]
        if decision["label"] not in set(twins["label"]):
            continue
        made[twins.index] = decision["decision"]
        if decision["decision"] == DROP:
            table.loc[twins.index, "reason"] = DROPPED
        else:
            table.loc[twins.index, "label"] = decision["new_label"] or decision["label"]
    return made


def _is_decision(line: dict[str, str]) -> bool:
    known = line["decision"] in (KEEP, DROP, UNDO) or (line["decision"] == RELABEL and _is_label(line["new_label"]))
    return bool(known and len(line["sha256"]) == 64)


def _is_label(text: str) -> bool:
    """Whether it could be the name of a class folder: what is written by hand must not reach outside of one."""
    return bool(text) and text not in (".", "..") and "/" not in text and "\0" not in text and len(text.encode()) < 256


def _line(values: list[str]) -> str:
    buffer = io.StringIO()
    one_line = [" ".join(value.splitlines()) for value in values]
    csv.writer(buffer, lineterminator="\n").writerow([spreadsheet.cell(value) for value in one_line])
    return buffer.getvalue()
