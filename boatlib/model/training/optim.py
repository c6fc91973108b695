"""How a network learns: loss, class weights, step sizes and their schedule, mixed examples, averaged weights."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.optim import lr_scheduler, swa_utils

from boatlib.model.networks.modules import Classifier
from boatlib.params import Training

AUXILIARY = 0.3  # weight of an auxiliary output's loss: Szegedy et al., Going deeper with convolutions, CVPR 2015


def class_weights(labels: np.ndarray, classes: int, kind: str) -> np.ndarray:
    """How much a photo of each class counts, 1 in the mean over the photos: float32 [classes].

    auto: the inverse of the class's frequency, so that all classes count alike; sqrt: its square root; none: all 1.
    """
    counts = np.bincount(labels, minlength=classes)
    power = {"none": 0.0, "sqrt": 0.5, "auto": 1.0}[kind]
    weights = (len(labels) / np.maximum(counts, 1)) ** power
    return (weights * len(labels) / (weights * counts).sum()).astype(np.float32)


def optimiser(model: Classifier, settings: Training) -> torch.optim.Optimizer:
    """AdamW over what is not frozen; the body, where there is one, has a step size of its own."""
    groups = [{"params": list(model.head.parameters()), "lr": settings.learning_rate}]
    if model.body is not None:
        learning = [parameter for parameter in model.body.parameters() if parameter.requires_grad]
        groups.append({"params": learning, "lr": settings.body_learning_rate})
    return torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)  # twice as fast a step on CPUs


def schedule(
    optimiser: torch.optim.Optimizer, settings: Training, steps_per_epoch: int
) -> lr_scheduler.LRScheduler:  # fmt: skip
    """The step sizes from step to step."""
    steps, warmup = settings.epochs * steps_per_epoch, round(settings.warmup_epochs * steps_per_epoch)
    if settings.schedule == "one_cycle":
        return lr_scheduler.OneCycleLR(optimiser, [group["lr"] for group in optimiser.param_groups], total_steps=steps)
    after: lr_scheduler.LRScheduler
    if settings.schedule == "cosine":
        after = lr_scheduler.CosineAnnealingLR(optimiser, max(1, steps - warmup))
    else:
        after = lr_scheduler.ConstantLR(optimiser, factor=1.0)
    if not warmup:
        return after
    rising = lr_scheduler.LinearLR(optimiser, start_factor=1 / (warmup + 1), total_iters=warmup)
    return lr_scheduler.SequentialLR(optimiser, [rising, after], milestones=[warmup])


def loss(
    outputs: tuple[torch.Tensor, list[torch.Tensor]],
    targets: torch.Tensor,
    weights: torch.Tensor,
    settings: Training,
) -> torch.Tensor:
    """Weighted sum over the rows of the cross-entropy, label smoothing and auxiliary outputs included.

    targets: class numbers, or shares of the classes where examples are mixed.
    """
    log_probabilities, others = outputs

    def one(values: torch.Tensor) -> torch.Tensor:
        # log-probabilities may stand for logits here: log-softmax leaves them as they are
        return nn.functional.cross_entropy(
            values.float(), targets, weights, reduction="sum", label_smoothing=settings.label_smoothing
        )

    return one(log_probabilities) + AUXILIARY * sum((one(other) for other in others), torch.zeros(()).to(weights))


Mixer = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def mixer(settings: Training, classes: int) -> Mixer | None:
    """Mixup and cutmix as torchvision does them, for pictures [n, size, size, 3] and features [n, features]."""
    if not (settings.mixup or settings.cutmix):
        return None
    from torchvision.transforms import v2

    ways: list[nn.Module] = [v2.MixUp(alpha=settings.mixup, num_classes=classes)] if settings.mixup else []
    ways += [v2.CutMix(alpha=settings.cutmix, num_classes=classes)] if settings.cutmix else []
    choose = v2.RandomChoice(ways)

    def mix(rows: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        planes = rows.permute(0, 3, 1, 2).float() if rows.ndim == 4 else rows[:, :, None, None]
        mixed, targets = choose(planes, labels)
        return (mixed.permute(0, 2, 3, 1) if rows.ndim == 4 else mixed[:, :, 0, 0]), targets

    return mix


def averaged(model: Classifier, settings: Training) -> swa_utils.AveragedModel | None:
    """The exponential moving average of the weights, where it is asked for."""
    if not settings.ema:
        return None
    return swa_utils.AveragedModel(model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(settings.ema))
