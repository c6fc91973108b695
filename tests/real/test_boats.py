"""The real photos: what is known about them must come out."""

import pytest
from conftest import REAL

from boatlib.photos import catalog

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not REAL.is_dir(), reason=f"the photos are not here: {REAL.parent.name}/{REAL.name}"),
]

COUNTS = {
    "buoy": 54, "cruise ship": 191, "ferry boat": 65, "freight boat": 23, "gondola": 194,
    "inflatable boat": 17, "kayak": 203, "paper boat": 32, "sailboat": 390,
}  # fmt: skip


def test_the_catalog_of_the_real_photos():
    found = catalog.build_catalog(REAL)
    assert found.classes.set_index("class")["photos"].to_dict() == COUNTS
    assert len(found.table) == 2 * sum(COUNTS.values())
    assert found.classes.loc[~found.classes["kept"], "class"].tolist() == ["freight boat", "inflatable boat"]
    assert found.table["reason"].str.startswith("second copy").sum() == sum(COUNTS.values())
    conflict = found.duplicates[(found.duplicates["kind"] == "exact") & found.duplicates["conflict"]]
    assert sorted(conflict["label"]) == ["cruise ship", "gondola"]
    formats = found.table[found.table["format"] != ""]
    assert (formats["format"] == "PNG").sum() == 1
    assert (formats["mode"] == "L").sum() == 1
