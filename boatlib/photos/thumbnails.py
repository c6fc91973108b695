"""Small pictures of photos, made once and kept, so that thousands can be paged through."""

from pathlib import Path

from boatlib.files import replacing
from boatlib.photos.images import thumbnail
from boatlib.run import cache_folder


def cached(file: Path, sha256: str, side: int) -> bytes:
    """A WebP picture of at most `side` pixels, of a photo known by its SHA-256 ("": made each time).

    Raises UnreadablePhotoError.
    """
    kept = cache_folder(f"thumbnails/{side}") / sha256[:2] / f"{sha256}.webp"
    if sha256 and kept.is_file():
        return kept.read_bytes()
    data = thumbnail(file, side)
    if sha256:
        with replacing(kept) as temporary:
            temporary.write_bytes(data)
    return data
