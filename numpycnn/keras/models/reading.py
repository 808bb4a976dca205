"""The core's layers, losses and optimizers in Keras's words: for a model that comes from a file."""

from __future__ import annotations

from typing import Any, Callable

from ... import losses as core_losses
from ...model import Sequential as CoreSequential
from .. import layers, losses, optimizers

_WINDOW = ("strides", "padding", "dilation_rate")


def _copied(kind: Any, *names: str, **fixed: Any) -> Callable[[Any], Any]:
    return lambda layer: kind(**{name: getattr(layer, name) for name in names}, **fixed)


# The core's class: a function that returns the layer of the facade.
LAYERS: dict[str, Callable[[Any], Any]] = {
    "Dense": _copied(layers.Dense, "units", "use_bias"),
    "Conv2D": _copied(layers.Conv2D, "filters", "kernel_size", *_WINDOW, "groups", "use_bias"),
    "DepthwiseConv2D": _copied(layers.DepthwiseConv2D, "kernel_size", *_WINDOW, "depth_multiplier", "use_bias"),
    "SeparableConv2D": _copied(
        layers.SeparableConv2D, "filters", "kernel_size", *_WINDOW, "depth_multiplier", "use_bias"
    ),
    "MaxPool2D": _copied(layers.MaxPooling2D, "pool_size", "strides", "padding"),
    "AvgPool2D": _copied(layers.AveragePooling2D, "pool_size", "strides", "padding"),
    "GlobalAvgPool2D": _copied(layers.GlobalAveragePooling2D),
    "GlobalMaxPool2D": _copied(layers.GlobalMaxPooling2D),
    "Flatten": _copied(layers.Flatten),
    "Reshape": _copied(layers.Reshape, "target_shape"),
    "ZeroPad2D": _copied(layers.ZeroPadding2D, "padding"),
    "Rescale": _copied(layers.Rescaling, "scale", "offset"),
    "Dropout": _copied(layers.Dropout, "rate"),
    "SpatialDropout2D": _copied(layers.SpatialDropout2D, "rate"),
    "GaussianNoise": _copied(layers.GaussianNoise, "stddev"),
    "BatchNorm": _copied(layers.BatchNormalization, "momentum", "epsilon", "center", "scale"),
    "LayerNorm": _copied(layers.LayerNormalization, "epsilon", "center", "scale"),
    "LeakyReLU": _copied(layers.LeakyReLU, "negative_slope"),
    "ELU": _copied(layers.ELU, "alpha"),
    "Softmax": _copied(layers.Softmax),
}
ACTIVATIONS = {"ReLU": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "GELU": "gelu", "SiLU": "silu"}


def keras_layers(model: CoreSequential) -> list[Any]:
    """Return layers of the facade for all of the model's; an activation goes into the layer before it."""
    made: list[Any] = []
    for layer in model.layers:
        kind = type(layer).__name__
        if kind in ACTIVATIONS:
            _activate(made, ACTIVATIONS[kind])
        elif kind == "Softmax":
            _activate(made, "softmax")
        elif kind in LAYERS:
            made.append(LAYERS[kind](layer))
            made[-1]._trainable = layer.trainable
        else:
            raise ValueError(f"keras.models: there is no layer like {layer!r} in the facade; use numpycnn.Sequential")
    if isinstance(model.loss, core_losses.SoftmaxCrossEntropy) and not model.loss.predict_logits:
        _activate(made, "softmax")
    return made


def _activate(made: list[Any], name: str) -> None:
    """Give the last layer this activation, or append one of its own."""
    if made and "activation" in made[-1].words and made[-1].activation is None:
        made[-1].activation = name
    else:
        made.append(layers.Activation(name))


def compiled(model: CoreSequential) -> tuple[Any, Any, Any]:
    """Return optimizer, loss and metrics for ``compile``; the optimizer remembers what the core's did."""
    return optimizers.of_file(model.optimizer), losses.of_core(model.loss), list(model.metrics)
