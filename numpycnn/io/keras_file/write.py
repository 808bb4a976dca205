"""What a model is in Keras's words: its layers.

Keras knows no explicit padding (it has a layer ``ZeroPadding2D``), and its softmax is a layer where ours is the loss's.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...initializers import INITIALIZERS
from ...layers import (
    ELU, GELU, AvgPool2D, BatchNorm, Conv2D, Dense, DepthwiseConv2D, Dropout, Flatten, GaussianNoise, GlobalAvgPool2D,
    GlobalMaxPool2D, Layer, LayerNorm, LeakyReLU, MaxPool2D, ReLU, Rescale, Reshape, SeparableConv2D, Sigmoid, SiLU,
    Softmax, SpatialDropout2D, Tanh, ZeroPad2D,
)
from ...layers.window import Window
from ...losses import LOSSES, BinaryCrossEntropy, SoftmaxCrossEntropy
from ...regularizers import REGULARIZERS, get_regularizer

if TYPE_CHECKING:
    from ...model import Sequential

Config = dict[str, Any]

CHANNELS_LAST = {"data_format": "channels_last"}


def snake_case(name: str) -> str:
    """Return a class's name as Keras names its objects: ``max_pooling2d``, ``leaky_re_lu``, ``glorot_uniform``."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def described_object(module: str, class_name: str, config: Config) -> Config:
    """Return what Keras writes of an object of its own."""
    return {"module": module, "class_name": class_name, "config": config, "registered_name": None}


def shortest(value: Any) -> Any:
    """Return 0.001 for 0.0010000000474974513: Keras keeps some arguments as float32, where these are one number."""
    if isinstance(value, float) and abs(value) < 1e30 and float(np.float32(value)) == value:
        return float(str(np.float32(value)))
    return value


class KerasLayer(NamedTuple):
    """A layer in Keras's words; `layer` is ours if it has arrays to keep."""

    class_name: str
    config: Config
    layer: Layer | None = None

    @property
    def arrays(self) -> dict[str, NDArray]:
        """The layer's arrays under Keras's names and in its order."""
        if self.layer is None:
            return {}
        state = {name: array for name, array in self.layer.get_state().items() if isinstance(array, np.ndarray)}
        arrays = {p.name: p.value for p in self.layer.parameters} | state
        return {name.replace("weight", "kernel"): array for name, array in arrays.items()}


def model_to_keras(model: Sequential) -> list[KerasLayer]:
    """Return the model's layers in Keras's words and with Keras's names; the softmax of the loss, if any, is the last.

    Raises
    ------
    TypeError, ValueError
        Keras has no such layer, not with these arguments, or no such loss.
    """
    described = [keras_layer for layer in model.layers for keras_layer in to_keras(layer)]
    if model.loss is not None and type(model.loss) not in LOSSES.values():
        raise TypeError(f"Keras has no loss like {model.loss!r}; compile with one of numpycnn's to save")
    if isinstance(model.loss, SoftmaxCrossEntropy) and not model.loss.predict_logits:
        if len(model.output_shape) != 1:
            raise ValueError(f"expected outputs of shape (N, K) for a softmax, got (N, *{model.output_shape})")
        described.append(KerasLayer("Activation", {"activation": "softmax"}))
    if isinstance(model.loss, BinaryCrossEntropy) and not model.loss.predict_logits:
        described.append(KerasLayer("Activation", {"activation": "sigmoid"}))
    made: Counter[str] = Counter()
    for class_name, config, _ in described:
        count = made[class_name]  # conv2d, conv2d_1, conv2d_2, ...
        config["name"] = snake_case(class_name) + (f"_{count}" if count else "")
        config["dtype"] = model.dtype.name
        made[class_name] += 1
    return described


def to_keras(layer: Layer) -> list[KerasLayer]:
    """Return the Keras layers, most often one, that compute what this layer does.

    Raises
    ------
    TypeError, ValueError
        Keras has no such layer, or not with these arguments.
    """
    write = WRITERS.get(type(layer))
    if write is None:
        raise TypeError(f"{layer!r}: Keras has no such layer; save to a .npz file")
    trainable = {} if isinstance(layer, SpatialDropout2D) else {"trainable": layer.trainable}  # Keras's takes none
    return [each._replace(config=each.config | trainable) for each in write(layer)]


def _write_convolution(layer: Conv2D | DepthwiseConv2D | SeparableConv2D) -> list[KerasLayer]:
    if max(layer.strides) > 1 and max(layer.dilation_rate) > 1:
        raise ValueError(f"{layer!r}: Keras has no strides together with dilation; save to a .npz file")
    padding, written = layer.padding, []
    if not isinstance(padding, str):
        if any(padding):
            written += _write_zeros(padding)
        padding = "valid"
    config = {
        "kernel_size": layer.kernel_size, "strides": layer.strides, "padding": padding, **CHANNELS_LAST,
        "dilation_rate": layer.dilation_rate, "activation": "linear", **_write_affine(layer),
    }  # fmt: skip
    if isinstance(layer, Conv2D):
        config |= {"filters": layer.filters, "groups": layer.groups}
    else:
        if layer.strides[0] != layer.strides[1]:
            raise ValueError(f"{layer!r}: Keras has equal strides alone in this layer; save to a .npz file")
        initializer = config.pop("kernel_initializer")
        config |= {"depth_multiplier": layer.depth_multiplier, "depthwise_initializer": initializer}
        if "kernel_regularizer" in config:
            config["depthwise_regularizer"] = config.pop("kernel_regularizer")
    if isinstance(layer, SeparableConv2D):
        config |= {"filters": layer.filters, "pointwise_initializer": initializer}
    return [*written, KerasLayer(type(layer).__name__, config, layer)]


