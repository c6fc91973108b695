"""Shapes of the drawn boats: one function a class, in boat units, on a see-through layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

Point = tuple[float, float]
Colour = tuple[int, int, int]

OVERSAMPLE = 2.0  # drawn larger, then shrunk: that gives smooth edges
WHITE, CREAM, DARK, STEEL, WOOD = (
    (244, 244, 240),
    (238, 226, 200),
    (34, 34, 40),
    (176, 182, 190),
    (142, 98, 60),
)
LIGHTS = [(255, 214, 130), (255, 236, 190), (255, 190, 100)]
BRIGHT = [
    (214, 46, 40),
    (242, 186, 32),
    (238, 112, 30),
    (36, 128, 78),
    (32, 92, 176),
    (20, 150, 170),
    (150, 50, 120),
]
SKIN = [(232, 190, 158), (196, 146, 108), (140, 96, 66), (98, 66, 48)]


def pick(rng: np.random.Generator, options: Sequence[Colour]) -> Colour:
    """Draw one of the options, slightly varied."""
    colour = options[int(rng.integers(len(options)))]
    return tint(colour, 1 + float(rng.normal(0, 0.04)))


def tint(colour: Colour, factor: float) -> Colour:
    """Lighten (factor over 1) or darken a colour."""
    red, green, blue = (min(255, max(0, round(part * factor))) for part in colour)
    return red, green, blue


def curve(start: Point, bend: Point, end: Point, steps: int = 14) -> list[Point]:
    """Give points of a bow from start to end that leans towards the bend."""
    ways = [step / steps for step in range(steps + 1)]
    return [
        (
            (1 - t) ** 2 * start[0] + 2 * t * (1 - t) * bend[0] + t**2 * end[0],
            (1 - t) ** 2 * start[1] + 2 * t * (1 - t) * bend[1] + t**2 * end[1],
        )
        for t in ways
    ]


class Pen:
    """Draws in boat units: the hull reaches from x=-1 to x=1, the water line is y=0, y points up."""

    def __init__(self, rng: np.random.Generator, length: float, top: float, lean: float, lit: bool) -> None:
        """Lay out an empty layer for a boat of this length in pixels, and draw its attitude by lot."""
        self.rng, self.lit = rng, lit
        self.scale = max(8.0, length / 2 * OVERSAMPLE)
        self.mirror = -1 if rng.random() < 0.5 else 1
        self.lean = float(rng.normal(0, lean))
        self.squeeze = float(rng.uniform(0.72, 1.0))
        self.depth = float(rng.uniform(-0.2, 0.2))  # the nearer end is drawn larger
        self.origin = (1.55 * self.scale, top * self.scale)
        size = (math.ceil(3.1 * self.scale), math.ceil((top + 0.35) * self.scale))
        self.image = Image.new("RGBA", size)
        self.glow = Image.new("RGBA", size if lit else (1, 1))
        self.draw, self.glow_draw = ImageDraw.Draw(self.image), ImageDraw.Draw(self.glow)

    def place(self, points: Sequence[Point]) -> list[Point]:
        """Turn boat units into pixels of the layer."""
        cosine, sine = math.cos(self.lean), math.sin(self.lean)
        placed = []
        for x, y in points:
            near = 1 / (1 - self.depth * x)
            across, up = x * near * self.squeeze, y * near
            across, up = across * cosine + up * sine, up * cosine - across * sine
            placed.append((self.origin[0] + self.mirror * across * self.scale, self.origin[1] - up * self.scale))
        return placed

    def shape(self, points: Sequence[Point], colour: Colour, shade: float = 0.0, alpha: int = 255) -> None:
        """Fill a shape; with shade its far lower side grows darker."""
        placed = self.place(points)
        if not shade:
            self.draw.polygon(placed, fill=(*colour, alpha))
            return
        left, top = (math.floor(min(part)) for part in zip(*placed, strict=True))
        right, bottom = (math.ceil(max(part)) + 1 for part in zip(*placed, strict=True))
        mask = Image.new("L", (max(1, right - left), max(1, bottom - top)))
        ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in placed], fill=alpha)
        slope = np.array([[0.35, -0.2], [-0.1, -0.9]]) * shade
        if self.mirror < 0:
            slope = slope[:, ::-1]
        corners = np.clip(np.array(colour)[None, None] * (1 + slope[..., None]), 0, 255).astype(np.uint8)
        tile = Image.fromarray(corners).resize(mask.size, Image.Resampling.BILINEAR)
        self.image.paste(tile, (left, top), mask)

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """Draw a line whose width is in boat units."""
        pixels = max(1, round(width * self.scale))
        self.draw.line(self.place(points), fill=(*colour, 255), width=pixels, joint="curve")

    def dot(self, centre: Point, radius: float, colour: Colour, glows: bool = False) -> None:
        """Draw a filled circle; one that glows keeps its light at night."""
        (x, y), size = self.place([centre])[0], radius * self.scale
        self.draw.ellipse((x - size, y - size, x + size, y + size), fill=(*colour, 255))
        if glows and self.lit:
            self.glow_draw.ellipse((x - size, y - size, x + size, y + size), fill=(*LIGHTS[1], 255))

    def box(self, left: float, bottom: float, right: float, top: float, colour: Colour, shade: float = 0.0) -> None:
        """Fill an upright box."""
        self.shape([(left, bottom), (right, bottom), (right, top), (left, top)], colour, shade)

    def windows(self, left: float, right: float, low: float, high: float, count: int, colour: Colour) -> None:
        """Draw a row of windows, of which many are lit at night."""
        step = (right - left) / count
        for number in range(count):
            start = left + number * step + step * 0.2
            corners = [(start, low), (start + step * 0.6, low), (start + step * 0.6, high), (start, high)]
            placed = self.place(corners)
            self.draw.polygon(placed, fill=(*colour, 255))
            if self.lit and self.rng.random() < 0.7:
                self.glow_draw.polygon(placed, fill=(*pick(self.rng, LIGHTS), 255))

    def person(self, x: float, y: float, height: float, shirt: Colour, legs: Colour | None = None) -> None:
        """Draw a person whose feet (or seat, without legs) are at the place."""
        hip = y + (height * 0.48 if legs else 0)
        body = height * (0.36 if legs else 0.68)
        if legs:
            self.shape(
                [
                    (x - 0.16 * height, y),
                    (x + 0.12 * height, y),
                    (x + 0.08 * height, hip),
                    (x - 0.08 * height, hip),
                ],
                legs,
            )
        wide = body * 0.36
        self.shape(
            [(x - wide * 0.8, hip), (x + wide * 0.8, hip), (x + wide, hip + body), (x - wide, hip + body)],
            shirt,
            0.5,
        )
        self.dot((x, hip + body * 1.28), body * 0.25, pick(self.rng, SKIN))


def sailboat(pen: Pen, rng: np.random.Generator) -> None:
    """Draw hull, cabin, one or two masts and the sails (now and then furled)."""
    hull = pick(rng, [WHITE, WHITE, (28, 52, 96), (150, 36, 34), WOOD, (40, 92, 88)])
    sail = pick(rng, [WHITE, WHITE, WHITE, CREAM, (176, 74, 48), (60, 66, 74)])
    masts = [(0.12, 2.25)] if rng.random() < 0.75 else [(0.3, 2.1), (-0.55, 1.5)]
    furled = rng.random() < 0.12
    pen.shape([(-0.45, 0.2), (0.4, 0.2), (0.28, 0.36), (-0.4, 0.34)], tint(WHITE, 0.93), 0.4)
    pen.windows(-0.36, 0.24, 0.25, 0.31, 4, (50, 60, 76))
    for x, height in masts:
        pen.line([(x, 0.2), (x - 0.03, height)], pick(rng, [STEEL, WOOD]), 0.03)
        boom = x - (0.95 if len(masts) == 1 else 0.62)
        if furled:
            pen.line([(x, 0.44), (boom, 0.42)], tint(sail, 0.9), 0.09)
            continue
        leech = curve((x - 0.05, height - 0.05), (boom + 0.22, height * 0.62), (boom, 0.42))
        pen.shape([(x - 0.02, 0.42), *leech], sail, 0.34)
        for part in (0.3, 0.55, 0.78):
            y = 0.42 + (height - 0.42) * part
            pen.line([(x - 0.02, y), (x - (x - boom) * (1 - part) * 0.85, y - 0.04)], tint(sail, 0.82), 0.008)
    x, height = masts[0]
    if not furled and rng.random() < 0.9:
        bright = rng.random() < 0.25
        colour, reach = (pick(rng, BRIGHT), 0.3) if bright else (tint(sail, 0.95), 0.0)
        luff = curve((x + 0.02, height * 0.93), (0.75 + reach * 1.6, 0.95 + reach), (1.0 + reach / 3, 0.36))
        pen.shape([*luff, *curve((1.0, 0.36), (0.6, 0.34), (x + 0.05, 0.46))], colour, 0.4)
    pen.line([(x - 0.02, height), (1.02, 0.3)], STEEL, 0.008)
    pen.line([(masts[-1][0], masts[-1][1]), (-0.97, 0.24)], STEEL, 0.008)
    pen.shape(
        [*curve((-1, 0.22), (0.1, 0.15), (1.06, 0.3)), *curve((0.86, 0), (0, -0.14), (-0.93, -0.08))],
        hull,
        0.5,
    )
    pen.line(curve((-0.98, 0.15), (0.1, 0.08), (1.0, 0.22)), pick(rng, [*BRIGHT, WHITE]), 0.025)
    for _ in range(int(rng.integers(0, 4))):
        pen.person(float(rng.uniform(-0.9, -0.5)), 0.2, 0.24, pick(rng, BRIGHT))


def kayak(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a low pointed hull and one or two people with double paddles."""
    hull, stripe = pick(rng, BRIGHT), pick(rng, [WHITE, DARK, (250, 220, 80)])
    seats = [-0.05] if rng.random() < 0.7 else [-0.36, 0.26]
    size = float(rng.uniform(0.9, 1.15))
    deck = curve((-1, 0.15), (0, 0.05), (1.02, 0.17))
    pen.shape([*deck, *curve((1.02, 0.17), (0, -0.2), (-1, 0.15))], hull, 0.7)
    pen.shape([*deck, *curve((1.02, 0.17), (0, 0.16), (-1, 0.15))], tint(hull, 1.12), 0.2)
    pen.line([(x, y - 0.025) for x, y in deck[2:-2]], stripe, 0.014)
    tilt = float(rng.choice([-1, 1]) * rng.uniform(0.05, 0.5))
    for seat in seats:
        pen.shape([(seat - 0.13, 0.1), (seat + 0.13, 0.1), (seat + 0.1, 0.15), (seat - 0.1, 0.15)], DARK)
        pen.person(seat, 0.1, 0.42 * size, pick(rng, BRIGHT))
        head = (seat, 0.1 + 0.42 * size * 0.9)
        if rng.random() < 0.6:
            pen.dot((head[0], head[1] + 0.03), 0.065, pick(rng, [*BRIGHT, WHITE]))
        reach, middle = 0.56, 0.31
        ends = [(seat + side * reach * math.cos(tilt), middle + side * reach * math.sin(tilt)) for side in (-1, 1)]
        for share in (0.3, 0.7):
            hand = tuple(ends[0][axis] * (1 - share) + ends[1][axis] * share for axis in (0, 1))
            pen.line([(seat + (share - 0.5) * 0.3, 0.33 * size), (hand[0], hand[1])], pick(rng, SKIN), 0.045)
        pen.line(ends, DARK, 0.02)
        blade = pick(rng, [WHITE, DARK, *BRIGHT])
        for (x, y), side in zip(ends, (-1, 1), strict=True):
            far = (x + side * 0.2 * math.cos(tilt), y + side * 0.2 * math.sin(tilt))
            bulge = (0.05 * math.sin(tilt), 0.05 * math.cos(tilt))
            low, high = (far[0] + bulge[0], far[1] - bulge[1]), (far[0] - bulge[0], far[1] + bulge[1])
            pen.shape([(x, y), low, high], blade, 0.2)


