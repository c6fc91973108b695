"""The typed schema of a params file: one file is one run. Wrong files are refused before anything starts."""

import ast
import difflib
import importlib.metadata
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Annotated, Any, Final, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.tokens import AliasToken

from boatlib import messages, runtime
from boatlib.errors import ParameterError
from boatlib.kept import kept
from boatlib.messages import ENGLISH
from boatlib.run import Run

SHARED = ("run", "model", "images", "seed")  # parameters outside the sections; a notebook gets those that it declares
LARGEST = 1_000_000  # bytes of a params file
AUTO: Final = "auto"  # a setting that is decided before the first step
LOOK_ALIKES: Final = "look-alikes"  # a value of split.group_by
FOLDERS: Final = "folders"  # a value of new.labels
PLACES = ("images", "model", "new.images")  # parameters that name a folder of the user's
FOLDER = "FOLDER"  # stands for the folder of photos in what is shared
CORRECTIONS = "params/corrections.csv"
COMMON = ("compute", "share", "review")  # sections without a notebook of their own
# what was called otherwise before: an old name is refused with the new one
RENAMED = {
    "training.mode": "training.recipe",
    "training.sure": "review.target_error",
    "training.target_accuracy": "review.target_error",
    "training.stop_on": "training.monitor",
    "training.accumulate": "training.gradient_accumulation",
    "training.crop": "training.min_scale",
    "training.turn": "training.rotation",
    "training.light": "training.jitter",
    "training.mirror": "training.flip",
    "summary.cost_of_error": "review.cost_of_error",
    "summary.cost_of_check": "review.cost_of_check",
}
PLAINLY = {
    "a valid integer": "a whole number",
    "a valid string": "a text",
    "a valid list": "a list",
}  # pydantic's words
SEEN = {"backbone", "weights", "resolution", "pooling", "same_file"}  # of a training: what features depend on
SHARES_OF_RIGHT = ("training.sure", "training.target_accuracy")  # what became a share of errors


Chosen = TypeVar("Chosen", bound=BaseModel)


class Section(BaseModel):
    """What all sections have in common: unknown names are errors, and no type is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, validate_default=True, allow_inf_nan=False)


class Exploration(Section):
    """01_exploration: which photos count, and what each shows."""

    label_from: Annotated[int, Field(ge=1, le=20)] | Literal["auto", "first", "last"] = Field(
        "auto",
        description=(
            "which folder is the class: `first` below the root or part, `last`, or a number; `auto`: the first, but asks where "
            "that is in doubt"
        ),
    )
    include: list[str] = Field(
        [], description="patterns of paths (`*/photos/*.jpg`): what none fits is left out; empty: all"
    )
    exclude: list[str] = Field([], description="patterns of paths that are left out, such as `masks/` or `*_mask.png`")
    leave_out: list[str] = Field([], description="labels that are no classes, such as `Not sure`")
    background: str = Field("", description="label whose photos show none of the classes; it is called `none of these`")
    photo_column: str = Field(
        "", description="table of labels: column of the photos, its name or its number; empty: guessed"
    )
    label_column: str = Field("", description="table of labels: column of the labels; empty: guessed")
    part_column: str = Field("", description="table of labels: column of the given parts; empty: guessed")
    class_names: str = Field(
        "", description="a second table, that names labels which are numbers; empty: looked for beside the first"
    )
    min_photos_per_class: int = Field(
        30, ge=3, description="a class with fewer usable photos is left out, and named in every report"
    )
    min_side: int = Field(
        32, ge=1, description="pixels of a photo's shorter side, at least; sets of tiny pictures need fewer"
    )
    max_pixels: int = Field(
        64_000_000,
        ge=1_000_000,
        description="pixels of a photo, at most: larger ones are not opened, now and by the model",
    )
    near_duplicates: Annotated[int, Field(ge=0, le=7)] | Literal["off"] = Field(
        6,
        description=(
            "photos of a class that look the same stay in one part: bits of 64 that may differ, 0 to 7; `off`: "
            "equal files only"
        ),
    )
    corrections: str = Field(
        CORRECTIONS,
        min_length=1,
        description=(
            "decisions of people about photos, as any spreadsheet saves them; a file that is named must be there; "
            "`none`: not applied"
        ),
    )

    @classmethod
    def from_notebook(cls, values: Mapping[str, Any]) -> Self:
        """The settings among a notebook's variables, checked. Raises ParameterError."""
        return _checked(cls, values)


