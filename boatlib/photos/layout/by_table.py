"""A set whose labels stand in a table, beside photos that lie anywhere."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from boatlib.errors import DataError, ParameterError
from boatlib.order import natural
from boatlib.params import Exploration
from boatlib.photos.layout import listing, tables
from boatlib.photos.layout.listing import Listing
from boatlib.photos.layout.parts import part_of
from boatlib.photos.layout.reasons import Reason
from boatlib.photos.layout.tree import Found, find_files, is_system_file, readable_name
from boatlib.photos.layout.versions import PHOTO_FIRST

SAMPLE = 400  # cells of a column that are looked at
MOST_CLASSES = 2_000
LABEL_NAMES = re.compile(
    r"(?:^|[_ .-])(?:label|labels|class|classes|category|categories|target|species|breed|diagnosis|dx|finding|variety|type|y"
    r"|class_?name|label_?name|category_?name)(?:$|[_ .(-])",
    re.I,
)
PART_NAMES = re.compile(r"^(?:split|part|set|subset|fold|phase|usage|partition|data ?set)$", re.I)
PHOTO_NAMES = re.compile(r"image|photo|file|path|picture|^id$|^name$|img", re.I)
NAMES_OF_CLASSES = re.compile(r"class|label|categor|names|species|legend", re.I)


@dataclass(frozen=True)
class Table:
    """A table of labels: its file, its cells, and the part that it is called after ("" for none)."""

    file: Path
    cells: pd.DataFrame
    part: str = ""


def part_in(name: str) -> str:
    """The part that a table's name speaks of: "train" for `train.csv`, `train_labels.csv`, `labels-train.txt`."""
    words = [part_of(word) for word in re.split(r"[^A-Za-z]+", Path(name).stem)]
    found = {word for word in words if word}
    return found.pop() if len(found) == 1 else ""


def _part_of_table(file: Path) -> str:
    return part_in(file.name) or part_of(file.parent.name)


def family(file: Path) -> list[Path]:
    """The table with those beside it that are called alike but for the part: `train.txt`, `val.txt`, `test.txt`."""
    if not part_in(file.name):
        return [file]

    def key(name: str) -> str:
        return re.sub(r"[A-Za-z]+", lambda word: "*" if part_of(word[0]) else word[0].lower(), name)

    return sorted(
        (
            one
            for one in file.parent.iterdir()
            if one.is_file() and part_in(one.name) and key(one.name) == key(file.name)
        ),
        key=lambda one: ("train", "val", "test").index(part_in(one.name)),
    )


def read(
    files: Sequence[Path],
    settings: Exploration | None = None,
    group_by: str = "",
    root: Path | None = None,
    found: Sequence[Found] | None = None,
) -> Listing:
    """Find out what the tables say of the photos below `root` (default: the tables' folder; where it has none, the one above).

    Raises DataError for tables that cannot be understood, ParameterError for columns that are not there.
    """
    settings = settings or Exploration()
    several = [Table(file, tables.read(file), _part_of_table(file) if len(files) > 1 else "") for file in files]
    root = root or _absolute_root(several[0].cells) or _root_beside(files[0])
    photos = Photos(root, find_files(root) if found is None else found)
    columns = _columns(several, photos, settings, group_by)
    rows = pd.concat([_rows_of(table, columns, photos) for table in several], ignore_index=True)
    names, words = _class_names(rows["label"], several, settings, root)
    rows["label"] = [names.get(label, label) for label in rows["label"]]
    notes = [columns.words(several, rows)] + words
    rows = _once(rows)
    rows = pd.concat(
        [rows, photos.without_row(set(rows["photo"]), {str(file.resolve()) for file in files})], ignore_index=True
    )
    listing.leave_unwanted(rows, settings)
    listing.leave_labels(rows, settings)
    if columns.group:
        notes.append(listing.groups_in_words(rows[rows["reason"] == ""], group_by))
    elif group_by:
        notes.append(listing.add_groups(rows, group_by))
    return Listing(root, rows[listing.COLUMNS], notes, columns.offers)


def root_of(table: Path) -> Path:
    """The folder below which the photos of a table lie. Raises DataError for what is no table."""
    return _absolute_root(tables.read(table)) or _root_beside(table)


def _absolute_root(table: pd.DataFrame) -> Path | None:
    """What the paths of a table have in common, where they are absolute."""
    for column in table:
        cells = table[column]
        if len(cells) and cells.head(SAMPLE).str.startswith("/").all() and Path(cells.iloc[0]).is_file():
            return Path(os.path.commonpath([os.path.dirname(cell) for cell in cells]))
    return None


def _root_beside(table: Path) -> Path:
    """The folder of a table, or the one above where no picture lies below the first."""
    for folder in (table.parent, table.parent.parent):
        if any(listing.is_picture(file.name) for file in find_files(folder)):
            return folder
    return table.parent


