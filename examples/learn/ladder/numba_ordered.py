"""Rung 3: the same loops in another order, on all cores.

The innermost loop now runs over what lies side by side: the filters, the last axis of w and y. Its sums do not wait for
each other (each filter has its own), so a vector instruction does 8 or 16 of them. The outermost loop is divided among
the cores; no two of them write to the same memory, else the result would be wrong now and then.
"""

import numba
import numpy as np

from .python_loops import cropped, outputs, padded


@numba.njit(cache=True, parallel=True, fastmath={"contract"})  # contract: multiply and add may be one instruction
def sum_windows(x, w, b, stride, y):
    for n in numba.prange(y.shape[0]):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                y[n, i, j] = b
                for p in range(w.shape[0]):
                    for q in range(w.shape[1]):
                        for c in range(x.shape[3]):
                            pixel = x[n, i * stride + p, j * stride + q, c]
                            for f in range(y.shape[3]):
                                y[n, i, j, f] += pixel * w[p, q, c, f]


@numba.njit(cache=True, parallel=True, fastmath={"contract"})
def spread_to_image(dy, turned, stride, dx):
    """`turned` is w with its last two axes exchanged, so that the channels lie side by side."""
    for n in numba.prange(dy.shape[0]):
        for i in range(dy.shape[1]):
            for j in range(dy.shape[2]):
                for p in range(turned.shape[0]):
                    for q in range(turned.shape[1]):
                        for f in range(dy.shape[3]):
                            gradient = dy[n, i, j, f]
                            for c in range(dx.shape[3]):
                                dx[n, i * stride + p, j * stride + q, c] += gradient * turned[p, q, f, c]


@numba.njit(cache=True, parallel=True, fastmath={"contract"})
def gather_filters(dy, x, stride, dw):
    for c in numba.prange(x.shape[3]):  # each core its own channels of the filters
        for n in range(dy.shape[0]):
            for i in range(dy.shape[1]):
                for j in range(dy.shape[2]):
                    for p in range(dw.shape[0]):
                        for q in range(dw.shape[1]):
                            pixel = x[n, i * stride + p, j * stride + q, c]
                            for f in range(dy.shape[3]):
                                dw[p, q, c, f] += pixel * dy[n, i, j, f]


def forward(x, w, b, stride=1, padding=0):
    x = padded(x, padding)
    y = np.empty(outputs(x, w, stride), x.dtype)
    sum_windows(x, w, b, stride, y)
    return y


def backward(dy, x, w, stride=1, padding=0):
    x = padded(x, padding)
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    spread_to_image(dy, np.ascontiguousarray(w.transpose(0, 1, 3, 2)), stride, dx)
    gather_filters(dy, x, stride, dw)
    return cropped(dx, padding), dw, dy.sum(axis=(0, 1, 2))
