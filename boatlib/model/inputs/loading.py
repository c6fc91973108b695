"""From photos to the pictures of their views, decoded by threads a little ahead of their use."""

from collections.abc import Sequence

import numpy as np

from boatlib.model.inputs import views
from boatlib.model.inputs.views import Preprocessing
from boatlib.photos.images import open_photo


def decode(data: bytes, sha256: str, names: Sequence[str], prepare: Preprocessing) -> list[np.ndarray]:
    """The named views of the bytes of a photo. Raises UnreadablePhotoError."""
    image = open_photo(data, prepare.decoded, prepare.value_range, prepare.limits).image  # larger ones: at reduced size
    return views.make_views(image, names, prepare, sha256)
