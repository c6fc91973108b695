"""What is said of photos that taught, by heads that have not learnt from them: so they can help to draw lines, too."""

import numpy as np
import pandas as pd
import torch

from boatlib.model.networks.modules import Classifier, article_head
from boatlib.model.training import datasets
from boatlib.model.training.fit import Trained, features
from boatlib.model.training.process_group import alone
from boatlib.model.training.task import TrainingTask
from boatlib.model.training.trainer import Trainer
from boatlib.photos import splits
from boatlib.predictions import prediction_table

PARTS = 2  # each with a head of its own: three draw hardly better lines (benchmarks/policy.py), and take twice as long


def judged_by_others(task: TrainingTask, trained: Trained) -> pd.DataFrame:
    """Predictions for the training photos (`prediction_table`), and the part of each; empty where the body learnt too.

    The photos are divided into halves, groups together. A head for each learns from the other one, and from the validation photos
    where they teach, in the same way and for as many epochs as the model; then it is asked about its own half (cross-validation
    as in conformal prediction: V. Vovk, Cross-conformal predictors, 2015).
    """
    if task.settings.mode != "head":
        return prediction_table(task.train.head(0), np.empty((0, len(task.classes))), task.classes).assign(part=[])
    taught, val = features(task)
    labels, group = task.labels(task.train), alone(task.machine)
    parts = splits.in_parts(labels, task.train["group"], PARTS, task.seed)
    epochs = int(trained.history.loc[trained.history["best"], "epoch"].iloc[0])
    answers = np.zeros((len(parts), len(task.classes)))
    for part in range(PARTS):
        own, others = np.flatnonzero(parts == part), np.flatnonzero(parts != part)
        lesson = datasets.of_features(task.train.iloc[others], labels[others], taught.part(others))
        if task.settings.refit:
            lesson = lesson.plus(datasets.of_features(task.val, task.labels(task.val), val))
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
