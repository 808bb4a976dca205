"""The weights' gradient of a 3 x 3 convolution by Winograd's algorithm: a quarter of the multiplications.

A tile of dy adds ``G.T [(B.T d B) * (A dy A.T)] G`` to a filter's gradient, d being the tile's pixels: the transforms
of ``winograd_tiles.py``, turned round. Summed over tiles, each pair of points is a matrix product of channels and
filters; the last transform follows once, when all tiles have been added up. At the point 1 of both axes, a tile of dy
has its sum: all tiles' together are the bias's gradient.
"""

from __future__ import annotations

import functools

import numpy as np
from numba import prange, types

from .jit import called, device, kernel
from .rows import ask_for
from .simd import INDEX, VECTOR_BYTES, empty, loop, returns, zeroed
from .tiles import TILE_ROWS, make_product_tile
from .winograd_tiles import (
    KINDS, LONG, SHORT, along_both_axes, coefficients_of, filter_matrix, make_transform_inside, output_matrix, pieces,
    pixel_matrix, points_of, rows_ahead,
)

STEPS = 32  # tiles whose products are added up at a time: their values stay in the cache, and sums are loaded seldom
MANY_OUTPUTS = 4096  # as in winograd_map.py, that tiles of 4 outputs pay
# Parts of the sum, times blocks of channels, that threads share: their number does not depend on theirs. Each part has
# sums of its own, which are written and read: with 16, the kernel took 10 to 30 % longer on two cores.
TASKS = 8
AT_ONE = 2  # which value of a side is that at the point 1: after those at 0 and infinity
PART_TILES = 64  # a part has at least so many tiles, whose products outweigh the sums that it makes

_transform_pixels = make_transform_inside(pixel_matrix)
_transform_outputs = make_transform_inside(lambda points: output_matrix(points).T)
_product = make_product_tile(TILE_ROWS)


@returns(types.boolean)
def finish(code, side, sums, i_sum, step, parts, part_step, out, i_out, row, columns):
    """``out = G.T sums G`` for one channel and one vector of filters, the sums of all parts added up before.

    Sums of the pairs of points are `step` elements apart, parts `part_step`, the nine elements of the filter `row`.
    Return whether all of these are finite.
    """
    builder = code.builder

    def case(side):
        vectors = code.vectors(out, 1, columns)

        def add(n, totals):
            start = code.step(sums.at(i_sum), n, part_step)
            return [builder.fadd(total, vectors.load(code.step(start, k, step), 0)) for k, total in enumerate(totals)]

        totals = loop(builder, parts, add, [vectors.zero] * side**2)
        square = [totals[i * side : (i + 1) * side] for i in range(side)]
        matrix = filter_matrix(points_of(side)).T
        values = along_both_axes(coefficients_of, vectors, matrix, matrix, square)
        for k, value in enumerate(values):
            vectors.store(value, code.step(out.at(i_out), k, row), 0)
        zeros = (builder.fsub(value, value) for value in values)  # NaN of those that are not finite
        return vectors.nowhere(builder.fcmp_unordered("!=", functools.reduce(builder.fadd, zeros), vectors.zero))

    is_long = builder.icmp_signed("==", side, INDEX(LONG))
    return code.first_of([(is_long, lambda: case(LONG)), (None, lambda: case(SHORT))])


