"""Layers that only change the shape: the numbers stay the same."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..checks import Shape
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
