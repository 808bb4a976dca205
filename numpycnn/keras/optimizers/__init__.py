"""Keras's optimizers, each over one of the core's."""

from ..missing import of_optimizers as __getattr__  # noqa: F401  # Python asks it for names that are not there
from . import schedules
from .base import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Nadam, Optimizer, RMSprop, get, of_file

adam, adamax, nadam, rmsprop, sgd = Adam, Adamax, Nadam, RMSprop, SGD  # old names
deserialize = get

__all__ = [
    "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Nadam", "Optimizer", "RMSprop", "SGD", "deserialize", "get",
    "of_file", "schedules",
]
