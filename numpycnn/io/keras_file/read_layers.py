"""Keras's layers in ours. It may be a file from anywhere: what does not exist here is an error that names the layer.

Keras may put an activation into a layer (``Dense(10, activation="relu")``), which here is a layer of its own, and zeros
around an image into a layer (``ZeroPadding2D``), which here may belong to the convolution after it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Callable, NamedTuple

from ...layers import (
    ELU, AvgPool2D, BatchNorm, Conv2D, Dense, DepthwiseConv2D, Dropout, Flatten, GaussianNoise, GlobalAvgPool2D,
    GlobalMaxPool2D, Layer, LayerNorm, LeakyReLU, MaxPool2D, ReLU, Rescale, Reshape, SeparableConv2D, Sigmoid, Softmax,
    SpatialDropout2D, ZeroPad2D,
)
from ..native import ModelFileError
from .arguments import (
    ACTIVATIONS, DTYPES, IDLE_IN_PREDICTION, REGULARIZED, expect, read_affine, read_depthwise, read_norm,
    read_regularizer,
)
from .write import Config, shortest, snake_case

MAX_LAYERS = 1000


class Source(NamedTuple):
    """Where one of our layers comes from: its arrays in Keras's order under our names, and where they are.

    A ``.h5`` file has them under the layer's name, a ``.keras`` file under the name of its class and a number.
    """

    name: str
    arrays: tuple[str, ...] = ()
    place: str = ""


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
    last : {"softmax", "sigmoid", ""}
        What the model ends in; a softmax over vectors is not among the layers yet, see ``end_in_softmax``.
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
        self.notes: list[str] = []
        self._softmax_of = ""  # name of a softmax that waits: the last one goes into the loss
        self._zeros: ZeroPad2D | None = None  # one that waits for its convolution
        self._zeros_of = ""  # its name
        self._rank = 0  # number of axes of one image
        self._counts: Counter[str] = Counter()  # of each class
        self._place = ""
        if model_config["class_name"] != "Sequential":
            raise ModelFileError(f"expected a Keras Sequential, got {model_config['class_name']!r}, a graph of layers; "
                                 "if it is a plain chain, save keras.Sequential(model.layers) instead")
        config = model_config["config"]
        described = config if isinstance(config, list) else config["layers"]  # a list before Keras 2.2.3
        if len(described) > MAX_LAYERS:
            raise ModelFileError(f"expected at most {MAX_LAYERS} layers, got {len(described)}")
        if not isinstance(config, list) and config.get("build_input_shape"):
            self._set_input(config["build_input_shape"])
        for position, layer in enumerate(described):
            self._add(position, layer)
        self._flush_zeros()

    @property
    def last(self) -> str:
        """What the model ends in."""
        if self._softmax_of:
            return "softmax"
        return "sigmoid" if len(self.layers) > 1 and type(self.layers[-1]) is Sigmoid else ""

    def end_in(self, activation: str, taken_by_loss: bool) -> None:
        """Keep the last activation as a layer, or leave it to the loss."""
        if activation == "softmax" and not taken_by_loss:
            self._flush_softmax()
        elif activation == "sigmoid" and taken_by_loss:
            del self.layers[-1], self.sources[-1]

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
            self._place = self._count(class_name)
            if class_name in IDLE_IN_PREDICTION:
                self.notes.append(f"{where}: does nothing in prediction, and is left out here")
                return
            if class_name not in READERS:
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

    def _count(self, class_name: str) -> str:
        """Return a layer's place in a ``.keras`` file: conv2d, conv2d_1, conv2d_2, ..."""
        place = snake_case(class_name)
        number = self._counts[place]
        self._counts[place] += 1
        return place + (f"_{number}" if number else "")

    def _check_common(self, where: str, config: Config) -> None:
        """Check what every layer has: its place, its layout, its dtype; note what only training would feel."""
        if self.input_shape is None:
            raise ModelFileError("the model has no input shape; build it before saving")
        expect(config, "data_format", "channels_last", None)
        policy = config.get("dtype") or "float32"
        name = policy["config"].get("name", policy["class_name"]) if isinstance(policy, dict) else policy
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
        self._flush_softmax()
        self._flush_zeros()
        self.layers.append(layer)
        self.sources.append(Source(name, arrays, self._place))

    def _flush_softmax(self) -> None:
        """Make a layer of the softmax that waits: it is not the end, or does not belong to the loss."""
        name, self._softmax_of = self._softmax_of, ""
        if name:
            self._append(Softmax(), name)

    def _flush_zeros(self) -> None:
        """Make a layer of the zeros that wait: there is no convolution that takes them."""
        zeros, self._zeros = self._zeros, None
        if zeros is not None:
            self._append(zeros, self._zeros_of)

    # One method a Keras class that takes more than a line; `name` is Keras's name of the layer

    def _affine(self, layer: Any, name: str, config: Config, *weights: str) -> None:
        """Append what has weights, perhaps a bias, and perhaps an activation."""
        self._append(layer, name, *(weights or ("weight",)), *(["bias"] if layer.use_bias else []))
        self._activate(name, config.get("activation"))

    def _conv2d(self, name: str, config: Config) -> None:
        padding, zeros = config.get("padding", "valid"), self._zeros
        if zeros is not None and padding == "valid" and not isinstance(zeros.padding[0], tuple):
            padding, self._zeros = zeros.padding, None
        layer = Conv2D(
            config["filters"], config["kernel_size"], config.get("strides", 1), padding,
            dilation_rate=config.get("dilation_rate", 1), groups=config.get("groups", 1), **read_affine(config),
        )  # fmt: skip
        self._affine(layer, name, config)

    def _separable(self, name: str, config: Config) -> None:
        penalty = read_regularizer(config.get("pointwise_regularizer"))
        layer = SeparableConv2D(config["filters"], config["kernel_size"], **read_depthwise(config),
                                pointwise_regularizer=penalty)  # fmt: skip
        self._affine(layer, name, config, "depthwise_weight", "pointwise_weight")

    def _norm(self, layer: BatchNorm | LayerNorm, name: str, config: Config, *statistics: str) -> None:
        self._check_last_axis(config)
        arrays = [array for array, is_there in (("gamma", layer.scale), ("beta", layer.center)) if is_there]
        self._append(layer, name, *arrays, *statistics)

    def _batch_norm(self, name: str, config: Config) -> None:
        expect(config, "renorm", False, None)
        layer = BatchNorm(config.get("momentum", 0.99), **read_norm(config))
        self._norm(layer, name, config, "moving_mean", "moving_variance")

    def _layer_norm(self, name: str, config: Config) -> None:
        expect(config, "rms_scaling", False, None)
        self._norm(LayerNorm(**read_norm(config)), name, config)

    def _check_last_axis(self, config: Config) -> None:
        axis = config.get("axis", -1)
        if axis not in (-1, self._rank, [-1], [self._rank]):
            raise ModelFileError(f"expected the last axis, -1 or {self._rank}, got {axis}")

    def _pool(self, pool_class: type[MaxPool2D | AvgPool2D], name: str, config: Config) -> None:
        self._append(pool_class(config["pool_size"], config.get("strides"), config.get("padding", "valid")), name)

    def _global_pool(self, layer: Layer, name: str, config: Config) -> None:
        expect(config, "keepdims", False, None)
        self._append(layer, name)
        self._rank = 1

    def _reshape(self, name: str, config: Config) -> None:
        layer = Reshape(config["target_shape"])
        self._append(layer, name)
        self._rank = len(layer.target_shape)

    def _flatten(self, name: str, config: Config) -> None:
        self._append(Flatten(), name)
        self._rank = 1

    def _dropout(self, name: str, config: Config) -> None:
        expect(config, "noise_shape", None)
        self._append(Dropout(config["rate"]), name)

    def _zero_padding(self, name: str, config: Config) -> None:
        zeros = ZeroPad2D(config["padding"])
        self._flush_softmax()
        self._flush_zeros()
        self._zeros, self._zeros_of = zeros, name

    def _relu(self, name: str, config: Config) -> None:
        expect(config, "max_value", None)
        expect(config, "threshold", 0, None)
        slope = config.get("negative_slope") or 0
        self._append(LeakyReLU(slope) if slope else ReLU(), name)

    def _leaky_relu(self, name: str, config: Config) -> None:
        # Keras 2 says alpha, and has rounded it to float32.
        slope = config["negative_slope"] if "negative_slope" in config else shortest(config["alpha"])
        self._append(LeakyReLU(slope), name)

    def _softmax(self, name: str, config: Config) -> None:
        self._check_last_axis(config)
        if self._rank != 1 or self._zeros is not None or not self.layers:
            self._append(Softmax(), name)
            return
        self._flush_softmax()
        self._softmax_of = name

    def _activate(self, name: str, activation: Any) -> None:
        """Append what Keras calls an activation: a name, a function described by its name, or a layer."""
        if isinstance(activation, dict):
            class_name, config = activation.get("class_name", "__lambda__"), activation.get("config", {})
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
        else:
            raise ModelFileError(f"numpycnn has no activation {activation!r}")


