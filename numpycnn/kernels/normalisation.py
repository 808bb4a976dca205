"""The loops of batch normalisation: what is left to do for every element once the sums of rows are known.

A row holds one number a channel. The layer works out a few numbers a channel between these passes.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import called, kernel
from .rows import CHUNK, add_up
from .simd import INDEX, VECTOR_BYTES, empty, loop, tile, zeroed
from .tiles import rectified_maximum


@tile
def _chunk_moments(code, x, ix, rows, channels, means, squares, i_out, columns):  # type: ignore
    """Mean of `rows` rows and the sum of squared distances from it, for two vectors of columns (one at the edge)."""
    builder = code.builder

    def block(vectors):  # type: ignore
        def loaded(i):  # type: ignore
            row = code.step(x.at(ix), i, channels)
            return [vectors.load(row, v) for v in range(vectors.count)]

        def add(i, totals):  # type: ignore
            return [builder.fadd(total, value) for total, value in zip(totals, loaded(i))]

        zeros, count = [vectors.zero] * vectors.count, vectors.broadcast(builder.sitofp(rows, vectors.scalar))
        centers = [builder.fdiv(total, count) for total in loop(builder, rows, add, zeros)]

        def add_square(i, totals):  # type: ignore
            distances = [builder.fsub(value, center) for value, center in zip(loaded(i), centers)]
            return [vectors.multiply_add(distance, distance, total) for distance, total in zip(distances, totals)]

        for v, (center, total) in enumerate(zip(centers, loop(builder, rows, add_square, zeros))):
            vectors.store(center, means.at(i_out), v)
            vectors.store(total, squares.at(i_out), v)

    code.whole_or_edge(x, 2, columns, block, edge_count=1)


@called
def _whole_moments(means, squares, rows, mean, variance):
    """Mean and variance of all rows from the chunks' means and sums of squares (chunks, C)."""
    chunks, channels = means.shape
    total, squared = zeroed(channels, np.float64), zeroed(channels, np.float64)
    for chunk in range(chunks):
        count = min(CHUNK, rows - chunk * CHUNK)
        for c in range(channels):
            total[c] += means[chunk, c] * count
    for c in range(channels):
        total[c] /= rows
    for chunk in range(chunks):
        count = min(CHUNK, rows - chunk * CHUNK)
        for c in range(channels):
            distance = means[chunk, c] - total[c]
            squared[c] += squares[chunk, c] + distance * distance * count
    for c in range(channels):
        mean[c], variance[c] = total[c], squared[c] / rows


@kernel
def moments(x, mean, variance):
    """Mean and (biased) variance of each column: x (M, C) to (C,), read once, in chunks of rows.

    Distances are squared from the chunk's own mean, so that nothing cancels, and those of the chunks' means from the
    whole's are added at the end (Chan, Golub and LeVeque, "Updating formulae", 1979, equation 2.1).
    """
    rows, channels = x.shape
    chunks, lanes = (rows + CHUNK - 1) // CHUNK, VECTOR_BYTES // x.itemsize
    means, squares = empty((chunks, channels), x.dtype), empty((chunks, channels), x.dtype)
    for chunk in prange(chunks):
        first, last = chunk * CHUNK, min(chunk * CHUNK + CHUNK, rows)
        c = 0
        while c < channels:
            left = channels - c
            _chunk_moments(x, first * channels + c, last - first, channels, means, squares, chunk * channels + c, left)
            c += 2 * lanes if left >= 2 * lanes else lanes
    _whole_moments(means, squares, rows, mean, variance)


@kernel
def sum_products(x, center, y, y_center, total):
    """Sum over rows of (x - center) * (y - y_center): x, y (M, C), centers (C,) to total (C,), in chunks of rows."""
    rows, channels = x.shape
    chunks = (rows + CHUNK - 1) // CHUNK
    partial = empty((chunks, channels), x.dtype)
    for chunk in prange(chunks):
        sums = partial[chunk]
        for c in range(channels):
            sums[c] = 0
        for i in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, rows)):
            x_row, y_row = x[i], y[i]
            for c in range(channels):
                sums[c] += (x_row[c] - center[c]) * (y_row[c] - y_center[c])
    add_up(partial, total)


