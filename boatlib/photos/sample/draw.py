"""The drawn sample set: about 600 photos of boats, with faults planted as real collections have them."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from boatlib.files import through_links
from boatlib.photos.sample.boats import SHAPES, draw_boat
from boatlib.photos.sample.drawing import draw_scene

COUNTS = {
    "sailboat": 160,
    "kayak": 100,
    "gondola": 90,
    "cruise ship": 90,
    "ferry boat": 50,
    "buoy": 45,
    "paper boat": 40,
    "raft": 12,
}
QUALITY = 85
WORKERS = 2
EXIF_ORIENTATION = 0x0112
# how to store the pixels so that a viewer that follows the EXIF tag shows them upright
STORED_AS = {
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}


def photo_path(label: str, number: int, ending: str = "jpg") -> str:
    """Give a photo's path inside the set, such as "ferry boat/ferry_boat_007.jpg"."""
    return f"{label}/{label.replace(' ', '_')}_{number:03d}.{ending}"


# path -> the class it truly shows
_WRONG_LABELS = {
    photo_path("cruise ship", 23): "ferry boat",
    photo_path("cruise ship", 61): "ferry boat",
    photo_path("ferry boat", 13): "cruise ship",
    photo_path("ferry boat", 29): "cruise ship",
    photo_path("sailboat", 77): "kayak",
    photo_path("kayak", 18): "gondola",
    photo_path("gondola", 66): "sailboat",
    photo_path("buoy", 33): "sailboat",
}
# copy -> original; copies carry on the numbers of their class, so that no name gives one away
_EXACT = {
    photo_path("sailboat", 160): photo_path("sailboat", 12),
    photo_path("kayak", 100): photo_path("kayak", 44),
    photo_path("cruise ship", 90): photo_path("cruise ship", 31),
}
_NEAR = {
    photo_path("sailboat", 161): photo_path("sailboat", 57),
    photo_path("gondola", 90): photo_path("gondola", 20),
    photo_path("ferry boat", 50): photo_path("ferry boat", 7),
    photo_path("buoy", 45): photo_path("buoy", 10),
}
_CONFLICT = {photo_path("ferry boat", 51): photo_path("cruise ship", 17)}
# photos that reports show beside their copy are plain to see
_PLAIN = {*_EXACT.values(), *_CONFLICT.values()}
_ORIENTATIONS = {
    photo_path("sailboat", 5): 6,
    photo_path("kayak", 9): 8,
    photo_path("gondola", 33): 6,
    photo_path("cruise ship", 21): 3,
}

PLANTED: dict[str, tuple[str, ...]] = {
    "truncated": (photo_path("paper boat", 21),),
    "not_a_photo": (photo_path("buoy", 46),),
    "exact_duplicate": tuple(_EXACT),
    "exact_duplicate_of": tuple(_EXACT.values()),
    "near_duplicate": tuple(_NEAR),
    "near_duplicate_of": tuple(_NEAR.values()),
    "label_conflict": (*_CONFLICT, *_CONFLICT.values()),
    "wrong_label": tuple(_WRONG_LABELS),
    "wrong_label_shows": tuple(_WRONG_LABELS.values()),
    "alpha_png": (photo_path("paper boat", 40, "png"),),
    "exif_rotated": tuple(_ORIENTATIONS),
    "small_class": ("raft",),
    "grey": (photo_path("sailboat", 100),),
    "tiny": (photo_path("gondola", 91),),
}


def draw_photo(label: str, number: int, seed: int = 0, clear: bool = False) -> Image.Image:
    """Draw one photo of a class; the same arguments always give the same pixels.

    With `clear` the boat is near and the weather fair.
    """
    return draw_scene(label, np.random.default_rng((seed, list(COUNTS).index(label), number)), clear)


def draw_sample(folder: Path, seed: int = 0) -> None:
    """Draw the whole set as `folder/<class>/<name>.jpg`; the folder appears only once all is drawn."""
    folder = through_links(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} already holds something: remove it, or name another folder to draw into.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # a sibling lies on the same disk, so that the last step is one rename
    workshop = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        unfinished = workshop / "set"
        for label in COUNTS:
            (unfinished / label).mkdir(parents=True)
        tasks = [(unfinished, label, number, seed) for label, count in COUNTS.items() for number in range(count)]
        with _workers() as pool:
            list(pool.map(_write_photo, *zip(*tasks, strict=True), chunksize=8))
        _plant_faults(unfinished, seed)
        if folder.exists():  # empty, as checked above
            folder.rmdir()
        unfinished.rename(folder)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _workers() -> Executor:
    # forked processes take little more than half as long as threads;
    # where the system cannot fork, a new process would run the caller's script again
    if sys.platform == "linux":
        return ProcessPoolExecutor(WORKERS, mp_context=get_context("fork"))
    return ThreadPoolExecutor(WORKERS)


def _write_photo(root: Path, label: str, number: int, seed: int) -> None:
    path = photo_path(label, number)
    if path in _WRONG_LABELS:  # plain to see, so that a search for wrong labels can find it
        photo = draw_photo(_WRONG_LABELS[path], 1000 + number, seed, clear=True)
    else:
        photo = draw_photo(label, number, seed, clear=path in _PLAIN)
    if path in PLANTED["grey"]:
        photo = photo.convert("L")
    if path in _ORIENTATIONS:
        orientation = _ORIENTATIONS[path]
        tags = Image.Exif()
        tags[EXIF_ORIENTATION] = orientation
        photo.transpose(STORED_AS[orientation]).save(root / path, quality=QUALITY, exif=tags)
        return
    photo.save(root / path, quality=QUALITY)


def _plant_faults(root: Path, seed: int) -> None:
    for copy, original in {**_EXACT, **_CONFLICT}.items():
        (root / copy).write_bytes((root / original).read_bytes())
    for copy, original in _NEAR.items():
        _write_near_duplicate(root / original, root / copy)
    for path in PLANTED["truncated"]:
        content = (root / path).read_bytes()
        (root / path).write_bytes(content[: len(content) * 6 // 10])
    for path in PLANTED["not_a_photo"]:
        (root / path).write_text("This is a note that was saved under the name of a photo.\n", encoding="utf-8")
    for path in PLANTED["alpha_png"]:
        _cut_out(path.split("/")[0], seed).save(root / path)
    for path in PLANTED["tiny"]:
        draw_photo(path.split("/")[0], 1001, seed, clear=True).resize((12, 12)).save(root / path, quality=QUALITY)


def _write_near_duplicate(original: Path, copy: Path) -> None:
    with Image.open(original) as photo:
        smaller = photo.resize((round(photo.width * 0.85), round(photo.height * 0.85)), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    ImageEnhance.Brightness(smaller).enhance(1.06).save(content, "JPEG", quality=72)
    copy.write_bytes(content.getvalue())


def _cut_out(label: str, seed: int) -> Image.Image:
    rng = np.random.default_rng((seed, list(SHAPES).index(label), 1002))
    layer, _, _ = draw_boat(label, 300.0, rng, lit=False)
    return layer
