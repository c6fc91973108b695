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
from boatlib.errors import ParameterError, TrainingError
from boatlib.model import checkpoints, distributed, embedding, examples, optimisation, views, weights
from boatlib.model.distributed import World
from boatlib.model.examples import Examples
from boatlib.model.jobs import Job
from boatlib.model.networks import HIDDEN, Body, Classifier, RowDropout, article_head
from boatlib.model.prediction import prediction_table
from boatlib.params import Training

HISTORY = [
    "epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "val_balanced_accuracy", "learning_rate", "best",
]  # fmt: skip
WATCHED = 20.0  # seconds after which a long epoch says how far it is
SMALL = 16  # pictures that a CPU computes at a time: memory is used again instead of asked for, 1.5 times as fast as 64
RANGE = (1e-6, 1.0)  # step sizes that the range test goes through
EXPLODED = 10.0  # times the first loss, where it stops


@dataclass(frozen=True)
class Trained:
    """What came out, with the weights of the best epoch.

    bodies: name, key and torch module of each; history: columns HISTORY, a row an epoch; seconds: of each epoch;
    validation: the predictions for the validation photos.
    """

    bodies: list[tuple[str, str, Body]]
    head: nn.Module
    history: pd.DataFrame
    seconds: list[float]
    validation: pd.DataFrame


@dataclass(frozen=True)
class Lesson:
    """A network with what it learns from and what it is judged by."""

    model: Classifier
    train: Examples
    val: Examples


def train(job: Job) -> Trained:
    """Teach a network. Raises ParameterError, DataError; TrainingError when it cannot go on."""
    job.compute.check()
    if job.compute.processes > 1:
        _features(job)  # into the cache, where the processes find them
        distributed.launch(job)
        state = checkpoints.load(job.folder)
        if state is None:
            raise TrainingError("The training processes left no checkpoint. See checkpoints/torchrun.log.")
    else:
        state = learn(job, distributed.alone())
    return _trained(job, state)


def learn(job: Job, world: World) -> checkpoints.State:
    """The same for one of several processes; returns the last state."""
    before = _unfinished(job, world)
    with torch.random.fork_rng(), _memory_explained(job.settings):
        lesson = _prepare(job, world, from_checkpoint=before is not None)
        return _fit(job, lesson, world, before)


def range_test(job: Job) -> pd.DataFrame:
    """The loss while the step size grows from step to step: columns learning_rate, loss. Nothing of it is kept.

    L. N. Smith, Cyclical learning rates for training neural networks, WACV 2017. For a body the step size keeps its
    proportion to that of the head.
    """
    settings, world = job.settings, distributed.alone()
    with torch.random.fork_rng(), _memory_explained(settings):
        torch.manual_seed(job.seed)
        lesson = _prepare(job, world)
        model, device = lesson.model.to(world.device).train(), world.device
        ones = torch.ones(len(job.classes), device=device)
        optimiser = optimisation.optimiser(model, settings)
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
            loss = optimisation.loss(model(inputs.to(device)), targets, ones, settings) / len(part)
            rows.append((float(rate), float(loss.detach())))
            if not rows[-1][1] < EXPLODED * rows[0][1]:
                break
            loss.backward()
            optimiser.step()
    return pd.DataFrame(rows, columns=["learning_rate", "loss"])


