"""Do the forecasts of "how many more photos" hold? Half of the photos forecast what all of them bring; then it is measured.

    python benchmarks/more_photos.py ../shared/boats/images --draws 12

For each draw a random half of the groups of photos gives a learning curve and a forecast for twice as many; the truth is what all
photos give, measured in the same way. A range is meant to hold eight times out of ten. The truth comes from few photos itself,
so a small class can miss by chance.
"""

import argparse
import contextlib
import os
from pathlib import Path

import numpy as np
import pandas as pd

from boatlib.model.features import embedding
from boatlib.model.networks import backbones
from boatlib.photos import catalog
from boatlib.results import cross_validation, learning_curve


def main() -> None:
    """Print, for each class: the truth, the mean forecast with its range, and how often the range held the truth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--draws", type=int, default=12)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    options = parser.parse_args()
    photos = catalog.build_catalog(options.images).table.query("status == 'used'").reset_index(drop=True)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        networks = backbones.find_backbones(options.backbone)
        features = embedding.embed_plain(photos, options.images, networks)
    whole = learning_curve.measure(cross_validation.simplified(features, photos["label"]), photos)
    truth = whole[whole["share"] == 1].set_index("class")
    truth = truth["right"] / truth["judged"]
    groups = np.array(sorted(set(photos["group"])))
    rows = []
    for draw in range(options.draws):
        half = set(np.random.default_rng(draw).permutation(groups)[: len(groups) // 2])
        chosen = photos["group"].isin(half).to_numpy()
        some = photos[chosen].reset_index(drop=True)
        curve = learning_curve.measure(cross_validation.simplified(features[chosen], some["label"]), some, seed=draw)
        for name, own in curve.groupby("class"):
            low, middle, high = learning_curve.forecast(own, own["taught"].max()).right_with(2)
            held = low <= truth[name] <= high
            rows.append(
                {
                    "class": name or "all photos",
                    "truth": truth[name],
                    "low": low,
                    "forecast": middle,
                    "high": high,
                    "held": held,
                }
            )
    table = pd.DataFrame(rows)
    print(table.groupby("class").mean().round(3).to_string())
    single = table[table["class"] != "all photos"]
    print(f"\nHeld in {single['held'].sum()} of {len(single)} forecasts for a class ({single['held'].mean():.0%}).")


if __name__ == "__main__":
    main()