class Split(Section):
    """02_split: shares of the photos, and what stays together."""

    given: Literal["keep", "ignore"] = Field(
        "keep",
        description="a set that comes divided: `keep` its parts, and make those it lacks of train; `ignore` them",
    )
    group_by: str = Field(
        "",
        description=(
            "photos that stay in one part (of one patient, vessel, day): a column of the table, a regular expression on the "
            "path, such as `(patient\\d+)`, or `look-alikes`: series that the network sees"
        ),
    )
    train: float = Field(0.6, gt=0, lt=1, description="share of the photos that teach the model")
    val: float = Field(0.2, gt=0, lt=1, description="share that tunes it: early stopping, calibration, choice of TTA")
    test: float = Field(0.2, gt=0, lt=1, description="share that judges it, once")

    @model_validator(mode="after")
    def _shares_add_up(self) -> Self:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + val + test must be 1, not {total:g}")
        return self


class Training(Section):
    """03_training: the network and how it is taught."""

    backbone: str | list[str] = Field(
        ["efficientnet_lite2", "efficientnet_lite1"],
        min_length=1,
        description="pretrained network that sees; a list puts the features of several side by side",
    )
    weights: str | list[str] = Field(
        "default",
        min_length=1,
        description="`default` (fetched once), a file (state dict or safetensors), or `none` (untrained); one for all, or a list",
    )
    resolution: str = Field(
        AUTO,
        description=(
            "`HEIGHTxWIDTH`: the whole photo, squeezed; a number: a square of that side from its middle; `default`: what "
            "the network was taught with, mostly such a square; `auto`: the whole photo in the set's typical shape, if the "
            "network takes it"
        ),
    )
    pooling: Literal["auto", "default", "mean+gem"] = Field(
        AUTO,
        description=(
            "how a backbone's last map becomes features; `default`: its own way; `mean+gem`: with what stands out "
            "in a few places; `auto`: that, if there is a map"
        ),
    )
    same_file: bool = Field(
        False,
        description=(
            "all photos are made alike before they are learnt from and judged: size, colour where many have none, compression; "
            "where 04 finds that files give classes away"
        ),
    )
    recipe: Literal["auto", "head", "finetune"] = Field(
        AUTO,
        description=(
            "`head`: the backbone is frozen, a head learns; `finetune`: the backbone learns too, on pictures, when its head has "
            "learnt alone; of several each by itself; `auto`: what the validation photos find best, within `minutes`"
        ),
    )
    minutes: float = Field(
        2.0, gt=0, description="auto: how long it may take to find a recipe and to train by it; more find better ones"
    )
    frozen: list[str] = Field(
        [],
        description=(
            "finetune: networks that stay as they are, with a head of their own, and answer together with those that learn"
        ),
    )
    frozen_share: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="finetune: how much the frozen networks have to say in the answer; all others the rest",
    )
    cross_fit: bool = Field(
        False,
        description=(
            "finetune: three times, each time without a third of the training photos; all answer together, and each third, "
            "judged by the one that has not seen it, helps to draw the lines for checks; twice the time"
        ),
    )
    progressive: float = Field(
        1.0,
        gt=0.2,
        le=1,
        description="finetune: sides of the pictures in the first epoch, as a share of those in the last; 1: all alike",
    )
    unfreeze: str = Field(
        "all",
        min_length=1,
        description="finetune: the stage from which on the backbone learns, such as `blocks.6` or `layer4`, or `all`",
    )
    views: int = Field(0, ge=0, le=64, description="head: augmented views of each training photo, beside the plain one")
    min_scale: float = Field(
        0.5,
        gt=0,
        le=1,
        description="augmented views, also those of TTA: smallest share of the photo's area that one shows",
    )
    rotation: float = Field(
        10.0, ge=0, le=180, description="augmented views, also those of TTA: degrees by which they are turned, at most"
    )
    jitter: float = Field(
        0.2, ge=0, lt=1, description="augmented views, also those of TTA: change of brightness, contrast and saturation"
    )
    flip: bool = Field(True, description="augmented views, also those of TTA: half of them are mirror images")
    refit: bool = Field(
        True, description="when the validation photos have decided, teach once more with them, for as many epochs"
    )
    epochs: int = Field(24, ge=1, description="most passes over the training photos")
    max_epochs_stop: int = Field(10, ge=1, description="stop after so many epochs without progress on validation")
    monitor: Literal["loss", "balanced_accuracy", "last"] = Field(
        "last",
        description=(
            "what progress means: a lower validation `loss`, a higher `balanced_accuracy`; `last`: the last epoch "
            "counts (falling schedules)"
        ),
    )
    learning_rate: float = Field(1e-3, gt=0, description="step size of the optimiser (AdamW) for the head")
    body_learning_rate: float = Field(1e-4, gt=0, description="finetune: step size for the backbone")
    schedule: Literal["constant", "cosine", "one_cycle"] = Field(
        "one_cycle", description="how the step sizes change: `constant`, `cosine` or `one_cycle`"
    )
    warmup_epochs: float = Field(0.0, ge=0, description="constant, cosine: epochs in which the step sizes rise")
    weight_decay: float = Field(0.01, ge=0, description="how strongly weights are pulled towards zero")
    batch_size: int = Field(64, ge=2, description="views in one step of the optimiser")
    gradient_accumulation: int = Field(
        1, ge=1, description="parts in which a step is computed: less memory; same result, but for mixup and cutmix"
    )
    dropout: float = Field(0.4, ge=0, lt=1, description="share of the head that pauses in each step")
    label_smoothing: float = Field(
        0.1, ge=0, lt=1, description="share of certainty taken from the label while it learns"
    )
    class_weights: Literal["none", "sqrt", "auto"] = Field(
        "sqrt", description="`none`; `auto`: every class counts alike; `sqrt`: halfway"
    )
    mixup: float = Field(0.0, ge=0, description="alpha of mixup (blended photos); 0: off")
    cutmix: float = Field(0.0, ge=0, description="finetune: alpha of cutmix (pasted photos); 0: off")
    ema: float = Field(0.0, ge=0, lt=1, description="decay of the running average of the weights, e.g. 0.99; 0: off")
    range_test: int = Field(50, ge=0, description="steps of the learning-rate range test; 0: none")

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.monitor != "last" and self.max_epochs_stop > self.epochs:
            raise ValueError(f"max_epochs_stop ({self.max_epochs_stop}) is larger than epochs ({self.epochs})")
        if not re.fullmatch(r"auto|default|[1-9]\d*(x[1-9]\d*)?", self.resolution):
            raise ValueError(
                "resolution is `auto`, `default`, the side of a square or HEIGHTxWIDTH in pixels, for example 384x576, not "
                f"{self.resolution!r}"
            )
        if self.recipe == "head" and self.cutmix:
            raise ValueError(
                "cutmix pastes pictures, and recipe `head` learns from features; set it to 0, or use mixup"
            )
        if self.recipe == "head" and self.frozen:
            raise ValueError("recipe `head` has frozen networks only: name them in backbone, and leave frozen empty")
        if self.schedule == "one_cycle" and self.warmup_epochs:
            raise ValueError("one_cycle has a warm-up of its own; leave warmup_epochs at 0")
        return self

    @classmethod
    def from_notebook(cls, values: Mapping[str, Any]) -> Self:
        """The settings among a notebook's variables, checked: `Training.from_notebook(globals())`. Raises ParameterError."""
        return _checked(cls, values)


