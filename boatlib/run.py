"""The files of a run: where each lies, and which notebook makes it."""

import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boatlib.errors import DamagedFileError, DiskError, MissingInputError, ParameterError
from boatlib.files import explained, replacing, write_text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd  # imported where it is used: the command line answers faster without it


# name -> (path below runs/<run>/, notebook that makes it)
FILES = {
    "catalog": ("catalog.csv", "01_exploration"),
    "duplicates": ("duplicates.csv", "01_exploration"),
    "classes": ("classes.csv", "01_exploration"),
    "photos": ("photos.json", "01_exploration"),
    "file_facts": ("file_facts.csv", "01_exploration"),
    "glances": ("glances.npy", "01_exploration"),
    "split": ("split.csv", "02_split"),
    "data": ("data", "02_split"),
    "model": ("model", "03_training"),
    "taught": ("taught.json", "03_training"),
    "recipe": ("recipe.yaml", "03_training"),
    "recipes": ("recipes.csv", "03_training"),
    "search": ("search.json", "03_training"),
    "history": ("history.csv", "03_training"),
    "timing": ("timing.json", "03_training"),
    "calibration": ("calibration.json", "03_training"),
    "val_predictions": ("val_predictions.csv", "03_training"),
    "judges": ("judges.csv", "03_training"),
    "predictions": ("predictions.csv", "04_evaluation"),
    "per_class": ("per_class.csv", "04_evaluation"),
    "confusion_matrix": ("confusion_matrix.csv", "04_evaluation"),
    "confusion_matrix_picture": ("confusion_matrix.png", "04_evaluation"),
    "baselines": ("baselines.csv", "04_evaluation"),
    "crop_audit": ("crop_audit.csv", "04_evaluation"),
    "label_suspects": ("label_suspects.csv", "04_evaluation"),
    "learning_curve": ("learning_curve.csv", "04_evaluation"),
    "shortcuts": ("shortcuts.csv", "04_evaluation"),
    "shortcuts_found": ("shortcuts.json", "04_evaluation"),
    "metrics": ("metrics.json", "04_evaluation"),
    "unknown": ("unknown.csv", "04_evaluation"),
    "elsewhere": ("elsewhere.csv", "04_evaluation"),
    "elsewhere_estimate": ("elsewhere.json", "04_evaluation"),
    "tta_predictions": ("tta_predictions.csv", "05_tta"),
    "tta_per_class": ("tta_per_class.csv", "05_tta"),
    "tta": ("tta.json", "05_tta"),
    "policy": ("policy.csv", "06_summary"),
    "summary": ("summary.json", "06_summary"),
    "run_record": ("run.json", "06_summary"),
    "mail": ("mail.txt", "06_summary"),
}
NEW_PHOTOS = "07_new_photos"  # the one step of a run that answers new photos
OF_NEW_PHOTOS = {  # what it makes, beside the last three of FILES
    "answers": ("answers.csv", NEW_PHOTOS),
    "watch": ("watch.csv", NEW_PHOTOS),
    "drift": ("drift.csv", NEW_PHOTOS),
    "acceptance": ("acceptance.csv", NEW_PHOTOS),
}
PLACES = FILES | OF_NEW_PHOTOS
SHARED_FILES = ("summary", "run_record", "mail")
BATCHES = "batches"  # folder of such a run: what was answered so far
TO_LABEL = "to_label.csv"  # beside it: photos that a person should name, to be filled in
FOLDERS = {"data", "model"}
CHECKPOINTS = "checkpoints"  # folder of a run, in which an interrupted training leaves what --resume needs
LAST = "last.json"  # in it: names the newest whole checkpoint
ROWS = 50_000  # of a table that are text at a time
EARLIER = (
    "earlier"  # folder of a run: all files (but photos) of the last two published runs of its name, if they differ
)
NEWEST, BEFORE = "newest", "before"  # in it
KEPT = ("params.json", "notebooks", *(path for name, (path, _) in PLACES.items() if name != "data"))


def in_words(summary: dict[str, Any]) -> str:
    """What `summary.json` says of a run: the warnings first, then the verdict."""
    return " ".join([*summary.get("warnings", []), summary["verdict"]])


