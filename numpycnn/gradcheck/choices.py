"""Which way did the latest forward go? ReLU's mask and MaxPool2D's winners, as the layers keep them for backward.

A network of such layers is smooth until one of these choices changes: there is the kink. ``gradcheck`` records them on
both sides of each step. A layer that is not in the table may choose without telling, and is judged by its values.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from .. import fusion, layers
from ..layers import Layer


def _nothing(layer: Any) -> list[NDArray]:
    return []


def _winners_let_through(block: Any) -> list[NDArray]:
    y, winners = block._saved
    return [np.where(y > 0, winners, -1)]  # who wins where ReLU cuts makes no difference


# Class: the choices of its latest training forward, as new arrays. Of these very classes: a subclass may choose more.
CHOICES: dict[type[Layer], Callable[[Any], list[NDArray]]] = {
    layers.ReLU: lambda layer: [layer._saved[0] > 0],
    layers.LeakyReLU: lambda layer: [layer._saved[0].copy()],
    layers.MaxPool2D: lambda layer: [layer._saved[0].copy()],
    fusion.DenseReLU: lambda block: [block._saved[1] > 0],
    fusion.ConvReLU: lambda block: [block._saved[1].copy()],
    fusion.ConvReLUPool: lambda block: [block._saved[1].copy()],
    fusion.PoolReLU: _winners_let_through,
    **dict.fromkeys(
        (
            layers.Conv2D, layers.Dense, layers.Flatten, layers.AvgPool2D, layers.GlobalAvgPool2D, layers.Sigmoid,
            layers.Tanh, layers.Dropout, layers.BatchNorm, fusion.DirectConv, fusion.DirectConvStride1,
        ),
        _nothing,
    ),
}


def recorder(steps: Iterable[Layer]) -> Callable[[], list[NDArray]] | None:
    """Return a function that lists the choices of these layers' latest forward; None if one of them is unknown."""
    steps = list(steps)
    if any(type(step) not in CHOICES for step in steps):
        return None
    return lambda: [choice for step in steps for choice in CHOICES[type(step)](step)]
