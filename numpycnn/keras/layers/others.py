"""Activations as layers, and layers that pool, reshape, normalise, drop or scale."""

from __future__ import annotations

from typing import Any

from ... import layers as core
from ...checks import Shape
from .. import activations, initializers
from ..activations import core_activation, layer_class
from ..notes import no_effect, refuse
from ..tensors import Symbol, rescaling
from ..words import REQUIRED, variant
from .affine import padding_word
from .base import Layer, as_pair, as_shape, as_tuple, new_name


class InputLayer(Layer):
    """Says the shape of one input; no layer of the core."""

    words = {"shape": None, "batch_size": None, "dtype": None, "sparse": None, "ragged": None, "batch_shape": None,
             "input_tensor": None, "optional": False, "name": None}  # fmt: skip
    refused = {**Layer.refused, **dict.fromkeys(("sparse", "ragged", "input_tensor", "optional"), "it takes arrays")}

    def check(self) -> None:
        if self.shape is not None:
            self.given_shape = as_shape(self.shape, self.name)
        if self.given_shape is None:
            raise ValueError(f"{self.name}: expected a shape, such as input_shape=(28, 28, 1)")

    def make(self, shape: Shape) -> list[core.Layer]:
        return []


def Input(shape: Any = None, batch_size: int | None = None, dtype: Any = None, sparse: Any = None, ragged: Any = None,
          batch_shape: Any = None, name: str | None = None, tensor: Any = None, optional: bool = False) -> Symbol:
    """The input of a model, of one shape: where a chain of layers begins."""
    refuse("Input", "it takes arrays", sparse=sparse, tensor=tensor, ragged=ragged, optional=optional)
    if isinstance(shape, int) and batch_size is not None:
        raise ValueError(f"Input: expected the shape as one tuple, such as Input((28, 28, 1)), got {shape}, "
                         f"{batch_size}")  # fmt: skip
    no_effect("Input", batch_size=batch_size, dtype=None if dtype == "float32" else dtype)
    shape = tuple(batch_shape[1:]) if batch_shape is not None else shape
    if shape is None:
        raise ValueError("Input: expected a shape, such as Input((28, 28, 1))")
    root = InputLayer(shape, name=name or new_name("input_layer"))
    root.ensure(root.given_shape or ())
    root.output = Symbol(root, (), root.given_shape or ())
    return root.output


class Activation(Layer):
    """An activation by name or function; a layer of the core."""

    words = {"activation": REQUIRED}
    activation: Any

    def check(self) -> None:
        core_activation(self.activation, self.name)
        self.activation = activations.get(self.activation)

    def make(self, shape: Shape) -> list[core.Layer]:
        return core_activation(self.activation, self.name)


layer_class.append(Activation)


class ReLU(Layer):
    """max(x, 0), or with a slope below 0; the core's ReLU or LeakyReLU."""

    words = {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}
    refused = {**Layer.refused, **dict.fromkeys(("max_value", "threshold"), "numpycnn has nothing like it")}

    def make(self, shape: Shape) -> list[core.Layer]:
        return [core.LeakyReLU(self.negative_slope) if self.negative_slope else core.ReLU()]


class OnLastAxis(Layer):
    """A layer that works along one axis, which has to be the last."""

    def make(self, shape: Shape) -> list[core.Layer]:
        if as_tuple(self.axis) not in (-1, len(shape), (-1,), (len(shape),)):
            raise ValueError(f"{self.name}: axis={self.axis!r}: the channels are the last axis here, axis=-1")
        return super().make(shape)


Softmax = variant(OnLastAxis, "Softmax", "Probabilities over the last axis; the core's Softmax, or its loss's.",
                  core_name="Softmax", words={"axis": -1})  # fmt: skip


