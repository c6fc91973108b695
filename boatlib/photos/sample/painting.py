"""Small tools of the drawn photos: colours as planes of numbers, soft steps and cloudy noise."""

from __future__ import annotations

import numpy as np
from PIL import Image

from boatlib.photos.sample.boats import Colour

Rng = np.random.Generator


def colour_array(colour: Colour) -> np.ndarray:
    """Give a colour as shares from 0 to 1, one plane a colour: long rows are what numpy is quick with."""
    return np.array(colour, np.float32)[:, None, None] / 255


def planes(image: Image.Image) -> np.ndarray:
    """Give a picture as shares from 0 to 1, one plane a colour."""
    return np.stack([np.asarray(band) for band in image.split()]).astype(np.float32) / 255


def on_sheet(layer: Image.Image, size: tuple[int, int], spot: tuple[int, int]) -> np.ndarray:
    """Lay a picture on a see-through sheet of this size and give its planes."""
    sheet = Image.new("RGBA", size)
    sheet.paste(layer, spot)
    return planes(sheet)


def open_grid(rows: tuple[float, float], columns: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Give a column of row numbers and a row of column numbers, in the short floats all else uses."""
    return np.arange(*rows, dtype=np.float32)[:, None], np.arange(*columns, dtype=np.float32)[None]


def merge(values: np.ndarray) -> Image.Image:
    """Turn planes of shares from 0 to 1 back into a picture."""
    whole = (np.clip(values, 0, 1) * 255).astype(np.uint8)
    return Image.merge("RGB", [Image.fromarray(plane) for plane in whole])


def smooth(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Rise softly from 0 at low to 1 at high."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def noise(rng: Rng, width: int, height: int, cells: tuple[float, float], octaves: int = 3) -> np.ndarray:
    """Draw cloudy noise around 0 with a spread of about 1."""
    half = (max(2, width // 2), max(2, height // 2))  # half size is fine enough, and four times as quick
    total = np.zeros(half[::-1], np.float32)
    for octave in range(octaves):
        shape = [max(2, min(limit, round(cell * 2**octave))) for cell, limit in zip(cells, half[::-1], strict=True)]
        grid = Image.fromarray(rng.standard_normal(shape, np.float32))
        total += np.asarray(grid.resize(half, Image.Resampling.BICUBIC)) * 0.55**octave
    return np.asarray(Image.fromarray(total).resize((width, height), Image.Resampling.BILINEAR))
