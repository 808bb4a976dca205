"""A convolution or a dense layer and the activation behind it as one block, for every activation but ReLU."""

from __future__ import annotations

from numpy.typing import NDArray

from ..layers import ELU, GELU, Conv2D, Dense, Layer, LeakyReLU, Sigmoid, SiLU, Tanh
from ..layers.activations import Activation
from .block import Block, shares_of
from .convolution import DirectConv
from .strided import WinogradConvStride2
from .winograd import WinogradConv

ACTIVATIONS = (ELU, GELU, LeakyReLU, SiLU, Sigmoid, Tanh)  # ReLU has blocks of its own, which make use of its zeros
# What a layer runs as where no rule takes it together with others: the first block that suits.
ALONE: dict[type[Layer], tuple[type[Block], ...]] = {
    Conv2D: (WinogradConv, WinogradConvStride2, DirectConv), Dense: ()
}


class Activated(Block):
    """Sums, then a curve: applied where the sums lie, which nobody else needs, while they are in the cache."""

    def __init__(self, layer: Layer, activation: Activation) -> None:
        super().__init__(layer, activation)
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

    def executed_shares(self, need_dx: bool) -> tuple[float, float]:
        return shares_of(self.sums, need_dx)

    def choices(self) -> list[NDArray]:
        """Return the activation's."""
        return self.activation.kinks(*self.saved)
