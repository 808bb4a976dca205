"""The loops between the matrix products: patches, windows, rectifiers, and the optimizers' one pass.

Each kernel has a twin of the same name in ``reference.py``, written in plain NumPy, and must agree with it. Images
are (N, H, W, C). A loop runs in parallel over images or elements that share no output.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from .jit import device, kernel

CHUNK = 256  # rows summed by themselves before they join the total: rounding grows with their number, not all rows'

SHORT_RUN = 8  # elements in a row of a patch below which a loop of its own costs more than it copies


@kernel
def pad_images(x, top, left, padded):
    """Copy x (N, H, W, C) into padded (N, HP, WP, C), `top` rows down and `left` columns right; zeros around it."""
    images, height, width, channels = padded.shape
    x_rows, padded_rows = x.reshape(images, x.shape[1], -1), padded.reshape(images, height, -1)
    start, size = left * channels, x_rows.shape[2]
    for row in prange(images * height):
        n, iy = row // height, row % height
        target = padded_rows[n, iy]
        inside = top <= iy < top + x_rows.shape[1]
        for i in range(target.size):
            target[i] = 0
        if inside:
            source, piece = x_rows[n, iy - top], target[start : start + size]
            for i in range(size):
                piece[i] = source[i]


@kernel
def crop_images(padded, top, left, x):
    """Copy back what ``pad_images`` wrote: padded (N, HP, WP, C) to x (N, H, W, C)."""
    images, height, width, channels = x.shape
    x_rows, padded_rows = x.reshape(images, height, -1), padded.reshape(images, padded.shape[1], -1)
    start, size = left * channels, width * channels
    for row in prange(images * height):
        n, iy = row // height, row % height
        target, piece = x_rows[n, iy], padded_rows[n, iy + top][start : start + size]
        for i in range(size):
            target[i] = piece[i]


@kernel
def im2col(x, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, cols):
    """Copy the patch under each filter position: x (N, H, W, C) to cols (N, OH, OW, kh * kw * C), zeros outside."""
    images, height, width, channels = x.shape
    out_h, out_w = cols.shape[1], cols.shape[2]
    run, pixels_a_run = _runs(kernel_w, dilation_w, channels)
    x_rows = x.reshape(images, height, width * channels)
    for row in prange(images * out_h):
        n, oy = row // out_h, row % out_h
        column = 0
        for ky in range(kernel_h):
            iy = oy * stride_h - top + ky * dilation_h
            inside = 0 <= iy < height
            source = x_rows[n, iy if inside else 0]
            for kx in range(0, kernel_w, pixels_a_run):
                if run < SHORT_RUN:
                    for i in range(run):
                        for ox in range(out_w):
                            at = (ox * stride_w - left + kx * dilation_w) * channels + i
                            cols[n, oy, ox, column + i] = source[at] if inside and 0 <= at < source.size else 0
                    column += run
                    continue
                for ox in range(out_w):
                    target = cols[n, oy, ox, column : column + run]
                    start = (ox * stride_w - left + kx * dilation_w) * channels
                    if inside and start >= 0 and start + run <= source.size:
                        piece = source[start : start + run]
                        for i in range(run):
                            target[i] = piece[i]
                    else:
                        for i in range(run):
                            target[i] = source[start + i] if inside and 0 <= start + i < source.size else 0
                column += run


@kernel
def col2im(cols, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, dx):
    """Add each patch back where it came from: cols (N, OH, OW, kh * kw * C) to dx (N, H, W, C); im2col's adjoint."""
    images, height, width, channels = dx.shape
    out_h, out_w = cols.shape[1], cols.shape[2]
    run, pixels_a_run = _runs(kernel_w, dilation_w, channels)
    dx_rows = dx.reshape(images, height, width * channels)
    for n in prange(images):
        for iy in range(height):
            for i in range(width * channels):
                dx_rows[n, iy, i] = 0
        for oy in range(out_h):
            column = 0
            for ky in range(kernel_h):
                iy = oy * stride_h - top + ky * dilation_h
                inside = 0 <= iy < height
                target = dx_rows[n, iy if inside else 0]
                for kx in range(0, kernel_w, pixels_a_run):
                    for ox in range(out_w):
                        source = cols[n, oy, ox, column : column + run]
                        start = (ox * stride_w - left + kx * dilation_w) * channels
                        if inside and start >= 0 and start + run <= target.size:
                            piece = target[start : start + run]
                            for i in range(run):
                                piece[i] += source[i]
                        elif inside:
                            for i in range(max(0, -start), min(run, target.size - start)):
                                target[start + i] += source[i]
                    column += run


