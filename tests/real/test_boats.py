"""The real photos: what is known about them must come out."""

import numpy as np
import pytest
from conftest import FLOAT32, REAL
from sklearn.linear_model import LogisticRegression

from boatlib import runtime
from boatlib.model.features import embedding
from boatlib.model.inputs import loading
from boatlib.model.networks import backbones, engines
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


def test_engines_name_the_same_classes(project):
    """OpenVINO and torch with the same numbers, and with half as many bits where this CPU has them."""
    table = catalog.build_catalog(REAL).table.query("status == 'used'").sample(240, random_state=0)
    taught, asked = table[:160], table[160:]
    features = {}
    for amp in ("off", "auto"):
        network = backbones.find_backbone("efficientnet_lite0", on=runtime.machine("cpu", amp))
        features[amp] = embedding.embed(table, REAL, ["plain"], [network])[:, 0]
    rows = [
        loading.decode((REAL / photo).read_bytes(), sha256, ["plain"], network.preprocessing)[0]
        for photo, sha256 in zip(asked["photo"], asked["sha256"], strict=True)
    ]
    by_torch = engines.TorchEngine(network.build(), FLOAT32).run(rows)
    exact, half = features["off"][160:], features["auto"][160:]
    assert cosine(exact, by_torch).min() > 0.999
    head = LogisticRegression(C=0.1, max_iter=500).fit(features["off"][:160], taught["label"])
    answers = head.predict(exact)
    assert (answers == asked["label"]).mean() > 0.8
    assert (answers == head.predict(by_torch)).all()
    assert np.median(cosine(exact, half)) > 0.999
    assert (answers == head.predict(half)).mean() >= 0.97  # two of 80: those that were undecided


def cosine(one, other):
    return (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
