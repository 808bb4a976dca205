"""What a graph computes from the file's own numbers and from shapes: sizes for a Reshape, mostly. It is done here."""

from __future__ import annotations

import math
from typing import Callable

import numpy as np
from numpy.typing import NDArray

from ...io.native import ModelFileError
from .file import Node

MAX_ELEMENTS = 1000  # of what is computed: shapes; Identity and Transpose take any array, and make none larger


def fold(node: Node, constants: dict[str, NDArray], shapes: dict[str, list[int]]) -> bool:
    """Compute a node that reads constants alone, or the shape of a value; return whether it is one.

    Parameters
    ----------
    node : Node
    constants : dict of str to ndarray
        By name; the result is added.
    shapes : dict of str to list of int
        Of the values on the way, their dimensions in the graph; a free batch is -1, and stays it.
    """
    if node.kind == "Shape" and node.inputs[0] in shapes:
        part = slice(node.attributes.get("start", 0), node.attributes.get("end"))
        constants[node.outputs[0]] = np.array(shapes[node.inputs[0]], np.int64)[part]
        return True
    if any(name and name not in constants for name in node.inputs) or node.kind not in FOLDERS:
        return False
    inputs = [constants[name] for name in node.inputs if name]
    if sum(array.size for array in inputs) > MAX_ELEMENTS and node.kind not in ("Identity", "Transpose"):
        raise ModelFileError("expected it to be computed before the export, got more than a shape")
    constants[node.outputs[0]] = FOLDERS[node.kind](node, inputs)
    return True


def _constant(node: Node, inputs: list[NDArray]) -> NDArray:
    (value,) = node.attributes.values()
    if isinstance(value, (bytes, list)) and not all(isinstance(n, (int, float)) for n in value):
        raise ModelFileError("expected numbers, got text")
    return np.asarray(value)


def _axes(node: Node, inputs: list[NDArray]) -> tuple[int, ...]:
    axes = inputs[1] if len(inputs) > 1 else node.attributes["axes"]
    return tuple(int(axis) for axis in np.ravel(axes))


def _cast(node: Node, inputs: list[NDArray]) -> NDArray:
    dtypes = {1: np.float32, 6: np.int32, 7: np.int64, 11: np.float64}  # of TensorProto.DataType
    return inputs[0].astype(dtypes[node.attributes["to"]])


def _slice(node: Node, inputs: list[NDArray]) -> NDArray:
    array, (starts, ends) = inputs[0], inputs[1:3]
    axes = inputs[3] if len(inputs) > 3 else np.arange(len(starts))
    steps = inputs[4] if len(inputs) > 4 else np.ones(len(starts), np.int64)
    parts = [slice(None)] * array.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        parts[axis] = slice(int(start), None if end < -array.shape[axis] else int(end), int(step))
    return array[tuple(parts)]


def _constant_of_shape(node: Node, inputs: list[NDArray]) -> NDArray:
    shape = tuple(int(n) for n in inputs[0])
    if len(shape) > 8 or not 0 <= math.prod(map(abs, shape)) <= MAX_ELEMENTS:
        raise ModelFileError(f"expected at most {MAX_ELEMENTS} numbers, got shape {shape[:8]}")
    return np.full(shape, np.ravel(node.attributes.get("value", 0))[0])


FOLDERS: dict[str, Callable[[Node, list[NDArray]], NDArray]] = {
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Identity": lambda node, inputs: inputs[0],
    "Cast": _cast,
    "Concat": lambda node, inputs: np.concatenate(inputs, node.attributes["axis"]),
    "Gather": lambda node, inputs: np.take(inputs[0], inputs[1].astype(np.int64), node.attributes.get("axis", 0)),
    "Reshape": lambda node, inputs: inputs[0].reshape(inputs[1]),
    "Slice": _slice,
    "Squeeze": lambda node, inputs: np.squeeze(inputs[0], _axes(node, inputs)),
    "Unsqueeze": lambda node, inputs: np.expand_dims(inputs[0], _axes(node, inputs)),
    "Transpose": lambda node, inputs: inputs[0].transpose(node.attributes.get("perm")),
}
