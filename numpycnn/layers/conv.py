"""Convolution: each filter slides over the image, and each stop is a dot product.

Copy the patch under every stop into a row of a matrix (im2col), and the whole layer is matrix products: one forward,
two backward. Columns are ordered (ky, kx, c), so the filters, flattened, are the other matrix.

Patches are made some images at a time, and made again in ``backward``: a whole batch of them is kh * kw times as large
as the images (nine times for 3 x 3), and reading them back from memory took longer than making them in the cache.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..checks import MAX_SIZE, Shape, check_count, check_flag, check_padding, check_pair, check_shape
from ..initializers import Initializer, get_initializer
from ..kernels import ops
from ..regularizers import Regularizer, get_regularizer
from .base import Layer
from .window import Window

BLOCK_BYTES = 2**20  # of patches made at a time


class Conv2D(Layer):
    r"""Two-dimensional convolution (cross-correlation, as everywhere in deep learning).

    .. math:: y[n, i, j, f] = b[f] + \sum_{k_y, k_x, c} x[n, i s_h + k_y d_h - p_h, j s_w + k_x d_w - p_w, c]
              \; w[k_y, k_x, c, f]

    Parameters
    ----------
    filters : int
        Number of output channels F.
    kernel_size : int or pair of int
        Height and width of the filters, in pixels.
    strides : int or pair of int
        Pixels from one stop to the next.
    padding : {"valid", "same"}, int or pair of int
        ``"valid"``: no zeros around the image. ``"same"``: so many that OH = ceil(H / stride); of an odd number, one
        more goes to the bottom and right. A number or a pair: this many rows of zeros above and below, and columns
        left and right.
    use_bias : bool
        Whether to add one number a filter.
    kernel_initializer, bias_initializer : str or callable
        Name of a function in ``numpycnn.initializers``, or a function (shape, rng, dtype) -> array.
    dilation_rate : int or pair of int
        Pixels from one element of the filter to the next.
    groups : int
        Cut input channels and filters into this many groups; a filter sees the channels of its own group only.
    kernel_regularizer, bias_regularizer : Regularizer or {"l1", "l2"}, optional
        Penalty on weight and bias, as ``L2(1e-4)``, that a model adds to its loss.

    Attributes
    ----------
    parameters : tuple of Parameter
        weight (kh, kw, C // groups, F) and, with `use_bias`, bias (F,).

    Raises
    ------
    ValueError, TypeError
        An argument out of range; at ``build`` a filter larger than its padded input, or channels that `groups` does
        not divide.

    References
    ----------
    LeCun et al., "Gradient-based learning applied to document recognition" (1998), section II; Chellapilla et al.,
    "High performance convolutional neural networks for document processing" (2006), for im2col.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = 1,
        padding: str | int | tuple[int, int] = "valid",
        use_bias: bool = True,
        kernel_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        dilation_rate: int | tuple[int, int] = 1,
        groups: int = 1,
        kernel_regularizer: str | Regularizer | None = None,
        bias_regularizer: str | Regularizer | None = None,
    ) -> None:
        self.filters = check_count(filters, "filters", maximum=MAX_SIZE)
        self.kernel_size = check_pair(kernel_size, "kernel_size")
        self.strides = check_pair(strides, "strides")
        self.padding = check_padding(padding)
        self.use_bias = check_flag(use_bias, "use_bias")
        get_initializer(kernel_initializer)
        get_initializer(bias_initializer)
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer
        get_regularizer(kernel_regularizer, "kernel_regularizer")
        get_regularizer(bias_regularizer, "bias_regularizer")
        self.kernel_regularizer = kernel_regularizer
        self.bias_regularizer = bias_regularizer
        self.dilation_rate = check_pair(dilation_rate, "dilation_rate")
        self.groups = check_count(groups, "groups")
        if self.filters % self.groups:
            raise ValueError(f"filters: expected a multiple of groups={self.groups}, got {self.filters}")

    def setup(self, rng: np.random.Generator) -> Shape:
        _, _, channels = check_shape(self.input_shape, self, rank=3)
        if channels % self.groups:
            raise ValueError(f"{self!r}: expected a multiple of groups={self.groups} channels, got {channels}")
        self.window = Window.on(
            self.input_shape, self.kernel_size, self.strides, self.padding, self.dilation_rate, owner=self
        )
        weight_shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.add_parameter("weight", weight_shape, self.kernel_initializer, rng, self.kernel_regularizer)
        if self.use_bias:
            self.add_parameter("bias", (self.filters,), self.bias_initializer, rng, self.bias_regularizer)
        return *self.window.count, self.filters

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        outputs = []
        for g, (x_g, w, b) in enumerate(zip(split_channels(x, self.groups), *self._matrices())):
            y_g = self.empty(f"y{g}", (len(x), *self.output_shape[:2], len(b)))
            for images in self._blocks(len(x)):
                cols = self._patches(x_g[images])  # (n * OH * OW, kh * kw * C)
                ops.affine(cols, w, b, False, as_rows(y_g[images]))
            outputs.append(y_g)
        self.save_for_backward(training, len(x), x)
        return join_channels(outputs)

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        r"""Apply the three rules of Y = X W + b, with a patch in each row of X and the filters in the columns of W.

        .. math:: dW = X^T \, dY, \qquad db = \sum_{rows} dY, \qquad dX = dY \, W^T

        Each pixel of dx is the sum over all patches that contain it (col2im). See ``Layer.backward`` for the arguments.
        """
        dy = self.check_output_gradient(dy)
        (x,) = self.saved
        groups = zip(split_channels(x, self.groups), split_channels(dy, self.groups), self._matrices()[0])
        dw_parts, dx_parts = [], []
        for g, (x_g, dy_g, w) in enumerate(groups):
            dw, dw_block = np.zeros_like(w), np.empty_like(w)
            dx_g = self.empty(f"dx{g}", x_g.shape if need_dx else (0,))
            for images in self._blocks(len(x)):
                dy_rows = as_rows(dy_g[images])
                if self.trainable:
                    ops.matmul_tn(self._patches(x_g[images]), dy_rows, dw_block)
                    dw += dw_block
                if need_dx:
                    dcols = self._columns(x_g[images])  # dX, in the place of X
                    ops.matmul_nt(dy_rows, w, as_rows(dcols))
                    self._add_patches(dcols, dx_g[images])
            dw_parts.append(dw)
            dx_parts.append(dx_g)
        if self.trainable:
            self.parameters[0].grad = join_channels(dw_parts).reshape(self.parameters[0].grad.shape)
            if self.use_bias:
                ops.sum_rows(as_rows(dy), self.parameters[1].grad)
        return join_channels(dx_parts) if need_dx else None

    def forward_bytes(self) -> int:
        """Return the bytes of the output and of the patches of one group."""
        patch = math.prod(self.kernel_size) * self.input_shape[2] // self.groups
        return super().forward_bytes() + math.prod(self.output_shape[:2]) * patch * self.dtype.itemsize

    def _blocks(self, batch: int) -> list[slice]:
        """Cut the batch into slices whose patches fit into the cache. They do not depend on the number of threads."""
        out_h, out_w, _ = self.output_shape
        patch = math.prod(self.kernel_size) * self.input_shape[2] // self.groups
        size = max(1, BLOCK_BYTES // (out_h * out_w * patch * self.dtype.itemsize))
        return [slice(first, first + size) for first in range(0, batch, size)]

    def _patches(self, x: NDArray) -> NDArray:
        """Return the patch under each stop of the filters as a row: (n * OH * OW, kh * kw * C)."""
        cols = self._columns(x)
        ops.im2col(x, *self.window.geometry, cols)
        return as_rows(cols)

    def _columns(self, x: NDArray) -> NDArray:
        """Return room for the patches of x (n, H, W, C): (n, OH, OW, kh * kw * C)."""
        return self.empty("cols", (len(x), *self.output_shape[:2], math.prod(self.kernel_size) * x.shape[3]))

    def _add_patches(self, cols: NDArray, dx: NDArray) -> None:
        """Write into dx (n, H, W, C), for each pixel, the sum over the patches that contain it (col2im)."""
        ops.col2im(cols, *self.window.geometry, dx)

    def _matrices(self) -> tuple[list[NDArray], list[NDArray]]:
        """Return each group's filters (kh * kw * C // groups, F // groups) and biases (F // groups,)."""
        weight, bias = self.weight_and_bias()
        return split_channels(weight, self.groups), split_channels(bias, self.groups)

    def weight_and_bias(self) -> tuple[NDArray, NDArray]:
        """Return the filters as a matrix (kh * kw * C // groups, F) and the biases (F,), zeros without a bias."""
        bias = self.parameters[1].value if self.use_bias else np.zeros(self.filters, self.dtype)
        return as_rows(self.parameters[0].value), bias

    def bias_gradient(self) -> NDArray:
        """Return the array (F,) that the gradient of the biases goes to; without a bias, one that nobody reads."""
        return self.parameters[1].grad if self.use_bias else self.empty("db", (self.filters,))


def as_rows(a: NDArray) -> NDArray:
    """View (..., C) as a matrix with C columns."""
    return a.reshape(-1, a.shape[-1])


def split_channels(a: NDArray, groups: int) -> list[NDArray]:
    """Cut the last axis into `groups` equal parts, each C-contiguous; one group is `a` itself."""
    return [np.ascontiguousarray(part) for part in np.split(a, groups, axis=-1)]


def join_channels(parts: list[NDArray]) -> NDArray:
    """Undo ``split_channels``."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
