"""ONNX's operators in our layers: one function an operator. What no layer here computes is an error that says so."""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from ...io.native import ModelFileError
from ...layers import (
    ELU, GELU, AvgPool2D, BatchNorm, Conv2D, Dense, DepthwiseConv2D, Dropout, GlobalAvgPool2D, GlobalMaxPool2D,
    LayerNorm, LeakyReLU, MaxPool2D, ReLU, Rescale, Reshape, Sigmoid, SiLU, Softmax, Tanh, ZeroPad2D,
)
from ...layers.window import Window
from ..channels_first import sides_of
from .file import Node
from .walk import Walk

Pair = tuple[int, int]
Sides = tuple[Pair, Pair]  # (top, bottom), (left, right)


# Windows


def _pair(values: Any) -> Pair:
    if len(values) != 2:
        raise ModelFileError(f"expected two numbers, for images (N, C, H, W), got {list(values)}")
    return int(values[0]), int(values[1])


def _sides(walk: Walk, node: Node, kernel: Pair, strides: Pair, dilation: Pair = (1, 1)) -> Sides:
    """Return the zeros around the image that pads or auto_pad ask for."""
    rule = node.attributes.get("auto_pad", b"NOTSET").decode()
    if rule in ("NOTSET", "VALID"):
        top, left, bottom, right = node.attributes.get("pads", [0] * 4) if rule == "NOTSET" else [0] * 4
        return (top, bottom), (left, right)
    if rule not in ("SAME_UPPER", "SAME_LOWER"):
        raise ModelFileError(f"expected auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER, got {rule}")
    rows, columns = _same(walk, kernel, strides, dilation)
    return (rows, columns) if rule == "SAME_UPPER" else (rows[::-1], columns[::-1])


def _same(walk: Walk, kernel: Pair, strides: Pair, dilation: Pair) -> Sides:
    """Return the zeros of our padding "same"; where their number is odd, there is one more after the image."""
    top, left, bottom, right = sides_of(Window.on(walk.shape, kernel, strides, "same", dilation), walk.shape)
    return (top, bottom), (left, right)


def _padding(walk: Walk, sides: Sides, kernel: Pair, strides: Pair, dilation: Pair = (1, 1)) -> Any:
    """Return our word for these zeros: "valid", "same" or a pair; None if a layer of zeros has to say it."""
    if sides == ((0, 0), (0, 0)):
        return "valid"
    if sides == _same(walk, kernel, strides, dilation):
        return "same"
    (top, bottom), (left, right) = sides
    return (top, left) if top == bottom and left == right else None


def _conv(walk: Walk, node: Node) -> None:
    walk.require_image()
    weight = walk.constant(node, 1)
    if weight.ndim != 4:
        raise ModelFileError(f"expected filters (F, C, kh, kw), got shape {weight.shape}")
    filters, kernel, groups = len(weight), _pair(weight.shape[2:]), node.attributes.get("group", 1)
    walk.refuse(node, kernel_shape=list(kernel))
    strides, dilation = (_pair(node.attributes.get(name, (1, 1))) for name in ("strides", "dilations"))
    sides = _sides(walk, node, kernel, strides, dilation)
    padding = _padding(walk, sides, kernel, strides, dilation)
    arrays = {"bias": walk.constant(node, 2)} if len(node.inputs) > 2 and node.inputs[2] else {}
    if padding is None:
        walk.add(ZeroPad2D(sides))
        padding = "valid"
    options: dict[str, Any] = {"use_bias": bool(arrays), "dilation_rate": dilation}
    channels = walk.shape[2]
    if 1 < groups == channels and filters % channels == 0 and weight.shape[1] == 1:  # depthwise
        multiplier = filters // channels
        weight = weight.reshape(channels, multiplier, *kernel).transpose(2, 3, 0, 1)  # (kh, kw, C, m)
        walk.add(DepthwiseConv2D(kernel, strides, padding, multiplier, **options), weight=weight, **arrays)
    else:
        layer = Conv2D(filters, kernel, strides, padding, groups=groups, **options)
        walk.add(layer, weight=weight.transpose(2, 3, 1, 0), **arrays)  # (kh, kw, C // groups, F)


