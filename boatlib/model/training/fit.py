"""Teaching: the head alone on features of a frozen body, or body and head on pictures; early stopping, best weights kept."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from boatlib import runtime
from boatlib.errors import DamagedModelError, ParameterError, TrainingError
from boatlib.model.features import embedding
from boatlib.model.features.store import Features
from boatlib.model.inputs import views
from boatlib.model.networks import engines, modules, weights
from boatlib.model.networks.modules import Body, Classifier, Network, article_head
from boatlib.model.training import checkpoints, datasets, launch, optim
from boatlib.model.training.datasets import Dataset
from boatlib.model.training.heads import Heads, side_by_side
from boatlib.model.training.process_group import ProcessGroup, alone
from boatlib.model.training.task import TrainingTask
from boatlib.model.training.trainer import Trainer, at_once
from boatlib.params import AUTO, Training
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
    afterwards; history: columns HISTORY, a row an epoch, of the first network where several answer together; seconds: of
    each of these epochs; validation: the predictions for the validation photos, by what had not seen them.
    """

    network: Network
    before_refit: Network | None
    history: pd.DataFrame
    seconds: list[float]
    validation: pd.DataFrame


@dataclass(frozen=True)
class Lesson:
    """A network with what it learns from, what it is judged by, and what it may learn from when it has been judged."""

    model: Classifier
    train: Dataset
    val: Dataset
    val_to_learn: Dataset


def train(task: TrainingTask) -> Trained:
    """Teach a network, or several that answer together. Raises ParameterError, DataError; TrainingError when it cannot go on."""
    if task.settings.recipe == AUTO:
        raise ParameterError("training.recipe is auto: `search.search` finds the recipe first.")
    task.compute.check()
    if task.compute.processes > 1:
        for member in task.members:
            features(member)  # into the cache, where the processes find them
        launch.launch(task)
        states = [checkpoints.load(member.folder) for member in task.members]
    else:
        states = learn(task, alone(task.machine))
    whole = [state for state in states if state is not None]
    if len(whole) < len(states):
        raise TrainingError("The training processes left no checkpoint. See checkpoints/torchrun.log.")
    write_history(task, whole[0])
    trained = _trained(task, whole)
    for member in task.members:
        checkpoints.finish(member.folder)
    return trained


def learn(task: TrainingTask, group: ProcessGroup) -> list[checkpoints.State | None]:
    """The same for one of several processes; returns the last state of each network."""
    return [_learn(member, group) for member in task.members]


def _learn(task: TrainingTask, group: ProcessGroup) -> checkpoints.State:
    """One network, and the one that is taught again with the validation photos."""
    before = _unfinished(task, group)
    refit = task.settings.refit and "refit" not in before
    with torch.random.fork_rng(), _memory_explained(task.settings):
        over = before and _is_over(before, task.settings)
        lesson = None if over else prepare(task, group, from_checkpoint=bool(before))
        with side_by_side(task, group) as heads:
            beside = refit and heads.pool and task.settings.monitor == "last"  # for how many epochs is known
            again = _refit(task, group, heads, task.settings.epochs) if beside else None
            state = _fit(task, lesson, group, before) if lesson else before
            if refit:
                state["refit"] = (again or _refit(task, group, heads, state["best_epoch"]))()
                if group.rank == 0:
                    checkpoints.save(task.folder, state, _done(state))
        if task.held_out is not None and "held_out" not in state:
            state["held_out"] = torch.from_numpy(_ask(task, group, state["best"], task.held_out))
            if group.rank == 0:
                checkpoints.save(task.folder, state, _done(state))
    return state


def range_test(task: TrainingTask) -> pd.DataFrame:
    """The loss while the step size grows from step to step: columns learning_rate, loss. Nothing of it is kept.

    L. N. Smith, Cyclical learning rates for training neural networks, WACV 2017. For a body the step size keeps its
    proportion to that of the head.
    """
    if not task.settings.range_test:
        return pd.DataFrame(columns=["learning_rate", "loss"])
    task = task.members[0]
    settings, group = task.settings, alone(task.machine)
    with torch.random.fork_rng(), _memory_explained(settings):
        torch.manual_seed(task.seed)
        lesson = prepare(task, group)
        with side_by_side(task, group):
            rows = _losses(task, lesson, group)
    return pd.DataFrame(rows, columns=["learning_rate", "loss"])


