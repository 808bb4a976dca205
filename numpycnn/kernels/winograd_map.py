"""3 x 3 convolution, with or without ReLU, with up to 4 times fewer multiplications: Winograd's algorithm.

``winograd_tiles.py`` has the transforms. Along an axis a map is cut into tiles of 4 outputs, and of 2 for what is left:
14 outputs are 4 + 4 + 4 + 2. A tile may reach beyond the map, where nothing is stored, and beyond the image, which
zeros surround. Few outputs, and channels or filters that leave part of a vector, get tiles of 2 x 2 alone.

Rounding: as in ``winograd.py``, sums are off by up to 5e-6 of the largest, but patches of zeros, and those of the
image's background, get the layers' own sums, and so does every output that ReLU might cut or keep by rounding alone.
Where a tile holds NaN or infinity, all its outputs are summed plainly.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from llvmlite import ir
from numba import prange, types

from .jit import called, device, kernel
from .matmul import transpose
from .rows import ask_for
from .simd import INDEX, VECTOR_BYTES, empty, returns, zeroed
from .tiles import plain_sums, squares, survey
from .winograd_tiles import (
    KINDS, LONG, ROWS, SHORT, along_both_axes, by_kind, coefficients_of, first_flat_patch, load_inside, load_square,
    make_transform_inside, output_matrix, pieces, pixel_matrix, points_of, product, room_to_keep, rows_ahead,
    rows_of, share_of_groups, shares_and_parts, transform_filters,
)

MANY_OUTPUTS = 52 * ROWS  # of fewer, tiles of 2 x 2 alone: they round less, and few products are half empty
TASKS = 32  # at most: each costs references to arrays
MARGIN = 4  # as in winograd.py
OUTPUTS = 16  # of a tile, at most; a bit each
BORDERS = 5  # ways in which a patch lies along an axis, see _border
FACTS = 3 + BORDERS**2  # that are known of a filter, see _learn_filters

_transform_tile = make_transform_inside(pixel_matrix)


# -- what becomes of the products --------------------------------------------------------------------------------------


@returns(types.int64)
def finish(code, down, across, m, im, m_step, b, f, filters, facts, scale, relu, y, iy, row, rows, pixels, columns):
    """``y = A.T m A + b`` for a tile and one vector of filters, its negative values cut to 0 if `relu`.

    `rows` by `pixels` outputs of the tile are in the map, in rows `row` elements apart. Facts are what `_learn_filters`
    finds out, scale is the tile's largest pixel if `relu`, else 0. Bit k of what is returned says that rounding may
    have decided whether the k-th output is cut; all bits are set where a product is not finite.
    """
    builder = code.builder

    def case(vectors, down, across):
        matrices = output_matrix(points_of(down)), output_matrix(points_of(across))
        square = load_square(code, vectors, m.at(im), builder.mul(m_step, INDEX(across)), m_step, (down, across))
        by_scale, by_bias = (vectors.load(code.step(facts.at(f), k, filters), 0) for k in range(2))
        margin = vectors.multiply_add(by_scale, vectors.broadcast(scale), by_bias)
        bias = vectors.load(b.at(f), 0)
        lowest = builder.select(builder.trunc(relu, ir.IntType(1)), vectors.scalar(0), vectors.scalar(-math.inf))
        floor = vectors.broadcast(lowest)
        high, wide, clears = down - 2, across - 2, []
        values = [builder.fadd(total, bias) for total in along_both_axes(coefficients_of, vectors, *matrices, square)]
        # What is not finite in m is so in one of the corners; infinity less infinity is NaN.
        corners = functools.reduce(builder.fadd, (values[0], values[wide - 1], values[-wide], values[-1]))
        margin = builder.fadd(margin, builder.fsub(corners, corners))
        for k, value in enumerate(values):
            i, j = divmod(k, wide)
            clears.append(builder.fcmp_ordered(">=", vectors.absolute(value), margin))
            place = code.step(code.step(y.at(iy), i, row), j, filters)
            inside = ir.IntType(1)(1)
            for n, end, count in ((i, high, rows), (j, wide, pixels)):
                if n == end - 1:  # only the tile's last row and its last column may be beyond the map
                    inside = builder.and_(inside, builder.icmp_signed("<", INDEX(n), count))
            with builder.if_then(inside):
                vectors.store(vectors.maximum(value, floor), place, 0)

        def doubts():
            bits = INDEX(0)
            for k, clear in enumerate(clears):
                sure = vectors.nowhere(builder.not_(clear))
                bits = builder.or_(bits, builder.shl(builder.zext(builder.not_(sure), INDEX), INDEX(k)))
            return bits

        all_clear = vectors.nowhere(builder.not_(functools.reduce(builder.and_, clears)))
        return code.first_of([(all_clear, lambda: INDEX(0)), (None, doubts)])

    return by_kind(code, m, KINDS, (down, across), columns, case)


@returns(types.boolean)
def may_be_flat(code, down, across, x, image, top, left, height, width, channels, zeros, background):
    """Whether a patch of the tile may be background or zeros: every patch has one of its 2 x 2 pixels in the middle."""
    builder, vectors = code.builder, code.vectors(x, 1, channels)
    before = [builder.sub(builder.lshr(side, INDEX(1)), INDEX(1)) for side in (down, across)]
    corner = [builder.add(first, distance) for first, distance in zip((top, left), before)]
    square = load_inside(code, vectors, x.at(image), corner, (height, width), channels, zeros.at(INDEX(0)), (2, 2))
    known = vectors.load(background.at(INDEX(0)), 0)
    pairs = [(pixel, flat) for pixel in sum(square, []) for flat in (known, vectors.zero)]
    same = [vectors.nowhere(builder.fcmp_unordered("!=", pixel, flat)) for pixel, flat in pairs]
    return functools.reduce(builder.or_, same)


@returns("element")
def largest(code, sizes, i_size):
    """Return the largest of a vector of sizes; NaN if it is not finite."""
    vectors = code.vectors(sizes, 1)
    size = vectors.reduced(vectors.load(sizes.at(i_size), 0), vectors.larger_bits)
    return code.builder.fadd(size, code.builder.fsub(size, size))  # infinity less infinity is NaN


# -- patches whose sums are known --------------------------------------------------------------------------------------


@called
def _find_flat(down, across, x, image, top, left, height, width, channels, background):
    """Return bit k if the k-th output's patch is zeros, bit k + OUTPUTS if it is background, for all of a tile.

    Pixels outside the image are both.
    """
    kinds = np.full(LONG * LONG, 3 if min(height, width) >= 3 else 2, np.uint8)  # outside; of smaller images, zeros
    first, end = max(0, -left), min(across, width - left)
    for i in range(max(0, -top), min(down, height - top)):
        at = image + ((top + i) * width + left + first) * channels
        survey(x, at, end - first, channels, background, kinds, i * LONG + first)
    flat = 0
    for known in range(2):
        last, one_before = 0, 0  # of the two rows above: where three pixels side by side are flat, a bit each
        for i in range(down):
            bits = 0
            for j in range(across):
                bits |= np.int64(kinds[i * LONG + j] >> (1 - known) & 1) << j
            bits &= bits >> 1 & bits >> 2
            if i >= 2:
                flat |= (bits & last & one_before) << ((i - 2) * (across - 2) + known * OUTPUTS)
            last, one_before = bits, last
    return flat


@called
def _sum_plainly(patch, i_patch, taps, w, f, b, y, iy, count):
    """The sums of one patch for at most a vector of filters, from f on, in the layers' order."""
    plain_sums(patch, i_patch, taps, w, f, b.size, b, y, iy, count)


