"""The exercises' solutions as other people write them: their lines can be mistaken in other ways.

A docstring says how a solution is written; `systematic` makes mistakes in its lines, too. The name is the exercise's,
with the style behind it.
"""

from __future__ import annotations

import numpy as np


def im2col_by_index(x, kernel_h, kernel_w, stride, padding):
    """in loops over every index"""
    images, height, width, channels = x.shape
    out_h, out_w = (height + 2 * padding - kernel_h) // stride + 1, (width + 2 * padding - kernel_w) // stride + 1
    cols = np.zeros((images * out_h * out_w, kernel_h * kernel_w * channels))
    for n in range(images):
        for oy in range(out_h):
            for ox in range(out_w):
                for ky in range(kernel_h):
                    for kx in range(kernel_w):
                        row, column = oy * stride + ky - padding, ox * stride + kx - padding
                        if 0 <= row < height and 0 <= column < width:
                            at = (ky * kernel_w + kx) * channels
                            cols[(n * out_h + oy) * out_w + ox, at : at + channels] = x[n, row, column]
    return cols


def conv2d_forward_by_index(x, w, b, stride, padding):
    """in loops over every index"""
    images, height, width, channels = x.shape
    kernel_h, kernel_w, channels, filters = w.shape
    out_h, out_w = (height + 2 * padding - kernel_h) // stride + 1, (width + 2 * padding - kernel_w) // stride + 1
    y = np.zeros((images, out_h, out_w, filters))
    for n in range(images):
        for oy in range(out_h):
            for ox in range(out_w):
                for f in range(filters):
                    total = b[f]
                    for ky in range(kernel_h):
                        for kx in range(kernel_w):
                            row, column = oy * stride + ky - padding, ox * stride + kx - padding
                            if 0 <= row < height and 0 <= column < width:
                                total += x[n, row, column] @ w[ky, kx, :, f]
                    y[n, oy, ox, f] = total
    return y


def conv2d_backward_by_place(dy, x, w, stride, padding):
    """with a product for each place of the filter"""
    images, height, width, channels = x.shape
    kernel_h, kernel_w, channels, filters = w.shape
    images, out_h, out_w, filters = dy.shape
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    dpadded, dw = np.zeros(padded.shape), np.zeros(w.shape)
    for ky in range(kernel_h):
        for kx in range(kernel_w):
            seen = slice(None), slice(ky, ky + stride * out_h, stride), slice(kx, kx + stride * out_w, stride)
            dw[ky, kx] = np.tensordot(padded[seen][:, :out_h, :out_w], dy, ((0, 1, 2), (0, 1, 2)))
            dpadded[seen] += dy @ w[ky, kx].T
    dx = dpadded[:, padding : padding + height, padding : padding + width]
    return dx, dw, dy.sum(axis=(0, 1, 2))


def max_pool_forward_by_index(x, size, stride):
    """with the largest number so far"""
    images, height, width, channels = x.shape
    out_h, out_w = (height - size) // stride + 1, (width - size) // stride + 1
    y = np.full((images, out_h, out_w, channels), -np.inf)
    for oy in range(out_h):
        for ox in range(out_w):
            for ky in range(size):
                for kx in range(size):
                    y[:, oy, ox] = np.maximum(y[:, oy, ox], x[:, oy * stride + ky, ox * stride + kx])
    return y


def batch_norm_backward_by_chain(dy, x, gamma, epsilon):
    """step by step, each by the chain rule"""
    count = x.size // x.shape[-1]
    centred = x - x.mean(axis=(0, 1, 2))
    variance = (centred**2).sum(axis=(0, 1, 2)) / count
    root = np.sqrt(variance + epsilon)
    inverse = 1 / root
    dgamma = (dy * centred * inverse).sum(axis=(0, 1, 2))
    dbeta = dy.sum(axis=(0, 1, 2))
    dnormalised = dy * gamma
    dinverse = (dnormalised * centred).sum(axis=(0, 1, 2))
    droot = -dinverse / root**2
    dvariance = 0.5 * droot / root
    dcentred = dnormalised * inverse + 2 * centred * dvariance / count
    dmean = -dcentred.sum(axis=(0, 1, 2))
    dx = dcentred + dmean / count
    return dx, dgamma, dbeta


def softmax_cross_entropy_by_row(logits, labels):
    """row by row"""
    loss, dlogits = 0.0, np.zeros(logits.shape)
    for n in range(len(logits)):
        shifted = logits[n] - logits[n].max()
        total = np.exp(shifted).sum()
        loss += np.log(total) - shifted[labels[n]]
        dlogits[n] = np.exp(shifted) / total
        dlogits[n, labels[n]] -= 1
    return loss / len(logits), dlogits / len(logits)


def adam_step_by_rate(w, g, m, v, t, learning_rate, beta1, beta2, epsilon):
    """with the corrections in the rate"""
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g * g - v)
    root = np.sqrt(1 - beta2**t)
    rate = learning_rate * root / (1 - beta1**t)
    w = w - rate * m / (np.sqrt(v) + epsilon * root)
    return w, m, v