def gondola(pen: Pen, rng: np.random.Generator) -> None:
    """Draw the curved black hull, the iron at the bow, seats and the standing rower."""
    black = pick(rng, [(26, 24, 28), (30, 28, 34), (22, 26, 34)])
    moored = rng.random() < 0.18
    if not moored:
        pen.line([(-0.52, 0.62), (-0.95, -0.14)], (150, 112, 70), 0.022)
        pen.person(-0.6, 0.2, 0.62, pick(rng, [WHITE, (238, 240, 244)]), DARK)
        for row in range(4):
            pen.line(
                [(-0.665, 0.53 + row * 0.05), (-0.535, 0.53 + row * 0.05)],
                pick(rng, [(30, 44, 90), (170, 30, 36)]),
                0.014,
            )
        pen.line([(-0.55, 0.68), (-0.42, 0.6), (-0.52, 0.56)], pick(rng, SKIN), 0.03)
        pen.shape([(-0.7, 0.79), (-0.5, 0.79), (-0.54, 0.85), (-0.66, 0.85)], (222, 190, 122))
    cushion = pick(rng, [(160, 24, 34), (120, 20, 50), (30, 60, 120), (186, 140, 50)])
    for seat in rng.uniform(-0.15, 0.35, int(rng.integers(0, 4)) if not moored else 0):
        pen.person(float(seat), 0.1, 0.26, pick(rng, [*BRIGHT, WHITE]))
    pen.shape([(-0.3, 0.08), (-0.33, 0.28), (-0.2, 0.3), (-0.12, 0.12)], cushion, 0.4)
    upper = [*curve((-1.02, 0.42), (-0.78, 0.1), (0, 0.1)), *curve((0, 0.1), (0.74, 0.1), (0.97, 0.46))]
    lower = [*curve((1.0, 0.42), (0.8, -0.1), (0, -0.1)), *curve((0, -0.1), (-0.75, -0.08), (-1.04, 0.4))]
    pen.shape([*upper, *lower], black, 0.6)
    pen.line(upper[3:-3], tint(black, 2.6), 0.012)
    if moored:
        cover = pick(rng, [(32, 70, 140), (24, 92, 104), (40, 52, 110)])
        pen.shape(
            [*curve((-0.62, 0.13), (0, 0.26), (0.66, 0.17)), *curve((0.66, 0.12), (0, 0.04), (-0.62, 0.1))],
            cover,
            0.5,
        )
    iron = (186, 190, 198)
    blade = [*curve((0.94, 0.38), (0.98, 0.5), (0.97, 0.62)), *curve((1.07, 0.66), (1.05, 0.54), (1.0, 0.3))]
    pen.shape(blade, iron, 0.5)
    for tooth in range(5):
        y = 0.36 + tooth * 0.045
        pen.line([(1.0, y), (1.065, y + 0.01)], iron, 0.012)
    pen.line([(0.55, 0.16), (0.6, 0.28)], (202, 168, 84), 0.02)


