"""Data sets and the files they come in."""

from __future__ import annotations

from .augment import Augment
from .cifar import load_cifar10
from .download import DownloadError
from .emnist import load_emnist
from .folders import ImageFolder, load_image_folder
from .idx import IdxError, read_idx, write_idx
from .inputs import InputFormat
from .kmnist import load_kmnist
from .labels import to_categorical
from .mnist import load_fashion_mnist, load_mnist
from .own_digit.prepare import PreparedDigit, prepare_digit
from .own_digit.sheet import Reading, read_digits
from .synthetic.draw import load_synthetic_digits

__all__ = [
    "Augment", "DownloadError", "IdxError", "ImageFolder", "InputFormat", "PreparedDigit", "Reading", "load_cifar10",
    "load_emnist", "load_fashion_mnist", "load_image_folder", "load_kmnist", "load_mnist", "load_synthetic_digits",
    "prepare_digit", "read_digits", "read_idx", "to_categorical", "write_idx",
]