READERS: dict[str, Callable[[Translation, str, Config], None]] = {
    "Conv2D": Translation._conv2d,
    "DepthwiseConv2D": lambda to, name, config: to._affine(
        DepthwiseConv2D(config["kernel_size"], **read_depthwise(config)), name, config
    ),
    "SeparableConv2D": Translation._separable,
    "Dense": lambda to, name, config: to._affine(Dense(config["units"], **read_affine(config)), name, config),
    "BatchNormalization": Translation._batch_norm,
    "LayerNormalization": Translation._layer_norm,
    "MaxPooling2D": lambda to, name, config: to._pool(MaxPool2D, name, config),
    "AveragePooling2D": lambda to, name, config: to._pool(AvgPool2D, name, config),
    "GlobalAveragePooling2D": lambda to, name, config: to._global_pool(GlobalAvgPool2D(), name, config),
    "GlobalMaxPooling2D": lambda to, name, config: to._global_pool(GlobalMaxPool2D(), name, config),
    "Flatten": Translation._flatten,
    "Reshape": Translation._reshape,
    "Rescaling": lambda to, name, config: to._append(
        Rescale(shortest(config["scale"]), shortest(config.get("offset", 0.0))), name
    ),
    "Dropout": Translation._dropout,
    "SpatialDropout2D": lambda to, name, config: to._append(SpatialDropout2D(config["rate"]), name),
    "GaussianNoise": lambda to, name, config: to._append(GaussianNoise(config["stddev"]), name),
    "ZeroPadding2D": Translation._zero_padding,
    "ReLU": Translation._relu,
    "LeakyReLU": Translation._leaky_relu,
    "ELU": lambda to, name, config: to._append(ELU(config.get("alpha", 1.0)), name),
    "Softmax": Translation._softmax,
    "Activation": lambda to, name, config: to._activate(name, config["activation"]),
    "Identity": lambda to, name, config: None,
}
