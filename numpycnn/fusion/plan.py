"""The rules: which runs of layers execute as one block.

``model.layers`` is what the user wrote, ``model.plan`` is what runs. A rule matches layers that follow each other and
replaces them with a block that computes the same with less memory traffic. A block borrows its layers' parameters and
owns none. Delete the rules and everything still works, slower.
"""

from __future__ import annotations

from typing import Sequence

from ..layers import BatchNorm, Conv2D, Dense, Layer, MaxPool2D, ReLU
from .activated import ACTIVATIONS, ALONE, Activated
from .block import Block
from .convolution import ConvReLU, ConvReLUPool
from .dense import DenseReLU
from .normalised import ConvNormalised, Normalised
from .pooling import PoolReLU
from .winograd import WinogradConvReLU

# Tried in order at each layer: the classes to match, where a tuple stands for any one of them, and the block that
# replaces them.
RULES: list[tuple[tuple[type[Layer] | tuple[type[Layer], ...], ...], type[Block]]] = [
    ((Conv2D, ReLU, MaxPool2D), ConvReLUPool),
    ((Conv2D, ReLU), WinogradConvReLU),
    ((Conv2D, ReLU), ConvReLU),
    ((Conv2D, BatchNorm, ReLU, MaxPool2D), ConvNormalised),
    ((Conv2D, BatchNorm, ReLU), ConvNormalised),
    ((Conv2D, ACTIVATIONS), Activated),
    *(((Conv2D,), block) for block in ALONE[Conv2D]),
    ((Dense, ReLU), DenseReLU),
    ((Dense, ACTIVATIONS), Activated),
    ((BatchNorm, ReLU, MaxPool2D), Normalised),
    ((BatchNorm, ReLU), Normalised),
    ((ReLU, MaxPool2D), PoolReLU),
]


def matches(layer: Layer, wanted: type[Layer] | tuple[type[Layer], ...]) -> bool:
    """Whether the layer is of this class, or of one of these: exactly, since a subclass may compute something else."""
    return type(layer) in (wanted if isinstance(wanted, tuple) else (wanted,))


def make_plan(layers: Sequence[Layer], fused: bool = True) -> list[Layer]:
    """Return what runs: the layers, with the runs that a rule matches replaced by blocks.

    Only the package's own classes match, never a subclass, whose forward may be another.
    """
    plan: list[Layer] = []
    position = 0
    while position < len(layers):
        for classes, block in RULES if fused else []:
            run = layers[position : position + len(classes)]
            if len(run) == len(classes) and all(map(matches, run, classes)) and block.suits(*run):
                plan.append(block(*run))
                position += len(run)
                break
        else:
            plan.append(layers[position])
            position += 1
    return plan
