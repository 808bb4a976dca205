"""Layers that change images at random in training: the core's warp draws them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import layers as core
from ...checks import Shape, check_shape
from ...data.augment import affine_maps
from ..warp import warped
from ..words import REQUIRED
from .base import Layer


class Augmenting(core.Layer):
    """A layer of the core that gives images to `change` in training; there is nothing to learn before it."""

    state_names = ("rng",)

    def __init__(self, change: Any) -> None:
        self.change = change

    def setup(self, rng: np.random.Generator) -> Shape:
        (self.rng,) = rng.spawn(1)
        return check_shape(self.input_shape, self, rank=3)

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        self.save_for_backward(training, len(x))
        return self.change(x, self.rng).astype(self.dtype, copy=False) if training else x

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """There is no dx: it stands before all layers that learn. See ``Layer.backward`` for the arguments."""
        self.check_output_gradient(dy)
        if need_dx:
            raise ValueError("Random... layers stand before all layers that learn; move them to the front")
        return None


class Random(Layer):
    """What the Random layers share: the way beyond the edge, and how images are changed."""

    EDGE = {"fill_mode": "reflect", "interpolation": "bilinear", "seed": None, "fill_value": 0.0, "data_format": None}
    refused = {**Layer.refused, "interpolation": "it interpolates linearly"}
    fill_mode, fill_value, by_itself = "reflect", 0.0, True

    def make(self, shape: Shape) -> list[core.Layer]:
        return [Augmenting(self.change)]

    def change(self, x: NDArray, rng: np.random.Generator) -> NDArray:
        """Return the images, each changed by amounts of its own."""
        maps = affine_maps(x.shape[1:3], **self.amounts(len(x), x.shape[1:3], rng))
        return warped(x, maps, self.fill_mode, self.fill_value)

    def amounts(self, n: int, size: tuple, rng: np.random.Generator) -> dict[str, Any]:
        """Draw the arguments of the core's ``affine_maps``."""
        raise NotImplementedError


def spread(factor: Any, n: int, rng: np.random.Generator) -> NDArray:
    """Draw n numbers from -factor to factor, or between the two of a pair."""
    low, high = factor if isinstance(factor, (tuple, list)) else (-factor, factor)
    return rng.uniform(low, high, n)


class RandomFlip(Random):
    """Mirrored at random; the core's affine maps."""

    words = {"mode": "horizontal_and_vertical", "seed": None, "data_format": None}

    def check(self) -> None:
        if str(self.mode).lower() not in ("horizontal", "vertical", "horizontal_and_vertical"):
            raise ValueError(f'RandomFlip: mode={self.mode!r}: expected "horizontal", "vertical" or '
                             '"horizontal_and_vertical"')  # fmt: skip

    def amounts(self, n: int, size: tuple, rng: np.random.Generator) -> dict[str, Any]:
        mode = self.mode.lower()
        mirrored, turned = rng.random((2, n)) < 0.5
        down = np.where(turned & ("vertical" in mode), -1.0, 1.0)
        return {"mirrored": mirrored & ("horizontal" in mode), "zoom": (down, 1.0)}


class RandomRotation(Random):
    """Turned by up to a part of a full turn; the core's affine maps."""

    words = {"factor": REQUIRED, **Random.EDGE}

    def amounts(self, n: int, size: tuple, rng: np.random.Generator) -> dict[str, Any]:
        return {"turn": 2 * math.pi * spread(self.factor, n, rng)}


class RandomTranslation(Random):
    """Moved by up to parts of height and width; the core's affine maps."""

    words = {"height_factor": REQUIRED, "width_factor": REQUIRED, **Random.EDGE}

    def amounts(self, n: int, size: tuple, rng: np.random.Generator) -> dict[str, Any]:
        down, right = spread(self.height_factor, n, rng), spread(self.width_factor, n, rng)
        return {"shift": (down * size[0], right * size[1])}


class RandomZoom(Random):
    """Larger or smaller by up to parts of height and width, above 0 smaller; the core's affine maps."""

    words = {"height_factor": REQUIRED, "width_factor": None, **Random.EDGE}

    def amounts(self, n: int, size: tuple, rng: np.random.Generator) -> dict[str, Any]:
        height = 1 + spread(self.height_factor, n, rng)
        width = height if self.width_factor is None else 1 + spread(self.width_factor, n, rng)
        return {"zoom": (1 / height, 1 / width)}


__all__ = ["RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom"]
