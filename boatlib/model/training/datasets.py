"""What a training learns from: features that were computed before, or pictures, with other views in every epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import pandas as pd
import torch

from boatlib.model.features.store import Features
from boatlib.model.inputs import loading, views
from boatlib.model.inputs.views import Augmentation, Preprocessing
from boatlib.photos import reading


class Dataset(Protocol):
    """Labelled rows."""

    @property
    def photos(self) -> list[str]:
        """The photo of each row."""

    @property
    def labels(self) -> np.ndarray:
        """The class number of each row: int64 [rows]."""

    def plus(self, other: Self) -> Self:
        """All rows of both, which are of one kind."""

    def pixels(self, epoch: int) -> int:
        """Of a picture in an epoch; 0 where there are none."""

    def batches(self, parts: Sequence[np.ndarray], epoch: int) -> Iterator[torch.Tensor]:
        """For each part, an array of row numbers, its input: a tensor [rows, ...]."""


@dataclass(frozen=True)
class FeatureDataset:
    """Rows of features, read when they are needed: float32 [rows, n]."""

    photos: list[str]
    labels: np.ndarray
    features: Features

    def plus(self, other: Self) -> Self:
        """All rows of both."""
        features = self.features.plus(other.features)
        return replace(self, photos=self.photos + other.photos, labels=_both(self, other), features=features)

    def pixels(self, epoch: int) -> int:
        """None."""
        return 0

    def batches(self, parts: Sequence[np.ndarray], epoch: int) -> Iterator[torch.Tensor]:
        """The same in every epoch."""
        return (torch.from_numpy(self.features[part]) for part in parts)


@dataclass(frozen=True)
class PictureDataset:
    """Photos, made into pictures when they are needed: uint8 [rows, size, size, 3].

    augmentation: a random view, another one in every epoch; it depends on photo and epoch alone, so neither the number of threads
    nor that of processes changes what is learnt. None: the plain view. preprocessing: one for all epochs, or one for each.
    """

    photos: list[str]
    labels: np.ndarray
    sha256: list[str]
    root: Path
    preprocessing: Sequence[Preprocessing]
    augmentation: Augmentation | None

    def plus(self, other: Self) -> Self:
        """All rows of both, shown as those of the first."""
        sha256 = self.sha256 + other.sha256
        return replace(self, photos=self.photos + other.photos, labels=_both(self, other), sha256=sha256)

    def pixels(self, epoch: int) -> int:
        """Height by width."""
        return int(np.prod(self._shown(epoch).shape))

    def batches(self, parts: Sequence[np.ndarray], epoch: int) -> Iterator[torch.Tensor]:
        """Decoded by threads a little ahead."""
        look = self.augmentation.name(epoch) if self.augmentation else views.PLAIN
        prepare = self._shown(epoch)

        def load(row: int) -> np.ndarray:
            photo, sha256 = self.photos[row], self.sha256[row]
            data = reading.read_unchanged(self.root, photo, sha256)
            return loading.decode(data, sha256, [look], prepare)[0]

        loaded = reading.prefetch(load, (int(row) for part in parts for row in part))
        return (torch.from_numpy(np.stack(list(islice(loaded, len(part))))) for part in parts)

    def _shown(self, epoch: int) -> Preprocessing:
        return self.preprocessing[min(max(epoch, 1), len(self.preprocessing)) - 1]


def _both(first: Dataset, second: Dataset) -> np.ndarray:
    return np.concatenate([first.labels, second.labels])


def of_features(photos: pd.DataFrame, labels: np.ndarray, features: Features) -> FeatureDataset:
    """Every view of a photo is an example of its own. features: float32 [photos, views, n]."""
    count = features.shape[1]
    names = np.repeat(photos["photo"].to_numpy(dtype=object), count).tolist()
    return FeatureDataset(names, np.repeat(labels, count), features.rows())


def of_pictures(
    photos: pd.DataFrame,
    labels: np.ndarray,
    root: Path,
    preprocessing: Sequence[Preprocessing],
    augmentation: Augmentation | None = None,
) -> PictureDataset:
    """A photo is one example. preprocessing: of each epoch, the last one for all that follow."""
    return PictureDataset(
        photos["photo"].tolist(), labels, photos["sha256"].tolist(), root, preprocessing, augmentation
    )  # fmt: skip
