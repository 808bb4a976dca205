"""The fully connected layer: every output is a weighted sum of all inputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..checks import MAX_SIZE, Shape, check_count, check_flag, check_shape
from ..initializers import Initializer, get_initializer
from ..kernels import ops
from ..regularizers import Regularizer, get_regularizer
from .base import Layer


class Dense(Layer):
    r"""Affine map of vectors.

    .. math:: y = x W + b

    Parameters
    ----------
    units : int
        Number of outputs.
    use_bias : bool
        Whether to add b.
    kernel_initializer, bias_initializer : str or callable
        Name of a function in ``numpycnn.initializers``, or a function (shape, rng, dtype) -> array.
    kernel_regularizer, bias_regularizer : Regularizer or {"l1", "l2"}, optional
        Penalty on weight and bias, as ``L2(1e-4)``, that a model adds to its loss.

    Attributes
    ----------
    parameters : tuple of Parameter
        weight (inputs, units) and, with `use_bias`, bias (units,).

    Raises
    ------
    ValueError, TypeError
        An argument out of range; at ``build`` an input that is not a vector.
    """

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        kernel_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        kernel_regularizer: str | Regularizer | None = None,
        bias_regularizer: str | Regularizer | None = None,
    ) -> None:
        self.units = check_count(units, "units", maximum=MAX_SIZE)
        self.use_bias = check_flag(use_bias, "use_bias")
        get_initializer(kernel_initializer)
        get_initializer(bias_initializer)
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer
        get_regularizer(kernel_regularizer, "kernel_regularizer")
        get_regularizer(bias_regularizer, "bias_regularizer")
        self.kernel_regularizer = kernel_regularizer
        self.bias_regularizer = bias_regularizer

    def setup(self, rng: np.random.Generator) -> Shape:
        (inputs,) = check_shape(self.input_shape, self, rank=1)
        self.add_parameter("weight", (inputs, self.units), self.kernel_initializer, rng, self.kernel_regularizer)
        if self.use_bias:
            self.add_parameter("bias", (self.units,), self.bias_initializer, rng, self.bias_regularizer)
        return (self.units,)

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        y = self.empty("y", (len(x), self.units))
        ops.affine(x, *self.weight_and_bias(), False, y)
        self.save_for_backward(training, len(x), x)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        r"""Apply the three rules of y = x W + b. See ``Layer.backward`` for the arguments.

        .. math:: dW = x^T \, dy, \qquad db = \sum_{rows} dy, \qquad dx = dy \, W^T
        """
        dy = self.check_output_gradient(dy)
        (x,) = self.saved
        dx = self.empty("dx", x.shape) if need_dx else None
        self.gradients(x, dy, dx)
        return dx

    def gradients(self, x: NDArray, dy: NDArray, dx: NDArray | None) -> None:
        """Write the parameters' gradients and, where there is room for it, the input's."""
        weight = self.parameters[0]
        if self.trainable and self.use_bias:
            bias = self.parameters[1]
            ops.affine_weight_gradient(x, dy, weight.grad, bias.grad)  # dW = x.T @ dy, db = dy.sum(axis=0)
        elif self.trainable:
            ops.matmul_tn(x, dy, weight.grad)
        if dx is not None:
            ops.matmul_nt(dy, weight.value, dx)

    def weight_and_bias(self) -> tuple[NDArray, NDArray]:
        """Return W (inputs, units) and b (units,), zeros without a bias."""
        bias = self.parameters[1].value if self.use_bias else np.zeros(self.units, self.dtype)
        return self.parameters[0].value, bias
