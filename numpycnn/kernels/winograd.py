"""3 x 3 convolution, ReLU and 2 x 2 pooling with up to 4 times fewer multiplications: Winograd's algorithm.

A tile of outputs needs the filter g and the tile's pixels d, two more along each axis: ``A.T [(G g G.T) * (B.T d B)]
A`` (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016, section 4.1). Along one axis that is a
product of polynomials: G and B.T give their values at some points, A.T the product's coefficients. Summed over
channels, each pair of points, one for each axis, is a matrix product of tiles and filters.

Tiles have 4 or 2 outputs along an axis, which are 2 or 1 pooling windows and take 6 or 4 points: 10 x 10 outputs are
cut into 4 + 4 + 2 along both, 16 x 16 products in place of 10 x 10 x 9. The 4 points are among the 6, so filters are
transformed once. Few images, and channels or filters that leave part of a vector, get tiles of 2 x 2 outputs alone.

Rounding: the tiles of 2 x 2 are exact on whole numbers. A constant square of pixels is 0 at all points but 1, exactly,
so that its outputs tie as they should: a picture's background is such. 6 points cost some digits, in float32 up to 4e-6
of the largest output; so where only a part of a larger tile is constant, any of the pixels that tie may win.

The tile of a product: 13 tiles of the image by two vectors of filters with AVX-512 (4 elsewhere), at each pair of
points. Measured on the reference CNN's second convolution: 530 to 550 GFLOP/s in terms of the plain sum, 2.5 times the
best matrix product of the run.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.extending import intrinsic

from .jit import called, device, kernel
from .matmul import empty_aligned
from .simd import INDEX, MANY_REGISTERS, VECTOR_BYTES, Vectors
from .tiles import WINDOW, first_maximum, make_convolution_tile, make_equal, make_largest, make_product_tile, pointers

POINTS = [1, 0.5]  # each with both signs, besides 0 and infinity; a side of 2 outputs takes the first alone
SHORT, LONG = 4, 6  # points, and pixels, along a side of 2 and of 4 outputs

ROWS = 13 if MANY_REGISTERS else 4  # tiles of the image in a tile of a product; two vectors of sums each
FEW_WINDOWS = 4 * ROWS  # so few do not keep several threads busy
MANY_WINDOWS = 16 * ROWS  # so many fill the products of every kind of tiles
MARGIN = 4  # of roundings: no sum was found farther off than 4.6 times what `_learn_filters` works out for 1, few 2.3
KINDS = ((LONG, LONG), (LONG, SHORT), (SHORT, LONG), (SHORT, SHORT))  # of tiles: points down and across


# -- along one axis --------------------------------------------------------------------------------------------------
# The points are 0, infinity, a, -a for each a. What belongs to a and -a is even + odd and even - odd: the matrices
# hold the even and the odd part, half of whose coefficients are 0, and `_both_signs` does the rest.


def _pixel_matrix(points: list[float]) -> np.ndarray:
    """B.T: the polynomial that is 1 at one of the points and 0 at the others, for each of them; see _filter_matrix."""
    size = 2 * len(points) + 2
    matrix = np.zeros((size, size))
    squares = np.square(points)
    whole = np.poly(squares)[::-1]  # coefficients of x ** 0, x ** 2, ...
    matrix[0, 0 : size - 1 : 2] = whole / whole[0]
    matrix[1, 1:size:2] = whole
    for i, a in enumerate(points):
        others = np.atleast_1d(np.poly(np.delete(squares, i)))[::-1] / np.prod(a * a - squares[i + 1 :])
        matrix[2 + 2 * i, 2:size:2] = others
        matrix[3 + 2 * i, 1 : size - 2 : 2] = a * others
    return matrix


def _filter_matrix(points: list[float]) -> np.ndarray:
    """G: the values of g[0] + g[1] x + g[2] x ** 2, and those divisors of B.T that more points do not change."""
    rows = [[1, 0, 0], [0, 0, 1]]
    for i, a in enumerate(points):
        divisor = 2 * a * a * np.prod(a * a - np.square(points[:i]))
        rows += [[1 / divisor, 0, a * a / divisor], [0, a / divisor, 0]]
    return np.array(rows)


def _output_matrix(points: list[float]) -> np.ndarray:
    """A.T: row k adds up the products times x ** k, and the last one that at infinity."""
    last = 2 * len(points) - 1
    powers = [[k == 0, k == last, *(a**k * (k % 2 == odd) for a in points for odd in (0, 1))] for k in range(last + 1)]
    return np.array(powers, float)


def _both_signs(vectors: Vectors, values: list) -> list:
    """Return even + odd, even - odd for each pair after the first two."""
    add, subtract = vectors.builder.fadd, vectors.builder.fsub
    pairs = zip(values[2::2], values[3::2])
    return [*values[:2], *(operation(x, y) for x, y in pairs for operation in (add, subtract))]


def _product(vectors: Vectors, matrix: np.ndarray, values: list) -> list:
    """Return ``matrix @ values``; large terms first, so that those of a constant, which cancel, leave exactly 0."""
    results = []
    for row in matrix:
        terms = [(weight, value) for weight, value in zip(row, values) if weight]
        terms.sort(key=lambda term: (term[0] != 1, -abs(term[0])))  # 1 before all: it needs no multiplication
        weight, total = terms[0]
        if weight != 1:
            total = vectors.builder.fmul(vectors.constant(weight), total)
        for weight, value in terms[1:]:
            total = vectors.multiply_add(vectors.constant(weight), value, total)
        results.append(total)
    return results


# -- in squares ------------------------------------------------------------------------------------------------------


def _along_both_axes(transform, vectors: Vectors, down: np.ndarray, across: np.ndarray, square: list) -> list:
    """Transform the columns, then the rows of a square of vectors; return the rows one after the other."""
    columns = [transform(vectors, down, list(column)) for column in zip(*square)]
    return sum((transform(vectors, across, list(row)) for row in zip(*columns)), [])


def _values(vectors: Vectors, matrix: np.ndarray, values: list) -> list:
    return _both_signs(vectors, _product(vectors, matrix, values))


def _coefficients(vectors: Vectors, matrix: np.ndarray, values: list) -> list:
    return _product(vectors, matrix, _both_signs(vectors, values))


def _points(side: int) -> list[float]:
    return POINTS[: side // 2 - 1]


def _load_square(vectors: Vectors, start: ir.Value, row: ir.Value, column: ir.Value, down: int, across: int) -> list:
    """Load a vector at each place of a square, from which the next is `row` and `column` elements away."""
    at = vectors.builder.gep
    times = vectors.builder.mul
    rows = [at(start, [times(row, INDEX(i))]) for i in range(down)]
    return [[vectors.load(at(line, [times(column, INDEX(j))]), 0) for j in range(across)] for line in rows]


def make_transform(make_matrix, down: int, across: int, full: bool):
    """Make the values at `down` by `across` points of a square of vectors, pixels or a filter's elements.

    The function made takes ``(a, ia, a_row, a_column, out, i_out, out_step, columns)``: the vectors of the result are
    `out_step` apart.
    """
    matrices = make_matrix(_points(down)), make_matrix(_points(across))

    @intrinsic
    def transform(typing_context, a, ia, a_row, a_column, out, i_out, out_step, columns):
        signature = types.void(a, ia, a_row, a_column, out, i_out, out_step, columns)

        def codegen(context, builder, signature, arguments):
            a_, ia, a_row, a_column, out_, i_out, out_step, columns = arguments
            vectors = Vectors(context, builder, a.dtype, 1, None if full else columns)
            a_at, out_at = pointers(context, builder, (a, a_, ia), (out, out_, i_out))
            square = _load_square(vectors, a_at, a_row, a_column, *(matrix.shape[1] for matrix in matrices))
            for k, value in enumerate(_along_both_axes(_values, vectors, *matrices, square)):
                vectors.store(value, builder.gep(out_at, [builder.mul(out_step, INDEX(k))]), 0)
            return context.get_dummy_value()

        return signature, codegen

    return transform


def make_output(down: int, across: int, full: bool):
    """Make ``y = maxpool(relu(A.T m A + b))`` for a tile and one vector of filters, and the codes.

    The function made takes ``(m, im, m_step, b, f, filters, facts, scale, lifts, firsts, window, grid_width, y, codes,
    columns)``: `window` is the number of the tile's first window, in all images; facts, scale, lifts and firsts are
    what `_learn_filters` and `_learn_image` find out. It returns a word of bits: bit k says that the tile's k-th
    window holds a decision too close for these sums. Codes lie as y does, unless there are none.
    """
    matrices = _output_matrix(_points(down)), _output_matrix(_points(across))

    @intrinsic
    def output(
        typing_context, m, im, m_step, b, f, filters, facts, scale, lifts, firsts, window, grid_width, y, codes, columns
    ):
        signature = types.int64(
            m, im, m_step, b, f, filters, facts, scale, lifts, firsts, window, grid_width, y, codes, columns
        )

        def codegen(context, builder, signature, arguments):
            (m_, im, m_step, b_, f, filters, facts_, scale, lifts_, firsts_, window, grid_width, y_, codes_,
             columns) = arguments
            vectors = Vectors(context, builder, m.dtype, 1, None if full else columns)
            iy = builder.add(builder.mul(window, filters), f)
            m_at, b_at, fact_at, lift_at, first_at, y_at, code_at = pointers(
                context, builder, (m, m_, im), (b, b_, f), (facts, facts_, f),
                (lifts, lifts_, builder.mul(window, INDEX(WINDOW))), (firsts, firsts_, window), (y, y_, iy),
                (codes, codes_, iy),
            )
            square = _load_square(vectors, m_at, builder.mul(m_step, INDEX(across)), m_step, down, across)
            keep = builder.icmp_signed(">", context.make_array(codes)(context, builder, codes_).nitems, INDEX(0))
            bias, width = vectors.load(b_at, 0), across - 2
            rows = [builder.gep(fact_at, [builder.mul(filters, INDEX(k))]) for k in range(3)]
            by_scale, by_bias, known = (vectors.load(row, 0) for row in rows)
            margin = vectors.multiply_add(by_scale, vectors.broadcast(scale), by_bias)
            outputs = [
                builder.fadd(value, bias) for value in _along_both_axes(_coefficients, vectors, *matrices, square)
            ]
            doubts = INDEX(0)
            for k in range((down - 2) * width // WINDOW):
                i, j = k // (width // 2), k % (width // 2)
                number = builder.add(builder.mul(grid_width, INDEX(i)), INDEX(j))  # from the tile's first window on
                corner = 2 * i * width + 2 * j
                values = [outputs[q] for q in (corner, corner + 1, corner + width, corner + width + 1)]
                lift = builder.gep(lift_at, [builder.mul(number, INDEX(WINDOW))])
                lifted = [vectors.broadcast(builder.load(builder.gep(lift, [INDEX(q)]))) for q in range(WINDOW)]
                values = [builder.fadd(value, step) for value, step in zip(values, lifted)]
                first = builder.load(builder.gep(first_at, [number]))
                best, code, doubtful = _decide(vectors, values, known, first, margin)
                doubt = builder.zext(doubtful, INDEX)
                doubts = builder.or_(doubts, builder.shl(doubt, INDEX(k)))
                place = builder.mul(number, filters)
                vectors.store(best, builder.gep(y_at, [place]), 0)
                with builder.if_then(keep):
                    vectors.store_codes(code, builder.gep(code_at, [place]), 0)
            return doubts

        return signature, codegen

    return output


def _decide(vectors: Vectors, values: list, known: ir.Value, first: ir.Value, margin: ir.Value) -> tuple:
    """Return max(0, *values, known), which one it is, and whether rounding may have decided that in some lane.

    `known` is exact and counts if ``first`` is less than 4: the number of the first pixel that has it.
    """
    builder = vectors.builder
    has_known = builder.icmp_unsigned("<", first, first.type(WINDOW))
    absent = builder.select(has_known, vectors.scalar(0.0), vectors.scalar(-math.inf))
    known = builder.fadd(known, vectors.broadcast(absent))
    best, code = first_maximum(builder, vectors, values)
    larger = [vectors.maximum(x, y) for x, y in (values[:2], values[2:])]
    smaller = [vectors.minimum(x, y) for x, y in (values[:2], values[2:])]
    second = vectors.maximum(vectors.minimum(*larger), vectors.maximum(*smaller))
    exact = vectors.maximum(known, vectors.zero)
    loses = builder.fcmp_ordered("<=", best, builder.fsub(exact, margin))
    wins = builder.fcmp_ordered(">=", best, builder.fadd(vectors.maximum(second, exact), margin))
    clear = builder.bitcast(builder.or_(loses, wins), ir.IntType(vectors.lanes))
    doubtful = builder.icmp_unsigned("!=", clear, ir.Constant(clear.type, -1))
    known_wins = builder.fcmp_ordered(">", known, best)
    best = builder.select(known_wins, known, best)
    code = builder.select(known_wins, vectors.broadcast_code(builder.zext(first, INDEX)), code)
    cut = builder.fcmp_ordered("<=", best, vectors.zero)
    return builder.select(cut, vectors.zero, best), builder.select(cut, vectors.code(WINDOW), code), doubtful


_long_filter = make_transform(_filter_matrix, LONG, LONG, True)
_short_filter, _short_filter_edge = (make_transform(_filter_matrix, SHORT, SHORT, full) for full in (True, False))
_ll_pixels, _ls_pixels, _sl_pixels, _ss_pixels = (make_transform(_pixel_matrix, *kind, True) for kind in KINDS)
_ss_pixels_edge = make_transform(_pixel_matrix, SHORT, SHORT, False)
_ll_output, _ls_output, _sl_output, _ss_output = (make_output(*kind, True) for kind in KINDS)
_ss_output_edge = make_output(SHORT, SHORT, False)
_tile, _edge_tile = make_product_tile(ROWS, True), make_product_tile(ROWS, False)
_plain_window = make_convolution_tile(WINDOW, True, True, False)
_equal, _largest = make_equal(), make_largest()


# -- the stages: each has a branch for each kind of tile; only the smallest may have part of a vector -----------------


@device
def _transform_filters(w, channels, panel, side, u, u_step):
    """Transform one panel's filters, two vectors of columns of w (9 * C, F), into u (panels, side * side, C, panel)."""
    filters, lanes = w.shape[1], VECTOR_BYTES // w.itemsize
    step, iu = channels * filters, panel * side * side * u_step
    for c in range(channels):
        for g in range(0, min(2 * lanes, filters - panel * 2 * lanes), lanes):
            f = panel * 2 * lanes + g
            at, to = c * filters + f, iu + c * 2 * lanes + g
            if side == LONG:
                _long_filter(w, at, 3 * step, step, u, to, u_step, lanes)
            elif f + lanes <= filters:
                _short_filter(w, at, 3 * step, step, u, to, u_step, lanes)
            else:
                _short_filter_edge(w, at, 3 * step, step, u, to, u_step, filters - f)