class Evaluation(Section):
    """04_evaluation: what is shown of the judgement."""

    top_k: list[int] = Field([1, 3, 5], min_length=1, description="an answer counts when among the k most probable")
    mistakes: int = Field(12, ge=0, le=60, description="photos in the gallery of the worst mistakes")
    show_class: str = Field("", description="class whose predictions are shown; empty: the weakest one")

    @model_validator(mode="after")
    def _top_one_first(self) -> Self:
        if sorted(set(self.top_k)) != self.top_k or self.top_k[0] != 1:
            raise ValueError(f"top_k must rise and begin with 1, for example [1, 3, 5], not {self.top_k}")
        return self


class Tta(Section):
    """05_tta: several looks at one photo."""

    views: int = Field(
        0, ge=0, le=64, description="random views a photo in the article's strategy of TTA; 0: not tried"
    )
    fixed: list[Literal["flip", "start", "end"]] = Field(
        ["flip"],
        min_length=1,
        description="views of the fixed strategy of TTA, beside the plain one: `flip`, `start`, `end`",
    )


class Summary(Section):
    """06_summary: what the partner is told."""

    dependable: float = Field(
        0.9,
        gt=0,
        lt=1,
        description=(
            "from which share of its photos found, and of its answers true, a class is called dependable, if its "
            "photos are enough to show it"
        ),
    )


