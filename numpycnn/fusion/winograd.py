"""3 x 3 convolution at every pixel by Winograd's algorithm, forward and backward."""

from __future__ import annotations

import math
from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from ..kernels import ops
from ..layers import Conv2D, Layer
from ..layers.conv import as_rows
from .block import Block, mean_share

# Channels and filters, the fewer and the more: with less, the transforms cost more than the multiplications they save.
FEWEST, MORE = 16, 32
FEWEST_OUTPUTS = 10  # of an image: at 3 x 3, more than half of a tile is beyond the map
MOST_PRODUCTS = 0.6  # of the convolution's own for dx; with more, adding up filters takes less time
LANES = 16  # numbers of float32 in a vector of 64 bytes, the widest that CPUs have
# So many outputs of a batch, and whole vectors of channels and filters, have tiles of 4 x 4 outputs on every machine.
MANY_OUTPUTS, MANY_FOR_WEIGHTS = 832, 4096


class WinogradConv(Block):
    """Conv2D with 3 x 3 filters at every pixel: a quarter of the multiplications in all three passes.

    dx is the same convolution of dy, with the filters turned by 180 degrees.
    """

    relu, by_winograd = False, True

    def __init__(self, conv: Conv2D, *others: Layer) -> None:
        super().__init__(conv, *others)
        self.conv = conv
        self.weight_and_bias = conv.weight_and_bias

    @staticmethod
    def suits(*layers: Any) -> bool:
        conv = layers[0]
        window = conv.window
        neighbours = window.kernel == (3, 3) and window.strides == window.dilation == (1, 1) and conv.groups == 1
        few, many = sorted((conv.input_shape[2], conv.filters))
        enough = few >= FEWEST and many >= MORE and math.prod(conv.output_shape[:2]) >= FEWEST_OUTPUTS
        return neighbours and max(window.before) <= 2 and enough

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        y = self.empty("y", (len(x), *self.output_shape))
        ops.winograd_forward(x, *self.weight_and_bias(), *self.conv.window.before, self.relu, False, y)
        self.save_for_backward(training, len(x), x, y)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Apply Conv2D's rules to what ReLU, if there is one, lets through."""
        dy = self.check_output_gradient(dy)
        x, y = self.saved
        if self.relu:
            dsums = self.empty("dsums", dy.shape)
            ops.relu_backward(dy.reshape(-1), y.reshape(-1), dsums.reshape(-1))
            dy = dsums
        if self.conv.learns:
            self._weight_gradient(x, dy)
        if not need_dx:
            return None
        dx, weight, window = self.empty("dx", x.shape), self.conv.parameters[0].value, self.conv.window
        if self._share_of_dx(len(x)) < 1:
            input_gradient(dy, weight, window.before, dx)
        else:
            ops.conv_dense_input_gradient(as_rows(weight), dy, dy, *window.geometry, False, dx)
        return dx

    def _share_of_dx(self, images: int) -> float:
        """Return what share of the products dx takes: 1 where a map is so small that Winograd's would not pay."""
        share = winograd_share(self.conv, images, self.conv.input_shape[:2])
        return share if share <= MOST_PRODUCTS else 1.0

    def executed_shares(self, need_dx: bool) -> tuple[float, float]:
        conv, images = self.conv, len(self.saved[0])
        forward = winograd_share(conv, images, conv.output_shape[:2])
        dw = winograd_share(conv, images, conv.output_shape[:2], MANY_FOR_WEIGHTS)
        return forward, mean_share(dw, self._share_of_dx(images), conv.trainable, need_dx)

    def _weight_gradient(self, x: NDArray, dy: NDArray) -> None:
        weight, db = self.conv.parameters[0], self.conv.bias_gradient()
        is_finite = self.empty("is_finite", (1,), bool)
        ops.winograd_weight_gradient(x, dy, *self.conv.window.before, as_rows(weight.grad), db, is_finite)
        if not is_finite[0]:  # the transforms spread NaN in a filter, the layer's rule does not
            self.conv.save_for_backward(True, len(x), x)
            self.conv.backward(dy, need_dx=False)


class WinogradConvReLU(WinogradConv):
    """The same, then ReLU."""

    relu = True

    def choices(self) -> list[NDArray]:
        """Return where the output was positive."""
        _, y = self.saved
        return [y > 0]


def input_gradient(dy: NDArray, weight: NDArray, before: Sequence[int], dx: NDArray) -> None:
    """Set dx of a 3 x 3 convolution with filters (3, 3, C, F): a convolution of dy with the turned filters."""
    border = [2 - zeros for zeros in before]
    ops.winograd_forward(dy, as_rows(weight), np.zeros(dx.shape[3], dx.dtype), *border, False, True, dx)


def winograd_share(
    conv: Conv2D, images: int, outputs: tuple[int, ...], many: int = MANY_OUTPUTS, parts: int = 1
) -> float:
    """Return how many products a map of so many outputs takes at most, relative to the convolution's own.

    With `parts`, so many times the channels, and 3 x 3 filters in place of the convolution's.

    A tile of 4 x 4 outputs takes 36 in place of 144, one of 2 x 2 takes 16 in place of 36, or 36 in place of 100 with
    5 x 5 filters, even where it reaches beyond the map. Not counted: the few outputs whose sign rounding could change,
    which are summed again.
    """
    large = images * math.prod(outputs) >= many and parts * conv.input_shape[2] % LANES == conv.filters % LANES == 0

    def points(n: int) -> int:
        """Along an axis: 6 for 4 outputs, with large tiles, and 4 for 2; with 5 x 5 filters, 6 for 2."""
        if conv.window.kernel == (5, 5) and parts == 1:
            return 6 * -(-n // 2)
        tiles = (n + 1) // 4 if large else 0
        return 6 * tiles + 4 * -(-max(0, n - 4 * tiles) // 2)

    return parts * math.prod(map(points, outputs)) / math.prod((*conv.window.kernel, *conv.output_shape[:2]))
