"""Winograd's algorithm for filters of 3 x 3 and of 5 x 5: the transforms, which all passes share.

A tile of outputs needs the filter g and the tile's pixels d, two more along each axis for 3 x 3: ``A.T [(G g G.T) *
(B.T d B)] A`` (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016, section 4.1). Along one axis
that is a product of polynomials: G and B.T give their values at some points, A.T the product's coefficients. Summed
over channels, each pair of points, one for each axis, is a matrix product of tiles and filters.

Tiles have 4 or 2 outputs along an axis, which take 6 or 4 points, and may differ from one axis to the other. The 4
points are among the 6, so filters are transformed once. For 5 x 5, 6 points make tiles of 2 outputs: B.T is the same,
G and A.T are others.
"""

from __future__ import annotations

import functools

import numpy as np
from llvmlite import ir

from .aligned import empty_aligned
from .jit import called, device
from .rows import in_shares
from .simd import INDEX, MANY_REGISTERS, VECTOR_BYTES, Code, Memory, Vectors, tile
from .tiles import equal, make_product_tile

POINTS = [1, 0.5]  # each with both signs, besides 0 and infinity; a side of 2 outputs takes the first alone
SHORT, LONG = 4, 6  # points, and pixels, along a side of 2 and of 4 outputs
KINDS = ((LONG, LONG), (LONG, SHORT), (SHORT, LONG), (SHORT, SHORT))  # of tiles: points down and across
FEW_TASKS = 4  # fewer do not keep several threads busy
FILTER_KINDS = ((LONG, 5), (LONG, 3), (SHORT, 3))  # points, and elements, along a filter's side
ROWS = 8 if MANY_REGISTERS else 4  # tiles of the image in a tile of a product; two vectors of sums each


# -- along one axis --------------------------------------------------------------------------------------------------
# The points are 0, infinity, a, -a for each a. What belongs to a and -a is even + odd and even - odd: the matrices
# hold the even and the odd part, half of whose coefficients are 0, and `_both_signs` does the rest.


def pixel_matrix(points: list[float]) -> np.ndarray:
    """B.T: the polynomial that is 1 at one of the points and 0 at the others, for each of them; see filter_matrix."""
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


def filter_matrix(points: list[float], size: int = 3) -> np.ndarray:
    """G: the values of g[0] + g[1] x + g[2] x ** 2 + ..., and those divisors of B.T that more points do not change."""
    powers = np.arange(size)
    rows = [powers == 0, powers == size - 1]
    for i, a in enumerate(points):
        divisor = 2 * a * a * np.prod(a * a - np.square(points[:i]))
        rows += [a**powers * (powers % 2 == odd) / divisor for odd in (0, 1)]
    return np.array(rows, float)


def output_matrix(points: list[float], size: int = 3) -> np.ndarray:
    """A.T: row k adds up the products times x ** k, and the last one that at infinity; for filters of this size."""
    last = 2 * len(points) + 2 - size
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


def along_both_axes(transform, vectors: Vectors, down: np.ndarray, across: np.ndarray, square: list) -> list:
    """Transform the columns, then the rows of a square of vectors; return the rows one after the other."""
    columns = [transform(vectors, down, list(column)) for column in zip(*square)]
    return sum((transform(vectors, across, list(row)) for row in zip(*columns)), [])


def values_at(vectors: Vectors, matrix: np.ndarray, values: list) -> list:
    return _both_signs(vectors, _product(vectors, matrix, values))


def coefficients_of(vectors: Vectors, matrix: np.ndarray, values: list) -> list:
    return _product(vectors, matrix, _both_signs(vectors, values))


