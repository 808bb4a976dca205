"""3 x 3 or 5 x 5 convolution, ReLU and 2 x 2 pooling with up to 4 times fewer multiplications: Winograd's algorithm.

Tiles have 4 or 2 outputs along an axis (``winograd_tiles.py`` has the transforms), which are 2 or 1 pooling windows and
take 6 or 4 points: 10 x 10 outputs are cut into 4 + 4 + 2 along both, 16 x 16 products in place of 10 x 10 x 9. Few
images, and channels or filters that leave part of a vector, get tiles of 2 x 2 outputs alone. For 5 x 5 filters, 6
points make tiles of 2 x 2 outputs: 36 products in place of 100.

Rounding: 6 points cost some digits, in float32 up to 5e-6 of the largest output. Outputs may be that far off, but what
ReLU cuts and who wins a window must be what the layers say, or a gradient would go somewhere else. So:

- An image's background (pixels that are equal in a whole patch) gives the same sum everywhere. It is summed once, as
  the layers do, and stands wherever a patch is background: a patch of zeros gives exactly the bias.
- Of equal patches the first wins. Along a border of zeros around a background they are known to be equal, and all but
  the first are out: with 14 x 14 outputs of 32 channels, half of the windows would be summed again without that.
- A window is summed again as the layers do, pixel by pixel, where its best sum and the next, or 0, are closer than
  rounding may have moved them (``_learn_filters``). That happens to a window in some thousand, and to other equal
  patches. Without codes only 0 counts: in prediction nobody asks who won.

The tile of a product: 8 tiles of the image by two vectors of filters with AVX-512 (4 elsewhere), at each pair of
points; up to half as many, which one small image leaves, are multiplied one by one. Measured on the reference CNN's
second convolution: 530 to 550 GFLOP/s in terms of the plain sum, 2.5 times the best matrix product of the run. With 13
tiles, as many as registers hold, 64 images take as long, and 8, which do not fill them, 145 us in place of 112 (one
thread).
"""

from __future__ import annotations

import functools
import math

import numpy as np
from llvmlite import ir
from numba import prange, types

from .jit import called, device, kernel
from .simd import INDEX, VECTOR_BYTES, Vectors, empty, returns, zeroed
from .tiles import WINDOW, make_window_tile, squares, survey
from .winograd_tiles import (
    KINDS, LONG, ROWS, SHORT, along_both_axes, by_kind, coefficients_of, first_flat_patch, load_square,
    output_matrix, points_of, product, room_to_keep, rows_of, share_of_groups,
    shares_and_parts, transform_filters, transform_tile,
)

MANY_WINDOWS = 13 * ROWS  # of fewer, tiles of 2 x 2 outputs alone, as in winograd_map.py
TASKS = 16  # at most: each costs references to arrays
# Of tiles, with the filter's side.
POOLED_KINDS = (*((*kind, 3) for kind in KINDS[:3]), (LONG, LONG, 5), (SHORT, SHORT, 3))
EQUAL_BIT, PLAIN_BIT = 5, 9  # of a window's mark, see _learn_image
MARGIN = 4  # with 1, a sum in ten thousand was farther off than 2.3 times what `_learn_filters` works out; none 4.6


# -- what becomes of the products --------------------------------------------------------------------------------------


