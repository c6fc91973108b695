"""How a run was made: settings, fingerprints, versions, the command that makes it again; and what the words mean."""

import shlex
from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from boatlib.messages import gettext as _
from boatlib.model.inference.bundle import Bundle
from boatlib.params import Params, shareable
from boatlib.run import Run, files_of
from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, escape, paragraph
from boatlib.show.kit.names import ID

GLOSSARY = (
    lambda: (_("95% range"), _("How far chance could have moved a share (Wilson).")),
    lambda: (_("Accepted"), _("Used without a look by a person.")),
    lambda: (_("p-value"), _("How probable so large a difference is by chance alone; below 0.05 it is called proven.")),
    lambda: (_("Test photos"), _("They judge the model once, and had no say in its making.")),
    lambda: (_("Unfamiliar"), _("So unlike all that taught the model that its answer counts for nothing.")),
    lambda: (_("Validation photos"), _("They tune the model and draw its lines, before the test.")),
)


def glossary() -> Html:
    """The words of the report, explained."""
    words = sorted((word() for word in GLOSSARY), key=lambda word: word[0].casefold())
    items = "".join(f"<dt>{escape(word)}</dt><dd>{escape(meaning)}</dd>" for word, meaning in words)
    return Html(f"<dl>{items}</dl>", "\n".join(f"{word}: {meaning}" for word, meaning in words))


def record(params: Params, bundle: Bundle, made: date) -> dict[str, Any]:
    """What `run.json` keeps of how a run was made: day, settings, the command that makes it again, fingerprints, versions."""
    return {
        "run": params.run,
        "made": made.isoformat(),
        "settings": shareable(params.model_dump()),
        "command": command(params),
        "photos": bundle.taught_on["fingerprint"],
        "model": bundle.weights_sha256,
        "versions": dict(bundle.versions),
    }


def short_id(bundle: Bundle) -> Html:
    """By what the model is known, and where the settings stand."""
    text = _(
        "Model {id}. Settings, versions and the command that makes it again: run.json, beside this page.",
        id=bundle.weights_sha256[:ID],
    )
    return paragraph(text, "note")


def command(params: Params) -> str:
    """The command that makes the run again: the default params file, and what differs from it."""
    defaults = shareable(Params(run="sample").model_dump())
    changed = [
        f"--set {shlex.quote(f'{name}={_yaml(value)}')}"
        for name, value in shareable(params.model_dump()).items()
        if value != defaults[name]
    ]
    return " ".join(["./run_all.sh params/sample.yaml", *changed])


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
