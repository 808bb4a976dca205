"""Where the patches of an image lie in memory, so that kernels can read them there."""

from __future__ import annotations

import math
from typing import Sequence

import numpy as np

from ..checks import Shape
from ..layers import Conv2D


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
        down, right = (np.arange(n) * step for n, step in zip(out, strides))
        self.starts = np.add.outer(down * row, right * channels).astype(np.int32)
        down, right = (np.arange(n) * step for n, step in zip(kernel, dilation))
        pixels = np.add.outer(down * row, right * channels).astype(np.int32)
        self.runs = pixels[:, 0].copy() if dilation[1] == 1 else pixels.reshape(-1)
        self.taps = np.add.outer(pixels.reshape(-1), np.arange(channels, dtype=np.int32)).reshape(-1)
        self.run_length = len(self.taps) // len(self.runs)
        self.row = row


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


def addressable(shape: Shape) -> bool:
    """Whether 32-bit offsets reach every element."""
    return math.prod(shape) < 2**31