@device
def _runs(kernel_w, dilation_w, channels):
    """Length of the pieces that a row of a patch falls into, in elements and in pixels: one piece, unless dilated."""
    if dilation_w == 1:
        return kernel_w * channels, kernel_w
    return channels, 1


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
    """Mean of each window's cells inside the image: x (N, H, W, C) to y (N, OH, OW, C)."""
    images, height, width, channels = x.shape
    out_h, out_w = y.shape[1], y.shape[2]
    for row in prange(images * out_h):
        n, oy = row // out_h, row % out_h
        y_start, y_stop = _window(oy, stride_h, top, pool_h, height)
        for ox in range(out_w):
            x_start, x_stop = _window(ox, stride_w, left, pool_w, width)
            for c in range(channels):
                y[n, oy, ox, c] = 0
            for iy in range(y_start, y_stop):
                for ix in range(x_start, x_stop):
                    for c in range(channels):
                        y[n, oy, ox, c] += x[n, iy, ix, c]
            for c in range(channels):
                y[n, oy, ox, c] /= (y_stop - y_start) * (x_stop - x_start)


@kernel
def avgpool_backward(dy, pool_h, pool_w, stride_h, stride_w, top, left, dx):
    """Share each window's gradient among its cells: dy (N, OH, OW, C) to dx (N, H, W, C)."""
    images, height, width, channels = dx.shape
    out_h, out_w = dy.shape[1], dy.shape[2]
    for n in prange(images):
        for iy in range(height):
            for ix in range(width):
                for c in range(channels):
                    dx[n, iy, ix, c] = 0
        for oy in range(out_h):
            y_start, y_stop = _window(oy, stride_h, top, pool_h, height)
            for ox in range(out_w):
                x_start, x_stop = _window(ox, stride_w, left, pool_w, width)
                cells = (y_stop - y_start) * (x_stop - x_start)
                for iy in range(y_start, y_stop):
                    for ix in range(x_start, x_stop):
                        for c in range(channels):
                            dx[n, iy, ix, c] += dy[n, oy, ox, c] / cells


@kernel
def relu_forward(x, y):
    """y = max(x, 0), elementwise on (n,); NaN stays NaN."""
    zero = x.dtype.type(0)
    for i in prange(x.size):
        y[i] = zero if x[i] <= zero else x[i]


@kernel
def relu_backward(dy, y, dx):
    """dx = dy where y > 0, else 0, elementwise on (n,); y is the forward's output."""
    zero = y.dtype.type(0)
    for i in prange(y.size):
        dx[i] = zero if y[i] <= zero else dy[i]


@kernel
def tanh_backward(dy, y, dx):
    """dx = dy * (1 - y**2), elementwise on (n,); y is the forward's output."""
    one = y.dtype.type(1)
    for i in prange(y.size):
        dx[i] = dy[i] * (one - y[i] * y[i])


@device
def _softmax_row(logits, p):
    """Write exp(logits - largest) / total; return the largest, without which exp could overflow, and log(total)."""
    largest = logits[0]
    for k in range(1, logits.size):
        largest = max(largest, logits[k])
    total = logits.dtype.type(0)
    for k in range(logits.size):
        p[k] = math.exp(logits[k] - largest)
        total += p[k]
    for k in range(logits.size):
        p[k] /= total
    return largest, math.log(total)


