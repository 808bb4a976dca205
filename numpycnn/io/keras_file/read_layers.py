"""Keras's layers in ours. It may be a file from anywhere: what does not exist here is an error that names the layer.

Keras may put an activation into a layer (``Dense(10, activation="relu")``), which here is a layer of its own, and zeros
around an image into a layer (``ZeroPadding2D``), which here belong to the convolution.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

import numpy as np

from ...initializers import INITIALIZERS
from ...layers import (
    ELU,
    GELU,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool2D,
    Layer,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Sigmoid,
    SiLU,
    Tanh,
)
from ...regularizers import REGULARIZERS, Regularizer
from ..native import ModelFileError
from .write import Config, snake_case

DTYPES = {"float32": "float32", "float64": "float64", "mixed_float16": "float32", "mixed_bfloat16": "float32"}
MAX_LAYERS = 1000
REGULARIZED = ("kernel_regularizer", "bias_regularizer")


class Source(NamedTuple):
    """Where one of our layers comes from: Keras's name, and its arrays in Keras's order under our names."""

    name: str
    arrays: tuple[str, ...] = ()


class Translation:
    """A Keras Sequential in our layers.

    Parameters
    ----------
    model_config : dict
        What Keras keeps as ``model_config``.

    Attributes
    ----------
    layers, sources : list of Layer, list of Source
        One source for each layer.
    input_shape : list
        Of one input, as the file has it: unchecked.
    dtype : str
    softmax : bool
        Whether the model ends in a softmax.
    notes : list of str
        What has no counterpart here, and matters to further training alone.

    Raises
    ------
    ModelFileError
        A layer that does not exist here, or not with these arguments; the message names it.
    """

    def __init__(self, model_config: Config) -> None:
        self.layers: list[Layer] = []
        self.sources: list[Source] = []
        self.input_shape: Any = None
        self.dtype: Any = None
        self.softmax = False
        self.notes: list[str] = []
        self._zeros: tuple[int, int] | None = None  # a ZeroPadding2D that waits for its convolution
        self._rank = 0  # number of axes of one image
        if model_config["class_name"] != "Sequential":
            raise ModelFileError(
                f"expected a Keras Sequential, got {model_config['class_name']!r}, a graph of layers; if it is a plain "
                "chain, save keras.Sequential(model.layers) instead"
            )
        config = model_config["config"]
        described = config if isinstance(config, list) else config["layers"]  # a list before Keras 2.2.3
        if len(described) > MAX_LAYERS:
            raise ModelFileError(f"expected at most {MAX_LAYERS} layers, got {len(described)}")
        if not isinstance(config, list) and config.get("build_input_shape"):
            self._set_input(config["build_input_shape"])
        for position, layer in enumerate(described):
            self._add(position, layer)
        if self._zeros is not None:
            raise ModelFileError("ZeroPadding2D at the end: expected a Conv2D after it")

    def _set_input(self, batch_shape: list) -> None:
        if any(n is None for n in batch_shape[1:]):
            raise ModelFileError(f"expected a fixed input shape, got {batch_shape}")
        self.input_shape, self._rank = batch_shape[1:], len(batch_shape) - 1

    def _add(self, position: int, described: Config) -> None:
        """Translate one layer, and name it in whatever goes wrong."""
        class_name, config = described["class_name"], described["config"]
        where = f"layer {config.get('name', position)!r} ({class_name})"
        try:
            shape = config.get("batch_shape") or config.get("batch_input_shape")
            if shape and self.input_shape is None or class_name == "InputLayer":
                if self.layers or not shape:
                    raise ModelFileError("expected one input, with a shape, before all other layers")
                self._set_input(shape)
            if class_name == "InputLayer":
                return
            if class_name not in READERS or described.get("registered_name") not in (None, class_name):
                names = ", ".join(READERS)
                raise ModelFileError(f"numpycnn has no such layer; expected one of {names}")
            self._check_common(where, config)
            made = len(self.layers)
            READERS[class_name](self, config["name"], config)
            for layer in self.layers[made:]:
                layer.trainable = config.get("trainable", True)
        except ModelFileError as error:
            raise ModelFileError(f"{where}: {error}") from None
        except (ValueError, TypeError) as error:
            raise ModelFileError(f"{where}: {error}") from error
        except KeyError as error:
            raise ModelFileError(f"{where}: the file has no argument {error}") from None

    def _check_common(self, where: str, config: Config) -> None:
        """Check what every layer has: its place, its layout, its dtype; note what only training would feel."""
        if self.input_shape is None:
            raise ModelFileError("the model has no input shape; build it before saving")
        if self.softmax:
            raise ModelFileError("it follows the softmax; here a softmax can only be the last layer")
        expect(config, "data_format", "channels_last", None)
        policy = config.get("dtype") or "float32"
        name = policy["config"]["name"] if isinstance(policy, dict) else policy
        if name not in DTYPES or self.dtype not in (None, DTYPES[name]):
            raise ModelFileError(f"expected one dtype for all layers, float32 or float64, got {name!r}")
        self.dtype = DTYPES[name]
        if name != self.dtype:
            self.notes.append(f"{where}: computes in {self.dtype} here, not in {name}")
        for key, value in config.items():
            known = key in REGULARIZED and read_regularizer(value) is not None
            if key.endswith(("_regularizer", "_constraint")) and value is not None and not known:
                self.notes.append(f"{where}: there is no {key} here")

    def _append(self, layer: Layer, name: str, *arrays: str) -> None:
        if self._zeros is not None:
            raise ModelFileError("expected a Conv2D after ZeroPadding2D")
        self.layers.append(layer)
        self.sources.append(Source(name, arrays))

    # One method a Keras class; `name` is Keras's name of the layer

    def _conv2d(self, name: str, config: Config) -> None:
        padding, zeros = config.get("padding", "valid"), self._zeros
        if zeros is not None:
            expect(config, "padding", "valid")  # Keras would add its own zeros to those of ZeroPadding2D
            padding, self._zeros = zeros, None
        layer = Conv2D(
            config["filters"], config["kernel_size"], config.get("strides", 1), padding,
            dilation_rate=config.get("dilation_rate", 1), groups=config.get("groups", 1), **_read_affine(config),
        )  # fmt: skip
        self._append(layer, name, "weight", *(["bias"] if layer.use_bias else []))
        self._activate(name, config.get("activation"))

    def _dense(self, name: str, config: Config) -> None:
        layer = Dense(config["units"], **_read_affine(config))
        self._append(layer, name, "weight", *(["bias"] if layer.use_bias else []))
        self._activate(name, config.get("activation"))

    def _batch_norm(self, name: str, config: Config) -> None:
        axis = config.get("axis", -1)
        if axis not in (-1, self._rank, [-1], [self._rank]):
            raise ModelFileError(f"expected the last axis, -1 or {self._rank}, got {axis}")
        expect(config, "renorm", False, None)
        absent = [array for array, key in (("gamma", "scale"), ("beta", "center")) if config.get(key) is False]
        if absent:
            self.notes.append(f"layer {name!r} (BatchNormalization): has no {' and no '.join(absent)}, but will here")
        layer = BatchNorm(config.get("momentum", 0.99), config.get("epsilon", 1e-3))
        arrays = ("gamma", "beta", "moving_mean", "moving_variance")
        self._append(layer, name, *(array for array in arrays if array not in absent))

    def _max_pool(self, name: str, config: Config) -> None:
        self._append(MaxPool2D(config["pool_size"], config.get("strides"), config.get("padding", "valid")), name)

    def _avg_pool(self, name: str, config: Config) -> None:
        self._append(AvgPool2D(config["pool_size"], config.get("strides"), config.get("padding", "valid")), name)

    def _global_avg_pool(self, name: str, config: Config) -> None:
        expect(config, "keepdims", False, None)
        self._append(GlobalAvgPool2D(), name)
        self._rank = 1

    def _flatten(self, name: str, config: Config) -> None:
        self._append(Flatten(), name)
        self._rank = 1

    def _dropout(self, name: str, config: Config) -> None:
        expect(config, "noise_shape", None)
        self._append(Dropout(config["rate"]), name)

    def _zero_padding(self, name: str, config: Config) -> None:
        (top, bottom), (left, right) = config["padding"]
        if top != bottom or left != right or self._zeros is not None:
            raise ModelFileError(f"expected as many zeros above as below, left as right, once; got {config['padding']}")
        self._zeros = top, left

    def _relu(self, name: str, config: Config) -> None:
        expect(config, "max_value", None)
        expect(config, "threshold", 0, None)
        slope = config.get("negative_slope") or 0
        self._append(LeakyReLU(slope) if slope else ReLU(), name)

    def _leaky_relu(self, name: str, config: Config) -> None:
        # Keras 2 says alpha, and has rounded it to float32.
        slope = config["negative_slope"] if "negative_slope" in config else shortest(config["alpha"])
        self._append(LeakyReLU(slope), name)

    def _elu(self, name: str, config: Config) -> None:
        self._append(ELU(config.get("alpha", 1.0)), name)

    def _softmax(self, name: str, config: Config) -> None:
        axis = config.get("axis", -1)
        if self._rank != 1 or axis not in (-1, 1):
            raise ModelFileError(f"expected a softmax over vectors, got {self._rank} axes and axis {axis}")
        if self._zeros is not None or not self.layers:
            raise ModelFileError("expected a layer before the softmax")
        self.softmax = True

    def _activation(self, name: str, config: Config) -> None:
        self._activate(name, config["activation"])

    def _activate(self, name: str, activation: Any) -> None:
        """Append what Keras calls an activation: a name, a function described by its name, or a layer."""
        if isinstance(activation, dict):
            class_name, config = activation["class_name"], activation["config"]
            if class_name in ("ELU", "LeakyReLU", "ReLU", "Softmax"):
                READERS[class_name](self, name, config)
                return
            activation = config if class_name == "function" else class_name
        if activation in (None, "linear"):
            return
        if activation == "softmax":
            self._softmax(name, {})
        elif isinstance(activation, str) and activation in ACTIVATIONS:
            self._append(ACTIVATIONS[activation](), name)
        elif activation == "leaky_relu":
            self._append(LeakyReLU(0.2), name)  # Keras's function has another default than its layer
        else:
            raise ModelFileError(f"numpycnn has no activation {activation!r}")


# Keras's functions by name.
ACTIVATIONS: dict[str, type[Layer]] = {
    "elu": ELU, "gelu": GELU, "relu": ReLU, "sigmoid": Sigmoid, "silu": SiLU, "swish": SiLU, "tanh": Tanh,
}

READERS: dict[str, Callable[[Translation, str, Config], None]] = {
    "Conv2D": Translation._conv2d,
    "Dense": Translation._dense,
    "BatchNormalization": Translation._batch_norm,
    "MaxPooling2D": Translation._max_pool,
    "AveragePooling2D": Translation._avg_pool,
    "GlobalAveragePooling2D": Translation._global_avg_pool,
    "Flatten": Translation._flatten,
    "Dropout": Translation._dropout,
    "ZeroPadding2D": Translation._zero_padding,
    "ReLU": Translation._relu,
    "LeakyReLU": Translation._leaky_relu,
    "ELU": Translation._elu,
    "Softmax": Translation._softmax,
    "Activation": Translation._activation,
}


def expect(config: Config, key: str, *allowed: Any) -> None:
    """Raise if an argument has another value than numpycnn can express; a missing one is Keras's default, the first."""
    value = config.get(key, allowed[0])
    if value not in allowed:
        raise ModelFileError(f"expected {key}={allowed[0]!r}, got {value!r}")


def shortest(value: Any) -> Any:
    """Return 0.001 for 0.0010000000474974513: Keras keeps some arguments as float32, where these are one number."""
    if isinstance(value, float) and abs(value) < 1e30 and float(np.float32(value)) == value:
        return float(str(np.float32(value)))
    return value


def read_regularizer(described: Any) -> Regularizer | None:
    """Return Keras's penalty; None if it has none, or one that does not exist here."""
    name = described.get("class_name") if isinstance(described, dict) else None
    if name not in REGULARIZERS:
        return None
    return REGULARIZERS[name](**{key: shortest(value) for key, value in described["config"].items()})


def _read_affine(config: Config) -> Config:
    """What Conv2D and Dense share; initializers that do not exist here have done their work and are left out."""
    read: Config = {"use_bias": bool(config.get("use_bias", True))}
    for key in ("kernel_initializer", "bias_initializer"):
        value = config.get(key)
        name = snake_case(str(value["class_name"] if isinstance(value, dict) else value))
        if name in INITIALIZERS:
            read[key] = name
    return read | {key: read_regularizer(config.get(key)) for key in REGULARIZED}
