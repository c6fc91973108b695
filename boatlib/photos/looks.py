"""How a photo looks, whatever it shows: a few numbers that tell dark, blurred, pale and small ones from others."""

from pathlib import Path

import numpy as np

from boatlib.photos.images import size_of

LOOKS = ("side", "shape", "light", "contrast", "sharpness", "colour")
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # luma of red, green and blue, as in ITU-R BT.601


def of_picture(pixels: np.ndarray) -> np.ndarray:
    """light, contrast, sharpness and colour of a picture, uint8 [height, width, 3], as a network is shown it: float32 [4].

    light: mean luma; contrast: its standard deviation; sharpness: how much neighbours differ (mean of the absolute Laplacian)
    beside the contrast; colour: mean difference of the largest and the smallest channel. All from 0, light and colour up to 1.
    """
    values = pixels.astype(np.float32) / 255
    luma = values @ GREY
    edges = 4 * luma[1:-1, 1:-1] - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:]
    contrast = float(luma.std())
    sharpness = float(np.abs(edges).mean()) / (contrast + 0.02) if edges.size else 0.0
    red, green, blue = np.moveaxis(values, 2, 0)  # one by one: along an axis of three numpy takes twenty times as long
    colour = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return np.array([luma.mean(), contrast, sharpness, colour.mean()], np.float32)


def of_file(file: Path) -> np.ndarray:
    """side and shape of a photo by its file's head: the shorter side in pixels, width by height; nan where it does not tell."""
    size = size_of(file)
    return np.array([min(size), size[0] / size[1]] if size and min(size) else [np.nan, np.nan], np.float32)
