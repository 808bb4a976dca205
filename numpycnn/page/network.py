"""What the page needs to know of a model, as text that JavaScript reads: its layers and weights, its inputs, its classes.

Each layer has a row in a table: which function of scripts/network.js computes it, and what that function is told. Only
what the page can compute exactly as Python does stands there; another layer is refused by name.
"""

from __future__ import annotations

import base64
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from .. import layers
from ..checks import check_instance
from ..layers.base import Layer
from ..layers.window import Window
from ..losses import SoftmaxCrossEntropy
from ..model import Sequential

DIGIT = (28, 28)  # the size of MNIST's images, and of what `prepare_digit` makes


def describe(model: Sequential) -> dict[str, Any]:
    """Return the model as numbers, texts, lists and dicts.

    Raises
    ------
    TypeError, RuntimeError, ValueError
        It is no `Sequential`, is not built, has a layer that the page cannot compute, is no classifier of pictures, or
        has weights that are not finite.
    """
    check_instance(model, Sequential, "model", "a Sequential")
    model._require_built("write_page")
    with model.lock:
        described = [_layer(layer) for layer in model.layers]
    if len(model.output_shape) != 1:
        raise ValueError(f"model: expected one output a class, got outputs of shape {model.output_shape}")
    classes = model.output_shape[0]
    return {
        "input": _input(model),
        "classes": list(_format(model, "class_names") or map(str, range(classes))),
        "softmax": _has_softmax(model),
        "layers": described,
    }


def _format(model: Sequential, name: str) -> Any:
    """Return what the model knows of its inputs, None where it does not."""
    return getattr(getattr(model, "input_format", None), name, None)


def _input(model: Sequential) -> dict[str, Any]:
    shape = (*DIGIT, 1) if model.input_shape == (DIGIT[0] * DIGIT[1],) else model.input_shape
    if len(shape) not in (2, 3) or shape[2:] not in ((), (1,), (3,)):
        raise ValueError(f"model: expected inputs (H, W), (H, W, 1) or (H, W, 3), got {model.input_shape}")
    height, width, channels = *shape[:2], *(shape[2:] or (1,))
    looks_like_digits = (height, width, channels) == (*DIGIT, 1)
    return {
        "height": height, "width": width, "channels": channels,
        "prepare": _format(model, "prepare") or ("digit" if looks_like_digits else "resize"),
        "scale": _format(model, "scale") or 1 / 255,
    }


def _has_softmax(model: Sequential) -> bool:
    """Whether the page has to make probabilities of the last layer's outputs."""
    if isinstance(model.loss, SoftmaxCrossEntropy):
        return True
    if type(model.layers[-1]) is layers.Softmax:
        return False
    if model.loss is None:
        return True
    raise ValueError(
        f"model: expected a classifier, with SoftmaxCrossEntropy or a Softmax at the end, got one with {model.loss!r}"
    )


# The layers. A function returns the name of a function in scripts/network.js and what it is told besides the shapes.

Told = tuple[str, dict[str, Any]]


