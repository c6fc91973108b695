"""Which recipe suits a set: heads first, which are cheap, then a network that learns, as far as the time reaches.

Recipes are compared photo by photo, on photos that none of them has learnt from, by the log-loss that each has at its best
temperature; of those that are within one standard error of the best, the cheapest is taken (L. Breiman et al., Classification and
regression trees, 1984, section 3.4.3). There are a dozen recipes at the most and their order is known, so no library
searches: where others halve hundreds of trials, here a rehearsal with a few small photos says what the dear one takes.

Time is what the trials took, not what the clock says: an interrupted search takes the same decisions when it goes on.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd
import torch

from boatlib import runtime
from boatlib.files import write_text
from boatlib.model.features import embedding
from boatlib.model.features.store import Features
from boatlib.model.networks import auto, engines
from boatlib.model.networks.weights import DEFAULT
from boatlib.model.training import fit, others
from boatlib.model.training.process_group import alone
from boatlib.model.training.task import PARTS, TrainingTask
from boatlib.model.training.trainer import Trainer
from boatlib.params import AUTO, Training, names_of
from boatlib.predictions import SMALLEST, averaged, classes_of, prediction_table, probability_matrix
from boatlib.shares import percent

COLUMNS = ["recipe", "judged_by", "photos", "correct", "log_loss", "worse_by", "standard_error", "seconds", "verdict"]
CROSSED, TUNING, ALL = "training photos", "validation photos", "training and validation photos"
LEARNS, LARGER = "a network that learns", "head, two networks on whole photos"
CHOSEN, BEST_HEAD, AS_GOOD, WORSE = "chosen", "the best head", "as good", "worse"

LEARNER = "efficientnet_lite0"  # learns quickest, of the networks that need no download
SQUARES = {"backbone": LEARNER, "resolution": "default", "pooling": "default"}
HEADS: dict[str, Callable[[Training], dict[str, Any]]] = {
    "twice as many epochs": lambda head: {"epochs": 2 * head.epochs},
    "steps three times as large": lambda head: {"learning_rate": 3 * head.learning_rate},
    "less dropout": lambda head: {"dropout": head.dropout / 2},
    "more dropout": lambda head: {"dropout": min(0.9, 1.5 * head.dropout)},
    "no label smoothing": lambda _: {"label_smoothing": 0.0},
}
LEARNING: dict[str, Any] = {  # benchmarks/README.md says what each part brings
    "recipe": "finetune", "pooling": "default", "body_learning_rate": 5e-4, "schedule": "cosine", "warmup_epochs": 1.0,
    "weight_decay": 0.0, "batch_size": 32, "monitor": "last", "range_test": 0, "views": 0, "min_scale": 0.25, "jitter": 0.4,
}  # fmt: skip
UNFREEZE = {"efficientnet_lite": "blocks.2"}  # by how a name begins: edges and colours stay as they are

FOR_FEATURES = 0.5  # of the time, at most until features of larger networks are there
FOR_HEADS = 0.1  # of the time, for other heads
FOR_END = 0.1  # of the time, for what is done when the recipe is known
SURE = 2.0  # standard errors by which another head must be better: five are tried
WARM, SAMPLE = 8, 64  # photos that start a network, and photos by which its time for all is estimated
REHEARSED, ASKED = 192, 128  # photos that teach in a rehearsal, and that judge it
LONGER = 0.6  # of the time that is too short for more than a rehearsal
SIGN = 0.05  # share of the errors that must have gone in a rehearsal, where more time is recommended
FIRST, PACED = 128, 192  # sides of the smallest pictures, and of those that a rehearsal ends with
GROWTH = 1.7  # power of the side with which the time of a picture grows: larger ones make better use of the cores
FEW = 50  # photos: fewer do not judge
WORTH = 3  # wrong answers of the first head: of fewer none can be said to have gone
MARGIN = 1.1  # on what a sample says of the time for all
COMPARED = 8  # times the first head's trial: what heads take that a network that learns is compared and mixed with
JUDGING = 0.35  # of the time for learning from a photo: what asking about it takes
SHARES = (0.7, 0.5, 0.3)  # of a head in the common answer
DRAWS = 1000  # of a bootstrap
TEMPERATURES = np.geomspace(0.2, 3.0, 28)


@dataclass(frozen=True)
class Trial:
    """A recipe with the log-loss of each photo that judged it, whether that was named rightly, the group of each, and the seconds
    that it took."""

    recipe: str
    judged_by: str
    settings: dict[str, Any]
    losses: list[float]
    right: list[bool]
    groups: list[str]
    seconds: float


@dataclass(frozen=True)
class Plan:
    """How a network learns on pictures: side of the last ones, which are squares, in pixels, how many epochs, and the side of the
    first ones."""

    side: int
    epochs: int
    first: int = FIRST

    def seconds(self, photos: int, judges: int, pace: float) -> float:
        """What it takes. pace: the seconds that learning from a photo of side PACED takes."""
        work = (np.linspace(self.first, self.side, self.epochs) / PACED) ** GROWTH
        return pace * float((photos * work).sum() + JUDGING * judges * self.epochs * work[-1])


PLANS = [
    Plan(160, 4),
    *(Plan(192, epochs) for epochs in (4, 5, 6, 8)),
    *(Plan(224, epochs) for epochs in (8, 10, 12)),
    *(Plan(256, epochs) for epochs in (12, 16, 20)),
]  # by price
DECENT = 3  # from here on twice, the second time with the validation photos, is better than a dearer plan once


@dataclass(frozen=True)
class Rehearsal:
    """Learning from a few photos, as small pictures: whether each photo that judged was named rightly before, by the head alone,
    and after, and the seconds that a photo of side PACED took."""

    before: list[bool]
    after: list[bool]
    pace: float

    def reduction(self) -> tuple[float, float]:
        """The share of its errors that learning took away, as a range that holds eight times out of ten (bootstrap); (0, 0)
        where there were none."""
        wrong, left = ~np.array(self.before), ~np.array(self.after)
        if not wrong.any():
            return 0.0, 0.0
        drawn = np.random.default_rng(0).integers(0, len(wrong), (DRAWS, len(wrong)))
        shares = 1 - left[drawn].sum(axis=1) / np.maximum(wrong[drawn].sum(axis=1), 1)
        low, high = np.quantile(shares, [0.1, 0.9])
        return float(low), float(high)


@dataclass(frozen=True)
class Found:
    """task: with the recipe that was found, `head` or `finetune`; tried: columns COLUMNS, a row a recipe; rehearsal: None where
    there was none; minutes: that learning on pictures would need, where it was not tried for lack of time.
    """

    task: TrainingTask
    tried: pd.DataFrame
    rehearsal: Rehearsal | None
    minutes: float | None

    def record(self) -> dict[str, Any]:
        """What is told of the search: recipe; frozen, networks beside one that learns; minutes, allowed; needed, minutes that
        learning on pictures would take, where it was not tried for lack of time; points that it would then likely bring, low
        and high, null where nothing says so; rehearsal: photos that judged, right before, right after."""
        settings, told = self.task.settings, self.rehearsal
        return {
            "recipe": settings.recipe,
            "frozen": settings.frozen,
            "tried": len(self.tried),
            "minutes": settings.minutes,
            "needed": self.minutes,
            "points": self._points(),
            "rehearsal": [len(told.before), sum(told.before), sum(told.after)] if told else None,
        }

    def _points(self) -> tuple[float, float] | None:
        if self.minutes is None or self.rehearsal is None:
            return None
        low, high = self.rehearsal.reduction()
        if low + high < 2 * SIGN:
            return None
        chosen = self.tried[self.tried["verdict"] == CHOSEN].iloc[-1]
        wrong = 100 * (1 - chosen["correct"] / chosen["photos"])
        return wrong * max(low, 0.0), wrong * high


@dataclass
class Record:
    """What was done, in a file that is written after each piece, so that an interrupted search goes on."""

    task: TrainingTask
    trials: list[Trial] = field(default_factory=list)
    marks: dict[str, float] = field(default_factory=dict)
    rehearsals: dict[str, Rehearsal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what an interrupted search has left, where it is to go on."""
        self._file = self.task.folder / "search.json"
        self._of = [self.task.fingerprint(), self.task.seed, self.task.settings.model_dump(mode="json")]
        self._before: dict[str, Any] = {"trials": [], "marks": {}, "rehearsals": {}}
        if fit.resume_wanted() and self._file.is_file():
            saved = json.loads(self._file.read_text(encoding="utf-8"))
            self._before = saved if saved["of"] == self._of else self._before

    @property
    def spent(self) -> float:
        """Seconds of all that was done."""
        return sum(trial.seconds for trial in self.trials) + sum(self.marks.values())

    def measured(self, name: str, work: Callable[[], object]) -> float:
        """The seconds that a piece of work takes, or took before the search was interrupted."""
        started = time.perf_counter()
        if name not in self._before["marks"]:
            work()
        self.marks[name] = self._before["marks"].get(name, time.perf_counter() - started)
        self._save()
        return self.marks[name]

    def rehearsed(self, name: str, work: Callable[[], Rehearsal]) -> Rehearsal:
        """A rehearsal, or what it gave before."""

        def rehearse() -> None:
            self.rehearsals[name] = work()

        if name in self._before["rehearsals"]:
            self.rehearsals[name] = Rehearsal(**self._before["rehearsals"][name])
        self.measured(name, rehearse)
        return self.rehearsals[name]

    def tried(self, recipe: str, judged_by: str, settings: Training, answer: Callable[[], pd.DataFrame]) -> Trial:
        """A trial of a recipe, or what it gave before. answer: the table of predictions by which it is judged."""
        known = next((one for one in self._before["trials"] if one["recipe"] == recipe), None)
        started = time.perf_counter()
        if known is None:
            answers = answer()
            losses, right = judged(answers)
            of_photo = pd.concat([self.task.train, self.task.val]).set_index("photo")["group"]
            groups = of_photo.loc[answers["photo"]].tolist()
            seconds = time.perf_counter() - started
            values = settings.model_dump(mode="json")
            known = asdict(Trial(recipe, judged_by, values, losses.tolist(), right.tolist(), groups, seconds))
        self.trials.append(Trial(**known))
        self._save()
        runtime.progress(f"tried: {recipe}: {percent(float(np.mean(known['right'])))} right ({known['seconds']:.0f} s)")
        return self.trials[-1]

    def _save(self) -> None:
        state = {"of": self._of, "trials": [asdict(trial) for trial in self.trials], "marks": self.marks}
        state["rehearsals"] = {name: asdict(rehearsal) for name, rehearsal in self.rehearsals.items()}
        write_text(self._file, json.dumps(state) + "\n")


