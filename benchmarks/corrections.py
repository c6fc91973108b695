"""What the correction queue is worth: wrong labels are planted, and whoever goes through the queue knows the truth.

    python benchmarks/corrections.py ../shared/boats/images

In a copy, a share of the photos lies in another class's folder. The chain runs; for each photo in the queue the true label is
written down as a decision; the chain runs again, and so on. Test labels are wrong as often as the others. The last column of
shares judges by the true labels, which the chain never sees.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from boatlib.photos import catalog, splits
from boatlib.photos.corrections import Corrections
from boatlib.results import review_queue
from boatlib.run import Run

NAME = "benchmark-corrections"


def main() -> None:
    """Print, for each round: wrong labels left, right answers by the labels and by the truth, and the queue."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--share", type=float, default=0.05, help="of the photos that get a wrong label (default 0.05)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2, help="through the queue (default 2)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        truth = plant(options.images, Path(folder, "photos"), options.share, options.seed)
        log = Corrections(Path(folder, "corrections.csv"))
        print(f"{len(truth)} photos, {options.share:.0%} with a wrong label, seed {options.seed}\n")
        print(f"{'':<16}{'wrong labels left':>18}{'right, by the labels':>22}{'right, by the truth':>21}   queue")
        for number in range(options.rounds + 1):
            run_chain(Path(folder, "photos"), log.file)
            queue = report(number, truth, log)
            for row in queue.itertuples():
                log.decide(row.sha256, row.photo, truth[row.sha256])


def plant(images: Path, folder: Path, share: float, seed: int) -> dict[str, str]:
    """Copy the photos that count into `folder`, a share of them into the folder of another class. Returns the true labels."""
    used = (
        catalog.build_catalog(images).table.query("status == 'used'").drop_duplicates("sha256").reset_index(drop=True)
    )
    random = np.random.default_rng(seed)
    wrong = set(random.choice(len(used), round(share * len(used)), replace=False).tolist())
    classes = sorted(set(used["label"]))
    for place, row in enumerate(used.itertuples()):
        others = [name for name in classes if name != row.label]
        label = random.choice(others) if place in wrong else row.label
        target = folder / str(label) / f"{place:05d}{Path(row.photo).suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((images / row.photo).read_bytes())
    return dict(zip(used["sha256"], used["label"], strict=True))


def run_chain(images: Path, corrections: Path) -> None:
    """The default recipe, without a word."""
    settings = {"run": NAME, "images": images.resolve(), "exploration.corrections": corrections}
    command = [sys.executable, "-m", "boatlib", "run", "params/boats.yaml"]
    command += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ)


def report(number: int, truth: dict[str, str], log: Corrections) -> pd.DataFrame:
    """Print the line of a round; returns the queue without what was decided before."""
    run = Run(NAME)
    split, predictions = run.table("split"), run.table("predictions")
    found = splits.with_splits(run.table("catalog"), split)
    queue = review_queue.review_queue(found, run.table("duplicates"), run.table("label_suspects"), predictions)
    queue = queue[~queue["sha256"].isin(log.decided()["sha256"])]
    used = found[found["status"] == "used"]
    left = (used["sha256"].map(truth) != used["label"]).sum()
    true = predictions["photo"].map(found.set_index("photo")["sha256"]).map(truth)
    by_labels, by_truth = ((predictions["predicted"] == labels).mean() for labels in (predictions["label"], true))
    wrong = int((queue["sha256"].map(truth) != queue["label"]).sum())
    name = "as found" if number == 0 else f"after round {number}"
    print(
        f"{name:<16}{left:>18}{by_labels:>22.1%}{by_truth:>21.1%}   {len(queue)} photos, {wrong} with a wrong label",
        flush=True,
    )
    return queue


if __name__ == "__main__":
    main()
