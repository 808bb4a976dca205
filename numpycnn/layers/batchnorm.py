"""Batch normalisation: each channel is centred and scaled by its statistics over the batch."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..checks import Shape, check_flag, check_fraction, check_numeric, check_positive
from ..kernels import ops
from .base import Layer


class BatchNorm(Layer):
    r"""Normalise the last axis's channels over all other axes.

    .. math:: \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad y = \gamma \hat x + \beta

    In training the mean and the (biased) variance are the batch's, and the moving ones follow:
    ``moving = momentum * moving + (1 - momentum) * batch``. In prediction the moving ones are used, and in a frozen
    layer (``trainable = False``) always. Where several processes train together, the batch is that of all of them.

    Parameters
    ----------
    momentum : float
        In [0, 1].
    epsilon : float
        Added to the variance; above 0.
    center, scale : bool
        Whether there is a beta, and a gamma.

    Attributes
    ----------
    parameters : tuple of Parameter
        With `scale` gamma (C,), which starts at 1; with `center` beta (C,), which starts at 0.
    moving_mean, moving_variance : ndarray of shape (C,)
        They start at 0 and 1. You may assign to them: every prediction reads them anew.

    Raises
    ------
    ValueError, TypeError
        An argument out of range.

    References
    ----------
    Ioffe and Szegedy, "Batch normalization" (2015), Algorithm 1.
    """

    state_names = ("moving_mean", "moving_variance")

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True, scale: bool = True) -> None:
        self.momentum = check_fraction(momentum, "momentum", one_allowed=True)
        self.epsilon = check_positive(epsilon, "epsilon")
        self.center = check_flag(center, "center")
        self.scale = check_flag(scale, "scale")

    def setup(self, rng: np.random.Generator) -> Shape:
        if not self.input_shape:
            raise ValueError(f"{self!r}: expected an input shape with channels last, got ()")
        channels = self.input_shape[-1]
        if self.scale:
            self.add_parameter("gamma", (channels,), "ones", rng)
        if self.center:
            self.add_parameter("beta", (channels,), "zeros", rng)
        self.moving_mean = np.zeros(channels, self.dtype)
        self.moving_variance = np.ones(channels, self.dtype)
        return self.input_shape

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        rows = x.reshape(-1, x.shape[-1])  # (M, C)
        mean, inverse, of_batch = self.statistics(rows, training)
        self.save_for_backward(training, len(x), rows, mean, inverse, of_batch)
        y = self.empty("y", rows.shape)
        ops.normalise(rows, mean, *self.factor_and_shift(inverse), y)
        return y.reshape(x.shape)

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        r"""Differentiate through the batch's mean and variance too. See ``Layer.backward`` for the arguments.

        .. math:: d\gamma = \sum dy \, \hat x, \qquad d\beta = \sum dy, \qquad
                  dx = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}
                       \left( dy - \frac{d\beta}{M} - \hat x \, \frac{d\gamma}{M} \right)

        In a frozen layer mean and variance are constants, and dx is the first term alone.
        """
        dy = self.check_output_gradient(dy)
        x, mean, inverse, of_batch = self.saved
        rows = dy.reshape(x.shape)  # (M, C)
        dgamma, dbeta = np.empty((2, x.shape[1]), x.dtype)
        if self.trainable or of_batch:  # frozen since the forward: dx still needs them
            ops.sum_rows(rows, dbeta)
            ops.sum_products(x, mean, rows, np.zeros_like(mean), dgamma)
            dgamma *= inverse
            self.keep_gradients(dgamma, dbeta)
        if not need_dx:
            return None
        dx = self.empty("dx", x.shape)
        factor, _ = self.factor_and_shift(inverse)
        if not of_batch:
            np.multiply(rows, factor, out=dx)
            return dx.reshape(dy.shape)
        dgamma, dbeta, count = self.sums_of_batch(dgamma, dbeta, len(x), len(dy))
        slope = inverse * dgamma / count  # of dy along x
        ops.normalise_backward(rows, dbeta / count, x, mean, slope, factor, dx)
        return dx.reshape(dy.shape)

    # Parts of the two, for a block that does them together with other layers

    def statistics(self, rows: NDArray, training: bool) -> tuple[NDArray, NDArray, bool]:
        """Return what rows (M, C) are normalised with, as ``forward`` does; the moving statistics follow.

        Mean (C,), the standard deviation's inverse (C,), and whether they are the batch's.
        """
        of_batch = training and self.trainable
        if of_batch:
            mean, variance = np.empty((2, rows.shape[1]), self.dtype)
            ops.moments(rows, mean, variance)
            if self.share is not None:
                mean, variance = self.share.moments(mean, variance)
            self.moving_mean = self._follow(self.moving_mean, mean)
            self.moving_variance = self._follow(self.moving_variance, variance)
        else:
            mean, variance = self._remembered("moving_mean"), self._remembered("moving_variance")
        return mean, 1 / np.sqrt(variance + self.dtype.type(self.epsilon)), of_batch

    def factor_and_shift(self, inverse: NDArray) -> tuple[NDArray, NDArray]:
        """Return what the centred input is multiplied with, and what is added to it, each (C,)."""
        gamma = self.parameters[0].value if self.scale else np.ones(self.input_shape[-1], self.dtype)
        beta = self.parameters[-1].value if self.center else np.zeros_like(gamma)
        return gamma * inverse, beta

    def keep_gradients(self, dgamma: NDArray, dbeta: NDArray) -> None:
        """Write them into the parameters there are."""
        for parameter in self.parameters:
            parameter.grad[...] = dgamma if parameter.name == "gamma" else dbeta

    def sums_of_batch(self, dgamma: NDArray, dbeta: NDArray, count: int, images: int) -> tuple[NDArray, NDArray, float]:
        """Return the sums over all processes, and over how many numbers they are; here it is `count` of `images`."""
        if self.share is None:
            return dgamma, dbeta, count
        dgamma, dbeta = self.share.sum(np.stack([dgamma, dbeta]))
        return dgamma, dbeta, self.share.total * count // images if self.share.rows else math.inf  # its row is in none

    def _remembered(self, name: str) -> NDArray:
        """Return the moving statistic, which may have been set from outside, as the kernels want it."""
        statistic = np.ascontiguousarray(check_numeric(getattr(self, name), name, self), self.dtype)
        if statistic.shape != self.input_shape[-1:]:
            raise ValueError(f"{self!r}: expected {name} of shape {self.input_shape[-1:]}, got {statistic.shape}")
        return statistic

    def _follow(self, moving: NDArray, batch: NDArray) -> NDArray:
        return (self.momentum * moving + (1 - self.momentum) * batch).astype(self.dtype, copy=False)
