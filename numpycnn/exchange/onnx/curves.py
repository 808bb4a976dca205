"""Activations that a graph spells with several operators: GELU, SiLU. They are known by their curve.

Exporters write them in many ways (``x * 0.5 * (1 + erf(x / sqrt(2)))``, factors in any order). So the nodes between the
value and the one that everything comes together in are computed on a line of numbers, and compared.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Callable

import numpy as np
from numpy.typing import NDArray

from ...io.native import ModelFileError
from ...layers import GELU, Layer, SiLU
from .constants import fold
from .file import Node

if TYPE_CHECKING:
    from .walk import Walk

MAX_NODES = 30  # of one activation, with its constants
TOLERANCE = 1e-5  # of constants that were rounded to float32; GELU's approximation is off by 5e-4
LINE = np.linspace(-6, 6, 241)

_erf = np.vectorize(math.erf, otypes=[float])
OPERATORS: dict[str, Callable[..., NDArray]] = {
    "Mul": np.multiply, "Add": np.add, "Sub": np.subtract, "Div": np.divide, "Pow": np.power, "Tanh": np.tanh,
    "Erf": _erf, "Sigmoid": lambda x: 1 / (1 + np.exp(-x)), "Neg": np.negative, "Exp": np.exp,
    "Reciprocal": np.reciprocal, "Sqrt": np.sqrt, "Identity": np.copy,
}  # fmt: skip
CURVES: list[tuple[Callable[[], Layer], NDArray]] = [
    (GELU, LINE * (1 + _erf(LINE / math.sqrt(2))) / 2),
    (lambda: GELU(approximate=True), LINE * (1 + np.tanh(math.sqrt(2 / math.pi) * (LINE + 0.044715 * LINE**3))) / 2),
    (SiLU, LINE / (1 + np.exp(-LINE))),
]


def read_curve(walk: Walk) -> tuple[int, str]:
    """Append the activation that several nodes read the value for; return the position after it, and its value.

    Where an exporter has mixed factors into it, of a BatchNorm that follows, they are appended, too.

    Raises
    ------
    ModelFileError
        It is a branch of another kind.
    """
    inside = {walk.value: LINE[:, None]}  # by name: the values that depend on this one alone, (241, 1) or (241, C)
    open_uses = {walk.value: walk.uses[walk.value]}
    scaled: tuple[int, str, Layer, NDArray] | None = None
    for position in range(walk.position, min(walk.position + MAX_NODES, len(walk.nodes))):
        node = walk.nodes[position]
        if fold(node, walk.constants, walk.shapes):
            continue
        y = _compute(walk, node, inside)
        if y is None:
            break
        name = node.outputs[0]
        for used in set(node.inputs) & set(open_uses):
            open_uses[used] -= 1
        inside[name], open_uses[name] = y, walk.uses.get(name, 0)
        if [n for n, left in open_uses.items() if left] != [name]:
            continue
        for make, curve in CURVES:  # everything has come together
            scale = y[-1] / curve[-1]
            if np.abs(y - curve[:, None] * scale).max() > TOLERANCE * np.abs(scale).max():
                continue
            if np.abs(scale - 1).max() < TOLERANCE:
                walk.add(make())
                return position + 1, name
            scaled = scaled or (position + 1, name, make(), scale)
    if scaled is None:
        raise ModelFileError("expected a chain, or GELU or SiLU in several operators, got a branch of another kind")
    walk.add(scaled[2])
    walk.affine(scale=walk.channels(np.broadcast_to(scaled[3], walk.shape[-1:])))
    return scaled[:2]


def _compute(walk: Walk, node: Node, inside: dict[str, NDArray]) -> NDArray | None:
    """Return what the node makes of the line, or None if it is not one that has a curve."""
    if node.kind not in OPERATORS or not all(name in inside or name in walk.constants for name in node.inputs):
        return None
    inputs = []
    for name in node.inputs:
        array = inside[name] if name in inside else walk.constants[name].astype(np.float64).reshape(-1)
        if array.shape[-1] not in (1, walk.shape[-1]):
            return None
        inputs.append(array)
    with np.errstate(all="ignore"):
        return np.asarray(OPERATORS[node.kind](*inputs))
