"""What is known of a set before any of its files is opened."""

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from boatlib.errors import ParameterError
from boatlib.params import Exploration
from boatlib.photos.layout.reasons import Reason

COLUMNS = ["photo", "label", "part", "group_by", "reason_code", "reason"]
NONE_OF_THESE = "none of these"  # what the photos of a background folder are called
PICTURES = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".heic", ".heif", ".hif",
    ".avif", ".jp2", ".j2k", ".jpx", ".jpf", ".ppm", ".pgm", ".pbm", ".pnm", ".mpo",
}  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """The files of a set.

    root: the folder below which they lie; rows: columns COLUMNS, a row a file (or a row of a table that has no file), `photo`
    relative to `root`, `part` train, val, test or "", `reason` why it is not a photo of the set ("": it is); notes: sentences on
    how the set was understood; offers: parameter to value, what a person may want to set.
    """

    root: Path
    rows: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    offers: dict[str, str] = field(default_factory=dict)

    @property
    def used(self) -> pd.DataFrame:
        """The rows that are photos of the set, as far as names tell."""
        return self.rows[self.rows["reason"] == ""]


def is_picture(name: str) -> bool:
    """Whether a file is called like a picture."""
    return f".{name.rpartition('.')[2].lower()}" in PICTURES


def matches(paths: pd.Series, patterns: Sequence[str]) -> pd.Series:
    """Which paths one of the patterns fits: the whole path, its end behind a slash, or, for a folder, its beginning."""
    if not patterns or paths.empty:
        return pd.Series(False, paths.index)
    forms = []
    for pattern in patterns:
        folder = pattern.rstrip("/")
        forms += [pattern, f"*/{pattern}", f"{folder}/*", f"*/{folder}/*"]
    fits = re.compile("|".join(fnmatch.translate(form) for form in dict.fromkeys(forms)))
    return paths.map(lambda path: fits.match(path) is not None).astype(bool)


def leave_unwanted(rows: pd.DataFrame, settings: Exploration) -> None:
    """Give a reason to what `include` does not name, `exclude` does, or whose label is to be left out, in place.

    Raises ParameterError for a pattern or a label that fits nothing.
    """
    open_rows = rows["reason"] == ""
    for name, patterns in (("include", settings.include), ("exclude", settings.exclude)):
        for pattern in patterns:
            if not matches(rows["photo"], [pattern]).any():
                raise ParameterError(f"exploration.{name}: no file fits {pattern!r}.")
    if settings.include:
        rows.loc[open_rows & ~matches(rows["photo"], settings.include), ["reason_code", "reason"]] = (
            Reason.EXCLUDED, "not named by exploration.include",
        )  # fmt: skip
    rows.loc[(rows["reason"] == "") & matches(rows["photo"], settings.exclude), ["reason_code", "reason"]] = (
        Reason.EXCLUDED, "named by exploration.exclude",
    )  # fmt: skip


def leave_labels(rows: pd.DataFrame, settings: Exploration) -> None:
    """Give a reason to rows whose label is to be left out, and its name to the background, in place. Raises ParameterError."""
    known = set(rows["label"]) - {""}
    for name, labels in (
        ("leave_out", settings.leave_out),
        ("background", [settings.background] if settings.background else []),
    ):
        if unknown := [label for label in labels if label not in known]:
            raise ParameterError(
                f"exploration.{name}: there is no class {unknown[0]!r}. There are: {', '.join(sorted(known)[:40])}."
            )
    rows.loc[(rows["reason"] == "") & rows["label"].isin(settings.leave_out), ["reason_code", "reason"]] = (
        Reason.EXCLUDED, "its class is named by exploration.leave_out",
    )  # fmt: skip
    if settings.background:
        rows.loc[rows["label"] == settings.background, "label"] = NONE_OF_THESE


def add_groups(rows: pd.DataFrame, group_by: str) -> str:
    """Fill the column group_by from a regular expression on the path: its first group, or all that fits. Returns a sentence.

    Raises ParameterError for what is no regular expression, or fits no photo.
    """
    try:
        pattern = re.compile(group_by)
    except re.error as error:
        raise ParameterError(
            f"split.group_by: {group_by!r} is neither a column nor a regular expression ({error})."
        ) from None
    found = rows["photo"].map(lambda path: (m := pattern.search(path)) and (m[1] if pattern.groups else m[0]) or "")
    rows["group_by"] = found.astype(str)
    return groups_in_words(rows[rows["reason"] == ""], group_by)


def groups_in_words(rows: pd.DataFrame, group_by: str) -> str:
    """How many groups there are. Raises ParameterError where there is none."""
    named = rows[rows["group_by"] != ""]
    if named.empty:
        raise ParameterError(
            f"split.group_by: {group_by!r} fits no photo, such as {rows['photo'].iloc[0] if len(rows) else ''!r}."
        )
    sizes = named["group_by"].value_counts()
    alone = len(rows) - len(named)
    rest = f"; {alone:,} photos belong to none, each is a group of its own" if alone else ""
    return (
        f"{len(named):,} photos belong to {len(sizes):,} groups (split.group_by), {sizes.median():g} photos in the middle one, "
        f"{sizes.max():,} in the largest{rest}. A group stays in one part."
    )
