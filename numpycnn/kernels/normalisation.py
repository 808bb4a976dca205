"""The loops of batch normalisation: what is left to do for every element once the sums of rows are known.

A row holds one number a channel. The layer works out a few numbers a channel between these passes.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import kernel
from .rows import CHUNK, add_up


@kernel
def moments(x, mean, variance):
    """Mean and (biased) variance of each column: x (M, C) to (C,), read once, in chunks of rows.

    Distances are squared from the chunk's own mean, so that nothing cancels, and those of the chunks' means from the
    whole's are added at the end (Chan, Golub and LeVeque, "Updating formulae", 1979, equation 2.1).
    """
    rows, channels = x.shape
    chunks = (rows + CHUNK - 1) // CHUNK
    means, squares = np.empty((chunks, channels), x.dtype), np.empty((chunks, channels), x.dtype)
    for chunk in prange(chunks):
        first, last = chunk * CHUNK, min(chunk * CHUNK + CHUNK, rows)
        center, sums = means[chunk], squares[chunk]
        for c in range(channels):
            center[c] = 0
            sums[c] = 0
        for i in range(first, last):
            row = x[i]
            for c in range(channels):
                center[c] += row[c]
        for c in range(channels):
            center[c] /= x.dtype.type(last - first)
        for i in range(first, last):
            row = x[i]
            for c in range(channels):
                sums[c] += (row[c] - center[c]) * (row[c] - center[c])
    for c in range(channels):
        total = np.float64(0)
        for chunk in range(chunks):
            total += means[chunk, c] * np.float64(min(CHUNK, rows - chunk * CHUNK))
        total /= rows
        squared = np.float64(0)
        for chunk in range(chunks):
            distance = means[chunk, c] - total
            squared += squares[chunk, c] + distance * distance * min(CHUNK, rows - chunk * CHUNK)
        mean[c], variance[c] = total, squared / rows


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
    add_up(partial, total)


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


# -- with ReLU, and pooling over windows of `pool` by `pool` pixels, 1 or 2 --------------------------------------------
# A code says which pixel of its window won, or pool * pool that ReLU cut.


@kernel
def normalise_relu_pool(x, mean, factor, shift, pool, y, codes):
    """y = maxpool(relu((x - mean) * factor + shift)): x (N, H, W, C), then (C,), to y and codes (N, OH, OW, C).

    The first of equals wins, and a NaN over every number; an empty array of codes is not written.
    """
    images, height, width, channels = x.shape
    out_h, out_w = y.shape[1], y.shape[2]
    for task in prange(images * out_h):
        n, oy = task // out_h, task % out_h
        code = np.empty(channels, np.uint8)
        for ox in range(out_w):
            best = y[n, oy, ox]
            for c in range(channels):
                best[c] = (x[n, oy * pool, ox * pool, c] - mean[c]) * factor[c] + shift[c]
                code[c] = 0
            for q in range(1, pool * pool):
                row = x[n, oy * pool + q // pool, ox * pool + q % pool]
                for c in range(channels):
                    value = (row[c] - mean[c]) * factor[c] + shift[c]
                    wins = value > best[c] or (value != value and best[c] == best[c])
                    best[c] = value if wins else best[c]
                    code[c] = q if wins else code[c]
            for c in range(channels):
                cut = best[c] <= 0
                best[c] = 0 if cut else best[c]
                code[c] = pool * pool if cut else code[c]
            if codes.size > 0:
                for c in range(channels):
                    codes[n, oy, ox, c] = code[c]


@kernel
def normalise_relu_pool_sums(x, mean, dy, codes, pool, dgamma, dbeta):
    """Sums over the winners of dy * (x - mean) and of dy: x (N, H, W, C), dy, codes (N, OH, OW, C), the others (C,)."""
    _, height, width, channels = x.shape
    images, out_h, out_w, _ = dy.shape
    windows = images * out_h * out_w
    chunks = (windows + CHUNK - 1) // CHUNK
    products, sums = np.empty((chunks, channels), x.dtype), np.empty((chunks, channels), x.dtype)
    for chunk in prange(chunks):
        product, total = products[chunk], sums[chunk]
        for c in range(channels):
            product[c] = 0
            total[c] = 0
        for window in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, windows)):
            n, oy, ox = window // (out_h * out_w), window // out_w % out_h, window % out_w
            gradient, code = dy[n, oy, ox], codes[n, oy, ox]
            for q in range(pool * pool):
                row = x[n, oy * pool + q // pool, ox * pool + q % pool]
                for c in range(channels):
                    passed = gradient[c] if code[c] == q else x.dtype.type(0)
                    total[c] += passed
                    product[c] += passed * (row[c] - mean[c])
    add_up(products, dgamma)
    add_up(sums, dbeta)


@kernel
def normalise_relu_pool_backward(x, mean, dy, codes, pool, dy_mean, slope, factor, dx):
    """dx as in ``normalise_backward``, for a dy that only winners got: x, dx (N, H, W, C), dy, codes (N, OH, OW, C)."""
    images, height, width, channels = x.shape
    out_h, out_w = dy.shape[1], dy.shape[2]
    for task in prange(images * height):
        n, iy = task // height, task % height
        for ix in range(width):
            row, dx_row = x[n, iy, ix], dx[n, iy, ix]
            if iy // pool < out_h and ix // pool < out_w:
                gradient, code = dy[n, iy // pool, ix // pool], codes[n, iy // pool, ix // pool]
                q = iy % pool * pool + ix % pool
                for c in range(channels):
                    passed = gradient[c] if code[c] == q else x.dtype.type(0)
                    dx_row[c] = (passed - dy_mean[c] - (row[c] - mean[c]) * slope[c]) * factor[c]
            else:  # a last row or column that belongs to no window
                for c in range(channels):
                    dx_row[c] = (-dy_mean[c] - (row[c] - mean[c]) * slope[c]) * factor[c]