@device
def _add_tiles(down, across, side, part, parts, x, c, count, dy, before_y, before_x, sums, i_sum, padded, totals):
    """Add a part of one kind of tiles to the sums (side * side, block, padded) of `count` channels from c on.

    The kind that has all points comes first: its first products are the sums' first values. Totals are those of dy.
    """
    images, out_height, out_width, filters = dy.shape
    _, height, width, channels = x.shape
    lanes = VECTOR_BYTES // x.itemsize
    block = 2 * lanes
    zeros = zeroed(block, x.dtype)
    tile_rows, first_row = pieces(out_height, down, side)
    tile_columns, first_column = pieces(out_width, across, side)
    a_tile = tile_rows * tile_columns
    tiles = images * a_tile
    # No powers of 2 from one pair of points to the next: they would clash in the cache.
    v_step, z_step = STEPS * block + lanes, STEPS * padded + lanes
    v, z = empty(down * across * v_step, x.dtype), empty(down * across * z_step, x.dtype)
    for k in range(v.size if count < block else 0):
        v[k] = 0  # beyond the last channel
    for k in range(z.size if filters < padded else 0):
        z[k] = 0  # beyond the last filter
    start, last = tiles * part // parts, tiles * (part + 1) // parts
    is_first = (down == side) & (across == side)
    for k in range(i_sum, i_sum + side * side * block * padded if is_first and start == last else i_sum):
        sums[k] = 0
    for first in range(start, last, STEPS):
        steps = min(STEPS, last - first)
        for t in range(steps):
            n, within = (first + t) // a_tile, (first + t) % a_tile
            r = first_row + within // tile_columns * (down - 2)
            q = first_column + within % tile_columns * (across - 2)
            image, top, left = n * height * width * channels, r - before_y, q - before_x
            for g in range(0, count, lanes):
                _transform_pixels(
                    down, across, x, image, top, left, height, width, channels, c + g, zeros, v, t * block + g, v_step,
                    False, zeros, 0, count - g
                )
            image = n * out_height * out_width * filters
            for f in range(0, filters, lanes):
                _transform_outputs(
                    down, across, dy, image, r, q, out_height, out_width, filters, f, zeros, z, t * padded + f, z_step,
                    False, zeros, 0, filters - f
                )
        ones = z[(AT_ONE * across + AT_ONE) * z_step :]
        for f in range(filters if c == 0 else 0):
            total = dy.dtype.type(0)  # a sum of its own, as rounding grows
            for t in range(steps):
                total += ones[t * padded + f]
            totals[f] += total
        now = first + steps - 1
        later = min(now + STEPS, last - 1) if is_first else now  # the few tiles of other kinds are not asked for
        high, points = down - 2, down * across
        x_ahead = rows_ahead(now, later, tiles, tile_rows, tile_columns, high, 2 - before_y, height, width, points)
        dy_ahead = rows_ahead(now, later, tiles, tile_rows, tile_columns, high, 0, out_height, out_width, points)
        for k in range(points):
            ask_for(x, x_ahead, k, c, count)
            ask_for(dy, dy_ahead, k, 0, filters)
            at = i_sum + (k // across * side + k % across) * block * padded
            for f in range(0, padded, block):
                for g in range(0, count, TILE_ROWS):
                    total = at + g * padded + f
                    before, i, row = (zeros, 0, 0) if is_first and first == start else (sums, total, padded)
                    _product(
                        v, k * v_step + g, 1, block, z, k * z_step + f, padded, before, i, row, sums, total, padded,
                        steps, block,
                    )


@called
def _run_task(task, blocks, parts, side, x, dy, before_y, before_x, sums, padded, totals):
    """Sum one part of the tiles for one block of channels, two vectors."""
    channels, lanes = x.shape[3], VECTOR_BYTES // x.itemsize
    block = 2 * lanes
    part, c = task // blocks, task % blocks * block
    size = side * side * block * padded
    for f in range(dy.shape[3] if c == 0 else 0):
        totals[part, f] = 0
    for down, across in KINDS:
        _add_tiles(
            down, across, side, part, parts, x, c, min(block, channels - c), dy, before_y, before_x, sums, task * size,
            padded, totals[part],
        )


@kernel
def winograd_weight_gradient(x, dy, top, left, dw, db, is_finite):
    """dw (9 * C, F), db (F,) of a 3 x 3 convolution: x (N, H, W, C), dy (N, OH, OW, F); the rest as in the forward.

    ``is_finite[0]`` says whether dw has neither NaN nor infinity: the transforms spread them in a filter.
    """
    images, out_height, out_width, filters = dy.shape
    channels, lanes = x.shape[3], VECTOR_BYTES // x.itemsize
    block = 2 * lanes
    side, outputs = SHORT, images * out_height * out_width
    if outputs >= MANY_OUTPUTS and channels % lanes == 0 and filters % lanes == 0:
        side = LONG
    blocks, padded = (channels + block - 1) // block, (filters + block - 1) // block * block
    tiles = outputs // 4 if side == SHORT else outputs // 16
    parts = max(1, min(TASKS // blocks, tiles // PART_TILES))
    size = side * side * block * padded
    sums, totals = empty(parts * blocks * size, x.dtype), empty((parts, filters), x.dtype)
    finite = empty(channels, np.bool_)
    for stage in range(2):
        tasks = parts * blocks if stage == 0 else channels
        for task in prange(tasks):
            if stage == 0:
                _run_task(np.int64(task), blocks, parts, side, x, dy, top, left, sums, padded, totals)
            else:
                c, fine = np.int64(task), True
                for f in range(0, filters, lanes):
                    fine &= finish(
                        side, sums, c // block * size + c % block * padded + f, block * padded, parts, blocks * size,
                        dw, c * filters + f, channels * filters, filters - f,
                    )
                finite[c] = fine
    is_finite[0] = True
    for c in range(channels):
        is_finite[0] &= finite[c]
    for f in range(filters):
        db[f] = 0
        for part in range(parts):
            db[f] += totals[part, f]
