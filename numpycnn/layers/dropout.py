"""Dropout and noise: train with random holes, or on values that are a little off, so that no unit relies on another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..checks import Shape, check_fraction, check_positive, check_shape
from .base import Layer


class Dropout(Layer):
    """In training set each element to zero with probability `rate`, and divide the others by ``1 - rate``.

    So the expected value is the same as in prediction, where nothing is dropped ("inverted" dropout).

    Parameters
    ----------
    rate : float
        In [0, 1), and not so near to 1 that it is 1 in float32, as the random numbers are.

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
        if np.float32(self.rate) == 1:
            raise ValueError(f"rate: expected a number in [0, 1) in float32 too, got {rate}, which would keep nothing")

    def setup(self, rng: np.random.Generator) -> Shape:
        (self.rng,) = rng.spawn(1)
        return self.input_shape

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        if not training:
            self.save_for_backward(training, len(x))
            return x
        kept = self.rng.random(self.holes_shape(x), dtype=np.float32) >= self.rate
        scale = kept / self.dtype.type(1 - self.rate)
        self.save_for_backward(training, len(x), scale)
        return x * scale

    def holes_shape(self, x: NDArray) -> Shape:
        """Return the shape of the random numbers: one for each element."""
        return x.shape

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """dx = scale * dy, with the forward's holes. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        (scale,) = self.saved
        return dy * scale if need_dx else None


class SpatialDropout2D(Dropout):
    """Dropout of whole channels: neighbouring pixels are so alike that a hole of one pixel hides nothing.

    Parameters
    ----------
    rate : float
        As in ``Dropout``: the share of each image's channels that is set to zero.

    Attributes
    ----------
    rng : numpy.random.Generator
        Spawned from the generator given to ``build``.

    Raises
    ------
    ValueError, TypeError
        As in ``Dropout``.

    References
    ----------
    Tompson et al., "Efficient object localization using convolutional networks" (2015), section 3.2.
    """

    def setup(self, rng: np.random.Generator) -> Shape:
        check_shape(self.input_shape, self, rank=3)
        return super().setup(rng)

    def holes_shape(self, x: NDArray) -> Shape:
        """Return the shape of the random numbers: one for each channel of each image."""
        return len(x), 1, 1, x.shape[3]


class GaussianNoise(Layer):
    """In training add normal noise to each element; in prediction do nothing.

    Parameters
    ----------
    stddev : float
        Standard deviation of the noise, at least 0.

    Attributes
    ----------
    rng : numpy.random.Generator
        Spawned from the generator given to ``build``.

    Raises
    ------
    ValueError, TypeError
        `stddev` is not a finite number of at least 0.

    References
    ----------
    Bishop, "Training with noise is equivalent to Tikhonov regularization" (1995).
    """

    state_names = ("rng",)

    def __init__(self, stddev: float) -> None:
        self.stddev = check_positive(stddev, "stddev", zero_allowed=True)

    def setup(self, rng: np.random.Generator) -> Shape:
        (self.rng,) = rng.spawn(1)
        return self.input_shape

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        self.save_for_backward(training, len(x))
        if not training:
            return x
        return x + self.dtype.type(self.stddev) * self.rng.standard_normal(x.shape, dtype=np.float32)

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """dx = dy: the noise does not depend on the input. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        return dy if need_dx else None
