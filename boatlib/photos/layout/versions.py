"""What looks like a photo of the set and is none: masks, second versions of a photo, thumbnails, previews."""

import os
import re
from collections.abc import Sequence

import pandas as pd

from boatlib.photos.layout import listing
from boatlib.photos.layout.reasons import Reason

BESIDE_CLASSES = {
    "sample_images", "sample-images", "sample images", "thumbnails", "thumbs", "thumbnail", "previews", "preview",
}  # fmt: skip
INSIDE = BESIDE_CLASSES | {
    "masks", "mask", "annotations", "annotation", "segmentations", "segmentation", "ground_truth", "groundtruth", "labels",
}  # fmt: skip
ADDED = re.compile(
    r"[-_. ](?:mask|masks|seg|segm|segmentation|superpixels|gt|groundtruth|ground_truth|annotation|annotated|overlay|heatmap"
    r"|thumb|thumbnail|tn|small|preview)(?:[-_. ]?\d+)?$",
    re.I,
)
PHOTO_FIRST = (".jpg", ".jpeg", ".heic", ".heif", ".webp", ".tif", ".tiff", ".bmp", ".png", ".gif")  # rather the photo
"""Of two files with one name the one whose ending comes first is the photo: masks are kept without loss."""


def leave_versions(rows: pd.DataFrame, included: Sequence[str] = ()) -> list[str]:
    """Give a reason to what is a second version of a photo, in place; returns sentences. Nothing where `include` names photos.

    A file is one where it has the name of a photo in the same folder but for its ending, or but for a word such as `_mask` behind
    it; or where it lies in a folder that is called like masks or thumbnails and inside of which there are no classes.
    """
    if included:
        return []
    notes = _leave(
        rows,
        [place for place, photo in _open(rows) if _in_such_a_folder(photo)],
        "lies in a folder that is called like masks, thumbnails or samples",
    )
    names = {place: _parted(photo) for place, photo in _open(rows)}
    stems = {name[:2] for name in names.values()}
    seconds = [
        place
        for place, (folder, stem, _) in names.items()
        if (bare := ADDED.sub("", stem)) != stem and (folder, bare) in stems
    ]
    notes += _leave(rows, seconds, "is called like a mask, thumbnail or other second version of a photo beside it")
    for place in seconds:
        del names[place]
    first: dict[tuple[str, str], int] = {}
    for place in sorted(names, key=lambda place: _order(names[place][2])):
        first.setdefault(names[place][:2], place)
    return notes + _leave(
        rows,
        [place for place, name in names.items() if first[name[:2]] != place and listing.is_picture(f"x{name[2]}")],
        "has the name of a photo beside it, with another ending: a mask, or a second version",
    )


def _open(rows: pd.DataFrame) -> list[tuple[int, str]]:
    """Place and name of what has no reason yet."""
    able = rows.loc[rows["reason"] == "", "photo"]
    return list(zip(able.index.tolist(), able.tolist(), strict=True))


def _parted(photo: str) -> tuple[str, str, str]:
    """Folder, name and ending."""
    folder, _, name = photo.rpartition("/")
    stem, ending = os.path.splitext(name)
    return folder, stem, ending.lower()


def _order(ending: str) -> int:
    return PHOTO_FIRST.index(ending) if ending in PHOTO_FIRST else len(PHOTO_FIRST)


def _in_such_a_folder(photo: str) -> bool:
    """Folders below a class that are called like masks, and any that is called like thumbnails."""
    folders = photo.lower().split("/")[:-1]
    return bool(BESIDE_CLASSES.intersection(folders) or INSIDE.intersection(folders[1:]))


def _leave(rows: pd.DataFrame, which: list[int], reason: str) -> list[str]:
    if not which:
        return []
    rows.loc[which, ["reason_code", "reason"]] = Reason.SECOND_VERSION, reason
    return [
        f"{len(which):,} file{'' if len(which) == 1 else 's'} left out, such as {rows.loc[which[0], 'photo']}: each {reason}. "
        "To use them, name what counts in exploration.include."
    ]