def _features(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Features of the training photos in all their views, and of the validation photos in the plain one."""
    networks = job.backbones()
    names = views.training_views(job.settings.views if job.settings.mode == "head" else 0)
    return (
        embedding.embed(job.train, job.root, names, networks),
        embedding.embed(job.val, job.root, [views.PLAIN], networks),
    )


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
        examples.of_features(job.train, labels, features),
        examples.of_features(job.val, val_labels, val_features),
    )
    if job.settings.mode == "head":
        return lesson
    if not from_checkpoint:
        _teach_head_first(job, lesson, world)
    backbone = job.backbones()[0]
    body = backbone.build(auxiliary=True)
    body.teach_auxiliary(len(job.classes))
    body.freeze_before(job.settings.unfreeze)
    return Lesson(
        Classifier(head, body),
        examples.of_pictures(job.train, labels, job.root, backbone.preprocessing, augmented=True),
        examples.of_pictures(job.val, val_labels, job.root, backbone.preprocessing, augmented=False),
    )


def _teach_head_first(job: Job, lesson: Lesson, world: World) -> None:
    """As mode `head` does by default, by this process alone and without a word; all processes get the same."""
    plain = Training(learning_rate=job.settings.learning_rate, dropout=job.settings.dropout)
    with contextlib.redirect_stdout(None):
        state = _fit(replace(job, settings=plain), lesson, World(device=world.device), None, keep=False)
    lesson.model.load_state_dict(state["best"])


def _fit(
    job: Job, lesson: Lesson, world: World, before: checkpoints.State | None, keep: bool = True
) -> checkpoints.State:
    """Epoch by epoch until there is no progress; a checkpoint after each (`keep`), from which `before` goes on."""
    settings, train, val = job.settings, lesson.train, lesson.val
    model = lesson.model.to(world.device)
    dtype = optimisation.half_precision(job.compute, world.device)
    learner = _Learner(job, model, world, train, dtype if model.body else None)
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
        row = {
            "epoch": epoch,
            "train_loss": train_loss,
            "train_accuracy": train_accuracy,
            **_measure(answers, val.labels),
        }
        row["learning_rate"] = learner.learning_rate
        state["rows"].append(row)
        state["seconds"].append(time.perf_counter() - started)
        if state["best_epoch"] == 0 or _progress(row, settings) > _progress(
            state["rows"][state["best_epoch"] - 1], settings
        ):
            state |= {
                "best_epoch": epoch,
                "best": _copy(learner.judged.state_dict()),
                "answers": torch.from_numpy(answers),
            }
        if keep and world.rank == 0:
            checkpoints.save(job.folder, state | learner.state(), epoch)
        if world.rank == 0:
            star = " *" if state["best_epoch"] == epoch else ""
            runtime.progress(
                f"epoch {epoch:3d}  loss {train_loss:.3f}  validation loss {row['val_loss']:.3f}  "
                f"right {row['val_accuracy']:.1%}{star}"
            )
    return state


def _is_done(state: checkpoints.State, settings: Training) -> bool:
    return len(state["rows"]) - state["best_epoch"] >= settings.max_epochs_stop


def _progress(row: dict[str, float], settings: Training) -> float:
    """What is to grow."""
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


class _Learner:
    """The network between two epochs, with all that has to be remembered from one to the next.

    What is random depends on the seed and the number of the epoch alone, so no generator has to be remembered.
    """

    def __init__(self, job: Job, model: Classifier, world: World, train: Examples, dtype: torch.dtype | None) -> None:
        self._settings, self._seed, self._world, self._train = job.settings, job.seed, world, train
        self._model, self._wrapped, self._dtype = model, world.wrap(model), dtype
        self._per_class = optimisation.class_weights(train.labels, len(job.classes), job.settings.class_weights)
        self._optimiser = optimisation.optimiser(model, job.settings)
        steps = -(-len(train.labels) // job.settings.batch_size)
        self._schedule = optimisation.schedule(self._optimiser, job.settings, steps)
        self._mixer = optimisation.mixer(job.settings, len(job.classes))
        self._average = optimisation.averaged(model, job.settings)
        self._dropout = next(part for part in model.head.modules() if isinstance(part, RowDropout))
        self._scaler = torch.amp.GradScaler(world.device, enabled=dtype == torch.float16)

    @property
    def learning_rate(self) -> float:
        """Of the head, for the next step."""
        return float(self._optimiser.param_groups[0]["lr"])

    @property
    def judged(self) -> Classifier:
        """The network that counts: the average where there is one."""
        return self._average.module if self._average else self._model  # type: ignore[return-value]

    def state(self) -> checkpoints.State:
        """Everything that `restore` needs."""
        return {
            "model": self._model.state_dict(),
            "average": self._average.state_dict() if self._average else {},
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "scaler": self._scaler.state_dict(),
        }

    def restore(self, state: checkpoints.State) -> None:
        """Back to where it was."""
        weights.put_into(self._model, state["model"])
        if self._average:
            weights.put_into(self._average, state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
        self._scaler.load_state_dict(state["scaler"])

    def epoch(self, number: int) -> tuple[float, float]:
        """One pass over all examples in random order; mean loss and share of right answers, while it learns."""
        order = np.random.default_rng([self._seed, number]).permutation(len(self._train.labels))
        steps = [order[i : i + self._settings.batch_size] for i in range(0, len(order), self._settings.batch_size)]
        mine = [self._parts(len(rows)) for rows in steps]
        inputs = self._train.batches(
            [rows[part] for rows, parts in zip(steps, mine, strict=True) for part in parts], number
        )
        torch.manual_seed(int(np.random.SeedSequence([self._seed, number, self._world.rank]).generate_state(1)[0]))
        self._wrapped.train()
        sums = np.zeros(3)  # loss, weights of the rows, right answers
        said = time.perf_counter()
        for step, (rows, parts) in enumerate(zip(steps, mine, strict=True), start=1):
            sums += self._step(number, step, rows, parts, inputs)
            if time.perf_counter() - said > WATCHED and self._world.rank == 0:
                said = time.perf_counter()
                runtime.progress(f"epoch {number:3d}  photo {step * self._settings.batch_size} of {len(order)}")
        loss, weight, right = np.sum(self._world.gather(sums), axis=0)
        return float(loss / weight), float(right / len(order))

    def _parts(self, rows: int) -> list[np.ndarray]:
        """This process's share of the rows of a step, in parts; a process without a share takes one that will not count."""
        share = self._world.share(np.arange(rows))
        small = -(-len(share) // SMALL) if self._model.body and self._world.device == "cpu" else 1
        parts = [part for part in np.array_split(share, max(self._settings.accumulate, small)) if len(part)]
        return parts or [np.arange(1)]

    def _step(
        self, epoch: int, step: int, rows: np.ndarray, parts: list[np.ndarray], inputs: Iterator[torch.Tensor]
    ) -> np.ndarray:
        """One step of the optimiser; returns what `epoch` adds up. The gradient is that of the mean loss of the whole step,
        and the same units of the head pause, however the step is divided into parts and among processes.
        """
        counts = float(len(self._world.share(rows)) > 0)
        whole = float(self._per_class[self._train.labels[rows]].sum())
        random = np.random.default_rng([self._seed, epoch, step])
        keep = torch.from_numpy(random.random((len(rows), HIDDEN)) >= self._settings.dropout)
        sums = np.zeros(3)
        self._optimiser.zero_grad()
        for number, part in enumerate(parts, start=1):
            more = self._world.size > 1 and number < len(parts)
            with self._wrapped.no_sync() if more else contextlib.nullcontext():  # type: ignore[operator]
                self._dropout.keep = keep[part].to(self._world.device)
                loss, right = self._part(next(inputs), rows[part], counts)
                if not np.isfinite(float(loss.detach())):
                    raise _not_finite(epoch, step, [self._train.photos[row] for row in rows[part]], self._settings)
                # DDP takes the mean over the processes where the sum is wanted
                self._scaler.scale(loss * self._world.size / whole).backward()
            weight = float(self._per_class[self._train.labels[rows[part]]].sum())
            sums += float(loss.detach()), weight * counts, right * counts
        self._dropout.keep = None
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self._schedule.step()
        if self._average:
            self._average.update_parameters(self._model)
        return sums

    def _part(self, batch: torch.Tensor, rows: np.ndarray, counts: float) -> tuple[torch.Tensor, int]:
        """Weighted sum of the rows' losses, and how many of them were named rightly."""
        device = self._world.device
        labels = torch.from_numpy(self._train.labels[rows]).to(device)
        mixed, targets = self._mixer(batch.to(device), labels) if self._mixer else (batch.to(device), labels)
        with torch.autocast(device, self._dtype, enabled=self._dtype is not None):
            outputs = self._wrapped(mixed)
        per_class = torch.from_numpy(self._per_class).to(device)
        loss = optimisation.loss(outputs, targets, per_class, self._settings) * counts
        return loss, int((outputs[0].argmax(1) == labels).sum())

    @torch.inference_mode()
    def judge(self, examples: Examples) -> np.ndarray:
        """Log-probabilities, float64 [rows, classes], in full precision; every row is computed by one process."""
        model = self.judged.eval()
        mine = self._world.share(np.arange(len(examples.labels)))
        parts = np.array_split(mine, max(1, -(-len(mine) // self._settings.batch_size)))
        outputs = [
            model(batch.to(self._world.device))[0].cpu().double().numpy() for batch in examples.batches(parts, 0)
        ]
        answers = np.empty((len(examples.labels), outputs[0].shape[1]))
        for rank, own in enumerate(self._world.gather(np.concatenate(outputs))):
            answers[rank :: self._world.size] = own
        bad = ~np.isfinite(answers).all(axis=1)
        if bad.any():
            names = [examples.photos[row] for row in np.flatnonzero(bad)]
            raise TrainingError(f"The answers for {_some(names)} are not finite. {_remedy(self._settings)}")
        return answers


def _not_finite(epoch: int, step: int, photos: list[str], settings: Training) -> TrainingError:
    return TrainingError(
        f"The loss is not finite in epoch {epoch}, step {step}, with these photos: {_some(photos)}. {_remedy(settings)}"
    )


def _remedy(settings: Training) -> str:
    return (
        f"Usually the steps were too large: lower training.learning_rate (now {settings.learning_rate:g}); if it is always the "
        "same photos, look at them."
    )


def _some(names: list[str], limit: int = 64) -> str:
    names = list(dict.fromkeys(names))
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


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
    state = checkpoints.load(job.folder) if resume_wanted() or job.run.trained_epochs() else None
    if state is None:
        return None
    now, then = job.identity(), state["job"]
    changed = [f"{name} {then.get(name)!r}, now {value!r}" for name, value in now.items() if then.get(name) != value]
    if resume_wanted() and changed:
        raise ParameterError(
            f"The checkpoint of run {job.run.name!r} was made with other settings: {'; '.join(changed)}. Set them back, or "
            "start without --resume."
        )
    if resume_wanted():
        return state
    if not changed and world.rank == 0:
        runtime.progress(
            f"starting anew; a checkpoint of this training after epoch {len(state['rows'])} is there until the first epoch ends: "
            "--resume goes on from it"
        )
    return None


def _trained(job: Job, state: checkpoints.State) -> Trained:
    """The result, with the weights of the best epoch."""
    best = state["best"]
    head = article_head(best["head.0.weight"].shape[1], len(job.classes), job.settings.dropout)
    head.load_state_dict({n.removeprefix("head."): t.cpu() for n, t in best.items() if n.startswith("head.")})
    bodies = [(backbone.name, backbone.key, backbone.build()) for backbone in job.backbones()]
    if job.settings.mode == "finetune":
        name, _, body = bodies[0]
        own = body.network.state_dict()
        prefix = "body.network."
        weights.put_into(body.network, {name: best[f"{prefix}{name}"].cpu() for name in own})
        bodies = [(name, f"{name.replace('/', '-')}-finetuned-{weights.digest(body.network)[:16]}", body)]
    history = pd.DataFrame(state["rows"])
    history["best"] = history["epoch"] == state["best_epoch"]
    validation = prediction_table(job.val, np.exp(state["answers"].numpy()), job.classes)
    return Trained(bodies, head.eval(), history[HISTORY], state["seconds"], validation)
