"""The one path from photos to probabilities: evaluation, TTA, the notebooks, the command line and the app all take it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from PIL import Image

from boatlib import runtime
from boatlib.errors import BoatlibError, UnreadablePhotoError
from boatlib.model.features import embedding
from boatlib.model.features.store import Features
from boatlib.model.inference.bundle import Bundle, load_bundle
from boatlib.model.inputs import loading
from boatlib.model.inputs.loading import Source
from boatlib.model.inputs.views import PLAIN
from boatlib.model.networks import engines
from boatlib.photos import looks, reading
from boatlib.predictions import answered, prediction_table

CHUNK = 128  # photos whose views are in memory at a time
ONE_VIEW = (PLAIN,)


class _Loaded(NamedTuple):
    """A photo with its views, for each body; without any where there is an error."""

    name: str
    source: Source
    views: list[list[np.ndarray]]
    error: str


class Examined(NamedTuple):
    """Some photos with their answers (`Predictor.predict`), and for each the features, float32 [photos, n], and the numbers of
    `looks.LOOKS`, float32 [photos, 6]; both are nan for one that cannot be read.
    """

    answers: pd.DataFrame
    features: np.ndarray
    looks: np.ndarray


class Predictor:
    """A saved model, ready to say what photos show."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.classes = bundle.classes

    @classmethod
    def load(cls, folder: Path | str, device: str = "auto") -> Self:
        """Load a model folder. device: what computes it (auto, cpu or cuda). Raises DamagedModelError, ParameterError."""
        return cls(load_bundle(Path(folder), device))

    def before_refit(self) -> "Predictor":
        """The model by which the validation photos may choose: this one, or what it was before it learnt from them too."""
        return Predictor(self.bundle.before_refit())

    @cached_property
    def _bodies(self) -> list[engines.Engine]:
        return [body.engine() for body in self.bundle.bodies]

    @cached_property
    def _head(self) -> engines.Engine:
        return self.bundle.head_engine()

    def rest(self) -> None:
        """Let go of what computes, and of its memory; it is made again for the next photo."""
        for name in ("_bodies", "_head"):
            self.__dict__.pop(name, None)
        engines.let_go()
        runtime.give_memory_back()

    def predict(self, photos: Source | Sequence[Source], views: Sequence[str] = ONE_VIEW) -> pd.DataFrame:
        """What each photo shows, by the mean of the views (their names).

        photos: one or several paths, files' bytes, PIL images, or arrays (`upright_rgb`). Returns a row a photo:
        photo (its path, or its place in the list), predicted, confidence, unfamiliarity, p_<class> ..., unfamiliar (unlike all
        that was taught), needs_review (a person should look), reason (why), error. A photo that cannot be read has the reason as
        `error`, and nothing else. Raises BoatlibError for numbers that are not finite.
        """
        sources = [photos] if isinstance(photos, Path | str | bytes | Image.Image | np.ndarray) else list(photos)
        named = [(str(s if isinstance(s, Path | str) else number), s) for number, s in enumerate(sources)]
        tables = list(self.predict_stream(named, views)) or [self._table([], np.empty((0, self.bundle.features)), 1)]
        return pd.concat(tables, ignore_index=True)

    def predict_stream(
        self, photos: Iterable[tuple[str, Source]], views: Sequence[str] = ONE_VIEW
    ) -> Iterator[pd.DataFrame]:
        """`predict` for any number of named photos in constant memory: a table for every CHUNK of them, in their order."""
        for loaded, features in self._chunks(photos, views):
            yield self._table(loaded, features, len(views))

    def examine_stream(self, photos: Iterable[tuple[str, Source]]) -> Iterator[Examined]:
        """The same with features and looks, by one view of each."""
        for loaded, features in self._chunks(photos, ONE_VIEW):
            read = np.array([not photo.error for photo in loaded], dtype=bool)
            wide = np.full((len(loaded), self.bundle.features), np.nan, np.float32)
            if read.any():
                wide[read] = features
            seen = [_looks(photo) for photo in loaded]
            yield Examined(self._table(loaded, features, 1), wide, np.stack(seen))

    def seen(self, files: Sequence[Path]) -> np.ndarray:
        """Looks of photos' files that can be read: float32 [photos, 6]."""

        def load(file: Path) -> np.ndarray:
            ((view,),) = loading.views_for_each(file, ONE_VIEW, [self.bundle.bodies[0].preprocessing])
            return np.concatenate([looks.of_file(file), looks.of_picture(view)])

        return np.stack([*reading.prefetch(load, files, beside=0)])

    def _chunks(
        self, photos: Iterable[tuple[str, Source]], views: Sequence[str]
    ) -> Iterator[tuple[list[_Loaded], np.ndarray]]:
        """CHUNK photos after the other, with the features of the views of those that can be read: float32 [rows, n]."""

        preparations = [body.preprocessing for body in self.bundle.bodies]

        def load(named: tuple[str, Source]) -> _Loaded:
            try:
                return _Loaded(*named, loading.views_for_each(named[1], views, preparations), "")
            except UnreadablePhotoError as error:
                return _Loaded(*named, [], str(error))

        waiting = reading.prefetch(load, photos)
        while True:
            taken: list[_Loaded] = []

            def readable(taken: list[_Loaded] = taken) -> Iterator[list[list[np.ndarray]]]:
                for photo in islice(waiting, CHUNK):
                    taken.append(photo)
                    if not photo.error:
                        yield photo.views

            features = engines.run_each(self._bodies, readable())
            if not taken:
                return
            yield taken, np.concatenate(features, axis=1)

    def _table(self, loaded: Sequence[_Loaded], features: np.ndarray, views: int) -> pd.DataFrame:
        read = [not photo.error for photo in loaded]
        answers = np.full((len(loaded), len(self.classes) + 1), np.nan)
        if any(read):
            answers[read] = self._answers(features, views).mean(axis=1)
        names, errors = [photo.name for photo in loaded], [photo.error for photo in loaded]
        return answered(names, errors, answers, self.classes, self.bundle.policy)

    def _predictions(self, photos: pd.DataFrame, answers: np.ndarray) -> pd.DataFrame:
        return prediction_table(photos, answers[:, :-1], self.classes, answers[:, -1])

    def _answers(self, features: Features | np.ndarray, views: int) -> np.ndarray:
        """For rows of features, `views` for each photo: the probability of each class (sums 1) and, in the last column, the
        unfamiliarity: float64 [photos, views, classes + 1]. Raises BoatlibError when they are not finite.
        """
        logs = self._head.run(features).astype(np.float64)
        if not np.isfinite(logs).all():
            raise BoatlibError("The model gives numbers that are not finite; its weights are damaged. Train it again.")
        values = np.exp(logs)
        strange = self.bundle.familiarity.unfamiliarity(features) if self.bundle.familiarity else np.zeros(len(values))
        answers = np.column_stack([values / values.sum(axis=1, keepdims=True), strange])
        return answers.reshape(-1, views, answers.shape[1])

    def answers(self, photos: pd.DataFrame, root: Path, views: Sequence[str] = ONE_VIEW) -> np.ndarray:
        """What each view of photos of a catalog shows (`_answers`): float64 [photos, views, classes + 1].

        photos: columns `photo` (path below root) and `sha256`; their features are cached. Raises BoatlibError when the
        model gives numbers that are not finite, DataError for a photo that changed.
        """
        features = embedding.embed(photos, root, list(views), self.bundle.bodies)
        return self._answers(features.rows(), len(views))

    def predict_catalogued(self, photos: pd.DataFrame, root: Path, views: Sequence[str] = ONE_VIEW) -> pd.DataFrame:
        """What photos of a catalog show, by the mean of the views: columns photo, label, predicted, confidence,
        unfamiliarity, p_<class> ..., where a model has no reference yet all are familiar (0).
        """
        return self._predictions(photos, self.answers(photos, root, views).mean(axis=1))

    def predict_strategies(
        self, photos: pd.DataFrame, root: Path, strategies: Mapping[str, Sequence[str]]
    ) -> dict[str, pd.DataFrame]:
        """The same for several strategies (name to views): each photo is opened once, each view computed once; for none, none."""
        if not strategies:
            return {}
        views = list(dict.fromkeys(view for strategy in strategies.values() for view in strategy))
        answers = self.answers(photos, root, views)
        return {
            name: self._predictions(photos, answers[:, [views.index(view) for view in strategy]].mean(axis=1))
            for name, strategy in strategies.items()
        }


def _looks(photo: _Loaded) -> np.ndarray:
    """The numbers of `looks.LOOKS`, as far as they can be told."""
    if photo.error:
        return np.full(len(looks.LOOKS), np.nan, np.float32)
    size = looks.of_file(Path(photo.source)) if isinstance(photo.source, Path | str) else np.full(2, np.nan)
    return np.concatenate([size, looks.of_picture(photo.views[0][0])]).astype(np.float32)
