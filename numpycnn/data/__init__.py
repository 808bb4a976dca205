"""Data sets and the files they come in."""

from __future__ import annotations

from numpycnn.data.augment import Augment
from numpycnn.data.cifar import load_cifar10
from numpycnn.data.download import DownloadError
from numpycnn.data.idx import IdxError, read_idx, write_idx
from numpycnn.data.labels import to_categorical
from numpycnn.data.mnist import load_fashion_mnist, load_mnist
from numpycnn.data.prepare import PreparedDigit, prepare_digit
from numpycnn.data.synthetic import load_synthetic_digits

__all__ = [
    "Augment",
    "DownloadError",
    "IdxError",
    "PreparedDigit",
    "load_cifar10",
    "load_fashion_mnist",
    "load_mnist",
    "load_synthetic_digits",
    "prepare_digit",
    "read_idx",
    "to_categorical",
    "write_idx",
]