def _losses(task: TrainingTask, lesson: Lesson, group: ProcessGroup) -> list[tuple[float, float]]:
    """Step sizes of the range test, each with the loss before its step."""
    settings = task.settings
    model, device = lesson.model.to(group.device).train(), group.device
    ones = torch.ones(len(task.classes), device=device)
    optimiser = optim.optimiser(model, settings)
    ratios = [own["lr"] / settings.learning_rate for own in optimiser.param_groups]
    size = min(settings.batch_size, at_once(lesson.train.pixels(1)), len(lesson.train.labels))
    random = np.random.default_rng([task.seed, 0])
    parts = [random.permutation(len(lesson.train.labels))[:size] for _ in range(settings.range_test)]
    rows: list[tuple[float, float]] = []
    for rate, part, inputs in zip(np.geomspace(*RANGE, len(parts)), parts, lesson.train.batches(parts, 0), strict=True):
        for own, ratio in zip(optimiser.param_groups, ratios, strict=True):
            own["lr"] = rate * ratio
        optimiser.zero_grad()
        targets = torch.from_numpy(lesson.train.labels[part]).to(device)
        loss = optim.loss(model(inputs.to(device)), targets, ones, settings) / len(part)
        rows.append((float(rate), float(loss.detach())))
        if not rows[-1][1] < EXPLODED * rows[0][1]:
            break
        loss.backward()
        optimiser.step()
    return rows


def features(task: TrainingTask) -> tuple[Features, Features]:
    """What a head learns from: features [photos, views, n] of the training photos in all their views, and of the validation
    photos: in the plain view, which judges, and where they will teach too, in all of them.
    """
    networks = task.backbones
    names = views.training_views(task.settings.views if task.settings.recipe == "head" else 0, task.augmentation())
    every = embedding.embed(
        pd.concat([task.train, task.val]) if task.settings.refit else task.train, task.root, names, networks
    )
    if task.settings.refit:
        return every.part(np.s_[: len(task.train)]), every.part(np.s_[len(task.train) :])
    return every, embedding.embed(task.val, task.root, [views.PLAIN], networks)


def prepare(task: TrainingTask, group: ProcessGroup, from_checkpoint: bool = False) -> Lesson:
    """What the settings of one network ask for. A body that is to learn gets a head that has learnt already, on the features of
    the body as it is: otherwise the first steps spoil the body (A. Kumar et al., Fine-tuning can distort pretrained features,
    ICLR 2022).
    """
    with group.first_one_first():
        taught, val_features = features(task)
    labels, val_labels = task.labels(task.train), task.labels(task.val)
    torch.manual_seed(task.seed)
    head = article_head(taught.shape[-1], len(task.classes), task.settings.dropout)
    lesson = Lesson(
        Classifier(head),
        datasets.of_features(task.train, labels, taught),
        datasets.of_features(task.val, val_labels, val_features.part(np.s_[:, :1])),
        datasets.of_features(task.val, val_labels, val_features),
    )
    if task.settings.recipe == "head":
        return lesson
    from boatlib.model.networks import folding  # and timm, which takes a second

    if not from_checkpoint:
        _teach_head_first(task, lesson, group)
    backbone = task.backbones[0]
    body = backbone.build(auxiliary=True)
    body.teach_auxiliary(len(task.classes))
    body.freeze_before(task.settings.unfreeze)
    folding.prepare(body)
    shown = views.growing(backbone.preprocessing, task.settings.progressive, task.settings.epochs)
    val = datasets.of_pictures(task.val, val_labels, task.root, shown[-1:])
    train = datasets.of_pictures(task.train, labels, task.root, shown, task.augmentation())
    return Lesson(Classifier(head, body), train, val, val)


def _teach_head_first(task: TrainingTask, lesson: Lesson, group: ProcessGroup) -> None:
    """As recipe `head` does by default, by this process alone and without a word; all processes get the same."""
    with contextlib.redirect_stdout(None):
        state = _fit(
            replace(task, settings=task.head_first()), lesson, ProcessGroup(device=group.device), {}, keep=False
        )
    lesson.model.load_state_dict(state["best"])


