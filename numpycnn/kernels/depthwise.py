"""Depthwise convolution: every channel has filters of its own, and no channel sees another.

Channel c times m: filter k of channel c makes the output channel ``c * m + k``.
"""

from __future__ import annotations

from numba import prange

from .jit import device, kernel
from .simd import empty, zeroed


@device
def _first(offset, stride):
    """First window whose element at this offset from the window's first pixel lies at or behind the image's start."""
    return max(0, -(offset // stride))


@device
def _last(offset, stride, size, count):
    """First window whose element lies behind the image's end, or how many windows there are."""
    return min(count, (size - 1 - offset) // stride + 1)


@kernel
def depthwise_forward(x, w, stride_h, stride_w, dilation_h, dilation_w, top, left, y):
    """y = each channel convolved with its own filters: x (N, H, W, C), w (kh, kw, C, m), y (N, OH, OW, C * m)."""
    images, height, width, channels = x.shape
    kernel_h, kernel_w, _, multiplier = w.shape
    out_h, out_w = y.shape[1], y.shape[2]
    for row in prange(images * out_h):
        n, oy = row // out_h, row % out_h
        y_row = y[n, oy]
        for ox in range(out_w):
            for f in range(channels * multiplier):
                y_row[ox, f] = 0
        for ky in range(kernel_h):
            iy = oy * stride_h + ky * dilation_h - top
            if iy < 0 or iy >= height:
                continue
            for kx in range(kernel_w):
                offset = kx * dilation_w - left
                tap = w[ky, kx]
                for ox in range(_first(offset, stride_w), _last(offset, stride_w, width, out_w)):
                    pixel, out = x[n, iy, ox * stride_w + offset], y_row[ox]
                    if multiplier == 1:  # a loop without a loop in it becomes vectors
                        for c in range(channels):
                            out[c] += pixel[c] * tap[c, 0]
                    else:
                        for c in range(channels):
                            for k in range(multiplier):
                                out[c * multiplier + k] += pixel[c] * tap[c, k]


@kernel
def depthwise_weight_gradient(x, dy, stride_h, stride_w, dilation_h, dilation_w, top, left, dw):
    """dw = sum of pixel * dy over all windows: x (N, H, W, C), dy (N, OH, OW, C * m), dw (kh, kw, C, m)."""
    images, height, width, channels = x.shape
    kernel_h, kernel_w, _, multiplier = dw.shape
    out_h, out_w = dy.shape[1], dy.shape[2]
    partial = zeroed((images, kernel_h, kernel_w, channels, multiplier), dw.dtype)
    for n in prange(images):
        of_row = empty((channels, multiplier), dw.dtype)  # row by row: a single long sum would round too much
        for oy in range(out_h):
            for ky in range(kernel_h):
                iy = oy * stride_h + ky * dilation_h - top
                if iy < 0 or iy >= height:
                    continue
                for kx in range(kernel_w):
                    offset = kx * dilation_w - left
                    of_row[:] = 0
                    for ox in range(_first(offset, stride_w), _last(offset, stride_w, width, out_w)):
                        pixel, out = x[n, iy, ox * stride_w + offset], dy[n, oy, ox]
                        if multiplier == 1:
                            for c in range(channels):
                                of_row[c, 0] += pixel[c] * out[c]
                        else:
                            for c in range(channels):
                                for k in range(multiplier):
                                    of_row[c, k] += pixel[c] * out[c * multiplier + k]
                    for c in range(channels):
                        for k in range(multiplier):
                            partial[n, ky, kx, c, k] += of_row[c, k]
    for ky in range(kernel_h):
        for kx in range(kernel_w):
            for c in range(channels):
                for k in range(multiplier):
                    total = dw.dtype.type(0)
                    for n in range(images):
                        total += partial[n, ky, kx, c, k]
                    dw[ky, kx, c, k] = total


@kernel
def depthwise_input_gradient(dy, w, stride_h, stride_w, dilation_h, dilation_w, top, left, dx):
    """dx = for each pixel the sum over the windows that contain it: dy (N, OH, OW, C * m), w (kh, kw, C, m)."""
    images, height, width, channels = dx.shape
    kernel_h, kernel_w, _, multiplier = w.shape
    out_h, out_w = dy.shape[1], dy.shape[2]
    for n in prange(images):
        for iy in range(height):
            for ix in range(width):
                for c in range(channels):
                    dx[n, iy, ix, c] = 0
        for oy in range(out_h):
            for ky in range(kernel_h):
                iy = oy * stride_h + ky * dilation_h - top
                if iy < 0 or iy >= height:
                    continue
                for kx in range(kernel_w):
                    offset = kx * dilation_w - left
                    tap = w[ky, kx]
                    for ox in range(_first(offset, stride_w), _last(offset, stride_w, width, out_w)):
                        pixel, out = dx[n, iy, ox * stride_w + offset], dy[n, oy, ox]
                        if multiplier == 1:
                            for c in range(channels):
                                pixel[c] += out[c] * tap[c, 0]
                        else:
                            for c in range(channels):
                                for k in range(multiplier):
                                    pixel[c] += out[c * multiplier + k] * tap[c, k]
