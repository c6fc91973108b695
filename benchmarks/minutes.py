"""Accuracy against `training.minutes`: what `auto` takes in how much time, and what it reaches, as a table and a chart.

    python benchmarks/minutes.py ../shared/boats/images --minutes 1 2 5 10 20 --seeds 3 --chart benchmarks/minutes.png

Everything but the features of frozen networks is computed anew for each row; `--cold` computes those anew, too.
"""

import argparse
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pandas as pd
from accuracy import RUN, one_seed

from boatlib.params import load_params
from boatlib.photos import catalog
from boatlib.photos.layout import sets
from boatlib.show.kit import theme


def chart(rows: pd.DataFrame, file: Path) -> None:
    """Right answers against minutes: a dot a seed, a line through the means."""
    import matplotlib.pyplot as plt

    with theme.applied():
        figure, axes = plt.subplots(figsize=(7, 3.6))
        means = rows.groupby("minutes")[["accuracy", "balanced"]].mean()
        for column, colour, words in (
            ("accuracy", theme.SPLIT_COLOURS["train"], "right"),
            ("balanced", theme.WARM, "right, every class alike"),
        ):
            axes.scatter(rows["minutes"], rows[column], color=colour, s=14, alpha=0.5)
            axes.plot(means.index, means[column], color=colour, label=words)
        axes.set_xscale("log")
        axes.set_xticks(means.index, [f"{minutes:g}" for minutes in means.index])
        axes.minorticks_off()
        axes.set_xlabel("training.minutes")
        axes.set_ylabel("% of the test photos")
        axes.legend(frameon=False)
        figure.savefig(file, bbox_inches="tight")


def main() -> None:
    """Print a row for each seed and number of minutes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 2, 5, 10, 20])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--chart", type=Path)
    options = parser.parse_args()
    exploration = load_params(Path("params/boats.yaml"), options.set).exploration
    listing = sets.read(options.images, exploration)
    table = catalog.build_catalog(listing, exploration.min_photos_per_class).table
    results = []
    for seed in range(options.seeds):
        for minutes in options.minutes:
            params = load_params(
                Path("params/boats.yaml"), [*options.set, f"seed={seed}", f"training.minutes={minutes:g}"]
            )
            with contextlib.ExitStack() as stack:
                if options.cold:
                    os.environ["BOATLIB_CACHE"] = stack.enter_context(tempfile.TemporaryDirectory())
                stack.enter_context(contextlib.redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
                row = one_seed(table, listing.root, params, tta=False).assign(minutes=minutes)
            results.append(row)
            told = row.iloc[0]
            shares = f"right {told['accuracy']:.1%}, balanced {told['balanced']:.1%}"
            print(f"seed {seed}, {minutes:g} minutes: {told['took']}, {shares}, {told['seconds']:.0f} s", flush=True)
    shutil.rmtree(RUN.folder)
    rows = pd.concat(results)
    rows[["accuracy", "balanced"]] *= 100
    print(rows.groupby("minutes")[["accuracy", "balanced", "seconds"]].agg(["mean", "std"]).round(2).to_string())
    if options.chart:
        chart(rows, options.chart)


if __name__ == "__main__":
    main()
