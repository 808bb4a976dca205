"""Digits that lie on their side: a network is not sure of one as it is, and sure once it is turned."""

from __future__ import annotations

from typing import Callable

import numpy as np
from numpy.typing import NDArray

from .prepare import PALE, as_mnist

UNSURE, SURE = 0.6, 0.98  # of a digit as it is, at most; of the same digit turned, at least
DEGREES = range(45, 360, 45)


def seem_turned(
    images: NDArray[np.float32],
    probabilities: NDArray[np.floating],
    ask: Callable[[NDArray[np.float32]], NDArray[np.floating]],
) -> NDArray[np.intp]:
    """Return the numbers of those images (N, 28, 28, 1) that may lie on their side.

    `ask` gives the probabilities (N, 10) of images, `probabilities` are those of the images as they are. Many a turned
    digit looks like another one, so that some are found, not all.
    """
    unsure = np.flatnonzero((probabilities.max(axis=1) < UNSURE) & images.any(axis=(1, 2, 3)))
    if not unsure.size:
        return unsure
    copies = np.stack([_turned(images[k, ..., 0], degrees) for k in unsure for degrees in DEGREES])
    sure = ask(copies[..., None]).max(axis=1).reshape(len(unsure), -1).max(axis=1)
    return unsure[sure >= SURE]


def _turned(image: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    """Turn a digit and place it as MNIST's makers would have done: (28, 28)."""
    from PIL import Image

    whole = Image.fromarray(np.asarray(image, np.float32)).rotate(degrees, Image.Resampling.BILINEAR, expand=True)
    ink = np.asarray(whole)
    rows, columns = (np.flatnonzero((ink > PALE).any(axis=axis)) for axis in (1, 0))
    return as_mnist(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
