"""Data sets and the files they come in."""

from __future__ import annotations

from numpycnn.data.augment import Augment
from numpycnn.data.download import DownloadError
from numpycnn.data.idx import IdxError, read_idx, write_idx
from numpycnn.data.labels import to_categorical
from numpycnn.data.mnist import load_fashion_mnist, load_mnist

__all__ = [
    "Augment",
    "DownloadError",
    "IdxError",
    "load_fashion_mnist",
    "load_mnist",
    "read_idx",
    "to_categorical",
    "write_idx",
]
