"""The loops of batch normalisation: what is left to do for every element once the sums of rows are known.

A row holds one number a channel. The layer works out a few numbers a channel between these passes.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import kernel
from .rows import CHUNK


@kernel
def sum_products(x, center, y, y_center, total):
    """Sum over rows of (x - center) * (y - y_center): x, y (M, C), centers (C,) to total (C,), in chunks of rows."""
    rows, channels = x.shape
    chunks = (rows + CHUNK - 1) // CHUNK
    partial = np.empty((chunks, channels), x.dtype)
    for chunk in prange(chunks):
        sums = partial[chunk]
        for c in range(channels):
            sums[c] = 0
        for i in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, rows)):
            x_row, y_row = x[i], y[i]
            for c in range(channels):
                sums[c] += (x_row[c] - center[c]) * (y_row[c] - y_center[c])
    for c in range(channels):
        total[c] = 0
    for chunk in range(chunks):
        for c in range(channels):
            total[c] += partial[chunk, c]


@kernel
def normalise(x, mean, factor, shift, y):
    """y = (x - mean) * factor + shift, channel by channel: x, y (M, C), the others (C,)."""
    rows, channels = x.shape
    for i in prange(rows):
        x_row, y_row = x[i], y[i]
        for c in range(channels):
            y_row[c] = (x_row[c] - mean[c]) * factor[c] + shift[c]


@kernel
def normalise_backward(dy, dy_mean, x, x_mean, slope, factor, dx):
    """dx = (dy - dy_mean - (x - x_mean) * slope) * factor, channel by channel: dy, x, dx (M, C), the others (C,)."""
    rows, channels = x.shape
    for i in prange(rows):
        dy_row, x_row, dx_row = dy[i], x[i], dx[i]
        for c in range(channels):
            dx_row[c] = (dy_row[c] - dy_mean[c] - (x_row[c] - x_mean[c]) * slope[c]) * factor[c]