class New(Section):
    """07_new_photos: photos that wait for the answers of a model, and what is known of some of them."""

    images: str = Field(
        "", description="new photos: a folder in any layout, a table of paths, or an archive; with `model`"
    )
    labels: str = Field(
        "",
        description=(
            "what they show: `folders` (the one that is called like a class, otherwise the innermost), or a table with the "
            "columns photo and label, for some of them"
        ),
    )
    judge: int = Field(
        50, ge=0, le=100_000, description="accepted answers of a batch, drawn at random, whose labels judge the promise"
    )
    learn: int = Field(
        50, ge=0, le=100_000, description="most doubtful photos of a batch, whose labels teach the next model"
    )
    shown: int = Field(12, ge=1, le=200, description="photos of a gallery of new photos")


class Review(Section):
    """Which answers may stand alone, and which a person looks at. No notebook of its own."""

    target_error: float = Field(
        0.02, gt=0, lt=0.5, description="of the answers that nobody checks, at most this share may be wrong"
    )
    certainty: float = Field(0.95, gt=0.5, lt=1, description="how certain it must be that this is kept")
    refuse: float = Field(
        0.05,
        gt=0,
        lt=0.5,
        description="share of photos of the taught kind that may be called unfamiliar, so that strange ones are noticed",
    )
    cost_of_error: float = Field(0.0, ge=0, description="what a wrong answer that nobody notices costs; 0: unknown")
    cost_of_check: float = Field(0.0, ge=0, description="what it costs when a person looks at a photo; 0: unknown")

    @model_validator(mode="after")
    def _both_costs(self) -> Self:
        if (self.cost_of_error > 0) != (self.cost_of_check > 0):
            raise ValueError("cost_of_error and cost_of_check go together: give both, or leave both at 0")
        return self

    @classmethod
    def from_notebook(cls, values: Mapping[str, Any]) -> Self:
        """The settings among a notebook's variables, checked. Raises ParameterError."""
        return _checked(cls, values)


class Share(Section):
    """What pages may show to whoever gets them, and in whose name. No notebook of its own."""

    title: str = Field("", max_length=80, description="what the report is called; empty: made of the subject")
    subject: str = Field(
        "",
        max_length=40,
        description="what the photos are of, as a word (boat, leaf, x-ray), for the sentences; empty: none",
    )
    owner: str = Field("", max_length=80, description="who answers for the model; empty: not said")
    contact: str = Field("", max_length=120, description="whom to ask, such as an address; empty: not said")
    version: str = Field("", max_length=20, description="version of the model, such as v2; empty: not said")
    intended_use: str = Field(
        "", max_length=200, description="what the model is meant for, as a sentence; empty: not said"
    )
    not_for: str = Field("", max_length=200, description="what it must not be used for, as a sentence; empty: not said")
    logo: str = Field("", description="a picture for the head of the pages (relative to the project); empty: none")
    language: str = Field(
        ENGLISH,
        description=f"of the decision brief, its appendix and the page of new photos: {', '.join(messages.languages())}",
    )
    photo_names: bool = Field(
        True, description="names of photos on pages; `false`: short ids, the beginning of their SHA-256"
    )

    @field_validator("language")
    @classmethod
    def _written(cls, value: str) -> str:
        if value not in messages.languages():
            raise ValueError(f"there is no such language; there are: {', '.join(messages.languages())}")
        return value


