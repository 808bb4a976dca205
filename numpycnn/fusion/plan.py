"""The rules: which runs of layers execute as one block.

``model.layers`` is what the user wrote, ``model.plan`` is what runs. A rule matches layers that follow each other and
replaces them with a block that computes the same with less memory traffic. A block borrows its layers' parameters and
owns none. Delete the rules and everything still works, slower.
"""

from __future__ import annotations

from typing import Sequence

from ..layers import Conv2D, Dense, Layer, MaxPool2D, ReLU
from .block import Block
from .convolution import ConvReLU, ConvReLUPool, DirectConv, DirectConvStride1
from .dense import DenseReLU
from .pooling import PoolReLU

# Tried in order at each layer: the classes to match and the block that replaces them.
RULES: list[tuple[tuple[type[Layer], ...], type[Block]]] = [
    ((Conv2D, ReLU, MaxPool2D), ConvReLUPool),
    ((Conv2D, ReLU), ConvReLU),
    ((Conv2D,), DirectConvStride1),
    ((Conv2D,), DirectConv),
    ((Dense, ReLU), DenseReLU),
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
            if tuple(map(type, run)) == classes and block.suits(*run):
                plan.append(block(*run))
                position += len(run)
                break
        else:
            plan.append(layers[position])
            position += 1
    return plan
