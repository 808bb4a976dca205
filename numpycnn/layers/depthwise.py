"""Convolution channel by channel, and the cheap convolution that is made of it.

A full convolution looks at all channels in every window. To look at each channel alone (depthwise), and then to mix the
channels at each pixel (pointwise, a 1 x 1 convolution), takes about kh * kw times fewer products.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..checks import MAX_SIZE, Shape, check_count, check_flag, check_padding, check_pair, check_shape
from ..initializers import Initializer, get_initializer
from ..kernels import ops
from ..regularizers import Regularizer, get_regularizer
from .base import Layer
from .conv import as_rows
from .window import Window


class _Depthwise(Layer):
    """What the two share: their arguments, where the windows lie, and each channel's filters."""

    weight_name = "weight"

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = 1,
        padding: str | int | tuple[int, int] = "valid",
        depth_multiplier: int = 1,
        use_bias: bool = True,
        kernel_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        dilation_rate: int | tuple[int, int] = 1,
        kernel_regularizer: str | Regularizer | None = None,
        bias_regularizer: str | Regularizer | None = None,
    ) -> None:
        self.kernel_size = check_pair(kernel_size, "kernel_size")
        self.strides = check_pair(strides, "strides")
        self.padding = check_padding(padding)
        self.depth_multiplier = check_count(depth_multiplier, "depth_multiplier", maximum=MAX_SIZE)
        self.use_bias = check_flag(use_bias, "use_bias")
        get_initializer(kernel_initializer)
        get_initializer(bias_initializer)
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer
        self.dilation_rate = check_pair(dilation_rate, "dilation_rate")
        get_regularizer(kernel_regularizer, "kernel_regularizer")
        get_regularizer(bias_regularizer, "bias_regularizer")
        self.kernel_regularizer = kernel_regularizer
        self.bias_regularizer = bias_regularizer

    def setup(self, rng: np.random.Generator) -> Shape:
        _, _, channels = check_shape(self.input_shape, self, rank=3)
        self.window = Window.on(
            self.input_shape, self.kernel_size, self.strides, self.padding, self.dilation_rate, owner=self
        )
        weight_shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.add_parameter(self.weight_name, weight_shape, self.kernel_initializer, rng, self.kernel_regularizer)
        return *self.window.count, channels * self.depth_multiplier

    @property
    def _geometry(self) -> tuple[int, ...]:
        """Where the windows lie, in the kernels' order."""
        return *self.window.strides, *self.window.dilation, *self.window.before


class DepthwiseConv2D(_Depthwise):
    r"""Convolve each channel with filters of its own.

    .. math:: y[n, i, j, c m + k] = b[c m + k] + \sum_{k_y, k_x}
              x[n, i s_h + k_y d_h - p_h, j s_w + k_x d_w - p_w, c] \; w[k_y, k_x, c, k]

    Parameters
    ----------
    kernel_size : int or pair of int
        Height and width of the filters, in pixels.
    strides : int or pair of int
        Pixels from one stop to the next.
    padding : {"valid", "same"}, int or pair of int
        As in ``Conv2D``.
    depth_multiplier : int
        Number of filters m for each channel.
    use_bias : bool
        Whether to add one number an output channel.
    kernel_initializer, bias_initializer : str or callable
        Name of a function in ``numpycnn.initializers``, or a function (shape, rng, dtype) -> array.
    dilation_rate : int or pair of int
        Pixels from one element of the filter to the next.
    kernel_regularizer, bias_regularizer : Regularizer or {"l1", "l2"}, optional
        Penalties on weight and bias, which the model adds to the loss.

    Attributes
    ----------
    parameters : tuple of Parameter
        weight (kh, kw, C, m) and, with `use_bias`, bias (C * m,).

    Raises
    ------
    ValueError, TypeError
        An argument out of range; at ``build`` a filter larger than its padded input.

    References
    ----------
    Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision applications" (2017).
    """

    def setup(self, rng: np.random.Generator) -> Shape:
        shape = super().setup(rng)
        if self.use_bias:
            self.add_parameter("bias", shape[-1:], self.bias_initializer, rng, self.bias_regularizer)
        return shape

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        y = self.empty("y", (len(x), *self.output_shape))
        ops.depthwise_forward(x, self.parameters[0].value, *self._geometry, y)
        if self.use_bias:
            y += self.parameters[1].value
        self.save_for_backward(training, len(x), x)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """dw sums pixel times dy over all windows, dx dy times weight. See ``Layer.backward`` for the arguments."""
        dy = self.check_output_gradient(dy)
        (x,) = self.saved
        weight = self.parameters[0]
        if self.trainable:
            ops.depthwise_weight_gradient(x, dy, *self._geometry, weight.grad)
            if self.use_bias:
                ops.sum_rows(as_rows(dy), self.parameters[1].grad)
        if not need_dx:
            return None
        dx = self.empty("dx", x.shape)
        ops.depthwise_input_gradient(dy, weight.value, *self._geometry, dx)
        return dx


