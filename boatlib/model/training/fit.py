"""Teaching: the head alone on features of a frozen body, or body and head on pictures; early stopping, best weights kept."""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import nn

from boatlib import runtime
from boatlib.errors import DamagedModelError, ParameterError, TrainingError
from boatlib.model.features import embedding
from boatlib.model.features.store import Features
from boatlib.model.inputs import views
from boatlib.model.networks import weights
from boatlib.model.networks.modules import Body, Classifier, Network, article_head
from boatlib.model.training import checkpoints, datasets, launch, optim
from boatlib.model.training.datasets import Examples
from boatlib.model.training.process_group import World, alone
from boatlib.model.training.task import Job
from boatlib.model.training.trainer import SMALL, Learner
from boatlib.params import Training
from boatlib.predictions import prediction_table
from boatlib.shares import percent

HISTORY = [
    "epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "val_balanced_accuracy", "learning_rate", "best",
]  # fmt: skip
RANGE = (1e-6, 1.0)  # step sizes that the range test goes through
EXPLODED = 10.0  # times the first loss, where it stops


@dataclass(frozen=True)
class Trained:
    """What came out, with the weights of the best epoch.

    network: what goes on; before_refit: the one that the validation photos have judged, where `network` was taught with them
    afterwards; history: columns HISTORY, a row an epoch; seconds: of each epoch; validation: the predictions for the
    validation photos, by a network that had not seen them.
    """

    network: Network
    before_refit: Network | None
    history: pd.DataFrame
    seconds: list[float]
    validation: pd.DataFrame

    @property
    def bodies(self) -> list[tuple[str, str, Body]]:
        """Name, key and torch module of each body."""
        return self.network.bodies

    @property
    def head(self) -> nn.Module:
        """The head."""
        return self.network.head


@dataclass(frozen=True)
class Lesson:
    """A network with what it learns from, what it is judged by, and what it may learn from when it has been judged."""

    model: Classifier
    train: Examples
    val: Examples
    val_to_learn: Examples


def train(job: Job) -> Trained:
    """Teach a network. Raises ParameterError, DataError; TrainingError when it cannot go on."""
    job.compute.check()
    runtime.choose_device(job.compute.device)
    if job.compute.processes > 1:
        _features(job)  # into the cache, where the processes find them
        launch.launch(job)
        state = checkpoints.load(job.folder)
        if state is None:
            raise TrainingError("The training processes left no checkpoint. See checkpoints/torchrun.log.")
    else:
        state = learn(job, alone())
    trained = _trained(job, state)
    checkpoints.finish(job.folder)
    return trained


def learn(job: Job, world: World) -> checkpoints.State:
    """The same for one of several processes; returns the last state."""
    before = _unfinished(job, world)
    with torch.random.fork_rng(), _memory_explained(job.settings):
        lesson = _prepare(job, world, from_checkpoint=before is not None)
        state = _fit(job, lesson, world, before)
        if job.settings.refit and "refit" not in state:
            state["refit"] = _refit(job, world, state["best_epoch"])
            if world.rank == 0:
                checkpoints.save(job.folder, state, len(state["rows"]))
    return state


def range_test(job: Job) -> pd.DataFrame:
    """The loss while the step size grows from step to step: columns learning_rate, loss. Nothing of it is kept.

    L. N. Smith, Cyclical learning rates for training neural networks, WACV 2017. For a body the step size keeps its
    proportion to that of the head.
    """
    if not job.settings.range_test:
        return pd.DataFrame(columns=["learning_rate", "loss"])
    runtime.choose_device(job.compute.device)
    settings, world = job.settings, alone()
    with torch.random.fork_rng(), _memory_explained(settings):
        torch.manual_seed(job.seed)
        lesson = _prepare(job, world)
        model, device = lesson.model.to(world.device).train(), world.device
        ones = torch.ones(len(job.classes), device=device)
        optimiser = optim.optimiser(model, settings)
        ratios = [group["lr"] / settings.learning_rate for group in optimiser.param_groups]
        size = min(settings.batch_size, SMALL if model.body else settings.batch_size, len(lesson.train.labels))
        random = np.random.default_rng([job.seed, 0])
        parts = [random.permutation(len(lesson.train.labels))[:size] for _ in range(settings.range_test)]
        rows: list[tuple[float, float]] = []
        for rate, part, inputs in zip(
            np.geomspace(*RANGE, len(parts)), parts, lesson.train.batches(parts, 0), strict=True
        ):
            for group, ratio in zip(optimiser.param_groups, ratios, strict=True):
                group["lr"] = rate * ratio
            optimiser.zero_grad()
            targets = torch.from_numpy(lesson.train.labels[part]).to(device)
            loss = optim.loss(model(inputs.to(device)), targets, ones, settings) / len(part)
            rows.append((float(rate), float(loss.detach())))
            if not rows[-1][1] < EXPLODED * rows[0][1]:
                break
            loss.backward()
            optimiser.step()
    return pd.DataFrame(rows, columns=["learning_rate", "loss"])


