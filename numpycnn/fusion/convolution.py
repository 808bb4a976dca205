"""Convolution and what follows it as one block: patches are read in the image itself, and zeros are skipped."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels import ops
from ..layers import Conv2D, Layer, MaxPool2D
from ..layers.conv import as_rows
from ..layers.window import Window
from .block import Block
from .patches import Patches, addressable, little_padding, padded_shape, shared_patches
from .winograd import LANES, winograd_share

WINOGRAD_CHANNELS = 16  # below, transforming the image costs more than the multiplications that it saves
CUT = 4  # the code of a window without a positive pixel
MOST_PATCHES = 2**22  # a block keeps the start offset of each of them in memory, from the first image on


class DirectConv(Block):
    """Conv2D without a matrix of patches: they are read, and their gradients added up, where they lie in the image."""

    relu = False

    def __init__(self, conv: Conv2D, *others: Layer) -> None:
        super().__init__(conv, *others)
        self.conv = conv
        self.weight_and_bias = conv.weight_and_bias
        self.padded_shape, self.geometry = padded_shape(conv), conv.window.geometry

    @staticmethod
    def suits(*layers: Any) -> bool:
        conv = layers[0]
        few = math.prod(conv.output_shape[:2]) <= MOST_PATCHES
        padded = padded_shape(conv)
        lean = little_padding(padded, conv.input_shape)
        return conv.groups == 1 and few and lean and addressable(padded) and addressable(conv.output_shape)

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        y = self.empty("y", (len(x), *self.output_shape))
        ops.conv_forward(x, *self.weight_and_bias(), *self.geometry, self.relu, y)
        self.save_for_backward(training, len(x), x, y)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Of what ReLU lets through, if there is one: each pixel's gradient times its patch, and times its filters."""
        dy = self.check_output_gradient(dy)
        x, y = self.saved
        weight, gradients = self.conv.parameters[0], (dy, y)
        if self.conv.learns:
            dw, db = as_rows(weight.grad), self.conv.bias_gradient()
            ops.conv_dense_weight_gradient(x, *gradients, *self.geometry, self.relu, dw, db)
        if not need_dx:
            return None
        dx = self.empty("dx", x.shape)
        ops.conv_dense_input_gradient(as_rows(weight.value), *gradients, *self.geometry, self.relu, dx)
        return dx


class ConvReLU(DirectConv):
    """Conv2D, then ReLU."""

    relu = True

    def choices(self) -> list[NDArray]:
        """Return where the output was positive."""
        _, y = self.saved
        return [y > 0]


