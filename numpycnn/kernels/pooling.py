"""Pooling: the largest element or the mean of each window, and how the gradient finds its way back."""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import called, device, kernel
from .simd import empty
from .tiles import sum_runs


@device
def _window(position, stride, before, pool, size):
    """First and last + 1 pixel, along one axis, of the window at this output position, cut to the image."""
    first = position * stride - before
    return max(0, first), min(size, first + pool)


@called
def _windows(count, stride, before, pool, size):
    """First and last + 1 pixel, along one axis, of each of `count` windows."""
    windows = empty((count, 2), np.int64)
    for position in range(count):  # number by number: to put a tuple into an array takes 2 s longer to compile
        windows[position, 0], windows[position, 1] = _window(position, stride, before, pool, size)
    return windows


@called
def _windows_with(size, stride, before, pool, count):
    """First and last + 1 window, along one axis, with each of `size` pixels; none where windows leave gaps."""
    windows = empty((size, 2), np.int64)
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


@called
def _lengths(windows, channels, x):
    """Each window's pixels, along one axis, for each of its channels, as numbers of x's kind."""
    lengths = empty(len(windows) * channels, x.dtype)
    for i in range(lengths.size):
        window = i // channels
        lengths[i] = windows[window, 1] - windows[window, 0]
    return lengths


@kernel
def avgpool_forward(x, pool_h, pool_w, stride_h, stride_w, top, left, y):
    """Mean of each window's cells inside the image: x (N, H, W, C) to y (N, OH, OW, C), by rows of windows."""
    images, height, width, channels = x.shape
    out_h, out_w = y.shape[1], y.shape[2]
    row_size, out_size, means = width * channels, out_w * channels, y.reshape(-1)
    rows, columns = _windows(out_h, stride_h, top, pool_h, height), _windows(out_w, stride_w, left, pool_w, width)
    across = _lengths(columns, channels, x)
    for row in prange(images * out_h):
        n, oy, i_mean = row // out_h, row % out_h, row * out_size
        sums = empty(row_size, x.dtype)
        sum_runs(x, n * height * row_size, rows, oy, 1, sums, 0, row_size)
        sum_runs(sums, 0, columns, 0, out_w, means, i_mean, channels)
        down, of_row = x.dtype.type(rows[oy, 1] - rows[oy, 0]), means[i_mean : i_mean + out_size]
        for i in range(out_size):
            of_row[i] /= down * across[i]


@kernel
def avgpool_backward(dy, pool_h, pool_w, stride_h, stride_w, top, left, dx):
    """Share each window's gradient among its cells: dy (N, OH, OW, C) to dx (N, H, W, C), by rows of windows."""
    images, height, width, channels = dx.shape
    out_h, out_w = dy.shape[1], dy.shape[2]
    row_size, out_size, gradients = width * channels, out_w * channels, dy.reshape(-1)
    rows, columns = _windows(out_h, stride_h, top, pool_h, height), _windows(out_w, stride_w, left, pool_w, width)
    rows_windows = _windows_with(height, stride_h, top, pool_h, out_h)
    columns_windows = _windows_with(width, stride_w, left, pool_w, out_w)
    across = _lengths(columns, channels, dy)
    for n in prange(images):
        shares, sums = empty(out_size, dy.dtype), empty(out_h * row_size, dy.dtype)
        for oy in range(out_h):
            down, of_row = dy.dtype.type(rows[oy, 1] - rows[oy, 0]), gradients[(n * out_h + oy) * out_size :][:out_size]
            for i in range(out_size):
                shares[i] = of_row[i] / (down * across[i])
            sum_runs(shares, 0, columns_windows, 0, width, sums, oy * row_size, channels)
        for iy in range(height):
            sum_runs(sums, 0, rows_windows, iy, 1, dx, (n * height + iy) * row_size, row_size)
