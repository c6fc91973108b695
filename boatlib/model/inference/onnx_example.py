"""What photos show, by the model.onnx in this folder. Needs numpy, Pillow and onnxruntime; neither torch nor boatlib.

    python predict_onnx.py PHOTO...

Each photo gets a line: its class, how probable that is, and what to do with the answer: use, check (a person should look), or
unknown (it is unlike all that was taught). The file is written beside the model by `python -m boatlib export MODEL_DIR --onnx`.
How photos are prepared stands in the model's own metadata, under "preprocessing": one entry an input of the model.
"""

import io
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageCms, ImageOps

try:
    import pillow_heif  # only for HEIC photos

    pillow_heif.register_heif_opener(thumbnails=False)
except ImportError:
    pass


def upright_rgb(path: str, value_range: list[float] | None) -> Image.Image:
    """A photo as the eye sees it: turned as its EXIF tag says, in sRGB, transparency on white."""
    with Image.open(path) as opened:
        opened.load()
        values, photo = deep_values(opened, Path(path).read_bytes()[:26]), opened.copy()
    if values is not None:
        photo = in_8_bits(opened, values, value_range)
        photo.getexif().update(opened.getexif())
    photo = ImageOps.exif_transpose(photo)
    profile = photo.info.get("icc_profile")
    alpha = photo.convert("RGBA").getchannel("A")
    if profile and photo.mode in ("RGB", "RGBA", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "srgb" not in ImageCms.getProfileDescription(source).lower():
                colours = photo if photo.mode == "CMYK" else photo.convert("RGB")
                colours.info.pop("transparency", None)
                target, how = ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC
                photo = ImageCms.profileToProfile(colours, source, target, how, "RGB") or colours
        except (OSError, ImageCms.PyCMSError):
            pass  # a profile that cannot be read: the colours as they are
    photo = photo.convert("RGBA")
    photo.putalpha(alpha)
    return Image.alpha_composite(Image.new("RGBA", photo.size, "white"), photo).convert("RGB")


def deep_values(photo: Image.Image, start: bytes) -> np.ndarray | None:
    """The values of a picture of more than 8 bits; None for others. Of colours with 16 bits Pillow reads the upper 8."""
    if photo.mode.startswith("I") or photo.mode == "F":
        values = np.asarray(photo).astype(np.float64)
        finite = np.isfinite(values)
        return np.where(finite, values, values[finite].min() if finite.any() else 0)
    bits = getattr(photo, "tag_v2", {}).get(258, ())
    png = start.startswith(b"\x89PNG") and start[24] == 16 and start[25] in (2, 4, 6)
    if png or (isinstance(bits, tuple) and len(bits) > 1 and max(bits) == 16):
        return np.asarray(photo.convert("RGB")).astype(np.float64) * 257
    return None


def in_8_bits(photo: Image.Image, values: np.ndarray, value_range: list[float] | None) -> Image.Image:
    """RGB: by the range that the file states, or that of the photos which taught the model, or as many bits as it needs."""
    tags = getattr(photo, "tag_v2", {})
    for pair in ((340, 341), (280, 281)):
        ends = [float(np.ravel(tags[tag])[0]) if tag in tags else 0.0 for tag in pair]
        if pair[1] in tags and ends[0] < ends[1]:
            value_range = ends
    low, high = (float(end) for end in np.quantile(values, (0.001, 0.999), method="nearest"))
    if value_range:
        low, high = map(float, value_range)
    elif low < 0:
        high = max(high, low + 1)
    elif (values == np.round(values)).all():
        low, high = 0.0, 2.0 ** max(8, int(high).bit_length()) - 1
    else:
        low, high = 0.0, 1.0 if high <= 1 else max(255.0, high)
    shares = ((values - low) / (high - low)).clip(0, 1)
    return Image.fromarray((shares * 255).round().astype(np.uint8)).convert("RGB")


def made_alike(upright: Image.Image, same_file: list[int] | None) -> Image.Image:
    """As the photos that taught the model were made alike: pixels at most, whether colour is taken out, JPEG quality."""
    if not same_file:
        return upright
    pixels, colourless, quality = same_file
    scale = min(1.0, (pixels / (upright.width * upright.height)) ** 0.5)
    size = max(1, round(upright.width * scale)), max(1, round(upright.height * scale))
    small = upright.resize(size, Image.Resampling.LANCZOS) if size != upright.size else upright
    buffer = io.BytesIO()
    (small.convert("L") if colourless else small).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    return Image.open(buffer).convert("RGB")


def prepare(upright: Image.Image, size: int, width: int, crop_fraction: float, interpolation: str) -> np.ndarray:
    """A photo as the model wants it: uint8 [1, height, width, 3].

    width: 0 for the square from the middle; otherwise the whole photo is squeezed into size x width pixels.
    """
    method = Image.Resampling[interpolation.upper()]
    if width:
        return np.asarray(upright.resize((width, size), method))[None]
    side = min(upright.size) * size / round(size / crop_fraction)
    left, top = (upright.width - side) / 2, (upright.height - side) / 2
    return np.asarray(upright.resize((size, size), method, box=(left, top, left + side, top + side)))[None]


def action(name: str, confidence: float, unfamiliarity: float, policy: dict) -> str:
    """What to do with an answer, by the lines that were drawn when the model was taught."""
    if policy["familiar_to"] is not None and unfamiliarity >= policy["familiar_to"]:
        return f"unknown: unlike anything it was taught; nearest: {name}"
    line = policy["lines"].get(name, policy["lines"][""])
    return "use" if confidence >= line else "check: a person should look"


def main() -> None:
    """Print what each photo shows, and what to do with the answer."""
    session = onnxruntime.InferenceSession(Path(__file__).with_name("model.onnx"))
    told = session.get_modelmeta().custom_metadata_map
    classes, inputs, policy = (json.loads(told[name]) for name in ("classes", "preprocessing", "policy"))
    for path in sys.argv[1:]:
        upright = made_alike(upright_rgb(path, inputs[0]["value_range"]), inputs[0]["same_file"])
        pictures = {
            one["input"]: prepare(upright, one["size"], one["width"], one["crop_fraction"], one["interpolation"])
            for one in inputs
        }
        (probabilities,), (unfamiliarity,) = session.run(["probabilities", "unfamiliarity"], pictures)
        best = int(probabilities.argmax())
        words = action(classes[best], probabilities[best], unfamiliarity, policy)
        print(f"{path}\t{classes[best]}\t{probabilities[best]:.6f}\t{words}")


if __name__ == "__main__":
    main()