def _fit(
    task: TrainingTask, lesson: Lesson, group: ProcessGroup, before: checkpoints.State, keep: bool = True
) -> checkpoints.State:
    """Epoch by epoch until there is no progress; a checkpoint after each (`keep`), from which `before` goes on."""
    settings, train, val = task.settings, lesson.train, lesson.val
    model = lesson.model.to(group.device)
    dtype = engines.half_type(task.machine)
    trainer = Trainer(task, model, group, train, dtype if model.body else None)
    state: checkpoints.State = {"task": task.identity() if keep else {}, "rows": [], "seconds": [], "best_epoch": 0}
    if before:
        state = before
        trainer.restore(before)
        if group.rank == 0:
            runtime.progress(f"going on after epoch {_done(state)}, from the checkpoint")
    for epoch in range(_done(state) + 1, settings.epochs + 1):
        if _is_done(state, settings):
            break
        started = time.perf_counter()
        train_loss, train_accuracy = trainer.epoch(epoch)
        if task.held_out is not None and task.inside and settings.monitor == "last" and epoch < settings.epochs:
            continue  # only the end counts, and nobody watches
        answers = trainer.judge(val)
        row = {"epoch": epoch, "train_loss": train_loss, "train_accuracy": train_accuracy}
        row |= {**_measure(answers, val.labels), "learning_rate": trainer.learning_rate}
        best = next((row for row in state["rows"] if row["epoch"] == state["best_epoch"]), None)
        if best is None or _progress(row, settings) > _progress(best, settings):
            kept = _copy(trainer.judged.state_dict())
            state |= {"best_epoch": epoch, "best": kept, "answers": torch.from_numpy(answers)}
        state["rows"].append(row)
        state["seconds"].append(time.perf_counter() - started)
        if keep and group.rank == 0:
            checkpoints.save(task.folder, state | trainer.state(), epoch)
            write_history(task, state)  # for whoever watches
        if group.rank == 0:
            star = " *" if state["best_epoch"] == epoch else ""
            runtime.progress(
                f"epoch {epoch:3d}  loss {train_loss:.3f}  validation loss {row['val_loss']:.3f}  "
                f"right {percent(row['val_accuracy'])}{star}"
            )
    return state


def _refit(task: TrainingTask, group: ProcessGroup, heads: Heads, epochs: int) -> Callable[[], dict[str, torch.Tensor]]:
    """What gives weights that have learnt from the validation photos too: from the same start, by the same schedule, for as many
    epochs."""
    lesson = prepare(task, group)
    everything = lesson.train.plus(lesson.val_to_learn)
    model = lesson.model.to(group.device)
    dtype = engines.half_type(task.machine)
    trainer = Trainer(task, model, group, everything, dtype if model.body else None)

    def said(epoch: int, loss: float) -> None:
        if group.rank == 0:
            runtime.progress(f"again with the validation photos: epoch {epoch} of {epochs}  loss {loss:.3f}")

    taught = heads.start(lambda: heads.teach(trainer, epochs, None if heads.pool else said))

    def learnt() -> dict[str, torch.Tensor]:
        loss = taught()
        if heads.pool:
            said(epochs, loss)
        return _copy(trainer.judged.state_dict())

    return learnt


def _ask(task: TrainingTask, group: ProcessGroup, learnt: dict[str, torch.Tensor], photos: pd.DataFrame) -> np.ndarray:
    """What a network that learnt says of photos: log-probabilities, float64 [photos, classes]."""
    lesson = prepare(task, group, from_checkpoint=True)
    weights.put_into(lesson.model, learnt)
    trainer = Trainer(task, lesson.model.to(group.device), group, lesson.train, None)
    shown = lesson.val.preprocessing  # type: ignore[attr-defined]
    return trainer.judge(datasets.of_pictures(photos, task.labels(photos), task.root, shown))


def held_out(member: TrainingTask) -> np.ndarray:
    """What one of the networks that learnt crosswise said of the photos that it has not learnt from, when it was taught:
    log-probabilities, float64 [photos, classes]. Raises TrainingError when it was not."""
    state = checkpoints.load(member.folder)
    if state is None or _changed(member, state):
        raise TrainingError("The networks are not those that were taught last. Run 03_training again.")
    return np.asarray(state["held_out"].numpy())


def _is_over(state: checkpoints.State, settings: Training) -> bool:
    """Whether no epoch is left to go on with."""
    return _done(state) >= settings.epochs or _is_done(state, settings)


def _is_done(state: checkpoints.State, settings: Training) -> bool:
    return _done(state) - state["best_epoch"] >= settings.max_epochs_stop


def _done(state: checkpoints.State) -> int:
    """The epoch that was judged last; 0 before the first."""
    return int(state["rows"][-1]["epoch"]) if state["rows"] else 0


def _progress(row: dict[str, float], settings: Training) -> float:
    """What is to grow."""
    if settings.monitor == "last":
        return row["epoch"]
    return -row["val_loss"] if settings.monitor == "loss" else row["val_balanced_accuracy"]


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
            f"The memory is not enough for steps of {settings.batch_size} photos in {settings.gradient_accumulation} part(s). "
            "Three ways out: raise training.gradient_accumulation (same result, less memory); lower training.batch_size; or take "
            "a smaller training.backbone, or a later stage in training.unfreeze."
        ) from error


