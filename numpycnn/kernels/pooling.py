"""Pooling: the largest element or the mean of each window, and how the gradient finds its way back."""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import device, kernel
from .matmul import empty_aligned
from .tiles import sum_over


@device
def _window(position, stride, before, pool, size):
    """First and last + 1 pixel, along one axis, of the window at this output position, cut to the image."""
    first = position * stride - before
    return max(0, first), min(size, first + pool)


@device
def _windows_with(size, stride, before, pool, count):
    """First and last + 1 window, along one axis, with each of `size` pixels; none where windows leave gaps."""
    windows = np.empty((size, 2), np.int64)
    for pixel in range(size):
        windows[pixel, 0] = max(0, (pixel + before - pool) // stride + 1)
        windows[pixel, 1] = max(windows[pixel, 0], min(count, (pixel + before) // stride + 1))
    return windows


@kernel
def maxpool_forward(x, pool_h, pool_w, stride_h, stride_w, top, left, y, winners):
    """Largest element of each window: x (N, H, W, C) to y and winners (N, OH, OW, C).

    ``winners`` is the winner's position in its image, ``iy * W + ix``. The first maximum in row-major order wins, and
    a NaN wins over every number, as in ``numpy.argmax``.
    """
    images, height, width, channels = x.shape
    out_h, out_w = y.shape[1], y.shape[2]
    for row in prange(images * out_h):
        n, oy = row // out_h, row % out_h
        y_start, y_stop = _window(oy, stride_h, top, pool_h, height)
        for ox in range(out_w):
            x_start, x_stop = _window(ox, stride_w, left, pool_w, width)
            for c in range(channels):
                y[n, oy, ox, c] = x[n, y_start, x_start, c]
                winners[n, oy, ox, c] = y_start * width + x_start
            for iy in range(y_start, y_stop):
                for ix in range(x_start, x_stop):
                    for c in range(channels):
                        best, value = y[n, oy, ox, c], x[n, iy, ix, c]
                        wins = value > best or (value != value and best == best)
                        y[n, oy, ox, c] = value if wins else best
                        winners[n, oy, ox, c] = iy * width + ix if wins else winners[n, oy, ox, c]


@kernel
def maxpool_backward(dy, winners, dx):
    """Give each window's gradient to its winner: dy, winners (N, OH, OW, C) to dx (N, H, W, C); shared winners add."""
    images, height, width, channels = dx.shape
    out_h, out_w = dy.shape[1], dy.shape[2]
    dx_pixels = dx.reshape(images, height * width, channels)
    for n in prange(images):
        for pixel in range(height * width):
            for c in range(channels):
                dx_pixels[n, pixel, c] = 0
        for oy in range(out_h):
            for ox in range(out_w):
                for c in range(channels):
                    dx_pixels[n, winners[n, oy, ox, c], c] += dy[n, oy, ox, c]


@kernel
def avgpool_forward(x, pool_h, pool_w, stride_h, stride_w, top, left, y):
    """Mean of each window's cells inside the image: x (N, H, W, C) to y (N, OH, OW, C), by rows of windows."""
    images, height, width, channels = x.shape
    out_h, out_w = y.shape[1], y.shape[2]
    one, row_size = x.dtype.type(1), width * channels
    for row in prange(images * out_h):
        n, oy = row // out_h, row % out_h
        y_start, y_stop = _window(oy, stride_h, top, pool_h, height)
        total = empty_aligned(row_size, x)
        sum_over(x, (n * height + y_start) * row_size, row_size, y_stop - y_start, one, total, 0, row_size)
        for ox in range(out_w):
            x_start, x_stop = _window(ox, stride_w, left, pool_w, width)
            cells = x.dtype.type((y_stop - y_start) * (x_stop - x_start))
            iy, pixels = (row * out_w + ox) * channels, x_stop - x_start
            sum_over(total, x_start * channels, channels, pixels, cells, y, iy, channels)


@kernel
def avgpool_backward(dy, pool_h, pool_w, stride_h, stride_w, top, left, dx):
    """Share each window's gradient among its cells: dy (N, OH, OW, C) to dx (N, H, W, C), by rows of windows."""
    images, height, width, channels = dx.shape
    out_h, out_w = dy.shape[1], dy.shape[2]
    one, row_size = dx.dtype.type(1), width * channels
    windows_of_row = _windows_with(height, stride_h, top, pool_h, out_h)
    windows_of_column = _windows_with(width, stride_w, left, pool_w, out_w)
    for n in prange(images):
        shares, sums = empty_aligned(out_w * channels, dy), empty_aligned(out_h * row_size, dy)
        for oy in range(out_h):
            y_start, y_stop = _window(oy, stride_h, top, pool_h, height)
            for ox in range(out_w):
                x_start, x_stop = _window(ox, stride_w, left, pool_w, width)
                cells, at = dy.dtype.type((y_stop - y_start) * (x_stop - x_start)), ox * channels
                sum_over(dy, (n * out_h + oy) * out_w * channels + at, 0, 1, cells, shares, at, channels)
            for ix in range(width):
                (first, end), i_sum = windows_of_column[ix], (oy * width + ix) * channels
                sum_over(shares, first * channels, channels, end - first, one, sums, i_sum, channels)
        for iy in range(height):
            (first, end), i_dx = windows_of_row[iy], (n * height + iy) * row_size
            sum_over(sums, first * row_size, row_size, end - first, one, dx, i_dx, row_size)
