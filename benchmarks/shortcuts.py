"""Does the search for shortcuts keep quiet where there are none, and speak where one was planted?

    python benchmarks/shortcuts.py ../shared/boats/images --divisions 200 --model 0.95

Clean: random halves of the photos with their own labels; all photos with labels dealt out by lot, once as many classes as there
are and once two. Planted: one class is saved anew, as PNG, smaller, with a frame, with a stamp in a corner, by another camera, or
without colour. model: share of right answers that the model is taken to give; by lot it is taken to know nothing.
"""

import argparse
import io
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from boatlib.photos import catalog, splits
from boatlib.photos.catalog import Catalog
from boatlib.results import shortcuts
from boatlib.results.shortcuts import Shortcuts
from boatlib.show.shortcuts import warnings


def main() -> None:
    """Print how often clean sets raised an alarm, and what was said of each planted one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--divisions", type=int, default=200)
    parser.add_argument("--model", type=float, default=0.95)
    parser.add_argument("--planted", nargs="*", default=["kayak", "paper boat"], help="classes that are saved anew")
    options = parser.parse_args()
    found = catalog.build_catalog(options.images)
    if options.divisions:
        false_alarms(found, options.divisions, options.model)
    for label in options.planted:
        for name, save in PLANTED.items():
            with tempfile.TemporaryDirectory() as folder:
                photos = plant(found, options.images, Path(folder), label, save)
                said = warnings(search(photos, options.model))
            print(f"\n{label}, {name}:", *(said or ["NOTHING FOUND"]), sep="\n  ")


def search(
    found: Catalog, model: float, labels: pd.Series | None = None, chosen: np.ndarray | None = None
) -> Shortcuts:
    """The search on a catalog, or on some of its photos (places), with its labels, or with others."""
    split = splits.make_split(found.table, 0.6, 0.2, 0.2, 42)
    photos = shortcuts.known(split, found.table, found.facts)
    if labels is not None:
        photos = photos.assign(label=labels.to_numpy())
    chosen = np.arange(len(photos)) if chosen is None else chosen
    photos = photos.iloc[chosen].reset_index(drop=True)
    counts = photos["label"].value_counts()
    share = model if labels is None else counts.max() / counts.sum()
    rows = pd.DataFrame(
        {"class": counts.index, "test": counts.to_numpy(), "top1": share, "correct": share * counts.to_numpy()}
    )
    return shortcuts.find_shortcuts(photos, found.glances[chosen], rows, shortcuts.find_leaks(photos))


def false_alarms(found: Catalog, divisions: int, model: float) -> None:
    """Count, over random divisions, what clean sets are told."""
    used = found.table[found.table["status"] == "used"].reset_index(drop=True)
    groups = used["group"].unique()
    rows = []
    for seed in range(divisions):
        random = np.random.default_rng(seed)
        half = np.flatnonzero(used["group"].isin(random.permutation(groups)[: len(groups) // 2]))
        dealt = dict(zip(groups, random.permutation(used.drop_duplicates("group")["label"]), strict=True))
        coin = dict(zip(groups, random.choice(["heads", "tails"], len(groups)), strict=True))
        rows += [
            ("a random half", search(found, model, chosen=half)),
            ("labels by lot", search(found, model, used["group"].map(dealt))),
            ("two classes by lot", search(found, model, used["group"].map(coin))),
        ]
    table = pd.DataFrame(
        [
            {
                "set": name,
                "divisions": 1,
                "comes near": bool(s.near),
                "class found": bool(s.classes),
                "leak": bool(s.leaks),
            }
            | {f"{rule} best": s.table.loc[s.table["rule"] == rule, "right"].iloc[0] for rule in shortcuts.RULES}
            for name, s in rows
        ]
    )
    how = dict.fromkeys(("divisions", "comes near", "class found", "leak"), "sum")
    print(
        table.groupby("set", sort=False)
        .agg(how | {f"{rule} best": "max" for rule in shortcuts.RULES})
        .round(3)
        .to_string()
    )


def plant(found: Catalog, images: Path, folder: Path, label: str, save: Callable[[Image.Image], bytes]) -> Catalog:
    """The catalog of a copy of the set in which one class is saved anew."""
    for row in found.table[found.table["status"] == "used"].to_dict("records"):
        file = folder / row["photo"]
        file.parent.mkdir(parents=True, exist_ok=True)
        if row["label"] == label:
            with Image.open(images / row["photo"]) as image:
                file.write_bytes(save(image.convert("RGB")))
        else:
            shutil.copyfile(images / row["photo"], file)
    return catalog.build_catalog(folder)


def _saved(image: Image.Image, kind: str = "JPEG", quality: int = 88, make: str = "") -> bytes:
    buffer, exif = io.BytesIO(), Image.Exif()
    if make:
        exif[0x010F] = make
    image.save(buffer, kind, quality=quality, exif=exif)
    return buffer.getvalue()


def _framed(image: Image.Image) -> bytes:
    box = (0, 0, image.width - 1, image.height - 1)
    ImageDraw.Draw(image).rectangle(box, outline="white", width=max(4, image.width // 40))
    return _saved(image)


def _stamped(image: Image.Image) -> bytes:
    ImageDraw.Draw(image).rectangle((0, 0, image.width // 7, image.height // 9), fill=(230, 230, 40))
    return _saved(image)


PLANTED: dict[str, Callable[[Image.Image], bytes]] = {
    "saved as PNG": lambda image: _saved(image, "PNG"),
    "smaller": lambda image: _saved(image.resize((int(image.width * 0.7), int(image.height * 0.7)))),
    "with a frame": _framed,
    "with a stamp in a corner": _stamped,
    "by another camera": lambda image: _saved(image, quality=70, make="Nikon"),
    "without colour": lambda image: _saved(image.convert("L")),
}

if __name__ == "__main__":
    main()
