"""An ONNX graph that is a chain as a model: one walk along the nodes, which are the layers.

A graph may move its axes at will; a model here has the channels last. So the walk keeps, for the value that it has
come to, where each axis of the graph's is among ours, and a Transpose changes that alone.
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from ...checks import Shape
from ...io.native import ModelFileError
from ...layers import (
    BatchNorm, Conv2D, Dense, DepthwiseConv2D, Flatten, GlobalAvgPool2D, GlobalMaxPool2D, Layer, Reshape,
)
from .constants import fold
from .curves import read_curve
from .file import PRODUCER, Content, Node

MAX_LAYERS = 1000
CHANNELS_FIRST = (0, 3, 1, 2)
IMAGE_NODES = {"Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization"}
FLATTENING = ("Flatten", "Reshape")
COLOURS = (1, 3, 4)  # numbers of channels that an image has


class Walk:
    """The way along a chain, and what was met.

    Parameters
    ----------
    content : Content
        Of the file.
    readers : dict of str to callable
        For each operator what appends it to the walk: (walk, node) -> None.

    Attributes
    ----------
    layers, stored : list
        Layers, built, and their arrays by our names.
    shapes : dict of str to list of int
        Dimensions in the graph of the values on the way.
    input_shape, shape : tuple of int
        Of one input, and of the value that was come to, as they are here.
    value : str
        The graph's name of it.
    layout : tuple of int
        For each axis of it in the graph, which axis that is here; the batch is the first in both.
    order : ndarray of int, or None
        Of a vector: for each place in the graph which place that is here, if they differ.

    Raises
    ------
    ModelFileError
        The graph is no chain, or has an operator that no layer here computes; the message names the node.
    """

    def __init__(self, content: Content, readers: dict[str, Callable[[Walk, Node], None]]) -> None:
        self.content, self.readers = content, readers
        self.constants = dict(content.constants)
        self.shapes: dict[str, list[int]] = {}
        self.nodes = content.nodes
        self.layers: list[Layer] = []
        self.stored: list[dict[str, NDArray]] = []
        self.value = content.input
        self.order: NDArray | None = None
        self.position = 0  # of the next node
        self.uses: dict[str, int] = {content.output: 1}  # how many read a value, but for its shape
        for node in self.nodes:
            if node.kind != "Shape":
                for name in set(node.inputs):
                    self.uses[name] = self.uses.get(name, 0) + 1
        dimensions = tuple(content.dimensions[1:])
        self.aside = self._fold_first()
        ours = content.producer == PRODUCER and len(dimensions) == 3  # there is nothing to guess
        self.layout = CHANNELS_FIRST if ours else self.layout_of(dimensions)
        self.shape: Shape = self.our_shape(dimensions)
        self.input_shape = self.shape

    def _fold_first(self) -> set[str]:
        """Compute what needs no value on the way but the input; return what any node makes of the file's numbers alone.

        Sizes and zeros are known then, and what computes them, a Transpose perhaps, is not taken for a layer.
        """
        aside = set(self.constants)
        shapes = {self.content.input: list(self.content.dimensions)}
        for node in self.nodes:
            if node.kind == "Shape" or all(name in aside for name in node.inputs if name):
                aside.update(node.outputs)
            with contextlib.suppress(ValueError, TypeError, KeyError, IndexError, AttributeError):  # told on the way
                fold(node, self.constants, shapes)
        return aside

    def go(self) -> None:
        """Walk to the end of the graph."""
        while self.position < len(self.nodes):
            node = self.nodes[self.position]
            self.shapes[self.value] = self.dimensions
            try:
                if self.uses.get(self.value, 0) > 1 and self.value in node.inputs and node.kind != "Shape":
                    self.position, self.value = read_curve(self)
                    continue
                self.position += 1
                if fold(node, self.constants, self.shapes):
                    continue
                self._check(node)
                self.readers[node.kind](self, node)
                self.value = node.outputs[0]
            except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
                raise ModelFileError(f"node {node.name or node.outputs[:1]!r} ({node.kind}): {error}") from None
        self._check_end()

    def _check(self, node: Node) -> None:
        """Raise if the node does not go on from the value that was come to."""
        if node.kind not in self.readers:
            raise ModelFileError(f"numpycnn has no such layer; expected one of {', '.join(self.readers)}")
        if self.value not in node.inputs:
            raise ModelFileError(f"expected a chain, whose nodes read the one before, {self.value!r}; got a branch")
        others = [name for name in node.outputs[1:] if name and self.uses.get(name)]
        if others:
            raise ModelFileError(f"expected one output that is used, got {node.outputs[:3]}")

    def _check_end(self) -> None:
        if self.value != self.content.output:
            raise ModelFileError(f"expected the chain to end in the output {self.content.output!r}, got {self.value!r}")
        if self.order is not None or self.layout not in (tuple(range(len(self.layout))), CHANNELS_FIRST):
            raise ModelFileError("expected an output whose axes are in the order in which they are here; the last "
                                 "Transpose or Flatten moves them: export without it")  # fmt: skip
        if not self.layers:
            raise ModelFileError("expected at least one operator, got none")

    @property
    def dimensions(self) -> list[int]:
        """Of the value in the graph, with the batch as in the input: -1 if it is free."""
        return [self.content.dimensions[0], *(self.shape[axis - 1] for axis in self.layout[1:])]

    def our_shape(self, dimensions: Shape) -> Shape:
        """Return the shape here of a value with these dimensions, without the batch, in the present layout."""
        shape = [0] * len(dimensions)
        for axis, size in zip(self.layout[1:], dimensions):
            shape[axis - 1] = size
        return tuple(shape)

    def layout_of(self, dimensions: Shape) -> tuple[int, ...]:
        """Return whether a value, read by the nodes to come, has its channels first: the first of them tells."""
        as_it_is = tuple(range(len(dimensions) + 1))
        if len(dimensions) != 3:
            return as_it_is
        to_come = [node for node in self.nodes[self.position :] if not self.aside.issuperset(node.outputs)]
        kinds = [node.kind for node in to_come]
        for node in to_come:
            axes = [axis % 4 for axis in np.ravel(node.attributes.get("axes", node.attributes.get("axis", -1)))]
            around = self._pads(node) if node.kind == "Pad" else [1] * 8
            if node.kind in IMAGE_NODES or node.attributes.get("perm") == [0, 2, 3, 1] or around[1] == around[5] == 0:
                return CHANNELS_FIRST
            if node.kind == "Transpose" or node.kind == "LayerNormalization" and axes != [1]:  # 1: all of the image
                return as_it_is
            if node.kind == "Softmax" or node.kind.startswith("Reduce"):
                return CHANNELS_FIRST if axes in ([1], [2, 3]) else as_it_is
            if node.kind in FLATTENING:
                looks_last = dimensions[2] in COLOURS and dimensions[0] not in COLOURS
                looks_last |= self.content.producer == "tf2onnx"  # TensorFlow's and Keras's models
                weighed = {"Gemm", "MatMul"} & set(kinds)
                return CHANNELS_FIRST if weighed and not looks_last else as_it_is
        return as_it_is

    def _pads(self, node: Node) -> list[int]:
        """Return the zeros of a Pad of images, or ones if they are not known yet."""
        pads = node.attributes.get("pads", self.constants.get("".join(node.inputs[1:2]), ()))
        return [int(n) for n in pads] if len(pads) == 8 else [1] * 8

    # What the operators' readers use

    def add(self, layer: Layer, **arrays: NDArray) -> None:
        """Append a layer with its arrays by our names."""
        if len(self.layers) >= MAX_LAYERS:
            raise ModelFileError(f"expected at most {MAX_LAYERS} layers, got more")
        stored = {name: np.asarray(array, self.content.dtype) for name, array in arrays.items()}
        self.shape = layer.build(self.shape, np.random.default_rng(0), self.content.dtype, dict(stored))
        self.layers.append(layer)
        self.stored.append(stored)

    def pop(self) -> dict[str, NDArray]:
        """Take back the latest layer; return its arrays."""
        self.shape = self.layers.pop().input_shape
        return self.stored.pop()

    def last(self, *classes: type[Layer]) -> Any:
        """Return the latest layer if it is of one of these classes, else None."""
        return self.layers[-1] if self.layers and type(self.layers[-1]) in classes else None

    def linear_without_bias(self) -> Any:
        """Return the latest layer if it is one that a bias belongs to, and has none yet."""
        layer = self.last(Conv2D, Dense, DepthwiseConv2D)
        return layer if layer is not None and not layer.use_bias and self.order is None else None

    def option(self, node: Node, name: str, place: int, default: Any = None) -> Any:
        """Return what older operators have as an attribute, newer ones as an input at this place."""
        if len(node.inputs) > place and node.inputs[place]:
            return self.constant(node, place)
        return node.attributes.get(name, default)

    def constant(self, node: Node, place: int) -> NDArray:
        """Return the input at this place, which has to be in the file."""
        name = node.inputs[place]
        if name not in self.constants:
            raise ModelFileError(f"expected numbers from the file as input {place}, got the value {name!r}")
        return self.constants[name]

    def refuse(self, node: Node, **allowed: Any) -> None:
        """Raise if an attribute is there with another value than this one."""
        for name, value in allowed.items():
            found = node.attributes.get(name, value)
            if found != value:
                raise ModelFileError(f"expected {name} {value!r}, got {found!r}")

    def require_image(self, *, channels_first: bool = True) -> None:
        """Raise if the value is no image whose channels are where the operator looks for them."""
        if len(self.shape) != 3 or (channels_first and self.layout != CHANNELS_FIRST):
            raise ModelFileError(f"expected images (N, C, H, W), got dimensions {self.dimensions}")

    def channels(self, array: NDArray) -> NDArray:
        """Return one number a channel, in the order in which we have them."""
        if array.shape != self.shape[-1:]:
            raise ModelFileError(f"expected {self.shape[-1]} numbers, one a channel, got shape {array.shape}")
        return self.ordered(array)

    def ordered(self, rows: NDArray) -> NDArray:
        """Return what lies along a vector of the graph's, along ours."""
        if self.order is None:
            return rows
        ours = np.empty_like(rows)
        ours[self.order] = rows
        return ours

    def flatten(self) -> None:
        """Make vectors of the value."""
        if len(self.shape) == 1:
            return
        before = self.layers[-2:]
        if self.last(Reshape) and isinstance(before[0], (GlobalAvgPool2D, GlobalMaxPool2D)):
            self.pop()  # which stood for the graph's 1 x 1 pixels
        else:
            places = np.arange(np.prod(self.shape)).reshape(self.shape)
            order = places.transpose([axis - 1 for axis in self.layout[1:]]).reshape(-1)
            self.order = None if np.all(order[1:] > order[:-1]) else order
            self.add(Flatten())
        self.layout = (0, 1)

    def reshape(self, dimensions: Shape) -> None:
        """Give the value other dimensions in the graph, without the batch axis."""
        if list(dimensions) == self.dimensions[1:]:
            return
        if len(dimensions) == 1:
            self.flatten()
            return
        if len(self.shape) == len(dimensions) == 3 and 1 in (self.shape[2], self.shape[0] * self.shape[1]):
            for moved in ((0, 1, 2, 3), CHANNELS_FIRST):  # one channel, or one pixel: as good as a Transpose
                if tuple(self.shape[axis - 1] for axis in moved[1:]) == dimensions:
                    self.layout = moved
                    return
        if self.order is not None or self.layout != tuple(range(len(self.layout))):
            raise ModelFileError("expected a Reshape from vectors or into vectors, got one of pixels and channels")
        layout = self.layout_of(dimensions)
        if layout == CHANNELS_FIRST and dimensions[0] > 1 and dimensions[1] * dimensions[2] > 1:
            raise ModelFileError("expected channels of one pixel or one channel, got a Reshape into (C, H, W)")
        self.layout = layout
        self.add(Reshape(self.our_shape(dimensions)))

    def affine(self, scale: NDArray | None = None, offset: NDArray | None = None) -> None:
        """Append one number a channel as a factor, or as a summand."""
        linear, norm = self.linear_without_bias(), self.last(BatchNorm)
        if offset is not None and linear is not None:
            arrays = self.pop()
            self.add(type(linear)(**{**linear.get_config(), "use_bias": True}), **arrays, bias=offset)
        elif offset is not None and norm is not None and not norm.center:
            arrays = self.pop()
            self.add(BatchNorm(norm.momentum, norm.epsilon, True, norm.scale), **arrays, beta=offset)
        else:  # normalised by a mean of 0 and a variance of 1, epsilon included
            zeros = np.zeros(self.shape[-1])
            layer = BatchNorm(center=offset is not None, scale=scale is not None)
            own = {"gamma": scale} if scale is not None else {"beta": offset}
            self.add(layer, **own, moving_mean=zeros, moving_variance=zeros + (1 - layer.epsilon))  # type: ignore
