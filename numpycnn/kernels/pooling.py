"""Pooling: the largest element or the mean of each window, and how the gradient finds its way back."""

from __future__ import annotations

import numpy as np
from numba import prange

from .curves import tanh
from .jit import called, device, kernel


@device
def _window(position, stride, before, pool, size):
    """First and last + 1 pixel, along one axis, of the window at this output position, cut to the image."""
    first = position * stride - before
    return max(0, first), min(size, first + pool)


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
    """Mean of each window's cells inside the image: x (N, H, W, C) to y (N, OH, OW, C).

    Rows are added up first: they are long, and the compiler makes vectors of them, where channels may be few.
    """
    images, height, width, channels = x.shape
    out_h = y.shape[1]
    for row in prange(images * out_h):
        n, oy = row // out_h, row % out_h
        start, stop = _window(oy, stride_h, top, pool_h, height)
        sums = np.empty(width * channels, x.dtype)
        for i in range(sums.size):
            sums[i] = 0
        for iy in range(start, stop):
            x_row = x[n, iy].reshape(-1)
            for i in range(sums.size):
                sums[i] += x_row[i]
        _mean_of_columns(sums, stop - start, pool_w, stride_w, left, width, y[n, oy])


@kernel
def avgpool_backward(dy, pool_h, pool_w, stride_h, stride_w, top, left, dx):
    """Share each window's gradient among its cells: dy (N, OH, OW, C) to dx (N, H, W, C)."""
    images, height, width, channels = dx.shape
    for n in prange(images):
        pixels, shares = dx[n].reshape(-1), np.empty(width * channels, dx.dtype)
        for i in range(pixels.size):
            pixels[i] = 0
        for oy in range(dy.shape[1]):
            start, stop = _window(oy, stride_h, top, pool_h, height)
            _shares_of_columns(dy[n, oy], stop - start, pool_w, stride_w, left, width, shares)
            for iy in range(start, stop):
                dx_row = dx[n, iy].reshape(-1)
                for i in range(shares.size):
                    dx_row[i] += shares[i]


@kernel
def tanh_avgpool_forward(x, pool_h, pool_w, y, pooled):
    """y = tanh(x), and means of windows side by side: x, y (N, H, W, C) to pooled (N, H // pool_h, W // pool_w, C).

    y may be x.
    """
    images, height, width, channels = x.shape
    out_h = pooled.shape[1]
    for row in prange(images * out_h):
        n, oy = row // out_h, row % out_h
        sums = np.empty(width * channels, x.dtype)
        for i in range(sums.size):
            sums[i] = 0
        for iy in range(oy * pool_h, oy * pool_h + pool_h):
            x_row, y_row = x[n, iy].reshape(-1), y[n, iy].reshape(-1)
            for i in range(sums.size):
                value = tanh(x_row[i])
                y_row[i] = value
                sums[i] += value
        _mean_of_columns(sums, pool_h, pool_w, pool_w, 0, width, pooled[n, oy])
        for iy in range(out_h * pool_h, height if oy == out_h - 1 else 0):  # in no window, but y has them
            x_row, y_row = x[n, iy].reshape(-1), y[n, iy].reshape(-1)
            for i in range(sums.size):
                y_row[i] = tanh(x_row[i])


@kernel
def tanh_avgpool_backward(dpooled, y, pool_h, pool_w, dx):
    """dx = (1 - y**2) times each window's share of its gradient: dpooled (N, OH, OW, C), y, dx (N, H, W, C)."""
    images, height, width, channels = dx.shape
    out_h, one = dpooled.shape[1], dx.dtype.type(1)
    for n in prange(images):
        shares = np.empty(width * channels, dx.dtype)
        for iy in range(height):
            y_row, dx_row, oy = y[n, iy].reshape(-1), dx[n, iy].reshape(-1), iy // pool_h
            if iy % pool_h == 0:
                count = dpooled.shape[2] if oy < out_h else 0  # the last rows may be in no window
                windows = dpooled[n, min(oy, out_h - 1), :count]
                _shares_of_columns(windows, pool_h, pool_w, pool_w, 0, width, shares)
            for i in range(shares.size):
                dx_row[i] = shares[i] * (one - y_row[i] * y_row[i])


@called
def _mean_of_columns(sums, rows, pool_w, stride_w, left, width, y):
    """Mean of windows whose rows, so many, are added up already: sums (W * C,) to y (OW, C)."""
    channels = y.shape[1]
    for ox in range(len(y)):
        start, stop = _window(ox, stride_w, left, pool_w, width)
        cells = sums.dtype.type(rows * (stop - start))
        for c in range(channels):
            total = sums.dtype.type(0)
            for ix in range(start, stop):
                total += sums[ix * channels + c]
            y[ox, c] = total / cells


@called
def _shares_of_columns(dy, rows, pool_w, stride_w, left, width, shares):
    """What each pixel of a window's row gets of the gradient: dy (OW, C) to shares (W * C,)."""
    channels = dy.shape[1]
    for i in range(shares.size):
        shares[i] = 0
    for ox in range(len(dy)):
        start, stop = _window(ox, stride_w, left, pool_w, width)
        cells = shares.dtype.type(rows * (stop - start))
        for c in range(channels):
            share = dy[ox, c] / cells
            for ix in range(start, stop):
                shares[ix * channels + c] += share