def resume_wanted() -> bool:
    """Whether the chain was started with --resume."""
    return bool(os.environ.get(runtime.RESUME))


def _unfinished(task: TrainingTask, group: ProcessGroup) -> checkpoints.State:
    """The checkpoint to go on from, when that is wanted and there is one; otherwise nothing. Raises ParameterError when it is of
    another training."""
    if not resume_wanted() and not task.goes_on:
        _offer(task, group)
        return {}
    state = checkpoints.load(task.folder)
    if state and (changed := _changed(task, state)):
        if task.goes_on or checkpoints.is_finished(task.folder):
            return {}  # of an earlier training, which has ended: this is a new one
        raise ParameterError(
            f"The checkpoint of run {task.run.name!r} was made with other settings: {'; '.join(changed)}. Set them back, or "
            "start without --resume."
        )
    return state or {}


def _offer(task: TrainingTask, group: ProcessGroup) -> None:
    """Say that there is a checkpoint to go on from. It stays until the first epoch has ended."""
    with contextlib.suppress(DamagedModelError):  # what is not asked for does not stop anything
        state = checkpoints.load(task.folder) if task.run.trained_epochs() and group.rank == 0 else None
        if state and not _changed(task, state):
            runtime.progress(
                f"starting anew; until the first epoch ends, a checkpoint after epoch {_done(state)} is there: --resume "
                "goes on from it"
            )


def _changed(task: TrainingTask, state: checkpoints.State) -> list[str]:
    """What a training depends on, and has changed since a checkpoint was written."""
    now, then = task.identity(), state["task"]
    return [f"{name} {then.get(name)!r}, now {value!r}" for name, value in now.items() if then.get(name) != value]


def _trained(task: TrainingTask, states: list[checkpoints.State]) -> Trained:
    """The result, with the weights of the best epochs. Of networks that answer together the mean of their answers is judged.

    A head that was taught again takes the place of the one before; a network that learnt on pictures stays, and the one that was
    taught again answers beside it: two are better than one, and both are paid for. So what is judged looks at the first
    features of what goes on.
    """
    judged, final, more, answers = [], [], [], []
    for member, state in zip(task.members, states, strict=True):
        learns = member.settings.recipe == "finetune"
        frozen = [] if learns else [backbone.build() for backbone in member.backbones]
        judged.append(_network(member, state["best"], frozen))
        again = [_network(member, state["refit"], frozen)] if member.settings.refit else []
        final.append(judged[-1] if learns or not again else again[0])
        more += again if learns else []
        answers.append(state["answers"].numpy())
    shares, all_shares = _shares(task, len(judged)), _shares(task, len(final) + len(more))
    mean = torch.from_numpy(np.average(answers, axis=0, weights=shares)).softmax(1).numpy()
    before = modules.together(judged, shares) if any(member.settings.refit for member in task.members) else None
    validation = prediction_table(task.val, mean, task.classes)
    network = modules.together([*final, *more], all_shares)
    return Trained(network, before, _history(states[0]), states[0]["seconds"], validation)


def _shares(task: TrainingTask, networks: int) -> list[float]:
    """How much each of so many networks has to say. The frozen ones stand behind those that learn and before those that were
    taught again."""
    if not task.settings.frozen:
        return [1 / networks] * networks
    shares = [(1 - task.settings.frozen_share) / (networks - 1)] * networks
    shares[len(task.members) - 1] = task.settings.frozen_share
    return shares


def write_history(task: TrainingTask, state: checkpoints.State) -> None:
    """`history.csv`, which nobody else writes: of the training that counts, and its first network."""
    if not task.inside:
        task.run.write_table("history", _history(state))


def _history(state: checkpoints.State) -> pd.DataFrame:
    rows = pd.DataFrame(state["rows"])
    return rows.assign(best=rows["epoch"] == state["best_epoch"])[HISTORY]


def _network(task: TrainingTask, learnt: dict[str, torch.Tensor], frozen: list[Body]) -> Network:
    """The network with the weights that were learnt; without frozen bodies those of its body are among them."""
    own = {n.removeprefix("head."): t.cpu() for n, t in learnt.items() if n.startswith("head.")}
    head = modules.head_of(own, task.settings.dropout)
    if frozen:
        return Network(frozen, head)
    backbone = task.backbones[0]
    body = backbone.build()
    weights.put_into(body.network, {n: learnt[f"body.network.{n}"].cpu() for n in body.network.state_dict()})
    body.key = f"{backbone.name.replace('/', '-')}-finetuned-{weights.digest(body.network)[:16]}"
    return Network([body], head)
