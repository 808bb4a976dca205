"""Pooling: each window of the image gives one number, its largest or its mean, channel by channel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import MAX_SIZE, Shape, check_padding, check_pair, check_shape
from ..kernels import ops
from .base import Layer
from .window import Window

LARGE_WINDOW = 256  # pixels; the mean of more is formed in float64, for rounding grows with a sum's length


class _Pool2D(Layer):
    """What max and average pooling share: their arguments, and where the windows lie."""

    def __init__(
        self,
        pool_size: int | tuple[int, int] = 2,
        strides: int | tuple[int, int] | None = None,
        padding: str | int | tuple[int, int] = "valid",
    ) -> None:
        self.pool_size = check_pair(pool_size, "pool_size")
        self.strides = self.pool_size if strides is None else check_pair(strides, "strides")
        self.padding = check_padding(padding)
        if not isinstance(self.padding, str) and any(p >= k for p, k in zip(self.padding, self.pool_size)):
            raise ValueError(f"padding: expected less than the window {self.pool_size}, got {self.padding}")

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {**config, "strides": None} if self.strides == self.pool_size else config

    def setup(self, rng: np.random.Generator) -> Shape:
        _, _, channels = _check_pixels(self.input_shape, self)
        self.window = Window.on(self.input_shape, self.pool_size, self.strides, self.padding, owner=self)
        return *self.window.count, channels


class MaxPool2D(_Pool2D):
    r"""Largest element of each window; padded cells never win.

    .. math:: y[n, i, j, c] = \max_{k_y, k_x} x[n, i s_h + k_y - p_h, j s_w + k_x - p_w, c]

    Parameters
    ----------
    pool_size : int or pair of int
        Height and width of the window, in pixels.
    strides : int or pair of int, optional
        Pixels from one window to the next; default: `pool_size`, windows side by side.
    padding : {"valid", "same"}, int or pair of int
        As in ``Conv2D``; a number must be smaller than the window.

    Raises
    ------
    ValueError, TypeError
        An argument out of range; at ``build`` a window larger than its padded input.
    """

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        y = self.empty("y", (len(x), *self.output_shape))
        winners = self.empty("winners", y.shape, np.int32)
        window = self.window
        ops.maxpool_forward(x, *window.kernel, *window.strides, *window.before, y, winners)
        self.save_for_backward(training, len(x), winners)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Give each window's gradient to the pixel that won it, the first in row-major order where several tie.

        A pixel that won several overlapping windows gets the sum. See ``Layer.backward`` for the arguments.
        """
        dy = self.check_output_gradient(dy)
        if not need_dx:
            return None
        (winners,) = self.saved
        dx = self.empty("dx", (len(dy), *self.input_shape))
        ops.maxpool_backward(dy, winners, dx)
        return dx

    def choices(self) -> list[NDArray]:
        """Return the position of each window's winner, as of the latest training forward."""
        return [self.saved[0].copy()]


class GlobalMaxPool2D(Layer):
    """Largest element of each channel over the whole image: (N, H, W, C) to (N, C).

    It is ``MaxPool2D`` with one window, which is the image. Oquab et al., "Is object localization for free?" (2015).
    """

    def setup(self, rng: np.random.Generator) -> Shape:
        return _check_pixels(self.input_shape, self)[2:]

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        y = self.empty("y", (len(x), 1, 1, x.shape[3]))
        winners = self.empty("winners", y.shape, np.int32)
        size = x.shape[1:3]
        ops.maxpool_forward(x, *size, *size, 0, 0, y, winners)
        self.save_for_backward(training, len(x), winners)
        return y.reshape(len(x), -1)  # (N, C)

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Give each channel's gradient to the pixel that won it. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        if not need_dx:
            return None
        (winners,) = self.saved
        dx = self.empty("dx", (len(dy), *self.input_shape))
        ops.maxpool_backward(dy.reshape(winners.shape), winners, dx)
        return dx

    def choices(self) -> list[NDArray]:
        """Return the position of each channel's winner, as of the latest training forward."""
        return [self.saved[0].copy()]


class AvgPool2D(_Pool2D):
    r"""Mean of each window; padded cells do not count.

    .. math:: y[n, i, j, c] = \frac{1}{|W_{ij}|} \sum_{(y, x) \in W_{ij}} x[n, y, x, c]

    Parameters
    ----------
    pool_size, strides, padding
        As in ``MaxPool2D``.

    Raises
    ------
    ValueError, TypeError
        As in ``MaxPool2D``.
    """

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        y = self.empty("y", (len(x), *self.output_shape))
        window = self.window
        _average(x, (*window.kernel, *window.strides, *window.before), y)
        self.save_for_backward(training, len(x))
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Share each window's gradient equally among its pixels. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        if not need_dx:
            return None
        dx = self.empty("dx", (len(dy), *self.input_shape))
        window = self.window
        ops.avgpool_backward(dy, *window.kernel, *window.strides, *window.before, dx)
        return dx


class GlobalAvgPool2D(Layer):
    """Mean of each channel over the whole image: (N, H, W, C) to (N, C).

    Lin et al., "Network in network" (2014), section 3.2.
    """

    def setup(self, rng: np.random.Generator) -> Shape:
        return check_shape(self.input_shape, self, rank=3)[2:]

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        y, size = self.empty("y", (len(x), 1, 1, x.shape[3])), x.shape[1:3]
        _average(x, (*size, *size, 0, 0), y)
        self.save_for_backward(training, len(x))
        return y.reshape(len(x), -1)  # (N, C)

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Share each channel's gradient equally among the H * W pixels. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        if not need_dx:
            return None
        dx, size = self.empty("dx", (len(dy), *self.input_shape)), self.input_shape[:2]
        ops.avgpool_backward(dy.reshape(len(dy), 1, 1, -1), *size, *size, 0, 0, dx)
        return dx


def _average(x: NDArray, window: tuple[int, ...], y: NDArray) -> None:
    """Set y to the mean of each window: size, strides, and zeros before the image, along both axes."""
    if math.prod(window[:2]) <= LARGE_WINDOW:
        ops.avgpool_forward(x, *window, y)
        return
    exact = np.empty(y.shape, np.result_type(y, np.float64))
    ops.avgpool_forward(x.astype(exact.dtype), *window, exact)
    y[...] = exact


def _check_pixels(image: Shape, owner: Layer) -> Shape:
    height, width, _ = check_shape(image, owner, rank=3)
    if height * width > MAX_SIZE:  # the position of a window's winner is a 32-bit integer
        raise ValueError(f"{owner!r}: expected at most {MAX_SIZE} pixels, got images of {height}x{width}")
    return image
