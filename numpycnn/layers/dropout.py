"""Dropout: train with random holes, so that no unit relies on another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..checks import Shape, check_fraction
from .base import Layer


class Dropout(Layer):
    """In training set each element to zero with probability `rate`, and divide the others by ``1 - rate``.

    So the expected value is the same as in prediction, where nothing is dropped ("inverted" dropout).

    Parameters
    ----------
    rate : float
        In [0, 1).

    Attributes
    ----------
    rng : numpy.random.Generator
        Spawned from the generator given to ``build``.

    Raises
    ------
    ValueError, TypeError
        `rate` is not a number in [0, 1).

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (2014).
    """

    state_names = ("rng",)

    def __init__(self, rate: float) -> None:
        self.rate = check_fraction(rate, "rate")

    def setup(self, rng: np.random.Generator) -> Shape:
        (self.rng,) = rng.spawn(1)
        return self.input_shape

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        if not training:
            self.save_for_backward(training, len(x))
            return x
        kept = self.rng.random(x.shape, dtype=np.float32) >= self.rate
        scale = kept / self.dtype.type(1 - self.rate)
        self.save_for_backward(training, len(x), scale)
        return x * scale

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """dx = scale * dy, with the forward's holes. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        (scale,) = self.saved
        return dy * scale if need_dx else None
