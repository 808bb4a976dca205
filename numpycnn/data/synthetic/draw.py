"""Digits that the package draws itself, so that everything runs where there is no MNIST.

Each is written anew: a style is chosen from `skeletons`, its shapes are mixed, its points disturbed; the whole is bent,
slanted and stretched, and a pen of some thickness and pressure follows. Then it is treated as MNIST's digits were
(LeCun et al. 1998, section III-A): scaled to a box of 20 x 20 pixels and centred by mass in 28 x 28.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...checks import MAX_SIZE, check_count
from .skeletons import SAMPLES, STYLES, pen

SIZE = 28  # pixels of an image's side
BOX = 20  # pixels of the digit's longer side
BLOCK = 500  # digits drawn with one generator; fixed, so that the first digits do not depend on how many follow
CHUNK = 125  # images painted at once; their shades stay in the processor's cache

# How far hands differ: standard deviations unless said otherwise. Lengths are shares of a digit's height.
MIXING = 0.7  # below 1, one of a style's shapes prevails in most digits
UNSTEADINESS = 0.07  # of each point
UNSTEADIER = 0.3  # of its logarithm, from digit to digit
LOOSE_ENDS = 1.6  # times as much where a stroke begins or ends
NEIGHBOURS = 0.2  # how much of its movement a point passes on to the next
TAPER = 0.3  # upper half wider than the lower, or narrower
PROPORTION = 0.3  # upper half higher than the lower, or lower
WAVES, BEND = (1, 1, 2), 0.07  # waves across the digit, and how far they bend it
TREMBLE, TREMOR = (3, 5, 8, 12), 0.006  # waves along a stroke, and their height
SLANT = 0.18, 0.28  # mean and deviation, to the right for each unit up
STRETCH = -0.15, 0.25  # mean and deviation of the logarithm of width by height
TILT = 0.1  # radians
RADIUS = 1.25, 0.32  # of the pen, in pixels: median, and deviation of its logarithm
PRESSURE = 0.22  # change of the radius along the strokes
ROUGHNESS = 0.05  # change of the radius from place to place
THINNEST, THICKEST = 0.45, 2.5  # pixels
SHADES = np.float32(4000)  # steps from black to white while painting
SOFTNESS = 0.8, 1.3  # pixels over which an edge fades, from and to


def load_synthetic_digits(n: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw handwritten digits that look like MNIST's; nothing is read or downloaded.

    All ten are equally likely. The digits depend on the seed alone: the first ones are the same however many follow.

    Parameters
    ----------
    n : int
        How many, 0 or more. 60,000 take some seconds.
    seed : int
        0 or more. Another seed draws other digits.

    Returns
    -------
    images : ndarray of uint8, shape (n, 28, 28)
        0 (background) to 255, as `load_mnist` returns them.
    labels : ndarray of uint8, shape (n,)
        Which digit each image shows.

    Raises
    ------
    TypeError
        `n` or `seed` is no integer.
    ValueError
        `n` or `seed` is negative.

    Examples
    --------
    >>> images, labels = load_synthetic_digits(1000, seed=0)
    >>> images.shape, labels.shape
    ((1000, 28, 28), (1000,))
    """
    n, seed = check_count(n, "n", 0, MAX_SIZE), check_count(seed, "seed", minimum=0)
    images = np.zeros((n, SIZE, SIZE), np.uint8)
    labels = np.empty(n, np.uint8)
    for start in range(0, n, BLOCK):
        rng = np.random.default_rng([seed, start // BLOCK])
        stop = min(start + BLOCK, n)
        digits, paths = _write(rng)
        radii, softness = _pens(rng)
        labels[start:stop] = digits[: stop - start]
        for first in range(start, stop, CHUNK):
            chunk = slice(first - start, min(first + CHUNK, stop) - start)
            boxes = _paint(paths[chunk], radii[chunk], softness[chunk])
            _centre(boxes, images[start:stop][chunk])
    return images, labels


def _write(rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return a block of digits (BLOCK,) and the pen's way through each (BLOCK, SAMPLES, 2), about 1 high."""
    digits = rng.integers(0, 10, BLOCK)
    styles = _choose_styles(digits, rng.random(BLOCK))
    paths = np.empty((BLOCK, SAMPLES, 2), np.float32)
    for k, style in enumerate(STYLES):
        chosen = np.flatnonzero(styles == k)
        shapes = np.array(style.shapes)
        shares = rng.gamma(MIXING, size=(chosen.size, len(shapes))) + 1e-9
        shares /= shares.sum(axis=1, keepdims=True)
        points = np.einsum("nk,kpc->npc", shares, shapes)
        points += _unsteadiness(rng, points.shape) * np.where(style.ends(), LOOSE_ENDS, 1)[:, None]
        paths[chosen] = np.einsum("sp,npc->nsc", pen(style), points)
    return digits, _deform(rng, paths)


def _choose_styles(digits: NDArray[np.intp], chance: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return for each digit the number of one of its styles, chosen by their weights."""
    styles = np.empty_like(digits)
    for digit in range(10):
        own = [k for k, style in enumerate(STYLES) if style.digit == digit]
        shares = np.cumsum([STYLES[k].weight for k in own])
        here = digits == digit
        styles[here] = np.array(own)[np.searchsorted(shares / shares[-1], chance[here], side="right")]
    return styles


def _unsteadiness(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return random movements of points (digits, points, 2); neighbours move alike, some digits' more than others'."""
    own = rng.standard_normal(shape)
    moves = own.copy()
    moves[:, 1:] += NEIGHBOURS * own[:, :-1]
    moves[:, :-1] += NEIGHBOURS * own[:, 1:]
    scale = UNSTEADINESS * np.exp(rng.normal(0, UNSTEADIER, (shape[0], 1, 1)))
    return moves * scale / math.sqrt(1 + 2 * NEIGHBOURS**2)


def _deform(rng: np.random.Generator, paths: NDArray[np.float32]) -> NDArray[np.float32]:
    """Change proportions, bend, let the hand tremble, slant, stretch and tilt: (digits, SAMPLES, 2)."""

    def each(deviation: float, mean: float = 0.0) -> NDArray[np.float32]:
        return rng.normal(mean, deviation, (len(paths), 1)).astype(np.float32)

    x, y = paths[..., 0] - 0.5, paths[..., 1] - 0.5
    x, y = x * (1 + each(TAPER) * y), y + each(PROPORTION) * (0.25 - y * y)
    bent_x, bent_y = x.copy(), y.copy()
    for count in WAVES:
        wave = np.sin(each(math.pi * count) * x + each(math.pi * count) * y + _phase(rng, paths))
        bent_x += each(BEND / count) * wave
        bent_y += each(BEND / count) * wave
    along = np.linspace(0, 2 * math.pi, SAMPLES, dtype=np.float32)
    for count in TREMBLE:
        wave = np.sin(count * along + _phase(rng, paths))
        bent_x += each(TREMOR) * wave
        bent_y += each(TREMOR) * wave
    x = bent_x * np.exp(each(STRETCH[1], STRETCH[0])) - each(SLANT[1], SLANT[0]) * bent_y
    tilt = each(TILT)
    return np.stack([np.cos(tilt) * x - np.sin(tilt) * bent_y, np.sin(tilt) * x + np.cos(tilt) * bent_y], axis=-1)


def _phase(rng: np.random.Generator, paths: NDArray[np.float32]) -> NDArray[np.float32]:
    return rng.uniform(0, 2 * math.pi, (len(paths), 1)).astype(np.float32)


def _pens(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the pen's radius along each path (BLOCK, SAMPLES) and the softness of its edge (BLOCK,), in pixels."""
    radius = RADIUS[0] * np.exp(rng.normal(0, RADIUS[1], (BLOCK, 1)))
    waves = rng.uniform(0.3, 1.5, (BLOCK, 1)) * np.linspace(0, 2 * math.pi, SAMPLES)
    phase = rng.uniform(0, 2 * math.pi, (BLOCK, 1))
    pressure = 1 + rng.normal(0, PRESSURE, (BLOCK, 1)) * np.sin(waves + phase)
    pressure += rng.normal(0, ROUGHNESS, (BLOCK, SAMPLES))
    return np.clip(radius * pressure, THINNEST, THICKEST), rng.uniform(*SOFTNESS, BLOCK)


def _paint(
    paths: NDArray[np.float32], radii: NDArray[np.float64], softness: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Paint the paths (N, SAMPLES, 2), scaled to fill the box: (BOX, BOX, N), 0 (background) to 1.

    The ink at a distance d from a place where the pen's radius is r is 1/2 + (r - d) / softness, cut to 0 and 1. Near
    the edge, r - d is (r^2 - d^2) / 2r, which is a part for x and a part for y: adding them takes no square root.
    """
    low, high = paths.min(axis=1), paths.max(axis=1)
    scale = (BOX - 2 * radii.mean(axis=1)) / (high - low).max(axis=1)
    places = (paths - (low + high)[:, None] / 2) * scale[:, None, None] + BOX / 2
    x, y, radius = (a.T[:, None].astype(np.float32, order="C") for a in (*places.transpose(2, 0, 1), radii))
    soft = softness.astype(np.float32)
    pixels = np.arange(0.5, BOX, dtype=np.float32)[:, None]
    from_x = _as_int16((pixels - x) ** 2 / (-2 * soft * radius))  # (SAMPLES, BOX, N)
    from_y = _as_int16((pixels - y) ** 2 / (-2 * soft * radius) + (0.5 + radius / (2 * soft)))
    ink = np.zeros((BOX, BOX, len(paths)), np.int16)
    sample = np.empty_like(ink)
    for row, column in zip(from_y, from_x):
        np.add(row[:, None], column[None], out=sample)
        np.maximum(ink, sample, out=ink)
    # A line thinner than a pixel would be grey; in MNIST it is white.
    peak = np.minimum(1, 0.5 + radius.mean(axis=0) / (2 * soft))
    return np.minimum(ink / (SHADES * peak), 1)


def _as_int16(shades: NDArray[np.floating]) -> NDArray[np.int16]:
    """Count in steps of 1 / SHADES, from -4: two of these add up without overflow, in half the time of floats."""
    return np.rint(np.maximum(shades, -4) * SHADES).astype(np.int16)


def _centre(boxes: NDArray[np.float32], images: NDArray[np.uint8]) -> None:
    """Copy boxes (BOX, BOX, N) into images (N, SIZE, SIZE), the centre of mass in the pixel at (14, 14)."""
    pixels = np.arange(0.5, BOX)
    mass = boxes.sum(axis=(0, 1))
    # MNIST's centres of mass lie from 14 to 15, counted from the upper left corner of the image.
    tops = np.ceil(SIZE / 2 - (boxes.sum(axis=1) * pixels[:, None]).sum(axis=0) / mass)
    lefts = np.ceil(SIZE / 2 - (boxes.sum(axis=0) * pixels[:, None]).sum(axis=0) / mass)
    shades = np.rint(boxes.transpose(2, 0, 1) * 255).astype(np.uint8)
    corners = np.clip([tops, lefts], 0, SIZE - BOX).astype(int).T
    for image, shade, (top, left) in zip(images, shades, corners):
        image[top : top + BOX, left : left + BOX] = shade
