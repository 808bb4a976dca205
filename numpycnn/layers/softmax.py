"""Softmax as a layer of its own. A classifier does not need it: the softmax of its last layer is in the loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..checks import Shape
from ..kernels import ops
from .base import Layer


class Softmax(Layer):
    r"""Turn the numbers along the last axis into positive ones that sum to 1.

    .. math:: y_k = \frac{e^{x_k}}{\sum_j e^{x_j}}

    ``SoftmaxCrossEntropy`` has a softmax in it, which is more exact and quicker: at the end of a classifier leave this
    layer out. It is for other losses, and for the middle of a network.
    """

    def setup(self, rng: np.random.Generator) -> Shape:
        if not self.input_shape:
            raise ValueError(f"{self!r}: expected an input shape with the classes last, got ()")
        return self.input_shape

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        y = self.empty("y", x.shape)
        ops.softmax(x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1]))  # (M, K)
        self.save_for_backward(training, len(x), y)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        r"""Every output depends on every input of its row. See ``Layer.backward`` for the arguments.

        .. math:: \frac{\partial y_k}{\partial x_j} = y_k (\delta_{kj} - y_j), \qquad
                  dx_j = y_j \Bigl( dy_j - \sum_k dy_k \, y_k \Bigr)
        """
        dy = self.check_output_gradient(dy)
        (y,) = self.saved
        return y * (dy - (dy * y).sum(axis=-1, keepdims=True)) if need_dx else None
