"""What is said of photos that taught, by heads that have not learnt from them: so they can help to draw lines, too."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import torch

from boatlib.model.networks.modules import Classifier, article_head
from boatlib.model.training import datasets
from boatlib.model.training.fit import features, held_out
from boatlib.model.training.heads import Heads, in_background, side_by_side
from boatlib.model.training.process_group import alone
from boatlib.model.training.task import TrainingTask
from boatlib.model.training.trainer import Trainer
from boatlib.photos import splits
from boatlib.predictions import averaged, prediction_table

PARTS_OF_SERIES = 4  # where two thirds of the series teach too little


def judged_by_others(task: TrainingTask, epochs: int, alike: pd.Series | None = None) -> pd.DataFrame:
    """What `judging` gives, waited for."""
    return judging(task, epochs, alike)()


def judging(task: TrainingTask, epochs: int, alike: pd.Series | None = None) -> Callable[[], pd.DataFrame]:
    """What waits for predictions for the training photos (`prediction_table`), and the part of each; empty where the body learns,
    but not crosswise, or look-alikes matter. Heads begin to learn at once, beside whatever follows.

    epochs: of each head; alike: where look-alikes matter, the groups of the training photos and then of the validation photos,
    look-alikes together.

    The photos are divided into parts, groups together. A head for each learns from the other parts, in the same way as the
    model; then it is asked about its own part (cross-validation as in conformal prediction: V. Vovk, Cross-conformal predictors,
    2015). It also learns from the validation photos of other groups where those teach. Networks that have learnt crosswise,
    which `fit.train` has taught, are asked about the part that they have not seen.
    """
    nobody = prediction_table(task.train.head(0), np.empty((0, len(task.classes))), task.classes).assign(part=[])
    crosswise = task.settings.recipe != "head"
    if crosswise and (not task.settings.cross_fit or alike is not None):
        return lambda: nobody
    groups = pd.concat([task.train["group"], task.val["group"]]) if alike is None else alike
    ours, theirs = groups[: len(task.train)], groups[len(task.train) :]
    parts = task.parts if alike is None else splits.in_parts(task.labels(task.train), ours, PARTS_OF_SERIES, task.seed)
    answers: Callable[[], np.ndarray]
    if crosswise:
        answers = partial(_by_networks, task, ours, theirs, parts)
    else:
        answers = in_background(task, alone(task.machine), _by_heads(task, epochs, ours, theirs, parts))
    return lambda: prediction_table(task.train, answers(), task.classes).assign(part=parts)


def _by_heads(
    task: TrainingTask, epochs: int, ours: pd.Series, theirs: pd.Series, parts: np.ndarray
) -> Callable[[], np.ndarray]:
    """What gives probabilities for the training photos, float64 [photos, classes], and draws nothing any more."""
    taught, val = features(task)
    labels, group = task.labels(task.train), alone(task.machine)

    def trainer(own: np.ndarray) -> Trainer:
        rest = parts != parts[own[0]]
        lesson = datasets.of_features(task.train[rest], labels[rest], taught.part(rest))
        if task.settings.refit:
            more = np.flatnonzero(~theirs.isin(ours.iloc[own]))
            tuning = task.val.iloc[more]
            lesson = lesson.plus(datasets.of_features(tuning, task.labels(tuning), val.part(more)))
        torch.manual_seed(task.seed)
        head = article_head(taught.shape[-1], len(task.classes), task.settings.dropout)
        return Trainer(task, Classifier(head).to(group.device), group, lesson, None)

    def answer(heads: Heads, own: np.ndarray, trainer: Trainer) -> np.ndarray:
        heads.teach(trainer, epochs)
        judged = datasets.of_features(task.train.iloc[own], labels[own], taught.part((own, np.s_[:1])))
        return np.exp(trainer.judge(judged))

    with torch.random.fork_rng():
        everyone = [np.flatnonzero(parts == part) for part in np.unique(parts)]
        trainers = [trainer(own) for own in everyone]

    def answers() -> np.ndarray:
        found = np.zeros((len(parts), len(task.classes)))
        with side_by_side(task, group) as heads:
            waiting = [heads.start(partial(answer, heads, *one)) for one in zip(everyone, trainers, strict=True)]
            for own, answered in zip(everyone, waiting, strict=True):
                found[own] = answered()
        return found

    return answers


def _by_networks(task: TrainingTask, ours: pd.Series, theirs: pd.Series, parts: np.ndarray) -> np.ndarray:
    """Probabilities for the training photos, float64 [photos, classes]."""
    asked = [held_out(member) for member in task.members if member.held_out is not None]
    learnt = np.zeros((len(parts), len(task.classes)))
    for part in range(parts.max() + 1):
        mean = np.mean(asked[part :: parts.max() + 1], axis=0)
        learnt[parts == part] = np.exp(mean - np.logaddexp.reduce(mean, axis=1, keepdims=True))
    if not task.settings.frozen:
        return learnt
    frozen = task.of_frozen
    by_heads = _by_heads(frozen, frozen.settings.epochs, ours, theirs, parts)()
    return averaged(learnt, by_heads, task.settings.frozen_share)