class Compute(Section):
    """The machine: what 03, 04 and 05 compute with. No notebook of its own."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="`auto`: the GPU where there is one; `cpu`; `cuda`"
    )
    processes: int = Field(1, ge=1, description="training processes on this machine, one a GPU (torchrun, DDP)")
    shards: int = Field(
        1,
        ge=1,
        description="parts in which photos are shown to the network before 03, each a step of its own: on clusters side by side",
    )
    amp: Literal["auto", "off"] = Field(
        "auto", description="`auto`: half precision where the machine is faster with it; `off`: float32 everywhere"
    )

    @classmethod
    def from_notebook(cls, values: Mapping[str, Any]) -> Self:
        """The settings among a notebook's variables, checked. Raises ParameterError."""
        return _checked(cls, values)

    def machine(self) -> runtime.Machine:
        """What computes. Raises ParameterError where there is no such device."""
        return runtime.machine(self.device, self.amp)

    def check(self) -> None:
        """Raises ParameterError when this machine does not have what is asked for."""
        gpus = runtime.gpus()
        self.machine()
        if self.processes > 1 and self.device != "cpu" and 0 < gpus < self.processes:
            raise ParameterError(
                f"compute.processes is {self.processes}, but there {'is' if gpus == 1 else 'are'} {gpus} GPU"
                f"{'' if gpus == 1 else 's'}. Set it to {gpus} at the most, or compute.device to cpu."
            )


class Params(Section):
    """All settings of one run."""

    run: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="name of the run: its files go to `runs/<run>/` and `reports/<run>/`; default: the file's name",
    )
    model: str = Field(
        "",
        description=(
            "folder of a taught model (`runs/boats/model`): the run answers new photos (`new.images`); empty: it teaches one"
        ),
    )
    images: str = Field(
        "sample",
        min_length=1,
        description=(
            "folder of photos, table of labels beside them, or archive (relative to the project), `kaggle:OWNER/NAME`, "
            "`hf:OWNER/NAME`, or `sample`"
        ),
    )
    seed: int = Field(
        42,
        ge=0,
        lt=2**32,
        description="start of every random choice: another seed, another split and other first weights",
    )
    exploration: Exploration = Field(default_factory=Exploration)
    split: Split = Field(default_factory=Split)
    training: Training = Field(default_factory=Training)
    evaluation: Evaluation = Field(default_factory=Evaluation)
    tta: Tta = Field(default_factory=Tta)
    summary: Summary = Field(default_factory=Summary)
    new: New = Field(default_factory=New)
    review: Review = Field(default_factory=Review)
    share: Share = Field(default_factory=Share)
    compute: Compute = Field(default_factory=Compute)

    @model_validator(mode="after")
    def _answers_or_teaches(self) -> Self:
        if bool(self.model) != bool(self.new.images):
            raise ValueError("model and new.images go together: name the model, and the new photos that it answers")
        return self

    @classmethod
    def of_run(cls, run: str) -> Self:
        """The settings that a run was made with, as the chain has written them down; the defaults without a chain."""
        file = Run(run).folder / "params.json"
        return cls.model_validate(settings_of(file)) if file.is_file() else cls(run=run)

    def for_notebook(self, notebook: Path) -> dict[str, Any]:
        """The values that a notebook declares in its `parameters` cell.

        A name is looked for in the notebook's own section, then outside the sections, then in the other sections, where it must
        stand only once. Raises ValueError for a name that several of these have.
        """
        own = section_of(notebook)
        sections = {section: getattr(self, section).model_dump() for section in [*COMMON, *section_names()]}
        values = {}
        for name in declared_parameters(notebook):
            homes = [section for section in sections if name in sections[section]]
            if name in sections.get(own, {}):
                values[name] = sections[own][name]
            elif name in SHARED:
                values[name] = getattr(self, name)
            elif len(homes) > 1:
                raise ValueError(
                    f"{notebook.name} declares {name!r}, which {' and '.join(homes)} have: which one is meant?"
                )
            elif homes:
                values[name] = sections[homes[0]][name]
        return values


def changed_by(params: Params, changed: Mapping[str, object]) -> Params:
    """The settings with some others. changed: parameters as notebooks declare them, or sections with some of theirs. Raises
    ParameterError.
    """
    values = params.model_dump()
    sections = {name: home for name, home in values.items() if isinstance(home, dict)}
    for name, value in changed.items():
        homes = [section for section, own in sections.items() if name in own]
        if name in SHARED:
            values[name] = value
        elif name in sections and isinstance(value, dict):
            values[name] = values[name] | value
        elif len(homes) == 1:
            values[homes[0]][name] = value
        elif homes:
            raise ParameterError(
                f"{name}: {' and '.join(homes)} have it. Say which: {homes[0]}={{{name!r}: {value!r}}}."
            )
        else:
            raise ParameterError(f"There is no parameter {name!r}.")
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise ParameterError("\n".join(_sentences(error, {}, "the variation"))) from None