def _features(job: Job) -> tuple[Features, Features]:
    """Features of the training photos in all their views, and of the validation photos: in the plain view, which judges, and
    where they will teach too, in all of them.
    """
    networks = job.backbones()
    names = views.training_views(job.settings.views if job.settings.mode == "head" else 0, job.augmentation())
    every = embedding.embed(
        pd.concat([job.train, job.val]) if job.settings.refit else job.train, job.root, names, networks
    )
    if job.settings.refit:
        return every.part(np.s_[: len(job.train)]), every.part(np.s_[len(job.train) :])
    return every, embedding.embed(job.val, job.root, [views.PLAIN], networks)


def _prepare(job: Job, world: World, from_checkpoint: bool = False) -> Lesson:
    """What the settings ask for. A body that is to learn gets a head that has learnt already, on the features of the body
    as it is: otherwise the first steps spoil the body (A. Kumar et al., Fine-tuning can distort pretrained features, ICLR 2022).
    """
    with world.first_one_first():
        features, val_features = _features(job)
    labels, val_labels = job.labels(job.train), job.labels(job.val)
    torch.manual_seed(job.seed)
    head = article_head(features.shape[-1], len(job.classes), job.settings.dropout)
    lesson = Lesson(
        Classifier(head),
        datasets.of_features(job.train, labels, features),
        datasets.of_features(job.val, val_labels, val_features.part(np.s_[:, :1])),
        datasets.of_features(job.val, val_labels, val_features),
    )
    if job.settings.mode == "head":
        return lesson
    if not from_checkpoint:
        _teach_head_first(job, lesson, world)
    backbone = job.backbones()[0]
    body = backbone.build(auxiliary=True)
    body.teach_auxiliary(len(job.classes))
    body.freeze_before(job.settings.unfreeze)
    val = datasets.of_pictures(job.val, val_labels, job.root, backbone.preprocessing)
    train = datasets.of_pictures(job.train, labels, job.root, backbone.preprocessing, job.augmentation())
    return Lesson(Classifier(head, body), train, val, val)


def _teach_head_first(job: Job, lesson: Lesson, world: World) -> None:
    """As mode `head` does by default, by this process alone and without a word; all processes get the same."""
    with contextlib.redirect_stdout(None):
        state = _fit(replace(job, settings=job.head_first()), lesson, World(device=world.device), None, keep=False)
    lesson.model.load_state_dict(state["best"])


def _fit(
    job: Job, lesson: Lesson, world: World, before: checkpoints.State | None, keep: bool = True
) -> checkpoints.State:
    """Epoch by epoch until there is no progress; a checkpoint after each (`keep`), from which `before` goes on."""
    settings, train, val = job.settings, lesson.train, lesson.val
    model = lesson.model.to(world.device)
    dtype = optim.half_precision(job.compute, world.device)
    learner = Learner(job, model, world, train, dtype if model.body else None)
    state: checkpoints.State = {"job": job.identity() if keep else {}, "rows": [], "seconds": [], "best_epoch": 0}
    if before:
        state = before
        learner.restore(before)
        if world.rank == 0:
            runtime.progress(f"going on after epoch {len(state['rows'])}, from the checkpoint")
    for epoch in range(len(state["rows"]) + 1, settings.epochs + 1):
        if _is_done(state, settings):
            break
        started = time.perf_counter()
        train_loss, train_accuracy = learner.epoch(epoch)
        answers = learner.judge(val)
        row = {"epoch": epoch, "train_loss": train_loss, "train_accuracy": train_accuracy}
        row |= {**_measure(answers, val.labels), "learning_rate": learner.learning_rate}
        best = state["rows"][state["best_epoch"] - 1] if state["best_epoch"] else None
        if best is None or _progress(row, settings) > _progress(best, settings):
            kept = _copy(learner.judged.state_dict())
            state |= {"best_epoch": epoch, "best": kept, "answers": torch.from_numpy(answers)}
        state["rows"].append(row)
        state["seconds"].append(time.perf_counter() - started)
        if keep and world.rank == 0:
            checkpoints.save(job.folder, state | learner.state(), epoch)
            job.run.write_table("history", _history(state))  # for whoever watches
        if world.rank == 0:
            star = " *" if state["best_epoch"] == epoch else ""
            runtime.progress(
                f"epoch {epoch:3d}  loss {train_loss:.3f}  validation loss {row['val_loss']:.3f}  "
                f"right {percent(row['val_accuracy'])}{star}"
            )
    return state


