"""The layers. Reading order: base (the contract), activations, dense, conv, pooling, then the rest."""

from .activations import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Tanh
from .base import Layer
from .batchnorm import BatchNorm
from .conv import Conv2D
from .dense import Dense
from .dropout import Dropout
from .pooling import AvgPool2D, GlobalAvgPool2D, MaxPool2D
from .reshape import Flatten

__all__ = [
    "AvgPool2D", "BatchNorm", "Conv2D", "Dense", "Dropout", "ELU", "Flatten", "GELU", "GlobalAvgPool2D", "Layer",
    "LeakyReLU", "MaxPool2D", "ReLU", "SiLU", "Sigmoid", "Tanh",
]