def points_of(side: int) -> list[float]:
    return POINTS[: side // 2 - 1]


def load_square(code: Code, vectors: Vectors, start: ir.Value, row: ir.Value, column: ir.Value, size) -> list:
    """Load a vector at each place of a square, from which the next is `row` and `column` elements away."""
    down, across = size
    rows = [code.step(start, i, row) for i in range(down)]
    return [[vectors.load(code.step(line, j, column), 0) for j in range(across)] for line in rows]


def by_kind(code: Code, array: Memory, kinds, wanted, columns: ir.Value, case) -> ir.Value:
    """Emit ``case(vectors, *kind)`` for each kind of tiles; only the last, the smallest, may have part of a vector."""
    builder, vectors = code.builder, code.vectors(array, 1)
    in_part = builder.icmp_signed("<", columns, INDEX(vectors.lanes))
    cases = [(in_part, lambda: case(code.vectors(array, 1, columns), *kinds[-1]))]
    for kind in kinds:
        same = (builder.icmp_signed("==", value, INDEX(number)) for value, number in zip(wanted, kind))
        cases.append((functools.reduce(builder.and_, same), functools.partial(case, vectors, *kind)))
    return code.first_of(cases)


def store_values(code, vectors, matrices, a, ia, a_row, a_column, out, i_out, out_step):
    """Store the values of a square of vectors, pixels or a filter's elements, `out_step` apart."""
    square = load_square(code, vectors, a.at(ia), a_row, a_column, [matrix.shape[1] for matrix in matrices])
    for k, value in enumerate(along_both_axes(values_at, vectors, *matrices, square)):
        vectors.store(value, code.step(out.at(i_out), k, out_step), 0)


@tile
def transform_tile(code, down, across, a, ia, a_row, a_column, out, i_out, out_step, columns):
    """Make the values at `down` by `across` points of a square of pixels."""

    def case(vectors, down, across):
        matrices = pixel_matrix(points_of(down)), pixel_matrix(points_of(across))
        store_values(code, vectors, matrices, a, ia, a_row, a_column, out, i_out, out_step)

    by_kind(code, a, KINDS, (down, across), columns, case)


@tile
def transform_filter(code, side, size, a, ia, a_row, a_column, out, i_out, out_step, columns):
    """Make the values at `side` by `side` points of a filter of `size` by `size` elements."""

    def case(vectors, side, size):
        matrices = [filter_matrix(points_of(side), size)] * 2
        store_values(code, vectors, matrices, a, ia, a_row, a_column, out, i_out, out_step)

    by_kind(code, a, FILTER_KINDS, (side, size), columns, case)


def load_inside(code: Code, vectors: Vectors, image: ir.Value, corner, bounds, channels, outside, size) -> list:
    """Load a vector at each pixel of a square whose first is `corner`; what is at `outside` for those out of bounds."""
    builder, lines, columns = code.builder, [], []
    for first, bound, count, places in zip(corner, bounds, size, (lines, columns)):
        for k in range(count):
            place = builder.add(first, INDEX(k))
            places.append((place, builder.icmp_unsigned("<", place, bound)))  # below zero is a large number, unsigned
    row, square = builder.mul(bounds[1], channels), []
    for y, y_inside in lines:
        line = code.step(image, y, row)
        pixels = [(code.step(line, x, channels), builder.and_(y_inside, x_inside)) for x, x_inside in columns]
        square.append([vectors.load(builder.select(inside, pixel, outside), 0) for pixel, inside in pixels])
    return square


def make_transform_inside(make_matrix):
    """Make the same for a square of an image's pixels that may reach beyond it, where the pixels are zeros.

    If `measured`, each lane's largest absolute value is noted in `sizes`.
    """

    @tile
    def transform_inside(
        code, down, across, a, image, top, left, height, width, channels, c, zeros, out, i_out, out_step, measured,
        sizes, i_size, columns
    ):
        """The image's first pixel is ``a[image]``, the square's is (top, left); from channel c on."""
        start = a.at(code.builder.add(image, c))

        def case(vectors, down, across):
            matrices = make_matrix(points_of(down)), make_matrix(points_of(across))
            size = [matrix.shape[1] for matrix in matrices]
            outside = zeros.at(INDEX(0))
            square = load_inside(code, vectors, start, (top, left), (height, width), channels, outside, size)
            with code.builder.if_then(code.builder.trunc(measured, ir.IntType(1))):
                noted = sizes.at(i_size)
                largest = functools.reduce(vectors.larger_bits, sum(square, []), vectors.load(noted, 0))
                vectors.store(largest, noted, 0)
            for k, value in enumerate(along_both_axes(values_at, vectors, *matrices, square)):
                vectors.store(value, code.step(out.at(i_out), k, out_step), 0)

        by_kind(code, a, KINDS, (down, across), columns, case)

    return transform_inside


_product_tile, _product_row = make_product_tile(ROWS), make_product_tile(1)


@device
def transform_filters(w, channels, size, panel, side, u, u_step):
    """Transform one panel's filters, two vectors of columns of w (size * size * C, F).

    To u (panels, side * side, C, panel).
    """
    filters, lanes = w.shape[1], VECTOR_BYTES // w.itemsize
    step, iu = channels * filters, panel * side * side * u_step
    for c in range(channels):
        for g in range(0, min(2 * lanes, filters - panel * 2 * lanes), lanes):
            f = panel * 2 * lanes + g
            at, to = c * filters + f, iu + c * 2 * lanes + g
            transform_filter(side, size, w, at, size * step, step, u, to, u_step, filters - f)


def room_to_keep(x, w):
    """Return room for transformed filters, w (size * size * C, F), from call to call, and a mark: are they in it?"""
    lanes, channels, filters = VECTOR_BYTES // x.itemsize, x.shape[3], w.shape[1]
    size = -(-filters // (2 * lanes)) * LONG * LONG * (channels * 2 * lanes + lanes)
    return empty_aligned(size, x.dtype), np.zeros(1, np.bool_)


@device
def rows_of(tiles):
    """Return how many rows the products of a group have, with so many tiles left: ROWS, or, of few, one for each."""
    return tiles if 2 * tiles <= ROWS else ROWS


@device
def product(k, rows, v, v_step, channels, across, u, iu, u_step, side, zeros, columns, m, m_step):
    """m = v @ u at the k-th of a tile's points, of u's `side` by `side`: v (rows, C), u (C, panel), m (rows, panel)."""
    width, i = zeros.size, iu + (k // across * side + k % across) * u_step
    if rows == ROWS:
        _product_tile(v, k * v_step, channels, 1, u, i, width, zeros, 0, 0, m, k * m_step, width, channels, columns)
    else:
        for p in range(rows):
            iv, im = k * v_step + p * channels, k * m_step + p * width
            _product_row(v, iv, channels, 1, u, i, width, zeros, 0, 0, m, im, width, channels, columns)


@device
def _rows_end(tile, tiles, tile_rows, tile_columns, high, border, height, width):
    """Return the number, in all images, of the pixel after the rows that a tile, or the last one, reaches."""
    tile = min(tile, tiles - 1)
    n, row = tile // (tile_rows * tile_columns), tile // tile_columns % tile_rows
    return (n * height + min(height, (row + 1) * high + border)) * width


@called
def rows_ahead(now, later, tiles, tile_rows, tile_columns, high, border, height, width, shares):
    """Return, for `ask_for`, the rows of pixels that tiles up to `later` reach beyond those up to `now`.

    A tile has `high` rows, and `border` more; images have `tile_rows` by `tile_columns` tiles.
    """
    first = _rows_end(now, tiles, tile_rows, tile_columns, high, border, height, width)
    return in_shares(first, _rows_end(later, tiles, tile_rows, tile_columns, high, border, height, width), shares)


@called
def first_flat_patch(x, size):
    """Return the pixel of the first image where a patch of `size` by `size` equal pixels starts first; -1 without."""
    _, height, width, channels = x.shape
    row, length = width * channels, size * channels
    for pixel in range((height - size + 1) * width):
        at = pixel * channels  # of a row of the patch; equal to the row moved by a pixel
        if pixel % width <= width - size and equal(x, at, x, at + channels, length - channels):
            lines = 1
            while lines < size and equal(x, at, x, at + lines * row, length):
                lines += 1
            if lines == size:
                return pixel
    return -1


@device
def pieces(outputs, points, side):
    """Return how many tiles of so many points a row of outputs has, and the first one's first output."""
    if side == SHORT:
        return (outputs + 1) // 2 if points == SHORT else 0, 0
    long = (outputs + 1) // 4  # with one output beyond the map rather than two tiles more
    return (long, 0) if points == LONG else (outputs > 4 * long, 4 * long)


@device
def shares_and_parts(tiles, panels, most):
    """Return into how many shares tiles are cut, at most so many, and into how many parts the panels of filters."""
    shares = min(most, (tiles + ROWS - 1) // ROWS)
    return shares, min(panels, (FEW_TASKS + shares - 1) // shares)


@device
def share_of_groups(groups, across, task, tasks):
    """Return a task's first group of ROWS tiles, and the next task's.

    Some kinds round up and some down, so that no task gets what is left of all of them.
    """
    more = tasks - 1 if across == SHORT else 0
    return (groups * task + more) // tasks, (groups * (task + 1) + more) // tasks
