"""A set as it lies there: by its folders, or by a table."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from boatlib.errors import DataError
from boatlib.params import LOOK_ALIKES, Exploration
from boatlib.photos.layout import by_folder, by_table, tables
from boatlib.photos.layout.listing import Listing, is_picture
from boatlib.photos.layout.parts import part_of
from boatlib.photos.layout.series import find_series
from boatlib.photos.layout.tree import Found, find_files, is_system_file, readable_name

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")  # as Hugging Face calls the table of a folder
NO_LABELS = (
    "submission",
    "readme",
    "license",
    "requirements",
)  # tables of a competition, and texts, that label nothing


def read(place: Path, settings: Exploration | None = None, group_by: str = "") -> Listing:
    """Find out what each photo of a set shows. place: a folder, or a table of labels.

    Raises DataError with what is missing or can be understood in two ways, ParameterError for settings that fit nothing.
    """
    listing = _read(place, settings, "" if group_by == LOOK_ALIKES else group_by)
    if group_by or (found := find_series(listing)) is None:
        return listing
    offers = listing.offers | {"split.group_by": found.pattern}
    return replace(listing, notes=[*listing.notes, found.words], offers=offers)


def _read(place: Path, settings: Exploration | None, group_by: str) -> Listing:
    if place.is_file():
        return by_table.read(by_table.family(place), settings, group_by)
    found = find_files(place)
    if files := tables_of(place, found):
        return by_table.read(files, settings, group_by, place, found)
    return by_folder.read(place, settings, group_by, found)


def root_of(place: Path) -> Path:
    """The folder below which the photos lie, before anything was read."""
    return by_table.root_of(place) if place.is_file() else place


def tables_of(folder: Path, found: Sequence[Found]) -> list[Path]:
    """The tables that say what the photos of a folder show; none where folders say it.

    Folders say it where they lie below the root or below parts. Raises DataError where one of several tables must be named.
    """
    names = [readable_name(file.name) for file in found if not file.reason and not is_system_file(file.name)]
    listed = [name for name in names if name.rpartition("/")[2].lower() in METADATA]
    top = [name for name in listed if name.count("/") == min(one.count("/") for one in listed)]
    if top and (len(top) == 1 or all(part_of(name.split("/")[-2]) for name in top)) and _label_anything(folder, top):
        return [folder / name for name in top]
    photos = [name for name in names if is_picture(name)]
    if not photos or any(_says_a_class(name) for name in photos):
        return []
    candidates = [
        name
        for name in names
        if "/" not in name and tables.is_table(name) and not any(word in name.lower() for word in NO_LABELS)
    ]
    families = {tuple(by_table.family(folder / name)) for name in candidates}
    able = [family for family in families if _labels(family[0])]
    if len(able) > 1:
        shown = ", ".join(sorted(family[0].name for family in able))
        raise DataError(f"Which table says what the photos show? There are {shown}. Set images: to one of them.")
    return list(able[0]) if able else []


def _says_a_class(name: str) -> bool:
    """Whether a photo lies in a folder that is not that of a part, such as `kayak/1.jpg`, but not `train/images/1.jpg`."""
    folders = [folder for folder in name.split("/")[:-1] if not part_of(folder)]
    return any(
        folder.lower() not in ("images", "image", "img", "imgs", "photos", "pictures", "jpg", "jpeg", "png")
        for folder in folders
    )


def _label_anything(folder: Path, names: Sequence[str]) -> bool:
    return any(_labels(folder / name) for name in names)


def _labels(file: Path) -> bool:
    """Whether a table could have labels: two columns at least, of which one repeats itself."""
    try:
        cells = tables.read(file)
    except DataError:
        return False
    return cells.shape[1] > 1 and any(1 < cells[column].nunique() <= max(2, len(cells) // 2) for column in cells)
