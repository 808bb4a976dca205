"""Pooling: the largest element or the mean of each window, and how the gradient finds its way back."""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import device, kernel


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

    The windows' rows are added up first, in one long loop: few channels make short ones.
    """
    images, height, width, channels = x.shape
    out_h, out_w = y.shape[1], y.shape[2]
    x_rows = x.reshape(images, height, width * channels)
    for row in prange(images * out_h):
        n, oy = row // out_h, row % out_h
        y_start, y_stop = _window(oy, stride_h, top, pool_h, height)
        total = np.empty(width * channels, x.dtype)
        for i in range(total.size):
            total[i] = x_rows[n, y_start, i]
        for iy in range(y_start + 1, y_stop):
            for i in range(total.size):
                total[i] += x_rows[n, iy, i]
        for ox in range(out_w):
            x_start, x_stop = _window(ox, stride_w, left, pool_w, width)
            cells, mean = x.dtype.type((y_stop - y_start) * (x_stop - x_start)), y[n, oy, ox]
            for c in range(channels):
                mean[c] = total[x_start * channels + c]
            for ix in range(x_start + 1, x_stop):
                for c in range(channels):
                    mean[c] += total[ix * channels + c]
            for c in range(channels):
                mean[c] /= cells


@kernel
def avgpool_backward(dy, pool_h, pool_w, stride_h, stride_w, top, left, dx):
    """Share each window's gradient among its cells: dy (N, OH, OW, C) to dx (N, H, W, C), by rows of windows."""
    images, height, width, channels = dx.shape
    out_h, out_w = dy.shape[1], dy.shape[2]
    dx_rows = dx.reshape(images, height, width * channels)
    for n in prange(images):
        shares = np.empty(width * channels, dx.dtype)
        for iy in range(height):
            for i in range(shares.size):
                dx_rows[n, iy, i] = 0
        for oy in range(out_h):
            y_start, y_stop = _window(oy, stride_h, top, pool_h, height)
            for i in range(shares.size):
                shares[i] = 0
            for ox in range(out_w):
                x_start, x_stop = _window(ox, stride_w, left, pool_w, width)
                cells, gradient = dx.dtype.type((y_stop - y_start) * (x_stop - x_start)), dy[n, oy, ox]
                for ix in range(x_start, x_stop):
                    for c in range(channels):
                        shares[ix * channels + c] += gradient[c] / cells
            for iy in range(y_start, y_stop):
                for i in range(shares.size):
                    dx_rows[n, iy, i] += shares[i]
