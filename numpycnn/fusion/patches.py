"""Where the patches of an image start in memory, so that kernels can read them there."""

from __future__ import annotations

import math
import weakref
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from ..checks import Shape
from ..layers import Conv2D
from ..layers.window import Window


MOST_PADDED, MOST_SMALL = 8, 2**12  # a padded image may have so many times an image's elements, or so many


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
    starts : ndarray of shape (OH // 2 * (OW // 2) * 4,)
        First element of each patch, the four of a window of 2 x 2 pooling behind each other.
    runs : ndarray of shape (kh,), or (kh * kw,) if dilated
        First element of each run in the first patch: ``run_length`` elements that are next to each other in memory.
    taps : ndarray of shape (kh * kw * C,)
        Every element of the first patch.
    """

    def __init__(self, image: Shape, window: Window) -> None:
        _, width, channels = image
        row = width * channels  # from one pixel to the one below it

        def outer(counts: Sequence[int], steps: Sequence[int]) -> NDArray:
            down, right = (np.arange(n) * step * size for n, step, size in zip(counts, steps, (row, channels)))
            return np.add.outer(down.astype(np.int32), right.astype(np.int32))

        height, width = (n // 2 for n in window.count)
        starts = outer((2 * height, 2 * width), window.strides).reshape(height, 2, width, 2)
        self.starts = starts.transpose(0, 2, 1, 3).reshape(-1)
        pixels = outer(window.kernel, window.dilation)
        self.runs = pixels[:, 0].copy() if window.dilation[1] == 1 else pixels.reshape(-1)
        self.taps = np.add.outer(pixels.reshape(-1), np.arange(channels, dtype=np.int32)).reshape(-1)
        self.run_length = len(self.taps) // len(self.runs)
        self.row = row


_made: weakref.WeakValueDictionary[tuple, Patches] = weakref.WeakValueDictionary()


def shared_patches(image: Shape, window: Window) -> Patches:
    """Return ``Patches`` of these arguments, the same object to all who ask: they take as much memory as a map."""
    patches = _made.get((image, window))
    if patches is None:
        patches = _made[image, window] = Patches(image, window)
    return patches


def padded_shape(conv: Conv2D) -> Shape:
    """Return the shape (H, W, C) of an image with all the zeros around it that the convolution reads."""
    return *conv.window.padded(conv.input_shape), conv.input_shape[2]


def little_padding(padded: Shape, image: Shape) -> bool:
    """Whether an image with zeros around it is no waste of memory; a large dilation asks for a thousand images."""
    return math.prod(padded) <= max(MOST_PADDED * math.prod(image), MOST_SMALL)


def addressable(shape: Shape) -> bool:
    """Whether 32-bit offsets reach every element."""
    return math.prod(shape) < 2**31
