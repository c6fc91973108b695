"""What is said of photos that taught, by heads that have not learnt from them: so they can help to draw lines, too."""

import numpy as np
import pandas as pd
import torch

from boatlib.model.networks.modules import Classifier, article_head
from boatlib.model.training import datasets
from boatlib.model.training.fit import features
from boatlib.model.training.process_group import alone
from boatlib.model.training.task import TrainingTask
from boatlib.model.training.trainer import Trainer
from boatlib.photos import splits
from boatlib.predictions import prediction_table

PARTS = 2  # each with a head of its own: three draw hardly better lines (benchmarks/policy.py), and take twice as long
PARTS_OF_SERIES = 4  # where half of the series teach too little


def judged_by_others(task: TrainingTask, epochs: int, alike: pd.Series | None = None) -> pd.DataFrame:
    """Predictions for the training photos (`prediction_table`), and the part of each; empty where the body learnt too.

    epochs: of each head; alike: where look-alikes matter, the groups of the training photos and then of the validation photos,
    look-alikes together.

    The photos are divided into parts, groups together. A head for each learns from the other parts, and from the validation
    photos of other groups where those teach, in the same way as the model; then it is asked about its own
    part (cross-validation as in conformal prediction: V. Vovk, Cross-conformal predictors, 2015).
    """
    if task.settings.recipe != "head":
        return prediction_table(task.train.head(0), np.empty((0, len(task.classes))), task.classes).assign(part=[])
    taught, val = features(task)
    labels, group = task.labels(task.train), alone(task.machine)
    groups = pd.concat([task.train["group"], task.val["group"]]) if alike is None else alike
    ours, theirs = groups[: len(labels)], groups[len(labels) :]
    parts = splits.in_parts(labels, ours, PARTS if alike is None else PARTS_OF_SERIES, task.seed)
    answers = np.zeros((len(parts), len(task.classes)))
    for part in range(parts.max() + 1):
        own, others = np.flatnonzero(parts == part), np.flatnonzero(parts != part)
        lesson = datasets.of_features(task.train.iloc[others], labels[others], taught.part(others))
        if task.settings.refit:
            rest = np.flatnonzero(~theirs.isin(ours.iloc[own]))
            more = task.val.iloc[rest]
            lesson = lesson.plus(datasets.of_features(more, task.labels(more), val.part(rest)))
        with torch.random.fork_rng():
            torch.manual_seed(task.seed)
            head = article_head(taught.shape[-1], len(task.classes), task.settings.dropout)
            trainer = Trainer(task, Classifier(head).to(group.device), group, lesson, None)
            for epoch in range(1, epochs + 1):
                trainer.epoch(epoch)
        answers[own] = trainer.judge(
            datasets.of_features(task.train.iloc[own], labels[own], taught.part((own, np.s_[:1])))
        )
    return prediction_table(task.train, np.exp(answers), task.classes).assign(part=parts)
