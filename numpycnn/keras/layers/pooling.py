"""Pooling layers."""

from __future__ import annotations

from ... import layers as core
from ...checks import Shape
from ..notes import refuse
from .affine import padding_word, pair
from .base import Layer


class MaxPooling2D(Layer):
    """Largest of each window; the core's MaxPool2D."""

    words = {"pool_size": (2, 2), "strides": None, "padding": "valid"}
    core_name = "MaxPool2D"

    def check(self) -> None:
        padding_word(self.padding, self.name)

    def make(self, shape: Shape) -> list[core.Layer]:
        padding = padding_word(self.padding, self.name)
        return [getattr(core, self.core_name)(pair(self.pool_size), pair(self.strides), padding)]


class AveragePooling2D(MaxPooling2D):
    """Mean of each window; the core's AvgPool2D."""

    core_name = "AvgPool2D"


class GlobalAveragePooling2D(Layer):
    """Mean of each channel; the core's GlobalAvgPool2D."""

    words = {"keepdims": False}
    core_name = "GlobalAvgPool2D"

    def check(self) -> None:
        refuse(self.name, "put Reshape((1, 1, channels)) after it", keepdims=self.keepdims)

    def make(self, shape: Shape) -> list[core.Layer]:
        return [getattr(core, self.core_name)()]


class GlobalMaxPooling2D(GlobalAveragePooling2D):
    """Largest of each channel; the core's GlobalMaxPool2D."""

    core_name = "GlobalMaxPool2D"


MaxPool2D, AvgPool2D = MaxPooling2D, AveragePooling2D
GlobalAvgPool2D, GlobalMaxPool2D = GlobalAveragePooling2D, GlobalMaxPooling2D
