"""A convolution or a dense layer and the activation behind it as one block, for every activation but ReLU.

Tanh and average pooling behind a convolution, as in LeNet-5, are one pass over its map.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ..kernels import ops
from ..layers import ELU, GELU, AvgPool2D, Conv2D, Dense, Layer, LeakyReLU, Sigmoid, SiLU, Tanh
from ..layers.activations import Activation
from ..layers.window import Window
from .block import Block
from .convolution import DirectConv, DirectConvStride1

ACTIVATIONS = (ELU, GELU, LeakyReLU, SiLU, Sigmoid, Tanh)  # ReLU has blocks of its own, which make use of its zeros
# What a layer runs as where no rule takes it together with others: the first block that suits.
ALONE: dict[type[Layer], tuple[type[Block], ...]] = {Conv2D: (DirectConvStride1, DirectConv), Dense: ()}


class Activated(Block):
    """Sums, then a curve: applied where the sums lie, which nobody else needs, while they are in the cache."""

    def __init__(self, layer: Layer, activation: Activation, *others: Layer) -> None:
        super().__init__(layer, activation, *others)
        self.activation = activation
        self.sums = next((block(layer) for block in ALONE[type(layer)] if block.suits(layer)), layer)
        self.blocks = (self.sums,)

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        sums = self.sums.forward(x, training)
        in_place = self.activation.from_output or not training
        y = sums if in_place else self.empty("y", sums.shape)
        self.activation.curve(sums.reshape(-1), y.reshape(-1))
        self.save_for_backward(training, len(sums), y if in_place else sums)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Apply the curve's slope, then the rules of what made the sums."""
        dy = self.check_output_gradient(dy)
        (kept,) = self.saved
        dsums = self.empty("dsums", dy.shape)
        self.activation.slope(dy.reshape(-1), kept.reshape(-1), dsums.reshape(-1))
        return self.sums.backward(dsums, need_dx)

    def choices(self) -> list[NDArray]:
        """Return the activation's."""
        return self.activation.kinks(*self.saved)


class ConvTanhAvgPool(Activated):
    """Conv2D, then Tanh, then AvgPool2D with windows side by side: the map is read once more, and not twice."""

    def __init__(self, conv: Conv2D, tanh: Tanh, pool: AvgPool2D) -> None:
        super().__init__(conv, tanh, pool)
        self.pool_size = pool.window.kernel

    @staticmethod
    def suits(*layers: Any) -> bool:
        window, (height, width, _) = layers[2].window, layers[2].input_shape
        count = height // window.kernel[0], width // window.kernel[1]
        return window == Window(window.kernel, window.kernel, (1, 1), before=(0, 0), count=count)

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        sums = self.sums.forward(x, training)
        pooled = self.empty("pooled", (len(sums), *self.output_shape))
        ops.tanh_avgpool_forward(sums, *self.pool_size, sums, pooled)
        self.save_for_backward(training, len(sums), sums)
        return pooled

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Share the gradient among a window's pixels, apply tanh's slope, then the rules of the convolution."""
        dy = self.check_output_gradient(dy)
        (y,) = self.saved
        dsums = self.empty("dsums", y.shape)
        ops.tanh_avgpool_backward(dy, y, *self.pool_size, dsums)
        return self.sums.backward(dsums, need_dx)
