"""Convolution without a matrix of patches: they are read, and their gradients added up, where they lie in the image.

A patch starts at ``offsets[...]`` of an image in a frame of zeros, and consists of ``runs`` of neighbouring elements.
The frame is a thread's own, and holds one image at a time: no framed images, and no gradients of such, go through the
memory. The three passes are matrix products, of tiles that stay in registers:

- forward: 8 pixels by two vectors of filters (with AVX-512), one panel of filters after the other
- dw: 9 elements of a patch by two vectors of filters, while the pixels stream by
- dx: 8 pixels by two vectors of a run, which are then added into the image
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import device, kernel
from .matmul import empty_aligned, transpose
from .rows import add_rows
from .simd import VECTOR_BYTES
from .tiles import (
    LONG_SUM, TAP_VECTORS, TAPS, TILE_ROWS, convolution_tile, gradients_times_filters, patches_times_gradients,
)

TASKS = 64  # forward, a few images are cut into as many tasks together
PARTS = 8  # cuts of the batch, backward: threads share them without changing the bits of their sums


@device
def taps_of(runs, run_length):
    """Where a patch's elements lie, from its start."""
    taps = np.empty(runs.size * run_length, runs.dtype)
    for r in range(runs.size):
        for t in range(run_length):
            taps[r * run_length + t] = runs[r] + t
    return taps


@device
def _put_into_frame(x, n, top, left, first, end, frame, row):
    """Copy what there is of image n into rows `first` to `end` of a frame, `row` elements each; zeros around it."""
    height, size, start = x.shape[1], x.shape[2] * x.shape[3], left * x.shape[3]
    pixels = x.reshape(-1)
    for r in range(first, end):
        target = frame[r * row : r * row + row]
        for i in range(row):
            target[i] = 0
        if top <= r < top + height:
            at = (n * height + r - top) * size
            source, piece = pixels[at : at + size], target[start : start + size]
            for i in range(size):
                piece[i] = source[i]


@device
def _take_from_frame(frame, row, top, left, n, x):
    """Copy the image in the frame to image n."""
    height, size, start = x.shape[1], x.shape[2] * x.shape[3], left * x.shape[3]
    pixels = x.reshape(-1)
    for r in range(height):
        source, target = frame[(top + r) * row + start :][:size], pixels[(n * height + r) * size :][:size]
        for i in range(size):
            target[i] = source[i]


@device
def _passed(dy, y, n, gradients):
    """Copy the gradients of image n that ReLU, whose output is y, lets through; zeros elsewhere."""
    first, end, zero = n * gradients.size, (n + 1) * gradients.size, dy.dtype.type(0)
    mine, outputs = dy.reshape(-1)[first:end], y.reshape(-1)[first:end]
    for i in range(gradients.size):
        gradients[i] = zero if outputs[i] <= zero else mine[i]


