"""Keras's optimizers, each over one of the core's."""

from ..missing import of_optimizers as __getattr__  # noqa: F401  # Python asks it for names that are not there
from . import schedules
from .base import Optimizer
from .named import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Nadam, RMSprop, get, of_file

# Old names.
adam, adamax, nadam, rmsprop, sgd = Adam, Adamax, Nadam, RMSprop, SGD
deserialize = get

__all__ = [
    "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Nadam", "Optimizer", "RMSprop", "SGD", "deserialize", "get",
    "of_file", "schedules",
]