@kernel
def normalise(x, mean, factor, shift, y):
    """y = (x - mean) * factor + shift, channel by channel: x, y (M, C), the others (C,)."""
    rows, channels = x.shape
    for i in prange(rows):
        x_row, y_row = x[i], y[i]
        for c in range(channels):
            y_row[c] = (x_row[c] - mean[c]) * factor[c] + shift[c]


@kernel
def normalise_backward(dy, dy_mean, x, x_mean, slope, factor, dx):
    """dx = (dy - dy_mean - (x - x_mean) * slope) * factor, channel by channel: dy, x, dx (M, C), the others (C,)."""
    rows, channels = x.shape
    for i in prange(rows):
        dy_row, x_row, dx_row = dy[i], x[i], dx[i]
        for c in range(channels):
            dx_row[c] = (dy_row[c] - dy_mean[c] - (x_row[c] - x_mean[c]) * slope[c]) * factor[c]


# -- with ReLU, and pooling over windows of `pool` by `pool` pixels, 1 or 2 --------------------------------------------
# A code says which pixel of its window won, or pool * pool that ReLU cut. The tiles go along a row of windows, and in a
# window along its channels: memory is quickest line after line (three times as quick as a vector of channels after the
# other, where maps lie in memory). `row` is the distance from one row of pixels to the next.


def _for_each_window(code, x, pool, windows, channels, window):  # type: ignore
    """Emit ``window(vectors, pool, n, first)`` for windows of both sizes: a vector of the n-th's, from `first` on."""

    def sized(size):  # type: ignore
        def whole(n, nothing):  # type: ignore
            code.each_vector(x, channels, lambda vectors, first: window(vectors, size, n, first))
            return []

        loop(code.builder, windows, whole, [])

    is_one = code.builder.icmp_signed("==", pool, INDEX(1))
    code.first_of([(is_one, lambda: sized(1)), (None, lambda: sized(2))])