def _refit(job: Job, world: World, epochs: int) -> dict[str, torch.Tensor]:
    """Weights that have learnt from the validation photos too: from the same start, by the same schedule, for as many epochs."""
    lesson = _prepare(job, world)
    everything = lesson.train.plus(lesson.val_to_learn)
    model = lesson.model.to(world.device)
    dtype = optim.half_precision(job.compute, world.device)
    learner = Learner(job, model, world, everything, dtype if model.body else None)
    for epoch in range(1, epochs + 1):
        loss, _ = learner.epoch(epoch)
        if world.rank == 0:
            runtime.progress(f"again with the validation photos: epoch {epoch} of {epochs}  loss {loss:.3f}")
    return _copy(learner.judged.state_dict())


def _is_done(state: checkpoints.State, settings: Training) -> bool:
    return len(state["rows"]) - state["best_epoch"] >= settings.max_epochs_stop


def _progress(row: dict[str, float], settings: Training) -> float:
    """What is to grow."""
    if settings.stop_on == "last":
        return row["epoch"]
    return -row["val_loss"] if settings.stop_on == "loss" else row["val_balanced_accuracy"]


def _measure(log_probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    right = log_probabilities.argmax(axis=1) == labels
    return {
        "val_loss": float(-log_probabilities[np.arange(len(labels)), labels].mean()),
        "val_accuracy": float(right.mean()),
        "val_balanced_accuracy": float(np.mean([right[labels == own].mean() for own in np.unique(labels)])),
    }


def _copy(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in state.items()}


@contextlib.contextmanager
def _memory_explained(settings: Training) -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise TrainingError(
            f"The memory is not enough for steps of {settings.batch_size} photos in {settings.accumulate} part(s). Three ways "
            "out: raise training.accumulate (same result, less memory); lower training.batch_size; or take a smaller "
            "training.backbone, or a later stage in training.unfreeze."
        ) from error


def resume_wanted() -> bool:
    """Whether the chain was started with --resume."""
    return bool(os.environ.get(runtime.RESUME))


def _unfinished(job: Job, world: World) -> checkpoints.State | None:
    """The checkpoint to go on from, when that is wanted. Raises ParameterError when it belongs to another training."""
    if not resume_wanted():
        _offer(job, world)
        return None
    state = checkpoints.load(job.folder)
    if state and (changed := _changed(job, state)):
        if checkpoints.is_finished(job.folder):  # of an earlier training, which has ended: this is a new one
            return None
        raise ParameterError(
            f"The checkpoint of run {job.run.name!r} was made with other settings: {'; '.join(changed)}. Set them back, or "
            "start without --resume."
        )
    return state


def _offer(job: Job, world: World) -> None:
    """Say that there is a checkpoint to go on from. It stays until the first epoch has ended."""
    with contextlib.suppress(DamagedModelError):  # what is not asked for does not stop anything
        state = checkpoints.load(job.folder) if job.run.trained_epochs() and world.rank == 0 else None
        if state and not _changed(job, state):
            runtime.progress(
                f"starting anew; until the first epoch ends, a checkpoint after epoch {len(state['rows'])} is there: --resume "
                "goes on from it"
            )


def _changed(job: Job, state: checkpoints.State) -> list[str]:
    """What a training depends on, and has changed since a checkpoint was written."""
    now, then = job.identity(), state["job"]
    return [f"{name} {then.get(name)!r}, now {value!r}" for name, value in now.items() if then.get(name) != value]


def _trained(job: Job, state: checkpoints.State) -> Trained:
    """The result, with the weights of the best epoch."""
    learns = job.settings.mode == "finetune"
    frozen = [] if learns else [(backbone.name, backbone.key, backbone.build()) for backbone in job.backbones()]
    judged = _network(job, state["best"], frozen)
    validation = prediction_table(job.val, np.exp(state["answers"].numpy()), job.classes)
    refitted = _network(job, state["refit"], frozen) if job.settings.refit else None
    before = judged if refitted else None
    return Trained(refitted or judged, before, _history(state), state["seconds"], validation)


def _history(state: checkpoints.State) -> pd.DataFrame:
    rows = pd.DataFrame(state["rows"])
    return rows.assign(best=rows["epoch"] == state["best_epoch"])[HISTORY]


def _network(job: Job, learnt: dict[str, torch.Tensor], frozen: list[tuple[str, str, Body]]) -> Network:
    """The network with the weights that were learnt; without frozen bodies those of its body are among them."""
    head = article_head(learnt["head.0.weight"].shape[1], len(job.classes), job.settings.dropout)
    head.load_state_dict({n.removeprefix("head."): t.cpu() for n, t in learnt.items() if n.startswith("head.")})
    if frozen:
        return Network(frozen, head.eval())
    backbone = job.backbones()[0]
    body = backbone.build()
    weights.put_into(body.network, {n: learnt[f"body.network.{n}"].cpu() for n in body.network.state_dict()})
    key = f"{backbone.name.replace('/', '-')}-finetuned-{weights.digest(body.network)[:16]}"
    return Network([(backbone.name, key, body)], head.eval())
