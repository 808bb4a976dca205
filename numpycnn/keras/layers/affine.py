"""Layers with kernels: Dense and the convolutions. An activation becomes a layer of the core after them."""

from __future__ import annotations

from typing import Any

from ... import layers as core
from ...checks import Shape
from ..activations import core_activation
from ..initializers import core_initializer
from ..regularizers import core_regularizer
from ..notes import refuse
from .base import REQUIRED, Layer

KERNEL = {
    "kernel_initializer": "glorot_uniform", "bias_initializer": "zeros", "kernel_regularizer": None,
    "bias_regularizer": None, "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None,
}  # fmt: skip


def padding_word(padding: Any, owner: str) -> str:
    """Return "valid" or "same", whatever their case; a pair of numbers comes from a model of the core."""
    if isinstance(padding, tuple):
        return padding  # type: ignore[return-value]
    if not isinstance(padding, str) or padding.lower() not in ("valid", "same"):
        raise ValueError(f"{owner}: expected padding 'valid' or 'same', got {padding!r}")
    return padding.lower()


class _Affine(Layer):
    """What they share: the last steps of making them."""

    activation: Any
    use_bias: bool

    def check(self) -> None:
        why = "numpycnn has nothing like it; use kernel_regularizer=l2(...), or Dropout"
        penalties = ("bias_regularizer", "depthwise_regularizer", "pointwise_regularizer")
        refused = ["activity_regularizer", *(word for word in self.words if word.endswith("_constraint"))]
        refused += penalties if "kernel_regularizer" not in self.words else []
        refuse(type(self).__name__, why, **{name: getattr(self, name) for name in refused if name in self.words})
        core_activation(self.activation, self.name)

    def affine_words(self) -> dict[str, Any]:
        """Return the core's words for bias, starting values and penalty."""
        words: dict[str, Any] = {
            "use_bias": bool(self.use_bias),
            "kernel_initializer": core_initializer(getattr(self, "kernel_initializer", None)
                                                   or getattr(self, "depthwise_initializer", None)),
            "bias_initializer": core_initializer(self.bias_initializer),
        }  # fmt: skip
        if "kernel_regularizer" in self.words:
            given = ("kernel_regularizer", "bias_regularizer")
            words |= {word: core_regularizer(getattr(self, word)) for word in given}
        return words

    def followed(self, layer: core.Layer) -> list[core.Layer]:
        """Return this layer and its activation."""
        return [layer, *core_activation(self.activation, self.name)]

    def window_words(self) -> dict[str, Any]:
        """Return the core's words for the window."""
        return {"strides": pair(self.strides), "padding": padding_word(self.padding, self.name),
                "dilation_rate": pair(self.dilation_rate)}  # fmt: skip


def pair(value: Any) -> Any:
    """Return lists as tuples: ``kernel_size=[3, 3]``."""
    return tuple(value) if isinstance(value, list) else value


class Dense(_Affine):
    """Fully connected; the core's Dense."""

    words = {"units": REQUIRED, "activation": None, "use_bias": True, **KERNEL}

    def make(self, shape: Shape) -> list[core.Layer]:
        return self.followed(core.Dense(int(self.units), **self.affine_words()))


class Conv2D(_Affine):
    """Convolution; the core's Conv2D."""

    words = {"filters": REQUIRED, "kernel_size": REQUIRED, "strides": (1, 1), "padding": "valid",
             "dilation_rate": (1, 1), "groups": 1, "activation": None, "use_bias": True, **KERNEL}  # fmt: skip

    def __init__(self, *args: Any, **given: Any) -> None:
        if len(args) > 2 and isinstance(args[1], int) and isinstance(args[2], int) and self._keras_1:
            args = (args[0], (args[1], args[2]), *args[3:])  # Conv2D(32, 3, 3), as in Keras 1
        super().__init__(*args, **given)

    _keras_1 = False

    def check(self) -> None:
        super().check()
        padding_word(self.padding, self.name)

    def make(self, shape: Shape) -> list[core.Layer]:
        layer = core.Conv2D(int(self.filters), pair(self.kernel_size), groups=self.groups, **self.window_words(),
                            **self.affine_words())  # fmt: skip
        return self.followed(layer)


class Convolution2D(Conv2D):
    """Old name of Conv2D; takes the kernel as two numbers, too."""

    _keras_1 = True


class DepthwiseConv2D(_Affine):
    """Convolution channel by channel; the core's DepthwiseConv2D."""

    words = {"kernel_size": REQUIRED, "strides": (1, 1), "padding": "valid", "depth_multiplier": 1,
             "dilation_rate": (1, 1), "activation": None, "use_bias": True,
             "depthwise_initializer": "glorot_uniform", "bias_initializer": "zeros", "depthwise_regularizer": None,
             "bias_regularizer": None, "activity_regularizer": None, "depthwise_constraint": None,
             "bias_constraint": None}  # fmt: skip

    def make(self, shape: Shape) -> list[core.Layer]:
        layer = core.DepthwiseConv2D(pair(self.kernel_size), depth_multiplier=self.depth_multiplier,
                                     **self.window_words(), **self.affine_words())  # fmt: skip
        return self.followed(layer)


class SeparableConv2D(_Affine):
    """Convolution channel by channel, then across channels; the core's SeparableConv2D."""

    words = {"filters": REQUIRED, "kernel_size": REQUIRED, "strides": (1, 1), "padding": "valid",
             "dilation_rate": (1, 1), "depth_multiplier": 1, "activation": None, "use_bias": True,
             "depthwise_initializer": "glorot_uniform", "pointwise_initializer": "glorot_uniform",
             "bias_initializer": "zeros", "depthwise_regularizer": None, "pointwise_regularizer": None,
             "bias_regularizer": None, "activity_regularizer": None, "depthwise_constraint": None,
             "pointwise_constraint": None, "bias_constraint": None}  # fmt: skip

    def check(self) -> None:
        super().check()
        if self.depthwise_initializer != self.pointwise_initializer:
            raise ValueError(f"{self.name}: both kernels have one initializer here; give the same for both")

    def make(self, shape: Shape) -> list[core.Layer]:
        layer = core.SeparableConv2D(int(self.filters), pair(self.kernel_size), depth_multiplier=self.depth_multiplier,
                                     **self.window_words(), **self.affine_words())  # fmt: skip
        return self.followed(layer)


SeparableConvolution2D = SeparableConv2D