class Photos:
    """The files below a folder, by what a table may call them."""

    def __init__(self, root: Path, found: Sequence[Found]) -> None:
        self.root = root
        self.all = {readable_name(file.name): file.reason for file in found}
        self.by_name: dict[str, list[str]] = defaultdict(list)
        self.by_stem: dict[str, list[str]] = defaultdict(list)
        self.by_number: dict[int, list[str]] = defaultdict(list)
        for name, reason in self.all.items():
            if reason or is_system_file(name) or not listing.is_picture(name):
                continue
            last = name.rpartition("/")[2].lower()
            stem = last.rpartition(".")[0]
            self.by_name[last].append(name)
            self.by_stem[stem].append(name)
            if stem.isascii() and stem.isdigit():
                self.by_number[int(stem)].append(name)

    def find(self, cell: str, part: str = "") -> tuple[str, str]:
        """The file that a cell means, and how it was found: path, name, id or number; or "" and why not."""
        path = cell.replace("\\", "/").removeprefix("./").removeprefix(f"{self.root}/").strip("/")
        last = path.rpartition("/")[2].lower()
        if path in self.all:
            return path, "path"
        for candidates, how in (
            (self.by_name.get(last), "name"),
            (self.by_stem.get(last), "name without its ending"),
            (self.by_number.get(int(last)) if last.isascii() and last.isdigit() and len(last) < 19 else None, "number"),
        ):
            if candidates:
                chosen = _nearest(path, candidates, part)
                return (
                    (chosen, "path" if how == "name" and "/" in path else how)
                    if chosen
                    else ("", "fits several photos")
                )
        return "", "there is no such photo"

    def without_row(self, named: set[str], but: set[str]) -> pd.DataFrame:
        """Files that no row names, with their reasons; the tables themselves are left out."""
        rest = [name for name in self.all if name not in named and str((self.root / name).resolve()) not in but]
        reasons = [
            (Reason.NOT_FOLLOWED, self.all[name])
            if self.all[name]
            else (Reason.SYSTEM, "hidden or system file, not a photo")
            if is_system_file(name)
            else (Reason.NO_ROW, "no row of the table names it")
            if listing.is_picture(name)
            else (Reason.BESIDE, "no picture, and no row of the table names it")
            for name in rest
        ]
        rows = pd.DataFrame({"photo": rest, "label": "", "part": "", "group_by": ""}, dtype=str)
        rows[["reason_code", "reason"]] = pd.DataFrame(reasons, columns=["reason_code", "reason"], dtype=str)
        return rows


def _nearest(path: str, candidates: list[str], part: str) -> str:
    """Of several files of one name the one whose folders are those of the cell; then that of the row's part; then the photo."""
    if len(candidates) == 1:
        return candidates[0]
    wanted = path.lower().split("/")[::-1][1:]

    def shared(name: str) -> int:
        own = name.lower().split("/")[::-1][1:]
        same = [a == b for a, b in zip(own, wanted, strict=False)]
        return same.index(False) if False in same else len(same)

    best = max(map(shared, candidates))
    left = [name for name in candidates if shared(name) == best]
    if part and len(left) > 1:
        left = [name for name in left if part in map(part_of, name.split("/"))] or left
    if len({name.rpartition(".")[0] for name in left}) == 1:
        endings = {ending: place for place, ending in enumerate(PHOTO_FIRST)}
        return min(left, key=lambda name: endings.get(f".{name.rpartition('.')[2].lower()}", 99))
    return ""


@dataclass
class Columns:
    """Which column says what; label: several where each class has a column of zeros and ones."""

    photo: str
    how: str
    label: list[str]
    part: str
    group: str
    offers: dict[str, str]

    def words(self, several: Sequence[Table], rows: pd.DataFrame) -> str:
        """How the tables were read, in a sentence."""
        names = ", ".join(table.file.name for table in several)
        label = (
            f"{self.label[0]!r} the class"
            if len(self.label) == 1
            else f"{len(self.label)} columns of 0 and 1 are the classes"
        )
        more = f", {self.part!r} the part" if self.part else ", each table is a part" if len(several) > 1 else ""
        more += f", {self.group!r} the group" if self.group else ""
        return f"Read from {names}, {len(rows):,} rows: column {self.photo!r} is the photo ({self.how}), {label}{more}."


