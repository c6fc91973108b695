"""Has the world changed, and what to expect: how often 07 is wrong about it, on test photos that were changed on purpose.

    python benchmarks/new_photos.py boats coarse            runs that the chain has made; prints a table each
    python benchmarks/new_photos.py boats --strange FOLDER  with photos of something else among the new ones

Half of a run's test photos are the reference; photos of the other half arrive: as they are, darker, blurred, small, of another
mix of classes, with strangers among them. So nothing here has taught the model, and no photo is on both sides.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance, ImageFilter

from boatlib.model.inference.predictor import Predictor
from boatlib.photos import sources
from boatlib.photos.layout.tree import walk_photos
from boatlib.photos.looks import LOOKS
from boatlib.results import arrived, drift, expected
from boatlib.run import Run

BATCH = 100
Change = Callable[[Image.Image], Image.Image]


def noisy(image: Image.Image) -> Image.Image:
    """With grain, as at night."""
    values = np.asarray(image, np.float32)
    grain = np.random.default_rng(0).normal(0, 25, values.shape)
    return Image.fromarray((values + grain).clip(0, 255).astype(np.uint8))


def small(image: Image.Image) -> Image.Image:
    """The shorter side has 96 pixels."""
    scale = 96 / min(image.size)
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))


SHIFTS: dict[str, Change] = {
    "none": lambda image: image,
    "dark, 0.6": lambda image: ImageEnhance.Brightness(image).enhance(0.6),
    "dark, 0.3": lambda image: ImageEnhance.Brightness(image).enhance(0.3),
    "blurred, 1 pixel": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "blurred, 3 pixels": lambda image: image.filter(ImageFilter.GaussianBlur(3)),
    "small, 96 pixels": small,
    "grain": noisy,
}


class Photos(NamedTuple):
    """What 07 knows of photos, and whether they were named rightly."""

    seen: drift.Seen
    right: np.ndarray


def looked_at(predictor: Predictor, files: list[Path], labels: list[str]) -> Photos:
    """Photos' files, and what they show."""
    familiarity = predictor.bundle.familiarity
    assert familiarity
    parts = list(predictor.examine_stream([(str(file), file) for file in files]))
    rows = pd.concat([part.answers for part in parts], ignore_index=True)
    rows = rows.assign(action=predictor.bundle.policy.actions(rows))
    rows[list(LOOKS)] = np.concatenate([part.looks for part in parts])
    directions = np.concatenate([familiarity.directions(part.features) for part in parts])
    right = rows["predicted"].to_numpy() == np.array(labels, object)
    return Photos(arrived.seen(rows, directions, predictor.classes), right)


def changed(predictor: Predictor, files: list[Path], labels: list[str], change: Change) -> Photos:
    """The same of photos after a change."""
    with tempfile.TemporaryDirectory() as folder:
        new = [Path(folder) / f"{number}.png" for number in range(len(files))]
        for file, place in zip(files, new, strict=True):
            change(Image.open(file).convert("RGB")).save(place, compress_level=1)
        return looked_at(predictor, new, labels)


def some(photos: Photos, places: np.ndarray) -> Photos:
    """A choice of photos."""
    return Photos(drift.Seen(*(values[places] for values in photos.seen)), photos.right[places])


def both(one: Photos, other: Photos) -> Photos:
    """Photos of two kinds."""
    seen = drift.Seen(*(np.concatenate(pair) for pair in zip(one.seen, other.seen, strict=True)))
    return Photos(seen, np.concatenate([one.right, other.right]))


def told(kind: str, before: Photos, now: Photos) -> dict[str, Any]:
    """What 07 would say, and what is true."""
    changes = drift.compare(before.seen, now.seen)
    share = expected.share(before.seen.confidence, before.right, now.seen.confidence)
    right = float(now.right.mean())
    return {
        "photos": kind,
        "said to differ": bool(changes["changed"].any()),
        "unfamiliar": now.seen.unfamiliar.mean(),
        "right": right,
        "estimate": share["middle"],
        "width": share["high"] - share["low"],
        "right is inside": share["low"] <= right <= share["high"],
        "estimate is said": expected.may_be_said(changes),
    }


def draws(seen: dict[str, Photos], labels: np.ndarray, strange: Photos | None, count: int) -> pd.DataFrame:
    """A row for each batch that was drawn."""
    random, rows, plain = np.random.default_rng(0), [], seen["none"]
    batch = min(BATCH, len(labels) // 2)
    for _ in range(count):
        order = random.permutation(len(labels))
        before, new = some(plain, order[: len(labels) // 2]), order[len(labels) // 2 :]
        rows += [told(kind, before, some(photos, new[:batch])) for kind, photos in seen.items()]
        top = labels[new] == pd.Series(labels[new]).value_counts().index[0]
        mix = np.concatenate([new[top], new[~top][: batch // 5]])[:batch]
        rows.append(told("another mix of classes", before, some(plain, mix)))
        for share in (0.1, 0.2, 0.3) if strange else ():
            strangers = min(round(share * batch), len(strange.right))
            own = some(strange, random.permutation(len(strange.right))[:strangers])
            usual = some(plain, new[: batch - strangers])
            rows.append(told(f"{share:.0%} strangers", before, both(usual, own)))
    return pd.DataFrame(rows)


def false_alarms(plain: Photos, count: int) -> int:
    """How many of so many unchanged batches are said to differ."""
    random, photos = np.random.default_rng(1), len(plain.right)
    alarms = 0
    for _ in range(count):
        order = random.permutation(photos)
        before, now = some(plain, order[: photos // 2]), some(plain, order[photos // 2 :][:BATCH])
        alarms += bool(drift.compare(before.seen, now.seen)["changed"].any())
    return alarms


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--strange", type=Path, help="photos of something else, for all runs")
    parser.add_argument("--draws", type=int, default=20, help="batches of each kind")
    parser.add_argument("--unchanged", type=int, default=200, help="batches without any change")
    parser.add_argument("--photos", type=int, default=400, help="test photos at most")
    options = parser.parse_args()
    for name in options.runs:
        run = Run(name)
        predictor, root, split = Predictor.load(run.need("model")), sources.root_of(run), run.table("split")
        test = split[(split["split"] == "test") & split["label"].isin(predictor.classes)]
        test = test.sample(min(options.photos, len(test)), random_state=0)
        files, labels = [root / photo for photo in test["photo"]], test["label"].tolist()
        seen = {kind: changed(predictor, files, labels, change) for kind, change in SHIFTS.items()}
        strange = None
        if options.strange:
            others = [options.strange / photo for photo in sorted(walk_photos(options.strange))[:BATCH]]
            strange = looked_at(predictor, others, [""] * len(others))
        rows = draws(seen, np.array(labels, object), strange, options.draws)
        wrong = rows["estimate is said"] & ~rows["right is inside"]
        table = rows.groupby("photos", sort=False).mean().round(3)
        table["said, and outside"] = wrong.groupby(rows["photos"], sort=False).sum()
        print(f"\n{name}: {len(test)} test photos, {options.draws} batches a kind (means)\n{table.to_string()}")
        print(f"false alarms: {false_alarms(seen['none'], options.unchanged)} of {options.unchanged} unchanged batches")


if __name__ == "__main__":
    main()