def judged(predictions: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The log-loss of each photo at the temperature that is best for all (float64), and whether it was named rightly (bool)."""
    values = np.log(np.maximum(probability_matrix(predictions), SMALLEST))
    labels = pd.Categorical(predictions["label"], classes_of(predictions)).codes

    def losses(temperature: float) -> np.ndarray:
        tempered = values / temperature
        return np.logaddexp.reduce(tempered, axis=1) - tempered[np.arange(len(labels)), labels]

    best = min(TEMPERATURES, key=lambda temperature: float(losses(temperature).mean()))
    return losses(best), values.argmax(axis=1) == labels


def difference(trial: Trial, other: Trial) -> tuple[float, float]:
    """By how much the log-loss of one is larger than that of the other, photo by photo, and the standard error of that, in which
    photos of one group count together (cluster-robust: K.-Y. Liang, S. L. Zeger, Biometrika 73, 1986).
    """
    apart = np.subtract(trial.losses, other.losses)
    _, group = np.unique(trial.groups, return_inverse=True)
    sums = np.bincount(group, weights=apart - apart.mean())
    return float(apart.mean()), float(np.sqrt((sums**2).sum()) / len(apart))


def cheapest(trials: list[Trial]) -> Trial:
    """The first of these, which are in the order of what they cost, that is within a standard error of the best."""
    best = min(trials, key=lambda trial: float(np.mean(trial.losses)))
    return next(trial for trial in trials if trial is best or np.less_equal(*difference(trial, best)))


def first_features(task: TrainingTask) -> Features:
    """What tells which photos are alike: features of the training and then of the validation photos, float32 [photos, n]; where
    the recipe is open, of the network that is quickest."""
    seen = auto.frozen(task.settings, task.run.shape())
    if task.settings.recipe == AUTO and is_open(task.settings):
        seen = seen.model_copy(update=SQUARES)
    task = replace(task, settings=seen)
    return embedding.embed_plain(pd.concat([task.train, task.val]), task.root, task.backbones)


def is_open(settings: Training) -> bool:
    """Whether the networks are to be chosen, since nobody named others than the default."""
    default = Training()
    return (settings.backbone, settings.weights) == (default.backbone, default.weights)


def search(task: TrainingTask, alike: pd.Series | None = None) -> Found:
    """Find the recipe of a task whose recipe is `auto`, within its minutes; one that was asked for is given back as it is.

    alike: where look-alikes matter, the groups of the training photos and then of the validation photos, look-alikes together;
    then photos are judged by what has learnt from no look-alike of theirs. Raises what `fit.train` raises.
    """
    if task.settings.recipe != AUTO:
        return Found(task, pd.DataFrame(columns=COLUMNS), None, None)
    return Search(task, alike, Record(task)).run()


@dataclass(frozen=True)
class Search:
    """The decisions, one after the other."""

    task: TrainingTask
    alike: pd.Series | None
    record: Record

    @property
    def budget(self) -> float:
        """Seconds for everything."""
        return self.task.settings.minutes * 60

    @property
    def left(self) -> float:
        """Seconds for further trials."""
        return (1 - FOR_END) * self.budget - self.record.spent

    @property
    def heads(self) -> float:
        """Seconds for the heads that a network that learns is compared and mixed with; capped, since the first trial may have had
        features to make."""
        return min(COMPARED * self.record.trials[0].seconds, FOR_HEADS * self.budget)

    @property
    def beside(self) -> float:
        """Seconds until the features of the networks that stay frozen beside one that learns are there."""
        if "features" not in self.record.marks or any(trial.recipe == LARGER for trial in self.record.trials):
            return 0.0
        return MARGIN * self.record.marks["features"] * (len(self.task.train) + len(self.task.val)) / SAMPLE

    @property
    def cross_fit(self) -> bool:
        """Whether networks are to learn crosswise, so that training photos help to draw the lines. Where these come in series, it
        would take many parts."""
        return self.alike is None

    def run(self) -> Found:
        """All of it."""
        head = self._other_heads(self._features())
        if sum(not right for right in self.record.trials[0].right) < WORTH:
            return self._found(head, head, None, None)
        small = self._learning(Plan(PACED, 2))
        fixed = small.resolution == DEFAULT  # a network that takes pictures of one size only
        plans = [Plan(PACED, plan.epochs, PACED) if fixed else plan for plan in PLANS]
        rehearsal = self.record.rehearsed("rehearsal", lambda: self._rehearse(small, REHEARSED, ASKED))
        learn, judge, spent = len(self.task.train), len(self.task.val), self.record.spent
        once = [plan.seconds(learn, judge, rehearsal.pace) for plan in plans]
        if self.cross_fit:  # each training photo is asked about once, too
            times = PARTS - 1
            once = [plan.seconds(times * learn, judge + learn // plan.epochs, rehearsal.pace) for plan in plans]
        # with the validation photos among those that teach
        again = [plan.seconds(learn + judge, 0, rehearsal.pace) for plan in plans]

        def taken(left: float) -> list[Plan]:
            """Plans that fit in what is left, twice if they are decent."""
            twice = [] if self.cross_fit else [sum(costs) <= left for costs in zip(once, again, strict=True)]
            fit = [cost <= left for cost in once]
            return list(compress(plans, twice))[DECENT:] or list(compress(plans, fit))

        left = self.left - self.heads
        together = taken(left - self.beside)
        if plan := (together or taken(left))[-1:]:
            learning = self._learning(plan[0])
            return self._found(head, self._compared(head, learning, bool(together)), rehearsal, None)
        # the time that is left shows better what more of it would bring
        photos = int(LONGER * self.left / (2 * rehearsal.pace))
        if photos > 2 * REHEARSED:
            rehearsal = self.record.rehearsed("longer rehearsal", partial(self._rehearse, small, photos, judge))
        needed = spent + self.heads + self.beside + once[DECENT]
        return self._found(head, head, rehearsal, needed / (1 - FOR_END) / 60)

    def _features(self) -> Training:
        """What the head looks at: what is asked for, or, where the networks are open, one small network on squares first, and
        then the default, if the time allows it, and it is better."""
        asked = self.task.settings.model_copy(update={"recipe": "head"})
        if not is_open(self.task.settings):
            self._try_head("head", asked)
            return asked
        small = asked.model_copy(update=SQUARES)
        first = self._try_head("head, one small network on squares", small)
        larger, photos = replace(self.task, settings=asked), pd.concat([self.task.train, self.task.val])
        for name, some in (("start", photos[:WARM]), ("features", photos[WARM : WARM + SAMPLE])):
            self.record.measured(name, partial(embedding.embed_plain, some, self.task.root, larger.backbones))
        if self.record.spent + self.beside > FOR_FEATURES * self.budget:
            return small
        second = self._try_head(LARGER, asked)
        return small if cheapest([first, second]) is first else asked

    def _other_heads(self, head: Training) -> Training:
        """Other ways of teaching the head on the same features: one that is better beyond doubt takes its place."""
        best = next(trial for trial in self.record.trials if trial.settings == head.model_dump(mode="json"))
        until = self.record.spent + FOR_HEADS * self.budget
        for words, change in HEADS.items():
            if self.record.spent + best.seconds > until:
                break
            trial = self._try_head(f"the same head, {words}", head.model_copy(update=change(head)))
            worse, error = difference(trial, best)
            best = trial if worse < -SURE * error else best
        return Training.model_validate(best.settings)

    def _try_head(self, words: str, head: Training) -> Trial:
        """Judged by the training photos, each by a head that has not learnt from it."""
        own = replace(self.task, settings=head)
        return self.record.tried(words, CROSSED, head, lambda: others.judged_by_others(own, head.epochs, self.alike))

    def _learning(self, plan: Plan) -> Training:
        """The settings by which a network learns, on the middle of photos: things are larger there than in whole ones."""
        asked = self.task.settings
        learner = LEARNER if is_open(asked) else names_of(asked.backbone)[0]
        side = auto.square(learner, plan.side)
        unfreeze = next((stage for name, stage in UNFREEZE.items() if learner.startswith(name)), "all")
        how: dict[str, Any] = {
            "backbone": learner,
            "weights": names_of(asked.weights)[0],
            "resolution": side,
            "unfreeze": unfreeze,
        }
        how |= {
            "cross_fit": self.cross_fit,
            "epochs": plan.epochs,
            "max_epochs_stop": plan.epochs,
            "progressive": 1.0 if side == DEFAULT else plan.first / plan.side,
            "refit": False,
        }
        return Training.model_validate(asked.model_dump() | LEARNING | how)

    def _rehearse(self, settings: Training, teach: int, judge: int) -> Rehearsal:
        """Two epochs on so many photos at the most, judged by so many."""
        random = np.random.default_rng(self.task.seed)
        train, val = (rows.iloc[random.permutation(len(rows))] for rows in (self.task.train, self.task.val))
        small = replace(self.task, settings=settings, train=train[:teach], val=val[:judge])
        group = alone(self.task.machine)
        with torch.random.fork_rng():
            lesson = fit.prepare(small, group)
            trainer = Trainer(
                small, lesson.model.to(group.device), group, lesson.train, engines.half_type(small.machine)
            )
            before = trainer.judge(lesson.val).argmax(axis=1) == lesson.val.labels
            trainer.epoch(1)
            started = time.perf_counter()
            trainer.epoch(2)
            pace = (time.perf_counter() - started) / len(small.train)
        after = trainer.judge(lesson.val).argmax(axis=1) == lesson.val.labels
        return Rehearsal(before.tolist(), after.tolist(), pace)

    def _compared(self, head: Training, learning: Training, together: bool) -> Training:
        """The head, the network that learns, or both together, if wanted; a network learns once more if the time is there."""
        judged_by = ALL if self.cross_fit else TUNING
        alone = self.record.tried(BEST_HEAD, judged_by, head, lambda: self._answers(head, inside="head"))
        resumed = {"goes_on": fit.resume_wanted()}
        learnt = self.record.tried(LEARNS, judged_by, learning, lambda: self._answers(learning, **resumed))
        names = names_of(self.task.settings.backbone) if together and self.task.settings.weights == DEFAULT else []
        beside = learning.model_copy(update={"frozen": names})

        @cache
        def answers() -> list[pd.DataFrame]:
            frozen = replace(self.task, settings=beside).of_frozen.settings
            return [self._answers(learning, goes_on=True), self._answers(frozen, inside="frozen-alone")]

        both = []
        for share in SHARES if names else ():
            settings = beside.model_copy(update={"frozen_share": share})
            words, mixed = f"both, {percent(share, 0)} the head", partial(_mixed, answers, share)
            both.append(self.record.tried(words, judged_by, settings, mixed))
        best = sorted(both, key=lambda trial: float(np.mean(trial.losses)))[:1]  # all of them cost the same
        chosen = Training.model_validate(cheapest([alone, learnt, *best]).settings)
        again = self.task.settings.refit and not self.cross_fit and learnt.seconds <= self.left
        return chosen if chosen.recipe == "head" else chosen.model_copy(update={"refit": again})

    def _answers(self, settings: Training, **how: Any) -> pd.DataFrame:  # noqa: ANN401
        """Predictions for the validation photos that judge, and, crosswise, for the training photos."""
        task = replace(self.task, settings=settings.model_copy(update={"refit": False}), **how)
        found = fit.train(task).validation[self._judges()]
        return pd.concat([found, others.judged_by_others(task, settings.epochs)]) if self.cross_fit else found

    def _judges(self) -> np.ndarray:
        """Which validation photos judge: bool [photos]. Not those with a look-alike that teaches, if enough are left."""
        if self.alike is None:
            return np.ones(len(self.task.val), bool)
        ours, theirs = self.alike[: len(self.task.train)], self.alike[len(self.task.train) :]
        apart = ~theirs.isin(set(ours)).to_numpy()
        return apart if apart.sum() >= FEW else np.ones(len(apart), bool)

    def _found(self, head: Training, settings: Training, rehearsal: Rehearsal | None, minutes: float | None) -> Found:
        task = replace(self.task, settings=settings, goes_on=settings.recipe != "head")
        return Found(task, table(self.record.trials, head, settings), rehearsal, minutes)


def _mixed(answers: Callable[[], list[pd.DataFrame]], share: float) -> pd.DataFrame:
    """What a network that learns and a head, which has this share of the say, answer together."""
    learnt, head = answers()
    mean = averaged(probability_matrix(learnt), probability_matrix(head), share)
    return prediction_table(learnt, mean, classes_of(learnt))


def table(trials: list[Trial], head: Training, chosen: Training) -> pd.DataFrame:
    """The trials as COLUMNS, each compared with the best that was judged by the same photos.

    head: the one that went on; chosen: the recipe that was found.
    """
    last = trials[-1].judged_by
    taken = {CROSSED: (head, CHOSEN if last == CROSSED else BEST_HEAD)}
    rows = []
    for trial in trials:
        peers = [other for other in trials if other.judged_by == trial.judged_by]
        best = min(peers, key=lambda other: float(np.mean(other.losses)))
        worse, error = difference(trial, best)
        settings, words = taken.get(trial.judged_by, (chosen, CHOSEN))
        is_taken = trial.settings | {"refit": True} == settings.model_dump(mode="json") | {"refit": True}
        verdict = words if is_taken else AS_GOOD if worse <= error else WORSE
        counts = trial.recipe, trial.judged_by, len(trial.right), sum(trial.right)
        rows.append((*counts, float(np.mean(trial.losses)), worse, error, trial.seconds, verdict))
    return pd.DataFrame(rows, columns=COLUMNS)