def _columns(several: Sequence[Table], photos: Photos, settings: Exploration, group_by: str) -> Columns:
    main = next((table for table in several if table.part == "train"), several[0])
    cells = main.cells
    group = _named(cells, group_by) if group_by else ""
    photo, how = photo_column(main, photos, settings.photo_column)
    part = _asked(cells, settings.part_column, "part_column") or _part_column(cells, {photo, group})
    offers: dict[str, str] = {}
    if settings.label_column:
        label = [_asked(cells, settings.label_column, "label_column")]
    else:
        found = list(_label_columns(cells, {photo, part, group}))
        label = found[:1] or _one_hot(cells, {photo, part, group})
        if not label:
            raise DataError(
                f"{main.file.name}: no column looks like labels. The columns: {', '.join(map(repr, cells.columns))}. Name the "
                "one in exploration.label_column."
            )
        if len(found) > 1:
            offers["exploration.label_column"] = found[1]
    return Columns(photo, how, label, part, group, offers)


def _named(cells: pd.DataFrame, name: str) -> str:
    """The column of this name, whatever its case; "" where there is none."""
    return next((str(column) for column in cells.columns if str(column).lower() == name.strip().lower()), "")


def _asked(cells: pd.DataFrame, name: str, parameter: str) -> str:
    """The column that a params file names, by name or by number from 1; "" where it names none. Raises ParameterError."""
    if not name:
        return ""
    by_number = str(cells.columns[int(name) - 1]) if name.isdigit() and 0 < int(name) <= len(cells.columns) else ""
    if found := _named(cells, name) or by_number:
        return found
    raise ParameterError(
        f"exploration.{parameter}: there is no column {name!r}. The columns: {', '.join(map(repr, cells.columns))}."
    )


