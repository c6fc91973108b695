"""What photos show, by the model.onnx in this folder. Needs numpy, Pillow and onnxruntime; neither torch nor boatlib.

    python predict_onnx.py PHOTO...

The file is written beside the model by `python -m boatlib export MODEL_DIR --onnx`. How photos are prepared stands in the
model's own metadata, under "preprocessing": one entry an input of the model.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def prepare(photo: Image.Image, size: int, width: int, crop_fraction: float, interpolation: str) -> np.ndarray:
    """A photo as the model wants it: uint8 [1, height, width, 3]. Transparency is put on white.

    width: 0 for the square from the middle; otherwise the whole photo is squeezed into size x width pixels.
    """
    upright = ImageOps.exif_transpose(photo).convert("RGBA")
    upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright).convert("RGB")
    method = Image.Resampling[interpolation.upper()]
    if width:
        return np.asarray(upright.resize((width, size), method))[None]
    side = min(upright.size) * size / round(size / crop_fraction)
    left, top = (upright.width - side) / 2, (upright.height - side) / 2
    return np.asarray(upright.resize((size, size), method, box=(left, top, left + side, top + side)))[None]


def main() -> None:
    """Print the most probable class of each photo with its probability."""
    session = onnxruntime.InferenceSession(Path(__file__).with_name("model.onnx"))
    told = session.get_modelmeta().custom_metadata_map
    classes, inputs = json.loads(told["classes"]), json.loads(told["preprocessing"])
    for path in sys.argv[1:]:
        with Image.open(path) as photo:
            pictures = {
                one["input"]: prepare(photo, one["size"], one["width"], one["crop_fraction"], one["interpolation"])
                for one in inputs
            }
        probabilities = session.run(["probabilities"], pictures)[0][0]
        best = int(probabilities.argmax())
        print(f"{path}\t{classes[best]}\t{probabilities[best]:.6f}")


if __name__ == "__main__":
    main()
