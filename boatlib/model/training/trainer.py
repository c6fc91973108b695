"""One network that learns: an epoch, a judgement, and all that has to be remembered between two epochs."""

import contextlib
import time
from collections.abc import Iterator

import numpy as np
import torch

from boatlib import runtime
from boatlib.errors import TrainingError
from boatlib.model.networks import weights
from boatlib.model.networks.modules import Classifier, RowDropout
from boatlib.model.training import checkpoints, optim
from boatlib.model.training.datasets import Dataset
from boatlib.model.training.process_group import ProcessGroup
from boatlib.model.training.task import TrainingTask
from boatlib.params import Training

WATCHED = 20.0  # seconds after which a long epoch says how far it is
PIXELS = 32 * 192**2  # of pictures that a CPU computes at a time: more are hardly faster, and take more memory


class Trainer:
    """The network between two epochs, with all that has to be remembered from one to the next.

    What is random depends on the seed and the number of the epoch alone, so no generator has to be remembered.
    """

    def __init__(
        self, task: TrainingTask, model: Classifier, group: ProcessGroup, train: Dataset, dtype: torch.dtype | None
    ) -> None:
        self._settings, self._seed, self._group, self._train = task.settings, task.seed, group, train
        self._model, self._wrapped, self._dtype = model, group.wrap(model), dtype
        self._per_class = optim.class_weights(train.labels, len(task.classes), task.settings.class_weights)
        self._optimiser = optim.optimiser(model, task.settings)
        steps = -(-len(train.labels) // task.settings.batch_size)
        self._schedule = optim.schedule(self._optimiser, task.settings, steps)
        self._mixer = optim.mixer(task.settings, len(task.classes))
        self._average = optim.averaged(model, task.settings)
        self._dropout = next(part for part in model.head.modules() if isinstance(part, RowDropout))
        if group.device == "cpu":
            runtime.keep_memory()
        self._scaler = torch.amp.GradScaler(group.device, enabled=dtype == torch.float16)

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
        if state["scaler"]:  # a machine without half precision of its own leaves it empty
            self._scaler.load_state_dict(state["scaler"])

    def epoch(self, number: int) -> tuple[float, float]:
        """One pass over all rows in random order; mean loss and share of right answers, while it learns."""
        order = np.random.default_rng([self._seed, number]).permutation(len(self._train.labels))
        steps = [order[i : i + self._settings.batch_size] for i in range(0, len(order), self._settings.batch_size)]
        mine = [self._parts(len(rows), number) for rows in steps]
        inputs = self._train.batches(
            [rows[part] for rows, parts in zip(steps, mine, strict=True) for part in parts], number
        )
        if self._model.body or self._mixer:  # a head alone draws nothing from a generator that all threads share
            torch.manual_seed(int(np.random.SeedSequence([self._seed, number, self._group.rank]).generate_state(1)[0]))
        self._wrapped.train()
        sums = np.zeros(3)  # loss, weights of the rows, right answers
        said = time.perf_counter()
        for step, (rows, parts) in enumerate(zip(steps, mine, strict=True), start=1):
            sums += self._step(number, step, rows, parts, inputs)
            if time.perf_counter() - said > WATCHED and self._group.rank == 0:
                said = time.perf_counter()
                runtime.progress(f"epoch {number:3d}  photo {step * self._settings.batch_size} of {len(order)}")
        loss, weight, right = np.sum(self._group.gather(sums), axis=0)
        return float(loss / weight), float(right / len(order))

    def _parts(self, rows: int, epoch: int) -> list[np.ndarray]:
        """This process's share of the rows of a step, in parts; a process without a share takes one that will not count."""
        share = self._group.share(np.arange(rows))
        pixels = self._train.pixels(epoch) if self._group.device == "cpu" else 0
        small = -(-len(share) // at_once(pixels))
        parts = [part for part in np.array_split(share, max(self._settings.gradient_accumulation, small)) if len(part)]
        return parts or [np.arange(1)]

    def _step(
        self, epoch: int, step: int, rows: np.ndarray, parts: list[np.ndarray], inputs: Iterator[torch.Tensor]
    ) -> np.ndarray:
        """One step of the optimiser; returns what `epoch` adds up. The gradient is that of the mean loss of the whole step,
        and the same units of the head pause, however the step is divided into parts and among processes.
        """
        counts = float(len(self._group.share(rows)) > 0)
        whole = float(self._per_class[self._train.labels[rows]].sum())
        random = np.random.default_rng([self._seed, epoch, step])
        keep = torch.from_numpy(random.random((len(rows), self._dropout.width)) >= self._settings.dropout)
        sums = np.zeros(3)
        self._optimiser.zero_grad()
        for number, part in enumerate(parts, start=1):
            more = self._group.size > 1 and number < len(parts)
            with self._wrapped.no_sync() if more else contextlib.nullcontext():  # type: ignore[operator]
                self._dropout.keep = keep[part].to(self._group.device)
                loss, right = self._part(next(inputs), rows[part], counts)
                if not np.isfinite(float(loss.detach())):
                    raise _not_finite(epoch, step, [self._train.photos[row] for row in rows[part]], self._settings)
                # DDP takes the mean over the processes where the sum is wanted
                self._scaler.scale(loss * self._group.size / whole).backward()
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
        device = self._group.device
        labels = torch.from_numpy(self._train.labels[rows]).to(device)
        mixed, targets = self._mixer(batch.to(device), labels) if self._mixer else (batch.to(device), labels)
        with torch.autocast(device, self._dtype, enabled=self._dtype is not None):
            outputs = self._wrapped(mixed)
        per_class = torch.from_numpy(self._per_class).to(device)
        loss = optim.loss(outputs, targets, per_class, self._settings) * counts
        return loss, int((outputs[0].argmax(1) == labels).sum())

    @torch.inference_mode()
    def judge(self, dataset: Dataset) -> np.ndarray:
        """Log-probabilities, float64 [rows, classes], in full precision; every row is computed by one process."""
        model = self.judged.eval()
        mine = self._group.share(np.arange(len(dataset.labels)))
        rows = mine if len(mine) else np.arange(1)  # a process without a share computes a row that nobody asks for
        parts = np.array_split(rows, -(-len(rows) // self._settings.batch_size))
        outputs = [model(batch.to(self._group.device))[0].cpu().double().numpy() for batch in dataset.batches(parts, 0)]
        answers = np.empty((len(dataset.labels), outputs[0].shape[1]))
        for rank, own in enumerate(self._group.gather(np.concatenate(outputs)[: len(mine)])):
            answers[rank :: self._group.size] = own
        bad = ~np.isfinite(answers).all(axis=1)
        if bad.any():
            names = [dataset.photos[row] for row in np.flatnonzero(bad)]
            raise TrainingError(f"The answers for {_some(names)} are not finite. {_remedy(self._settings)}")
        return answers


def at_once(pixels: int) -> int:
    """How many pictures of so many pixels a CPU computes at a time."""
    return max(1, PIXELS // max(pixels, 1))


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