def photo_column(main: Table, photos: Photos, asked: str) -> tuple[str, str]:
    """The column whose cells are files, and how they are called. Raises DataError."""
    cells = main.cells
    wanted = [_asked(cells, asked, "photo_column")] if asked else [str(column) for column in cells.columns]
    best: tuple[float, int, str, str] = (0.0, 0, "", "")
    for place, column in enumerate(wanted):
        sample = [cell for cell in cells[column].iloc[:: max(1, len(cells) // SAMPLE)] if cell]
        ways = Counter(how for file, how in (photos.find(cell, main.part) for cell in sample) if file)
        hits = sum(ways.values()) / max(1, len(sample))
        numbers = bool(ways) and ways.most_common(1)[0][0] != "path" and not PHOTO_NAMES.search(column)
        if not asked and ((numbers and all(map(str.isdigit, sample))) or len(set(sample)) * 4 < len(sample)):
            hits = hits / 4 if hits > 0.8 else 0.0  # labels that are numbers fit photos that are numbers, too
        if hits > best[0]:
            best = (hits, -place, column, ways.most_common(1)[0][0])
    if not best[2]:
        example = ", ".join(repr(value) for value in cells.iloc[0].head(4)) if len(cells) else "nothing"
        raise DataError(
            f"{main.file.name}: no column names photos that lie below {photos.root}. Its first row: {example}. Put the photos "
            "beside the table, or name the column in exploration.photo_column."
        )
    return best[2], best[3]


def _part_column(cells: pd.DataFrame, taken: set[str]) -> str:
    for column in cells.columns:
        values = {value for value in cells[column].unique() if value}
        told = column not in taken and values and all(part_of(value) for value in values)
        if told and (len(values) > 1 or PART_NAMES.match(str(column))):
            return str(column)
    return ""


def _label_columns(cells: pd.DataFrame, taken: set[str]) -> Iterator[str]:
    """Columns that could be labels, the likeliest first: called so; then those of few values, from the left."""
    able = []
    for place, column in enumerate(cells.columns):
        values = cells[column][cells[column] != ""]
        different = values.nunique()
        if column in taken or not 2 <= different <= min(MOST_CLASSES, max(2, len(values) // 2)):
            continue
        if _decimal(values):
            continue
        able.append((LABEL_NAMES.search(f" {column} ") is None, place, str(column), different))
    hot = _one_hot(cells, taken)
    for unnamed, _, column, _ in sorted(able):
        if not unnamed or column not in hot:
            if unnamed and hot:
                continue
            yield column


def _decimal(values: pd.Series) -> bool:
    return bool(values.head(SAMPLE).str.fullmatch(r"[-+]?\d*[.,]\d+").mean() > 0.5)


def _one_hot(cells: pd.DataFrame, taken: set[str]) -> list[str]:
    """Columns of zeros and ones of which each row has exactly one that is one: a column for each class."""
    hot = [
        str(column)
        for column in cells.columns
        if column not in taken and set(cells[column].unique()) <= {"0", "1", "0.0", "1.0", "False", "True"}
    ]
    if len(hot) < 2:
        return []
    sums = cells[hot].isin(["1", "1.0", "True"]).sum(axis=1)
    return hot if len(sums) and (sums == 1).mean() > 0.9 else []


def _rows_of(table: Table, columns: Columns, photos: Photos) -> pd.DataFrame:
    cells = table.cells
    if columns.photo not in cells:
        raise DataError(f"{table.file.name} has no column {columns.photo!r}, as the first table has.")
    if len(columns.label) > 1:
        ones = cells.reindex(columns=columns.label).isin(["1", "1.0", "True"])
        labels = ones.idxmax(axis=1).where(ones.sum(axis=1) == 1, "").astype(str)
    else:
        labels = cells.get(columns.label[0], pd.Series("", cells.index))
    parts = cells[columns.part].map(part_of) if columns.part in cells else pd.Series(table.part, cells.index)
    found = [
        photos.find(cell, part) if cell else ("", "the row names none")
        for cell, part in zip(cells[columns.photo], parts, strict=True)
    ]
    rows = pd.DataFrame(
        {
            "photo": [file or cell for (file, _), cell in zip(found, cells[columns.photo], strict=True)],
            "label": labels.tolist(),
            "part": [part or "" for part in parts],
            "group_by": cells[columns.group].tolist() if columns.group in cells else "",
            "reason_code": ["" if file else Reason.NO_FILE for file, _ in found],
            "reason": ["" if file else f"a row of {table.file.name} without a photo: {why}" for file, why in found],
        },
        dtype=str,
    )
    without = (rows["reason"] == "") & (rows["label"] == "")
    rows.loc[without, ["reason_code", "reason"]] = Reason.BESIDE, f"{table.file.name} gives it no label"
    return rows


def _once(rows: pd.DataFrame) -> pd.DataFrame:
    """Each photo once: said twice with one label it counts once, with two labels not at all."""
    rows = rows.copy()
    open_rows = rows[rows["reason"] == ""]
    labels = open_rows.groupby("photo")["label"].agg(lambda own: " and ".join(natural(set(own))))
    several = open_rows.groupby("photo")["label"].nunique()
    for photo in several.index[several > 1]:
        own = open_rows.index[open_rows["photo"] == photo]
        rows.loc[own, ["reason_code", "reason"]] = Reason.TWO_LABELS, f"the table gives it two labels: {labels[photo]}"
    return rows.drop_duplicates("photo", ignore_index=True)


def _class_names(
    labels: pd.Series, several: Sequence[Table], settings: Exploration, root: Path
) -> tuple[dict[str, str], list[str]]:
    """Names of labels that are numbers, from a second table: named, or lying beside. Returns number to name, and sentences."""
    numbers = {label for label in labels.unique() if label}
    if settings.class_names:
        file = next((place / settings.class_names for place in (several[0].file.parent, root, Path.cwd())
                     if (place / settings.class_names).is_file()), None)  # fmt: skip
        if file is None:
            raise ParameterError(
                f"exploration.class_names: there is no file {settings.class_names!r} beside the table."
            )
        if not (found := _names_in(tables.read(file), numbers)):
            raise DataError(
                f"{file.name} (exploration.class_names) does not name all of the labels {natural(numbers)[:5]}."
            )
        return found, [f"Names of the classes come from {file.name}."]
    if not numbers or not all(number.isdigit() for number in numbers):
        return {}, []
    own = {table.file for table in several}
    for folder in dict.fromkeys((several[0].file.parent, root)):
        for file in sorted(folder.iterdir()):
            if file in own or not (
                file.is_file() and tables.is_table(file.name) and NAMES_OF_CLASSES.search(file.stem)
            ):
                continue
            try:
                found = _names_in(tables.read(file), numbers)
            except DataError:
                continue
            if found:
                return found, [f"Names of the classes come from {file.name}."]
    return {}, ["The classes are numbers, and no table beside names them (exploration.class_names)."]


def _names_in(cells: pd.DataFrame, numbers: set[str]) -> dict[str, str]:
    """What a table calls these labels: of the columns that hold all of them the one with fewest others; names from the first
    column in which each number has one name, and each name one number.
    """
    best: dict[str, str] = {}
    for column in cells.columns:
        values = cells[column]
        if not numbers <= set(values) or (best and values.nunique() >= len(best)):
            continue
        for other in cells.columns:
            pairs = cells[[column, other]].drop_duplicates()
            if (
                other != column
                and len(pairs) == values.nunique() == pairs[other].nunique()
                and not pairs[other].str.isdigit().all()
            ):
                best = dict(zip(pairs[column], pairs[other], strict=True))
                break
    if best or cells.shape[1] > 1 or not all(number.isdigit() for number in numbers):
        return best
    names = [name for name in (cells.columns[0], *cells.iloc[:, 0]) if name and name != "1"]
    first = min(map(int, numbers))
    counted = {str(place + min(first, 1)): name for place, name in enumerate(names)}
    return counted if numbers <= set(counted) else {}
