"""The layers. Reading order: base (the contract), activations, dense, conv, pooling, then the rest."""

from .activations import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Tanh
from .base import Layer
from .batchnorm import BatchNorm
from .conv import Conv2D
from .dense import Dense
from .depthwise import DepthwiseConv2D, SeparableConv2D
from .dropout import Dropout, GaussianNoise, SpatialDropout2D
from .layernorm import LayerNorm
from .pooling import AvgPool2D, GlobalAvgPool2D, GlobalMaxPool2D, MaxPool2D
from .rescale import Rescale
from .reshape import Flatten, Reshape, ZeroPad2D
from .softmax import Softmax

__all__ = [
    "AvgPool2D", "BatchNorm", "Conv2D", "Dense", "DepthwiseConv2D", "Dropout", "ELU", "Flatten", "GaussianNoise",
    "GELU", "GlobalAvgPool2D", "GlobalMaxPool2D", "Layer", "LayerNorm", "LeakyReLU", "MaxPool2D", "ReLU", "Rescale",
    "Reshape", "SeparableConv2D", "Sigmoid", "SiLU", "Softmax", "SpatialDropout2D", "Tanh", "ZeroPad2D",
]
