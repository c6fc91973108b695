"""Back into teaching: what people said that new photos show becomes the set of the next run, beside what taught before."""

import os
from pathlib import Path

import pandas as pd

from boatlib import spreadsheet
from boatlib.errors import DataError, ParameterError
from boatlib.files import replacing_folder, write_text
from boatlib.model.inference import bundle
from boatlib.params import Exploration, Params, as_file
from boatlib.photos import arrivals, folders, sources
from boatlib.results.arrived import JUDGE
from boatlib.results.batches import Batches
from boatlib.run import TO_LABEL, Run, project_root

FOLDER = "teaching"  # of the run on new photos
TABLE = "labels.csv"  # in it
COLUMNS = ["photo", "label", "part"]
# a hard link, since links that lead out of a set's folder are not followed
WAYS = {"clone": folders.clone, "link": lambda file, place: os.link(file, place)}


def teach(run: Run, file: Path) -> str:
    """Make FOLDER of a run on new photos, with all photos that taught its model and those that have labels now (reflinks, hard
    links or copies), TABLE with what each shows and its part, and a params file. Returns a sentence.

    What judged the model goes on judging; labels that were drawn to judge join the test photos, all others teach. Raises
    ParameterError for a file that is there already or a run that teaches, DataError where no photo has a label.
    """
    if file.exists():
        raise ParameterError(f"{file} is there already. Name a new file after --write.")
    params = Params.of_run(run.name)
    if not params.model:
        raise ParameterError(
            f"{run.name} answers no new photos. Name a run that was started with `model` and `new.images`."
        )
    taught = _taught_by(params.model)
    known = _known(taught)
    new, root = _labelled(run, params)
    new = new[~new["photo"].isin(known["photo"])]
    folder = run.folder / FOLDER
    with replacing_folder(folder) as fresh:
        for photos, home in ((known, sources.root_of(taught)), (new, root)):
            for photo, source in zip(photos["photo"], photos["source"], strict=True):
                folders.put(home, source, fresh / photo, WAYS)
        table = pd.concat([known, new], ignore_index=True)[COLUMNS]
        write_text(fresh / TABLE, spreadsheet.to_csv(table))
    place = os.path.relpath(folder / TABLE, project_root())
    columns = Exploration(photo_column="photo", label_column="label", part_column="part")
    old = Params.of_run(taught.name)
    kept = {
        name: getattr(old.exploration, name)
        for name in ("min_photos_per_class", "corrections", "background", "leave_out")
    }
    wanted = {
        "images": place,
        "exploration": columns.model_copy(update=kept),
        "split": old.split.model_copy(update={"given": "keep"}),
    }
    write_text(file, as_file(old.model_copy(update=wanted)))
    teaching, judging = (int((new["part"] == part).sum()) for part in ("train", "test"))
    others = new.loc[~new["label"].isin(known["label"]), "label"].value_counts()
    names = ", ".join(f"{label} ({count})" for label, count in others.items())
    return (
        f"{file}: {len(known):,} photos of {taught.name}, {teaching:,} new ones that teach, {judging:,} that judge."
        f"{f' New classes, if they have photos enough: {names}.' if names else ''} The run keeps the name {taught.name}, so "
        f"that its report says what changed. Next: ./run_all.sh {file}"
    )


def _taught_by(model: str) -> Run:
    """The run that made a model folder. Raises DataError where it is not here."""
    folder = (project_root() / model).resolve().parent
    run = Run(folder.name)
    if folder != (project_root() / "runs" / folder.name).resolve() or not run.path("split").is_file():
        raise DataError(
            f"The run that made {model} is not here, so its photos are not known. Teach where it was taught."
        )
    return run


def _known(taught: Run) -> pd.DataFrame:
    """All photos of a run, with their parts: columns COLUMNS and source."""
    rows = taught.table("split")
    return rows.assign(part=rows["split"], source=rows["photo"])[[*COLUMNS, "source"]]


def _labelled(run: Run, params: Params) -> tuple[pd.DataFrame, Path]:
    """New photos that have a label, and the folder that they lie in."""
    model = project_root() / params.model
    classes = bundle.classes_of(model)
    found = arrivals.find(params.new.images, params.new.labels, classes)
    rows = found.table.ask("SELECT * FROM rows WHERE reason = '' ORDER BY photo")
    batches = Batches(run, bundle.fingerprint(model))
    said = batches.labels(found, classes)
    rows = rows.assign(label=rows["photo"].map(said).fillna(""))
    asked = batches.asked()
    judging = set(asked.loc[asked["purpose"] == JUDGE, "photo"])
    rows = rows[rows["label"] != ""]
    if rows.empty:
        raise DataError(
            f"No new photo of {run.name} has a label. Fill in runs/{run.name}/{TO_LABEL}, or name labels in new.labels."
        )
    parts = ["test" if photo in judging else "train" for photo in rows["photo"]]
    names = [f"{FOLDER}-{run.name}/{photo}" for photo in rows["photo"]]
    files = pd.Series([os.fsdecode(file) for file in rows["file"]], rows.index, dtype=object)  # may be no UTF-8
    return rows.assign(part=parts, source=files, photo=names)[[*COLUMNS, "source"]], found.root
