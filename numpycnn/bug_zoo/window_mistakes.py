"""Wrong layers whose windows slide over an image, one mistake each: convolution, pooling, padding.

Where dx comes from a formula of ``gradcheck.suspects``, the mistake is an argument of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..gradcheck.suspects import as_full_filters, conv_dx, maxpool_dx
from ..layers import (
    AvgPool2D,
    Conv2D,
    DepthwiseConv2D,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    MaxPool2D,
    SeparableConv2D,
    ZeroPad2D,
)
from .mistakes import Remembers


class ConvWithOwnDx(Conv2D):
    """Right: the control for those that follow."""

    wrong: dict[str, Any] = {}

    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        super().backward(dy, need_dx=False)
        return conv_dx(self, dy, **self.wrong)


class ConvStrideForgotten(ConvWithOwnDx):
    wrong = {"strides": (1, 1)}


class ConvDilationForgotten(ConvWithOwnDx):
    wrong = {"dilation": (1, 1)}


class ConvPaddingOffByOne(ConvWithOwnDx):
    wrong = {"off": 1}


class ConvOverlapAssigned(ConvWithOwnDx):
    wrong = {"assign": True}


class ConvFiltersFlipped(ConvWithOwnDx):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        super().backward(dy)
        return conv_dx(self, dy, self.parameters[0].value[::-1, ::-1])


class ConvForwardFlipped(Conv2D):
    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        weight = self.parameters[0].value
        right = weight.copy()
        weight[...] = right[::-1, ::-1]
        y = super().forward(x, training)
        weight[...] = right
        return y


class ConvForwardStrideForgotten(Conv2D):
    """The right number of windows, but each begins at the pixel next to the one before."""

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        super().forward(x, training)
        side_by_side = Conv2D(self.filters, self.kernel_size)
        side_by_side.build(self.input_shape, dtype=self.dtype)
        for mine, theirs in zip(side_by_side.parameters, self.parameters):
            mine.value = theirs.value
        height, width, _ = self.output_shape
        return side_by_side.forward(x)[:, :height, :width]


class ConvHeightWidthSwapped(Conv2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        dx: Any = super().backward(dy)
        return dx.swapaxes(1, 2)


class ConvWeightScaled(Conv2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        dx = super().backward(dy)
        self.parameters[0].grad *= 1.01
        return dx


class ConvWeightReversed(Conv2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        dx = super().backward(dy)
        self.parameters[0].grad = self.parameters[0].grad[::-1, ::-1].copy()
        return dx


class ConvBiasDropped(Conv2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        bias = self.parameters[1].grad.copy()
        dx = super().backward(dy)
        self.parameters[1].grad = bias
        return dx


class ConvWithoutDx(Conv2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return super().backward(dy, need_dx=False)


class DepthwiseWithOwnDx(DepthwiseConv2D):
    """Right: the control for those that follow."""

    wrong: dict[str, Any] = {}

    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        super().backward(dy, need_dx=False)
        return conv_dx(self, dy, as_full_filters(self.parameters[0].value), **self.wrong)


class DepthwiseStrideForgotten(DepthwiseWithOwnDx):
    wrong = {"strides": (1, 1)}


class DepthwiseChannelsMixed(DepthwiseConv2D):
    """The output channels in the order (filter, channel) in place of (channel, filter)."""

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        y = super().forward(x, training)
        return y.reshape(*y.shape[:3], -1, self.depth_multiplier).swapaxes(3, 4).reshape(y.shape).copy()


class SeparableDepthwiseNotTrained(SeparableConv2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        before = self.parameters[0].grad.copy()
        dx = super().backward(dy)
        self.parameters[0].grad = before
        return dx


class MaxPoolWithOwnDx(Remembers, MaxPool2D):
    """Right: the control for those that follow."""

    wrong: dict[str, Any] = {}

    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return maxpool_dx(self, self.x, dy, **self.wrong)


class MaxPoolOverlapAssigned(MaxPoolWithOwnDx):
    wrong = {"assign": True}


class MaxPoolPaddedCoordinates(MaxPoolWithOwnDx):
    wrong = {"off": 1}


class MaxPoolCreditsAllTies(MaxPoolWithOwnDx):
    wrong = {"all_ties": True}


class AvgPoolFullWindowAtBorder(AvgPool2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        inside = super().forward(np.ones((len(dy), *self.input_shape)), True)  # all windows: 1
        window: Any = self.padding
        top, left = window
        padded = np.pad(np.ones(self.input_shape), ((top, top), (left, left), (0, 0)))
        cells = AvgPool2D(self.pool_size, self.strides)
        cells.build(padded.shape, dtype="float64")
        return super().backward(dy * inside * cells.forward(padded[None]))


class GlobalAvgPoolNotDivided(GlobalAvgPool2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return np.broadcast_to(dy[:, None, None], (len(dy), *self.input_shape))


class GlobalMaxPoolCreditsAll(GlobalMaxPool2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        return np.broadcast_to(dy[:, None, None], (len(dy), *self.input_shape))


class ZeroPadCutAtTheCorner(ZeroPad2D):
    def backward(self, dy: NDArray, need_dx: bool = True) -> Any:
        height, width, _ = self.input_shape
        return dy[:, :height, :width]
