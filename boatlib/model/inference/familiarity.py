"""How unlike a photo is to all that was taught: a number from its features, and the small table that it comes from."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

from boatlib.model.features.store import Features

if TYPE_CHECKING:
    from torch import nn

REFERENCE = "reference.safetensors"
COMPONENTS = 192  # principal components by which photos are compared
WIDTH = 2.0  # of the kernel: larger, and only the nearest photos count; smaller, and it is a linear model
NOISE = 0.1  # of the labels
POWER = 3  # of the evidence: 2, and what several classes share counts little; more, and only the largest counts
MOST = 5000  # photos that are kept
ENOUGH = 500  # of them, for the components
BLOCK = 1000  # rows in memory at a time
TOGETHER = 2  # fits at one time: of MOST photos each takes 0.6 GB
Result = TypeVar("Result")


@dataclass(frozen=True)
class Familiarity:
    """Kernel ridge regression of the classes (0 and 1) on the directions of features: the evidence for each class falls to
    nothing far away from all photos, and is shared between classes. Unfamiliar is what no single class has much evidence for.

    With a wide kernel it is near to the largest output of a linear model (D. Hendrycks et al., Scaling out-of-distribution
    detection for real-world settings, ICML 2022: max logit), with a narrow one the distance to the nearest photo (Y. Sun et al.,
    Out-of-distribution detection with deep nearest neighbors, ICML 2022); in between it notices strange photos as well as the
    second and classes that were left out better than either (benchmarks/unfamiliar.py). The prediction is the mean of a Gaussian
    process (C. E. Rasmussen, C. K. I. Williams, Gaussian processes for machine learning, 2006, section 2.2).
    mean: float32 [n] of the features, which may be the first of more; components: [n, k]; reference: [photos, k], of length 1;
    weights: [photos, classes].
    """

    mean: np.ndarray
    components: np.ndarray
    reference: np.ndarray
    weights: np.ndarray

    @classmethod
    def fit(cls, features: Features | np.ndarray, labels: np.ndarray) -> Self:
        """features: of the photos that taught, float32 [photos, n]; labels: places of their classes, int64 [photos].

        Of more than MOST photos some are drawn, as many of each class as it has a share, and at least a few.
        """
        some = _some(labels, MOST)
        values, known = np.asarray(features[some], dtype=np.float32), labels[some]
        mean = values.mean(axis=0)
        components = _rounded(_components(values[_some(known, ENOUGH)] - mean))
        reference = _rounded(_directions(values, mean, components))
        weights = regression(reference, known, WIDTH)
        return cls(mean, components, reference, weights)

    @classmethod
    def of_parts(cls, features: Features | np.ndarray, labels: np.ndarray, parts: np.ndarray) -> np.ndarray:
        """The unfamiliarity of each photo to the other parts: float32 [photos]. parts: the part of each, int64 [photos]."""
        found = np.zeros(len(parts), np.float32)

        def answer(own: np.ndarray, others: np.ndarray) -> None:
            found[own] = cls.fit(chosen(features, others), labels[others]).unfamiliarity(chosen(features, own))

        pairs = [(np.flatnonzero(parts == part), np.flatnonzero(parts != part)) for part in np.unique(parts)]
        side_by_side(answer, pairs)
        return found

    @classmethod
    def of_nothing(cls, features: int, classes: int) -> Self:
        """For a model that was never told what its photos were like: no evidence for anything."""
        sizes = {"mean": (features,), "components": (features, 1), "reference": (1, 1), "weights": (1, classes)}
        return cls(**{name: np.zeros(size, np.float32) for name, size in sizes.items()})

    def directions(self, features: Features | np.ndarray) -> np.ndarray:
        """Where photos lie by the components: float32 [rows, k], of length 1. features: float32 [rows, n]."""
        return _directions(np.asarray(features, np.float32), self.mean, self.components)

    def evidence(self, features: Features | np.ndarray) -> np.ndarray:
        """For each class, mostly between 0 and 1: float32 [rows, classes]. features: float32 [rows, n]."""
        parts = [
            kernel(_directions(block, self.mean, self.components), self.reference, WIDTH) @ self.weights
            for block in (features[start : start + BLOCK] for start in range(0, len(features), BLOCK))
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.weights.shape[1]), np.float32)

    def unfamiliarity(self, features: Features | np.ndarray) -> np.ndarray:
        """One minus the sum of the cubed evidence: about 0 where all of it speaks for one class, more where several share it, 1
        where there is none. float32 [rows].
        """
        return 1 - (self.evidence(features).clip(0, 1) ** POWER).sum(axis=1)

    def module(self) -> "nn.Module":
        """The same as a torch module, for the model that leaves the house."""
        from boatlib.model.networks.modules import KernelEvidence

        return KernelEvidence(self.mean, self.components, self.reference, self.weights, WIDTH, POWER)

    def save(self, file: Path) -> None:
        """Write it: no picture, no name and no label of a photo is in it, and none can be got back from it."""
        from safetensors.numpy import save_file

        kinds = {"mean": np.float32, "components": np.float16, "reference": np.float16, "weights": np.float32}
        save_file({name: np.ascontiguousarray(getattr(self, name), kind) for name, kind in kinds.items()}, file)

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what `save` wrote."""
        from safetensors.numpy import load_file

        values = load_file(file)
        return cls(**{name: value.astype(np.float32) for name, value in values.items()})


