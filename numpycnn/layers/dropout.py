"""Dropout and noise: train with random holes, or on values that are a little off, so that no unit relies on another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import Shape, check_fraction, check_positive, check_shape
from ..kernels import ops
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
    key, counter : ndarray of shape (), uint64
        The random numbers are a function of these two (Philox): the key is drawn from the generator given to
        ``build``, the counter grows with every number used. So a step has the same holes on any number of threads.
    rng : numpy.random.Generator, or None
        In a layer read from a file of version 0.1, which had a generator in their place: it goes on with that.

    Raises
    ------
    ValueError, TypeError
        `rate` is not a number in [0, 1).

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (2014).
    """

    state_names: tuple[str, ...] = ("key", "counter")
    rng: np.random.Generator | None = None

    def __init__(self, rate: float) -> None:
        self.rate = check_fraction(rate, "rate")
        if np.float32(self.rate) == 1:
            raise ValueError(f"rate: expected a number in [0, 1) in float32 too, got {rate}, which would keep nothing")

    def setup(self, rng: np.random.Generator) -> Shape:
        (own,) = rng.spawn(1)
        self.key, self.counter = np.array(own.integers(2**64, dtype=np.uint64)), np.zeros((), np.uint64)
        self.rng, self.state_names = None, Dropout.state_names
        return self.input_shape

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        if not training:
            self.save_for_backward(training, len(x))
            return x
        if self.rng is not None:
            kept = self.rng.random(self.holes_shape(x), dtype=np.float32) >= self.rate
            self.save_for_backward(training, len(x), kept / self.dtype.type(1 - self.rate))
            return x * self.saved[0]
        self.save_for_backward(training, len(x), self.counter)
        numbers = math.prod(self.holes_shape(x))
        self.counter = self.counter + np.uint64(-(-numbers // 64) * 16)  # numbers are drawn in chunks of 64
        return self._with_holes(x, "y", self.saved[0])

    def holes_shape(self, x: NDArray) -> Shape:
        """Return the shape of the random numbers: one for each element."""
        return x.shape

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """dx = dy with the forward's holes and scale. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        if not need_dx:
            return None
        (drawn,) = self.saved
        return dy * drawn if self.rng is not None else self._with_holes(dy, "dx", drawn)

    def _with_holes(self, x: NDArray, name: str, counter: NDArray) -> NDArray:
        """Drop the elements whose random number, from this counter on, is below the rate; scale the others."""
        y = self.empty(name, x.shape)
        threshold, scale = round(self.rate * 2**32), 1 / (1 - self.rate)  # random numbers have 32 bits
        ops.dropout(x.reshape(-1), np.uint64(self.key), np.uint64(counter), threshold, scale, y.reshape(-1))
        return y

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what ``get_state`` returned, in this version or in 0.1."""
        if isinstance(state, dict) and set(state) == {"rng"}:
            self.rng, self.state_names = np.random.default_rng(0), ("rng",)
        super().set_state(state)


class SpatialDropout2D(Dropout):
    """Dropout of whole channels: neighbouring pixels are so alike that a hole of one pixel hides nothing.

    Parameters
    ----------
    rate : float
        As in ``Dropout``: the share of each image's channels that is set to zero.

    Attributes
    ----------
    key, counter : ndarray of shape (), uint64
        As in ``Dropout``.

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

    def _with_holes(self, x: NDArray, name: str, counter: NDArray) -> NDArray:
        return x * super()._with_holes(np.ones(self.holes_shape(x), self.dtype), "scale", counter)


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
