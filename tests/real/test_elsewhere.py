"""81 groceries, of which the authors' test photos come from other visits: is what is expected there what is found there?"""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from boatlib.model.features import embedding
from boatlib.model.inference.familiarity import directions, kernel, regression
from boatlib.model.networks import backbones
from boatlib.photos.layout import sets
from boatlib.results import cross_validation, elsewhere

GROCERY = ROOT.parent / "shared" / "sets" / "grocery"
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not GROCERY.is_dir(), reason="the groceries are not here: shared/sets/grocery"),
]


@pytest.fixture(scope="module")
def groceries():
    from boatlib.params import Exploration
    from boatlib.photos.catalog import build_catalog

    table = build_catalog(sets.read(GROCERY, Exploration(label_from="last")), 3).table
    used = table[table["status"] == "used"].reset_index(drop=True)
    features = embedding.embed_plain(used, GROCERY, backbones.find_backbones("efficientnet_lite0"))
    return used, cross_validation.coordinates(features, used["label"].nunique())


def test_the_estimate_from_the_teaching_photos_holds_on_the_authors_test_photos(groceries):
    photos, wide = groceries
    teach = (photos["part"] != "test").to_numpy()
    held = elsewhere.held_together(wide[teach], photos[teach].reset_index(drop=True), 0)
    random, (high, _, low) = held["right"].iloc[0], held["right"].iloc[1:]
    unit, (numbers, _) = directions(wide).astype(np.float32), pd.factorize(photos["label"])
    weights = regression(unit[teach], numbers[teach], elsewhere.WIDTH)
    answers = (kernel(unit[~teach], unit[teach], elsewhere.WIDTH) @ weights).argmax(axis=1)
    truth = (answers == numbers[~teach]).mean()
    assert random - truth > 0.15, "divided at random the result is far too good"
    assert low <= truth <= high
    near = held["distance"].to_numpy()[1:]
    told = elsewhere.judge(held, random, random, np.zeros(1), near, elsewhere.RANDOM)
    assert told["differs"]
    assert abs(told["middle"] - truth) < 0.08
