"""From photos to features, each view of each photo once: what was computed before lies in the cache."""

from collections.abc import Iterator, Sequence, Sized
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import PIL

from boatlib import runtime
from boatlib.model.features.store import Features, Store
from boatlib.model.inputs import loading, views
from boatlib.model.networks import engines
from boatlib.model.networks.backbones import Backbone
from boatlib.photos import reading
from boatlib.run import cache_folder

CHUNK = 256  # photos after which what was computed is kept
Loaded = list[list[np.ndarray]]  # the pictures of a photo, for each network


def embed(photos: pd.DataFrame, root: Path, names: list[str], networks: Sequence[Backbone]) -> Features:
    """Features of the named views of photos, those of several networks side by side: float32 [photos, views, features].

    photos: columns `photo` (path below root) and `sha256`. Raises DataError for a photo that changed since.
    """
    rows = [f"{name} {sha}" for sha in photos["sha256"] for name in names]
    stores = tuple(Store(_folder(network)) for network in networks)
    numbers = np.stack([store.find(rows) for store in stores], axis=1)
    if (numbers < 0).any():
        missing = (numbers < 0).reshape(len(photos), len(names), len(networks))
        _fill(stores, photos, root, names, networks, missing)
        for column, store in zip(numbers.T, stores, strict=True):
            column[column < 0] = store.find([rows[place] for place in np.flatnonzero(column < 0)])
    return Features(stores, numbers.reshape(len(photos), len(names), len(networks)))


def embed_plain(photos: pd.DataFrame, root: Path, networks: Sequence[Backbone]) -> Features:
    """The same of the plain view alone: float32 [photos, features]."""
    return embed(photos, root, [views.PLAIN], networks).part(np.s_[:, 0])


def _fill(
    stores: Sequence[Store],
    photos: pd.DataFrame,
    root: Path,
    names: list[str],
    networks: Sequence[Backbone],
    missing: np.ndarray,
) -> None:
    """Compute what the stores lack, missing: bool [photos, views, networks], and keep it. A photo is opened once for all networks
    that are shown the same of it.
    """
    busy = [n for n in range(len(networks)) if missing[..., n].any()]
    work: list[tuple[str, str, list[tuple[str, ...]]]] = []
    for photo, sha256, own in zip(photos["photo"], photos["sha256"], missing, strict=True):
        if own.any():
            wanted = [tuple(name for name, lacks in zip(names, own[:, n], strict=True) if lacks) for n in busy]
            work.append((photo, sha256, wanted))

    def load(item: tuple[str, str, list[tuple[str, ...]]]) -> Loaded:
        photo, sha256, wanted = item
        data = reading.read_unchanged(root, photo, sha256)
        decode = cache(lambda names, prepare: loading.decode(data, sha256, names, prepare))
        own = [networks[n].preprocessing for n in busy]
        return [decode(names, prepare) if names else [] for names, prepare in zip(wanted, own, strict=True)]

    loaded = _counted(reading.prefetch(load, work), work)
    ready = [networks[n].engine() for n in busy]
    for start in range(0, len(work), CHUNK):
        some = work[start : start + CHUNK]
        for place, rows in enumerate(engines.run_each(ready, islice(loaded, len(some)))):
            stores[busy[place]].append([f"{name} {sha}" for _, sha, wanted in some for name in wanted[place]], rows)


def _counted(loaded: Iterator[Loaded], work: Sized) -> Iterator[Loaded]:
    for number, item in enumerate(loaded, start=1):
        yield item
        if number % 250 == 0 or number == len(work):
            runtime.progress(f"photo {number} of {len(work)} shown to the network")


def _folder(network: Backbone) -> Path:
    """Named by all that features depend on beside photo and view: network, engine, decoder, and how views are made."""
    engine = engines.identity(network.on)
    return cache_folder("features") / f"{network.key}-{engine}-pillow-{PIL.__version__}-views-{views.VERSION}"
