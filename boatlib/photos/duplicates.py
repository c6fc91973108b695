"""Which photos are the same: byte for byte (SHA-256), or to the eye (perceptual hash)."""

from collections.abc import Iterable, Iterator

import imagehash
import numpy as np
import pandas as pd
from PIL import Image

BITS = 64
BANDS = 4  # 64 bits in 4 bands: two hashes that differ in at most 7 bits differ in at most one bit of some band
WIDTH = BITS // BANDS
BLOCK = 4_000_000  # pairs that are compared at a time
NEAR = 6  # bits; at most this many of the 64 differ between near-duplicates


def perceptual_hash(image: Image.Image) -> int:
    """64-bit perceptual hash (pHash: signs of the low frequencies of a 32 x 32 grey picture), by ImageHash."""
    return int(str(imagehash.phash(image)), 16)


def near_pairs(hashes: Iterable[int], within: int = NEAR) -> list[tuple[int, int, int]]:
    """Pairs of different hashes at most `within` bits apart, as (hash, hash, bits).

    Hashes that differ in at most 7 bits differ in at most one bit of some band (pigeonhole principle), so only those are
    compared: M. Norouzi et al., Fast search in Hamming space with multi-index hashing, CVPR 2012.
    """
    if not 0 <= within < 2 * BANDS:
        raise ValueError(f"within must lie between 0 and {2 * BANDS - 1}, not {within}")
    values = np.unique(np.fromiter(hashes, np.uint64))
    found: set[tuple[int, int, int]] = set()
    for band in range(BANDS):
        keys = (values >> np.uint64(band * WIDTH)) & np.uint64(2**WIDTH - 1)
        order = np.argsort(keys, kind="stable")
        for change in (0, *(1 << bit for bit in range(WIDTH))):
            for one, other in _same_keys(keys ^ np.uint64(change), keys[order]):
                first, second = values[one], values[order[other]]
                bits = np.bitwise_count(first ^ second)
                near = (first < second) & (bits <= within)
                found.update(zip(first[near].tolist(), second[near].tolist(), bits[near].tolist(), strict=True))
    return sorted(found)


def _same_keys(keys: np.ndarray, ordered: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All places in `keys` and `ordered` (which is sorted) that hold the same key, in blocks that fit into memory."""
    low, high = (np.searchsorted(ordered, keys, side) for side in ("left", "right"))  # type: ignore[call-overload]
    ends = np.cumsum(high - low)
    start = 0
    while start < len(keys):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + BLOCK, "right")))
        counts = (high - low)[start:stop]
        inside = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        yield np.repeat(np.arange(start, stop), counts), np.repeat(low[start:stop], counts) + inside
        start = stop


def group_photos(photos: pd.DataFrame) -> pd.Series:
    """Group of each photo: the same for photos that are equal, or near-duplicates directly or through others.

    photos: columns `sha256`, `hash` (int). Returns a Series of names such as "g0001" with the index of `photos`,
    numbered in the order of the rows.
    """
    parent = list(range(len(photos)))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def join(first: int, second: int) -> None:
        low, high = sorted((root(first), root(second)))
        parent[high] = low

    first_with: dict[object, int] = {}
    for position, (sha256, value) in enumerate(zip(photos["sha256"], photos["hash"], strict=True)):
        join(first_with.setdefault(sha256, position), position)
        join(first_with.setdefault(value, position), position)
    for first, second, _ in near_pairs(photos["hash"]):
        join(first_with[first], first_with[second])
    roots = [root(position) for position in range(len(photos))]
    number = {value: rank for rank, value in enumerate(sorted(set(roots)), start=1)}
    return pd.Series([f"g{number[value]:04d}" for value in roots], index=photos.index, dtype=str)
