"""Has the world changed, and what to expect: how often 07 is wrong about it, on test photos that were changed on purpose.

    python benchmarks/new_photos.py boats coarse            runs that the chain has made; prints two tables
    python benchmarks/new_photos.py boats --strange FOLDER  with photos of something else among the new ones

Half of a run's test photos are the reference, photos of the other half arrive: as they are, darker, blurred, small, of another mix of
classes, with strangers among them. So nothing here has taught the model, and no photo is on both sides.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance, ImageFilter

from boatlib.model.inference.predictor import Predictor
from boatlib.photos import sources
from boatlib.photos.layout.tree import find_photos
from boatlib.photos.looks import LOOKS
from boatlib.results import drift, expected
from boatlib.run import Run

SHIFTS = {
    "none": lambda image: image,
    "dark 0.6": lambda image: ImageEnhance.Brightness(image).enhance(0.6),
    "dark 0.3": lambda image: ImageEnhance.Brightness(image).enhance(0.3),
    "blurred 1": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "blurred 3": lambda image: image.filter(ImageFilter.GaussianBlur(3)),
    "small 96": lambda image: image.resize(_smaller(image, 96)),
    "noise": lambda image: Image.fromarray(
        (np.asarray(image, np.float32) + np.random.default_rng(0).normal(0, 25, (image.height, image.width, 3)))
        .clip(0, 255)
        .astype(np.uint8)
    ),
}
BATCH = 100


def _smaller(image, side):
    scale = side / min(image.size)
    return (max(1, round(image.width * scale)), max(1, round(image.height * scale)))


def looked_at(predictor, files, labels):
    """Everything that 07 knows of photos, and whether they were named rightly."""
    parts = list(predictor.examine_stream([(str(file), file) for file in files]))
    answers = pd.concat([part.answers for part in parts], ignore_index=True)
    directions = np.concatenate([predictor.bundle.familiarity.directions(part.features) for part in parts])
    places = answers["predicted"].map(predictor.classes.index).to_numpy(np.int64)
    return {
        "unfamiliar": answers["unfamiliar"].to_numpy(bool),
        "confidence": answers["confidence"].to_numpy(np.float32),
        "answers": places,
        "looks": np.concatenate([part.looks for part in parts]),
        "features": directions,
        "right": (answers["predicted"] == labels).to_numpy(),
    }


def chosen(photos, places):
    return {name: values[places] for name, values in photos.items()}


def shifted(predictor, root, photos, change, work):
    work.mkdir()
    files = []
    for number, name in enumerate(photos["photo"]):
        image = change(Image.open(root / name).convert("RGB"))
        files.append(work / f"{number}.png")
        image.save(files[-1], compress_level=1)
    return looked_at(predictor, files, photos["label"].reset_index(drop=True))


def told(before, now):
    changes = drift.compare(before, now, LOOKS)
    said = expected.may_be_said(changes)
    share = expected.share(before["confidence"], before["right"], now["confidence"])
    return {
        "changed": bool(changes["changed"].any()),
        "unfamiliar": now["unfamiliar"].mean(),
        "told apart": float(changes.set_index("what").loc[drift.FEATURES, "effect"]),
        "said": said,
        "inside": share["low"] <= now["right"].mean() <= share["high"],
        "error": share["middle"] - now["right"].mean(),
        "right": now["right"].mean(),
        "width": share["high"] - share["low"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--strange", type=Path, help="photos of something else, for all runs")
    parser.add_argument("--draws", type=int, default=10, help="halves a shift")
    parser.add_argument("--unchanged", type=int, default=200, help="batches without any change")
    parser.add_argument("--photos", type=int, default=400, help="test photos at most")
    options = parser.parse_args()
    for name in options.runs:
        run = Run(name)
        predictor, root = Predictor.load(run.need("model")), sources.root_of(run)
        split = run.table("split")
        test = split[(split["split"] == "test") & split["label"].isin(predictor.classes)]
        test = test.sample(min(options.photos, len(test)), random_state=0)
        batch = min(BATCH, len(test) // 2)
        with tempfile.TemporaryDirectory() as place:
            seen = {
                kind: shifted(predictor, root, test, change, Path(place) / str(number))
                for number, (kind, change) in enumerate(SHIFTS.items())
            }
            strange = None
            if options.strange:
                files = [options.strange / photo for photo in find_photos(options.strange)][: 5 * batch]
                strange = looked_at(predictor, files, pd.Series("", range(len(files))))
        plain, random, rows = seen["none"], np.random.default_rng(0), []
        for draw in range(options.draws):
            order = random.permutation(len(test))
            before, new = chosen(plain, order[: len(test) // 2]), order[len(test) // 2 :]
            for kind, photos in seen.items():
                rows.append({"photos": kind, **told(before, chosen(photos, new[:batch]))})
            labels = test["label"].to_numpy()[new]
            top = labels == pd.Series(labels).value_counts().index[0]
            rows.append(
                {
                    "photos": "other mix",
                    **told(before, chosen(plain, np.concatenate([new[top], new[~top][: batch // 5]])[:batch])),
                }
            )
            for share in (0.1, 0.3) if strange else ():
                count = min(round(share * batch), len(strange["right"]))
                some = chosen(strange, random.permutation(len(strange["right"]))[:count])
                mixed = chosen(plain, new[: batch - count])
                both = {key: np.concatenate([mixed[key], some[key]]) for key in mixed}
                rows.append({"photos": f"{share:.0%} strange", **told(before, both)})
        table = pd.DataFrame(rows).groupby("photos", sort=False).mean()
        table["said, and outside"] = [
            int((own["said"] & ~own["inside"]).sum()) for _, own in pd.DataFrame(rows).groupby("photos", sort=False)
        ]
        alarms = 0
        for draw in range(options.unchanged):
            order = random.permutation(len(test))
            before, now = chosen(plain, order[: len(test) // 2]), chosen(plain, order[len(test) // 2 :][:batch])
            alarms += bool(drift.compare(before, now, LOOKS)["changed"].any())
        print(f"\n{name}: {len(test)} test photos, batches of {batch}, {options.draws} draws each (means)")
        print(table.round(3).to_string())
        print(f"false alarms: {alarms} of {options.unchanged} unchanged batches")


if __name__ == "__main__":
    main()
