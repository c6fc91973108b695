"""From photos to the pictures of their views, decoded by threads a little ahead of their use."""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from boatlib.errors import UnreadablePhotoError
from boatlib.model.inputs import views
from boatlib.model.inputs.views import Preprocessing
from boatlib.photos.images import open_photo, upright_rgb

Source = Path | str | bytes | Image.Image | np.ndarray


def decode(data: bytes, sha256: str, names: Sequence[str], prepare: Preprocessing) -> list[np.ndarray]:
    """The named views of the bytes of a photo. Raises UnreadablePhotoError."""
    image = open_photo(data, prepare.decoded, prepare.value_range, prepare.limits).image  # larger ones: at reduced size
    return views.make_views(image, names, prepare, sha256)


def views_for_each(
    source: Source, names: Sequence[str], preparations: Sequence[Preprocessing]
) -> list[list[np.ndarray]]:
    """The named views of a photo for each network; networks that are shown it alike share them. Raises UnreadablePhotoError."""
    made = cache(lambda prepare: _views(source, names, prepare))
    return [made(prepare) for prepare in preparations]


def _views(source: Source, names: Sequence[str], prepare: Preprocessing) -> list[np.ndarray]:
    if isinstance(source, Image.Image | np.ndarray):
        image = upright_rgb(source, prepare.value_range, prepare.limits)
        return views.make_views(image, names, prepare, hashlib.sha256(image.tobytes()).hexdigest())
    try:
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError as error:
        raise UnreadablePhotoError(f"cannot be read ({error.strerror or error})") from error
    return decode(data, hashlib.sha256(data).hexdigest(), names, prepare)
