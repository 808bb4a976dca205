"""Layers with kernels: Dense and the convolutions. An activation becomes a layer of the core after them."""

from __future__ import annotations

from typing import Any

from ... import layers as core
from ...checks import Shape
from .. import activations
from ..activations import core_activation
from ..initializers import core_initializer
from ..regularizers import core_regularizer
from ..words import REQUIRED
from .base import Layer, as_pair, as_tuple


def padding_word(padding: Any, owner: str) -> Any:
    """Return "valid" or "same", whatever their case; a pair of numbers comes from a model of the core."""
    if isinstance(padding, tuple):
        return padding
    if not isinstance(padding, str) or padding.lower() not in ("valid", "same"):
        raise ValueError(f"{owner}: expected padding 'valid' or 'same', got {padding!r}")
    return padding.lower()


def affine_words(*kernels: str) -> dict[str, Any]:
    """Return the words for the kernels of these names and for the bias, in Keras's order."""
    starts = {f"{kernel}_initializer": "glorot_uniform" for kernel in kernels}
    penalties = {f"{name}_regularizer": None for name in (*kernels, "bias")}
    constraints = {f"{name}_constraint": None for name in (*kernels, "bias")}
    return {"activation": None, "use_bias": True, **starts, "bias_initializer": "zeros", **penalties,
            "activity_regularizer": None, **constraints}  # fmt: skip


WINDOW = {"strides": (1, 1), "padding": "valid"}
PLACE = {"data_format": None, "dilation_rate": (1, 1)}
PAIRS = {"kernel_size", "strides", "dilation_rate"}  # one number stands for two


class Affine(Layer):
    """What they share: windows, starting values, penalties."""

    core_words = ("units", "filters", "kernel_size", "strides", "padding", "dilation_rate", "groups",
                  "depth_multiplier", "use_bias")  # fmt: skip
    refused = {**Layer.refused, "lora_rank": "train all weights", "quantization_config": "there is float32 alone",
               **dict.fromkeys(("kernel_constraint", "bias_constraint", "depthwise_constraint", "pointwise_constraint"),
                               "there are no constraints on weights; use kernel_regularizer=l2(...), or Dropout")}
    idle = (*Layer.idle, "lora_alpha")
    old_words = {**Layer.old_words, "bias": "use_bias", "b_regularizer": "bias_regularizer",
                 "W_constraint": "kernel_constraint", "b_constraint": "bias_constraint"}  # fmt: skip
    activation: Any
    padding: Any
    use_bias: Any

    def check(self) -> None:
        core_activation(self.activation, self.name)
        self.activation = activations.get(self.activation)
        self.use_bias = bool(self.use_bias)
        if "padding" in self.words:
            self.padding = padding_word(self.padding, self.name)
        for word in PAIRS & self.words.keys():
            vars(self)[word] = as_pair(getattr(self, word))
        self.make(())

    def make(self, shape: Shape) -> list[core.Layer]:
        words = {word: as_tuple(getattr(self, word)) for word in self.core_words if word in self.words}
        for word in self.words:
            if word.endswith("_initializer"):
                words[self.renamed.get(word, word)] = core_initializer(getattr(self, word))
            elif word.endswith("_regularizer") and word != "activity_regularizer":
                words[self.renamed.get(word, word)] = core_regularizer(getattr(self, word))
        words.pop("pointwise_initializer", None)
        return [getattr(core, self.core_name)(**words), *core_activation(self.activation, self.name)]


class Dense(Affine):
    """Fully connected; the core's Dense."""

    core_name = "Dense"
    words = {"units": REQUIRED, **affine_words("kernel"), "lora_rank": None, "lora_alpha": None,
             "quantization_config": None}  # fmt: skip


class Conv2D(Affine):
    """Convolution; the core's Conv2D."""

    core_name = "Conv2D"
    words = {"filters": REQUIRED, "kernel_size": REQUIRED, **WINDOW, **PLACE, "groups": 1, **affine_words("kernel")}


class Convolution2D(Conv2D):
    """Old name of Conv2D; takes the kernel as two numbers, too."""

    def __init__(self, *args: Any, **given: Any) -> None:
        if len(args) > 2 and isinstance(args[1], int) and isinstance(args[2], int):
            args = (args[0], (args[1], args[2]), *args[3:])  # Conv2D(32, 3, 3), as in Keras 1
        if "nb_row" in given and "nb_col" in given:
            given["kernel_size"] = given.pop("nb_row"), given.pop("nb_col")
        super().__init__(*args, **given)


class DepthwiseConv2D(Affine):
    """Convolution channel by channel; the core's DepthwiseConv2D."""

    core_name = "DepthwiseConv2D"
    words = {"kernel_size": REQUIRED, **WINDOW, "depth_multiplier": 1, **PLACE, **affine_words("depthwise")}
    renamed = {"depthwise_initializer": "kernel_initializer", "depthwise_regularizer": "kernel_regularizer"}


class SeparableConv2D(Affine):
    """Convolution channel by channel, then across channels; the core's SeparableConv2D."""

    core_name = "SeparableConv2D"
    words = {"filters": REQUIRED, "kernel_size": REQUIRED, **WINDOW, **PLACE, "depth_multiplier": 1,
             **affine_words("depthwise", "pointwise")}  # fmt: skip
    renamed = DepthwiseConv2D.renamed

    def check(self) -> None:
        super().check()
        if self.depthwise_initializer != self.pointwise_initializer:
            names = "depthwise_initializer, pointwise_initializer"
            raise ValueError(f"{self.name}: {names}: both kernels start in one way here; give the same twice")


SeparableConvolution2D = SeparableConv2D
__all__ = ["Conv2D", "Convolution2D", "Dense", "DepthwiseConv2D", "SeparableConv2D", "SeparableConvolution2D"]
