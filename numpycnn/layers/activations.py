"""Activations: a curve applied to every element, without which a stack of layers would be one affine map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..checks import check_positive
from ..kernels import ops
from .base import Layer


class ReLU(Layer):
    """Rectified linear unit, ``y = max(x, 0)``; its derivative at 0 is taken as 0.

    Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines" (2010).
    """

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        y = self.empty("y", x.shape)
        ops.relu_forward(x.reshape(-1), y.reshape(-1))
        self.save_for_backward(training, len(x), y)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Let the gradient through where the output is positive. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        if not need_dx:
            return None
        (y,) = self.saved
        dx = self.empty("dx", dy.shape)
        ops.relu_backward(dy.reshape(-1), y.reshape(-1), dx.reshape(-1))
        return dx

    def choices(self) -> list[NDArray]:
        """Return where the output was positive, as of the latest training forward."""
        return [self.saved[0] > 0]


class LeakyReLU(Layer):
    """``y = x`` where x is positive, else ``negative_slope * x``.

    Parameters
    ----------
    negative_slope : float
        At least 0.

    Raises
    ------
    ValueError, TypeError
        `negative_slope` is not a finite number of at least 0.

    References
    ----------
    Maas et al., "Rectifier nonlinearities improve neural network acoustic models" (2013).
    """

    def __init__(self, negative_slope: float = 0.3) -> None:
        self.negative_slope = check_positive(negative_slope, "negative_slope", zero_allowed=True)

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        slope = np.where(x > 0, self.dtype.type(1), self.dtype.type(self.negative_slope))
        self.save_for_backward(training, len(x), slope)
        return x * slope

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """dx = slope * dy. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        (slope,) = self.saved
        return dy * slope if need_dx else None

    def choices(self) -> list[NDArray]:
        """Return the slope of each element, as of the latest training forward."""
        return [self.saved[0].copy()]


class Sigmoid(Layer):
    r"""Logistic function, :math:`y = 1 / (1 + e^{-x})`."""

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        small = np.exp(np.minimum(x, -x))  # never overflows
        y = np.where(x >= 0, 1 / (1 + small), small / (1 + small))
        self.save_for_backward(training, len(x), y)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """dx = dy * y * (1 - y). See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        (y,) = self.saved
        return dy * y * (1 - y) if need_dx else None


class Tanh(Layer):
    """Hyperbolic tangent, ``y = tanh(x)``."""

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        y = np.tanh(x, out=self.empty("y", x.shape))
        self.save_for_backward(training, len(x), y)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """dx = dy * (1 - y**2). See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        if not need_dx:
            return None
        (y,) = self.saved
        dx = self.empty("dx", dy.shape)
        ops.tanh_backward(dy.reshape(-1), y.reshape(-1), dx.reshape(-1))
        return dx
