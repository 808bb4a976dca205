"""Pictures as they come: in a form's box, on squared paper, half in the shade, cut tightly, dirty, faint, turned.

Each function draws ink (H, W), from 0 (paper) to 1 (ink), around a digit of MNIST's, or returns the whole picture.
"""

from __future__ import annotations

import math
from typing import Callable, Iterator

import numpy as np
from PIL import Image

Shape = np.ndarray  # (H, W), 0 (paper) to 1 (ink)
Kinds = dict[str, Callable[[Shape, np.random.Generator], np.ndarray]]


def enlarged(image: np.ndarray, size: int) -> Shape:
    """Scale a digit of MNIST's, uint8 (28, 28), smoothly; edges as sharp as a pen's."""
    large = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)) / 255
    return np.clip((large - 0.5) * size / 60 + 0.5, 0, 1)


def seen(ink: Shape, rng: np.random.Generator, light: np.ndarray | float = 1.0, darkness: float = 0.75) -> np.ndarray:
    """Return what a camera sees of ink on white paper: (H, W), 0 to 1, with a little noise."""
    return np.clip(light * 0.9 * (1 - darkness * ink) + rng.normal(0, 0.015, ink.shape), 0, 1)


def turned(ink: Shape, degrees: float) -> Shape:
    return np.asarray(Image.fromarray(ink.astype(np.float32)).rotate(degrees, Image.Resampling.BILINEAR))


# -- lines


def lines(shape: tuple[int, int], spacing: float, thickness: int, rng: np.random.Generator, squared: bool) -> Shape:
    """Return ruled or squared paper, held askew by up to 3 degrees."""
    y, x = np.mgrid[:shape[0], :shape[1]].astype(float)
    angle = math.radians(rng.uniform(-3, 3))
    across, along = y * math.cos(angle) + x * math.sin(angle), x * math.cos(angle) - y * math.sin(angle)
    ink = (across + rng.uniform(0, spacing)) % spacing < thickness
    if squared:
        ink |= (along + rng.uniform(0, spacing)) % spacing < thickness
    return ink.astype(float)


def frame(shape: tuple[int, int], box: tuple[int, int, int, int], thickness: int) -> Shape:
    ink = np.zeros(shape)
    top, left, bottom, right = box
    ink[top:bottom, left:right] = 1
    ink[top + thickness:bottom - thickness, left + thickness:right - thickness] = 0
    return ink


