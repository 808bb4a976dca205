"""Batch normalisation, ReLU and what stands around them as one block: maps are read and written as seldom as can be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels import ops
from ..layers import BatchNorm, Conv2D, Layer
from ..layers.conv import as_rows
from .activated import ALONE
from .block import Block, shares_of
from .convolution import ConvReLU, ConvReLUPool, is_plain_pool
from .winograd import WinogradConvReLU


class Normalised(Block):
    """BatchNorm, then ReLU, then, if it follows, MaxPool2D over 2 x 2.

    Forward reads its input for the statistics, then to write what is left of it; backward reads it for two sums over
    the winners, then to write dx. A byte says which pixel of a window won, or that ReLU cut.
    """

    def __init__(self, norm: BatchNorm, *others: Layer) -> None:
        super().__init__(norm, *others)
        self.norm, self.pool = norm, len(others)

    @staticmethod
    def suits(*layers: Any) -> bool:
        return len(layers) == 2 or is_plain_pool(layers[2])

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        x = self.check_input(x)
        mean, inverse, of_batch = self.norm.statistics(as_rows(x), training)
        y = self.empty("y", (len(x), *self.output_shape))
        codes = self.empty("codes", y.shape if training else (0, *self.output_shape), np.uint8)
        factor, shift = self.norm.factor_and_shift(inverse)
        ops.normalise_relu_pool(as_images(x), mean, factor, shift, self.pool, as_images(y), as_images(codes))
        self.save_for_backward(training, len(x), x, mean, inverse, of_batch, codes)
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Give the gradient to the pixels that won, then apply BatchNorm's rules."""
        dy = self.check_output_gradient(dy)
        x, mean, inverse, of_batch, codes = self.saved
        passed = as_images(x), mean, as_images(dy), as_images(codes), self.pool
        factor, _ = self.norm.factor_and_shift(inverse)
        dgamma, dbeta = np.zeros((2, len(mean)), x.dtype)
        if self.norm.trainable or of_batch:  # frozen since the forward: dx still needs them
            ops.normalise_relu_pool_sums(*passed, dgamma, dbeta)
            dgamma *= inverse
            self.norm.keep_gradients(dgamma, dbeta)
        if not need_dx:
            return None
        rows = math.inf  # other statistics than the batch's are constants
        if of_batch:
            dgamma, dbeta, rows = self.norm.sums_of_batch(dgamma, dbeta, x.size // len(mean), len(x))
        dx = self.empty("dx", x.shape)
        ops.normalise_relu_pool_backward(*passed, dbeta / rows, inverse * dgamma / rows, factor, as_images(dx))
        return dx

    def choices(self) -> list[NDArray]:
        """Return each element's code: which pixel of its window won, or that ReLU cut."""
        return [self.saved[-1].copy()]


class ConvNormalised(Block):
    """Conv2D, then such a block; in prediction the normalisation is part of the filters: one pass, as without it."""

    def __init__(self, conv: Conv2D, norm: BatchNorm, *others: Layer) -> None:
        super().__init__(conv, norm, *others)
        self.conv, self.norm = conv, norm
        self.sums = next((block(conv) for block in ALONE[Conv2D] if block.suits(conv, norm, *others)), conv)
        self.normalised = Normalised(norm, *others)
        candidates: tuple[Any, ...] = (ConvReLUPool,) if len(others) == 2 else (WinogradConvReLU, ConvReLU)
        self.predicting = next(block(conv, *others) for block in candidates if block.suits(conv, *others))
        self.predicting.weight_and_bias = self._weight_and_bias
        self.blocks = self.sums, self.normalised, self.predicting

    @staticmethod
    def suits(*layers: Any) -> bool:
        conv, norm, *others = layers
        return Normalised.suits(norm, *others) and (ConvReLUPool if len(others) == 2 else ConvReLU).suits(conv, *others)

    def forward(self, x: NDArray, training: bool = False) -> NDArray:
        if not training:
            y = self.predicting.forward(x)
            self.save_for_backward(False, len(y))
            return y
        y = self.normalised.forward(self.sums.forward(x, training), training)
        self.save_for_backward(training, len(y))
        return y

    def backward(self, dy: NDArray, need_dx: bool = True) -> NDArray | None:
        """Apply the parts' rules, the last one's first; without a gradient for the filters or x, its own alone."""
        dy = self.check_output_gradient(dy)
        dsums = self.normalised.backward(dy, need_dx or self.conv.learns)
        return None if dsums is None else self.sums.backward(dsums, need_dx)

    def executed_shares(self, need_dx: bool) -> tuple[float, float]:
        return shares_of(self.sums, need_dx)

    def choices(self) -> list[NDArray]:
        """Return those of the second part."""
        return self.normalised.choices()

    def _weight_and_bias(self) -> tuple[NDArray, NDArray]:
        """Return filters (K, F) and biases (F,) that give what the moving statistics make of the sums."""
        mean, inverse, _ = self.norm.statistics(np.empty((0, self.conv.filters)), training=False)
        factor, shift = self.norm.factor_and_shift(inverse)
        weight, bias = self.conv.weight_and_bias()
        return weight * factor, (bias - mean) * factor + shift


def as_images(a: NDArray) -> NDArray:
    """View (..., C) as images (N, H, W, C), of one pixel each unless they are images."""
    return a if a.ndim == 4 else a.reshape(-1, 1, 1, a.shape[-1])
