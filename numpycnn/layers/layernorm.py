"""Layer normalisation: each input is centred and scaled by its own statistics, whatever else is in the batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..checks import Shape, check_flag, check_positive
from ..kernels import ops
from .base import Layer
from .conv import as_rows


class LayerNorm(Layer):
    r"""Normalise over the last axis: each vector, or each pixel over its channels.

    .. math:: \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad y = \gamma \hat x + \beta

    Mean and (biased) variance are of the C numbers of one vector, so training and prediction are the same, and no row
    depends on another: that is what sets it apart from ``BatchNorm``.

    Parameters
    ----------
    epsilon : float
        Added to the variance; above 0.
    center, scale : bool
        Whether there is a beta, and a gamma.

    Attributes
    ----------
    parameters : tuple of Parameter
        With `scale` gamma (C,), which starts at 1; with `center` beta (C,), which starts at 0.

    Raises
    ------
    ValueError, TypeError
        An argument out of range.

    References
    ----------
    Ba, Kiros and Hinton, "Layer normalization" (2016).
    """

    def __init__(self, epsilon: float = 1e-3, center: bool = True, scale: bool = True) -> None:
        self.epsilon = check_positive(epsilon, "epsilon")
        self.center = check_flag(center, "center")
        self.scale = check_flag(scale, "scale")

    def setup(self, rng: np.random.Generator) -> Shape:
        if not self.input_shape:
            raise ValueError(f"{self!r}: expected an input shape with channels last, got ()")
        if self.scale:
            self.add_parameter("gamma", self.input_shape[-1:], "ones", rng)
        if self.center:
            self.add_parameter("beta", self.input_shape[-1:], "zeros", rng)
        return self.input_shape

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        values = {p.name: p.value for p in self.parameters}
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = (centred * centred).mean(axis=-1, keepdims=True)  # (N, ..., 1)
        inverse = 1 / np.sqrt(variance + self.dtype.type(self.epsilon))
        normalised = centred * inverse
        self.save_for_backward(training, len(x), normalised, inverse)
        return normalised * values.get("gamma", self.dtype.type(1)) + values.get("beta", self.dtype.type(0))

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        r"""Differentiate through each vector's mean and variance too. See ``Layer.backward`` for the arguments.

        .. math:: d\gamma = \sum_{rows} dy \, \hat x, \qquad d\beta = \sum_{rows} dy, \qquad d\hat x = \gamma \, dy,
                  \qquad dx = \frac{1}{\sqrt{\sigma^2 + \epsilon}} \left(
                       d\hat x - \overline{d\hat x} - \hat x \; \overline{d\hat x \, \hat x} \right)

        The bars are means over the last axis: gamma stays inside of them, as it differs from channel to channel.
        """
        dy = self.check_output_gradient(dy)
        normalised, inverse = self.saved
        dnormalised = dy
        for p in self.parameters:
            if self.trainable:
                ops.sum_rows(as_rows(dy * normalised if p.name == "gamma" else dy), p.grad)
            if p.name == "gamma":
                dnormalised = dy * p.value
        if not need_dx:
            return None
        mean = dnormalised.mean(axis=-1, keepdims=True)
        slope = (dnormalised * normalised).mean(axis=-1, keepdims=True)  # of dnormalised along normalised
        return inverse * (dnormalised - mean - normalised * slope)