class Normalization(OnLastAxis):
    """What the two normalisations share: the core's start from ones and zeros, and take over what else is wanted."""

    STARTS = {"beta_initializer": "zeros", "gamma_initializer": "ones"}
    MOVING = {"moving_mean_initializer": "zeros", "moving_variance_initializer": "ones"}
    OTHERS = dict.fromkeys(("beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint"))
    RENORM = {"renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99, "synchronized": False}
    refused = {**Layer.refused, **dict.fromkeys((*OTHERS, "renorm", "renorm_clipping", "synchronized", "rms_scaling"),
                                                "numpycnn has nothing like it")}  # fmt: skip
    idle = (*Layer.idle, "renorm_momentum")
    old_words = {**Layer.old_words, "gamma_init": "gamma_initializer", "beta_init": "beta_initializer"}

    def __init__(self, *args: Any, **given: Any) -> None:
        mode = given.pop("mode", None)  # Keras 1's; no word, since Keras 3 would not read it
        if mode:
            raise ValueError(f"{type(self).__name__}: mode={mode!r}: it normalises over the batch, mode=0")
        super().__init__(*args, **given)

    def look_at(self, word: str, value: Any) -> None:
        if word in (*self.STARTS, *self.MOVING):
            initializers.get(value)  # which raises where there is no such thing
        super().look_at(word, value)

    def ensure(self, shape: Shape) -> Shape:
        is_new = self.core is None
        after = super().ensure(shape)
        if is_new:
            starts = [initializers.get(getattr(self, f"{weight.name}_initializer")) for weight in self.weights]
            self.set_weights([start(weight.shape) for start, weight in zip(starts, self.weights)])
        return after


BatchNormalization = variant(
    Normalization, "BatchNormalization", "Normalise each channel over the batch; the core's BatchNorm.",
    core_name="BatchNorm", core_words=("momentum", "epsilon", "center", "scale"),
    words={"axis": -1, "momentum": 0.99, "epsilon": 1e-3, "center": True, "scale": True, **Normalization.STARTS,
           **Normalization.MOVING, **Normalization.OTHERS, **Normalization.RENORM},
)  # fmt: skip
LayerNormalization = variant(
    Normalization, "LayerNormalization", "Normalise each input by itself; the core's LayerNorm.",
    core_name="LayerNorm", core_words=("epsilon", "center", "scale"),
    words={"axis": -1, "epsilon": 1e-3, "center": True, "scale": True, **Normalization.STARTS, **Normalization.OTHERS,
           "rms_scaling": False},
)  # fmt: skip


class Pooling(Layer):
    """One number for each window; the core's layer says which."""

    words = {"pool_size": (2, 2), "strides": None, "padding": "valid", "data_format": None, "name": None}
    core_words = ("pool_size", "strides", "padding")
    pool_size: Any
    strides: Any

    def check(self) -> None:
        vars(self)["padding"] = padding_word(self.padding, self.name)
        self.pool_size = as_pair(self.pool_size)
        self.strides = self.pool_size if self.strides is None else as_pair(self.strides)
        super().check()


MaxPooling2D = variant(Pooling, "MaxPooling2D", "Largest of each window; the core's MaxPool2D.", core_name="MaxPool2D")
AveragePooling2D = variant(Pooling, "AveragePooling2D", "Mean of each window; the core's AvgPool2D.",
                           core_name="AvgPool2D")  # fmt: skip


def _plain(name: str, core_name: str, doc: str, refused: dict[str, str] | None = None, /,
           **words: Any) -> Any:  # fmt: skip
    """Return a layer that hands its arguments to the core's as they are."""
    taken = tuple(word for word in words if word not in ("data_format", "seed", "name", "dtype", *(refused or ())))
    return variant(Layer, name, f"{doc}; the core's {core_name}.", core_name=core_name, core_words=taken, words=words,
                   refused={**Layer.refused, **(refused or {})})  # fmt: skip


_KEEPDIMS = {"keepdims": "put Reshape((1, 1, channels)) after it"}
GlobalAveragePooling2D = _plain("GlobalAveragePooling2D", "GlobalAvgPool2D", "Mean of each channel", _KEEPDIMS,
                                data_format=None, keepdims=False)  # fmt: skip
GlobalMaxPooling2D = _plain("GlobalMaxPooling2D", "GlobalMaxPool2D", "Largest of each channel", _KEEPDIMS,
                            data_format=None, keepdims=False)  # fmt: skip
ZeroPadding2D = _plain("ZeroPadding2D", "ZeroPad2D", "Zeros around the image", padding=(1, 1), data_format=None)
Dropout = _plain("Dropout", "Dropout", "Random holes in training", {"noise_shape": "each number has a draw of its own"},
                 rate=REQUIRED, noise_shape=None, seed=None)  # fmt: skip
Dropout.instead = f"model(x, training=True) draws holes in predictions, too; {Layer.instead}"
SpatialDropout2D = _plain("SpatialDropout2D", "SpatialDropout2D", "Dropout of whole channels", rate=REQUIRED,
                          data_format=None, seed=None, name=None, dtype=None)  # fmt: skip
GaussianNoise = _plain("GaussianNoise", "GaussianNoise", "Normal noise in training", stddev=REQUIRED, seed=None)
GaussianNoise.old_words = {**Layer.old_words, "sigma": "stddev"}
LeakyReLU = _plain("LeakyReLU", "LeakyReLU", "x, or below 0 a part of it", negative_slope=0.3)
ELU = _plain("ELU", "ELU", "x, or below 0 alpha * (exp(x) - 1)", alpha=1.0)
Flatten = _plain("Flatten", "Flatten", "Each input as one vector", data_format=None)
Reshape = _plain("Reshape", "Reshape", "Each input in another shape", target_shape=REQUIRED)
Rescaling = _plain("Rescaling", "Rescale", "scale * x + offset", scale=REQUIRED, offset=0.0)
rescaling.append(Rescaling)
MaxPool2D, AvgPool2D = MaxPooling2D, AveragePooling2D
GlobalAvgPool2D, GlobalMaxPool2D = GlobalAveragePooling2D, GlobalMaxPooling2D
__all__ = [
    "Activation", "AveragePooling2D", "AvgPool2D", "BatchNormalization", "Dropout", "ELU", "Flatten", "GaussianNoise",
    "GlobalAveragePooling2D", "GlobalAvgPool2D", "GlobalMaxPool2D", "GlobalMaxPooling2D", "Input", "InputLayer",
    "LayerNormalization", "LeakyReLU", "MaxPool2D", "MaxPooling2D", "ReLU", "Rescaling", "Reshape", "Softmax",
    "SpatialDropout2D", "ZeroPadding2D",
]
