"""From photos to features, each view of each photo once: what was computed before is read from the cache."""

from collections.abc import Iterator, Sequence, Sized
from functools import cache
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

Cache = dict[str, dict[str, np.ndarray]]  # features by view and SHA-256 of the photo
Loaded = list[list[np.ndarray]]  # the pictures of a photo, for each network


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
    """Features of the named views of photos, those of several networks side by side: float32 [photos, views, features].

    photos: columns `photo` (path below root) and `sha256`. Raises DataError for a photo that changed since.
    """
    caches = [{name: _read_cache(network.key, name) for name in names} for network in networks]
    shas = photos["sha256"].tolist()
    busy = [n for n, cache in enumerate(caches) if any(sha not in view for view in cache.values() for sha in shas)]
    if busy:
        _fill([caches[n] for n in busy], photos, root, [networks[n] for n in busy])
    rows = [[np.concatenate([cache[name][sha] for cache in caches]) for name in names] for sha in shas]
    return np.array(rows, dtype=np.float32).reshape(len(photos), len(names), -1)


def _fill(caches: list[Cache], photos: pd.DataFrame, root: Path, networks: list[Embedder]) -> None:
    """Compute what the caches lack and keep it. A photo is opened once for all networks that are shown the same of it."""
    work = []
    for photo, sha in zip(photos["photo"], photos["sha256"], strict=True):
        wanted = [tuple(name for name, view in cache.items() if sha not in view) for cache in caches]
        if any(wanted):
            work.append((photo, sha, wanted))

    def load(item: tuple[str, str, list[tuple[str, ...]]]) -> list[list[np.ndarray]]:
        photo, sha256, wanted = item
        data = pictures.read_unchanged(root, photo, sha256)
        decode = cache(lambda names, prepare: pictures.decode(data, sha256, names, prepare))
        return [decode(names, own.preprocessing) if names else [] for names, own in zip(wanted, networks, strict=True)]

    found = engines.run_each([network.engine() for network in networks], _counted(pictures.ahead(load, work), work))
    for number, (network, views_of, results) in enumerate(zip(networks, caches, map(iter, found), strict=True)):
        changed = set()
        for _, sha, wanted in work:
            for name in wanted[number]:
                views_of[name][sha] = next(results)
                changed.add(name)
        for name in changed:
            _write_cache(network.key, name, views_of[name])


def _counted(loaded: Iterator[Loaded], work: Sized) -> Iterator[Loaded]:
    for number, item in enumerate(loaded, start=1):
        yield item
        if number % 250 == 0 or number == len(work):
            runtime.progress(f"photo {number} of {len(work)} shown to the network")


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