class SeparableConv2D(_Depthwise):
    r"""A depthwise convolution without a bias, and then, at each pixel, a dense layer over the channels.

    .. math:: h = \mathrm{depthwise}(x, w_d), \qquad y[n, i, j, f] = b[f] + \sum_q h[n, i, j, q] \; w_p[q, f]

    Parameters
    ----------
    filters : int
        Number of output channels F.
    kernel_size, strides, padding, depth_multiplier, dilation_rate
        As in ``DepthwiseConv2D``, for the depthwise part.
    use_bias : bool
        Whether to add one number a filter.
    kernel_initializer, bias_initializer : str or callable
        As in ``DepthwiseConv2D``; both weights start in the same way.
    kernel_regularizer, bias_regularizer, pointwise_regularizer : Regularizer or {"l1", "l2"}, optional
        Penalties on depthwise weight, bias and pointwise weight, which the model adds to the loss.

    Attributes
    ----------
    parameters : tuple of Parameter
        depthwise_weight (kh, kw, C, m), pointwise_weight (1, 1, C * m, F) and, with `use_bias`, bias (F,).

    Raises
    ------
    ValueError, TypeError
        As in ``DepthwiseConv2D``.

    References
    ----------
    Chollet, "Xception: deep learning with depthwise separable convolutions" (2017).
    """

    weight_name = "depthwise_weight"

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = 1,
        padding: str | int | tuple[int, int] = "valid",
        depth_multiplier: int = 1,
        use_bias: bool = True,
        kernel_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        dilation_rate: int | tuple[int, int] = 1,
        kernel_regularizer: str | Regularizer | None = None,
        bias_regularizer: str | Regularizer | None = None,
        pointwise_regularizer: str | Regularizer | None = None,
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, depth_multiplier, use_bias, kernel_initializer, bias_initializer,
            dilation_rate, kernel_regularizer, bias_regularizer,
        )
        get_regularizer(pointwise_regularizer, "pointwise_regularizer")
        self.pointwise_regularizer = pointwise_regularizer
        self.filters = check_count(filters, "filters", maximum=MAX_SIZE)

    def setup(self, rng: np.random.Generator) -> Shape:
        height, width, middle = super().setup(rng)
        shape = 1, 1, middle, self.filters
        self.add_parameter("pointwise_weight", shape, self.kernel_initializer, rng, self.pointwise_regularizer)
        if self.use_bias:
            self.add_parameter("bias", (self.filters,), self.bias_initializer, rng, self.bias_regularizer)
        return height, width, self.filters

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        depthwise, pointwise = (p.value for p in self.parameters[:2])
        bias = self.parameters[2].value if self.use_bias else np.zeros(self.filters, self.dtype)
        h = self.empty("h", (len(x), *self.output_shape[:2], pointwise.shape[2]))
        ops.depthwise_forward(x, depthwise, *self._geometry, h)
        y = self.empty("y", (len(x), *self.output_shape))
        ops.affine(as_rows(h), as_rows(pointwise), bias, False, as_rows(y))
        self.save_for_backward(training, len(x), x, h)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Back through the dense layer to dh, and from there as in ``DepthwiseConv2D``.

        See ``Layer.backward`` for the arguments.
        """
        dy = self.check_output_gradient(dy)
        x, h = self.saved
        depthwise, pointwise = self.parameters[:2]
        dh = self.empty("dh", h.shape)
        ops.matmul_nt(as_rows(dy), as_rows(pointwise.value), as_rows(dh))
        if self.trainable:
            ops.matmul_tn(as_rows(h), as_rows(dy), as_rows(pointwise.grad))
            ops.depthwise_weight_gradient(x, dh, *self._geometry, depthwise.grad)
            if self.use_bias:
                ops.sum_rows(as_rows(dy), self.parameters[2].grad)
        if not need_dx:
            return None
        dx = self.empty("dx", x.shape)
        ops.depthwise_input_gradient(dh, depthwise.value, *self._geometry, dx)
        return dx

    def forward_bytes(self) -> int:
        """Return the bytes of the output and of what the depthwise part makes."""
        height, width, _ = self.output_shape
        middle = self.input_shape[2] * self.depth_multiplier
        return super().forward_bytes() + height * width * middle * self.dtype.itemsize
