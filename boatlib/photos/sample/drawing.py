"""Draws one small painterly "photo" of a boat: sky, coast, sea, boat, reflection, weather, camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from boatlib.photos.sample.boats import SHAPES, Colour, draw_boat, tint
from boatlib.photos.sample.painting import colour_array, merge, noise, on_sheet, open_grid, planes, smooth

Rng = np.random.Generator
SIZES = ((400, 300), (400, 300), (420, 280), (300, 400), (360, 360))


@dataclass(frozen=True)
class Mood:
    """Light and weather of a scene; colours from 0 to 255, the rest as shares."""

    top: Colour
    low: Colour
    deep: Colour
    light: tuple[float, float, float]
    haze: float
    cloud: float
    swell: float
    sun: float  # strength of the light in the sky, 0 for none
    weight: float


MOODS = {
    "clear": Mood((58, 118, 192), (190, 216, 232), (20, 74, 112), (1.04, 1.02, 0.98), 0.25, 0.35, 0.6, 0.5, 5),
    "south": Mood((70, 150, 214), (214, 232, 232), (16, 128, 138), (1.08, 1.05, 0.98), 0.2, 0.3, 0.45, 0.4, 3),
    "morning": Mood((128, 164, 198), (252, 226, 180), (66, 96, 112), (1.0, 0.92, 0.8), 0.5, 0.35, 0.35, 1.0, 3),
    "overcast": Mood((140, 152, 164), (208, 211, 212), (72, 92, 100), (0.84, 0.86, 0.88), 0.4, 0.75, 0.7, 0.0, 3),
    "sunset": Mood((74, 82, 142), (252, 164, 92), (48, 50, 84), (0.72, 0.52, 0.46), 0.35, 0.5, 0.45, 1.0, 3),
    "rose": Mood((96, 110, 168), (240, 178, 172), (70, 78, 118), (0.82, 0.7, 0.74), 0.35, 0.5, 0.35, 0.6, 2),
    "dusk": Mood((30, 44, 92), (164, 126, 146), (28, 42, 74), (0.52, 0.5, 0.62), 0.35, 0.45, 0.45, 0.3, 1.5),
    "night": Mood((9, 14, 34), (46, 62, 96), (12, 22, 42), (0.5, 0.53, 0.64), 0.25, 0.4, 0.4, 0.45, 1.2),
    "fog": Mood((184, 190, 193), (206, 209, 209), (120, 136, 142), (0.86, 0.88, 0.9), 0.9, 0.2, 0.3, 0.0, 1.5),
    "storm": Mood((62, 70, 82), (146, 154, 158), (44, 62, 70), (0.66, 0.7, 0.74), 0.5, 0.85, 1.3, 0.0, 1.8),
}
DARK_MOODS = ("dusk", "night")
DIM_MOODS = ("dusk", "night", "fog", "storm")
FAIR_MOODS = ("clear", "south", "morning", "rose")
# which coasts stand behind which class: a hint only, never a sure sign
COASTS = ("none", "hills", "hills", "city", "palazzi", "trees")
HOME_COAST = {"gondola": "palazzi", "ferry boat": "hills", "cruise ship": "city", "kayak": "trees"}


class Scene:
    """One scene while it is painted: `canvas` holds the colours as shares from 0 to 1."""

    def __init__(self, rng: Rng, mood_name: str, size: tuple[int, int]) -> None:
        """Draw by lot where the horizon and the sun stand, and vary the mood's colours."""
        self.rng, self.mood, self.mood_name = rng, MOODS[mood_name], mood_name
        self.width, self.height = size
        self.horizon = round(self.height * float(rng.uniform(0.34, 0.62)))
        self.canvas = np.zeros((3, self.height, self.width), np.float32)
        self.sun = (
            float(rng.uniform(0.05, 0.95)) * self.width,
            self.horizon * float(rng.uniform(0.15, 0.95)),
        )
        self.top, self.low, self.deep = (
            colour_array(tint(colour, float(rng.normal(1, 0.07))))
            for colour in (self.mood.top, self.mood.low, self.mood.deep)
        )
        self.light = np.array(self.mood.light, np.float32)[:, None, None]
        self.white = np.clip(self.light, 0, 0.97)
        self.warm = colour_array((206, 220, 255) if mood_name == "night" else (255, 217, 150))
        self.haze = self.mood.haze * float(rng.uniform(0.5, 1.2))

    def paint_sky(self) -> None:
        """Paint the gradient, the sun or moon with its glow, and clouds lit from its side."""
        high, wide, rng = self.horizon + 6, self.width, self.rng
        rows = smooth(np.linspace(0, 1, high, dtype=np.float32), -0.1, 1.05)[:, None]
        sky = self.top * (1 - rows) + self.low * rows
        y, x = open_grid((0, high), (0, wide))
        distance = np.hypot(x - self.sun[0], y - self.sun[1])
        night = self.mood_name == "night"
        warm = self.warm
        strength = self.mood.sun * (0.4 if night else 1.0)
        sky = sky + (warm - sky) * (np.exp(-distance / (0.32 * wide)) * 0.6 * strength)
        radius = wide * (0.022 if night else 0.03)
        if self.mood.sun > 0.35 and rng.random() < 0.6:
            sky = sky + (warm * 0.15 + 0.85 - sky) * np.clip(radius - distance + 1, 0, 1)
        cells = (float(rng.uniform(2, 5)), float(rng.uniform(1.5, 3.5)))
        field = noise(rng, wide, high, cells, 5)
        cover = self.mood.cloud * float(rng.uniform(0.3, 1.3))
        body = smooth(field, 1.0 - cover * 1.7, 2.1 - cover * 1.2) * (0.9 - 0.35 * rows)
        above = np.clip(np.arange(high) - 6, 0, None)
        beside = np.clip(np.arange(wide) + (8 if self.sun[0] > wide / 2 else -8), 0, wide - 1)
        side = np.clip(0.5 + (field - field[np.ix_(above, beside)]) * 0.55, 0, 1)
        bright = np.clip(self.low * 0.6 + 0.42 * self.light, 0, 1) + (warm - 0.8) * strength * 0.25
        shadow = self.top * 0.45 + self.low * 0.4
        sky += (shadow + (bright - shadow) * side - sky) * body
        self.canvas[:, :high] = np.clip(sky, 0, 1)

    def paint_coast(self, kind: str) -> None:
        """Paint hills, trees, a city or palazzi along the horizon, paler where farther."""
        if kind == "none":
            return
        rng, double = self.rng, 2
        size = (self.width * double, self.horizon * double)
        layer = Image.new("RGBA", size)
        draw = ImageDraw.Draw(layer)
        if kind in ("hills", "trees"):
            self._hills(draw, size, kind)
        else:
            self._houses(draw, size, kind)
        layer = layer.resize((self.width, self.horizon), Image.Resampling.BOX)
        flat = planes(layer)
        tone = self.light * float(rng.uniform(0.85, 1.05))
        colour = flat[:3] * tone
        far = min(0.85, self.haze * float(rng.uniform(0.7, 1.3)) + (0.25 if kind == "hills" else 0.02))
        colour += (self.low - colour) * far
        if self.mood_name in DARK_MOODS and kind in ("city", "palazzi"):
            lit = (flat[0] > 0.985) & (flat[2] < 0.7)
            colour[:, lit] = np.array([[1.0], [0.82], [0.5]])
        sky = self.canvas[:, : self.horizon]
        sky += (colour - sky) * flat[3]

    def _hills(self, draw: ImageDraw.ImageDraw, size: tuple[int, int], kind: str) -> None:
        rng, (wide, high) = self.rng, size
        layers = int(rng.integers(1, 4)) if kind == "hills" else 2
        for layer in range(layers):
            share = (layer + 1) / layers
            ridge = noise(rng, wide, 2, (2, 3.5 if kind == "hills" else 7), 6 if kind == "hills" else 8)[0]
            scale = high * float(rng.uniform(0.05, 0.12) if kind == "hills" else rng.uniform(0.05, 0.08))
            base = (
                high - scale * (1.4 + (1.5 - 1.4 * share) * 1.3)
                if kind == "hills"
                else high - scale * (3 - 1.6 * share)
            )
            line = [(x, float(base - scale * ridge[x])) for x in range(0, wide, 2)]
            land = (
                (92 - 40 * share, 112 - 26 * share, 112 - 60 * share)
                if kind == "hills"
                else (70 - 30 * share, 96 - 30 * share, 52 - 14 * share)
            )
            draw.polygon(
                [(0, high), *line, (wide, line[-1][1]), (wide, high)],
                fill=(*(round(part) for part in land), 255),
            )

    def _houses(self, draw: ImageDraw.ImageDraw, size: tuple[int, int], kind: str) -> None:
        rng, (wide, high) = self.rng, size
        city = kind == "city"
        x, scale = -10.0, high * float(rng.uniform(0.16, 0.5) if city else rng.uniform(0.4, 1.0))
        end = wide * float(rng.choice([1.0, 1.0, 0.6]))
        walls = (
            [(118, 128, 142), (136, 140, 148), (98, 108, 126)]
            if city
            else [(206, 140, 104), (222, 184, 138), (196, 112, 96), (226, 206, 176), (188, 150, 122)]
        )
        while x < end:
            span = scale * float(rng.uniform(0.16, 0.42) if city else rng.uniform(0.4, 0.7))
            top = high - scale * float(rng.uniform(0.2, 1.0) ** 1.5 if city else rng.uniform(0.6, 0.85))
            wall = tint(walls[int(rng.integers(len(walls)))], float(rng.normal(1, 0.06)))
            draw.rectangle((x, top, x + span, high), fill=(*wall, 255))
            if not city:
                roof = tint((150, 84, 62), float(rng.uniform(0.85, 1.1)))
                draw.polygon(
                    [
                        (x - 3, top),
                        (x + span + 3, top),
                        (x + span * 0.9, top - scale * 0.06),
                        (x + span * 0.1, top - scale * 0.06),
                    ],
                    fill=(*roof, 255),
                )
                draw.rectangle((x, high - scale * 0.05, x + span, high), fill=(104, 100, 88, 255))
            rows, columns = (9, 4) if city else (3, int(rng.integers(3, 5)))
            self._openings(draw, (x, top, span, high - top), (rows, columns), wall, city)
            x += span + (float(rng.uniform(0, scale * 0.1)) if city else 0)

    def _openings(
        self,
        draw: ImageDraw.ImageDraw,
        wall: tuple[float, float, float, float],
        grid: tuple[int, int],
        colour: Colour,
        city: bool,
    ) -> None:
        (x, top, span, high), (rows, columns) = wall, grid
        dark = (*tint(colour, 0.82 if city else 0.42), 255)
        for row in range(rows):
            for column in range(columns):
                left, up = x + span * (column + 0.28) / columns, top + high * (row + 0.3) / (rows + 0.3)
                right, down = left + span * 0.42 / columns, up + high * 0.5 / (rows + 0.3)
                lit = self.mood_name in DARK_MOODS and self.rng.random() < 0.35
                fill = (255, 214, 130, 255) if lit else dark
                draw.rectangle((left, up, right, down), fill=fill)
                if not city:
                    draw.ellipse((left, up - (right - left) / 2, right, up + (right - left) / 2), fill=fill)

    def paint_sea(self) -> np.ndarray:
        """Paint waves in perspective and give their height, which bends the reflections."""
        wide, high = self.width, self.height - self.horizon
        near = ((np.arange(high, dtype=np.float32) + 1) / high)[:, None]
        swell = self.mood.swell * float(self.rng.uniform(0.6, 1.4))
        waves = self._waves(near)
        calm = self.low * 0.75 + self.top * 0.25
        sea = self.deep + (calm - self.deep) * (0.72 - 0.62 * np.sqrt(near))
        sea = sea + (calm - self.deep * 0.6) * (waves * 0.2 * (0.35 + 0.65 * swell))
        crest = smooth(waves, 1.05 - 0.2 * swell, 1.7) * (0.25 + 0.3 * max(0.0, swell - 0.5))
        sea += (self.white - sea) * crest
        aside = (np.arange(wide, dtype=np.float32)[None] - self.sun[0]) / (wide * (0.04 + 0.16 * near))
        sparkle = np.exp(-(aside**2)) * smooth(waves, 0.1, 0.75)
        sea += (self.warm - sea) * (sparkle * self.mood.sun * 0.75)
        veil = np.exp(-near * 9) * min(1.0, self.haze + 0.15)
        sea += (self.low - sea) * veil * 0.8
        self.canvas[:, self.horizon :] = np.clip(sea, 0, 1)
        return waves

    def _waves(self, near: np.ndarray) -> np.ndarray:
        rng, wide, high = self.rng, self.width, len(near)
        depth = 1 / (near + 0.035)
        across = (np.arange(wide, dtype=np.float32)[None] - wide / 2) / wide * depth
        warp = noise(rng, wide, high, (4, 4), 3) * 0.8
        waves = np.zeros((high, wide), np.float32)
        wind = float(rng.uniform(-0.5, 0.5))
        for number in range(7):
            pitch = float(rng.uniform(14, 22)) * 1.55**number * 0.55
            angle, start = wind + float(rng.normal(0, 0.5)), float(rng.uniform(0, 6))
            period = 6.28 / (pitch * 0.55) * near**2 * high  # pixels from crest to crest, downwards
            fade = smooth(period, 1.5, 6) * 0.78**number  # waves finer than a pixel would flicker
            way = across * math.sin(angle) + depth * 0.55 * math.cos(angle)
            sine = np.sin(pitch * way + warp * (1 + number * 0.5) + start)
            # the two longest waves have sharp crests, as water has
            waves += (2 * np.sqrt(np.abs(sine)) - 1) * fade if number < 2 else sine * fade
        waves += noise(rng, wide, high, (high / 3, wide / 22), 2) * 0.8 * (1 - 0.6 * near)
        return waves * 0.5

    def mirror_coast(self, waves: np.ndarray) -> None:
        """Lay the coast's wavy reflection on the water beneath it."""
        reach = min(self.horizon, self.height - self.horizon) - 1
        rows, columns = open_grid((0, reach), (0, self.width))
        source = np.clip(self.horizon - 2 - rows * 1.1 + waves[:reach] * 5, 0, self.horizon - 1).astype(np.intp)
        fade = np.exp(-rows / (0.35 * reach)) * 0.5
        target = self.canvas[:, self.horizon : self.horizon + reach]
        target += (self.canvas[:, source, columns.astype(np.intp)] * 0.85 - target) * fade

    def add_boat(self, label: str, length: float, middle: float, line: float, waves: np.ndarray) -> None:
        """Set a boat on the water at a place, with light, haze, shadow, foam and reflection."""
        rng, lit = self.rng, self.mood_name in DARK_MOODS
        layer, glow, (anchor_x, anchor_y) = draw_boat(label, length, rng, lit)
        left = max(0, round(middle) - anchor_x)
        right = min(self.width, round(middle) - anchor_x + layer.width)
        if right - left < 2:
            return
        # only the part of the picture that the boat may touch is worked on
        top, bottom = max(0, round(line) - anchor_y), min(self.height, round(line) + 4)
        size = (right - left, bottom - top)
        spot = (round(middle) - anchor_x - left, round(line) - anchor_y - top)
        boat = on_sheet(layer, size, spot)
        alpha = boat[3]
        edge = line + noise(rng, size[0], 2, (2, size[0] / 14), 2)[0] * min(3.0, length * 0.012)
        alpha *= np.clip(edge[None] - np.arange(top, bottom, dtype=np.float32)[:, None], 0, 1)
        colour = self._light(boat[:3], (np.arange(left, right) - middle) / max(length, 1), middle, line)
        if lit:
            lamp = on_sheet(glow, size, spot)
            colour += (lamp[:3] - colour) * lamp[3]
        strip = self.canvas[:, :, left:right]
        self._reflect(strip, colour, alpha, (top, round(line)), waves[:, left:right], length)
        part = strip[:, top:bottom]
        part += (np.clip(colour, 0, 1) - part) * alpha
        if rng.random() < 0.6:
            self._foam(strip, middle - left, line, length)

    def _light(self, colour: np.ndarray, away: np.ndarray, middle: float, line: float) -> np.ndarray:
        shade = 1 + 0.22 * np.clip(away, -0.6, 0.6) * (1 if self.sun[0] > middle else -1)
        mottle = 1 + 0.05 * noise(self.rng, colour.shape[2], colour.shape[1], (8, 8), 2)
        lit = colour * self.light
        lit *= mottle * shade[None].astype(np.float32)
        near = (line - self.horizon) / (self.height - self.horizon)
        return lit + (self.low - lit) * min(0.7, self.haze * (1 - 0.8 * near) ** 1.5)

    def _reflect(
        self,
        part: np.ndarray,
        colour: np.ndarray,
        alpha: np.ndarray,
        rows_of_boat: tuple[int, int],
        waves: np.ndarray,
        length: float,
    ) -> None:
        top, start = rows_of_boat
        reach = min(self.height - start, start - top)
        if reach < 2:
            return
        rows, columns = open_grid((0, reach), (0, part.shape[2]))
        wave = waves[start - self.horizon : start - self.horizon + reach] * (2 + length * 0.02)
        last = start - 1 - top
        source = np.clip(last - rows * 1.05 + wave, 0, last).astype(np.intp)
        aside = np.clip(columns + wave * 0.8, 0, part.shape[2] - 1).astype(np.intp)
        fade = np.exp(-rows / (length * 0.5 + 4)) * float(self.rng.uniform(0.4, 0.75))
        share = alpha[source, aside] * fade
        target = part[:, start : start + reach]
        target += (colour[:, source, aside] * 0.72 + self.deep * 0.12 - target) * share

    def _foam(self, part: np.ndarray, middle: float, line: float, length: float) -> None:
        rng, thick = self.rng, 1.2 + length * 0.014
        first, last = max(0, int(line - 3 * thick)), min(self.height, int(line + 3 * thick) + 2)
        if last - first < 2:
            return
        y, x = open_grid((first, last), (0, part.shape[2]))
        spot = np.exp(-(((x - middle) / (length * 0.5)) ** 6) - ((y - line - 1) / thick) ** 2)
        flecks = smooth(noise(rng, part.shape[2], last - first, ((last - first) / 5, part.shape[2] / 9), 2), 0.1, 1.4)
        target = part[:, first:last]
        target += (self.white - target) * (spot * flecks * 0.75)

    def add_wave(self, crest: float) -> None:
        """Let a near wave hide what is below its crest."""
        rng = self.rng
        line = crest + noise(rng, self.width, 2, (2, 3), 5)[0] * self.height * 0.018
        rows = np.arange(self.height, dtype=np.float32)[:, None]
        body = smooth(rows - line[None], -1, 3)
        texture = noise(rng, self.width, self.height, (self.height / 10, self.width / 40), 3)
        colour = self.deep * 0.85 + (self.low - self.deep) * np.clip(
            0.16 + 0.12 * texture - (rows - line) / self.height * 0.5, 0, 1
        )
        spray = np.exp(-(((rows - line - 2) / 4) ** 2)) * smooth(texture, 0, 1.5) * 0.6
        colour += (self.white - colour) * spray
        self.canvas += (colour - self.canvas) * body

    def add_poles(self, middle: float) -> None:
        """Stand one to three mooring poles in the water before the boat."""
        rng = self.rng
        layer = Image.new("RGBA", (self.width, self.height))
        draw = ImageDraw.Draw(layer)
        light = sum(self.mood.light) / 3
        striped, thick = rng.random() < 0.4, self.width * float(rng.uniform(0.014, 0.03))
        wood = tint((104, 80, 58), light)
        for _ in range(int(rng.integers(1, 4))):
            x = middle + float(rng.normal(0, 0.22)) * self.width
            top, foot = (
                self.horizon * float(rng.uniform(0.5, 1.05)),
                self.height * float(rng.uniform(0.88, 1.1)),
            )
            draw.rectangle((x, top, x + thick, foot), fill=(*wood, 255))
            for y in np.arange(top, foot, thick * 2.4) if striped else ():
                draw.polygon(
                    [(x, y), (x + thick, y - thick), (x + thick, y + thick * 0.3), (x, y + thick * 1.3)],
                    fill=(*tint((210, 60, 60), light), 255),
                )
            draw.rectangle((x + thick * 0.62, top, x + thick, foot), fill=(0, 0, 0, 80))
        flat = planes(layer.filter(ImageFilter.BoxBlur(0.5)))
        self.canvas += (flat[:3] - self.canvas) * flat[3]

    def weather(self) -> None:
        """Lay rain or drifting fog over the scene."""
        rng = self.rng
        if self.mood_name == "storm" and rng.random() < 0.7:
            layer = Image.new("L", (self.width, self.height))
            draw, slant = ImageDraw.Draw(layer), float(rng.uniform(-0.35, 0.35))
            for x, y, drop in zip(
                rng.uniform(-40, self.width, 260),
                rng.uniform(-20, self.height, 260),
                rng.uniform(6, 20, 260),
                strict=True,
            ):
                draw.line((x, y, x + drop * slant, y + drop), fill=int(rng.integers(40, 110)))
            rain = np.asarray(layer.filter(ImageFilter.BoxBlur(0.4)), np.float32) / 255
            self.canvas += (0.85 - self.canvas) * rain
        if self.mood_name == "fog" or rng.random() < 0.08:
            rows = np.abs(np.arange(self.height) - self.horizon)[:, None] / self.height
            drift = noise(rng, self.width, self.height, (3, 2), 3) * 0.14
            fog = np.clip(np.exp(-rows * 3.2) * float(rng.uniform(0.2, 0.52)) + drift, 0, 0.7)
            self.canvas += (self.low - self.canvas) * fog

    def camera(self) -> Image.Image:
        """Add lens and sensor: tilt, blur, colour cast, dark corners and grain."""
        rng = self.rng
        image = merge(self.canvas)
        if rng.random() < 0.6:
            tilt = math.radians(float(rng.normal(0, 1.6)))
            shrink = 1 - 1.8 * abs(tilt)  # zooms in, so that no empty corner shows
            cosine, sine = math.cos(tilt) * shrink, math.sin(tilt) * shrink
            middle_x, middle_y = self.width / 2, self.height / 2
            turn = (cosine, sine, middle_x * (1 - cosine) - middle_y * sine)
            drop = (-sine, cosine, middle_y * (1 - cosine) + middle_x * sine)
            image = image.transform(image.size, Image.Transform.AFFINE, (*turn, *drop), Image.Resampling.BICUBIC)
        blur = float(rng.choice([0.0, 0.25, 0.5, 1.2], p=[0.4, 0.36, 0.18, 0.06]))
        image = image.filter(ImageFilter.BoxBlur(blur)) if blur else image
        values = planes(image)
        y, x = np.ogrid[-1 : 1 : self.height * 1j, -1 : 1 : self.width * 1j]
        contrast = float(rng.uniform(0.95, 1.15))
        cast = np.clip(rng.normal(1, 0.025, (3, 1, 1)), 0.93, 1.07).astype(np.float32)
        corners = (1 - float(rng.uniform(0.03, 0.14)) * (x * x + y * y)).astype(np.float32) * contrast
        values *= corners
        values += 0.5 * (float(rng.normal(1.0, 0.05)) - contrast)
        values *= cast
        values += rng.standard_normal(values.shape[1:], np.float32) * float(rng.uniform(0.004, 0.017))
        return merge(values)


