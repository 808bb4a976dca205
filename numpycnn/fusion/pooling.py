"""ReLU and pooling as one block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..kernels import ops
from ..layers import MaxPool2D, ReLU
from .block import Block


class PoolReLU(Block):
    """ReLU, then MaxPool2D, computed the other way round: ``max(max(x), 0)`` rectifies only what pooling keeps.

    Both orders give the same bits: the maximum commutes with a curve that does not fall, ties between positive values
    stay ties, and a window without a positive value passes no gradient either way.
    """

    def __init__(self, relu: ReLU, pool: MaxPool2D) -> None:
        super().__init__(relu, pool)
        self.pool = pool

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        y = self.empty("y", (len(x), *self.output_shape))
        winners = self.empty("winners", y.shape, np.int32)
        window = self.pool.window
        ops.maxpool_forward(x, *window.kernel, *window.strides, *window.before, y, winners)
        ops.relu_forward(y.reshape(-1), y.reshape(-1))
        self.save_for_backward(training, len(x), y, winners)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Let the gradient through where the output is positive, to the pixel that won."""
        dy = self.check_output_gradient(dy)
        if not need_dx:
            return None
        y, winners = self.saved
        dpooled = self.empty("dpooled", dy.shape)
        ops.relu_backward(dy.reshape(-1), y.reshape(-1), dpooled.reshape(-1))
        dx = self.empty("dx", (len(dy), *self.input_shape))
        ops.maxpool_backward(dpooled, winners, dx)
        return dx

    def choices(self) -> list[NDArray]:
        """Return the position of each window's winner; -1 where ReLU cut, since who wins there makes no difference."""
        y, winners = self.saved
        return [np.where(y > 0, winners, -1)]