@returns(types.int64)
def finish(
    code, down, across, size, m, im, m_step, b, f, filters, facts, scale, lifts, marks, window, grid_width, y, codes,
    columns
):
    """``y = maxpool(relu(A.T m A + b))`` for a tile and one vector of filters, and the codes.

    `window` is the number of the tile's first window, in all images; facts, scale and marks are what `_learn_filters`
    and `_learn_image` find out, lifts what `_tables` says. Bit k of what is returned says that rounding may have
    decided in the tile's k-th window. Codes lie as y does, unless there are none.
    """
    builder = code.builder

    def case(vectors, down, across, size):
        matrices = output_matrix(points_of(down), size), output_matrix(points_of(across), size)
        square = load_square(code, vectors, m.at(im), builder.mul(m_step, INDEX(across)), m_step, (down, across))
        by_scale, by_bias, known = (vectors.load(code.step(facts.at(f), k, filters), 0) for k in range(3))
        margin = vectors.multiply_add(by_scale, vectors.broadcast(scale), by_bias)
        bias = vectors.load(b.at(f), 0)
        outputs = [builder.fadd(value, bias) for value in along_both_axes(coefficients_of, vectors, *matrices, square)]
        high, side = (points + 1 - size for points in (down, across))  # outputs in a column and in a row
        corners = outputs[0], outputs[side - 1], outputs[-side], outputs[-1]  # NaN in m is in one of them
        total = functools.reduce(builder.fadd, corners)
        not_a_number = builder.fcmp_unordered("uno", total, total)
        # Without codes it does not matter who wins a window, only whether it is cut.
        keep, doubts = builder.icmp_signed(">", codes.size, INDEX(0)), INDEX(0)
        ties = builder.select(keep, vectors.zero, vectors.constant(-math.inf))
        for k, (i, j) in enumerate((i, j) for i in range(0, high, 2) for j in range(0, side, 2)):
            number = builder.add(window, builder.add(builder.mul(grid_width, INDEX(i // 2)), INDEX(j // 2)))
            mark = builder.zext(code.load(marks.at(number)), INDEX)
            out = builder.and_(builder.or_(mark, builder.lshr(mark, INDEX(EQUAL_BIT))), INDEX(15))
            lift = code.step(lifts.at(INDEX(0)), out, WINDOW)
            lifted = [vectors.broadcast(code.load(code.step(lift, q))) for q in range(WINDOW)]
            present = builder.icmp_unsigned("!=", builder.and_(mark, INDEX(15)), INDEX(0))
            sum_of_background = builder.select(present, known, vectors.zero)
            places = [(i + q // 2) * side + j + q % 2 for q in range(WINDOW)]
            values = [builder.fadd(outputs[place], step) for place, step in zip(places, lifted)]
            first = builder.cttz(mark, ir.IntType(1)(1))
            best, winner, clear = _decide(vectors, values, ties, sum_of_background, first, margin)
            sure = vectors.nowhere(builder.or_(builder.not_(clear), not_a_number))
            doubtful = builder.or_(builder.zext(builder.not_(sure), INDEX), builder.lshr(mark, INDEX(PLAIN_BIT)))
            doubts = builder.or_(doubts, builder.shl(doubtful, INDEX(k)))
            at = builder.add(builder.mul(number, filters), f)
            vectors.store(best, y.at(at), 0)
            with builder.if_then(keep):
                vectors.store_codes(winner, codes.at(at), 0)
        return doubts

    return by_kind(code, m, POOLED_KINDS, (down, across, size), columns, case)


def _decide(
    vectors: Vectors, values: list, ties: ir.Value, known: ir.Value, first: ir.Value, margin: ir.Value
) -> tuple:
    """Return max(*values, known), which one it is, and in which lanes rounding by less than `margin` changes nothing.

    `known`, at least 0, is exact: pixel `first` has it, or all are cut. `ties` is 0, or minus infinity where it does
    not matter which of the values is the largest; nor does it what becomes of a NaN.
    """
    builder = vectors.builder
    larger, smaller, later = [], [], []
    for x, y in (values[:2], values[2:]):
        larger.append(vectors.maximum(y, x))
        smaller.append(vectors.minimum(y, x))
        later.append(builder.fcmp_ordered(">", y, x))
    best = vectors.maximum(*reversed(larger))
    second = vectors.maximum(vectors.minimum(*larger), vectors.maximum(*smaller))
    codes = [builder.select(which, vectors.code(2 * k + 1), vectors.code(2 * k)) for k, which in enumerate(later)]
    code = builder.select(builder.fcmp_ordered(">", larger[1], larger[0]), codes[1], codes[0])
    gap = vectors.absolute(builder.fsub(best, vectors.maximum(builder.fadd(second, ties), known)))
    clear = builder.fcmp_ordered(">=", gap, margin)
    positive = builder.fcmp_ordered(">", known, vectors.zero)
    known_code = builder.select(positive, vectors.broadcast_code(first), vectors.code(WINDOW))
    code = builder.select(builder.fcmp_ordered(">", best, known), code, known_code)
    return vectors.maximum(best, known), code, clear


_window_tile = make_window_tile(1)


# -- the stages ------------------------------------------------------------------------------------------------------


@device
def _transform_pixels(x, at, down, across, v, iv, v_step):
    """Transform one tile's pixels, from position `at` on, into v (down * across, ROWS, C), in steps."""
    _, _, width, channels = x.shape
    row, lanes = width * channels, VECTOR_BYTES // x.itemsize
    for c in range(0, channels, lanes):
        transform_tile(down, across, x, at + c, row, channels, v, iv + c, v_step, channels - c)


@device
def _outputs(m, im, m_step, down, across, size, b, f, count, facts, scale, lifts, marks, window, grid_width, y, codes):
    """Finish one tile for `count` filters from f on; `window` is the number of its first one.

    Return which windows to sum plainly, four bits for each vector of filters.
    """
    filters, lanes, doubts = b.size, VECTOR_BYTES // m.itemsize, 0
    for g in range(0, count, lanes):
        found = finish(
            down, across, size, m, im + g, m_step, b, f + g, filters, facts, scale, lifts, marks, window, grid_width,
            y, codes, min(lanes, count - g),
        )
        doubts |= found << g // lanes * 4
    return doubts


# -- what decides between the sums and the plain sums ----------------------------------------------------------------


@called
def _sum_plainly(doubts, wide, x, pixel, w, b, f, count, offsets, i_offset, taps, window, grid_width, y, codes, keep):
    """Compute those of a tile's windows, `wide` in a row, that bits of `doubts` name: as the layers add up."""
    filters, width, channels, lanes = b.size, x.shape[2], x.shape[3], VECTOR_BYTES // x.itemsize
    for g in range(0, count, lanes):
        for k in range(4):
            if doubts >> (g // lanes * 4 + k) & 1:
                r, q = k // wide, k % wide
                ix, iy = (pixel + 2 * r * width + 2 * q) * channels, (window + r * grid_width + q) * filters + f + g
                _window_tile(
                    x, ix, offsets, i_offset, 0, 1, taps, w, f + g, filters, b, y, iy, codes, keep,
                    min(lanes, count - g),
                )


@device
def _learn_filters(x, w, b, first, end, background, offsets, taps, facts, codes):
    """Set facts (3 * F,) of filters `first` to `end`.

    How far off a sum may be, for a largest pixel of 1, as rounding errors add up in a random walk over as many terms;
    the same for the bias; and the background's sum, its negative values cut.
    """
    filters = b.size
    unit = MARGIN * math.sqrt(w.shape[0]) * (2.0**-23 if x.itemsize == 4 else 2.0**-52)
    squares(w, first, filters, w.shape[0], end - first, facts, first)
    for f in range(first, end):
        facts[f] = unit * math.sqrt(facts[f])
        facts[filters + f] = unit * abs(b[f])
        facts[2 * filters + f] = 0
    if background >= 0:
        _sum_plainly(
            0b10001, 1, x, background, w, b, first, end - first, offsets, WINDOW, taps, 2, 1, facts, codes, False
        )


@device
def _learn_image(x, size, n, background, grid_width, windows, kinds, patches, marks, scales):
    """Find the largest pixel of image n, and the patches of which nothing needs to be computed, or all plainly.

    Window p's mark has a bit for each patch of window p that is background, whose sum is known; bit 4 is set. From
    ``EQUAL_BIT`` on it has a bit for each patch that is known to be equal to an earlier one, which wins: along a border
    of zeros, they are. ``PLAIN_BIT`` is set if a patch is zeros though the background is not.
    """
    channels, pixels, one, row = x.shape[3], kinds.size, np.uintp(1), np.uintp(x.shape[2])  # unsigned: no index < 0
    scales[n] = survey(x, n * pixels * channels, pixels, channels, background, kinds, 0)
    for i in range(np.uintp(pixels - 1)):  # bit 2: as the pixel to the right
        kinds[i] |= ((kinds[i] & kinds[i + one] & 3) > 0) << 2
    for i in range(np.uintp(pixels) - row):  # bit 3: as the pixel below
        kinds[i] |= ((kinds[i] & kinds[i + row] & 3) > 0) << 3
    for _ in range(size // 2):  # a patch is what all its pixels are: three across, and three such make five
        for i in range(np.uintp(pixels - 2)):
            kinds[i] = kinds[i] & kinds[i + one] & kinds[i + one + one]
    last = np.uintp(pixels - 2) - row - row
    for i in range(last):  # the same down
        patches[i] = kinds[i] & kinds[i + row] & kinds[i + row + row]
    for i in range(last - row - row if size == 5 else np.uintp(0)):
        patches[i] &= patches[i + row] & patches[i + row + row]
    p = np.uintp(n * windows)
    for line in range(np.uintp(0), np.uintp(windows // grid_width) * 2 * row, 2 * row):
        for i in range(line, line + 2 * np.uintp(grid_width), np.uintp(2)):
            a, b, c, d = patches[i], patches[i + one], patches[i + row], patches[i + row + one]  # the window's
            plain = ((a & 3) == 2) | ((b & 3) == 2) | ((c & 3) == 2) | ((d & 3) == 2)
            equal = (a >> 2 & 1) << 1 | (a >> 3 & 1) << 2 | (b >> 3 & 1 | c >> 2 & 1) << 3
            background_bits = a & 1 | (b & 1) << 1 | (c & 1) << 2 | (d & 1) << 3
            marks[p] = background_bits | 16 | equal << EQUAL_BIT | plain << PLAIN_BIT
            p += one


@called
def _tables(x, size):
    """Return where the patches of a window lie, and four times the first; a patch's elements; lifts.

    Lifts are what is added to a window's four sums, for each word of bits that says who is out: minus infinity, or 0.
    """
    _, height, width, channels = x.shape
    row = width * channels
    offsets, taps = empty(2 * WINDOW, np.int64), empty(size * size * channels, np.int64)
    lifts = empty(16 * WINDOW, x.dtype)
    for q in range(2 * WINDOW):
        offsets[q] = q // 2 * row + q % 2 * channels if q < WINDOW else 0
    for k in range(taps.size):
        taps[k] = k // (size * channels) * row + k % (size * channels)
    for out in range(16):
        for q in range(WINDOW):
            lifts[out * WINDOW + q] = -np.inf if out >> q & 1 else 0
    return offsets, taps, lifts


# -- the kernel ------------------------------------------------------------------------------------------------------


@device
def _pieces(windows, points, side, size):
    """Return how many pieces of this many points `windows` in a row have, the first one's window, its windows."""
    if side == SHORT or size == 5:
        return windows if points == side else 0, 0, 1
    return (windows // 2, 0, 2) if points == LONG else (windows % 2, windows - 1, 1)


@device
def _place(tile, rows, columns, top, high, left, wide, height, width, windows, grid_width):
    """Return the numbers of a tile's first pixel and first window, in all images."""
    n, r, q = tile // (rows * columns), top + tile // columns % rows * high, left + tile % columns * wide
    return (n * height + 2 * r) * width + 2 * q, n * windows + r * grid_width + q


@device
def _run_groups(down, across, side, size, task, tasks, x, w, u, u_step, first_panel, last_panel, b, offsets, taps,
                facts, lifts, marks, scales, grid_width, y, codes, zeros, doubts, v, m):
    """Take a share of one kind of tiles, ROWS at a time, through all stages, for some panels of filters.

    The last four arrays are room to work in: zeros, a number for each tile, and the values of a group and its products.
    """
    images, windows, filters = y.shape
    _, height, width, channels = x.shape
    panel_width = zeros.size
    rows, top, high = _pieces(windows // grid_width, down, side, size)
    columns, left, wide = _pieces(grid_width, across, side, size)
    tiles = images * rows * columns
    groups = (tiles + ROWS - 1) // ROWS
    v_step, m_step = v.size // side**2, m.size // side**2
    first_group, end_group = share_of_groups(groups, across, task, tasks)
    for first in range(first_group * ROWS, end_group * ROWS, ROWS):
        group_rows = rows_of(tiles - first)
        for p in range(group_rows):
            tile = min(first + p, tiles - 1)  # what the last group lacks is computed and dropped
            pixel, _ = _place(tile, rows, columns, top, high, left, wide, height, width, windows, grid_width)
            _transform_pixels(x, pixel * channels, down, across, v, p * channels, v_step)
        for panel in range(first_panel, last_panel):
            f, iu = panel * panel_width, panel * side * side * u_step
            for k in range(down * across):
                product(k, group_rows, v, v_step, channels, across, u, iu, u_step, side, zeros, filters - f, m, m_step)
            count, some = min(panel_width, filters - f), 0
            for p in range(min(ROWS, tiles - first)):
                _, window = _place(first + p, rows, columns, top, high, left, wide, height, width, windows, grid_width)
                n = (first + p) // (rows * columns)
                doubts[p] = _outputs(
                    m, p * panel_width, m_step, down, across, size, b, f, count, facts, scales[n], lifts, marks, window,
                    grid_width, y, codes,
                )
                some |= doubts[p]
            if some:  # in a loop of its own: beside a call, Numba counts the references to every array, tile by tile
                for p in range(min(ROWS, tiles - first)):
                    pixel, window = _place(
                        first + p, rows, columns, top, high, left, wide, height, width, windows, grid_width
                    )
                    _sum_plainly(
                        doubts[p], wide, x, pixel, w, b, f, count, offsets, 0, taps, window, grid_width, y,
                        codes, codes.size > 0,
                    )


@called
def _prepare(task, tasks, x, w, side, size, b, background, offsets, taps, grid_width, windows, u, ready, facts, marks,
             scales, codes):
    """Prepare a share of the filters, by panels, of which u may be `ready`, and of the images."""
    images, channels, filters = x.shape[0], x.shape[3], b.size
    lanes = VECTOR_BYTES // x.itemsize
    panels = (filters + 2 * lanes - 1) // (2 * lanes)
    for panel in range(task * panels // tasks, (task + 1) * panels // tasks):
        if not ready:
            transform_filters(w, channels, size, panel, side, u, channels * 2 * lanes + lanes)
        first, end = panel * 2 * lanes, min((panel + 1) * 2 * lanes, filters)
        _learn_filters(x, w, b, first, end, background, offsets, taps, facts, codes)
    kinds, patches = empty(x.shape[1] * x.shape[2], np.uint8), empty(x.shape[1] * x.shape[2], np.uint8)
    known, flat = empty(channels, x.dtype), x.reshape(-1)
    for c in range(channels):
        known[c] = flat[background * channels + c] if background >= 0 else np.nan
    for n in range(task * images // tasks, (task + 1) * images // tasks):
        _learn_image(x, size, n, known, grid_width, windows, kinds, patches, marks, scales)


@called
def _run_task(task, tasks, parts, x, w, u, side, size, b, offsets, taps, facts, lifts, marks, scales, grid_width, y,
              codes):
    """Take a share of each kind of tiles through one of so many parts of the panels of filters."""
    lanes = VECTOR_BYTES // x.itemsize
    panels, tasks = (b.size + 2 * lanes - 1) // (2 * lanes), tasks // parts
    part, task = task // tasks, task % tasks
    first_panel, last_panel = panels * part // parts, panels * (part + 1) // parts
    zeros, doubts = zeroed(2 * lanes, x.dtype), empty(ROWS, np.int64)
    # No powers of 2 from one pair of points to the next: they would clash in the cache.
    v = empty(side * side * (ROWS * x.shape[3] + lanes), x.dtype)
    m = empty(side * side * (ROWS * 2 * lanes + lanes), x.dtype)
    for down, across in KINDS:
        _run_groups(
            down, across, side, size, task, tasks, x, w, u, x.shape[3] * 2 * lanes + lanes, first_panel, last_panel, b,
            offsets, taps, facts, lifts, marks, scales, grid_width, y, codes, zeros, doubts, v, m,
        )


@kernel
def pooled_convolution(x, w, b, grid_width, kept, is_kept, y, codes):
    """y = maxpool(relu(conv(x))), 2 x 2 windows: x (N, H, W, C), w (9 * C, F) or (25 * C, F), b (F,) to (N, P, F).

    An image has P windows, ``grid_width`` in a row; codes as in ``conv_relu_pool_forward``. Filters are 3 x 3 or 5 x 5,
    these with channels and filters that fill vectors.

    Filters go in panels of two vectors. A task takes its share of each kind of tiles through all panels; when there are
    few tiles (one small image) through a part of them. `kept` and `is_kept` as in `convolution` of
    winograd_map.py.
    """
    images, windows, filters = y.shape
    channels, lanes = x.shape[3], VECTOR_BYTES // x.itemsize
    panels = (filters + 2 * lanes - 1) // (2 * lanes)
    side, size = SHORT, 3 if w.shape[0] == 9 * channels else 5
    if size == 5 or (images * windows >= MANY_WINDOWS and channels % lanes == 0 and filters % lanes == 0):
        side = LONG
    (offsets, taps, lifts), background = _tables(x, size), first_flat_patch(x, size)
    u, ready = kept, is_kept.size > 0 and is_kept[0]
    if not is_kept.size:
        u = empty(panels * side * side * (channels * 2 * lanes + lanes), x.dtype)
    facts, scales = empty(3 * filters, x.dtype), empty(images, x.dtype)
    marks = empty(images * windows, np.uint16)
    tiles = images * windows // (1 if side == SHORT or size == 5 else 4)
    shares, parts = shares_and_parts(tiles, panels, TASKS)
    for stage in range(2):
        tasks = max(panels, min(images, 8))  # the few panels are shared out among as many tasks as there are
        if stage == 1:
            tasks = shares * parts
        for task in prange(tasks):
            if stage == 0:
                _prepare(
                    np.int64(task), tasks, x, w, side, size, b, background, offsets, taps, grid_width, windows, u,
                    ready, facts, marks, scales, codes,
                )
            else:
                _run_task(
                    np.int64(task), tasks, parts, x, w, u, side, size, b, offsets, taps, facts, lifts, marks, scales,
                    grid_width, y, codes,
                )
    if is_kept.size:
        is_kept[0] = True


@pooled_convolution.called_as
def winograd_relu_pool_forward(x, w, b, grid_width, y, codes):
    """y = maxpool(relu(conv(x))): see ``pooled_convolution``."""
    return x, w, b, grid_width, np.empty(0, x.dtype), np.empty(0, np.bool_), y, codes


@pooled_convolution.called_again
def _keeping_filters(x, w, b, grid_width, kept, is_kept, y, codes):
    return x, w, b, grid_width, *room_to_keep(x, w), y, codes
