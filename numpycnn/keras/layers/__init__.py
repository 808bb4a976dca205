"""Keras's layers, each over one or two of the core's."""

from ..missing import of_layers as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .affine import (
    Conv2D,
    Convolution2D,
    Dense,
    DepthwiseConv2D,
    SeparableConv2D,
    SeparableConvolution2D,
)
from .augment import RandomFlip, RandomRotation, RandomTranslation, RandomZoom
from .base import Layer
from .others import (
    ELU,
    Activation,
    BatchNormalization,
    Dropout,
    Flatten,
    GaussianNoise,
    Input,
    InputLayer,
    LayerNormalization,
    LeakyReLU,
    ReLU,
    Rescaling,
    Reshape,
    Softmax,
    SpatialDropout2D,
    ZeroPadding2D,
)
from .pooling import (
    AveragePooling2D,
    AvgPool2D,
    GlobalAveragePooling2D,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    GlobalMaxPooling2D,
    MaxPool2D,
    MaxPooling2D,
)

__all__ = [
    "Activation", "AveragePooling2D", "AvgPool2D", "BatchNormalization", "Conv2D", "Convolution2D", "Dense",
    "DepthwiseConv2D", "Dropout", "ELU", "Flatten", "GaussianNoise", "GlobalAveragePooling2D", "GlobalAvgPool2D",
    "GlobalMaxPool2D", "GlobalMaxPooling2D", "Input", "InputLayer", "Layer", "LayerNormalization", "LeakyReLU",
    "MaxPool2D", "MaxPooling2D", "RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "ReLU",
    "Rescaling", "Reshape", "SeparableConv2D", "SeparableConvolution2D", "Softmax", "SpatialDropout2D",
    "ZeroPadding2D",
]
