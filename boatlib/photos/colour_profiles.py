"""Colours as a screen shows them: photos with a profile of their own (Adobe RGB, Display P3, inks) become sRGB."""

import io
from functools import lru_cache

from PIL import Image, ImageCms

MODES = ("RGB", "CMYK")


def to_srgb(image: Image.Image) -> Image.Image:
    """The picture in sRGB; one without a profile, with one of sRGB, or with one that cannot be read, as it is."""
    profile = image.info.get("icc_profile")
    if not profile:
        return image
    if image.mode == "RGBA":
        colours = to_srgb(image.convert("RGB"))
        colours.putalpha(image.getchannel("A"))
        return colours
    if image.mode not in MODES:
        return image
    change = _transform(profile, image.mode)
    return image if change is None else change.apply(image)


@lru_cache(16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile to sRGB; None where there is nothing to do. Threads share it, so it keeps no pixel for the next one."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
        target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        return ImageCms.ImageCmsTransform(
            source, target, mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC, flags=ImageCms.Flags.NOCACHE
        )
    except (OSError, ImageCms.PyCMSError):
        return None
