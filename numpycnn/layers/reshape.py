"""Layers that only move numbers: the numbers stay the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import Shape, check_count, check_list, check_pair, check_shape
from ..kernels import ops
from .base import Layer


class Flatten(Layer):
    """Each input becomes a vector: (N, H, W, C), or (N, H, W), to (N, H * W * C), in row-major order."""

    def setup(self, rng: np.random.Generator) -> Shape:
        return (math.prod(self.input_shape),)

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        self.save_for_backward(training, len(x))
        return x.reshape(len(x), -1)  # (N, H * W * C)

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Give the gradient the input's shape. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        return dy.reshape(len(dy), *self.input_shape) if need_dx else None  # (N, H, W, C)


class Reshape(Layer):
    """Each input takes another shape, in row-major order: (N, ...) to (N, *target_shape).

    Parameters
    ----------
    target_shape : tuple of int
        Without the batch axis; one of them may be -1: what is left.

    Raises
    ------
    ValueError, TypeError
        No such tuple; at ``build`` an input of another number of elements.
    """

    def __init__(self, target_shape: Shape) -> None:
        sizes = check_list(target_shape, "target_shape", "a tuple of integers, such as (7, 7, 64)")
        self.target_shape = tuple(check_count(n, "target_shape", minimum=-1) for n in sizes)
        if 0 in self.target_shape or self.target_shape.count(-1) > 1:
            raise ValueError(f"target_shape: expected positive integers and at most one -1, got {self.target_shape}")

    def setup(self, rng: np.random.Generator) -> Shape:
        size, known = math.prod(self.input_shape), abs(math.prod(self.target_shape))
        shape = tuple(size // known if n == -1 else n for n in self.target_shape)
        if math.prod(shape) != size:
            raise ValueError(f"{self!r}: expected inputs of {known} elements, or of a multiple of that if there is a "
                             f"-1, got {self.input_shape}, which are {size}")  # fmt: skip
        return shape

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        self.save_for_backward(training, len(x))
        return x.reshape(len(x), *self.output_shape)

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Give the gradient the input's shape. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        return dy.reshape(len(dy), *self.input_shape) if need_dx else None


class ZeroPad2D(Layer):
    """Put rows and columns of zeros around each image: (N, H, W, C) to (N, top + H + bottom, left + W + right, C).

    Parameters
    ----------
    padding : int, pair, or pair of pairs
        A number or a pair: this many rows above and below, and columns left and right, as for ``Conv2D``. A pair of
        pairs: ``((top, bottom), (left, right))``.

    Raises
    ------
    ValueError, TypeError
        No such numbers.
    """

    def __init__(self, padding: Any = 1) -> None:
        sides = list(padding) if isinstance(padding, (tuple, list)) else [padding]
        if any(isinstance(side, (tuple, list)) for side in sides) and len(sides) == 2:
            pairs = tuple(check_pair(side, "padding", minimum=0) for side in sides)
            self.padding = tuple(a for a, _ in pairs) if all(a == b for a, b in pairs) else pairs
        else:
            self.padding = check_pair(padding, "padding", minimum=0)

    @property
    def sides(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Zeros at the (top, bottom) and at the (left, right)."""
        vertical, horizontal = (side if isinstance(side, tuple) else (side, side) for side in self.padding)
        return vertical, horizontal

    def setup(self, rng: np.random.Generator) -> Shape:
        height, width, channels = check_shape(self.input_shape, self, rank=3)
        vertical, horizontal = self.sides
        return check_shape((height + sum(vertical), width + sum(horizontal), channels), self)

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        y = self.empty("y", (len(x), *self.output_shape))
        (top, _), (left, _) = self.sides
        ops.pad_images(x, top, left, y)
        self.save_for_backward(training, len(x))
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Cut off what lies outside of the image. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        if not need_dx:
            return None
        dx = self.empty("dx", (len(dy), *self.input_shape))
        (top, _), (left, _) = self.sides
        ops.crop_images(dy, top, left, dx)
        return dx
