"""What the page needs to know of a model, as text for JavaScript: its inputs, its classes, its layers and weights.

Each layer has a row in a table: which function of scripts/network.js computes it, and what that function is told. Only
what the page computes as Python does stands there; another layer is refused by name.
"""

from __future__ import annotations

import base64
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from .. import layers
from ..checks import Shape, check_instance
from ..data.inputs import InputFormat
from ..layers.base import Layer
from ..layers.window import Window
from ..losses import SoftmaxCrossEntropy
from ..metrics.confidence import NO_DIGIT, NONE_OF_THEM, NOT_SURE, SURE, Confidence
from ..model import Sequential


def describe(model: Sequential) -> dict[str, Any]:
    """Return the model as numbers, texts, lists and dicts; the errors are those of ``write_page``."""
    check_instance(model, Sequential, "model", "a Sequential")
    model._require_built("write_page")
    form = _input_format(model)
    check_classifier(model, "model")
    height, width, channels = form.shape
    with model.lock:
        described = [_layer(layer) for layer in model.layers]
    return {
        "input": dict(height=height, width=width, channels=channels, prepare=form.prepare, scale=form.scale,
                      digits=form.has_digits(model.output_shape)),
        "classes": [form.name_of(number) for number in range(model.output_shape[0])],
        "layers": described,
        "confidence": _confidence(model.confidence, form),
    }


def check_classifier(model: Sequential, name: str) -> None:
    """Raise ValueError if it does not give the probabilities of classes."""
    if len(model.output_shape) != 1 or not isinstance(model.loss, SoftmaxCrossEntropy):
        raise ValueError(
            f"{name}: expected a model that gives the probabilities of classes, got one of outputs of shape "
            f"{model.output_shape}, with the loss {model.loss}; compile it with SoftmaxCrossEntropy"
        )


def _input_format(model: Sequential) -> InputFormat:
    if model.input_format is not None:
        return model.input_format
    if (model.input_shape, model.output_shape) != ((28, 28, 1), (10,)):
        raise ValueError(
            f"model: expected one whose input_format says what its inputs of shape {model.input_shape} are, got None; "
            "for images of 32 x 32 pixels in colour, set model.input_format = InputFormat((32, 32), grey=False)"
        )
    return InputFormat((28, 28), prepare="digit")


def _confidence(known: Confidence | None, form: InputFormat) -> dict[str, Any] | None:
    if known is None:
        return None
    none = NO_DIGIT if form.prepare == "digit" else NONE_OF_THEM
    words = {"sure": SURE, "notSure": NOT_SURE, "none": none}
    told = {"temperature": known.temperature, "threshold": min(known.threshold, 2.0), "words": words}
    if known.distance is None:
        return told
    arrays = {name: _letters(getattr(known.distance, name), known) for name in ("whitening", "means")}
    return {**told, **arrays, "limit": known.distance.limit}


# A function for each layer: which function of scripts/network.js it is, and what that one is told besides the shapes.

Told = tuple[str, dict[str, Any]]


def _convolution(layer: Any) -> Told:
    """Conv2D; or DepthwiseConv2D as one with a group a channel: (kh, kw, C, m) to (kh, kw, 1, C * m)."""
    groups = getattr(layer, "groups", layer.input_shape[2])
    told = {"window": _window(layer.window), "groups": groups, "channels": layer.input_shape[2]}
    return "convolution", {**told, **_weight_and_bias(layer)}


def _separable(layer: Any) -> Told:
    """Two convolutions: a depthwise one without a bias, and one that sees a single pixel."""
    depthwise, pointwise = (p.value for p in layer.parameters[:2])
    bias = layer.parameters[2].value if layer.use_bias else np.zeros(pointwise.shape[3])
    between = depthwise.shape[2] * depthwise.shape[3]
    pixel = Window((1, 1), (1, 1), (1, 1), (0, 0), layer.output_shape[:2])

    def part(window: Window, groups: int, ends: tuple[Shape, Shape], weight: NDArray, bias: NDArray) -> dict[str, Any]:
        return {"window": _window(window), "groups": groups, "channels": ends[0][2], "input": list(ends[0]),
                "output": list(ends[1]), "weight": _letters(weight, layer), "bias": _numbers(bias, layer)}

    middle = (*layer.output_shape[:2], between)
    return "separable", {"parts": [
        part(layer.window, layer.input_shape[2], (layer.input_shape, middle), depthwise, np.zeros(between)),
        part(pixel, 1, (middle, layer.output_shape), pointwise, bias),
    ]}  # fmt: skip


def _layer_norm(layer: Any) -> Told:
    values = {p.name: p.value for p in layer.parameters}
    channels = layer.input_shape[-1]
    scale, offset = values.get("gamma", np.ones(channels)), values.get("beta", np.zeros(channels))
    return "layerNorm", {
        "epsilon": layer.epsilon, "scale": _numbers(scale, layer), "offset": _numbers(offset, layer)
    }  # fmt: skip


