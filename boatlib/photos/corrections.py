"""What people decided about photos: a table that only grows, a line a decision, which the next run applies.

Photos are known by the SHA-256 of their files, so a decision holds in every run; nothing in the images folder is touched.
The file is written a line at a time, under a lock and down to the disk: a crash, a second tab, or a kernel that starts
again lose nothing.
"""

import codecs
import csv
import errno
import fcntl
import hashlib
import io
import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from boatlib import spreadsheet
from boatlib.errors import DataError, ParameterError
from boatlib.photos.layout.reasons import Reason
from boatlib.run import project_root

if TYPE_CHECKING:
    import pandas as pd  # imported where it is used: the chain's start only asks for the fingerprint


# label: the set's when it was decided; the decision is last, since a line that was torn must be none
COLUMNS = ["time", "sha256", "photo", "label", "new_label", "decision"]
KEEP, RELABEL, DROP, UNDO = "keep", "relabel", "drop", "undo"
NONE = "none"  # as the name of the file: no corrections
DECISIONS = {KEEP, RELABEL, DROP, UNDO}
DEFAULT = "params/corrections.csv"  # need not be there
_TIME = re.compile(r"[\d:T-]*")  # what each line that we have written begins with, also one that was cut off
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Corrections:
    """The decisions in one file. `decide` and `undo` add a line; `decided` is what holds."""

    file: Path

    @classmethod
    def named(cls, name: str) -> "Corrections":
        """Those that `exploration.corrections` names: a file below the project's root, or "none"."""
        return cls(Path(os.devnull) if name == NONE else project_root() / Path(name).expanduser())

    def decide(self, sha256: str, photo: str, label: str, set_label: str = "") -> None:
        """Write down what a photo shows: what the set says (keep) or something else (relabel).

        photo: its path below the images folder; set_label: what the set says, its first folder where that is not given. Raises
        DataError when it cannot be written.
        """
        own = set_label or photo.split("/")[0]
        self._append(sha256, photo, own, *(("", KEEP) if label == own else (label, RELABEL)))

    def drop(self, sha256: str, photo: str, set_label: str = "") -> None:
        """Write down that a photo is to be left out. Raises DataError when it cannot be written."""
        self._append(sha256, photo, set_label or photo.split("/")[0], "", DROP)

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
        return self._read().lines

    def _read(self) -> "_Sheet":
        """The file as it is. Raises DataError when it cannot be opened."""
        try:
            return _Sheet.of(self.file.read_bytes())
        except FileNotFoundError:
            return _Sheet.of(b"")
        except OSError as error:
            raise DataError(f"{self.file.name} cannot be read ({error.strerror}). It holds the corrections.") from error

    def check(self) -> str:
        """How many decisions hold, in a sentence; "" where there is no file. A line that was cut off when a computer stopped
        counts for nothing, and is said.

        Raises DataError for a line that is no decision, ParameterError for a file that was named and is not there.
        """
        if self.file == Path(os.devnull):
            return ""
        if not self.file.exists():
            if self.file == project_root() / DEFAULT and not self.file.is_symlink():
                return ""
            raise ParameterError(
                f"exploration.corrections: there is no file {self.file}. Correct its name, make an empty file there to collect "
                "decisions in it, or set it to `none`."
            )
        sheet = self._read()
        if sheet.refused:
            shown = "\n".join(f"  line {number}: {reason}" for number, reason in list(sheet.refused.items())[:10])
            more = f"\n  and {len(sheet.refused) - 10} more" if len(sheet.refused) > 10 else ""
            raise DataError(
                f"{self.file} holds lines that are no decisions, so none is applied:\n{shown}{more}\nCorrect or delete them. A "
                f"decision has the columns {', '.join(COLUMNS)}."
            )
        count = len(self._holding())
        words = f"{count} decision{'' if count == 1 else 's'} about photos in {self.file.name}"
        cut = "; 1 line was cut off, and counts for nothing"
        if len(sheet.torn) > 1:
            cut = f"; {len(sheet.torn)} lines were cut off, and count for nothing"
        return words + (cut if sheet.torn else "")

    def _append(self, *values: str) -> None:
        if self.file == Path(os.devnull):
            raise DataError("No decision can be kept, since `corrections` is `none`. Name a file in the params file.")
        row = dict(zip(COLUMNS, [time.strftime("%Y-%m-%dT%H:%M:%S"), *values], strict=True))
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                size = os.fstat(descriptor).st_size
                data = _Sheet.of(os.pread(descriptor, size, 0)).further(row)
                if os.write(descriptor, data) < len(data):  # the disk is full
                    os.ftruncate(descriptor, size)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise DataError(f"The decision could not be written into {self.file} ({error.strerror}).") from error


