"""Convolution, ReLU and 2 x 2 max-pooling in one: only what pooling keeps is ever written.

A patch is read where it lies in the image: pixel ``offsets[...]`` is where it starts, and it consists of ``runs`` of
neighbouring elements. Backward visits only the pixels that won their window and passed ReLU, a quarter at most.

The tiles, with AVX-512, and what they reach of the best matrix product (215 GFLOP/s in that run, on two cores with
Zen 4), zeros not counted:

- forward: 8 pixels, or 2 windows of 4, by two vectors of filters (with 3, the compiler ran out of registers and the
  stack's place decided the speed); 96 % (32 channels), 76 % (one channel: sums of 9)
- weights' gradient: one filter, three runs of six vectors in registers while its pixels stream by; 60 %
- input's gradient: the same, added into the image, where each sum is stored again for every pixel; 40 %
- input's gradient by windows: 4 x 4 pixels of a vector of channels in registers while the filters stream by
- taps' gradient, for patches of few elements: 9 taps by two vectors of filters; 36 %, counted without its zeros
- the lists of pixels: one pass without branches; 17 GB/s
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import called, device, kernel
from .matmul import transpose
from .simd import VECTOR_BYTES, empty, zeroed
from .tiles import (
    FILTER_ROWS, LONG_SUM, RUN_VECTORS, TAP_VECTORS, TAPS, TILE_WINDOWS, WINDOW, WINNERS, make_gradient_tile,
    make_tap_gradient_tile, make_window_tile, window_gradient, winners,
)

PARTS = 4  # cuts of the batch whose sums are formed apart: threads share them without changing their bits
FILTER_BLOCK = 64  # filters that share an image while it is in the nearest cache; their sums stream from the next
IMAGE_BLOCK = 8  # images whose sums are formed apart, so that threads can share the work without changing its bits

_window_tile = make_window_tile(TILE_WINDOWS)
_taps, _taps_in_squares = make_tap_gradient_tile(False), make_tap_gradient_tile(True)


@device
def _taps_of(runs, run_length):
    """Where a patch's elements lie, from its start."""
    taps = empty(runs.size * run_length, runs.dtype)
    for r in range(runs.size):
        for t in range(run_length):
            taps[r * run_length + t] = runs[r] + t
    return taps