def cruise_ship(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a tall white ship with many rows of windows, boats on the side and a funnel."""
    white = pick(rng, [WHITE, WHITE, (232, 238, 244)])
    band, decks = pick(rng, [*BRIGHT, (20, 40, 90), (20, 40, 90)]), int(rng.integers(4, 9))
    rise = 0.075
    funnel = float(rng.uniform(-0.62, -0.2))
    top = 0.28 + decks * rise
    pen.shape(
        [
            (funnel - 0.12, top - 0.04),
            (funnel + 0.12, top - 0.04),
            (funnel + 0.04, top + 0.24),
            (funnel - 0.12, top + 0.22),
        ],
        band,
        0.5,
    )
    pen.box(funnel - 0.1, top + 0.19, funnel + 0.04, top + 0.23, DARK)
    pen.line([(0.42, top - 0.1), (0.4, top + 0.16)], STEEL, 0.02)
    for deck in range(decks - 1, -1, -1):
        low, left = 0.26 + deck * rise, -0.93 + 0.022 * deck
        right = 0.8 - 0.045 * deck - 0.004 * deck**2
        pen.shape(
            [(left, low), (right + 0.03, low), (right, low + rise), (left, low + rise)],
            tint(white, 0.99 - 0.012 * (deck % 2)),
            0.22,
        )
        pen.windows(left + 0.03, right - 0.05, low + 0.018, low + 0.055, int(rng.integers(26, 42)), (86, 104, 128))
        pen.line([(left, low), (right + 0.03, low)], tint(white, 0.78), 0.008)
    pen.windows(0.8 - 0.05 * decks, 0.86 - 0.05 * decks, top - 0.14, top - 0.09, 2, (40, 50, 66))
    pen.shape([(-0.98, 0.28), (1.08, 0.33), (0.88, -0.06), (-0.95, -0.06)], white, 0.3)
    pen.shape(
        [(-0.97, 0.05), (0.94, 0.05), (0.88, -0.06), (-0.95, -0.06)],
        band if rng.random() < 0.6 else (24, 40, 80),
    )
    pen.windows(-0.9, 0.8, 0.14, 0.17, 36, (92, 110, 134))
    for number in range(int(rng.integers(5, 9))):
        x = -0.7 + number * 0.16
        pen.shape(
            [*curve((x, 0.33), (x + 0.05, 0.27), (x + 0.11, 0.33)), (x + 0.09, 0.36), (x + 0.02, 0.36)],
            (236, 122, 42),
            0.4,
        )


def ferry_boat(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a blunt ship with an open car deck, few rows of windows and a stripe."""
    hull = pick(rng, [WHITE, (30, 62, 120), (28, 92, 84), (160, 36, 38), (40, 42, 50), WHITE])
    house, stripe = pick(rng, [WHITE, WHITE, CREAM, (240, 204, 90)]), pick(rng, BRIGHT)
    decks, both_ways, funnel = int(rng.integers(1, 4)), rng.random() < 0.4, float(rng.uniform(-0.6, 0.1))
    bow = 0.98 if both_ways else 1.04
    top = 0.42 + decks * 0.12
    pen.shape(
        [(funnel - 0.08, top), (funnel + 0.08, top), (funnel + 0.06, top + 0.2), (funnel - 0.08, top + 0.2)],
        stripe,
        0.5,
    )
    pen.box(funnel - 0.08, top + 0.16, funnel + 0.06, top + 0.2, DARK)
    for centre in (0.5, -0.5) if both_ways else (0.55,):
        pen.box(centre - 0.13, top - 0.02, centre + 0.13, top + 0.12, house, 0.4)
        pen.windows(centre - 0.12, centre + 0.12, top + 0.04, top + 0.1, 4, (44, 54, 70))
        pen.line([(centre, top + 0.1), (centre, top + 0.34)], STEEL, 0.018)
    for deck in range(decks):
        low, reach = 0.42 + deck * 0.12, 0.84 - deck * 0.1
        pen.box(-reach, low, reach if both_ways else reach - 0.06, low + 0.12, house, 0.3)
        pen.windows(-reach + 0.04, reach - 0.12, low + 0.035, low + 0.085, int(rng.integers(11, 17)), (62, 78, 100))
        pen.line([(-reach, low + 0.12), (reach - 0.04, low + 0.12)], tint(house, 0.72), 0.012)
    pen.shape([(-0.98, 0.42), (bow, 0.42), (bow - 0.07, -0.06), (-0.93, -0.06)], hull, 0.35)
    pen.box(-0.95, 0.0, bow - 0.05, -0.06, pick(rng, [(120, 34, 32), DARK]))
    left = -0.8
    for _ in range(int(rng.integers(4, 7))):
        pen.box(left, 0.2, left + 0.2, 0.35, (26, 28, 34))
        if rng.random() < 0.7:
            pen.shape(
                [(left + 0.03, 0.2), (left + 0.17, 0.2), (left + 0.13, 0.28), (left + 0.06, 0.28)],
                pick(rng, [*BRIGHT, WHITE]),
            )
        left += 0.25
    pen.line([(-0.96, 0.13), (bow - 0.03, 0.13)], stripe, 0.055)


def buoy(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a striped floating cone, can, pillar or ball with a lamp."""
    main, other = [
        ((200, 36, 34), WHITE),
        ((200, 36, 34), (28, 110, 70)),
        ((238, 190, 30), DARK),
        ((28, 120, 76), WHITE),
    ][int(rng.integers(4))]
    main, kind = tint(main, float(rng.uniform(0.85, 1.08))), int(rng.integers(4))
    if kind == 3:  # a ball with a ring on its top
        ball = [(0.62 * math.cos(a), 0.42 + 0.6 * math.sin(a)) for a in np.linspace(0, 2 * math.pi, 40)]
        pen.line([(-0.06, 1.0), (0, 1.16), (0.06, 1.0)], STEEL, 0.05)
        pen.shape(ball, main, 0.8)
        pen.shape([(x * 0.99, 0.42 + (y - 0.42) * 0.26) for x, y in ball], other, 0.5)
        return
    base, neck, top = [(0.52, 0.14, 1.5), (0.46, 0.4, 1.3), (0.3, 0.22, 1.7)][kind]
    stripes = int(rng.integers(1, 5))
    pen.shape(
        [*curve((-0.75, 0.18), (0, 0.32), (0.75, 0.18)), *curve((0.7, -0.1), (0, -0.2), (-0.7, -0.1))],
        tint(main, 0.8),
        0.6,
    )
    for stripe in range(stripes):
        low, high = stripe / stripes, (stripe + 1) / stripes
        wide, small = base + (neck - base) * low, base + (neck - base) * high
        y, y_next = 0.2 + (top - 0.2) * low, 0.2 + (top - 0.2) * high
        pen.shape(
            [(-wide, y), (wide, y), (small, y_next), (-small, y_next)],
            main if stripe % 2 == 0 else other,
            0.7,
        )
        pen.shape([(-wide, y), (-wide * 0.55, y), (-small * 0.55, y_next), (-small, y_next)], WHITE, alpha=60)
    for side in (-1, 1):
        pen.line([(side * neck * 0.9, top), (side * 0.1, top + 0.35)], STEEL, 0.035)
    pen.line([(-0.12, top + 0.35), (0.12, top + 0.35)], STEEL, 0.04)
    pen.box(-0.07, top + 0.35, 0.07, top + 0.5, (70, 76, 84))
    pen.dot((0, top + 0.45), 0.075, pick(rng, [(240, 240, 220), (220, 60, 50), (80, 190, 120)]), glows=True)


def paper_boat(pen: Pen, rng: np.random.Generator) -> None:
    """Draw the folded paper boat: two long sides and the tip in the middle."""
    paper = pick(rng, [WHITE, WHITE, (250, 250, 250), CREAM, (224, 218, 204), *BRIGHT[:6]])
    printed = max(paper) - min(paper) < 40 and rng.random() < 0.45
    lift, peak = float(rng.uniform(0.5, 0.7)), float(rng.uniform(0.9, 1.15))
    pen.shape([(-1.0, lift), (-0.1, 0.36), (1.0, lift), (0.5, 0.2), (-0.5, 0.2)], tint(paper, 0.6), 0.2)
    pen.shape([(-0.44, 0.3), (0.03, peak), (0.03, 0.26)], tint(paper, 1.02), 0.2)
    pen.shape([(0.46, 0.3), (0.03, peak), (0.03, 0.26)], tint(paper, 0.8), 0.3)
    left, right, keel = (-1.0, lift), (1.0, lift), [(-0.56, -0.05), (0.56, -0.05)]
    pen.shape([left, (0.0, 0.3), (0.02, -0.05), keel[0]], tint(paper, 0.98), 0.3)
    pen.shape([(0.0, 0.3), right, keel[1], (0.02, -0.05)], tint(paper, 0.85), 0.35)
    if printed:  # lines of newsprint follow the fold
        for row in range(7):
            share = 0.12 + row * 0.11
            start = (-0.93 + 0.44 * share, lift * (1 - share) - 0.02)
            pen.line([start, (-0.06, 0.28 * (1 - share) - 0.01)], tint(paper, 0.55), 0.014)
            pen.line(
                [(0.07, 0.28 * (1 - share)), (0.92 - 0.44 * share, lift * (1 - share) - 0.03)],
                tint(paper, 0.5),
                0.014,
            )
    for fold in ([left, (0.0, 0.3), right], [(0.0, 0.3), (0.02, -0.05)], [(0.03, peak), (0.03, 0.3)]):
        pen.line(fold, tint(paper, 0.72), 0.012)


def raft(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a raft of logs, or one to blow up with a tent on it."""
    if rng.random() < 0.35:
        tube = pick(rng, [(236, 110, 30), (226, 70, 36)])
        pen.shape([*curve((-0.72, 0.2), (0, 1.15), (0.72, 0.2))], tint(tube, 1.1), 0.5)
        pen.shape([*curve((-0.28, 0.2), (0, 0.75), (0.28, 0.2))], (60, 40, 34))
        pen.shape(
            [*curve((-0.95, 0.1), (0, 0.34), (0.95, 0.1)), *curve((0.95, 0.02), (0, -0.3), (-0.95, 0.02))],
            tint(tube, 0.85),
            0.6,
        )
        return
    wood = pick(rng, [WOOD, (168, 128, 84), (112, 84, 58)])
    for row in range(5):
        y = 0.3 - row * 0.075
        start, end = (
            -1 + 0.1 * (4 - row) + float(rng.normal(0, 0.03)),
            1 - 0.1 * (4 - row) + float(rng.normal(0, 0.03)),
        )
        pen.box(start, y - 0.075, end, y, tint(wood, float(rng.uniform(0.8, 1.15))), 0.7)
        pen.dot((end, y - 0.037), 0.04, tint(wood, 1.3))
    for x in (-0.6, 0.6):
        pen.line([(x * 0.8, 0.3), (x, -0.05)], (214, 196, 150), 0.04)
    if rng.random() < 0.6:
        pen.line([(0.05, 0.2), (0.02, 1.5)], tint(wood, 0.8), 0.04)
        pen.shape([(-0.45, 0.6), (0.5, 0.62), (0.4, 1.35), (-0.4, 1.38)], pick(rng, [CREAM, (206, 196, 170)]), 0.5)
    pen.person(float(rng.uniform(-0.6, -0.3)), 0.22, 0.6, pick(rng, BRIGHT), (60, 66, 90))


# the drawing, the height of its layer, how far it leans, and its usual length beside the others
SHAPES: dict[str, tuple[Callable[[Pen, np.random.Generator], None], float, float, float]] = {
    "sailboat": (sailboat, 2.55, 0.09, 0.9),
    "kayak": (kayak, 1.0, 0.03, 1.0),
    "gondola": (gondola, 1.15, 0.03, 1.15),
    "cruise ship": (cruise_ship, 1.35, 0.006, 1.25),
    "ferry boat": (ferry_boat, 1.3, 0.01, 1.15),
    "buoy": (buoy, 2.4, 0.1, 0.55),
    "paper boat": (paper_boat, 1.4, 0.06, 0.75),
    "raft": (raft, 1.7, 0.04, 0.8),
}


def draw_boat(
    label: str, length: float, rng: np.random.Generator, lit: bool
) -> tuple[Image.Image, Image.Image, tuple[int, int]]:
    """Draw one boat; gives its layer, its lights, and where its middle touches the water."""
    shape, top, lean, _ = SHAPES[label]
    pen = Pen(rng, length, top, lean, lit)
    shape(pen, rng)
    shrink = (length / 2) / pen.scale
    size = (max(2, round(pen.image.width * shrink)), max(2, round(pen.image.height * shrink)))
    boat = pen.image.resize(size, Image.Resampling.BOX)
    glow = pen.glow.resize(size, Image.Resampling.BOX) if lit else pen.glow
    return boat, glow, (round(pen.origin[0] * shrink), round(pen.origin[1] * shrink))