@dataclass(frozen=True)
class _Sheet:
    """A file of decisions as whatever program has saved it last: its encoding, what parts its columns, and their names in order.

    lines: decisions in order; refused: number of a line to the reason why it is none; torn: numbers of lines that were cut off.
    """

    encoding: str
    delimiter: str
    columns: list[str]
    lines: list[dict[str, str]]
    refused: dict[int, str]
    torn: list[int]
    end: str

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Read what can be read of a file's bytes."""
        encoding = _encoding(data)
        text = data.decode(encoding, errors="replace").removeprefix("\ufeff")
        rows = text.splitlines()
        delimiter, columns = _head(rows[0] if rows else "")
        sheet = cls(encoding, delimiter, columns, [], {}, [], text[-1:])
        # each line by itself: the open quote of a torn one takes no other with it
        for number, row in enumerate(rows, start=1):
            cells = [spreadsheet.uncell(cell) for cell in next(csv.reader([row], delimiter=delimiter), [])]
            if any(cell.strip() for cell in cells) and not (number == 1 and _is_head(cells)):
                sheet._take(number, cells)
        return sheet

    def _take(self, number: int, cells: list[str]) -> None:
        line = {name: cell for name, cell in zip(self.columns, cells, strict=False) if name in COLUMNS}
        line["decision"] = line.get("decision", "").strip().lower()
        line["sha256"] = line.get("sha256", "").strip().lower()
        half = len(cells) < len(COLUMNS) or any(k.startswith(line["decision"]) for k in DECISIONS - {line["decision"]})
        if self.columns == COLUMNS and half and line["decision"] not in DECISIONS and _TIME.fullmatch(cells[0]):
            self.torn.append(number)
        elif reason := _why_not(line):
            self.refused[number] = reason
        else:
            self.lines.append({name: line.get(name, "") for name in COLUMNS})

    def further(self, row: dict[str, str]) -> bytes:
        """The bytes of one more line, in the way of the others; in an empty file the names of the columns come first."""
        lines = [[row.get(name, "") for name in self.columns]]
        if not self.end:
            lines.insert(0, COLUMNS)
        start = "\n" if self.end not in ("", "\n") else ""  # after a line whose end never reached the disk
        return (start + "".join(_line(line, self.delimiter) for line in lines)).encode(self.encoding)


def _encoding(data: bytes) -> str:
    """How a file of text is encoded: as its first bytes say, else UTF-8, else as Windows does in the west."""
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            return name
    if data[1:2] == b"\0" or data[:1] == b"\0":  # UTF-16 without its mark
        return "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    for line in data.split(b"\n"):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data":  # as of a line that was cut off in the middle of a letter
                return "cp1252"
    return "utf-8"


def _head(row: str) -> tuple[str, list[str]]:
    """What parts the columns, and their names; those of our own where the first line does not name them."""
    for delimiter in (",", ";", "\t", "|"):
        names = [name.strip().lower() for name in next(csv.reader([row], delimiter=delimiter), [])]
        if _is_head(names):
            return delimiter, names
    counts = {delimiter: row.count(delimiter) for delimiter in (",", ";", "\t")}
    return max(counts, key=counts.__getitem__), COLUMNS


def _is_head(cells: list[str]) -> bool:
    return {"sha256", "decision"} <= {cell.strip().lower() for cell in cells}


def _why_not(line: dict[str, str]) -> str:
    """Why a line is no decision, "" where it is one."""
    if not _SHA256.fullmatch(line["sha256"]):
        return f"{line['sha256'][:20]!r} in the column sha256 is no SHA-256 (64 hexadecimal digits)"
    if line["decision"] not in DECISIONS:
        return f"{line['decision']!r} in the column decision is none of {', '.join(sorted(DECISIONS))}"
    if line["decision"] == RELABEL and not _is_label(line.get("new_label", "")):
        return f"{line.get('new_label', '')[:40]!r} in the column new_label cannot be the name of a class"
    return ""


def apply(table: "pd.DataFrame", decided: "pd.DataFrame") -> "pd.Series":
    """Put decisions into a table of photos (columns photo, label, reason_code, reason, sha256), in place. Returns the decision of
    each row, "" where there is none.

    A decision about a photo of which the set says something else now is out of date: that was chosen later.
    """
    import pandas as pd

    readable = table[(table["reason"] == "") & table["sha256"].isin(decided["sha256"])]
    by_file = decided.set_index("sha256").to_dict("index")
    made = pd.Series("", table.index, dtype=str)
    for sha256, same in readable.groupby("sha256"):
        decision = by_file[sha256]
        if decision["label"] not in set(same["label"]):
            continue
        made[same.index] = decision["decision"]
        if decision["decision"] == DROP:
            table.loc[same.index, ["reason_code", "reason"]] = Reason.LEFT_OUT, "left out by a correction"
        else:
            table.loc[same.index, "label"] = decision["new_label"] or decision["label"]
    return made


def _is_label(text: str) -> bool:
    """Whether it could be the name of a class folder: what is written by hand must not reach outside of one."""
    return bool(text) and text not in (".", "..") and "/" not in text and "\0" not in text and len(text.encode()) < 256


def _line(values: list[str], delimiter: str) -> str:
    buffer = io.StringIO()
    one_line = [" ".join(value.splitlines()) for value in values]
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerow(
        [spreadsheet.cell(value) for value in one_line]
    )
    return buffer.getvalue()
