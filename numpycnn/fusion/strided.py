"""A convolution at every second pixel, cut into one at every pixel."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ..kernels import ops
from ..layers import Conv2D, MaxPool2D
from ..layers.conv import as_rows
from ..memory import all_finite
from .block import Block, mean_share
from .convolution import DirectConv
from .winograd import FEWEST, MANY_FOR_WEIGHTS, MORE, input_gradient, winograd_share

HALVES = 2, 2, 2, 2, 1, 1  # what im2col is told to put 2 x 2 pixels behind each other: size, strides, dilation


class WinogradConvStride2(Block):
    """Conv2D with filters of 4 to 6 pixels at every second pixel: of 25 multiplications, for 5 x 5, 9 are left.

    Rows and columns of the same parity meet the same parts of the filters. The four parts of an image, and of a filter,
    stand as channels behind each other: what is left to do is a 3 x 3 convolution at every pixel, which Winograd's
    algorithm does. Where a part of a filter is smaller, it has zeros; where they meet NaN, the layer's own rule is
    asked. Predictions, often of one image, are made without all this.

    So parts reach a pixel beyond the patch, and sums of equal patches may differ by rounding. Pooling behind it, which
    takes the first of equals, would take another.
    """

    def __init__(self, conv: Conv2D) -> None:
        super().__init__(conv)
        self.conv, self.predicting = conv, DirectConv(conv)
        self.blocks = (self.predicting,)
        height, width, channels = conv.input_shape
        self.parts_shape = (height + 1) // 2, (width + 1) // 2, 4 * channels
        self.odd = [before % 2 for before in conv.window.before]  # as many zeros stand before the filter's first row
        self.before = [(before + one) // 2 for before, one in zip(conv.window.before, self.odd)]

    @staticmethod
    def suits(*layers: Any) -> bool:
        conv, *others = layers
        window = conv.window
        every_second = window.strides == (2, 2) and window.dilation == (1, 1) and conv.groups == 1
        fit = all(
            4 <= size and size + before % 2 <= 6 and before <= 4 for size, before in zip(window.kernel, window.before)
        )
        few, many = sorted((4 * conv.input_shape[2], conv.filters))
        pooled = any(isinstance(layer, MaxPool2D) for layer in others)
        return every_second and fit and not pooled and few >= FEWEST and many >= MORE and DirectConv.suits(conv)

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        if not training:
            y = self.predicting.forward(x)
            self.save_for_backward(False, len(y))
            return y
        x = self.check_input(x)
        parts = self.empty("parts", (len(x), *self.parts_shape))
        ops.im2col(x, *HALVES, 0, 0, parts)
        y = self.empty("y", (len(x), *self.output_shape))
        filters = self._filters_in_parts()
        ops.winograd_forward(parts, as_rows(filters), self.conv.weight_and_bias()[1], *self.before, False, False, y)
        if not all_finite(y):
            y[...] = self.conv.forward(x)
        self.save_for_backward(True, len(x), x, parts, filters)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Apply the convolution's rules in parts, then put dw and dx together."""
        dy = self.check_output_gradient(dy)
        x, parts, filters = self.saved
        # Where dy is not finite, dw shows it: all of that filter's is NaN or infinity.
        finite = self._weight_gradient(parts, dy) if self.conv.learns else all_finite(dy)
        if not finite:
            self.conv.save_for_backward(True, len(x), x)
            return self.conv.backward(dy, need_dx)
        if not need_dx:
            return None
        dparts, dx = self.empty("dparts", parts.shape), self.empty("dx", x.shape)
        input_gradient(dy, filters, self.before, dparts)
        ops.col2im(dparts, *HALVES, 0, 0, dx)
        return dx

    def executed_shares(self, need_dx: bool) -> tuple[float, float]:
        conv, images = self.conv, len(self.saved[0])
        forward = winograd_share(conv, images, conv.output_shape[:2], parts=4)
        dw = winograd_share(conv, images, conv.output_shape[:2], MANY_FOR_WEIGHTS, parts=4)
        dx = winograd_share(conv, images, self.parts_shape[:2], parts=4)
        return forward, mean_share(dw, dx, conv.trainable, need_dx)

    def _weight_gradient(self, parts: NDArray, dy: NDArray) -> bool:
        """Set dw and db; return whether dw is finite."""
        weight = self.conv.parameters[0]
        dw = self.empty("dw", (9 * parts.shape[3], dy.shape[3]))
        is_finite = self.empty("is_finite", (1,), bool)
        ops.winograd_weight_gradient(parts, dy, *self.before, dw, self.conv.bias_gradient(), is_finite)
        ops.col2im(dw.reshape(1, 3, 3, -1), *HALVES, *self.odd, self._as_image(weight.grad))
        return bool(is_finite[0])

    def _filters_in_parts(self) -> NDArray:
        """Return the filters' four parts behind each other: (3, 3, 4 * C, F)."""
        weight = self.conv.parameters[0].value
        parts = self.empty("filters", (3, 3, 4 * weight.shape[2], weight.shape[3]))
        ops.im2col(self._as_image(weight), *HALVES, *self.odd, parts.reshape(1, 3, 3, -1))
        return parts

    def _as_image(self, weight: NDArray) -> NDArray:
        """View filters as one image, with as many channels as there are C * F."""
        return weight.reshape(1, *self.conv.window.kernel, -1)
