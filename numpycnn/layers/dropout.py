"""Dropout: train with random holes, so that no unit relies on another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import Shape, check_fraction
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
            kept = self.rng.random(x.shape, dtype=np.float32) >= self.rate
            self.save_for_backward(training, len(x), kept / self.dtype.type(1 - self.rate))
            return x * self.saved[0]
        self.save_for_backward(training, len(x), self.counter)
        self.counter = self.counter + np.uint64(-(-x.size // 64) * 16)  # numbers are drawn in chunks of 64
        return self._with_holes(x, "y", self.saved[0])

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
