"""Which runs of layers execute as one block: the only file that knows two layers at once.

``model.layers`` is what the user wrote, ``model.plan`` is what runs. A rule matches layers that follow each other and
replaces them with a block that computes the same with less memory traffic. A block borrows its layers' parameters and
owns none. Delete the rules and everything still works, slower.
"""

from __future__ import annotations

from typing import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .kernels import ops
from .layers import Layer, MaxPool2D, ReLU


class Block(Layer):
    """Layers that run as one; built as they are."""

    def __init__(self, *layers: Layer) -> None:
        self.layers = layers
        self.input_shape, self.output_shape = layers[0].input_shape, layers[-1].output_shape
        self.dtype = layers[0].dtype
        self.parameters = tuple(p for layer in layers for p in layer.parameters)
        self.built = True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.layers))})"


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
        ops.maxpool_forward(x, *self.pool._geometry, y, winners)
        ops.relu_forward(y.reshape(-1), y.reshape(-1))
        self.save_for_backward(training, len(x), y, winners)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Let the gradient through where the output is positive, to the pixel that won."""
        dy = self.check_output_gradient(dy)
        if not need_dx:
            return None
        y, winners = self._saved
        dpooled = self.empty("dpooled", dy.shape)
        ops.relu_backward(dy.reshape(-1), y.reshape(-1), dpooled.reshape(-1))
        dx = self.empty("dx", (len(dy), *self.input_shape))
        ops.maxpool_backward(dpooled, winners, dx)
        return dx


# Tried in order at each layer: the classes to match and the block that replaces them.
RULES: list[tuple[tuple[type[Layer], ...], Callable[..., Block]]] = [
    ((ReLU, MaxPool2D), PoolReLU),
]


def make_plan(layers: Sequence[Layer], fused: bool = True) -> list[Layer]:
    """Return what runs: the layers, with the runs that a rule matches replaced by blocks.

    Only the package's own classes match, never a subclass, whose forward may be another.
    """
    plan: list[Layer] = []
    position = 0
    while position < len(layers):
        for classes, block in RULES if fused else []:
            run = layers[position : position + len(classes)]
            if tuple(map(type, run)) == classes:
                plan.append(block(*run))
                position += len(run)
                break
        else:
            plan.append(layers[position])
            position += 1
    return plan
