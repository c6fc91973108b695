"""Names that look like series: several photos of one patient, vessel, film or day."""

import re
from collections import Counter
from typing import NamedTuple

from boatlib.photos.layout.listing import Listing

FEWEST, SHARE, LARGEST = 10, 0.3, 0.2  # series with several photos; photos in them; photos in the largest
FOLDER = r"(?:[^/]+/){%d}([^/]+)/"
NUMBERED = r"([^/]*?\d+)[-_\s][^/]*$"  # `patient12_3.jpg` belongs to `patient12`
NUMBERED_IN_FOLDER = r"([^/]+/\d+)[-_\s][^/]*$"  # `kayak/012_3.jpg` belongs to `kayak/012`


class Series(NamedTuple):
    """A regular expression for `split.group_by`, how many series have several photos, and the name of one."""

    pattern: str
    several: int
    example: str

    @property
    def words(self) -> str:
        """What a person may want to do about it."""
        return (
            f"{self.several:,} numbers or folders in the names have several photos each, such as {self.example!r}. If such "
            "photos show "
            f"one and the same (a patient, a vessel, a day), they must stay together: set split.group_by: '{self.pattern}'."
        )


def find_series(listing: Listing) -> Series | None:
    """What names have in common that could be one thing; None where nothing is like that."""
    used = listing.used
    photos, parts = used["photo"].tolist(), used["part"].tolist()
    for pattern in (NUMBERED_IN_FOLDER, NUMBERED, *_folders(photos, set(used["label"]))):
        search = re.compile(pattern).search
        pairs = [(found[1], part) for photo, part in zip(photos, parts, strict=True) if (found := search(photo))]
        counts = Counter(key for key, _ in pairs)
        several = [key for key, count in counts.items() if count > 1]
        inside = sum(counts[key] for key in several)
        if len(several) < FEWEST or inside < SHARE * len(used) or max(counts.values()) > LARGEST * len(used):
            continue
        anew = len(set(pairs)) - len(counts)  # numbered from the beginning in each given part: the numbers mean nothing
        if anew * 2 < len(several) and not set(several) <= set(used["label"]):
            return Series(pattern, len(several), several[0])
    return None


def _folders(photos: list[str], labels: set[str]) -> list[str]:
    """A folder between the class and the photo, in most of the paths, whose names are numbered: others may be classes, too."""
    depths = Counter(photo.count("/") for photo in photos)
    depth = depths.most_common(1)[0][0] if depths else 0
    names = {place: {photo.split("/")[place] for photo in photos if photo.count("/") > place} for place in range(depth)}
    numbered = [
        place for place, own in names.items() if sum(any(map(str.isdigit, name)) for name in own) > len(own) / 2
    ]
    return [f"^{FOLDER % place}" for place in numbered if not names[place] & labels and len(names[place]) >= FEWEST]
