"""Which photos are the same: byte for byte (SHA-256), or to the eye (perceptual hash)."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations

import imagehash
import pandas as pd
from PIL import Image

BITS = 64
BANDS = 8  # 64 bits in 8 bands: two hashes that differ in at most 7 bits agree in at least one band
NEAR = 6  # bits; at most this many of the 64 differ between near-duplicates


def perceptual_hash(image: Image.Image) -> int:
    """64-bit perceptual hash (pHash: signs of the low frequencies of a 32 x 32 grey picture), by ImageHash."""
    return int(str(imagehash.phash(image)), 16)


def near_pairs(hashes: Iterable[int], within: int = NEAR) -> list[tuple[int, int, int]]:
    """Pairs of different hashes at most `within` bits apart, as (hash, hash, bits).

    Only hashes that share a band are compared, so the work grows with the number of photos and not with its square;
    with `within` below the number of bands no pair is missed (pigeonhole principle).
    """
    if not 0 <= within < BANDS:
        raise ValueError(f"within must lie between 0 and {BANDS - 1}, not {within}")
    width = BITS // BANDS
    buckets: dict[tuple[int, int], list[int]] = defaultdict(list)
    for value in sorted(set(hashes)):
        for band in range(BANDS):
            buckets[band, value >> (band * width) & (2**width - 1)].append(value)
    found = {}
    for members in buckets.values():
        for first, second in combinations(members, 2):
            bits = (first ^ second).bit_count()
            if bits <= within:
                found[first, second] = bits
    return sorted((first, second, bits) for (first, second), bits in found.items())


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
