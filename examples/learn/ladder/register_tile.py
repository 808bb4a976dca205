"""Rung 6: a tile of sums in registers, written out: four rows of the result at once, four terms added to each.

Of twelve vectors that are loaded or stored 16 products are made; rung 3 loads and stores a sum for every product. While
their terms are added the sums s0 to s3 are variables, so they are in registers: vectors of 8 or 16 filters, since the
loop runs over these. And there is no matrix of windows: a window is read where it lies, from its start in the image.
"""

import numba
import numpy as np

from .python_loops import cropped, outputs, padded

BLOCK = 512  # rows of dy that stay in the cache while every tile of dw reads them; in one piece it takes twice as long


@numba.njit(cache=True, parallel=True, fastmath={"contract"})
def add_products(x, rows, terms, w, y):
    """y[m] += sum over k of x[rows[m] + terms[k]] * w[k]: a matrix product whose first matrix lies in an image."""
    for tile in numba.prange(len(rows) // 4):
        m = 4 * tile
        r0, r1, r2, r3 = rows[m], rows[m + 1], rows[m + 2], rows[m + 3]
        y0, y1, y2, y3 = y[m], y[m + 1], y[m + 2], y[m + 3]
        for k in range(0, len(terms), 4):
            t0, t1, t2, t3 = terms[k], terms[k + 1], terms[k + 2], terms[k + 3]
            w0, w1, w2, w3 = w[k], w[k + 1], w[k + 2], w[k + 3]
            x00, x01, x02, x03 = x[r0 + t0], x[r0 + t1], x[r0 + t2], x[r0 + t3]
            x10, x11, x12, x13 = x[r1 + t0], x[r1 + t1], x[r1 + t2], x[r1 + t3]
            x20, x21, x22, x23 = x[r2 + t0], x[r2 + t1], x[r2 + t2], x[r2 + t3]
            x30, x31, x32, x33 = x[r3 + t0], x[r3 + t1], x[r3 + t2], x[r3 + t3]
            for f in range(y.shape[1]):
                a, b, c, d = w0[f], w1[f], w2[f], w3[f]
                s0 = y0[f] + x00 * a + x01 * b + x02 * c + x03 * d
                s1 = y1[f] + x10 * a + x11 * b + x12 * c + x13 * d
                s2 = y2[f] + x20 * a + x21 * b + x22 * c + x23 * d
                s3 = y3[f] + x30 * a + x31 * b + x32 * c + x33 * d
                y0[f], y1[f], y2[f], y3[f] = s0, s1, s2, s3


def by_fours(rows):
    """Return an array with rows of zeros behind until their number is a multiple of four."""
    return np.pad(rows, [(0, -len(rows) % 4)] + [(0, 0)] * (rows.ndim - 1))


def places(x, w, stride):
    """Return where each window starts in the flat image, and where its numbers lie from there; by fours."""
    numbers = np.arange(x.size).reshape(x.shape)
    _, height, width, _ = outputs(x, w, stride)
    starts = numbers[:, : height * stride : stride, : width * stride : stride, 0]
    return by_fours(starts.reshape(-1)), by_fours(numbers[0, : w.shape[0], : w.shape[1]].reshape(-1))


def forward(x, w, b, stride=1, padding=0):
    x = padded(x, padding)
    shape = outputs(x, w, stride)
    starts, taps = places(x, w, stride)
    y = np.empty((len(starts), shape[3]), x.dtype)
    y[:] = b
    add_products(x.reshape(-1), starts, taps, by_fours(w.reshape(-1, shape[3])), y)
    return y[: np.prod(shape[:3])].reshape(shape)


def backward(dy, x, w, stride=1, padding=0):
    """dx is a convolution, too: of dy, with zeros between and around, and the filters turned by 180 degrees."""
    x = padded(x, padding)
    kh, kw, channels, filters = w.shape
    apart = np.zeros((len(x), x.shape[1] + kh - 1, x.shape[2] + kw - 1, filters), x.dtype)
    apart[:, kh - 1 : kh - 1 + stride * dy.shape[1] : stride, kw - 1 : kw - 1 + stride * dy.shape[2] : stride] = dy
    dx = forward(apart, w[::-1, ::-1].transpose(0, 1, 3, 2), np.zeros(channels, w.dtype))
    starts, taps = places(x, w, stride)
    dw, rows = np.zeros((len(taps), filters), w.dtype), by_fours(dy.reshape(-1, filters))
    for m in range(0, len(rows), BLOCK):  # the same product with the roles exchanged: windows are the terms
        add_products(x.reshape(-1), taps, starts[m : m + BLOCK], rows[m : m + BLOCK], dw)
    return cropped(dx, padding), dw[: kh * kw * channels].reshape(w.shape), dy.sum(axis=(0, 1, 2))
