"""What a model is in systems whose images are (N, C, H, W): its weights in their layout, layer by layer.

Filters (kh, kw, C, F) become (F, C, kh, kw), dense weights (in, out) become (out, in). A Flatten gives the pixels there
in the order (C, H, W): the layer that reads them gets its weights in that order, and nothing is moved at run time.
"""

from __future__ import annotations

import math
from typing import Any, Mapping, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks import Shape, check_instance
from ..layers import (
    BatchNorm, Conv2D, Dense, DepthwiseConv2D, Dropout, Flatten, GaussianNoise, Layer, LayerNorm, Rescale,
    SeparableConv2D, Softmax,
)
from ..layers.activations import Activation
from ..layers.window import Window
from ..model import Sequential

# Layers that take the numbers of a vector in any order, if their parameters are in that order.
ANY_ORDER = (Activation, BatchNorm, Dropout, Flatten, GaussianNoise, LayerNorm, Rescale, Softmax)
Sides = tuple[int, int, int, int]  # top, left, bottom, right


class Placed(NamedTuple):
    """One layer of a model among images with the channels first.

    Attributes
    ----------
    layer : Layer
    image : tuple of int, or None
        (H, W, C) of the image whose pixels, in the order (C, H, W), are the vector that the layer reads, or makes if
        it is a Flatten. None: a vector in our order, or no vector.
    """

    layer: Layer
    image: Shape | None

    def arrays(self) -> dict[str, NDArray]:
        """Return parameters, and a BatchNorm's statistics, by our names and in the others' layout."""
        arrays = {p.name: p.value for p in self.layer.parameters}
        if isinstance(self.layer, BatchNorm):
            arrays.update(moving_mean=self.layer.moving_mean, moving_variance=self.layer.moving_variance)
        return {name: np.ascontiguousarray(self.to_others(name, array)) for name, array in arrays.items()}

    def to_others(self, name: str, array: NDArray) -> NDArray:
        """Bring one of the layer's arrays into the others' layout."""
        if name == "bias":
            return array
        if isinstance(self.layer, Conv2D) or name == "pointwise_weight":
            return array.transpose(3, 2, 0, 1)  # (F, C, kh, kw)
        if isinstance(self.layer, (DepthwiseConv2D, SeparableConv2D)):
            height, width, channels, multiplier = array.shape
            return array.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
        rows = _rows(array, self.image)
        return rows.T if isinstance(self.layer, Dense) else rows  # (units, inputs)

    def from_others(self, name: str, array: NDArray, shape: Shape) -> NDArray:
        """Undo ``to_others``; `shape` is that of our array, and the elements must be as many."""
        places = self.to_others(name, np.arange(math.prod(shape)).reshape(shape))
        if places.shape != array.shape:
            raise ValueError(f"{self.layer!r}: expected {name} of shape {places.shape}, got {array.shape}")
        ours = np.empty(math.prod(shape), array.dtype)
        ours[places.reshape(-1)] = array.reshape(-1)
        return ours.reshape(shape)

    def from_images_first(self, y: NDArray) -> NDArray:
        """Return the layer's output, as it is with the channels first, as it is here."""
        if len(self.layer.output_shape) == 3:
            return y.transpose(0, 2, 3, 1)
        if self.image is None or isinstance(self.layer, Dense):
            return y
        height, width, channels = self.image
        return y.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(y.shape)


def check_model(model: Sequential, function: str) -> Sequential:
    """Return the model; raise TypeError or RuntimeError if it is none, or not built."""
    check_instance(model, Sequential, "model", "a Sequential")
    model._require_built(function)
    return model


def writer(table: Mapping[type, Any], layer: Layer, system: str) -> Any:
    """Return the function that writes the layer; raise TypeError if there is none, as for a layer of one's own."""
    if type(layer) not in table:
        raise TypeError(f"{layer!r}: expected a layer of numpycnn's own, {system} has no other; save to a .npz file")
    return table[type(layer)]


def channels_first(model: Sequential) -> list[Placed]:
    """Return the model's layers with what they read among images with the channels first."""
    placed: list[Placed] = []
    image: Shape | None = None
    for position, layer in enumerate(model.layers):
        if isinstance(layer, Flatten) and len(layer.input_shape) == 3 and _is_taken(model.layers[position + 1 :]):
            image = layer.input_shape
        placed.append(Placed(layer, image))
        if isinstance(layer, Dense):
            image = None
    return placed


def _is_taken(following: list[Layer]) -> bool:
    """Whether a vector may come in another order: a Dense takes it before its order matters."""
    first = next((layer for layer in following if not isinstance(layer, ANY_ORDER)), None)
    return isinstance(first, Dense)


def images_first(x: NDArray) -> NDArray:
    """Return images (N, H, W, C) with the channels first, (N, C, H, W); what is none as it is."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x


def _rows(array: NDArray, image: Shape | None) -> NDArray:
    """Bring the first axis, along the pixels (H, W, C), into the order (C, H, W)."""
    if image is None:
        return array
    rest = array.shape[1:]
    return np.moveaxis(array.reshape(*image, *rest), 2, 0).reshape(array.shape)  # (C * H * W, ...)


def sides(layer: Any) -> Sides:
    """Return the zeros around the images of a convolution or a pooling: top, left, bottom, right."""
    top, left = layer.window.before
    return sides_of(layer.window, layer.input_shape) if isinstance(layer.padding, str) else (top, left, top, left)


def sides_of(window: Window, image: Shape) -> Sides:
    """Return the zeros around an image (H, W, ...) that the windows read: top, left, bottom, right."""
    (top, left), (rows, columns) = window.before, window.padded(image)
    return top, left, rows - top - image[0], columns - left - image[1]
