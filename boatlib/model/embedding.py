"""From photos to features, each view of each photo once: what was computed before is read from the cache."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import pandas as pd
import PIL

from boatlib import runtime
from boatlib.errors import DataError
from boatlib.model import engines, views
from boatlib.model.engines import Engine
from boatlib.model.views import Preprocessing
from boatlib.photos.images import open_photo
from boatlib.run import cache_folder, replacing

Item = TypeVar("Item")
Result = TypeVar("Result")


class Embedder(Protocol):
    """What turns views into features: a Backbone, or the body of a saved model. `key` names its content."""

    @property
    def key(self) -> str:
        """Names the content; with a view it names the cache."""

    @property
    def preprocessing(self) -> Preprocessing:
        """How views must be made."""

    def engine(self) -> Engine:
        """Ready to compute; asked for only when something is not cached."""


def embed(photos: pd.DataFrame, root: Path, names: list[str], network: Embedder) -> np.ndarray:
    """Features of the named views of photos: float32 [photos, views, features].

    photos: columns `photo` (path below root) and `sha256`. Raises DataError for a photo that changed since.
    """
    key, prepare = network.key, network.preprocessing
    cached = {name: _read_cache(key, name) for name in names}
    shas = photos["sha256"].tolist()
    missing = {name: [sha not in cached[name] for sha in shas] for name in names}
    needed = [[name for name in names if missing[name][row]] for row in range(len(photos))]
    work = [(photo, sha, wanted) for photo, sha, wanted in zip(photos["photo"], shas, needed, strict=True) if wanted]
    if work:
        rows = _view_rows(root, work, prepare)
        results = iter(network.engine().run(rows))
        for _, sha, wanted in work:
            for name in wanted:
                cached[name][sha] = next(results)
        for name in names:
            if any(missing[name]):
                _write_cache(key, name, cached[name])
    return np.stack([np.stack([cached[name][sha] for name in names]) for sha in shas])


def _view_rows(root: Path, work: list[tuple[str, str, list[str]]], prepare: Preprocessing) -> Iterator[np.ndarray]:
    """The pictures of all wanted views, photo by photo, decoded by several threads a little ahead of their use."""

    def load(item: tuple[str, str, list[str]]) -> list[np.ndarray]:
        photo, sha256, wanted = item
        data = (root / photo).read_bytes() if (root / photo).is_file() else b""
        if hashlib.sha256(data).hexdigest() != sha256:
            raise DataError(f"{photo} was changed or removed since the catalog was made. Run 01_exploration again.")
        image = open_photo(data, shorter_side=round(prepare.size * 1.25)).image
        return views.make_views(image, wanted, prepare, sha256)

    for number, pictures in enumerate(_ahead(load, work), start=1):
        yield from pictures
        if number % 250 == 0 or number == len(work):
            runtime.progress(f"photo {number} of {len(work)} shown to the network")


def _ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Results in order, computed by threads and never more than a few ahead, so that memory stays flat.

    One core is left to the network: with a decoder on every core both lose a tenth (measured on two cores).
    """
    with ThreadPoolExecutor(max(1, runtime.cores() - 1)) as pool:
        window: deque[Future[Result]] = deque()
        for item in items:
            window.append(pool.submit(function, item))
            if len(window) > 8 * runtime.cores():
                yield window.popleft().result()
        while window:
            yield window.popleft().result()


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