def as_file(params: Params) -> str:
    """A params file with these settings: what is not the default."""
    from io import StringIO

    text = StringIO()
    YAML().dump(params.model_dump(exclude_defaults=True), text)
    return text.getvalue()


def settings_of(file: Path) -> dict[str, Any]:
    """The settings in a `params.json`, by the names that they have now: runs of older versions stay readable."""
    settings = json.loads(file.read_text(encoding="utf-8"))
    for old, new in RENAMED.items():
        (section, _, name), (new_section, _, new_name) = old.partition("."), new.partition(".")
        if name in settings.get(section, {}):
            value = settings[section].pop(name)
            settings.setdefault(new_section, {})[new_name] = min(1 - value, 0.49) if old in SHARES_OF_RIGHT else value
    return settings


def shareable(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings as a page may show them: dotted names, and nothing of where folders and files lie on this computer."""
    shown: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            shown |= shareable(value, f"{prefix}{name}.")
        elif name in ("images", "model"):
            shown[f"{prefix}{name}"] = (
                value if value in ("", "sample") or str(value).startswith(("kaggle:", "hf:")) else FOLDER
            )
        elif name in ("corrections", "logo", "labels"):
            shown[f"{prefix}{name}"] = PurePath(str(value)).name
        elif name == "weights":
            files = [PurePath(str(file)).name for file in ([value] if isinstance(value, str) else value)]
            shown[f"{prefix}{name}"] = files[0] if isinstance(value, str) else files
        else:
            shown[f"{prefix}{name}"] = value
    return shown


def described() -> dict[str, str]:
    """What each parameter means, by its dotted name, in the words of the schema: the only place where they are written."""
    found = {}
    for name, field in Params.model_fields.items():
        if name in SHARED:
            found[name] = str(field.description)
        elif field.annotation:
            found |= {f"{name}.{inner}": str(f.description) for inner, f in field.annotation.model_fields.items()}
    return found


def reference() -> str:
    """All parameters as a table in Markdown: name, default, meaning."""
    defaults = shareable(Params(run="x").model_dump()) | {
        "run": "the file's name",
        "exploration.corrections": CORRECTIONS,
    }
    rows = ["| name | default | meaning |", "|---|---|---|"]
    for name, meaning in described().items():
        value = defaults[name]
        text = str(value).lower() if isinstance(value, bool) else "empty" if value == "" else str(value)
        shown = f"`{text}`" if isinstance(value, str) and value and name != "run" else text
        shown = shown.replace("'", "`") if isinstance(value, list) else shown
        rows.append(f"| `{name}` | {shown} | {meaning} |")
    return "\n".join(rows)


def section_of(notebook: Path) -> str:
    """Name of a notebook's own section: `new` for 07_new_photos."""
    return notebook.stem.split("_")[1]


def section_names() -> list[str]:
    """Names of the sections, one for each notebook, in their order."""
    return [name for name in Params.model_fields if name not in (*SHARED, *COMMON)]


def _checked(model: type[Chosen], values: Mapping[str, Any]) -> Chosen:
    try:
        return model.model_validate({name: values[name] for name in model.model_fields if name in values})
    except ValidationError as error:
        raise ParameterError("\n".join(_sentences(error, {}, "the notebook"))) from None


def declared_parameters(notebook: Path) -> dict[str, Any]:
    """Names and default values in the cell tagged `parameters` of a notebook."""
    return {name: ast.literal_eval(found["default"]) for name, found in inspected(notebook).items()}


def inspected(notebook: Path) -> dict[str, dict[str, str]]:
    """What papermill finds in that cell: of each name the type, the default as it is written, and the comment (help)."""

    def ask() -> dict[str, dict[str, str]]:
        import papermill  # a third of a second

        path = str(notebook).replace("{", "{{").replace("}", "}}")  # it would fill in folders' names
        found: dict[str, dict[str, str]] = papermill.inspect_notebook(path)
        return found

    version = importlib.metadata.version("papermill")
    return kept(f"{notebook.stem}-parameters", version + notebook.read_text(encoding="utf-8"), ask)


def load_params(path: Path, overrides: list[str] | None = None, root: Path | None = None) -> Params:
    """Read a params file and apply `KEY=VALUE` overrides (dotted keys). Raises ParameterError with every error found.

    A folder named by `images` is taken from `root` (the project) in the file, and from the current folder in an
    override; it comes out relative to `root`, so that no page repeats where the user's home is.
    """
    root = root or Path.cwd()
    document, problems = _read_yaml(path)
    lines = _line_numbers(document)
    values: dict[str, Any] = json.loads(json.dumps(document or {}, default=str))
    values = {key: value for key, value in values.items() if value is not None}  # a section with all keys commented out
    for override in overrides or []:
        problems += _apply(values, override, lines, root)
    values.setdefault("run", path.stem)
    try:
        params = Params.model_validate(values)
    except ValidationError as error:
        problems += _sentences(error, lines)
    if problems:
        head = f"{path}: {len(problems)} error{'s' if len(problems) > 1 else ''}"
        raise ParameterError("\n".join([head, *(f"  {problem}" for problem in problems)]))
    return params


def overridden(overrides: Sequence[str]) -> tuple[Params, dict[str, Any]]:
    """The defaults with `KEY=VALUE` overrides, and the overrides by their dotted names. Raises ParameterError."""
    values: dict[str, Any] = {"run": "look"}
    lines: dict[tuple[str, ...], str] = {}
    problems = [problem for text in overrides for problem in _apply(values, text, lines, Path.cwd())]
    try:
        params = Params.model_validate(values)
    except ValidationError as error:
        problems += _sentences(error, lines)
    if problems:
        raise ParameterError("\n".join(problems))
    sections = {key: value for key, value in values.items() if isinstance(value, dict)}
    return params, {f"{section}.{key}": value for section, own in sections.items() for key, value in own.items()}


def _read_yaml(path: Path) -> tuple[Any, list[str]]:
    try:
        if path.stat().st_size > LARGEST:
            raise ParameterError(f"{path}: is larger than {LARGEST // 1000} KB, so it is no params file.")
        text = path.read_text(encoding="utf-8-sig")
        if any(isinstance(token, AliasToken) for token in YAML(typ="rt").scan(text)):
            raise ParameterError(f"{path}: holds an alias (*name). Write the value out; aliases can grow without end.")
        document = YAML(typ="rt").load(text)
        json.dumps(document, default=str)
    except FileNotFoundError:
        others = ", ".join(sorted(str(file) for file in path.parent.glob("*.yaml"))) if path.parent.is_dir() else ""
        raise ParameterError(f"{path}: there is no such file.{f' There are: {others}.' if others else ''}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path}: cannot be read as text ({error}).") from None
    except DuplicateKeyError as error:
        line = f"line {error.problem_mark.line + 1}" if error.problem_mark else "somewhere"
        raise ParameterError(f"{path}: {line}: a key stands twice. Keep one of the two.") from None
    except MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}" if error.problem_mark else "somewhere"
        raise ParameterError(f"{path}: {line}: not readable as YAML ({error.problem}).") from None
    except ParameterError:
        raise
    except Exception as error:  # ruamel and json have many more for what is no YAML, or has keys that are no words
        raise ParameterError(f"{path}: not readable as `key: value` lines ({type(error).__name__}: {error}).") from None
    if document is not None and not isinstance(document, dict):
        raise ParameterError(f"{path}: should hold `key: value` lines, not a {type(document).__name__}.")
    return document, []


