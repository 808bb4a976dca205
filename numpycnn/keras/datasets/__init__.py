"""Keras's data sets, as far as they are here; the core downloads, checks and reads them."""

from ..missing import of_datasets as __getattr__  # noqa: F401  # Python asks it for names that are not there
from . import cifar10, fashion_mnist, mnist

__all__ = ["cifar10", "fashion_mnist", "mnist"]
