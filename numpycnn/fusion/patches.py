"""Where the patches of an image lie in memory, so that kernels can read them there."""

from __future__ import annotations

import math
import weakref
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from ..checks import Shape
from ..layers import Conv2D


MOST_PADDED, MOST_SMALL = 8, 2**12  # a padded image may have so many times an image's elements, or so many


class Patches:
    """Where the patches of an image lie in memory, in elements from its start.

    Attributes
    ----------
    starts : ndarray of shape (OH, OW)
        First element of each patch.
    runs : ndarray of shape (kh,), or (kh * kw,) if dilated
        First element of each run of neighbours in a patch; ``run_length`` of them lie together.
    taps : ndarray of shape (kh * kw * C,)
        Every element of a patch.
    """

    def __init__(
        self, image: Shape, kernel: Sequence[int], strides: Sequence[int], dilation: Sequence[int], out: Sequence[int]
    ) -> None:
        _, width, channels = image
        row = width * channels  # from one pixel to the one below it

        def outer(counts: Sequence[int], steps: Sequence[int]) -> NDArray:
            down, right = (np.arange(n) * step * size for n, step, size in zip(counts, steps, (row, channels)))
            return np.add.outer(down.astype(np.int32), right.astype(np.int32))

        self.starts = outer(out, strides)
        pixels = outer(kernel, dilation)
        self.runs = pixels[:, 0].copy() if dilation[1] == 1 else pixels.reshape(-1)
        self.taps = np.add.outer(pixels.reshape(-1), np.arange(channels, dtype=np.int32)).reshape(-1)
        self.run_length = len(self.taps) // len(self.runs)
        self.row = row


_made: weakref.WeakValueDictionary[tuple, Patches] = weakref.WeakValueDictionary()


def shared_patches(
    image: Shape, kernel: Sequence[int], strides: Sequence[int], dilation: Sequence[int], out: Sequence[int]
) -> Patches:
    """Return ``Patches`` of these arguments, the same object to all who ask: they take as much memory as a map."""
    key = tuple(map(tuple, (image, kernel, strides, dilation, out)))
    patches = _made.get(key)
    if patches is None:
        patches = _made[key] = Patches(*key)
    return patches


def padded_shape(conv: Conv2D) -> Shape:
    """Return the shape (H, W, C) of an image with all the zeros around it that the convolution reads."""
    kernel, strides, dilation, corner = (conv._geometry[i : i + 2] for i in range(0, 8, 2))
    sizes = zip(conv.input_shape, corner, conv.output_shape, strides, kernel, dilation)
    reach = (max(before + size, (out - 1) * stride + (k - 1) * d + 1) for size, before, out, stride, k, d in sizes)
    return *reach, conv.input_shape[2]


def bordered_gradient_shape(conv: Conv2D) -> Shape:
    """Return the shape (H, W, F) of dy in the zeros with which a convolution of it gives dx."""
    sizes = zip(conv.input_shape, conv.kernel_size, conv.dilation_rate)
    return *(size + (k - 1) * d for size, k, d in sizes), conv.filters


def little_padding(padded: Shape, image: Shape) -> bool:
    """Whether an image with zeros around it is no waste of memory; a large dilation asks for a thousand images."""
    return math.prod(padded) <= max(MOST_PADDED * math.prod(image), MOST_SMALL)


def addressable(shape: Shape) -> bool:
    """Whether 32-bit offsets reach every element."""
    return math.prod(shape) < 2**31
