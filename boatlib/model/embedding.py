"""From photos to features, each view of each photo once: what was computed before is read from the cache."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import PIL

from boatlib import runtime
from boatlib.model import engines, pictures, views
from boatlib.model.engines import Engine
from boatlib.model.views import Preprocessing
from boatlib.run import cache_folder, replacing

LARGE = 10_000  # numbers; no network has so many features


class Embedder(Protocol):
    """What turns views into features: a Backbone, or a body of a saved model."""

    @property
    def name(self) -> str:
        """The network's name."""

    @property
    def key(self) -> str:
        """Names the content; with a view it names the cache."""

    @property
    def preprocessing(self) -> Preprocessing:
        """How views must be made."""

    def engine(self) -> Engine:
        """Ready to compute; asked for only when something is not cached."""


def embed(photos: pd.DataFrame, root: Path, names: list[str], networks: Sequence[Embedder]) -> np.ndarray:
    """Features of the named views of photos, those of several networks side by side: float32 [photos, views, features], or
    float16 for those of a cut backbone, which hold maps too.

    photos: columns `photo` (path below root) and `sha256`. Raises DataError for a photo that changed since.
    """
    return np.concatenate([_embed(photos, root, names, network) for network in networks], axis=2)


def _embed(photos: pd.DataFrame, root: Path, names: list[str], network: Embedder) -> np.ndarray:
    key = network.key
    cached = {name: _read_cache(key, name) for name in names}
    shas = photos["sha256"].tolist()
    missing = {name: [sha not in cached[name] for sha in shas] for name in names}
    needed = [[name for name in names if missing[name][row]] for row in range(len(photos))]
    work = [(photo, sha, wanted) for photo, sha, wanted in zip(photos["photo"], shas, needed, strict=True) if wanted]
    if work:
        rows = _view_rows(root, work, network)
        results = iter(network.engine().run(rows))
        for _, sha, wanted in work:
            for name in wanted:
                cached[name][sha] = _compact(next(results))
        for name in names:
            if any(missing[name]):
                _write_cache(key, name, cached[name])
    return np.stack([np.stack([cached[name][sha] for name in names]) for sha in shas])


def _compact(row: np.ndarray) -> np.ndarray:
    """Maps are kept in half the room: with 11 binary digits, more than the 8 of the bfloat16 in which they are learnt from."""
    return row.astype(np.float16) if len(row) > LARGE else row


def _view_rows(root: Path, work: list[tuple[str, str, list[str]]], network: Embedder) -> Iterator[np.ndarray]:
    """The pictures of all wanted views, photo by photo."""

    def load(item: tuple[str, str, list[str]]) -> list[np.ndarray]:
        photo, sha256, wanted = item
        return pictures.decode(pictures.read_unchanged(root, photo, sha256), sha256, wanted, network.preprocessing)

    for number, rows in enumerate(pictures.ahead(load, work), start=1):
        yield from rows
        if number % 250 == 0 or number == len(work):
            runtime.progress(f"photo {number} of {len(work)} shown to {network.name}")


def _cache_file(key: str, view: str) -> Path:
    """Named by all that features depend on, beside the photo: the network, the engine, the decoder, and how views are made."""
    folder = f"{key}-{engines.identity()}-pillow-{PIL.__version__}-views-{views.VERSION}"
    return cache_folder("features") / folder / f"{view}.npz"


def _read_cache(key: str, view: str) -> dict[str, np.ndarray]:
    """Features by SHA-256 of the photo; a damaged file counts as empty."""
    try:
        with np.load(_cache_file(key, view), allow_pickle=False) as saved:
            return dict(zip(saved["sha256"].tolist(), saved["features"], strict=True))
    except (OSError, ValueError, KeyError, EOFError):
        return {}


def _write_cache(key: str, view: str, features: dict[str, np.ndarray]) -> None:
    with replacing(_cache_file(key, view)) as temporary, temporary.open("wb") as file:
        np.savez(file, sha256=np.array(list(features)), features=np.stack(list(features.values())))
