"""Dense and what follows it as one block."""

from __future__ import annotations

from numpy.typing import NDArray

from ..kernels import ops
from ..layers import Dense, ReLU
from .block import Block


class DenseReLU(Block):
    """Dense, then ReLU: the sums are rectified before they leave the cache."""

    def __init__(self, dense: Dense, relu: ReLU) -> None:
        super().__init__(dense, relu)
        self.dense = dense

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        y = self.empty("y", (len(x), *self.output_shape))
        ops.affine(x, *self.dense.weight_and_bias(), True, y)
        self.save_for_backward(training, len(x), x, y)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Let the gradient through where the output is positive, then apply Dense's rules."""
        dy = self.check_output_gradient(dy)
        x, y = self.saved
        dsums = self.empty("dsums", dy.shape)
        ops.relu_backward(dy.reshape(-1), y.reshape(-1), dsums.reshape(-1))
        dx = self.empty("dx", x.shape) if need_dx else None
        self.dense.gradients(x, dsums, dx)
        return dx

    def choices(self) -> list[NDArray]:
        """Return where the output was positive."""
        _, y = self.saved
        return [y > 0]