def _dense(layer: Any) -> Told:
    return "dense", _weight_and_bias(layer)


def _batch_norm(layer: Any) -> Told:
    values = {p.name: p.value for p in layer.parameters}
    scale = values.get("gamma", 1.0) / np.sqrt(np.asarray(layer.moving_variance, np.float64) + layer.epsilon)
    offset = values.get("beta", np.zeros_like(scale))
    told = {"mean": layer.moving_mean, "scale": scale, "offset": offset}
    return "batchNorm", {name: _numbers(array, layer) for name, array in told.items()}


def _pooling(name: str) -> Callable[[Any], Told]:
    def told(layer: Any) -> Told:
        if hasattr(layer, "window"):
            return name, {"window": _window(layer.window)}
        whole = Window(layer.input_shape[:2], (1, 1), (1, 1), (0, 0), (1, 1))  # global: one window, the image
        return name, {"window": _window(whole), "output": [1, 1, *layer.output_shape]}
    return told


def _zero_pad(layer: Any) -> Told:
    (top, _), (left, _) = layer.sides
    return "zeroPad", {"window": _window(Window((1, 1), (1, 1), (1, 1), (top, left), layer.output_shape[:2]))}


def _plain(name: str, **words: str) -> Callable[[Any], Told]:
    """A function of its input, and of some of the layer's arguments."""
    return lambda layer: (name, {word: getattr(layer, argument) for word, argument in words.items()})


LAYERS: dict[type[Layer], Callable[[Any], Told]] = {
    layers.Conv2D: _convolution, layers.DepthwiseConv2D: _convolution, layers.SeparableConv2D: _separable,
    layers.Dense: _dense, layers.BatchNorm: _batch_norm, layers.LayerNorm: _layer_norm, layers.ZeroPad2D: _zero_pad,
    layers.MaxPool2D: _pooling("maxPool"), layers.GlobalMaxPool2D: _pooling("maxPool"),
    layers.AvgPool2D: _pooling("averagePool"), layers.GlobalAvgPool2D: _pooling("averagePool"),
    layers.ReLU: _plain("relu"), layers.LeakyReLU: _plain("leakyRelu", slope="negative_slope"),
    layers.ELU: _plain("elu", alpha="alpha"), layers.SiLU: _plain("silu"), layers.Sigmoid: _plain("sigmoid"),
    layers.GELU: _plain("gelu", approximate="approximate"), layers.Tanh: _plain("tanh"),
    layers.Softmax: _plain("softmax"),
    layers.Rescale: _plain("rescale", scale="scale", offset="offset"),
    layers.Flatten: _plain("same"), layers.Reshape: _plain("same"), layers.Dropout: _plain("same"),
    layers.SpatialDropout2D: _plain("same"), layers.GaussianNoise: _plain("same"),
}  # fmt: skip


def _layer(layer: Layer) -> dict[str, Any]:
    if type(layer) not in LAYERS:  # not isinstance: a subclass may compute something else
        known = ", ".join(cls.__name__ for cls in LAYERS)
        raise ValueError(f"model: expected layers that the page can compute, got {layer!r}; it knows {known}")
    does, told = LAYERS[type(layer)](layer)
    shapes = {"input": list(layer.input_shape), "output": list(layer.output_shape), "shape": list(layer.output_shape)}
    return {"does": does, "name": type(layer).__name__, **shapes, **told}


def _window(window: Window) -> dict[str, list[int]]:
    return {name: list(getattr(window, name)) for name in ("kernel", "strides", "dilation", "before")}


def _weight_and_bias(layer: Any) -> dict[str, Any]:
    bias = layer.parameters[1].value if layer.use_bias else np.zeros(layer.output_shape[-1])
    return {"weight": _letters(layer.parameters[0].value, layer), "bias": _numbers(bias, layer)}


def _numbers(array: NDArray, owner: Layer) -> list[float]:
    """Return float32 numbers, written with as few digits as tell each from its neighbours."""
    return [float(str(number)) for number in _finite(np.asarray(array, np.float32), owner)]


def _letters(array: NDArray, owner: Layer | Confidence) -> str:
    """Return weights, four letters of base64 each: the upper 24 of a float32's 32 bits, exact to 1 in 65,000."""
    bits = np.ascontiguousarray(array, np.float32).reshape(-1).view(np.uint32)
    nearest = (bits.astype(np.uint64) + 0x80).astype("<u4")  # the carry rounds; the lowest 8 bits are left out
    _finite(nearest.view("<f4"), owner)
    return base64.b64encode(nearest.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()).decode("ascii")


def _finite(numbers: NDArray, owner: Layer | Confidence) -> NDArray:
    if not np.isfinite(numbers).all():
        raise ValueError(f"model: expected finite weights, in float32, got NaN or infinity in {owner!r}")
    return numbers