@called
def _correct(doubts, flat, across, x, image, top, left, height, width, channels, w, b, f, count, facts, relu, y, iy,
             row, rows, pixels, patch, taps):
    """Store the sums of a tile's flat patches, which are known, and sum plainly, as the layers do, where in doubt."""
    filters, lanes = b.size, VECTOR_BYTES // x.itemsize
    for i in range(rows):
        for j in range(pixels):
            k, at = i * (across - 2) + j, iy + i * row + j * filters
            if flat >> k & 1 or flat >> (k + OUTPUTS) & 1:
                known = 2  # which row of facts
                if not flat >> k & 1:
                    known = 3 + _border(top + i, height) * BORDERS + _border(left + j, width)
                sums, source = y[at : at + count], facts[known * filters + f : known * filters + f + count]
                for g in range(count):
                    sums[g] = source[g]
                continue
            for g in range(0, count, lanes):
                if doubts >> (g // lanes * OUTPUTS + k) & 1:
                    sums = y[at + g : at + min(g + lanes, count)]
                    _gather(x, image, top + i, left + j, height, width, channels, patch)
                    _sum_plainly(patch, 0, taps, w, f + g, b, y, at + g, sums.size)
                    _rectify(sums, relu)


@device
def _rectify(sums, relu):
    """Cut negative sums to 0 if `relu`."""
    for g in range(sums.size if relu else 0):
        sums[g] = 0 if sums[g] <= 0 else sums[g]


@device
def _border(first, size):
    """Return how a patch lies along an axis: 0 inside, 1 or 2 with so many pixels before the image, 3 or 4 after it."""
    if first < 0:
        return -first
    return 2 + first + 3 - size if first + 3 > size else 0


@device
def _gather(x, image, top, left, height, width, channels, patch):
    """Copy the patch whose first pixel is (top, left), with zeros outside the image."""
    for k in range(9):
        r, q = top + k // 3, left + k % 3
        inside = 0 <= r < height and 0 <= q < width
        for c in range(channels):
            patch[k * channels + c] = x[image + (r * width + q) * channels + c] if inside else 0


@called
def _learn_filters(w, b, first, end, background, relu, taps, facts):
    """Set facts (FACTS * F,) of filters `first` to `end`.

    How far off a sum may be, for a largest pixel of 1, as rounding errors add up in a random walk over as many terms;
    the same for the bias (both 0 without ReLU, which alone decides by them); what comes of a patch of zeros, and of the
    background's patches, for each way in which they lie in the image.
    """
    filters, channels, lanes = b.size, background.size, VECTOR_BYTES // w.itemsize
    unit = MARGIN * math.sqrt(w.shape[0]) * (2.0**-23 if w.itemsize == 4 else 2.0**-52)
    squares(w, first, filters, w.shape[0], end - first, facts, first)
    for f in range(first, end):
        facts[f] = unit * math.sqrt(facts[f]) if relu else 0
        facts[filters + f] = unit * abs(b[f]) if relu else 0
    patch, has_background = zeroed(w.shape[0], w.dtype), background[0] == background[0]
    for known in range(2, FACTS if has_background else 3):
        down, across = (known - 3) // BORDERS, (known - 3) % BORDERS
        for k in range(9 if known > 2 else 0):
            inside = _is_inside(k // 3, down) and _is_inside(k % 3, across)
            for c in range(channels):
                patch[k * channels + c] = background[c] if inside else 0
        for f in range(first, end, lanes):
            count = min(lanes, end - f)
            _sum_plainly(patch, 0, taps, w, f, b, facts, known * filters + f, count)
            _rectify(facts[known * filters + f : known * filters + f + count], relu)


@device
def _is_inside(k, border):
    """Whether a patch's pixel k along an axis is in the image, for each way of ``_border``."""
    return k >= border if border <= 2 else k < 5 - border


@called
def find_background(x):
    """Return the first pixel (C,) of the first image around which a whole patch is equal; NaN without one."""
    background, pixel = np.full(x.shape[3], np.nan, x.dtype), first_flat_patch(x, 3)
    for c in range(x.shape[3] if pixel >= 0 else 0):
        background[c] = x.reshape(-1)[pixel * x.shape[3] + c]
    return background


@called
def _turned(w):
    """Return filters (9 * C, F) turned by 180 degrees, with channels and filters exchanged: (9 * F, C)."""
    channels, filters = w.shape[0] // 9, w.shape[1]
    turned = empty((9 * filters, channels), w.dtype)
    for k in range(9):
        transpose(w, (8 - k) * channels * filters, filters, channels, filters, turned, k * channels * filters, channels)
    return turned


# -- the kernel --------------------------------------------------------------------------------------------------------


@device
def _run_groups(down, across, side, task, tasks, x, w, u, u_step, first_panel, last_panel, b, before_y, before_x, taps,
                facts, background, relu, y, zeros, sizes, scales, patch, places, v, m):
    """Take a share of one kind of tiles, ROWS at a time, through all stages, for some panels of filters.

    The last seven arrays are room to work in: zeros, the largest pixels of a tile by lane and at all, a patch, what is
    known of a tile (its image, row and column, flat patches, doubts), and the values of a group and its products.
    """
    images, out_height, out_width, filters = y.shape
    _, height, width, channels = x.shape
    lanes = VECTOR_BYTES // x.itemsize
    panel_width, image_size = zeros.size, height * width * channels
    tile_rows, first_row = pieces(out_height, down, side)
    tile_columns, first_column = pieces(out_width, across, side)
    tiles = images * tile_rows * tile_columns
    groups = (tiles + ROWS - 1) // ROWS
    v_step, m_step = v.size // side**2, m.size // side**2
    flat, doubts = places[3], places[4]
    is_first = (down == side) & (across == side)
    x_flat, y_flat = x.reshape(-1), y.reshape(-1)
    first_group, end_group = share_of_groups(groups, across, task, tasks)
    for first in range(first_group * ROWS, end_group * ROWS, ROWS):
        some_flat, group_rows = False, rows_of(tiles - first)
        for k in range(ROWS * lanes):
            sizes[k] = 0
        for p in range(group_rows):
            tile = min(first + p, tiles - 1)  # what the last group lacks is computed and dropped
            n = tile // (tile_rows * tile_columns)
            r = first_row + tile // tile_columns % tile_rows * (down - 2)
            q = first_column + tile % tile_columns * (across - 2)
            places[0, p], places[1, p], places[2, p] = n, r, q
            top, left, image = r - before_y, q - before_x, n * image_size
            for c in range(0, channels, lanes):
                _transform_tile(
                    down, across, x, image, top, left, height, width, channels, c, zeros, v, p * channels + c, v_step,
                    relu, sizes, p * lanes, channels - c
                )
            scales[p] = largest(sizes, p * lanes)
            flat[p] = may_be_flat(down, across, x, image, top, left, height, width, channels, zeros, background)
            some_flat |= flat[p] > 0
        if some_flat:
            for p in range(group_rows):
                if flat[p]:
                    n, top, left = places[0, p], places[1, p] - before_y, places[2, p] - before_x
                    flat[p] = _find_flat(
                        down, across, x_flat, n * image_size, top, left, height, width, channels, background
                    )
        now = first + ROWS - 1
        later = now + ROWS if is_first else now  # the few tiles of other kinds are not asked for
        high, points = down - 2, down * across
        x_ahead = rows_ahead(now, later, tiles, tile_rows, tile_columns, high, 2 - before_y, height, width, points)
        y_ahead = rows_ahead(now, later, tiles, tile_rows, tile_columns, high, 0, out_height, out_width, points)
        for panel in range(first_panel, last_panel):
            f, iu = panel * panel_width, panel * side * side * u_step
            for k in range(points):
                if panel == first_panel:
                    ask_for(x, x_ahead, k, 0, channels)
                    ask_for(y, y_ahead, k, 0, filters)
                product(k, group_rows, v, v_step, channels, across, u, iu, u_step, side, zeros, filters - f, m, m_step)
            count, some = min(panel_width, filters - f), np.int64(0)
            for p in range(min(ROWS, tiles - first)):
                n, r, q = places[0, p], places[1, p], places[2, p]
                iy = ((n * out_height + r) * out_width + q) * filters + f
                doubts[p] = 0
                for g in range(0, count, lanes):
                    found = finish(
                        down, across, m, p * panel_width + g, m_step, b, f + g, filters, facts, scales[p], relu, y,
                        iy + g, out_width * filters, out_height - r, out_width - q, min(lanes, count - g),
                    )
                    doubts[p] |= found << g // lanes * OUTPUTS
                some |= doubts[p] | flat[p]
            if some:  # in a loop of its own: beside a call, Numba counts the references to every array, tile by tile
                for p in range(min(ROWS, tiles - first)):
                    if doubts[p] | flat[p]:
                        n, r, q = places[0, p], places[1, p], places[2, p]
                        iy = ((n * out_height + r) * out_width + q) * filters + f
                        _correct(
                            doubts[p], flat[p], across, x_flat, n * image_size, r - before_y, q - before_x, height,
                            width, channels, w, b, f, count, facts, relu, y_flat, iy, out_width * filters,
                            min(down - 2, out_height - r), min(across - 2, out_width - q), patch, taps,
                        )


@called
def _run_task(task, tasks, parts, x, w, u, side, b, before_y, before_x, taps, facts, background, relu, y):
    """Take a share of each kind of tiles through one of so many parts of the panels of filters."""
    lanes = VECTOR_BYTES // x.itemsize
    panels, tasks = (b.size + 2 * lanes - 1) // (2 * lanes), tasks // parts
    part, task = task // tasks, task % tasks
    first_panel, last_panel = panels * part // parts, panels * (part + 1) // parts
    zeros = zeroed(2 * lanes, x.dtype)
    sizes, scales, patch = empty(ROWS * lanes, x.dtype), empty(ROWS, x.dtype), empty(w.shape[0], x.dtype)
    places = empty((5, ROWS), np.int64)
    # No powers of 2 from one pair of points to the next: they would clash in the cache.
    v = empty(side * side * (ROWS * x.shape[3] + lanes), x.dtype)
    m = empty(side * side * (ROWS * 2 * lanes + lanes), x.dtype)
    for down, across in KINDS:
        _run_groups(
            down, across, side, task, tasks, x, w, u, x.shape[3] * 2 * lanes + lanes, first_panel, last_panel, b,
            before_y, before_x, taps, facts, background, relu, y, zeros, sizes, scales, patch, places, v, m,
        )


@called
def _prepare(panel, x, w, u, ready, side, b, taps, facts, background, relu):
    """Transform one panel of filters, unless they are `ready`, and learn what has to be known of them."""
    channels, lanes = x.shape[3], VECTOR_BYTES // x.itemsize
    if not ready:
        transform_filters(w, channels, 3, panel, side, u, channels * 2 * lanes + lanes)
    _learn_filters(w, b, panel * 2 * lanes, min((panel + 1) * 2 * lanes, b.size), background, relu, taps, facts)


@kernel
def convolution(x, w, b, top, left, relu, turned, kept, is_kept, y):
    """y = conv(x), its negative values cut to 0 if `relu`: x (N, H, W, C), w (9 * C, F), b (F,), y (N, OH, OW, F).

    If `turned`, w is (9 * F, C): that of a convolution whose dy is x here, and its dx y.

    Filters are 3 x 3 on neighbouring pixels; `top` rows and `left` columns of zeros lie before the image's first pixel,
    as many as it takes after its last. A task takes its share of each kind of tiles through all panels of filters, each
    of two vectors; when there are few tiles (one small image) through a part of them.

    `kept` is room for transformed filters that the caller keeps, and ``is_kept[0]`` says whether they are there: the
    first call puts them there. Both have no element if filters are to be transformed at every call.
    """
    images, out_height, out_width, filters = y.shape
    channels, lanes = x.shape[3], VECTOR_BYTES // x.itemsize
    panels, w = (filters + 2 * lanes - 1) // (2 * lanes), _turned(w) if turned else w
    side, outputs = SHORT, images * out_height * out_width
    if outputs >= MANY_OUTPUTS and channels % lanes == 0 and filters % lanes == 0:
        side = LONG
    u, ready = kept, is_kept.size > 0 and is_kept[0]
    if not is_kept.size:
        u = empty(panels * side * side * (channels * 2 * lanes + lanes), x.dtype)
    facts, background = empty(FACTS * filters, x.dtype), find_background(x)
    taps = empty(9 * channels, np.int64)
    for k in range(taps.size):
        taps[k] = k
    tiles = (outputs + 3) // 4 if side == SHORT else (outputs + 15) // 16
    shares, parts = shares_and_parts(tiles, panels, TASKS)
    for stage in range(2):
        tasks = panels if stage == 0 else shares * parts
        for task in prange(tasks):
            if stage == 0:
                _prepare(np.int64(task), x, w, u, ready, side, b, taps, facts, background, relu)
            else:
                _run_task(
                    np.int64(task), tasks, parts, x, w, u, side, b, top, left, taps, facts, background, relu, y
                )
    if is_kept.size:
        is_kept[0] = True


@convolution.called_as
def winograd_forward(x, w, b, top, left, relu, turned, y):
    """y = conv(x), its negative values cut to 0 if `relu`, or dx of a dy x if `turned`: see ``convolution``."""
    return x, w, b, top, left, relu, turned, np.empty(0, x.dtype), np.empty(0, np.bool_), y


@convolution.called_again
def _keeping_filters(x, w, b, top, left, relu, turned, kept, is_kept, y):
    return x, w, b, top, left, relu, turned, *((kept, is_kept) if turned else room_to_keep(x, w)), y