def _pool(walk: Walk, node: Node) -> None:
    walk.require_image()
    walk.refuse(node, dilations=[1, 1])
    average = node.kind == "AveragePool"
    kernel = _pair(node.attributes["kernel_shape"])
    strides = _pair(node.attributes.get("strides", (1, 1)))
    sides = _sides(walk, node, kernel, strides)
    if node.attributes.get("ceil_mode", 0):
        sides = _with_part_windows(walk, sides, kernel, strides)
    padding = _padding(walk, sides, kernel, strides)
    if average and padding != "valid" and node.attributes.get("count_include_pad", 0):
        walk.refuse(node, ceil_mode=0)
        walk.add(ZeroPad2D(sides))
        padding = "valid"
    if padding is None:
        raise ModelFileError(f"expected equal zeros at opposite sides, or those of \"same\", got {sides}")
    walk.add((AvgPool2D if average else MaxPool2D)(kernel, strides, padding))


def _with_part_windows(walk: Walk, sides: Sides, kernel: Pair, strides: Pair) -> Sides:
    """Return the sides with the zeros that the windows need that ceil_mode lets begin inside and end outside."""
    wider = []
    for size, (before, after), k, stride in zip(walk.shape, sides, kernel, strides):
        count = -(-(size + before + after - k) // stride) + 1
        if (count - 1) * stride >= size + before:  # it would begin in the zeros after the image
            count -= 1
        wider.append((before, max(after, (count - 1) * stride + k - size - before)))
    return wider[0], wider[1]


def _global_pool(walk: Walk, node: Node) -> None:
    walk.require_image(channels_first=not node.kind.startswith("Reduce"))
    walk.add(GlobalMaxPool2D() if "Max" in node.kind else GlobalAvgPool2D())
    walk.add(Reshape((1, 1, *walk.shape)))  # ONNX keeps the axes of the one pixel


def _reduce(walk: Walk, node: Node) -> None:
    axes = [int(axis) for axis in np.ravel(walk.option(node, "axes", 1, []))]
    if len(walk.shape) != 3 or sorted(walk.layout[axis] for axis in axes) != [1, 2]:
        raise ModelFileError(f"expected the reduction of an image over height and width, got axes {axes[:8]}")
    _global_pool(walk, node)
    if not node.attributes.get("keepdims", 1):
        walk.flatten()


def _pad(walk: Walk, node: Node) -> None:
    walk.refuse(node, mode=b"constant")
    if len(walk.shape) != 3 or np.any(walk.option(node, "value", 2, 0.0)):
        raise ModelFileError("expected zeros around images")
    pads = [int(n) for n in walk.option(node, "pads", 1)]
    axes = list(range(4)) if len(node.inputs) < 4 else [int(a) % 4 for a in walk.constant(node, 3)]
    around = {walk.layout[a]: (pads[i], pads[i + len(axes)]) for i, a in enumerate(axes)}
    if any(any(around.get(axis, (0, 0))) for axis in (0, 3)):
        raise ModelFileError(f"expected zeros above, below, left and right of images alone, got {pads}")
    walk.add(ZeroPad2D((around.get(1, (0, 0)), around.get(2, (0, 0)))))


# Weighted sums


def _gemm(walk: Walk, node: Node) -> None:
    walk.refuse(node, transA=0)
    weight = walk.constant(node, 1) * node.attributes.get("alpha", 1.0)
    bias = None
    if len(node.inputs) > 2 and node.inputs[2]:
        bias = walk.constant(node, 2) * node.attributes.get("beta", 1.0)
    _dense(walk, weight.T if node.attributes.get("transB", 0) else weight, bias)


def _dense(walk: Walk, weight: NDArray, bias: NDArray | None) -> None:
    if weight.ndim != 2 or len(walk.shape) != 1:
        raise ModelFileError(f"expected vectors and a matrix, got {walk.dimensions} and {weight.shape}")
    units = weight.shape[1]
    if len(weight) != walk.shape[0]:
        raise ModelFileError(f"expected a matrix with {walk.shape[0]} rows, got {weight.shape}")
    arrays = {"weight": walk.ordered(weight)}
    if bias is not None:
        if bias.size != 1 and not bias.size == units == bias.shape[-1]:
            raise ModelFileError(f"expected a bias of {units} numbers, got shape {bias.shape}")
        arrays["bias"] = np.broadcast_to(bias.reshape(-1), (units,))
    walk.order = None
    walk.add(Dense(units, use_bias=bias is not None), **arrays)


# Numbers for all elements, or one a channel


def _arithmetic(walk: Walk, node: Node) -> None:
    """Mul, Add, Sub or Div with what the file holds: a bias, a Rescale, or a BatchNorm that was computed before."""
    place = 1 - node.inputs.index(walk.value)
    number = walk.constant(node, place)
    if node.kind == "Div":
        if place == 0:
            raise ModelFileError("expected a division by a number, got one of a number")
        number = 1 / number.astype(np.float64)
    if node.kind == "Sub" and place == 1:
        number = -number
    if node.kind == "Sub" and place == 0:
        walk.add(Rescale(-1.0))
    summand = node.kind in ("Add", "Sub")
    if number.size == 1 and not (summand and walk.linear_without_bias()):
        _rescale(walk, float(number.reshape(-1)[0]), summand)
        return
    per_channel = _per_channel(walk, number)
    walk.affine(offset=per_channel) if summand else walk.affine(scale=per_channel)


def _rescale(walk: Walk, number: float, summand: bool) -> None:
    before = walk.last(Rescale)
    if summand and before is not None and before.offset == 0:
        walk.pop()
        walk.add(Rescale(before.scale, number))
    else:
        walk.add(Rescale(1.0, number) if summand else Rescale(number))


def _per_channel(walk: Walk, number: NDArray) -> NDArray:
    """Return one number for each of our channels from an array that the graph spreads over the value."""
    if number.ndim <= len(walk.layout):
        shape = (1,) * (len(walk.layout) - number.ndim) + number.shape
        channel = walk.layout.index(len(walk.shape))
        if all(n == 1 for axis, n in enumerate(shape) if axis != channel):
            return walk.channels(np.broadcast_to(number.reshape(-1), walk.shape[-1:]))
    raise ModelFileError(f"expected one number, or one a channel, got shape {number.shape} for {walk.dimensions}")


def _batch_norm(walk: Walk, node: Node) -> None:
    walk.refuse(node, training_mode=0, spatial=1)
    if walk.layout[1] != len(walk.shape):
        raise ModelFileError(f"expected the channels to be the second axis, got {walk.dimensions}")
    names = "gamma", "beta", "moving_mean", "moving_variance"
    arrays = {name: walk.channels(walk.constant(node, 1 + i)) for i, name in enumerate(names)}
    momentum, epsilon = (_rounded(node.attributes.get(*pair)) for pair in (("momentum", 0.9), ("epsilon", 1e-5)))
    walk.add(BatchNorm(momentum, epsilon), **arrays)


def _layer_norm(walk: Walk, node: Node) -> None:
    """Over the last axes, which several become one for."""
    rank = len(walk.layout)
    axis = node.attributes.get("axis", -1) % rank
    if axis == 0 or sorted(walk.layout[axis:]) != list(range(axis, rank)):
        raise ModelFileError("expected a normalisation over the channels, or all of an image, not over the batch")
    shape, places = walk.shape, np.argsort(walk.layout[axis:])  # of our axes among the graph's
    if axis < rank - 1:
        walk.add(Reshape((*shape[: axis - 1], math.prod(shape[axis - 1 :]))))
    names = ["gamma", "beta"][: sum(map(bool, node.inputs[1:3]))]
    arrays = {name: walk.channels(walk.constant(node, i).transpose(places).ravel()) for i, name in enumerate(names, 1)}
    walk.add(LayerNorm(_rounded(node.attributes.get("epsilon", 1e-5)), center="beta" in arrays), **arrays)
    if axis < rank - 1:
        walk.add(Reshape(shape))


def _rounded(number: float) -> float:
    """Return what was written before it was rounded to float32: 0.001, not 0.0010000000474974513."""
    return float(str(np.float32(number)))


# Activations, and what moves or leaves the numbers as they are


def _softmax(walk: Walk, node: Node) -> None:
    new = walk.content.opset >= 13
    axis = node.attributes.get("axis", -1 if new else 1) % len(walk.layout)
    if walk.layout[axis] != len(walk.shape) or (not new and axis != len(walk.shape)):
        raise ModelFileError("expected a softmax over the channels or classes")
    walk.add(Softmax())


def _prelu(walk: Walk, node: Node) -> None:
    slopes = np.unique(walk.constant(node, 1))
    if len(slopes) != 1:
        raise ModelFileError("expected one slope for all, got several")
    walk.add(LeakyReLU(_rounded(slopes[0])))


def _swish(walk: Walk, node: Node) -> None:
    walk.refuse(node, alpha=1.0)
    walk.add(SiLU())


def _dropout(walk: Walk, node: Node) -> None:
    rate = _rounded(float(walk.option(node, "ratio", 1, 0.5)))
    if rate > 0 and np.any(walk.option(node, "training_mode", 2, False)):
        raise ModelFileError("expected a model for prediction, got dropout in training")
    walk.add(Dropout(rate))


def _flatten(walk: Walk, node: Node) -> None:
    axis = node.attributes.get("axis", 1)
    if axis not in (1, 1 - len(walk.layout)):
        raise ModelFileError(f"expected axis 1, which leaves the batch, got {axis}")
    walk.flatten()


def _reshape(walk: Walk, node: Node) -> None:
    target = [int(n) for n in walk.option(node, "shape", 1)]
    size = math.prod(walk.shape)
    if not node.attributes.get("allowzero", 0):
        target = [walk.dimensions[i] if n == 0 else n for i, n in enumerate(target)]
    batch, dimensions = target[0], target[1:]
    if -1 in dimensions:
        known = -math.prod(dimensions)
        dimensions[dimensions.index(-1)] = size // known if known > 0 and size % known == 0 else 0
    if batch not in (-1, walk.dimensions[0]) or not dimensions or math.prod(dimensions) != size:
        raise ModelFileError(f"expected a shape for {walk.dimensions} that leaves the batch, got {target}")
    walk.reshape(tuple(dimensions))


def _squeeze(walk: Walk, node: Node) -> None:
    rank = len(walk.layout)
    ones = [axis for axis, n in enumerate(walk.dimensions) if n == 1 and axis]
    axes = sorted(int(axis) % rank for axis in walk.option(node, "axes", 1, ones))
    if not set(axes) <= set(ones):
        raise ModelFileError(f"expected axes of length 1, not the batch's, got {axes}")
    walk.reshape(tuple(n for axis, n in enumerate(walk.dimensions) if axis not in (0, *axes)))


def _unsqueeze(walk: Walk, node: Node) -> None:
    dimensions, axes = walk.dimensions, walk.option(node, "axes", 1)
    for axis in sorted(int(a) % (len(dimensions) + len(axes)) for a in axes):
        dimensions.insert(axis, 1)
    if dimensions[0] != walk.content.dimensions[0]:
        raise ModelFileError("expected axes after the batch's")
    walk.reshape(tuple(dimensions[1:]))


def _transpose(walk: Walk, node: Node) -> None:
    perm = node.attributes.get("perm", list(range(len(walk.layout)))[::-1])
    if sorted(perm) != list(range(len(walk.layout))) or perm[0] != 0:
        raise ModelFileError(f"expected a permutation that leaves the batch the first axis, got {perm}")
    walk.layout = tuple(walk.layout[axis] for axis in perm)


def _cast(walk: Walk, node: Node) -> None:
    if node.attributes["to"] not in (1, 11):
        raise ModelFileError("expected a cast to float or double")


READERS: dict[str, Callable[[Walk, Node], None]] = {
    "Conv": _conv, "Gemm": _gemm, "MatMul": lambda walk, node: _dense(walk, walk.constant(node, 1), None),
    "Add": _arithmetic, "Mul": _arithmetic, "Sub": _arithmetic, "Div": _arithmetic,
    "BatchNormalization": _batch_norm, "LayerNormalization": _layer_norm,
    "Relu": lambda walk, node: walk.add(ReLU()),
    "LeakyRelu": lambda walk, node: walk.add(LeakyReLU(_rounded(node.attributes.get("alpha", 0.01)))),
    "PRelu": _prelu,
    "Elu": lambda walk, node: walk.add(ELU(_rounded(node.attributes.get("alpha", 1.0)))),
    "Gelu": lambda walk, node: walk.add(GELU(node.attributes.get("approximate", b"none") == b"tanh")),
    "Swish": _swish,
    "Sigmoid": lambda walk, node: walk.add(Sigmoid()),
    "Tanh": lambda walk, node: walk.add(Tanh()),
    "Softmax": _softmax, "MaxPool": _pool, "AveragePool": _pool, "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool, "ReduceMean": _reduce, "ReduceMax": _reduce, "Pad": _pad, "Flatten": _flatten,
    "Reshape": _reshape, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze, "Transpose": _transpose,
    "Dropout": _dropout, "Identity": lambda walk, node: None, "Cast": _cast,
}  # fmt: skip
