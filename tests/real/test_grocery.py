"""81 groceries as their authors lay them out: by their folders and by their text files the same set."""

import pytest
from conftest import ROOT

from boatlib.params import Exploration
from boatlib.photos.layout import sets

GROCERY = ROOT.parent / "shared" / "sets" / "grocery"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not GROCERY.is_dir(), reason="the groceries are not here: shared/sets/grocery"),
]


def of(place, **settings):
    return sets.read(place, Exploration(**settings)).used.set_index("photo").sort_index()


def test_folders_and_tables_are_the_same_set():
    folders, tables = of(GROCERY, label_from="last"), of(GROCERY / "train.txt")
    assert len(folders) == len(tables) == 5421
    assert folders["label"].nunique() == 81
    assert folders["part"].value_counts().to_dict() == {"train": 2640, "test": 2485, "val": 296}
    assert folders[["label", "part"]].equals(tables[["label", "part"]])
    assert folders.loc[folders["part"] == "val", "label"].nunique() == 60


def test_the_coarse_classes():
    folders, tables = of(GROCERY, label_from=2), of(GROCERY / "test.txt", label_column="3")
    assert tables["label"].nunique() == 43
    differ = folders["label"] != tables["label"]
    assert set(folders.loc[differ, "label"]) == {"Brown-Cap-Mushroom"}  # a folder that their table calls Mushroom
    assert set(tables.loc[differ, "label"]) == {"Mushroom"}


def test_what_the_first_folders_are_is_said():
    found = sets.read(GROCERY)
    assert set(found.used["label"]) == {"Fruit", "Packages", "Vegetables"}
    assert found.offers == {"exploration.label_from": "last"}
