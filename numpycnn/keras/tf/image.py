"""``tf.image``: what needs no graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..notes import missing_names
from ..tensors import Tensor, tensor

__getattr__ = missing_names("keras.tf.image", dict.fromkeys(
    ("resize", "random_brightness", "random_contrast", "random_crop", "rgb_to_grayscale", "central_crop"),
    "no functions on images beyond flips; use Pillow or NumPy before fit",
))  # fmt: skip


def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: Any = None) -> Tensor:
    """Return pixels from 0 to 255 as numbers from 0 to 1."""
    x = np.asarray(image)
    return tensor(x / np.iinfo(x.dtype).max if x.dtype.kind in "iu" else x, dtype)


def flip_left_right(image: Any) -> Tensor:
    """The mirrored image."""
    return tensor(np.flip(np.asarray(image), -2).copy())


def flip_up_down(image: Any) -> Tensor:
    """The image upside down."""
    return tensor(np.flip(np.asarray(image), -3).copy())
