"""Where the photos come from: a folder, a public Kaggle set, or the drawn sample."""

import hashlib
import os
from pathlib import Path

from boatlib.errors import DataError
from boatlib.photos import sample
from boatlib.run import cache_folder, project_root

SAMPLE = "sample"
KAGGLE = "kaggle:"


def images_folder(images: str) -> Path:
    """The folder behind `images:` of a params file; a Kaggle set is downloaded, the sample is drawn, once.

    images: a folder (absolute, or below the project's root), "kaggle:OWNER/NAME" or "sample".
    Raises DataError when it cannot be had.
    """
    if images == SAMPLE:
        return _sample_folder()
    if images.startswith(KAGGLE):
        return _kaggle_folder(images.removeprefix(KAGGLE))
    folder = project_root() / Path(images).expanduser()
    if not folder.exists():
        raise DataError(
            f"The images folder {images} does not exist. Set `images:` to the folder that holds the photos."
        )
    if not folder.is_dir():
        raise DataError(
            f"{images} is a file. Set `images:` to the folder that holds one folder of photos for each class."
        )
    return folder


def fingerprint(images: str) -> str:
    """A short text that changes when a file below the images folder is added, removed, renamed or rewritten."""
    root = images_folder(images)
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(root, followlinks=False):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            facts = os.lstat(path)
            digest.update(os.fsencode(f"{os.path.relpath(path, root)}\0{facts.st_size}\0{facts.st_mtime_ns}\n"))
    return digest.hexdigest()[:16]


def _sample_folder() -> Path:
    folder = cache_folder("photos") / f"sample-{sample.VERSION}"
    if not folder.is_dir():
        sample.draw_sample(folder)
    return folder


def _kaggle_folder(name: str) -> Path:
    """Downloaded once; a link in the cache then leads to the photos, so that later steps and runs need no connection."""
    link = cache_folder("photos") / f"kaggle-{name.replace('/', '-')}"
    if link.is_dir():
        return link
    import kagglehub

    try:
        folder = Path(kagglehub.dataset_download(name))
    except Exception as error:
        raise DataError(
            f"The photos could not be fetched from Kaggle ({name}: {type(error).__name__}). Without a connection, download "
            f"https://www.kaggle.com/datasets/{name} on another computer, unpack it, and start again with "
            "--set images=FOLDER."
        ) from error
    link.unlink(missing_ok=True)
    link.symlink_to(folder, target_is_directory=True)
    return link
