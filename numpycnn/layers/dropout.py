"""Dropout and noise: train with random holes, or on values that are a little off, so that no unit relies on another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import Shape, check_fraction, check_positive, check_shape
from ..kernels import ops
from .base import Layer
from .philox import LARGEST, Philox
from .share import place


class Dropout(Layer):
    r"""In training set each element to zero with probability `rate`, and divide the others by ``1 - rate``.

    .. math:: y = \frac{m \, x}{1 - r}, \qquad P(m = 0) = r, \quad P(m = 1) = 1 - r

    So the expected value is the same as in prediction, where nothing is dropped ("inverted" dropout).

    Parameters
    ----------
    rate : float
        :math:`r`, in [0, 1), and not so near to 1 that it is 1 in float32, as the random numbers are.

    Attributes
    ----------
    rng : Philox
        Its key is drawn from the generator given to ``build``. Random numbers are a function of this key and of how
        many were used before, so that a step has the same holes on any number of threads. (A layer from a file of
        version 0.1 has a ``numpy.random.Generator`` in its place, and goes on with that.)

    Raises
    ------
    ValueError, TypeError
        `rate` is not a number in [0, 1).

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (2014).
    """

    state_names = ("rng",)
    rng: Philox | np.random.Generator

    def __init__(self, rate: float) -> None:
        self.rate = check_fraction(rate, "rate")
        if np.float32(self.rate) == 1:
            raise ValueError(f"rate: expected a number in [0, 1) in float32 too, got {rate}, which would keep nothing")

    def setup(self, rng: np.random.Generator) -> Shape:
        (own,) = rng.spawn(1)
        self.rng = Philox(int(own.integers(2**64, dtype=np.uint64)))
        return self.input_shape

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        if not training:
            self.save_for_backward(training, len(x))
            return x
        first, batch = place(self.share, len(x))
        shape = self.holes_shape(x)[1:]
        if isinstance(self.rng, np.random.Generator):
            kept = self.rng.random((batch, *shape), dtype=np.float32)[first : first + len(x)] >= self.rate
            holes: Any = kept / self.dtype.type(1 - self.rate)
        else:
            size = math.prod(shape)
            chunks = -(-batch * size // 64)  # of 64 elements, which take 16 counters of four numbers
            holes = self.rng.take(chunks * 16), first * size
        self.save_for_backward(training, len(x), holes)
        return self._with_holes(x, holes, "y")

    def holes_shape(self, x: NDArray) -> Shape:
        """Return the shape of the random numbers: one for each element."""
        return x.shape

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """dx = dy with the forward's holes and scale. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        (holes,) = self.saved
        return self._with_holes(dy, holes, "dx") if need_dx else None

    def _with_holes(self, x: NDArray, holes: NDArray | tuple[int, int], name: str) -> NDArray:
        """Drop the elements whose random number is below the rate; scale the others.

        `holes` are the batch's first counter, and how many elements of the batch come before those of `x`.
        """
        if isinstance(holes, np.ndarray):  # of NumPy's generator, with the scale
            return x * holes
        counter, before = holes
        skipped = before % 64  # elements of the chunk in which x begins
        elements = np.concatenate([np.zeros(skipped, x.dtype), x.reshape(-1)]) if skipped else x.reshape(-1)
        y = self.empty(name, elements.shape)
        start = (counter + before // 64 * 16) & LARGEST
        threshold, scale = round(self.rate * 2**32), 1 / (1 - self.rate)  # the random numbers have 32 bits
        key = np.uint64(self.rng.key)  # type: ignore[union-attr]
        ops.dropout(elements, key, np.uint64(start), threshold, scale, y)
        return y[skipped:].reshape(x.shape)

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what ``get_state`` returned, in this version or in 0.1."""
        saved = state.get("rng") if isinstance(state, dict) else None
        if isinstance(saved, dict):
            self.rng = Philox(0) if saved.get("bit_generator") == Philox.NAME else np.random.default_rng(0)
        super().set_state(state)


class SpatialDropout2D(Dropout):
    """Dropout of whole channels: neighbouring pixels are so alike that a hole of one pixel hides nothing.

    Parameters
    ----------
    rate : float
        As in ``Dropout``: the share of each image's channels that is set to zero.

    Attributes
    ----------
    rng : Philox, or numpy.random.Generator
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

    def _with_holes(self, x: NDArray, holes: NDArray | tuple[int, int], name: str) -> NDArray:
        """As in ``Dropout``, for all pixels of a channel together."""
        return x * super()._with_holes(np.ones(self.holes_shape(x), self.dtype), holes, "scale")


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
        first, batch = place(self.share, len(x))
        noise = self.rng.standard_normal((batch, *x.shape[1:]), dtype=np.float32)[first : first + len(x)]
        return x + self.dtype.type(self.stddev) * noise

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """dx = dy: the noise does not depend on the input. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        return dy if need_dx else None
