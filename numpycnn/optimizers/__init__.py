"""Optimizers: from gradients to steps, in one pass over the vector that holds all parameters."""

from .adam import Adam, Adamax, AdamW, Nadam
from .adaptive import Adadelta, Adagrad, RMSprop
from .base import Optimizer
from .named import OPTIMIZERS, get_optimizer, optimizer_from_config
from .sgd import SGD

__all__ = [
    "OPTIMIZERS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Nadam", "Optimizer", "RMSprop",
    "get_optimizer", "optimizer_from_config",
]