@device
def _transform_pixels(x, at, down, across, v, iv, v_step):
    """Transform one tile's pixels, from position `at` on, into v (down * across, ROWS, C), in steps."""
    _, _, width, channels = x.shape
    row, lanes = width * channels, VECTOR_BYTES // x.itemsize
    for c in range(0, channels, lanes):
        if c + lanes > channels:
            _ss_pixels_edge(x, at + c, row, channels, v, iv + c, v_step, channels - c)
        elif down == LONG and across == LONG:
            _ll_pixels(x, at + c, row, channels, v, iv + c, v_step, lanes)
        elif down == LONG:
            _ls_pixels(x, at + c, row, channels, v, iv + c, v_step, lanes)
        elif across == LONG:
            _sl_pixels(x, at + c, row, channels, v, iv + c, v_step, lanes)
        else:
            _ss_pixels(x, at + c, row, channels, v, iv + c, v_step, lanes)


@device
def _products(v, v_step, channels, down, across, u, iu, u_step, side, zeros, columns, m, m_step):
    """m = v @ u at `down` by `across` of u's `side` by `side` points: v (ROWS, C), u (C, panel), m (ROWS, panel)."""
    width = zeros.size
    for k in range(down * across):
        i = iu + (k // across * side + k % across) * u_step
        if columns >= width:
            _tile(v, k * v_step, channels, 1, u, i, width, zeros, 0, 0, m, k * m_step, width, channels, columns)
        else:
            _edge_tile(v, k * v_step, channels, 1, u, i, width, zeros, 0, 0, m, k * m_step, width, channels, columns)


@device
def _outputs(m, im, m_step, down, across, x, at, w, b, f, count, plain, facts, scale, lifts, firsts, window, grid_width,
             y, codes):
    """Finish one tile, whose pixels start at `at` in x, for `count` filters from f on; `window` is its first."""
    filters, lanes = b.size, VECTOR_BYTES // m.itemsize
    for g in range(0, count, lanes):
        n = min(lanes, count - g)
        if n < lanes:
            doubts = _ss_output_edge(
                m, im + g, m_step, b, f + g, filters, facts, scale, lifts, firsts, window, grid_width, y, codes, n
            )
        elif down == LONG and across == LONG:
            doubts = _ll_output(
                m, im + g, m_step, b, f + g, filters, facts, scale, lifts, firsts, window, grid_width, y, codes, n
            )
        elif down == LONG:
            doubts = _ls_output(
                m, im + g, m_step, b, f + g, filters, facts, scale, lifts, firsts, window, grid_width, y, codes, n
            )
        elif across == LONG:
            doubts = _sl_output(
                m, im + g, m_step, b, f + g, filters, facts, scale, lifts, firsts, window, grid_width, y, codes, n
            )
        else:
            doubts = _ss_output(
                m, im + g, m_step, b, f + g, filters, facts, scale, lifts, firsts, window, grid_width, y, codes, n
            )
        if doubts:
            _sum_plainly(doubts, across // 2 - 1, x, at, w, b, f + g, n, plain, window, grid_width, y, codes)


# -- what decides between the sums and the plain sums ----------------------------------------------------------------


@called
def _sum_plainly(doubts, wide, x, at, w, b, f, count, plain, window, grid_width, y, codes):
    """Compute those of a tile's windows, `wide` in a row, that bits of `doubts` name: as the layers add up."""
    offsets, taps = plain
    filters, width, channels = b.size, x.shape[2], x.shape[3]
    for k in range(4):
        if doubts >> k & 1:
            r, q = k // wide, k % wide
            ix, iy = at + (2 * r * width + 2 * q) * channels, (window + r * grid_width + q) * filters + f
            _plain_window(x, ix, offsets, 0, taps, w, f, filters, b, y, iy, codes, codes.size > 0, count)


@called
def _find_background(x):
    """Return where the first patch of the first image starts whose pixels are all equal; -1 if there is none."""
    _, height, width, channels = x.shape
    row = width * channels
    for i in range(height - 2):
        for j in range(width - 2):
            at = i * row + j * channels
            if _equal(x, at, x, at + channels, 2 * channels):
                if _equal(x, at, x, at + row, 3 * channels) and _equal(x, at, x, at + 2 * row, 3 * channels):
                    return at
    return -1


@device
def _learn_filters(x, w, b, first, end, background, plain, facts):
    """Set facts (3, F) of filters `first` to `end`: how far rounding may go, by pixels and by bias; the background's sum."""
    depth, channels = w.shape[0], x.shape[3]
    offsets, taps = plain
    unit = MARGIN * math.sqrt(depth) * (2.0**-23 if x.itemsize == 4 else 2.0**-52)
    for f in range(first, end):
        facts[0, f] = 0
    for k in range(depth):
        for f in range(first, end):
            facts[0, f] += w[k, f] * w[k, f]
    for f in range(first, end):
        facts[0, f] = unit * math.sqrt(facts[0, f])
        facts[1, f] = unit * abs(b[f])
        facts[2, f] = 0
    if background >= 0:
        lanes, same = VECTOR_BYTES // x.itemsize, np.empty(WINDOW, offsets.dtype)
        for q in range(WINDOW):
            same[q] = 0
        no_codes = np.empty((0, 0, 0), np.uint8)
        for f in range(first, end, lanes):
            _plain_window(
                x, background, same, 0, taps, w, f, b.size, b, facts, 2 * b.size + f, no_codes, False,
                min(lanes, end - f),
            )


@device
def _learn_image(x, n, background, grid_width, lifts, firsts, scales):
    """Find the largest pixel of image n, and the patches of which nothing needs to be computed, or all plainly.

    ``lifts[n, p, q]`` is added to the sum at pixel q of window p: minus infinity where the patch is background (that
    sum is known, and ``firsts[n, p]`` is the first such pixel, 4 if there is none), NaN where it is zeros, else 0.
    """
    _, height, width, channels = x.shape
    pixels, windows = height * width, firsts.shape[1]
    lanes = VECTOR_BYTES // x.itemsize
    real = x.dtype.type
    start = n * pixels * channels
    peaks, zeros = np.empty(lanes, x.dtype), np.empty(channels, x.dtype)
    _largest(x, start, pixels * channels, peaks, 0)
    scale = real(0)
    for k in range(lanes):
        scale = max(scale, peaks[k])
    scales[n] = scale
    for c in range(channels):
        zeros[c] = 0
    of_zeros = background >= 0 and _equal(x, background, zeros, 0, channels)
    kinds = np.empty(pixels, np.uint8)  # bit 0: background, bit 1: zeros
    for i in range(pixels):
        at, kind = start + i * channels, 0
        if background >= 0 and _equal(x, at, x, background, channels):
            kind = 3 if of_zeros else 1
        elif not of_zeros and _equal(x, at, zeros, 0, channels):
            kind = 2
        kinds[i] = kind
    for i in range(pixels - 2):  # now of a pixel and the two to its right
        kinds[i] &= kinds[i + 1] & kinds[i + 2]
    for i in range(pixels - 2 * width):  # of a patch, 3 x 3
        kinds[i] &= kinds[i + width] & kinds[i + 2 * width]
    for p in range(windows):
        corner = 2 * (p // grid_width) * width + 2 * (p % grid_width)
        first = WINDOW
        for q in range(WINDOW - 1, -1, -1):
            kind = kinds[corner + q // 2 * width + q % 2]
            lifts[n, p, q] = real(-np.inf) if kind & 1 else (real(np.nan) if kind else real(0))
            if kind & 1:
                first = q
        firsts[n, p] = first


# -- the kernel ------------------------------------------------------------------------------------------------------


@device
def _pieces(windows, points, side):
    """Return how many pieces of this many points `windows` in a row have, the first one's window, its windows."""
    if side == SHORT:
        return windows if points == SHORT else 0, 0, 1
    return (windows // 2, 0, 2) if points == LONG else (windows % 2, windows - 1, 1)


@device
def _run_groups(down, across, side, task, tasks, x, w, u, u_step, first_panel, last_panel, b, plain, facts, lifts,
                firsts, scales, grid_width, y, codes):
    """Take a share of one kind of tiles, ROWS at a time, through all stages, for some panels of filters."""
    images, windows, filters = y.shape
    _, height, width, channels = x.shape
    panel_width = 2 * (VECTOR_BYTES // x.itemsize)
    zeros = np.empty(panel_width, x.dtype)
    for f in range(panel_width):
        zeros[f] = 0
    rows, top, high = _pieces(windows // grid_width, down, side)
    columns, left, wide = _pieces(grid_width, across, side)
    tiles = images * rows * columns
    groups = (tiles + ROWS - 1) // ROWS
    # No powers of 2 from one pair of points to the next: they would clash in the cache.
    v_step, m_step = ROWS * channels + panel_width // 2, ROWS * panel_width + panel_width // 2
    v, m = empty_aligned(down * across * v_step, x), empty_aligned(down * across * m_step, x)
    for first in range(groups * task // tasks * ROWS, groups * (task + 1) // tasks * ROWS, ROWS):
        for p in range(ROWS):
            tile = min(first + p, tiles - 1)  # what the last group lacks is computed and dropped
            r, q = top + tile // columns % rows * high, left + tile % columns * wide
            at = ((tile // (rows * columns) * height + 2 * r) * width + 2 * q) * channels
            _transform_pixels(x, at, down, across, v, p * channels, v_step)
        for panel in range(first_panel, last_panel):
            f, iu = panel * panel_width, panel * side * side * u_step
            _products(v, v_step, channels, down, across, u, iu, u_step, side, zeros, filters - f, m, m_step)
            for p in range(min(ROWS, tiles - first)):
                n = (first + p) // (rows * columns)
                r, q = top + (first + p) // columns % rows * high, left + (first + p) % columns * wide
                at, window = ((n * height + 2 * r) * width + 2 * q) * channels, n * windows + r * grid_width + q
                count = min(panel_width, filters - f)
                _outputs(
                    m, p * panel_width, m_step, down, across, x, at, w, b, f, count, plain, facts, scales[n], lifts,
                    firsts, window, grid_width, y, codes,
                )


@called
def _run_task(task, tasks, prepared, by_panel, x, w, u, side, b, background, plain, facts, lifts, firsts, scales,
              grid_width, y, codes):
    """Prepare a share of the filters and images, or take a share of the tiles; or do both, with one panel of filters."""
    images, channels, filters = x.shape[0], x.shape[3], y.shape[2]
    lanes = VECTOR_BYTES // x.itemsize
    u_step = channels * 2 * lanes + lanes
    panels = (filters + 2 * lanes - 1) // (2 * lanes)
    if by_panel or not prepared:
        for panel in range(task * panels // tasks, (task + 1) * panels // tasks):
            _transform_filters(w, channels, panel, side, u, u_step)
            first, end = panel * 2 * lanes, min((panel + 1) * 2 * lanes, filters)
            _learn_filters(x, w, b, first, end, background, plain, facts)
        copy = task if by_panel else 0
        for n in range(0 if by_panel else task * images // tasks, images if by_panel else (task + 1) * images // tasks):
            _learn_image(x, n, background, grid_width, lifts[copy], firsts[copy], scales[copy])
    first_panel, last_panel, copy = 0, panels, 0
    if by_panel:
        first_panel, last_panel, copy, task, tasks = task, task + 1, task, 0, 1
    if prepared:
        for down, across in KINDS:
            _run_groups(
                down, across, side, task, tasks, x, w, u, u_step, first_panel, last_panel, b, plain, facts, lifts[copy],
                firsts[copy], scales[copy], grid_width, y, codes,
            )


@kernel
def winograd_relu_pool_forward(x, w, b, grid_width, y, codes):
    """y = maxpool(relu(conv(x))), 3 x 3 filters, 2 x 2 windows: x (N, H, W, C), w (9 * C, F), b (F,) to (N, P, F).

    An image has P windows, ``grid_width`` in a row; codes as in ``conv_relu_pool_forward``.

    Filters go in panels of two vectors. A task takes its share of each kind of tiles through all panels; when there are
    few windows (one small image) it takes all of them through one panel, and prepares that panel's filters itself.
    """
    images, windows, filters = y.shape
    channels, lanes = x.shape[3], VECTOR_BYTES // x.itemsize
    panels = (filters + 2 * lanes - 1) // (2 * lanes)
    side = SHORT
    if images * windows >= MANY_WINDOWS and channels % lanes == 0 and filters % lanes == 0:
        side = LONG
    u = empty_aligned(panels * side * side * (channels * 2 * lanes + lanes), x)
    by_panel = images * windows <= FEW_WINDOWS
    row = x.shape[2] * channels
    offsets, taps = np.empty(WINDOW, np.int64), np.empty(9 * channels, np.int64)
    for q in range(WINDOW):
        offsets[q] = q // 2 * row + q % 2 * channels
    for k in range(taps.size):
        taps[k] = k // (3 * channels) * row + k % (3 * channels)
    copies = panels if by_panel else 1  # of what is known about the images: each task writes its own
    facts, scales = np.empty((3, filters), x.dtype), np.empty((copies, images), x.dtype)
    lifts, firsts = np.empty((copies, images, windows, WINDOW), x.dtype), np.empty((copies, images, windows), np.uint8)
    background = _find_background(x)
    for stage in range(by_panel, 2):
        tasks = panels
        if not by_panel and stage == 0:
            tasks = max(panels, min(images, 16))
        elif not by_panel:
            tasks = (images * windows // (1 if side == SHORT else 4) + ROWS - 1) // ROWS
        for task in prange(tasks):
            _run_task(
                np.int64(task), tasks, stage == 1, by_panel, x, w, u, side, b, background, (offsets, taps), facts,
                lifts, firsts, scales, grid_width, y, codes,
            )