@kernel
def conv_relu_pool_forward(x, w, b, offsets, runs, run_length, y, codes):
    """y = maxpool(relu(conv(x))), windows of 2 x 2: x (N, H, W, C), w (K, F), b (F,), offsets (P * 4,) to (N, P, F).

    A code names the pixel of the window that won, 4 where ReLU cut; an empty array of codes is not written.
    """
    images, outputs, filters = y.shape
    tiles, lanes = (outputs + TILE_WINDOWS - 1) // TILE_WINDOWS, VECTOR_BYTES // x.itemsize
    taps, keep = _taps_of(runs, run_length), codes.size > 0
    for task in prange(images * tiles):
        n, first = task // tiles, task % tiles * TILE_WINDOWS
        f = 0
        while f < filters:
            ix, iy, left = n * (x.size // images), n * outputs * filters + f, filters - f
            _window_tile(x, ix, offsets, 0, first, outputs, taps, w, f, filters, b, y, iy, codes, keep, left)
            f += 2 * lanes if left >= 2 * lanes else lanes


@kernel
def conv_entries(dy, codes, offsets, starts, positions, values, sums):
    """List the pixels that won: dy, codes (N, P, F), offsets (P * 4,) to lists (N, P * F), filter after filter.

    ``positions`` is where the pixel's patch starts in its image, ``values`` its gradient; filter f's entries are those
    from ``starts[n, f]`` to ``starts[n, f + 1]``, their total is ``sums[n, f]``.
    """
    images, windows, filters = dy.shape
    cut = np.uint8(WINDOW)
    last, step, codes_of_window = np.uintp(WINDOW - 1), np.uintp(filters), np.uintp(WINDOW + 1)
    starts_by_code = empty(windows * (WINDOW + 1), offsets.dtype)  # any start will do where ReLU cut
    for i in range(starts_by_code.size):
        p, q = i // (WINDOW + 1), i % (WINDOW + 1)
        starts_by_code[i] = offsets[p * WINDOW + min(q, WINDOW - 1)]
    for n in prange(images):
        place, value, total, part = positions[n], values[n], sums[n], empty(filters, dy.dtype)
        for f in range(filters):  # `[:] = 0` would be a parallel loop of its own, which takes long to compile
            total[f] = 0
            part[f] = 0
        for p in range(windows):
            code, gradient = codes[n, p], dy[n, p]
            for f in range(filters):
                part[f] += gradient[f] if code[f] < cut else dy.dtype.type(0)
            if p % LONG_SUM == LONG_SUM - 1 or p == windows - 1:
                for f in range(filters):
                    total[f] += part[f]
                    part[f] = 0
        code_of, gradient_of = codes[n].reshape(-1), dy[n].reshape(-1)
        count = np.uintp(0)
        for f in range(filters):
            starts[n, f] = count
            at, window = np.uintp(f), np.uintp(0)
            for _ in range(windows):  # without a branch: an entry that does not count is written over by the next
                code = np.uintp(code_of[at])
                place[count] = starts_by_code[window + code]
                value[count] = gradient_of[at]
                count += np.uintp(code <= last)
                at += step
                window += codes_of_window
        starts[n, filters] = count


def _make_gradient(of_weights):
    """Make the sum over one filter's entries in one image, three runs of the patch at once if it has them."""
    three, one = make_gradient_tile(of_weights, 3), make_gradient_tile(of_weights, 1)

    @device
    def gradient(filters, i_filter, run_length, image, i_image, runs, positions, values, first, count):
        lanes = VECTOR_BYTES // image.itemsize
        r = 0
        while r < runs.size:
            rows = 3 if r + 3 <= runs.size else 1
            t = 0
            while t < run_length:
                left, i, j = run_length - t, i_filter + r * run_length + t, i_image + t
                if rows == 3:
                    three(filters, i, run_length, image, j, runs, r, positions, values, first, count, left)
                else:
                    one(filters, i, run_length, image, j, runs, r, positions, values, first, count, left)
                t += RUN_VECTORS * lanes if left >= RUN_VECTORS * lanes else lanes
            r += rows

    return gradient


_add_to_weights = _make_gradient(True)
_add_to_inputs = _make_gradient(False)


@called
def _add_entries(x, runs, run_length, starts, positions, values, n, n_end, f_first, f_end, rows, first_row, spare):
    """Sum the entries of images n to `n_end` of each filter into its row, the first filter's after `first_row`.

    A piece of a long sum is formed by itself, in the row `spare`, as rounding grows.
    """
    image_size, capacity, depth = x.size // len(positions), positions.shape[1], rows.shape[1]
    for f in range(f_first, f_end):
        for k in range(depth):
            rows[first_row + f, k] = 0
    for i in range(n, n_end):
        for f in range(f_first, f_end):
            first, count = i * capacity + starts[i, f], np.int64(starts[i, f + 1] - starts[i, f])
            row, image = first_row + f, i * image_size
            while count > LONG_SUM:
                for k in range(depth):
                    rows[spare, k] = 0
                _add_to_weights(rows, spare * depth, run_length, x, image, runs, positions, values, first, LONG_SUM)
                for k in range(depth):
                    rows[row, k] += rows[spare, k]
                first, count = first + LONG_SUM, count - LONG_SUM
            _add_to_weights(rows, row * depth, run_length, x, image, runs, positions, values, first, count)


@kernel
def conv_weight_gradient(x, runs, run_length, starts, positions, values, sums, dw, db):
    """dw (K, F) and db (F,) from the listed pixels: each adds its value times its patch of x (N, H, W, C)."""
    images, filters, depth = len(positions), db.size, dw.shape[0]
    parts = min(PARTS, images)
    blocks = (filters + FILTER_BLOCK - 1) // FILTER_BLOCK
    rows = empty((parts * filters + parts * blocks, depth), x.dtype)  # after the filters' sums a row for each task
    totals = zeroed((parts, filters), x.dtype)
    for task in prange(parts * blocks):
        part, block, spare = task // blocks, task % blocks, parts * filters + task
        n, n_end = part * images // parts, (part + 1) * images // parts
        f, f_end = block * FILTER_BLOCK, min(block * FILTER_BLOCK + FILTER_BLOCK, filters)
        _add_entries(x, runs, run_length, starts, positions, values, n, n_end, f, f_end, rows, part * filters, spare)
        for i in range(n, n_end):
            for k in range(f, f_end):
                totals[part, k] += sums[i, k]
    for part in range(1, parts):
        for f in range(filters):
            totals[0, f] += totals[part, f]
            for k in range(depth):
                rows[f, k] += rows[part * filters + f, k]
    transpose(rows, 0, depth, filters, depth, dw, 0, filters)
    for f in range(filters):
        db[f] = totals[0, f]


@device
def _filter_by_filter(w):
    """Return w (K, F) as (F, K): a filter's elements lie together."""
    depth, filters = w.shape
    rows = empty((filters, depth), w.dtype)
    transpose(w, 0, filters, depth, filters, rows, 0, depth)
    return rows


@kernel
def conv_input_gradient(w, runs, run_length, starts, positions, values, dx):
    """dx (N, H, W, C) from the listed pixels: each adds its value times its filter, a column of w (K, F)."""
    images, capacity = positions.shape
    image_size = dx.size // images
    depth, filters = w.shape
    rows = _filter_by_filter(w)
    pixels = dx.reshape(images, image_size)
    for n in prange(images):
        for i in range(image_size):
            pixels[n, i] = 0
        for f in range(filters):
            first, count = n * capacity + starts[n, f], np.int64(starts[n, f + 1] - starts[n, f])
            _add_to_inputs(
                rows, f * depth, run_length, dx, n * image_size, runs, positions, values, first, count,
            )


@kernel
def window_input_gradient(w, dy, codes, offsets, row, dx):
    """dx (N, H, W, C) of a 3 x 3 convolution with 2 x 2 windows: w (9 * C, F), dy, codes (N, P, F), offsets (P * 4,).

    ``row`` is the length of a row of dx in elements. Each pixel that won adds its gradient times its filter.
    """
    images, windows, filters = dy.shape
    image_size, channels = dx.size // images, dx.shape[3]
    lanes = VECTOR_BYTES // w.itemsize
    size = filters * TAPS * lanes  # all filters' part for a vector of channels: that of 64 stays in the nearest cache
    parts = empty((channels + lanes - 1) // lanes * size, w.dtype)
    for c in range(0, channels, lanes):
        for t in range(TAPS):
            at, to, count = (t * channels + c) * filters, c // lanes * size + t * lanes, min(lanes, channels - c)
            transpose(w, at, filters, count, filters, parts, to, TAPS * lanes)
    words = (filters + WINNERS - 1) // WINNERS
    pixels = dx.reshape(images, image_size)
    for n in prange(images):
        won = empty(windows * words * WINDOW, np.uint64)
        for i in range(windows * words):
            p, f = i // words, i % words * WINNERS
            for q in range(WINDOW):
                at = (n * windows + p) * filters + f
                won[i * WINDOW + q] = _winners_of(codes, at, min(WINNERS, filters - f), q)
        for i in range(image_size):
            pixels[n, i] = 0
        for c in range(0, channels, lanes):
            for f in range(0, filters, WINNERS):
                for k in range(0, 3, FILTER_ROWS):
                    for p in range(windows):
                        i_won, idy = (p * words + f // WINNERS) * WINDOW, (n * windows + p) * filters + f
                        i_part = c // lanes * size + (f * TAPS + k * 3) * lanes
                        i_dx = n * image_size + offsets[p * WINDOW] + k * row + c
                        window_gradient(parts, i_part, dy, idy, won, i_won, dx, i_dx, row, channels, channels - c)


@device
def _winners_of(codes, at, count, q):
    """Bits of the `count` filters, from ``codes[at]`` on, whose winner is pixel q."""
    if count == WINNERS:
        return winners(codes, at, q)
    flat, bits = codes.reshape(-1), np.uint64(0)
    for f in range(count):
        bits |= np.uint64(flat[at + f] == q) << np.uint64(f)
    return bits


@kernel
def conv_tap_gradient(x, dy, codes, offsets, taps, in_squares, dw, db):
    """dw (K, F) and db (F,) for patches of few elements: x (N, H, W, C), dy, codes (N, P, F), taps (K,).

    ``in_squares`` says that these are the 3 x 3 taps of one channel.
    """
    images, windows, filters = dy.shape
    image_size = x.size // images
    depth = dw.shape[0]
    lanes = VECTOR_BYTES // x.itemsize
    blocks = (images + IMAGE_BLOCK - 1) // IMAGE_BLOCK
    groups = (depth + TAPS - 1) // TAPS
    padded_taps = empty(groups * TAPS, taps.dtype)
    for k in range(groups * TAPS):
        padded_taps[k] = taps[k] if k < depth else 0  # the sums of those that fill up the last group are dropped
    parts = empty((blocks, groups, TAPS + 1, filters), x.dtype)
    for task in prange(blocks * groups):
        block, part = task // groups, task % groups
        n = block * IMAGE_BLOCK
        count = min(IMAGE_BLOCK, images - n)
        i_out = task * (TAPS + 1) * filters
        f = 0
        while f < filters:
            left, idy = filters - f, n * windows * filters + f
            if in_squares:
                _taps_in_squares(
                    x, n * image_size, image_size, count, offsets, padded_taps, part * TAPS, dy, idy, codes,
                    windows, filters, parts, i_out + f, left,
                )
            else:
                _taps(
                    x, n * image_size, image_size, count, offsets, padded_taps, part * TAPS, dy, idy, codes,
                    windows, filters, parts, i_out + f, left,
                )
            f += TAP_VECTORS * lanes if left >= TAP_VECTORS * lanes else lanes
    for k in range(depth + 1):
        part, row = (k // TAPS, k % TAPS) if k < depth else (0, TAPS)
        total = dw[k] if k < depth else db
        for f in range(filters):
            total[f] = 0
        for block in range(blocks):
            for f in range(filters):
                total[f] += parts[block, part, row, f]
