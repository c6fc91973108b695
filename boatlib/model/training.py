"""Teaching the head on cached features: Adam, early stopping on the validation loss, best weights restored."""

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn

from boatlib import runtime
from boatlib.errors import DataError, TrainingError
from boatlib.model.networks import article_head

HISTORY = ["epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "learning_rate", "best"]


@dataclass(frozen=True)
class Trained:
    """The head with its best weights; history: columns HISTORY, a row an epoch; seconds: of each epoch."""

    head: nn.Module
    history: pd.DataFrame
    seconds: list[float]


def train_head(
    features: np.ndarray,
    labels: np.ndarray,
    val_features: np.ndarray,
    val_labels: np.ndarray,
    *,
    classes: int,
    epochs: int,
    max_epochs_stop: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
) -> Trained:
    """Train the article's head.

    features: float32 [photos, views, n], every view is an example of its own; val_features: [photos, n], plain view;
    labels: class numbers. Raises DataError where there is nothing to learn from, TrainingError when the loss is not
    finite.
    """
    _check(labels, val_labels, classes)
    torch.manual_seed(seed)
    head = article_head(features.shape[-1], classes)
    inputs = torch.from_numpy(features.reshape(-1, features.shape[-1]))
    targets = torch.from_numpy(np.repeat(labels, features.shape[1]))
    val_inputs, val_targets = torch.from_numpy(val_features), torch.from_numpy(val_labels)
    optimiser = torch.optim.Adam(head.parameters(), lr=learning_rate)
    shuffle = torch.Generator().manual_seed(seed)
    rows: list[dict[str, float]] = []
    seconds: list[float] = []
    best_loss, best_epoch, best_state = float("inf"), 0, head.state_dict()
    for epoch in range(1, epochs + 1):
        started = time.perf_counter()
        train_loss, train_accuracy = _one_epoch(head, optimiser, inputs, targets, batch_size, shuffle)
        val_loss, val_accuracy = _judge(head, val_inputs, val_targets)
        if not np.isfinite([train_loss, val_loss]).all():
            raise TrainingError(
                f"The loss became {train_loss} in epoch {epoch}: the steps were too large. "
                f"Lower training.learning_rate (now {learning_rate:g})."
            )
        if val_loss < best_loss:
            best_loss, best_epoch = val_loss, epoch
            best_state = {name: tensor.clone() for name, tensor in head.state_dict().items()}
        rows.append(dict(zip(HISTORY, (epoch, train_loss, val_loss, train_accuracy, val_accuracy), strict=False)))
        seconds.append(time.perf_counter() - started)
        star = " *" if best_epoch == epoch else ""
        runtime.progress(
            f"epoch {epoch:3d}  loss {train_loss:.3f}  validation loss {val_loss:.3f}  right {val_accuracy:.1%}{star}"
        )
        if epoch - best_epoch >= max_epochs_stop:
            break
    head.load_state_dict(best_state)
    history = pd.DataFrame(rows).assign(learning_rate=learning_rate, best=lambda table: table["epoch"] == best_epoch)
    return Trained(head.eval(), history[HISTORY], seconds)


def class_numbers(photos: pd.DataFrame, classes: list[str]) -> np.ndarray:
    """The place of each photo's label in the list of classes: int64 [photos]."""
    return pd.Categorical(photos["label"], classes).codes.astype(np.int64)


def _check(labels: np.ndarray, val_labels: np.ndarray, classes: int) -> None:
    if len(set(labels.tolist())) < max(classes, 2):
        raise DataError("Some class has no training photo. Run 02_split again, or give that class more photos.")
    if len(val_labels) == 0:
        raise DataError("There are no validation photos. Raise split.val in the params file.")


def _one_epoch(
    head: nn.Module,
    optimiser: torch.optim.Optimizer,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    batch_size: int,
    shuffle: torch.Generator,
) -> tuple[float, float]:
    """One pass over all examples in random order; mean loss and share of right answers, dropout active."""
    head.train()
    loss_function = nn.NLLLoss()
    total, right = 0.0, 0
    for rows in torch.randperm(len(inputs), generator=shuffle).split(batch_size):
        optimiser.zero_grad()
        log_probabilities = head(inputs[rows])
        loss = loss_function(log_probabilities, targets[rows])
        loss.backward()
        optimiser.step()
        total += loss.item() * len(rows)
        right += int((log_probabilities.argmax(1) == targets[rows]).sum())
    return total / len(inputs), right / len(inputs)


@torch.inference_mode()
def _judge(head: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[float, float]:
    head.eval()
    log_probabilities = head(inputs)
    right = (log_probabilities.argmax(1) == targets).float().mean()
    return float(nn.functional.nll_loss(log_probabilities, targets)), float(right)
