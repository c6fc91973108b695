"""How a run was made: settings, fingerprints, versions, the command that makes it again; and what the words mean."""

import shlex
from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.model.inference.bundle import Bundle
from boatlib.params import Params, shareable
from boatlib.run import Run, files_of
from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, escape

GLOSSARY = {
    "Accuracy": "The share of right answers among all test photos. Common classes weigh more than rare ones.",
    "Balanced accuracy": "The same with every class weighing alike: the mean of the classes' shares.",
    "95% range": "How far chance could have moved a share: the true one lies in such a range 95 times out of 100 (Wilson).",
    "Confidence": "How probable the model holds its own answer.",
    "Confusion matrix": "A table of what photos show against what the model says of them.",
    "F1": "Precision and recall in one number: their harmonic mean.",
    "Learning curve": "How the share of right answers grows with the number of photos that the model learnt from.",
    "p-value": "How probable a difference at least this large would be by chance alone. Below 0.05 it is called proven.",
    "Precision": "Of the answers with the name of a class, the share that is true.",
    "Recall": "Of the photos of a class, the share that is found.",
    "Temperature": "One number that makes the model more or less sure of itself, so that its confidence fits what comes true.",
    "Top-3": "An answer counts as right when the right class is among the three most probable ones.",
    "Train, val, test": "Photos that teach the model, photos that tune it (validation), photos that judge it once.",
    "TTA": "Test-time augmentation: several looks at a photo, whose answers are averaged.",
}


def glossary() -> Html:
    """The words of the report, explained."""
    items = "".join(f"<dt>{escape(word)}</dt><dd>{escape(meaning)}</dd>" for word, meaning in GLOSSARY.items())
    return Html(f"<dl>{items}</dl>", "\n".join(f"{word}: {meaning}" for word, meaning in GLOSSARY.items()))


def settings(params: Params) -> Html:
    """All settings of a run, and the defaults of those that differ."""
    defaults = shareable(Params(run=params.run).model_dump())
    rows = [
        (name, str(value), "" if value == defaults[name] else str(defaults[name]))
        for name, value in shareable(params.model_dump()).items()
    ]
    return tables.table(
        pd.DataFrame(rows, columns=["setting", "value", "default, where it differs"]),
        "Settings of this run",
        css="compact",
    )


def command(params: Params) -> Html:
    """The command that makes the run again: the default params file, and what differs from it."""
    defaults = shareable(Params(run="sample").model_dump())
    changed = [
        f"--set {shlex.quote(f'{name}={_yaml(value)}')}"
        for name, value in shareable(params.model_dump()).items()
        if value != defaults[name]
    ]
    words = " ".join(["./run_all.sh params/sample.yaml", *changed])
    return Html(f'<pre class="command" tabindex="0"><code>{escape(words)}</code></pre>', words)


def params_lines(section: str, wanted: Mapping[str, Any]) -> Html:
    """The lines of a params file that ask for settings of one section; what is a default anyway needs none."""
    defaults = getattr(Params(run="sample"), section).model_dump()
    changed = [f"  {name}: {_yaml(value)}" for name, value in wanted.items() if value != defaults[name]]
    words = "\n".join([f"{section}:", *changed]) if changed else f"# {section}: these are the defaults"
    return Html(f'<pre class="command" tabindex="0"><code>{escape(words)}</code></pre>', words)


def _yaml(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def fingerprints(bundle: Bundle) -> Html:
    """By what data and model are recognised, and the versions that made them."""
    rows = [
        ("photos and labels that taught and tuned", bundle.taught_on["fingerprint"]),
        ("weights of the model (SHA-256)", bundle.weights_sha256),
        *((name, version) for name, version in bundle.versions.items()),
    ]
    return tables.table(
        pd.DataFrame(rows, columns=["what", "fingerprint or version"]), "Data, model and program", css="compact"
    )


def files_written(run: Run, notebook: str) -> Html:
    """What a notebook has made: file, size. It is each notebook's last cell, and the proof that it came so far."""
    rows = []
    for name in files_of(notebook):
        path = run.need(name)
        inside = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        size = sum(file.stat().st_size for file in inside)
        words = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"
        rows.append({"file": f"runs/{run.name}/{path.name}", "files": len(inside), "size": words})
    return tables.table(pd.DataFrame(rows), "Files of this notebook", {"files": tables.number, "size": str})
