"""Augmentation: each epoch sees every image shifted, turned, scaled, slanted and bent a little differently.

All of it is one question for each pixel of the output: from where in the image does it come? An affine map answers it
for shift, rotation, zoom and shear together; the elastic distortion of Simard, Steinkraus and Platt ("Best practices
for convolutional neural networks applied to visual document analysis", ICDAR 2003) adds a smooth random field of
displacements. The kernel ``warp`` then samples every image once.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import check_finite, check_flag, check_generator, check_number, check_positive
from ..kernels import ops

CHUNK = 256  # images at a time: their displacements stay in the cache, and memory does not grow with the batch
NODE_SPACING = 1.4  # in units of sigma, between the random numbers that the elastic field is made of
NODE_REACH = 1.0  # in units of sigma: how far beyond the image there are such numbers
LARGEST = 1e38
LONGEST_SIDE = 30_000  # pixels: the kernel's positions are 32-bit integers

DIGITS: dict[str, Any] = {"shift": 0.08, "rotation": 10.0, "zoom": 0.1, "shear": 10.0, "elastic": 20.0}
PHOTOGRAPHS: dict[str, Any] = {"shift": 0.125, "horizontal_flip": True}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augment:
    """Random shift, rotation, zoom, shear, elastic distortion and mirroring: ``fit(..., augment=Augment(zoom=0.1))``.

    Every image gets amounts of its own, drawn evenly from the ranges below. What is not asked for is not done; by
    default that is everything. `for_digits` has amounts for handwritten digits, `for_photographs` for photographs.
    Between pixels the image is interpolated linearly, beyond its edge there is `fill`.

    Parameters
    ----------
    shift : float
        Up to this fraction of the height, up or down, and of the width, left or right: from 0 to below 1.
    rotation : float
        Up to this angle about the centre, either way: degrees from 0 to below 360; 180 is any.
    zoom : float
        Height and width times a factor from 1 - zoom to 1 + zoom, each its own: from 0 to below 1.
    shear : float
        Slanted to the left or right by up to this angle, as handwriting is: degrees from 0 to below 90.
    elastic : float
        Strength of the elastic distortion, alpha of Simard et al., who use 34. Pixels move by about
        ``0.16 * elastic / sigma`` pixels (root mean square, along each axis): 1.4 for 34.
    sigma : float
        Smoothness of the elastic distortion in pixels, at least 0.5: what is closer together than that moves together.
    horizontal_flip : bool
        Mirror every second image, left to right, at random. Not for digits.
    fill : float
        What there is beyond the edge: the background of the images.

    Raises
    ------
    TypeError, ValueError
        An amount is no number or outside its range.

    Notes
    -----
    Simard et al. draw a number from -1 to 1 for every pixel, smooth with a Gaussian and multiply by alpha. Here the
    numbers are ``1.4 * sigma`` pixels apart, and larger accordingly: more of them would add only detail that the
    Gaussian removes. The field's correlations are theirs, its variance is within 3 % of theirs, and for images of 28x28
    it takes 128 numbers an image instead of 1,568.

    Examples
    --------
    >>> augment = Augment(shift=0.1, rotation=10)
    >>> images = np.zeros((64, 28, 28, 1), np.float32)
    >>> augment(images, np.random.default_rng(0)).shape
    (64, 28, 28, 1)
    """

    shift: float = 0.0
    rotation: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0
    sigma: float = 4.0
    horizontal_flip: bool = False
    fill: float = 0.0

    def __post_init__(self) -> None:
        checked = {
            "shift": _amount(self.shift, "shift", "a fraction of the image's size from 0 to below 1", 1),
            "rotation": _amount(self.rotation, "rotation", "degrees from 0 to below 360", 360),
            "zoom": _amount(self.zoom, "zoom", "a fraction from 0 to below 1", 1),
            "shear": _amount(self.shear, "shear", "degrees from 0 to below 90", 90),
            "elastic": check_positive(self.elastic, "elastic", zero_allowed=True),
            "sigma": check_positive(self.sigma, "sigma"),
            "fill": check_finite(self.fill, "fill"),
            "horizontal_flip": check_flag(self.horizontal_flip, "horizontal_flip"),
        }
        for name, value in checked.items():
            if abs(value) > LARGEST:
                raise ValueError(f"{name}: expected at most {LARGEST:g}, got {value}; float32 holds no larger numbers")
            object.__setattr__(self, name, value)  # the way into a frozen dataclass
        if self.sigma < 0.5:
            raise ValueError(f"sigma: expected at least 0.5 pixels, got {self.sigma}; nothing is smooth below that")

    @classmethod
    def for_digits(cls, **changes: Any) -> Augment:
        """Return an augmentation for handwritten digits of MNIST's size, in which every result is still its digit.

        Parameters
        ----------
        **changes
            Amounts to use instead, as in ``Augment.for_digits(elastic=0)``.
        """
        return cls(**{**DIGITS, **changes})

    @classmethod
    def for_photographs(cls, **changes: Any) -> Augment:
        """Return an augmentation for small photographs such as CIFAR-10's: shifted by up to an eighth, and mirrored.

        Of 32 pixels these are the 4 that He et al. use ("Deep residual learning for image recognition", CVPR 2016,
        section 4.2).

        Parameters
        ----------
        **changes
            Amounts to use instead or besides, as in ``Augment.for_photographs(zoom=0.1)``.
        """
        return cls(**{**PHOTOGRAPHS, **changes})

    def __call__(self, images: NDArray, rng: np.random.Generator) -> NDArray:
        """Return new images in place of `images`, which stay as they are.

        Parameters
        ----------
        images : ndarray of shape (N, H, W, C)
            float32 or float64; or uint8, which is rounded to whole numbers again.
        rng : numpy.random.Generator
            Where all amounts are drawn from: the same state gives the same bits, with any number of threads.

        Returns
        -------
        ndarray
            Of the same shape and dtype, always a new one.

        Raises
        ------
        TypeError, ValueError
            Another dtype, another number of axes, or no generator.
        """
        _check(images, rng, self.fill)
        return self.of_part(images, rng, 0, len(images))

    def of_part(self, images: NDArray, rng: np.random.Generator, first: int, batch: int) -> NDArray:
        """Return the same images as of a whole batch of so many, of which `images` are those from `first` on.

        The generator draws for all of them, so that it does not matter into how many parts a batch is cut.
        """
        _check(images, rng, self.fill)
        result = np.empty(images.shape, images.dtype)
        if images.size == 0:
            return result
        if not (self.shift or self.rotation or self.zoom or self.shear or self.elastic or self.horizontal_flip):
            result[...] = images
            return result
        for start in range(0, batch, CHUNK):
            size = min(CHUNK, batch - start)
            begin, end = (min(max(row - start, 0), size) for row in (first, first + len(images)))
            rows = slice(start + begin - first, start + end - first) if begin < end else slice(0)
            self._warp(images[rows], rng, result[rows], slice(begin, end), size)
        return result

    def _warp(self, images: NDArray, rng: np.random.Generator, result: NDArray, part: slice, size: int) -> None:
        """Write the new images (N, H, W, C), which are a part of a chunk of this size."""
        height, width = images.shape[1:3]
        dtype = np.dtype(np.float32 if images.dtype == np.uint8 else images.dtype)
        matrices = self._draw_matrices(size, height, width, rng).astype(dtype)[part]
        field = self._draw_field(size, height, width, dtype, rng, part)
        if len(images) == 0:
            return
        images = np.require(images, dtype, ["C", "A", "W", "E"])  # the one form that the kernel is compiled for
        if result.dtype == dtype:
            ops.warp(images, matrices, field, self.fill, result)
            return
        sampled = np.empty(images.shape, dtype)
        ops.warp(images, matrices, field, self.fill, sampled)
        result[...] = np.rint(sampled)

    def _draw_matrices(self, n: int, height: int, width: int, rng: np.random.Generator) -> NDArray:
        """Draw the affine maps (N, 2, 3); seven random numbers for each image, also for amounts of 0."""
        drawn = rng.random((7, n), np.float32).astype(np.float64)
        angles = math.radians(self.rotation), math.radians(self.shear)
        amounts = np.array([self.shift * height, self.shift * width, *angles, self.zoom, self.zoom])
        down, right, turn, slant, taller, wider = (2 * drawn[:6] - 1) * amounts[:, None]  # each (N,)
        mirrored = self.horizontal_flip & (drawn[6] < 0.5)
        return affine_maps((height, width), (down, right), turn, (1 + taller, 1 + wider), slant, mirrored)

    def _draw_field(
        self, size: int, height: int, width: int, dtype: np.dtype, rng: np.random.Generator,
        part: slice = slice(None),
    ) -> NDArray:
        """Draw the elastic displacements of a part (N, 2, H, W), or (1, 2, H, W) zeros if there are none.

        Displacement = rows' Gaussians x random numbers x columns' Gaussians, as two products of matrices.
        """
        if self.elastic == 0:
            return np.zeros((1, 2, height, width), dtype)
        by_row, by_column = _gaussians(height, self.sigma, dtype), _gaussians(width, self.sigma, dtype)
        nodes_y, nodes_x = len(by_row), len(by_column)
        drawn = rng.random((nodes_y, nodes_x, size, 2), np.float32)[:, :, part]
        n = drawn.shape[2]
        if n == 0:
            return np.zeros((1, 2, height, width), dtype)
        noise = drawn.reshape(nodes_y, nodes_x * n * 2).astype(dtype, copy=False)
        noise -= 0.5
        noise *= 2 * self.elastic
        columns = np.empty((nodes_x * n * 2, height), dtype)
        ops.matmul_tn(noise, by_row, columns)
        field = np.empty((n * 2 * height, width), dtype)
        ops.matmul_tn(columns.reshape(nodes_x, n * 2 * height), by_column, field)
        return field.reshape(n, 2, height, width)


def affine_maps(
    size: tuple[int, int],
    shift: tuple[Any, Any] = (0, 0),
    turn: Any = 0,
    zoom: tuple[Any, Any] = (1, 1),
    slant: Any = 0,
    mirrored: Any = False,
) -> NDArray[np.float64]:
    """Return the maps from pixels of the output to places in the image, one for each of N images.

    The image is mirrored, zoomed, slanted and turned about its centre c, and shifted: ``out = A (in - c) + c + shift``.
    The maps are the inverse: ``in = A^-1 out + (c - A^-1 (c + shift))``.

    Parameters
    ----------
    size : (int, int)
        Height and width, in pixels.
    shift : (down, right)
        In pixels, each of shape (N,) or a number, like all that follows.
    turn : array
        Radians, counter-clockwise.
    zoom : (vertical, horizontal)
        Factors.
    slant : array
        Radians; above 0 the top leans to the right.
    mirrored : array of bool
        Left to right.

    Returns
    -------
    ndarray of shape (N, 2, 3)
        ``row, column = matrix @ (output row, output column, 1)``.
    """
    cos, sin, tan = np.cos(turn), np.sin(turn), np.tan(slant)
    flip = np.where(mirrored, -1.0, 1.0) / zoom[1]
    # Backwards: turn clockwise, straighten (column + tan * row), shrink and mirror. Rows grow downwards.
    yy, yx = cos / zoom[0], sin / zoom[0]
    xy, xx = (tan * cos - sin) * flip, (tan * sin + cos) * flip
    center_y, center_x = (size[0] - 1) / 2, (size[1] - 1) / 2
    y, x = center_y + shift[0], center_x + shift[1]
    maps = np.empty((np.broadcast(yy, xy, y, x).size, 2, 3))
    maps[:, 0, 0], maps[:, 0, 1], maps[:, 0, 2] = yy, yx, center_y - (yy * y + yx * x)
    maps[:, 1, 0], maps[:, 1, 1], maps[:, 1, 2] = xy, xx, center_x - (xy * y + xx * x)
    return maps


@functools.lru_cache(maxsize=32)
def _gaussians(size: int, sigma: float, dtype: np.dtype) -> NDArray:
    """Return one Gaussian a row, (nodes, size): what each random number contributes to the pixels along one axis.

    A Gaussian of sum 1, times the root of the spacing: fewer numbers have to be larger to move the pixels as far.
    """
    spacing = NODE_SPACING * sigma
    nodes = math.ceil((size - 1 + 2 * NODE_REACH * sigma) / spacing) + 1
    centers = (size - 1) / 2 + spacing * (np.arange(nodes) - (nodes - 1) / 2)
    distance = (np.arange(size) - centers[:, None]) / sigma
    return (math.sqrt(spacing / (2 * math.pi)) / sigma * np.exp(-(distance**2) / 2)).astype(dtype)


def _amount(value: Any, name: str, expected: str, below: float) -> float:
    """Return `value` as a float from 0 to `below`, which is excluded."""
    value = check_number(value, name, expected)
    if not 0 <= value < below:  # true for NaN, too
        raise ValueError(f"{name}: expected {expected}, got {value}")
    return float(value)


def _check(images: Any, rng: Any, fill: float) -> None:
    check_generator(rng)
    if not isinstance(images, np.ndarray) or isinstance(images, np.ma.MaskedArray):
        raise TypeError(f"images: expected an array, got {type(images).__name__}")
    if images.dtype not in (np.float32, np.float64, np.uint8):
        raise TypeError(f"images: expected float32, float64 or uint8, got dtype {images.dtype}; convert them first")
    if images.ndim != 4:
        hint = "; give grey images a channel axis (images[..., None])" if images.ndim == 3 else ""
        raise ValueError(f"images: expected shape (N, H, W, C), got {images.shape}{hint}")
    if max(images.shape[1:3]) > LONGEST_SIDE:
        raise ValueError(f"images: expected at most {LONGEST_SIDE} pixels a side, got shape {images.shape}")
    if images.dtype == np.uint8 and not 0 <= fill <= 255:
        raise ValueError(f"fill: expected a number from 0 to 255 for uint8 images, got {fill}")