@kernel
def conv_forward(x, w, b, offsets, runs, run_length, top, left, frame_height, frame_width, relu, y):
    """y = conv(x), then ReLU if `relu`: x (N, H, W, C), w (K, F), b (F,), offsets (P,) to y (N, P, F).

    `top` rows and `left` columns of the frame lie before the image.
    """
    images, outputs, filters = y.shape
    row, lanes = frame_width * x.shape[3], VECTOR_BYTES // x.itemsize
    framed, taps = images * frame_height * row != x.size, taps_of(runs, run_length)
    tiles = (outputs + TILE_ROWS - 1) // TILE_ROWS
    blocks = max(1, min(tiles, TASKS // images))
    for task in prange(images * blocks):
        n, block = task // blocks, task % blocks
        first, end = tiles * block // blocks * TILE_ROWS, min(tiles * (block + 1) // blocks * TILE_ROWS, outputs)
        image, ix = x.reshape(-1), n * (x.size // images)
        if framed:
            image, ix = empty_aligned(frame_height * row, x), 0
            last_row = (offsets[end - 1] + taps[taps.size - 1]) // row
            _put_into_frame(x, n, top, left, offsets[first] // row, last_row + 1, image, row)
        for p in range(first, end, TILE_ROWS):
            f = 0
            while f < filters:
                iy, left_over = n * outputs * filters + f, filters - f
                convolution_tile(image, ix, offsets, 0, p, outputs, taps, w, f, filters, b, relu, y, iy, left_over)
                f += 2 * lanes if left_over >= 2 * lanes else lanes


@kernel
def conv_dense_weight_gradient(
    x, dy, y, offsets, runs, run_length, top, left, frame_height, frame_width, relu, dw, db
):
    """dw (K, F) and db (F,), each pixel's patch times its gradient: x (N, H, W, C), dy, y (N, P, F), offsets (P,).

    If `relu`, pixels whose y is not positive have none.
    """
    images, pixels, filters = dy.shape
    depth, row, lanes = dw.shape[0], frame_width * x.shape[3], VECTOR_BYTES // x.itemsize
    framed, taps = images * frame_height * row != x.size, taps_of(runs, run_length)
    groups, parts = (depth + TAPS - 1) // TAPS, min(PARTS, images)
    sums = empty_aligned(parts * groups * TAPS * filters, x).reshape(parts, groups * TAPS, filters)
    totals = np.empty((parts, filters), x.dtype)
    for part in prange(parts):
        for k in range(groups * TAPS):
            for f in range(filters):
                sums[part, k, f] = 0
        for f in range(filters):
            totals[part, f] = 0
        frame = empty_aligned(frame_height * row if framed else 0, x)
        passed = empty_aligned(pixels * filters if relu else 0, x)
        for n in range(images * part // parts, images * (part + 1) // parts):
            image, ix = (frame, 0) if framed else (x.reshape(-1), n * (x.size // images))
            gradients, first = (passed, 0) if relu else (dy.reshape(-1), n * pixels * filters)
            if framed:
                _put_into_frame(x, n, top, left, 0, frame_height, frame, row)
            if relu:
                _passed(dy, y, n, passed)
            add_rows(gradients[first : first + pixels * filters], totals[part])
            for p in range(0, pixels, LONG_SUM):  # a piece of a long sum is formed by itself, as rounding grows
                i_dy, count = first + p * filters, min(LONG_SUM, pixels - p)
                for g in range(groups):
                    f = 0
                    while f < filters:
                        i_sum, left_over = (part * groups + g) * TAPS * filters + f, filters - f
                        patches_times_gradients(
                            image, ix, offsets, p, count, taps, g * TAPS, gradients, i_dy + f, filters, sums, i_sum,
                            left_over,
                        )
                        f += TAP_VECTORS * lanes if left_over >= TAP_VECTORS * lanes else lanes
    for k in prange(depth + 1):
        total = dw[k] if k < depth else db
        for f in range(filters):
            total[f] = 0
        for part in range(parts):
            terms = sums[part, k] if k < depth else totals[part]
            for f in range(filters):
                total[f] += terms[f]


@kernel
def conv_dense_input_gradient(
    w, dy, y, offsets, runs, run_length, top, left, frame_height, frame_width, relu, dx
):
    """dx (N, H, W, C), each pixel's gradient times its filters: w (K, F), dy, y (N, P, F), offsets (P,), as above."""
    images, pixels, filters = dy.shape
    row, width = frame_width * dx.shape[3], 2 * VECTOR_BYTES // dx.itemsize
    framed, parts = images * frame_height * row != dx.size, min(PARTS, images)
    pieces = (run_length + width - 1) // width  # of a run, two vectors each; a panel has one, of all filters
    panel_size = filters * width
    panels = empty_aligned(runs.size * pieces * panel_size, w)
    for i in range(panels.size):
        panels[i] = 0
    for k in range(runs.size * pieces):
        t = k % pieces * width
        i_w, count = (k // pieces * run_length + t) * filters, min(width, run_length - t)
        transpose(w, i_w, filters, count, filters, panels, k * panel_size, width)
    tiles = (pixels + TILE_ROWS - 1) // TILE_ROWS
    for part in prange(parts):
        frame = empty_aligned(frame_height * row if framed else 0, dx)
        passed = empty_aligned(pixels * filters if relu else 0, dx)
        for n in range(images * part // parts, images * (part + 1) // parts):
            image, first = (frame, 0) if framed else (dx.reshape(-1), n * frame_height * row)
            gradients, i_dy = (passed, 0) if relu else (dy.reshape(-1), n * pixels * filters)
            if relu:
                _passed(dy, y, n, passed)
            cells = image[first : first + frame_height * row]
            for i in range(cells.size):
                cells[i] = 0
            for k in range(runs.size * pieces):
                t = k % pieces * width
                i_dx = first + runs[k // pieces] + t
                for p in range(tiles):
                    gradients_times_filters(
                        gradients, i_dy, filters, p, tiles, pixels, panels, k * panel_size, offsets, image, i_dx,
                        run_length - t,
                    )
            if framed:
                _take_from_frame(frame, row, top, left, n, dx)
