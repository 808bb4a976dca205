"""Where the patches of an image start in memory, so that kernels can read them there."""

from __future__ import annotations

import math

import numpy as np

from ..checks import Shape
from ..layers import Conv2D
from ..layers.window import Window


class Patches:
    """Where the patches of an image are in memory; all positions count elements from the start of the image.

    Parameters
    ----------
    image : tuple of int
        Shape (H, W, C) with all the zeros around it: ``window.before`` is no longer looked at.
    window : Window
        The patches' size and places.

    Attributes
    ----------
    starts : ndarray of shape (OH, OW)
        First element of each patch.
    runs : ndarray of shape (kh,), or (kh * kw,) if dilated
        First element of each run in the first patch: ``run_length`` elements that are next to each other in memory.
    taps : ndarray of shape (kh * kw * C,)
        Every element of the first patch.
    """

    def __init__(self, image: Shape, window: Window) -> None:
        _, width, channels = image
        row = width * channels  # from one pixel to the one below it
        down, right = (np.arange(n) * step for n, step in zip(window.count, window.strides))
        self.starts = np.add.outer(down * row, right * channels).astype(np.int32)
        down, right = (np.arange(n) * step for n, step in zip(window.kernel, window.dilation))
        pixels = np.add.outer(down * row, right * channels).astype(np.int32)
        self.runs = pixels[:, 0].copy() if window.dilation[1] == 1 else pixels.reshape(-1)
        self.taps = np.add.outer(pixels.reshape(-1), np.arange(channels, dtype=np.int32)).reshape(-1)
        self.run_length = len(self.taps) // len(self.runs)
        self.row = row


def padded_shape(conv: Conv2D) -> Shape:
    """Return the shape (H, W, C) of an image with all the zeros around it that the convolution reads."""
    return *conv.window.padded(conv.input_shape), conv.input_shape[2]


def bordered_gradient_shape(conv: Conv2D) -> Shape:
    """Return the shape (H, W, F) of dy in the zeros with which a convolution of it gives dx."""
    return *(size + extent - 1 for size, extent in zip(conv.input_shape, conv.window.extent)), conv.filters


def addressable(shape: Shape) -> bool:
    """Whether 32-bit offsets reach every element."""
    return math.prod(shape) < 2**31
