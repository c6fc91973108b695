"""Sets that come as one file, or from afar: unpacked or fetched once, into the cache."""

import hashlib
import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from boatlib.errors import DataError
from boatlib.files import replacing_folder, write_text
from boatlib.photos.layout import tables
from boatlib.photos.layout.parts import part_of
from boatlib.run import cache_folder

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
LABELS = "labels.jsonl"


def is_archive(file: Path) -> bool:
    """Whether a file is called like an archive that can be unpacked."""
    return file.name.lower().endswith(ARCHIVES)


def unpacked(archive: Path) -> Path:
    """The folder with what is in an archive. Nothing is written outside of it, whatever its names say. Raises DataError."""
    return _once(archive.stem, [archive], lambda folder: _unpack(archive, folder))


def _unpack(archive: Path, folder: Path) -> None:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                opened.extractall(folder)
        else:
            with tarfile.open(archive) as opened:
                opened.extractall(folder, filter="data")
    except (zipfile.BadZipFile, tarfile.TarError, RuntimeError, EOFError) as error:
        raise DataError(
            f"{archive.name} cannot be unpacked ({error}). Fetch it again, or unpack it yourself."
        ) from None


def from_hugging_face(name: str) -> Path:
    """The folder of a public set of Hugging Face. Raises DataError without a connection."""
    link = cache_folder("photos") / f"hf-{name.replace('/', '-')}"
    if not link.is_dir():
        try:
            from huggingface_hub import snapshot_download
        except ImportError:
            raise DataError(
                "hf: needs huggingface_hub. Install it: python -m pip install -c constraints.txt -e '.[hf]'"
            ) from None
        try:
            folder = snapshot_download(name, repo_type="dataset")
        except Exception as error:  # that library and those below it have dozens
            raise DataError(
                f"The photos could not be fetched from Hugging Face ({name}: {type(error).__name__}). Without a connection, "
                f"download https://huggingface.co/datasets/{name} on another computer, and start again with --set images=FOLDER."
            ) from error
        link.unlink(missing_ok=True)
        link.symlink_to(folder, target_is_directory=True)
    return with_pictures_as_files(link)


def with_pictures_as_files(place: Path) -> Path:
    """The same place; or, where it is Parquet with pictures inside, a folder with these pictures and a table of labels."""
    if place.is_dir():
        files = sorted([*place.glob("*.parquet"), *place.glob("*/*.parquet")])
    else:
        files = [place] if place.suffix.lower() == ".parquet" else []
    if not files or not _has_pictures(files[0]):
        return place
    return _once(place.stem, files, lambda folder: _write_pictures(files, folder))


def _has_pictures(file: Path) -> bool:
    import pyarrow
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(file)
    except (pyarrow.ArrowException, OSError):
        return False
    return any(_is_picture(field.type) for field in schema)


def _is_picture(kind: object) -> bool:
    import pyarrow

    if pyarrow.types.is_struct(kind):
        return any(field.name == "bytes" for field in kind)  # type: ignore[attr-defined]
    return bool(pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind))


def _write_pictures(files: list[Path], folder: Path) -> None:
    import pandas as pd

    told = []
    for number, file in enumerate(files):
        cells = tables.read(file, pictures=True)
        column = next(name for name in cells if len(cells) and isinstance(cells[name].iloc[0], bytes))
        names = _names_of_labels(file)
        words = file.relative_to(file.parents[1]).with_suffix("").as_posix().replace("-", "/").split("/")
        part = next((found for word in words if (found := part_of(word))), "")
        (folder / (part or "photos")).mkdir(exist_ok=True)
        rows = cells.drop(columns=[name for name in cells if name == column or str(name).startswith(f"{column}.")])
        rows = rows.assign(
            **{name: rows[name].map(lambda cell, own=own: own.get(cell, cell)) for name, own in names.items()}
        )
        places = [
            f"{part or 'photos'}/{number:04d}-{place:06d}{_ending(data)}" for place, data in enumerate(cells[column])
        ]
        for place, data in zip(places, cells[column], strict=True):
            (folder / place).write_bytes(data)
        told.append(rows.assign(file_name=places, **({"split": part} if part else {})))
    write_text(folder / LABELS, pd.concat(told).to_json(orient="records", lines=True, force_ascii=False))


def _names_of_labels(file: Path) -> dict[str, dict[str, str]]:
    """What Hugging Face writes into the schema: column to number to name."""
    from pyarrow import parquet

    told = (parquet.read_schema(file).metadata or {}).get(b"huggingface", b"{}")
    features = json.loads(told).get("info", {}).get("features", {})
    return {
        name: {str(place): label for place, label in enumerate(kind["names"])}
        for name, kind in features.items()
        if isinstance(kind, dict) and isinstance(kind.get("names"), list)
    }


def _ending(data: bytes) -> str:
    return ".png" if data.startswith(b"\x89PNG") else ".webp" if data[8:12] == b"WEBP" else ".jpg"


def _once(name: str, files: list[Path], make: Callable[[Path], None]) -> Path:
    """A folder of the cache that `make` fills, once for these files as they are."""
    known = [f"{os.fsencode(file.resolve())!r} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files]
    folder = cache_folder("photos") / f"{name[:40]}-{hashlib.sha256(chr(10).join(known).encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        with replacing_folder(folder) as new:
            new.mkdir(exist_ok=True)
            make(new)
    return folder