def _line_numbers(document: Any, prefix: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:  # noqa: ANN401
    """Where each key stands, as text for a message."""
    found: dict[tuple[str, ...], str] = {}
    if isinstance(document, dict):
        for key, value in document.items():
            place = (*prefix, str(key))
            found[place] = f"line {document.lc.key(key)[0] + 1}"  # type: ignore[attr-defined]
            found |= _line_numbers(value, place)
    return found


def _apply(values: dict[str, Any], override: str, lines: dict[tuple[str, ...], str], root: Path) -> list[str]:
    key, equals, text = override.partition("=")
    if not equals or not key:
        return [f"--set {override}: write it as KEY=VALUE, for example --set tta.views=10"]
    place = tuple(key.split("."))
    target = values
    for part in place[:-1]:
        if not isinstance(target.setdefault(part, {}), dict):
            return [f"--set {override}: {part} holds a value, not a section"]
        target = target[part]
    target[place[-1]] = text if _is_text(place) and not text.startswith("[") else _parse_scalar(text)
    lines |= {place[: depth + 1]: f"--set {override}" for depth in range(len(place))}
    if key in PLACES and text and Path(text).expanduser().exists():
        target[place[-1]] = os.path.relpath(Path(text).expanduser(), root)
    return []


def _parse_scalar(text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(json.dumps(YAML(typ="safe").load(text)))
    except (YAMLError, TypeError):
        return text


def _is_text(place: tuple[str, ...]) -> bool:
    """Whether the schema has a text at this place; then `--set run=007` stays "007"."""
    model: type[BaseModel] = Params
    for part in place[:-1]:
        field = model.model_fields.get(part)
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return False
        model = field.annotation
    field = model.model_fields.get(place[-1])
    return field is not None and str in (field.annotation, *get_args(field.annotation))


def _sentences(error: ValidationError, lines: dict[tuple[str, ...], str], elsewhere: str = "defaults") -> list[str]:
    """One for each parameter that is wrong, also where pydantic tells of each kind of value that it could have."""
    dotted = [tuple(key.split(".")) for key in _all_keys()]
    keys = {*dotted, *(key[-1:] for key in dotted)}  # a notebook's parameters have no section
    found: dict[tuple[str, ...], list[ErrorDetails]] = {}
    for detail in error.errors():
        place = tuple(str(part) for part in detail["loc"])
        known = next((place[:n] for n in range(len(place), 0, -1) if place[:n] in keys), place)
        found.setdefault(place if detail["type"] == "extra_forbidden" else known, []).append(detail)
    return [_sentence(place, details, lines, elsewhere) for place, details in found.items()]


def _sentence(
    place: tuple[str, ...], details: list[ErrorDetails], lines: dict[tuple[str, ...], str], elsewhere: str
) -> str:
    where = next((lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in lines), elsewhere)
    name, detail = ".".join(place), details[0]
    if detail["type"] == "extra_forbidden":
        return f"{where}: unknown key {name!r}. {_did_you_mean(place)}"
    if detail["type"] == "value_error":
        return f"{where}: {name}: {detail['msg'].removeprefix('Value error, ')}"
    if detail["type"] == "model_type":
        return f"{where}: {name} is a section: write its keys indented below it, not {detail['input']!r}"
    if detail["type"] == "string_pattern_mismatch":
        message = "begin with a letter or digit, and hold only letters, digits, '.', '_' and '-'"
    else:
        message = " or ".join(other["msg"].removeprefix("Input should ") for other in details).replace(
            " or be ", ", or "
        )
    for formal, plain in PLAINLY.items():
        message = message.replace(formal, plain)
    return f"{where}: {name} should {message}, not {detail['input']!r}"


def _did_you_mean(place: tuple[str, ...]) -> str:
    if new := RENAMED.get(".".join(place)):
        return f"It is called {new!r} now."
    everything = _all_keys()
    here = [key.rsplit(".", 1)[-1] for key in everything if key.rpartition(".")[0] == ".".join(place[:-1])]
    close = difflib.get_close_matches(place[-1], here, n=1)
    if close:
        return f"Did you mean {'.'.join((*place[:-1], close[0]))!r}?"
    elsewhere = [key for key in everything if key.rsplit(".", 1)[-1] == place[-1]]
    if not elsewhere:
        names = {key.rsplit(".", 1)[-1]: key for key in everything}
        elsewhere = [names[match] for match in difflib.get_close_matches(place[-1], names, n=1)]
    return f"Did you mean {elsewhere[0]!r}?" if elsewhere else f"Known here: {', '.join(here)}."


def _all_keys() -> list[str]:
    keys = []
    for name, field in Params.model_fields.items():
        keys.append(name)
        if name not in SHARED and field.annotation:
            keys += [f"{name}.{inner}" for inner in field.annotation.model_fields]
    return keys


def names_of(backbone: str | Sequence[str]) -> list[str]:
    """The names in `training.backbone`, which is one name or several."""
    return [backbone] if isinstance(backbone, str) else list(backbone)
