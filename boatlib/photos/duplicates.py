"""Which photos are the same: byte for byte (SHA-256), or to the eye (perceptual hash)."""

from collections.abc import Iterator, Sequence

import imagehash
import numpy as np
import pandas as pd
from PIL import Image

BITS = 64
BANDS = 4  # 64 bits in 4 bands: two hashes that differ in at most 7 bits differ in at most one bit of some band
WIDTH = BITS // BANDS
BLOCK = 4_000_000  # pairs that are compared at a time
CROWD = 250_000  # pairs of two groups that share a band; more are not looked at one by one
NEAR = 6  # bits; at most this many of the 64 differ between near-duplicates
FARTHEST = 2 * BANDS - 1  # bits; hashes that are farther apart need not share a band
OFF = "off"


def perceptual_hash(image: Image.Image) -> int:
    """64-bit perceptual hash (pHash: signs of the low frequencies of a 32 x 32 grey picture), by ImageHash."""
    return int(str(imagehash.phash(image)), 16)


def near_components(hashes: Sequence[int], within: int = NEAR) -> np.ndarray:
    """A number for each hash: the same for those at most `within` bits apart, directly or through others. int64 [hashes]

    Hashes that differ in at most 7 bits differ in at most one bit of some band (pigeonhole principle), so only those are
    compared: M. Norouzi et al., Fast search in Hamming space with multi-index hashing, CVPR 2012. Where many share a band (the
    frames of one camera), a tree of neighbours is grown instead of listing all pairs: memory stays flat.
    """
    if not 0 <= within <= FARTHEST:
        raise ValueError(f"within must lie between 0 and {FARTHEST}, not {within}")
    values, place = np.unique(np.fromiter(hashes, np.uint64), return_inverse=True)
    component = np.arange(len(values))
    for band in range(BANDS):
        keys = (values >> np.uint64(band * WIDTH)) & np.uint64(2**WIDTH - 1)
        order = np.argsort(keys, kind="stable")
        edges: list[tuple[np.ndarray, np.ndarray]] = []
        for change in (0, *(1 << bit for bit in range(WIDTH))):
            for first, second in _neighbours(values, keys, order, np.uint64(change), within):
                edges.append((first, second))
                if sum(len(first) for first, _ in edges) > BLOCK:
                    component, edges = _joined(component, edges), []
        component = _joined(component, edges)
    return component[place]


def _joined(component: np.ndarray, edges: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Components with those made one that an edge joins."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not edges:
        return component
    first, second = (component[np.concatenate(ends)] for ends in zip(*edges, strict=True))
    size = len(component)
    _, joined = connected_components(
        coo_array((np.ones(len(first), np.int8), (first, second)), (size, size)), directed=False
    )
    return joined[component]


def _neighbours(
    values: np.ndarray, keys: np.ndarray, order: np.ndarray, change: np.uint64, within: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of places of near hashes whose bands differ by `change`: all of them, or as many as join the same."""
    ordered = keys[order]
    low, high = (np.searchsorted(ordered, keys ^ change, side) for side in ("left", "right"))
    own = np.searchsorted(ordered, keys, "right") - np.searchsorted(ordered, keys, "left")
    crowded = (high - low) * own > CROWD
    for one, other in _same_keys(low, np.where(crowded, low, high)):
        second = order[other]
        near = (one < second) & (np.bitwise_count(values[one] ^ values[second]) <= within)
        if near.any():
            yield one[near], second[near]
    for key in np.unique(keys[crowded]):
        if key <= key ^ change:  # its partner finds the same pairs
            left, right = (order[slice(*np.searchsorted(ordered, [k, k + np.uint64(1)]))] for k in (key, key ^ change))
            yield _spanning_pairs(values, left, right, within)


def _spanning_pairs(
    values: np.ndarray, left: np.ndarray, right: np.ndarray, within: int
) -> tuple[np.ndarray, np.ndarray]:
    """So many of the near pairs between two groups that whatever is joined by all of them is joined by these.

    Whoever was found is not looked at again, so a crowd whose members are all near each other takes one step.
    """
    waiting = [left, right]
    found: list[tuple[np.ndarray, np.ndarray]] = [(left[:0], left[:0])]
    while len(waiting[0]) and len(waiting[1]):
        queue = [(waiting[0][0], 1)]
        waiting[0] = waiting[0][1:]
        while queue and (len(waiting[0]) or len(waiting[1])):
            item, side = queue.pop()
            others = waiting[side]
            near = np.bitwise_count(values[others] ^ values[item]) <= within
            if near.any():
                found.append((np.full(int(near.sum()), item), others[near]))
                waiting[side] = others[~near]
                queue += [(other, 1 - side) for other in others[near]]
    first, second = (np.concatenate(ends) for ends in zip(*found, strict=True))
    return first, second


def _same_keys(low: np.ndarray, high: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs of a row with each number from its low to its high end (not included), in blocks that fit into memory."""
    ends = np.cumsum(high - low)
    start = 0
    while start < len(low):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + BLOCK, "right")))
        counts = (high - low)[start:stop]
        inside = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        yield np.repeat(np.arange(start, stop), counts), np.repeat(low[start:stop], counts) + inside
        start = stop


def group_photos(photos: pd.DataFrame, near: int | str = NEAR) -> pd.Series:
    """Group of each photo: the same for photos of one class that are equal, or near-duplicates directly or through others.

    photos: columns `sha256`, `hash` (int), `label`; near: bits that may differ, or "off": equal files only. Returns a Series of
    names such as "g0001" with the index of `photos`, numbered in the order of the rows. Where photos of several classes belong
    together, each class has a group of its own: "g0001.1", "g0001.2".
    """
    looks = photos["sha256"] if near == OFF else near_components(photos["hash"].tolist(), int(near))
    whole = pd.Series(pd.factorize(np.asarray(looks))[0] + 1, index=photos.index)
    names = whole.map("g{:04d}".format).astype(str)
    several = photos["label"].groupby(whole).transform("nunique") > 1
    own = photos.loc[several, "label"].groupby(whole[several]).transform(lambda labels: pd.factorize(labels)[0] + 1)
    names[several] += "." + own.astype(str)
    return names


def whole_group(groups: pd.Series) -> pd.Series:
    """The groups without their classes: "g0001" for "g0001.2"."""
    return groups.str.split(".").str[0]