class ConvReLUPool(DirectConv):
    """Conv2D, then ReLU, then MaxPool2D over 2 x 2: only the pooled map is written to memory.

    Beside it, a byte is kept for each of its elements: which pixel of the window won, or that ReLU cut. At least three
    quarters of the gradient before pooling are zeros; backward does not visit them.
    """

    def __init__(self, conv: Conv2D, *others: Layer) -> None:
        super().__init__(conv, *others)
        window, channels = conv.window, conv.input_shape[2]
        at_every_pixel = window.strides == window.dilation == (1, 1)
        self.by_windows = at_every_pixel and window.kernel == (3, 3)  # dx is summed window by window
        whole = channels % LANES == conv.filters % LANES == 0
        large = at_every_pixel and window.kernel == (5, 5) and whole
        self.by_winograd = (self.by_windows or large) and channels >= WINOGRAD_CHANNELS
        self._patches: Patches | None = None

    @property
    def patches(self) -> Patches:
        """Made at the first image: a file of a few kilobytes may describe a model that takes gigabytes to run."""
        if self._patches is None:  # functools.cached_property has a lock in Python 3.11, which a fork may find held
            self._patches = shared_patches(self.padded_shape, self.conv.window)
        return self._patches

    @property
    def by_taps(self) -> bool:
        """Whether the weights' gradient is summed for all filters at once, at each pixel, zeros included."""
        return self.patches.run_length < LANES

    @staticmethod
    def suits(*layers: Any) -> bool:
        return is_plain_pool(layers[2]) and DirectConv.suits(*layers)

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self._pad(self.check_input(x))
        y = self.empty("y", (len(x), *self.output_shape))
        maps, patches, (weight, bias) = as_maps(y), self.patches, self.weight_and_bias()
        codes = self.empty("codes", maps.shape if training else (0, 0, 0), np.uint8)  # which pixel of a window won
        if self.by_winograd:
            ops.winograd_relu_pool_forward(x, weight, bias, self.output_shape[1], maps, codes)
        else:
            ops.conv_relu_pool_forward(x, weight, bias, patches.starts, patches.runs, patches.run_length, maps, codes)
        self.save_for_backward(training, len(x), x, codes)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Visit the pixels that won: each gives its gradient times its patch to dw, times its filter to dx."""
        dy = as_maps(self.check_output_gradient(dy))
        x, codes = self.saved
        weight, patches = self.conv.parameters[0], self.patches
        runs = patches.runs, patches.run_length
        dw, db = as_rows(weight.grad), self.conv.bias_gradient()
        learns = self.conv.learns
        by_taps, by_entries = learns and self.by_taps, learns and not self.by_taps  # what gives dw
        if by_taps:
            in_squares = self.by_windows and x.shape[3] == 1
            ops.conv_tap_gradient(x, dy, codes, patches.starts, patches.taps, in_squares, dw, db)
        if by_entries or (need_dx and not self.by_windows):
            entries, sums = self._entries(dy, codes)
        if by_entries:
            ops.conv_weight_gradient(x, *runs, *entries, sums, dw, db)
        if not need_dx:
            return None
        dx = self.empty("dpadded", x.shape)
        if self.by_windows:
            ops.window_input_gradient(as_rows(weight.value), dy, codes, patches.starts, patches.row, dx)
        else:
            ops.conv_input_gradient(as_rows(weight.value), *runs, *entries, dx)
        return self._crop(dx)

    def _entries(self, dy: NDArray, codes: NDArray) -> tuple[tuple[NDArray, NDArray, NDArray], NDArray]:
        """List the pixels with a gradient; return the lists and the gradient's sum by image and filter."""
        starts = self.empty("starts", (len(dy), self.conv.filters + 1), np.int32)
        positions = self.empty("positions", (len(dy), dy[0].size), np.int32)
        values, sums = self.empty("values", positions.shape), self.empty("sums", (len(dy), self.conv.filters))
        ops.conv_entries(dy, codes, self.patches.starts, starts, positions, values, sums)
        return (starts, positions, values), sums

    def choices(self) -> list[NDArray]:
        """Return each element's code: which pixel of its window won, or that ReLU cut."""
        _, codes = self.saved
        return [codes.copy()]

    def executed_shares(self, need_dx: bool) -> tuple[float, float]:
        conv, (height, width, _), (codes,) = self.conv, self.output_shape, self.choices()
        kept = 2 * height, 2 * width  # pooling drops a last odd row
        share = math.prod(kept) / math.prod(conv.output_shape[:2])
        if self.by_winograd:
            share = winograd_share(conv, len(codes), kept)
        dense = len(codes) * math.prod(conv.output_shape)
        return share, 1.0 if self.by_taps else float((codes < CUT).sum()) / dense

    def _pad(self, x: NDArray) -> NDArray:
        """Return `x` with the zeros around it that the convolution reads."""
        if self.padded_shape == self.conv.input_shape:
            return x
        padded = self.empty("padded", (len(x), *self.padded_shape))
        ops.pad_images(x, *self.conv.window.before, padded)
        return padded

    def _crop(self, dpadded: NDArray) -> NDArray:
        """Undo ``_pad``."""
        if self.padded_shape == self.conv.input_shape:
            return dpadded
        dx = self.empty("dx", (len(dpadded), *self.conv.input_shape))
        ops.crop_images(dpadded, *self.conv.window.before, dx)
        return dx


def is_plain_pool(pool: MaxPool2D) -> bool:
    """Whether the windows are 2 x 2, side by side and without padding."""
    height, width, _ = pool.input_shape
    return pool.window == Window((2, 2), (2, 2), (1, 1), before=(0, 0), count=(height // 2, width // 2))


def as_maps(a: NDArray) -> NDArray:
    """View (N, OH, OW, F) as (N, OH * OW, F)."""
    return a.reshape(len(a), a.shape[1] * a.shape[2], a.shape[3])
