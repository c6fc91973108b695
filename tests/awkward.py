"""A project of its own, in a folder whose name is as awkward as names get, with one good run in it."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from conftest import copy_of_the_project, make_set

NAME = "mine"
UMASK = 0o026
PARAMS = """images: photos é {y}
exploration: {min_photos_per_class: 8}
training: {recipe: head, backbone: efficientnet_lite0, resolution: default, range_test: 0, epochs: 12}
compute: {amp: "off"}
"""


class Project:
    """A copy of the project's notebooks and workflow, with a params file and photos of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        copy_of_the_project(folder)
        shutil.rmtree(folder / "params")
        (folder / "params").mkdir()
        (folder / "params" / f"{NAME}.yaml").write_text(PARAMS, encoding="utf-8")
        self.photos = make_set(folder / "photos é {y}", {"kayak": 14, "paper boat": 12})
        self.run_folder, self.report = folder / "runs" / NAME, folder / "reports" / NAME

    @property
    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "boatlib", "run", f"params/{NAME}.yaml", *arguments]

    def run(self, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        options = {"env": self.environment, "timeout": 300} | options
        return subprocess.run(self.command(*arguments), cwd=self.folder, capture_output=True, text=True, **options)

    def ask(self, *words: object, before: list[str] = (), **options: object) -> subprocess.CompletedProcess[str]:
        """Another command of the program, such as `predict`, in this project's folder."""
        command = [*before, sys.executable, "-m", "boatlib", *map(str, words)]
        options = {"cwd": self.folder, "env": self.environment, "text": True, "timeout": 300} | options
        streams = {} if "stdout" in options else {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.run(command, **streams | options)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments), cwd=self.folder, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests in the background inherit "ignored"
        )  # fmt: skip

    @contextlib.contextmanager
    def cell(self, step: str, source: str):
        """A cell before the last one of a notebook, while the block runs."""
        file = self.folder / "notebooks" / f"{step}.ipynb"
        before = file.read_bytes()
        notebook = json.loads(before)
        cell = {"cell_type": "code", "id": "fault", "metadata": {}, "outputs": [], "execution_count": None}
        notebook["cells"].insert(-1, cell | {"source": source})
        file.write_text(json.dumps(notebook))
        try:
            yield
        finally:
            file.write_bytes(before)

    def inputs(self) -> str:
        return digest(self.photos, self.folder / "params")

    def good(self) -> str:
        """Fingerprint of the last good run: its report, and its files."""
        return digest(self.report, self.run_folder / "earlier" / "newest")

    def processes(self) -> list[str]:
        """Command lines that work on this project."""
        found = subprocess.run(["pgrep", "-af", "boatlib|ipykernel|snakemake"], capture_output=True, text=True).stdout
        return [line for line in found.splitlines() if _folder_of(line.split()[0]) == str(self.folder)]


def _folder_of(process: str) -> str:
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{process}/cwd")
    return ""


def digest(*folders: Path) -> str:
    """SHA-256 over the names and contents of all files below some folders."""
    sums = hashlib.sha256()
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            sums.update(f"{file.relative_to(folder)}\0".encode(errors="surrogateescape") + file.read_bytes())
    return sums.hexdigest()


def plain(result) -> str:
    """What the user sees; it holds no traceback."""
    shown = f"{result.stdout}{result.stderr or ''}"
    assert "Traceback" not in shown, shown
    return shown
