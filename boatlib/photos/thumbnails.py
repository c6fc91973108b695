"""Small pictures of photos, made once for each content and kept: pages that show a photo again, and widgets, need not open it."""

import hashlib
from pathlib import Path

from boatlib.files import replacing
from boatlib.photos.images import thumbnail
from boatlib.run import cache_folder


def cached(file: Path, side: int) -> bytes:
    """A WebP picture of at most `side` pixels. Raises UnreadablePhotoError."""
    try:
        data = file.read_bytes()
    except OSError:
        return thumbnail(file, side)  # says why
    sha256 = hashlib.sha256(data).hexdigest()
    kept = cache_folder(f"thumbnails/{side}") / sha256[:2] / f"{sha256}.webp"
    if kept.is_file():
        return kept.read_bytes()
    small = thumbnail(data, side)
    with replacing(kept) as temporary:
        temporary.write_bytes(small)
    return small
