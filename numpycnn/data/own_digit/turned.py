"""Digits that lie on their side: they look like no digit as they are, and like one once they are turned."""

from __future__ import annotations

from typing import Callable

import numpy as np
from numpy.typing import NDArray

from .prepare import as_mnist, inked

DEGREES = range(45, 360, 45)


def seem_turned(
    images: NDArray[np.float32], strange: NDArray[np.bool_], is_sure: Callable[[NDArray[np.float32]], NDArray[np.bool_]]
) -> NDArray[np.intp]:
    """Return the numbers of those images (N, 28, 28, 1) that may lie on their side.

    `strange` (N,) says which look like no digit as they are, and `is_sure` of other images whether the network is sure
    of them. What is a digit in any case, as a 6 that may be a 9, is not found.
    """
    asked = np.flatnonzero(strange & images.any(axis=(1, 2, 3)))
    if not asked.size:
        return asked
    copies = np.stack([turned(images[k, ..., 0], degrees) for k in asked for degrees in DEGREES])
    return asked[is_sure(copies[..., None]).reshape(len(asked), -1).any(axis=1)]


def turned(image: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    """Turn a digit and place it as MNIST's makers would have done: (28, 28)."""
    from PIL import Image

    whole = Image.fromarray(np.asarray(image, np.float32)).rotate(degrees, Image.Resampling.BILINEAR, expand=True)
    ink = np.asarray(whole)
    top, left, bottom, right = inked(ink)
    return as_mnist(ink[top:bottom, left:right])
