"""Pooling layers."""

from __future__ import annotations

from ... import layers as core
from ...checks import Shape
from ..notes import refuse
from .affine import check_format, padding_word, pair
from .base import Layer


class MaxPooling2D(Layer):
    """Largest of each window; the core's MaxPool2D."""

    words = {"pool_size": (2, 2), "strides": None, "padding": "valid", "data_format": None}
    core_class = "MaxPool2D"

    def check(self) -> None:
        check_format(self)
        padding_word(self.padding, self.name)

    def make(self, shape: Shape) -> list[core.Layer]:
        padding = padding_word(self.padding, self.name)
        return [getattr(core, self.core_class)(pair(self.pool_size), pair(self.strides), padding)]


class AveragePooling2D(MaxPooling2D):
    """Mean of each window; the core's AvgPool2D."""

    core_class = "AvgPool2D"


class GlobalAveragePooling2D(Layer):
    """Mean of each channel; the core's GlobalAvgPool2D."""

    words = {"data_format": None, "keepdims": False}
    core_class = "GlobalAvgPool2D"

    def check(self) -> None:
        check_format(self)
        refuse(self.name, "put Reshape((1, 1, channels)) after it", keepdims=self.keepdims)

    def make(self, shape: Shape) -> list[core.Layer]:
        return [getattr(core, self.core_class)()]


class GlobalMaxPooling2D(GlobalAveragePooling2D):
    """Largest of each channel; the core's GlobalMaxPool2D."""

    core_class = "GlobalMaxPool2D"


MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalMaxPool2D = GlobalMaxPooling2D
