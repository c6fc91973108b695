"""The model card: a text file inside the model folder that says what the model is, written from the data."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from boatlib.files import write_text
from boatlib.model.inference.bundle import CARD, Bundle
from boatlib.model.inference.familiarity import REFERENCE
from boatlib.results import metrics
from boatlib.results.shortcuts import Shortcuts
from boatlib.shares import percent
from boatlib.show import elsewhere as show_elsewhere
from boatlib.show import policy, shortcuts
from boatlib.show import unknown as show_unknown
from boatlib.show.kit import words

LOADING = """```python
from boatlib.model.inference.predictor import Predictor

predictor = Predictor.load("{folder}")
answers = predictor.predict(["photo1.jpg", "photo2.jpg"])
print(answers[["photo", "predicted", "confidence", "unfamiliar", "needs_review", "reason", "error"]])
```"""


def write_card(
    bundle: Bundle,
    judged_by: str,
    overall: Mapping[str, Any],
    judged: Mapping[str, Any] | None = None,
    per_class: pd.DataFrame | None = None,
    unknown: pd.DataFrame | None = None,
    warned: Sequence[str] = (),
) -> Path:
    """Write MODEL_CARD.md into the model folder, in place of an older one.

    judged_by: "validation" or "test", the photos that the figures come from; judged: `results.policy.judged` by them, None where
    no line is drawn yet. per_class, unknown: the tables of 04_evaluation; warned: `warnings`.
    """
    taught = bundle.taught_on
    names = [body.name for body in bundle.bodies]
    parts = [
        f"# Model card: {taught['run']}",
        f"This model looks at a photo and names one of {len(bundle.classes)} classes: {words.listing(bundle.classes)}.",
        *(f"**{_cell(text)}**" for text in warned),
        "## What it was taught on",
        _taught_on(taught, names),
        _counts(taught),
        "## How good it is",
        _how_good(judged_by, overall, bool(taught.get("refit"))),
        *([_class_table(per_class)] if per_class is not None else []),
        "## What to do with its answers",
        policy.words(judged)
        if judged
        else "No line is drawn yet (06_summary does it), so let a person check every answer.",
        f"In `predict` and in the ONNX example, {_flags(bundle)}",
        "## What it cannot say",
        "\n".join(f"- {line}" for line in _limits(bundle, per_class, unknown)),
        "## How to load it",
        "In an environment with boatlib:",
        LOADING.format(folder=bundle.folder.name),
        f"For whole folders: `python -m boatlib predict {bundle.folder.name} FOLDER --csv answers.csv`. Without boatlib and "
        f"torch: `python -m boatlib export {bundle.folder.name} --onnx`.",
        f"Weights: SHA-256 {bundle.weights_sha256}, made with "
        f"{', '.join(f'{name} {version}' for name, version in bundle.versions.items())}.",
    ]
    return write_text(bundle.folder / CARD, "\n\n".join(parts) + "\n")


def warnings(found: Shortcuts, elsewhere: Mapping[str, Any]) -> list[str]:
    """What must be known before the figures are read. elsewhere: `elsewhere.json`."""
    return [text for text in [*shortcuts.warnings(found), show_elsewhere.warning(elsewhere)] if text]


def _taught_on(taught: Mapping[str, Any], names: list[str]) -> str:
    photos = sum(taught["photos"].values())
    frozen = taught.get("frozen", [])
    network = f"{words.listing(taught.get('backbone', names))} (weights: {taught['weights']})"
    part = "all of it" if taught["unfreeze"] == "all" else f"from its stage {taught['unfreeze']} on"
    how = {
        "head": f"{network} stayed as it was; a head on top learnt.",
        "finetune": f"{network} learnt too, {part}, after a head on top of it had learnt.",
    }
    recipe = taught.get("recipe", taught.get("mode"))
    together = ""
    if taught.get("cross_fit"):
        together = " It learnt three times, each time without a third of the photos; the three answer together."
    if frozen:
        share = percent(taught["frozen_share"], 0)
        together += f" {words.listing(frozen)} stayed frozen, with a head of their own, which has {share} of the say."
    again = " Then it was taught once more with those too, for as many epochs." if taught.get("refit") else ""
    if again and recipe == "finetune":
        again = f"{again[:-1]}, and both answer together."
    return (
        f"{photos:,} photos, {taught['val_photos']:,} others decided when to stop.{again} {how[recipe]}{together} "
        f"Seed {taught['seed']}; fingerprint of the photos and their labels: {taught['fingerprint']}."
    )


def _counts(taught: Mapping[str, Any]) -> str:
    rows = "\n".join(f"| {_cell(name)} | {count} |" for name, count in taught["photos"].items())
    return f"| class | training photos |\n|---|---|\n{rows}"


def _how_good(judged_by: str, overall: Mapping[str, Any], refit: bool) -> str:
    """The figures, and whose they are: the validation photos judge before they teach."""
    warning = {
        "validation": " These photos had a say in its making, so this is a little too good; the test photos have not judged yet.",
        "test": " These photos had no say in its making.",
    }
    first = "Before it learnt from them too, it named" if refit and judged_by == "validation" else "It names"
    return (
        f"{first} {overall['correct']} of {overall['photos']} {judged_by} photos rightly: {percent(overall['accuracy'])} (95% "
        f"range {percent(overall['accuracy_low'])} to {percent(overall['accuracy_high'])}); counting every class alike, "
        f"{percent(overall['balanced_accuracy'])}.{warning[judged_by]}"
    )


def _class_table(per_class: pd.DataFrame) -> str:
    rows = [
        f"| {_cell(str(row['class']))} | {row['correct']} of {row['test']} | "
        + (f"{percent(row['top1_low'])} to {percent(row['top1_high'])} |" if row["test"] else "no test photos |")
        for row in per_class.to_dict("records")
    ]
    return "\n".join(["| class | right | 95% range |", "|---|---|---|", *rows])


def _flags(bundle: Bundle) -> str:
    return (
        "`needs_review` marks what a person should look at, `reason` says why, and `unfamiliar` marks photos unlike those that "
        "taught it. For this, the folder holds `reference.safetensors`: 128 numbers for each of at most about 3,000 photos "
        f"({_size(bundle.folder / REFERENCE)}); no picture can be rebuilt from them. "
        "Such numbers of the test photos, with their confidence and their light, are in `held_out.safetensors`, once a test has "
        "judged it: new photos are compared with them."
    )


def _size(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.1f} MB" if file.is_file() else "not there yet"


def _limits(bundle: Bundle, per_class: pd.DataFrame | None, unknown: pd.DataFrame | None) -> list[str]:
    lines = ["It always names one of its classes, also for a photo that shows none of them, or several."]
    if unknown is not None and (text := show_unknown.in_short(unknown)):
        lines.append(_cell(text))
    left_out = bundle.taught_on["left_out"]
    if left_out:
        names = words.listing([f"{_cell(name)} ({count} photos)" for name, count in left_out.items()])
        lines.append(f"Left out, because there were too few photos: {names}. It does not know them.")
    if per_class is not None:
        weakest = metrics.weakest_class(per_class)
        row = per_class[per_class["class"] == weakest].iloc[0]
        lines.append(f"It is weakest for {_cell(weakest)}: {row['correct']} of {row['test']} test photos.")
    height, width = max(body.preprocessing.shape for body in bundle.bodies)
    if any(body.preprocessing.width for body in bundle.bodies):
        lines.append(
            f"It looks at the whole photo, squeezed into {width} x {height} pixels; what is tiny in there is hard to see."
        )
    else:
        lines.append(
            f"It looks at a square from the middle of the photo, {width} x {height} pixels; what lies outside is not seen."
        )
    lines.append(
        "Its confidence was calibrated on the validation photos; it says how often such answers are right, for photos like these."
    )
    return lines


def _cell(text: str) -> str:
    """A name that cannot break out of a table or become markup."""
    return "".join(f"\\{c}" if c in "|`*_<>[]\\" else c for c in text.replace("\n", " "))