def in_a_box(digit: Shape, rng: np.random.Generator) -> np.ndarray:
    """Draw a form's box around the digit, near it or further off, askew by up to 2 degrees."""
    size = len(digit)
    ink = np.pad(digit, size // 4)
    top, left = rng.integers(size // 8, 3 * size // 8, 2)
    bottom, right = len(ink) - rng.integers(size // 8, 3 * size // 8, 2)
    box = turned(frame(ink.shape, (top, left, bottom, right), int(rng.integers(2, 6))), rng.uniform(-2, 2))
    return seen(np.maximum(ink, box), rng)


def in_a_row_of_boxes(digit: Shape, rng: np.random.Generator) -> np.ndarray:
    size, thickness = len(digit), int(rng.integers(2, 5))
    ink = np.pad(digit, ((size // 6, size // 6), (size, size)))
    middle = size // 20
    boxes = [frame(ink.shape, (middle, left, len(ink) - middle, left + size + thickness), thickness)
             for left in (0, size, 2 * size)]
    if rng.random() < 0.5:
        boxes = boxes[1:2]
    return seen(np.maximum(ink, turned(np.maximum.reduce(boxes), rng.uniform(-0.7, 0.7))), rng)


def on_paper(squared: bool, level: float, empty: bool = False) -> Callable[[Shape, np.random.Generator], np.ndarray]:
    """Return what draws the digit in pencil, on lines that are `level` darker than the paper (black to white is 1)."""
    def draw(digit: Shape, rng: np.random.Generator) -> np.ndarray:
        size = len(digit)
        ink = np.pad(digit * (not empty), size // 3)
        spacing = size * (rng.uniform(0.15, 0.5) if squared else rng.uniform(0.4, 0.9))
        ruled = lines(ink.shape, spacing, max(1, size // 120), rng, squared)
        light = 1 - 0.2 * np.linspace(0, 1, ink.shape[1])
        return seen(np.maximum(0.75 * ink, level * ruled), rng, light)
    return draw


def empty_box(digit: Shape, rng: np.random.Generator) -> np.ndarray:
    return in_a_box(0 * digit, rng)


# -- light, colour, cut


def half_in_the_shade(digit: Shape, rng: np.random.Generator) -> np.ndarray:
    """Lay a shadow with a sharp edge across the digit."""
    ink = np.pad(digit, len(digit) // 4)
    y, x = np.mgrid[-1:1:len(ink) * 1j, -1:1:len(ink) * 1j]
    angle = rng.uniform(0, 2 * math.pi)
    edge = x * math.cos(angle) + y * math.sin(angle) + rng.uniform(-0.15, 0.15)
    return seen(ink, rng, 1 - rng.uniform(0.3, 0.6) / (1 + np.exp(-len(ink) * edge)))


def as_bright_as_its_paper(digit: Shape, rng: np.random.Generator) -> np.ndarray:
    """Return (H, W, 3): ink and paper have the same luminance and another colour."""
    ink, luminance = np.pad(digit, len(digit) // 5)[..., None], np.array([0.299, 0.587, 0.114])
    paper, colour = [(np.array(pair[0]), np.array(pair[1])) for pair in [
        ([0.9, 0.55, 0.6], [0.4, 0.78, 0.6]), ([0.75, 0.75, 0.2], [0.55, 0.72, 0.98]),
        ([0.3, 0.6, 0.3], [0.9, 0.3, 0.25]),
    ]][rng.integers(3)]
    colour = colour * (paper @ luminance) / (colour @ luminance)
    picture = paper + ink * (colour - paper)
    return np.clip(picture + rng.normal(0, 0.01, picture.shape), 0, 1)


def cut_tightly(digit: Shape, rng: np.random.Generator) -> np.ndarray:
    rows, columns = (np.flatnonzero((digit > 0.5).any(axis=axis)) for axis in (1, 0))
    ink = digit[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    picture = seen(ink, rng)
    return picture if rng.random() < 0.5 else 1 - picture


def with_dirt_at_the_border(digit: Shape, rng: np.random.Generator) -> np.ndarray:
    """Leave the table's edge, or a piece of the next digit, at one side of the picture."""
    size = len(digit)
    ink = np.pad(digit, size // 3)
    start, length = rng.integers(0, size // 2), rng.integers(size // 4, size)
    side = np.rot90(ink, rng.integers(4))  # a view
    side[start:start + length, :rng.integers(size // 40, size // 12)] = 1
    return seen(ink, rng)


def faint_and_in_pieces(digit: Shape, rng: np.random.Generator) -> np.ndarray:
    """Break the strokes where the pen slipped, as in a pale scan."""
    coarse = rng.random((len(digit) // 6, len(digit) // 6))
    size = digit.shape[::-1]
    slips = np.asarray(Image.fromarray(coarse.astype(np.float32)).resize(size, Image.Resampling.BICUBIC))
    ink = np.pad(digit * np.clip((slips - 0.15) * 6, 0, 1), len(digit) // 5)
    return seen(ink, rng, darkness=0.2)


KINDS: Kinds = {
    "in a box": in_a_box,
    "in a row of boxes": in_a_row_of_boxes,
    "squared paper": on_paper(squared=True, level=0.25),
    "squared paper, dark lines": on_paper(squared=True, level=0.6),
    "ruled paper": on_paper(squared=False, level=0.25),
    "ruled paper, dark lines": on_paper(squared=False, level=0.6),
    "half in the shade": half_in_the_shade,
    "as bright as its paper": as_bright_as_its_paper,
    "cut tightly": cut_tightly,
    "dirt at the border": with_dirt_at_the_border,
    "faint, in pieces": faint_and_in_pieces,
}
EMPTY: Kinds = {
    "empty box": empty_box,
    "empty squared paper": on_paper(squared=True, level=0.25, empty=True),
    "empty squared paper, dark": on_paper(squared=True, level=0.6, empty=True),
    "empty ruled paper": on_paper(squared=False, level=0.25, empty=True),
    "empty ruled paper, dark": on_paper(squared=False, level=0.6, empty=True),
}


def hard_pictures(
    rng: np.random.Generator, mnist: tuple[np.ndarray, np.ndarray]
) -> Iterator[tuple[str, int, np.ndarray]]:
    """Yield (kind, digit, picture), each kind with each digit once; `mnist` are test images and their labels."""
    for digit in range(10):
        for kind, draw in {**KINDS, **EMPTY}.items():
            image = mnist[0][rng.choice(np.flatnonzero(mnist[1] == digit))]
            yield kind, digit, draw(enlarged(image, int(rng.integers(120, 260))), rng)