def draw_scene(label: str, rng: Rng, clear: bool = False) -> Image.Image:
    """Draw one photo of a class: near or far, bright or dark, half hidden, beside another boat."""
    names = FAIR_MOODS if clear else tuple(MOODS)
    weights = np.array([MOODS[name].weight for name in names])
    mood = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    scene = Scene(rng, mood, SIZES[int(rng.integers(len(SIZES)))])
    at_home = label in HOME_COAST and rng.random() < 0.5
    coast = HOME_COAST[label] if at_home else COASTS[int(rng.integers(len(COASTS)))]
    scene.paint_sky()
    scene.paint_coast(coast)
    waves = scene.paint_sea()
    scene.mirror_coast(waves)
    if not clear and rng.random() < 0.2:
        others = [name for name in SHAPES if name not in (label, "raft", "paper boat")]
        place_boat(scene, others[int(rng.integers(len(others)))], float(rng.uniform(0.06, 0.2)), 0.5, waves)
    share = float(rng.uniform(0.4, 0.62)) if clear else boat_share(rng)
    share = max(share, 0.17) if mood in DIM_MOODS else share  # far away and dim: nobody would find it
    spread = 0.05 if clear else float(rng.choice([0.12, 0.12, 0.12, 0.3]))
    middle, line, length = place_boat(scene, label, share, spread, waves)
    if not clear and rng.random() < 0.1:
        scene.add_wave(min(scene.height * 0.97, line - length * float(rng.uniform(-0.06, 0.1))))
    elif not clear and length > 0.2 * scene.width and rng.random() < (0.25 if coast == "palazzi" else 0.06):
        scene.add_poles(middle)
    scene.weather()
    return scene.camera()


def boat_share(rng: Rng) -> float:
    """Draw how much of the picture's width the boat takes; some are far away."""
    far = rng.random()
    if far < 0.13:
        return float(rng.uniform(0.065, 0.12))
    return float(rng.uniform(0.12, 0.3) if far < 0.4 else rng.uniform(0.3, 0.72))


def place_boat(scene: Scene, label: str, share: float, spread: float, waves: np.ndarray) -> tuple[float, float, float]:
    """Put a boat of this share of the width somewhere sensible; near ones stand lower."""
    rng = scene.rng
    length = share * scene.width * SHAPES[label][3]
    room = scene.height - scene.horizon
    down = min(0.86, 0.03 + share * float(rng.uniform(0.5, 1.1)))
    line = scene.horizon + max(2.0, room * down)
    tall = SHAPES[label][1] * length / 2 * 0.95
    if rng.random() < 0.85 and line - tall < 4:  # a mast seldom leaves the picture
        length *= max(0.3, (line - 4) / tall)
    middle = scene.width * float(np.clip(rng.normal(0.5, spread), 0.05, 0.95))
    scene.add_boat(label, length, middle, line, waves)
    return middle, line, length
