"""Rung 5: im2col. All windows are written as rows of one matrix, and one large product does the rest.

A large product keeps what it has loaded in the cache and multiplies it many times, which is what BLAS is tuned for. The
price is the matrix: kh * kw times the image, written once and read once.
"""

import numpy as np

from .python_loops import cropped, outputs, padded


def places(i, j, stride, height, width):
    """Return where the windows have their pixel (i, j): one slice for the rows, one for the columns."""
    return slice(i, i + stride * height, stride), slice(j, j + stride * width, stride)


def im2col(x, w, stride):
    """Return the windows of an x that has its padding, (N * OH * OW, kh * kw * C)."""
    kh, kw, channels, _ = w.shape
    n, height, width, _ = outputs(x, w, stride)
    cols = np.empty((n, height, width, kh, kw, channels), x.dtype)
    for i, j in np.ndindex(kh, kw):
        rows, columns = places(i, j, stride, height, width)
        cols[:, :, :, i, j] = x[:, rows, columns]
    return cols.reshape(n * height * width, -1)


def col2im(dcols, w, stride, dx):
    """Add each window's gradient, (N, OH, OW, kh, kw, C), where the window lies in the image."""
    height, width = dcols.shape[1:3]
    for i, j in np.ndindex(w.shape[:2]):
        rows, columns = places(i, j, stride, height, width)
        dx[:, rows, columns] += dcols[:, :, :, i, j]


def forward(x, w, b, stride=1, padding=0):
    x = padded(x, padding)
    y = im2col(x, w, stride) @ w.reshape(-1, w.shape[3])
    y += b
    return y.reshape(outputs(x, w, stride))


def backward(dy, x, w, stride=1, padding=0):
    x = padded(x, padding)
    rows, filters = dy.reshape(-1, dy.shape[3]), w.reshape(-1, w.shape[3])
    dw = im2col(x, w, stride).T @ rows
    dcols = rows @ filters.T  # (N * OH * OW, kh * kw * C)
    dx = np.zeros_like(x)
    col2im(dcols.reshape(*dy.shape[:3], *w.shape[:3]), w, stride, dx)
    return cropped(dx, padding), dw.reshape(w.shape), rows.sum(axis=0)