def _pixels(code, start, n, size, row, channels):  # type: ignore
    """Return the addresses of the n-th window's pixels."""
    first = code.step(start, code.builder.mul(n, INDEX(size)), channels)
    return [code.step(code.step(first, q // size, row), q % size, channels) for q in range(size**2)]


@tile
def _normalise_row(  # type: ignore
    code, x, ix, row, mean, factor, shift, pool, y, iy, codes, windows, channels
):
    """A row of ``normalise_relu_pool``."""
    builder, keep = code.builder, code.builder.icmp_signed(">", codes.size, INDEX(0))

    def window(vectors, size, n, first):  # type: ignore
        center, scale, move = (vectors.load(known.at(first), 0) for known in (mean, factor, shift))
        pixels = _pixels(code, code.step(x.at(ix), first), n, size, row, channels)
        values = [builder.fsub(vectors.load(pixel, 0), center) for pixel in pixels]
        values = [builder.fadd(builder.fmul(value, scale), move) for value in values]
        best, winner = rectified_maximum(vectors, values)
        vectors.store(best, code.step(code.step(y.at(iy), n, channels), first), 0)
        with builder.if_then(keep):
            vectors.store_codes(winner, code.step(code.step(codes.at(iy), n, channels), first), 0)

    _for_each_window(code, x, pool, windows, channels, window)


@tile
def _add_row(  # type: ignore
    code, x, ix, row, mean, dy, codes, idy, pool, products, sums, i_sum, windows, channels
):
    """Add a row of windows to the two sums of ``normalise_relu_pool_sums``."""
    builder = code.builder

    def window(vectors, size, n, first):  # type: ignore
        center, targets = vectors.load(mean.at(first), 0), [code.step(a.at(i_sum), first) for a in (products, sums)]
        product, total = (vectors.load(target, 0) for target in targets)
        passed = _passed(code, vectors, dy, codes, idy, n, size, channels, first)
        for value, pixel in zip(passed, _pixels(code, code.step(x.at(ix), first), n, size, row, channels)):
            distance = builder.fsub(vectors.load(pixel, 0), center)
            product, total = vectors.multiply_add(value, distance, product), builder.fadd(total, value)
        vectors.store(product, targets[0], 0)
        vectors.store(total, targets[1], 0)

    _for_each_window(code, x, pool, windows, channels, window)


@tile
def _backward_row(  # type: ignore
    code, x, ix, row, mean, dy, codes, idy, pool, dy_mean, slope, factor, dx, windows, channels
):
    """A row of windows of ``normalise_relu_pool_backward``."""
    builder = code.builder

    def window(vectors, size, n, first):  # type: ignore
        center, level, rise, scale = (vectors.load(known.at(first), 0) for known in (mean, dy_mean, slope, factor))
        passed = _passed(code, vectors, dy, codes, idy, n, size, channels, first)
        places = (_pixels(code, code.step(a.at(ix), first), n, size, row, channels) for a in (x, dx))
        for value, pixel, target in zip(passed, *places):
            line = builder.fmul(builder.fsub(vectors.load(pixel, 0), center), rise)
            value = builder.fsub(builder.fsub(value, level), line)
            vectors.store(builder.fmul(value, scale), target, 0)

    _for_each_window(code, x, pool, windows, channels, window)


def _passed(code, vectors, dy, codes, idy, n, size, channels, first):  # type: ignore
    """Return the gradient of each of the n-th window's pixels: 0 but for the winner."""
    gradient = vectors.load(code.step(code.step(dy.at(idy), n, channels), first), 0)
    winner = vectors.load_codes(code.step(code.step(codes.at(idy), n, channels), first), 0)
    wins = [code.builder.icmp_unsigned("==", winner, vectors.code(q)) for q in range(size**2)]
    return [code.builder.select(won, gradient, vectors.zero) for won in wins]


@kernel
def normalise_relu_pool(x, mean, factor, shift, pool, y, codes):
    """y = maxpool(relu((x - mean) * factor + shift)): x (N, H, W, C), then (C,), to y and codes (N, OH, OW, C).

    The first of equals wins, and a NaN over every number; an empty array of codes is not written.
    """
    images, height, width, channels = x.shape
    out_h, out_w = y.shape[1], y.shape[2]
    for line in prange(images * out_h):
        ix = (line // out_h * height + line % out_h * pool) * width * channels
        _normalise_row(
            x, ix, width * channels, mean, factor, shift, pool, y, line * out_w * channels, codes, out_w, channels
        )


@kernel
def normalise_relu_pool_sums(x, mean, dy, codes, pool, dgamma, dbeta):
    """Sums over the winners of dy * (x - mean) and of dy: x (N, H, W, C), dy, codes (N, OH, OW, C), the others (C,)."""
    _, height, width, channels = x.shape
    images, out_h, out_w, _ = dy.shape
    lines = max(1, CHUNK // out_w)  # rows of windows in a chunk
    chunks = (images * out_h + lines - 1) // lines
    products, sums = empty((chunks, channels), x.dtype), empty((chunks, channels), x.dtype)
    for chunk in prange(chunks):
        for c in range(channels):
            products[chunk, c] = 0
            sums[chunk, c] = 0
        for line in range(chunk * lines, min(chunk * lines + lines, images * out_h)):
            ix = (line // out_h * height + line % out_h * pool) * width * channels
            _add_row(
                x, ix, width * channels, mean, dy, codes, line * out_w * channels, pool, products, sums,
                chunk * channels, out_w, channels,
            )
    add_up(products, dgamma)
    add_up(sums, dbeta)


@kernel
def normalise_relu_pool_backward(x, mean, dy, codes, pool, dy_mean, slope, factor, dx):
    """dx as in ``normalise_backward``, for a dy that only winners got: x, dx (N, H, W, C), dy, codes (N, OH, OW, C)."""
    images, height, width, channels = x.shape
    out_h, out_w = dy.shape[1], dy.shape[2]
    lines = (height + pool - 1) // pool
    for line in prange(images * lines):
        n, oy = line // lines, line % lines
        first, idy = (n * height + oy * pool) * width * channels, (n * out_h + oy) * out_w * channels
        if oy < out_h:
            _backward_row(
                x, first, width * channels, mean, dy, codes, idy, pool, dy_mean, slope, factor, dx, out_w, channels
            )
        for iy in range(oy * pool, min(oy * pool + pool, height)):  # a last row or column that belongs to no window
            for ix in range(out_w * pool if oy < out_h else 0, width):
                for c in range(channels):
                    dx[n, iy, ix, c] = (-dy_mean[c] - (x[n, iy, ix, c] - mean[c]) * slope[c]) * factor[c]