def side_by_side(function: Callable[..., Result], items: Iterable[tuple[Any, ...]]) -> list[Result]:
    """What a function that fits one gives for each of these arguments, in their order: by threads, TOGETHER at a time. What takes
    long in a fit is numpy's, and leaves Python to other threads; the same of scipy does not.
    """
    with ThreadPoolExecutor(TOGETHER) as pool:
        return list(pool.map(lambda arguments: function(*arguments), items))


def chosen(features: Features | np.ndarray, places: np.ndarray) -> Features | np.ndarray:
    """Some of the rows; those that lie on the disk are not read yet."""
    return features.part(places) if isinstance(features, Features) else features[places]


def directions(values: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)


def kernel(one: np.ndarray, other: np.ndarray, width: float) -> np.ndarray:
    """Of directions, [rows, k] each: 1 for equal ones, the less the further apart; how fast it falls, `width` says."""
    return np.exp(2 * width * (one @ other.T - 1))


def regression(reference: np.ndarray, labels: np.ndarray, width: float) -> np.ndarray:
    """Kernel ridge regression: weights, float32 [photos, classes], so that `kernel(new, reference) @ weights` is the evidence.

    reference: directions of the photos that teach, [photos, k]; labels: places of their classes, int64 [photos].
    """
    from scipy.linalg import cho_solve

    own = kernel(reference, reference, width).astype(np.float64)
    own[np.diag_indices_from(own)] += NOISE
    solved = cho_solve((np.linalg.cholesky(own), True), np.eye(labels.max() + 1)[labels])
    return np.ascontiguousarray(solved, np.float32)


def _directions(features: np.ndarray, mean: np.ndarray, components: np.ndarray) -> np.ndarray:
    return directions((features[:, : len(mean)] - mean) @ components)


def _rounded(values: np.ndarray) -> np.ndarray:
    """To the half as many bits that are kept on the disk: what is compared is what was fitted."""
    return np.ascontiguousarray(values, np.float16).astype(np.float32)


def _components(values: np.ndarray) -> np.ndarray:
    """The principal components of a few rows with many columns, through the products of the rows: [n, k]."""
    found, vectors = np.linalg.eigh((values @ values.T).astype(np.float64))
    count = min(COMPONENTS, *values.shape)
    least = 1e-6 * max(found[-1], 1e-6)  # without variance, rounding would be a direction
    lengths = np.sqrt(np.maximum(found[-count:], least))
    return (values.T @ (vectors[:, -count:] / lengths))[:, ::-1]


def _some(labels: np.ndarray, most: int) -> np.ndarray:
    """At most about `most` photos, in their order; a class keeps at least twenty of its own."""
    if len(labels) <= most:
        return np.arange(len(labels))
    random = np.random.default_rng(0)
    chosen = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        chosen.append(random.permutation(own)[: max(20, most * len(own) // len(labels))])
    return np.sort(np.concatenate(chosen))