def _write_zeros(padding: Any) -> list[KerasLayer]:
    sides = [list(side) if isinstance(side, tuple) else [side, side] for side in padding]
    return [KerasLayer("ZeroPadding2D", {"padding": sides, **CHANNELS_LAST})]


def _write_dense(layer: Dense) -> list[KerasLayer]:
    return [KerasLayer("Dense", {"units": layer.units, "activation": "linear", **_write_affine(layer)}, layer)]


def _write_affine(layer: Any) -> Config:
    """What convolutions and Dense share. A function of the user's own has no name in Keras, and has done its work."""

    def name(initializer: Any, default: str) -> str:
        name = getattr(initializer, "__name__", initializer)
        return name if name in INITIALIZERS else default

    return {
        "use_bias": layer.use_bias,
        "kernel_initializer": name(layer.kernel_initializer, "glorot_uniform"),
        "bias_initializer": name(layer.bias_initializer, "zeros"),
        **_write_regularizers(layer),
    }


def _write_regularizers(layer: Any) -> Config:
    """Return the penalties that there are."""
    written: Config = {}
    for name in ("kernel_regularizer", "bias_regularizer", "pointwise_regularizer"):
        regularizer = get_regularizer(getattr(layer, name, None), name)
        if regularizer is None:
            continue
        if type(regularizer) not in REGULARIZERS.values():
            raise TypeError(f"{layer!r}: Keras has no such regularizer; save without it")
        written[name] = described_object("keras.regularizers", type(regularizer).__name__, regularizer.get_config())
    return written


def _write_pool(layer: MaxPool2D | AvgPool2D) -> list[KerasLayer]:
    class_name = "MaxPooling2D" if isinstance(layer, MaxPool2D) else "AveragePooling2D"
    padding = layer.padding
    if not isinstance(padding, str):
        # Zeros around the image would count; "same" leaves them out as we do, where it has the same windows.
        padding = "valid" if not any(padding) else "same"
        if Window.on(layer.input_shape, layer.pool_size, layer.strides, padding, owner=layer) != layer.window:
            raise ValueError(f'{layer!r}: Keras pools with padding "valid" or "same" alone; save to a .npz file')
    config = {"pool_size": layer.pool_size, "strides": layer.strides, "padding": padding, **CHANNELS_LAST}
    return [KerasLayer(class_name, config)]


def _write_batch_norm(layer: BatchNorm) -> list[KerasLayer]:
    return [KerasLayer("BatchNormalization", {"axis": -1, "momentum": layer.momentum, **_write_norm(layer)}, layer)]


def _write_norm(layer: BatchNorm | LayerNorm) -> Config:
    return {"epsilon": layer.epsilon, "center": layer.center, "scale": layer.scale}


def _write_gelu(layer: GELU) -> list[KerasLayer]:
    if layer.approximate:
        raise ValueError(f"{layer!r}: Keras has a name for the exact curve alone; save to a .npz file")
    return [KerasLayer("Activation", {"activation": "gelu"})]


WRITERS: dict[type, Callable[[Any], list[KerasLayer]]] = {
    Conv2D: _write_convolution,
    DepthwiseConv2D: _write_convolution,
    SeparableConv2D: _write_convolution,
    Dense: _write_dense,
    MaxPool2D: _write_pool,
    AvgPool2D: _write_pool,
    BatchNorm: _write_batch_norm,
    LayerNorm: lambda layer: [KerasLayer("LayerNormalization", {"axis": [-1], **_write_norm(layer)}, layer)],
    GlobalAvgPool2D: lambda layer: [KerasLayer("GlobalAveragePooling2D", {**CHANNELS_LAST, "keepdims": False})],
    GlobalMaxPool2D: lambda layer: [KerasLayer("GlobalMaxPooling2D", {**CHANNELS_LAST, "keepdims": False})],
    ZeroPad2D: lambda layer: _write_zeros(layer.padding),
    Reshape: lambda layer: [KerasLayer("Reshape", {"target_shape": layer.target_shape})],
    Rescale: lambda layer: [KerasLayer("Rescaling", {"scale": layer.scale, "offset": layer.offset})],
    Flatten: lambda layer: [KerasLayer("Flatten", dict(CHANNELS_LAST))],
    Dropout: lambda layer: [KerasLayer("Dropout", {"rate": layer.rate})],
    SpatialDropout2D: lambda layer: [KerasLayer("SpatialDropout2D", {"rate": layer.rate, **CHANNELS_LAST})],
    GaussianNoise: lambda layer: [KerasLayer("GaussianNoise", {"stddev": layer.stddev})],
    Softmax: lambda layer: [KerasLayer("Softmax", {"axis": -1})],
    ReLU: lambda layer: [KerasLayer("ReLU", {})],
    LeakyReLU: lambda layer: [KerasLayer("LeakyReLU", {"negative_slope": layer.negative_slope})],
    ELU: lambda layer: [KerasLayer("ELU", {"alpha": layer.alpha})],
    GELU: _write_gelu,
    SiLU: lambda layer: [KerasLayer("Activation", {"activation": "silu"})],
    Sigmoid: lambda layer: [KerasLayer("Activation", {"activation": "sigmoid"})],
    Tanh: lambda layer: [KerasLayer("Activation", {"activation": "tanh"})],
}
