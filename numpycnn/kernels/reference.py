"""Every kernel once more in plain NumPy: the judge of the compiled ones, and what runs with the JIT disabled.

Same names and arguments as the kernels; slow, short, and importing nothing but NumPy.
"""

from __future__ import annotations

import numpy as np


def affine(x, w, b, y):
    """y = x @ w + b for x (M, K), w (K, N), b (N,), y (M, N)."""
    y[...] = x @ w + b


def matmul_tn(x, dy, dw):
    """dw = x.T @ dy for x (M, K), dy (M, N), dw (K, N)."""
    dw[...] = x.T @ dy


def matmul_nt(dy, w, dx):
    """dx = dy @ w.T for dy (M, N), w (K, N), dx (M, K)."""
    dx[...] = dy @ w.T


def im2col(x, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, cols):
    """Copy the patch under each filter position: x (N, H, W, C) to cols (N, OH, OW, kh * kw * C), zeros outside."""
    images, height, width, channels = x.shape
    out_h, out_w = cols.shape[1:3]
    padded_h = max(top + height, (out_h - 1) * stride_h + (kernel_h - 1) * dilation_h + 1)
    padded_w = max(left + width, (out_w - 1) * stride_w + (kernel_w - 1) * dilation_w + 1)
    padded = np.zeros((images, padded_h, padded_w, channels), x.dtype)
    padded[:, top : top + height, left : left + width] = x
    patches = cols.reshape(images, out_h, out_w, kernel_h, kernel_w, channels)
    for ky in range(kernel_h):
        for kx in range(kernel_w):
            rows, columns = _taps(ky * dilation_h, stride_h, out_h), _taps(kx * dilation_w, stride_w, out_w)
            patches[:, :, :, ky, kx] = padded[:, rows, columns]


def col2im(cols, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, dx):
    """Add each patch back where it came from: cols (N, OH, OW, kh * kw * C) to dx (N, H, W, C)."""
    images, height, width, channels = dx.shape
    out_h, out_w = cols.shape[1:3]
    padded_h = max(top + height, (out_h - 1) * stride_h + (kernel_h - 1) * dilation_h + 1)
    padded_w = max(left + width, (out_w - 1) * stride_w + (kernel_w - 1) * dilation_w + 1)
    padded = np.zeros((images, padded_h, padded_w, channels), dx.dtype)
    patches = cols.reshape(images, out_h, out_w, kernel_h, kernel_w, channels)
    for ky in range(kernel_h):
        for kx in range(kernel_w):
            rows, columns = _taps(ky * dilation_h, stride_h, out_h), _taps(kx * dilation_w, stride_w, out_w)
            padded[:, rows, columns] += patches[:, :, :, ky, kx]
    dx[...] = padded[:, top : top + height, left : left + width]


def _taps(offset, stride, count):
    """Where one element of the filter meets the padded image: `count` places, `stride` apart."""
    return slice(offset, offset + (count - 1) * stride + 1, stride)


def _windows(shape, pool_h, pool_w, stride_h, stride_w, top, left, out_h, out_w):
    """Yield (oy, ox, rows, columns): each window cut to the image."""
    _, height, width, _ = shape
    for oy in range(out_h):
        y_first = oy * stride_h - top
        for ox in range(out_w):
            x_first = ox * stride_w - left
            rows = slice(max(y_first, 0), min(y_first + pool_h, height))
            columns = slice(max(x_first, 0), min(x_first + pool_w, width))
            yield oy, ox, rows, columns


def maxpool_forward(x, pool_h, pool_w, stride_h, stride_w, top, left, y, winners):
    """Largest element of each window and its position iy * W + ix: x (N, H, W, C) to y, winners (N, OH, OW, C)."""
    images, _, width, channels = x.shape
    for oy, ox, rows, columns in _windows(x.shape, pool_h, pool_w, stride_h, stride_w, top, left, *y.shape[1:3]):
        window = x[:, rows, columns]
        cells = window.reshape(images, -1, channels)
        first = cells.argmax(axis=1)  # (N, C)
        y[:, oy, ox] = np.take_along_axis(cells, first[:, None], axis=1)[:, 0]
        window_w = window.shape[2]
        winners[:, oy, ox] = (rows.start + first // window_w) * width + columns.start + first % window_w


def maxpool_backward(dy, winners, dx):
    """Give each window's gradient to its winner: dy, winners (N, OH, OW, C) to dx (N, H, W, C)."""
    images, height, width, channels = dx.shape
    flat = np.zeros((images, height * width, channels), dx.dtype)
    n, _, _, c = np.indices(dy.shape, sparse=True)
    np.add.at(flat, (n, winners, c), dy)
    dx[...] = flat.reshape(dx.shape)


def avgpool_forward(x, pool_h, pool_w, stride_h, stride_w, top, left, y):
    """Mean of each window's cells inside the image: x (N, H, W, C) to y (N, OH, OW, C)."""
    for oy, ox, rows, columns in _windows(x.shape, pool_h, pool_w, stride_h, stride_w, top, left, *y.shape[1:3]):
        y[:, oy, ox] = x[:, rows, columns].mean(axis=(1, 2))


def avgpool_backward(dy, pool_h, pool_w, stride_h, stride_w, top, left, dx):
    """Share each window's gradient among its cells: dy (N, OH, OW, C) to dx (N, H, W, C)."""
    dx[...] = 0
    for oy, ox, rows, columns in _windows(dx.shape, pool_h, pool_w, stride_h, stride_w, top, left, *dy.shape[1:3]):
        cells = (rows.stop - rows.start) * (columns.stop - columns.start)
        dx[:, rows, columns] += dy[:, oy, ox][:, None, None] / cells


def relu_forward(x, y):
    """y = max(x, 0), elementwise on (n,); NaN stays NaN."""
    np.maximum(x, 0, out=y)


def relu_backward(dy, y, dx):
    """dx = dy where y > 0, else 0, elementwise on (n,); y is the forward's output."""
    dx[...] = np.where(y <= 0, 0, dy)


def sum_rows(x, total):
    """Sum over the first axis: x (M, N) to total (N,)."""
    total[...] = x.sum(axis=0)


def sgd(gradient, rate, momentum, nesterov, weight, velocity):
    """One step on (n,) vectors: velocity = momentum * velocity + gradient; weight -= rate * velocity."""
    velocity[...] = momentum * velocity + gradient
    weight -= rate * (gradient + momentum * velocity if nesterov else velocity)


def adam(gradient, rate, beta1, beta2, epsilon, correction1, correction2, decay, weight, m, v):
    """One step of Adam (Algorithm 1) on (n,) vectors; correction1 = 1 - beta1**t, decay shrinks the weight first."""
    m[...] = beta1 * m + (1 - beta1) * gradient
    v[...] = beta2 * v + (1 - beta2) * gradient**2
    step = (m / correction1) / (np.sqrt(v / correction2) + epsilon)
    weight -= decay * weight + rate * step