def _convolution(layer: Any) -> Told:
    """Conv2D, and DepthwiseConv2D as one with a group a channel: (kh, kw, C, m) to (kh, kw, 1, C * m)."""
    weight = layer.parameters[0].value
    groups = getattr(layer, "groups", layer.input_shape[2])
    weight = weight.reshape(*weight.shape[:2], layer.input_shape[2] // groups, -1)
    told = {"window": _window(layer.window), "groups": groups, "weight": _weights(weight, layer), "bias": _bias(layer)}
    return "convolution", told


def _dense(layer: Any) -> Told:
    return "dense", {"weight": _weights(layer.parameters[0].value, layer), "bias": _bias(layer)}


def _batch_norm(layer: Any) -> Told:
    values = {p.name: p.value for p in layer.parameters}
    mean = np.asarray(layer.moving_mean, np.float64)
    scale = values.get("gamma", 1.0) / np.sqrt(np.asarray(layer.moving_variance, np.float64) + layer.epsilon)
    offset = values.get("beta", np.zeros_like(mean))
    return "batchNorm", {name: _numbers(array, layer) for name, array in zip(("mean", "scale", "offset"),
                                                                             (mean, scale, offset))}


def _pooling(name: str) -> Callable[[Any], Told]:
    return lambda layer: (name, {"window": _window(layer.window)})


def _global_pooling(name: str) -> Callable[[Any], Told]:
    def told(layer: Any) -> Told:
        size = layer.input_shape[:2]
        window = Window(size, (1, 1), (1, 1), (0, 0), (1, 1))
        return name, {"window": _window(window), "output": [1, 1, *layer.output_shape]}
    return told


def _zero_pad(layer: Any) -> Told:
    (top, _), (left, _) = layer.sides
    return "zeroPad", {"window": _window(Window((1, 1), (1, 1), (1, 1), (top, left), layer.output_shape[:2]))}


def _plain(name: str, *arguments: str, **words: str) -> Callable[[Any], Told]:
    """A function of its input and of some arguments of the layer."""
    return lambda layer: (name, {**{a: getattr(layer, a) for a in arguments},
                                 **{word: getattr(layer, a) for word, a in words.items()}})


LAYERS: dict[type[Layer], Callable[[Any], Told]] = {
    layers.Conv2D: _convolution, layers.DepthwiseConv2D: _convolution, layers.Dense: _dense,
    layers.BatchNorm: _batch_norm,
    layers.MaxPool2D: _pooling("maxPool"), layers.AvgPool2D: _pooling("averagePool"),
    layers.GlobalMaxPool2D: _global_pooling("maxPool"), layers.GlobalAvgPool2D: _global_pooling("averagePool"),
    layers.ReLU: _plain("relu"), layers.LeakyReLU: _plain("leakyRelu", slope="negative_slope"),
    layers.ELU: _plain("elu", "alpha"), layers.SiLU: _plain("silu"), layers.Sigmoid: _plain("sigmoid"),
    layers.Tanh: _plain("tanh"), layers.Softmax: _plain("softmax"), layers.Rescale: _plain("rescale", "scale", "offset"),
    layers.ZeroPad2D: _zero_pad, layers.Flatten: _plain("same"), layers.Reshape: _plain("same"),
    layers.Dropout: _plain("same"), layers.SpatialDropout2D: _plain("same"), layers.GaussianNoise: _plain("same"),
}


def _layer(layer: Layer) -> dict[str, Any]:
    if type(layer) not in LAYERS:  # not isinstance: a subclass may compute something else
        known = ", ".join(cls.__name__ for cls in LAYERS)
        raise ValueError(f"model: the page cannot compute the layer {layer!r}; it knows {known}")
    does, told = LAYERS[type(layer)](layer)
    shapes = {"input": list(layer.input_shape), "output": list(layer.output_shape)}
    return {"does": does, "name": type(layer).__name__, "shape": list(layer.output_shape), **shapes, **told}


def _window(window: Window) -> dict[str, list[int]]:
    return {name: list(getattr(window, name)) for name in ("kernel", "strides", "dilation", "before")}


def _bias(layer: Any) -> list[float]:
    units = layer.output_shape[-1]
    return _numbers(layer.parameters[-1].value if layer.use_bias else np.zeros(units), layer)


def _numbers(array: NDArray, owner: Layer) -> list[float]:
    numbers = np.asarray(array, np.float32)
    _check_finite(numbers, owner)
    return [float(str(number)) for number in numbers]  # as few digits as tell this float32 from its neighbours


def _weights(array: NDArray, owner: Layer) -> str:
    """Return the weights, four letters of base64 each: float32 without the lowest 8 of its 32 bits.

    That is exact to 1 in 130,000, and takes a quarter less room than all of the bits.
    """
    bits = np.ascontiguousarray(array, np.float32).reshape(-1).view(np.uint32)
    near = bits.astype(np.uint64) + 0x80 >> 8 << 8  # to the nearest one
    _check_finite(near.astype(np.uint32).view(np.float32), owner)
    return base64.b64encode(near.astype("<u4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()).decode("ascii")


def _check_finite(numbers: NDArray, owner: Layer) -> None:
    if not np.isfinite(numbers).all():
        raise ValueError(f"model: expected finite weights, got NaN, infinity or larger numbers than float32 has in {owner!r}")
