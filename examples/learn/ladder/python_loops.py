"""Rung 1: the definition, in Python loops. Seven of them: image, filter, output row and column, channel, row, column.

Nothing can be wrong that one cannot see here, so all other rungs are compared with this one.
"""

import numpy as np


def padded(x, padding):
    """Return x with that many rows and columns of zeros on each side."""
    return np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))


def cropped(dx, padding):
    """Return dx without the gradient of the padding, which nobody asks for."""
    return dx[:, padding : dx.shape[1] - padding, padding : dx.shape[2] - padding]


def outputs(x, w, stride):
    """Return the shape of y for an x that has its padding already."""
    (n, height, width, _), (kh, kw, _, filters) = x.shape, w.shape
    return n, (height - kh) // stride + 1, (width - kw) // stride + 1, filters


def sum_windows(x, w, b, stride, y):
    for n, f, i, j in np.ndindex(y.shape[0], y.shape[3], y.shape[1], y.shape[2]):
        total = b[f]
        for c in range(x.shape[3]):
            for p in range(w.shape[0]):
                for q in range(w.shape[1]):
                    total += x[n, i * stride + p, j * stride + q, c] * w[p, q, c, f]
        y[n, i, j, f] = total


def spread_gradients(dy, x, w, stride, dx, dw, db):
    for n, f, i, j in np.ndindex(dy.shape[0], dy.shape[3], dy.shape[1], dy.shape[2]):
        gradient = dy[n, i, j, f]
        db[f] += gradient
        for c in range(x.shape[3]):
            for p in range(w.shape[0]):
                for q in range(w.shape[1]):
                    dx[n, i * stride + p, j * stride + q, c] += gradient * w[p, q, c, f]
                    dw[p, q, c, f] += gradient * x[n, i * stride + p, j * stride + q, c]


def forward(x, w, b, stride=1, padding=0):
    x = padded(x, padding)
    y = np.empty(outputs(x, w, stride), x.dtype)
    sum_windows(x, w, b, stride, y)
    return y


def backward(dy, x, w, stride=1, padding=0):
    x = padded(x, padding)
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(w.shape[3], w.dtype)
    spread_gradients(dy, x, w, stride, dx, dw, db)
    return cropped(dx, padding), dw, db
