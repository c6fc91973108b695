"""`python -m boatlib doctor`: is all there that a run needs? A line for each, fine or with what to do."""

import importlib.metadata
import os
import platform
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from boatlib import runtime
from boatlib.errors import BoatlibError, ParameterError
from boatlib.files import check_writable
from boatlib.pipeline.kernel import COPIES
from boatlib.run import cache_folder, project_root

ENOUGH_DISK = 2e9  # bytes free: a run of some thousand photos with its caches
ENOUGH_MEMORY = 3e9  # bytes: a run needs 2 GB, the system something too
# Versions below have holes that are known, or cannot do what is needed here
LEAST = {"torch": "2.10", "nbconvert": "7.17.1", "pillow": "12", "papermill": "2.7", "pandas": "3", "snakemake": "9"}


class Finding(NamedTuple):
    """What was looked at, what was found, and what to do ("": it is fine)."""

    what: str
    found: str
    advice: str = ""


def examine() -> Iterator[Finding]:
    """All findings, in the order in which they are shown."""
    yield Finding("Python", platform.python_version())
    yield from _versions()
    yield _cores()
    yield _memory()
    yield from _places()
    yield _kernel()
    yield _browser()
    yield from _weights()


def report(findings: Iterable[Finding]) -> str:
    """One screen: a line for each finding, and how many need something."""
    lines, open_ones = [], 0
    for finding in findings:
        open_ones += bool(finding.advice)
        mark = "!   " if finding.advice else "ok  "
        lines.append(f"{mark}{finding.what:<22} {finding.found}{f'. {finding.advice}' if finding.advice else ''}")
    last = f"{open_ones} of {len(lines)} need a look." if open_ones else f"All {len(lines)} are fine."
    return "\n".join([*lines, "", last])


def _versions() -> Iterator[Finding]:
    for name, least in LEAST.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "not installed", f"python -m pip install -c constraints.txt '{name}>={least}'")
            continue
        old = Version(found) < Version(least)
        yield Finding(name, found, f"At least {least} is needed. Delete .venv and start ./run_all.sh" if old else "")


def _cores() -> Finding:
    where = "GPU" if runtime.machine().device == "cuda" else "CPU"
    half = ", bfloat16" if runtime.takes_bfloat16() else ", float32 only: about half as fast"
    return Finding("computes with", f"{where}, {runtime.cores()} cores, {runtime.gpus()} NVIDIA GPUs{half}")


def _memory() -> Finding:
    pages, size = (os.sysconf(name) for name in ("SC_PHYS_PAGES", "SC_PAGE_SIZE"))
    total = pages * size
    advice = "A run needs about 2 GB; close other programs, or take params/quick.yaml" if total < ENOUGH_MEMORY else ""
    return Finding("memory", f"{total / 1e9:.0f} GB", advice)


def _places() -> Iterator[Finding]:
    root = project_root()
    for name, folder in (("runs/", root / "runs"), ("reports/", root / "reports"), ("cache", cache_folder("."))):
        try:
            check_writable(folder)
        except BoatlibError as error:
            yield Finding(name, "cannot be written", str(error))
            continue
        free = shutil.disk_usage(folder).free
        yield Finding(
            name, f"can be written, {free / 1e9:.0f} GB free", "" if free > ENOUGH_DISK else "Make room on the disk"
        )


def _kernel() -> Finding:
    """Kernels are started by this interpreter itself, so its own ipykernel is what counts."""
    how = "copies of one process" if COPIES else "each begun anew, since copies are not safe here"
    try:
        return Finding("kernels", f"ipykernel {importlib.metadata.version('ipykernel')}, {how}")
    except importlib.metadata.PackageNotFoundError:
        return Finding("kernels", "not found", "python -m pip install -c constraints.txt ipykernel")


def _browser() -> Finding:
    from boatlib.report import pdf

    found = pdf.find_browser()
    return Finding(
        "browser for the PDF", found or "none", "" if found else f"Install Chromium, or name one in {pdf.BROWSER}"
    )


def _weights() -> Iterator[Finding]:
    from boatlib import params
    from boatlib.model.networks import backbones, weights
    from boatlib.params import Training

    for name in sorted({*backbones.LITE, *params.names_of(Training().backbone)}):
        try:
            file = weights.find_weights(name, weights.DEFAULT)[0] if weights.default_place(name).is_file() else None
        except ParameterError as error:
            yield Finding(name, "damaged", str(error))
            continue
        size = f"{Path(file).stat().st_size / 1e6:.0f} MB, checked" if file else "not at hand"
        yield Finding(name, size, "" if file else "It is fetched when it is named, where there is a connection")