def project_root(start: Path | None = None) -> Path:
    """The folder that holds `notebooks/` and `workflow/`, looked for from `start` (default: here) upwards."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "workflow" / "Snakefile").is_file() and (folder / "notebooks").is_dir():
            return folder
    raise MissingInputError(f"{start} is not inside the project (no folder above it holds workflow/Snakefile).")


def all_steps(root: Path, answers: bool = False) -> list[str]:
    """The notebooks of a run that teaches, in their order, or of one that answers; 00_by_hand stands outside."""
    if answers:
        return [NEW_PHOTOS]
    names = [path.stem for path in sorted((root / "notebooks").glob("*.ipynb"))]
    return [name for name in names if not name.startswith("00") and name != NEW_PHOTOS]


def last_run(answers: bool = False) -> str | None:
    """Name of the run that was started last, of those that teach or of those that answer; None where there is none."""
    files = [file for file in (project_root() / "runs").glob("*/params.json") if _answers(file) == answers]
    started = {file.parent.name: (file.parent / "logs" / "lock") for file in files}
    times = {name: lock.stat().st_mtime for name, lock in started.items() if lock.is_file()}
    return max(times, key=times.__getitem__, default=None)


def chosen_run(answers: bool = False) -> str | None:
    """The run that was chosen for JupyterLab, otherwise the one that was started last; None where there is none."""
    file = _choice(answers)
    name = file.read_text(encoding="utf-8") if file.is_file() else ""
    return name if name and (project_root() / "runs" / name / "params.json").is_file() else last_run(answers)


def choose_run(name: str) -> None:
    """Have notebooks in JupyterLab work on a run; "": on the one that was started last. Raises ParameterError where it is not
    there.
    """
    if not name:
        for answers in (False, True):
            _choice(answers).unlink(missing_ok=True)
        return
    known = sorted(file.parent.name for file in (project_root() / "runs").glob("*/params.json"))
    if name not in known:
        raise ParameterError(f"There is no run {name!r}. There are: {', '.join(known) or 'none yet'}.")
    write_text(_choice(_answers(project_root() / "runs" / name / "params.json")), name)


def _choice(answers: bool) -> Path:
    return cache_folder("lab") / ("run-that-answers" if answers else "run-that-teaches")


def _answers(params: Path) -> bool:
    try:
        return bool(json.loads(params.read_text(encoding="utf-8")).get("model"))
    except (OSError, ValueError):
        return False


def started_runs() -> list[str]:
    """Names of the runs that were started by the chain or by a notebook, sorted."""
    return sorted(folder.name for folder in (project_root() / "runs").glob("*") if folder.is_dir())


def finished_runs() -> list[str]:
    """Names of the runs that have been evaluated, sorted."""
    return sorted(file.parent.name for file in (project_root() / "runs").glob("*/metrics.json"))


def cache_folder(name: str) -> Path:
    """A folder whose content can be deleted at any time and is made again when needed.

    It lies below the folder that BOATLIB_CACHE names; without that, below `.cache/` of the project, or, outside a project,
    `~/.cache/boatlib/`; where that cannot be written, below a temporary folder of the user's own. Raises DiskError.
    """
    if chosen := os.environ.get("BOATLIB_CACHE"):
        return _made(Path(chosen).expanduser() / name)
    try:
        usual = project_root() / ".cache"
    except MissingInputError:
        usual = Path.home() / ".cache" / "boatlib"
    try:
        folder = _made(usual / name)
        if os.access(folder, os.W_OK):
            return folder
    except DiskError:
        pass
    return _made(_private(temporary_caches()) / name)


def _made(folder: Path) -> Path:
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def temporary_caches() -> Path:
    """Where caches go that can be written nowhere else: a folder of this user's, in the system's temporary one."""
    return Path(tempfile.gettempdir(), f"boatlib-{os.getuid()}")


def _private(place: Path) -> Path:
    """Make a folder that only this user may open. Raises DiskError where somebody else has one of that name."""
    with explained(place):
        place.mkdir(mode=0o700, exist_ok=True)
    if place.is_symlink() or place.stat().st_uid != os.getuid():
        raise DiskError(f"{place} belongs to somebody else. Name a folder for caches in BOATLIB_CACHE.")
    return place


def files_of(notebook: str) -> list[str]:
    """Names of the files that a notebook makes."""
    return [name for name, (_, maker) in PLACES.items() if maker == notebook]


@dataclass(frozen=True)
class Run:
    """A run by its name; `run.path("split")` is where a file lies, `run.need("split")` also asks that it is there."""

    name: str

    @property
    def folder(self) -> Path:
        """`runs/<run>/`, made when it is missing."""
        folder = project_root() / "runs" / self.name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def path(self, name: str) -> Path:
        """Where the file called `name` (a key of PLACES) lies."""
        return self.folder / PLACES[name][0]

    def need(self, name: str) -> Path:
        """The same, for reading. Raises MissingInputError that names the notebook to run first."""
        path = self.path(name)
        if not path.exists():
            raise MissingInputError(
                f"runs/{self.name}/{PLACES[name][0]} is missing. Run notebooks/{PLACES[name][1]}.ipynb first."
            )
        return path

    def table(self, name: str) -> "pd.DataFrame":
        """Read a CSV file of the run (`spreadsheet.read_table`). Raises DamagedFileError."""
        from boatlib import spreadsheet

        try:
            return spreadsheet.read_table(self.need(name))
        except ValueError as error:
            raise self._damaged(name) from error

    def earlier(self) -> Path | None:
        """The folder with the files of the last published run of this name whose predictions differ from the present ones."""
        now = self.need("predictions").read_bytes()
        for name in (NEWEST, BEFORE):
            folder = self.folder / EARLIER / name
            if (folder / "predictions.csv").is_file() and (folder / "predictions.csv").read_bytes() != now:
                return folder
        return None

    def trained_epochs(self) -> int:
        """How far a training that has not ended has come, by its last checkpoint; 0 where there is none."""
        last = self.folder / CHECKPOINTS / LAST
        if self.path("model").exists() or not last.is_file():
            return 0
        record = json.loads(last.read_text(encoding="utf-8"))
        return 0 if record.get("finished") else int(record["epoch"])

    def seconds_of(self, step: str) -> float:
        """How long a notebook of the chain took when it was executed last; nan where it was not."""
        file = self.folder / "notebooks" / f"{step}.ipynb"
        if not file.is_file():
            return float("nan")
        return float(json.loads(file.read_text(encoding="utf-8"))["metadata"]["papermill"]["duration"])

    def record(self, name: str) -> dict[str, Any]:
        """Read a JSON file of the run. Raises DamagedFileError."""
        try:
            record = json.loads(self.need(name).read_text(encoding="utf-8"))
            return dict(record)
        except (ValueError, TypeError) as error:
            raise self._damaged(name) from error

    def value_range(self) -> tuple[float, float] | None:
        """What is black and white in the set's pictures of more than 8 bits; None where it has none. Raises DamagedFileError."""
        found = self.record("photos").get("value_range")
        return (float(found[0]), float(found[1])) if found else None

    def limits(self) -> tuple[int, int]:
        """Shorter side at least, and pixels at most, of the photos that were let through. Raises DamagedFileError."""
        low, high = self.record("photos").get("limits", (32, 64_000_000))
        return int(low), int(high)

    def same_file(self) -> tuple[int, bool, int]:
        """To what all photos can be brought: pixels, whether colour is taken out, JPEG quality. Raises DamagedFileError."""
        record = self.record("photos")
        if "same_file" not in record:
            raise self._damaged("photos")
        pixels, colourless, quality = record["same_file"]
        return int(pixels), bool(colourless), int(quality)

    def shape(self) -> tuple[float, float]:
        """Width and height in pixels that are typical of the set's photos. Raises DamagedFileError."""
        width, height = self.record("photos").get("shape", (3.0, 2.0))
        return float(width), float(height)

    def _damaged(self, name: str) -> DamagedFileError:
        file, maker = PLACES[name]
        return DamagedFileError(
            f"runs/{self.name}/{file} is damaged: it is cut off, or not what {maker} writes. Delete it and start again; it is "
            "made anew."
        )

    def write_table(self, name: str, table: "pd.DataFrame") -> Path:
        """Write a DataFrame (without its index) as the CSV file called `name`."""
        starts = range(0, max(len(table), 1), ROWS)
        return self.write_parts(name, (table.iloc[start : start + ROWS] for start in starts))

    def write_parts(self, name: str, parts: "Iterable[pd.DataFrame]") -> Path:
        """The same of a table that comes in parts, one of which is in memory at a time."""
        from boatlib import spreadsheet

        with replacing(self.path(name)) as new, new.open("wb") as file:
            for number, part in enumerate(parts):
                file.write(spreadsheet.to_csv(part, head=number == 0).encode("utf-8"))
        return self.path(name)

    def write_text(self, name: str, text: str) -> Path:
        """Write the text file called `name`."""
        return write_text(self.path(name), text)

    def array(self, name: str) -> "np.ndarray":
        """Read an array of the run. Raises DamagedFileError."""
        import numpy as np

        try:
            return np.load(self.need(name))
        except (ValueError, EOFError) as error:
            raise self._damaged(name) from error

    def write_array(self, name: str, values: "np.ndarray") -> Path:
        """Write an array as the file called `name` (NumPy's own format, without pickle)."""
        import numpy as np

        with replacing(self.path(name)) as new, new.open("wb") as file:
            np.save(file, values, allow_pickle=False)
        return self.path(name)

    def write_record(self, name: str, record: dict[str, Any]) -> Path:
        """Write a dictionary as the JSON file called `name`."""
        return write_text(self.path(name), json.dumps(record, indent=2, ensure_ascii=False) + "\n")
