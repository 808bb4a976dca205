"""Copies of pixels: images with a border of zeros, and the patch under each stop of a filter (im2col).

Images are (N, H, W, C). Neighbouring pixels of a row lie together, so a row of a patch is copied in one piece.
"""

from __future__ import annotations

from numba import prange

from .jit import device, kernel

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
