"""What a training is given: settings, photos, classes, and the folder for its checkpoints. It fits into a small file, so that
other processes can take part.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from boatlib import spreadsheet
from boatlib.errors import DataError, ParameterError
from boatlib.files import write_text
from boatlib.model.inputs.views import Augmentation
from boatlib.model.networks import auto, backbones
from boatlib.model.networks.backbones import Backbone
from boatlib.order import natural
from boatlib.params import AUTO, SEEN, Compute, Params, Training, names_of
from boatlib.photos import sources, splits
from boatlib.photos.images import USUAL
from boatlib.photos.levels import Range
from boatlib.photos.same_file import SameFile
from boatlib.run import CHECKPOINTS, Run
from boatlib.runtime import Machine

# These change what is shown, what else is taught, or for how long is searched, and not what one network learns until it is judged
FREE = ("range_test", "minutes", "frozen", "frozen_share", "cross_fit", "refit")
PARTS = 3  # of the training photos, each of which is judged by what has learnt from the others
LEARNERS, FROZEN = "network-{}", "frozen"  # folders of the networks of one training, but for the first


@dataclass(frozen=True)
class TrainingTask:
    """A training. train, val: the rows of the split, columns photo (below root), label, sha256; value_range: of the set's
    pictures of more than 8 bits, None where it has none; same_file: to what all photos are brought before, None: as they are;
    inside: folder within that of the checkpoints, where it is one of several; goes_on: from the checkpoint of the same
    training, if there is one, also where that has ended; held_out: rows that it is asked about when it has learnt, None: none.
    """

    run: Run
    settings: Training
    compute: Compute
    seed: int
    classes: list[str]
    train: pd.DataFrame
    val: pd.DataFrame
    root: Path
    value_range: Range | None = None
    limits: tuple[int, int] = USUAL
    same_file: SameFile | None = None
    inside: str = ""
    goes_on: bool = False
    held_out: pd.DataFrame | None = None

    @classmethod
    def of_run(cls, run: Run, settings: Training, compute: Compute, seed: int) -> Self:
        """The training of a run that has been split. Raises DataError when there is nothing to learn from."""
        split = run.table("split")
        train, val = (split[split["split"] == part] for part in ("train", "val"))
        classes = natural(set(split["label"]))
        if set(train["label"]) < set(classes) or len(classes) < 2:
            raise DataError("Some class has no training photo. Run 02_split again, or give that class more photos.")
        if val.empty:
            raise DataError("There are no validation photos. Raise split.val in the params file.")
        root = sources.root_of(run)
        settings = auto.decided(settings, run.shape())
        alike = run.same_file() if settings.same_file else None
        return cls(run, settings, compute, seed, classes, train, val, root, run.value_range(), run.limits(), alike)

    @classmethod
    def read(cls, place: str) -> Self:
        """From a file that `write` made, or, by the name of a run, with the settings of its params file."""
        if not place.endswith(".json"):
            params = Params.of_run(place)
            if params.training.recipe == AUTO:
                raise ParameterError(
                    f"The processes of {place!r} need a recipe: set training.recipe to head or finetune, or take the recipe.yaml "
                    "that a run has left."
                )
            return cls.of_run(Run(place), params.training, params.compute, params.seed)
        saved = json.loads(Path(place).read_text(encoding="utf-8"))
        settings, compute = Training.model_validate(saved["training"]), Compute.model_validate(saved["compute"])
        task = cls.of_run(Run(saved["run"]), settings, compute, saved["seed"])
        split = task.run.table("split").set_index("photo", drop=False)
        photos = {part: split.loc[saved[part]].reset_index(drop=True) for part in ("train", "val") if part in saved}
        return replace(task, inside=saved["inside"], goes_on=saved["goes_on"], **photos)

    def write(self) -> Path:
        """The task as a file, in its folder."""
        saved = {"run": self.run.name, "seed": self.seed, "inside": self.inside, "goes_on": self.goes_on}
        saved |= {"training": self.settings.model_dump(), "compute": self.compute.model_dump()}
        if self.inside:  # it may learn from some of the photos only
            saved |= {part: rows["photo"].tolist() for part, rows in (("train", self.train), ("val", self.val))}
        return write_text(self.folder / "task.json", json.dumps(saved, indent=2) + "\n")

    @property
    def folder(self) -> Path:
        """For checkpoints and what several processes tell each other."""
        return self.run.folder / CHECKPOINTS / self.inside

    @cached_property
    def machine(self) -> Machine:
        """What computes. Raises ParameterError where there is no such device."""
        return self.compute.machine()

    @cached_property
    def backbones(self) -> list[Backbone]:
        """The networks that see, found once. Raises ParameterError when they cannot be had."""
        s = self.settings
        how = s.backbone, s.weights, self.seed, s.resolution, s.pooling, self.value_range, self.machine
        return backbones.find_backbones(*how, self.limits, self.same_file)

    @cached_property
    def parts(self) -> np.ndarray:
        """The part of each training photo, which is judged by what has learnt from the others; groups are together: int64
        [photos]."""
        return splits.in_parts(self.labels(self.train), self.train["group"], PARTS, self.seed)

    @cached_property
    def members(self) -> list["TrainingTask"]:
        """The networks that it consists of, each a training of its own: those that learn, and the frozen ones with their head.
        Crosswise, one that learns is there once for each part of the photos, from which it does not learn."""
        if self.settings.recipe == "head":
            return [self]
        files, found = self.settings.weights, []
        for number, name in enumerate(names_of(self.settings.backbone)):
            own = {"backbone": name, "weights": files if isinstance(files, str) else files[number], "frozen": []}
            alone = replace(self, settings=self.settings.model_copy(update=own | {"cross_fit": False}))
            found += alone._without_each_part() if self.settings.cross_fit else [alone]
        found[1:] = [
            replace(one, inside=self._within(LEARNERS.format(number))) for number, one in enumerate(found[1:], 2)
        ]
        if self.settings.frozen:
            found.append(replace(self.of_frozen, inside=self._within(FROZEN)))
        return found

    @property
    def of_frozen(self) -> "TrainingTask":
        """The training of the head on the frozen networks, beside those that learn."""
        seen = auto.frozen(self.settings, self.run.shape()).model_dump(include=SEEN)
        return replace(self, settings=Training(recipe="head", **seen))

    def _without_each_part(self) -> list["TrainingTask"]:
        return [
            replace(self, train=self.train[self.parts != part], held_out=self.train[self.parts == part])
            for part in range(self.parts.max() + 1)
        ]

    def _within(self, folder: str) -> str:
        return f"{self.inside}/{folder}" if self.inside else folder

    def augmentation(self) -> Augmentation:
        """How random views are made."""
        return Augmentation(self.settings.min_scale, self.settings.rotation, self.settings.jitter, self.settings.flip)

    def labels(self, photos: pd.DataFrame) -> np.ndarray:
        """The place of each photo's label in the list of classes: int64 [photos]."""
        return pd.Categorical(photos["label"], self.classes).codes.astype(np.int64)

    def identity(self) -> dict[str, Any]:
        """All that the result depends on, by name: a checkpoint goes on only with the same."""
        settings = {name: value for name, value in self.settings.model_dump().items() if name not in FREE}
        return settings | {
            "seed": self.seed,
            "photos": self.fingerprint(),
            "weights": [b.key for b in self.backbones],
            "head_first": self.head_first().model_dump() if self.settings.recipe == "finetune" else {},
        }

    def head_first(self) -> Training:
        """How a head is taught alone, on the features of a body that is to learn after it."""
        return Training(
            recipe="head", **self.settings.model_dump(include={"dropout", "class_weights", "label_smoothing"})
        )

    def fingerprint(self) -> str:
        """Changes with the photos and their labels, those that teach and those that tune."""
        rows = pd.concat([self.train, self.val])[["photo", "label", "split", "sha256"]]
        return hashlib.sha256(spreadsheet.to_csv(rows).encode()).hexdigest()[:16]

    def description(self, catalogued: pd.DataFrame) -> dict[str, Any]:
        """What a saved model tells of its training. catalogued: the catalog's table of classes."""
        left_out = catalogued[~catalogued["kept"]].set_index("class")["photos"]
        told = self.settings.model_dump(
            include={"recipe", "weights", "unfreeze", "refit", "frozen", "frozen_share", "cross_fit"}
        )
        told["backbone"] = names_of(self.settings.backbone)
        files = names_of(told["weights"])
        told["weights"] = ", ".join(
            Path(file).name for file in files
        )  # a model that is passed on does not tell of folders
        return {
            "run": self.run.name,
            "seed": self.seed,
            "fingerprint": self.fingerprint(),
            "photos": {
                name: int(count) for name, count in self.train["label"].value_counts().reindex(self.classes).items()
            },
            "val_photos": len(self.val),
            "left_out": {str(name): int(count) for name, count in left_out.items()},
            **told,
        }