@kernel
def softmax(logits, p):
    """p = exp(logits) / sum of exp(logits) in each row: logits, p (N, K)."""
    for n in prange(len(logits)):
        _softmax_row(logits[n], p[n])


@kernel
def softmax_cross_entropy(logits, targets, losses, dlogits):
    """losses (N,) = -sum(targets * log p), p = softmax(logits); dlogits = (p - targets) / N; all else (N, K)."""
    rows, classes = logits.shape
    for n in prange(rows):
        largest, log_total = _softmax_row(logits[n], dlogits[n])
        loss = 0.0
        for k in range(classes):
            target = targets[n, k]
            if target != 0:  # where log p is -infinity: neither the target nor possible
                loss -= target * (logits[n, k] - largest - log_total)
            dlogits[n, k] = (dlogits[n, k] - target) / rows
        losses[n] = loss


@kernel
def take_rows(x, rows, y):
    """y = x[rows]: x (N, K), rows (M,), every one a row of x, y (M, K)."""
    for i in prange(rows.size):
        for k in range(x.shape[1]):
            y[i, k] = x[rows[i], k]


@kernel
def sum_rows(x, total):
    """Sum over the first axis: x (M, N) to total (N,), in chunks of rows so that rounding stays small."""
    rows, columns = x.shape
    chunks = (rows + CHUNK - 1) // CHUNK
    partial = np.empty((chunks, columns), x.dtype)
    for chunk in prange(chunks):
        for j in range(columns):
            partial[chunk, j] = 0
        for i in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, rows)):
            for j in range(columns):
                partial[chunk, j] += x[i, j]
    for j in range(columns):
        total[j] = 0
    for chunk in range(chunks):
        for j in range(columns):
            total[j] += partial[chunk, j]


@device
def _flush(value, tiny):
    """Return 0 for numbers too small for the usual format: with those the processor is a hundred times slower."""
    return value if not abs(value) < tiny else type(value)(0)


@device
def _smallest_normal(x):
    """Smallest number of x's type that has all its digits."""
    return x.dtype.type(2.0**-126 if x.itemsize == 4 else 2.0**-1022)


@kernel
def sgd(gradient, rate, momentum, nesterov, weight, velocity):
    """One step on (n,) vectors: velocity = momentum * velocity + gradient; weight -= rate * velocity."""
    tiny = _smallest_normal(weight)
    for i in prange(weight.size):
        velocity[i] = _flush(momentum * velocity[i] + gradient[i], tiny)
        step = gradient[i] + momentum * velocity[i] if nesterov else velocity[i]
        weight[i] -= rate * step


@kernel
def adam(gradient, rate, beta1, beta2, epsilon, correction1, correction2, decay, weight, m, v):
    """One step of Adam (Algorithm 1) on (n,) vectors; correction1 = 1 - beta1**t, decay shrinks the weight first.

    The moments of a weight whose gradient stays 0 halve every few steps; at the end of the format they become 0. The
    second one does so while the first does not, since it is a square: `floor` below the root, the largest that is lost
    so, keeps their ratio below 1.
    """
    real = weight.dtype.type  # float32 stays float32: twice as many to a vector
    keep1, take1, keep2, take2 = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2)
    rate, epsilon, decay = real(rate), real(epsilon), real(decay)
    scale1, scale2 = real(1 / correction1), real(1 / correction2)
    tiny = _smallest_normal(weight)
    floor = tiny / take2
    for i in prange(weight.size):
        m[i] = _flush(keep1 * m[i] + take1 * gradient[i], tiny)
        v[i] = _flush(keep2 * v[i] + _flush(take2 * gradient[i] * gradient[i], tiny), tiny)
        step = (m[i] * scale1) / (math.sqrt(v[i] * scale2 + floor) + epsilon)
        weight[i] -= decay * weight[i] + rate * step
