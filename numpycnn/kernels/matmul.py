"""The three matrix products of a layer: ``x @ w + b``, ``x.T @ dy`` and ``dy @ w.T``.

The output is cut into blocks that do not depend on the number of threads, and every element is one sum in a fixed
order, so the bits are the same on one core and on many; NumPy's BLAS does not promise that.

The tile: 8 rows by two vectors of sums with AVX-512, 4 rows elsewhere, while one panel of B, two vectors wide, stays in
the cache. Measured on 64 x 1600 x 128: 171 to 185 GFLOP/s where large products in the cache reach 215 (two cores with
Zen 4; ``benchmarks/bench_kernels.py`` measures yours, here and in the other files).
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import device, kernel
from .simd import VECTOR_BYTES
from .tiles import TILE_ROWS, make_product_tile, make_row_copy, make_transposition

CACHE_LINE = 64  # bytes
ROW_GROUP = 256  # rows of the output that share a panel
DEPTH = 64  # steps of the summed axis between visits to a tile: a panel of B, and A's rows beside it, fit the cache

_tile = make_product_tile(TILE_ROWS, True)
_edge_tile = make_product_tile(TILE_ROWS, False)
_row = make_product_tile(1, True)
_edge_row = make_product_tile(1, False)
_transpose_square = make_transposition()
_copy, _copy_edge = make_row_copy(True), make_row_copy(False)


@device
def empty_aligned(size, like):
    """Return a vector that starts on a cache line: else every vector that is loaded from it would touch two."""
    raw = np.empty(size + CACHE_LINE // like.itemsize, like.dtype)
    skip = (-raw.ctypes.data % CACHE_LINE) // like.itemsize
    return raw[skip : skip + size]


@device
def transpose(a, ia, a_row, rows, columns, b, ib, b_row):
    """B = A.T for a matrix of `rows` by `columns` elements, square by square of lanes; names as in tiles.py."""
    lanes = VECTOR_BYTES // a.itemsize
    whole_rows, whole_columns = rows // lanes * lanes, columns // lanes * lanes
    for i in range(0, whole_rows, lanes):
        for j in range(0, whole_columns, lanes):
            _transpose_square(a, ia + i * a_row + j, a_row, b, ib + j * b_row + i, b_row)
    a_flat, b_flat = a.reshape(-1), b.reshape(-1)
    for i in range(rows):
        for j in range(whole_columns if i < whole_rows else 0, columns):
            b_flat[ib + j * b_row + i] = a_flat[ia + i * a_row + j]


@device
def _fill_panel(b, transposed, j, count, t, steps, panel):
    """Copy columns j to j + count of B, or of B.T, in rows t to t + steps."""
    width, b_row = panel.shape[1], b.shape[1]
    if transposed:
        transpose(b, j * b_row + t, b_row, count, steps, panel, 0, width)
    elif count == width:
        _copy(b, t * b_row + j, b_row, panel, 0, width, steps, count)
    else:
        _copy_edge(b, t * b_row + j, b_row, panel, 0, width, steps, count)


@device
def _add_panel(a, ia, a_row, a_step, panel, start, i_start, c, ic, c_row, rows, columns, depth, fresh):
    """C[rows, columns] += A[rows, depth] @ panel[depth, columns], from `start` on if `fresh`; names as in tiles.py."""
    width = 2 * (VECTOR_BYTES // a.itemsize)
    i = 0
    while i < rows:
        whole = rows - i >= TILE_ROWS
        ai, ci = ia + i * a_row, ic + i * c_row
        first, i_first, first_row = (start, i_start, 0) if fresh else (c, ci, c_row)
        if columns >= width:
            if whole:
                _tile(a, ai, a_row, a_step, panel, 0, width, first, i_first, first_row, c, ci, c_row, depth, columns)
            else:
                _row(a, ai, a_row, a_step, panel, 0, width, first, i_first, first_row, c, ci, c_row, depth, columns)
        elif whole:
            _edge_tile(a, ai, a_row, a_step, panel, 0, width, first, i_first, first_row, c, ci, c_row, depth, columns)
        else:
            _edge_row(a, ai, a_row, a_step, panel, 0, width, first, i_first, first_row, c, ci, c_row, depth, columns)
        i += TILE_ROWS if whole else 1


@kernel
def product(a, b, start, transpose_a, transpose_b, relu, c):
    """C = start + A @ B, where A and B may be given transposed; negative results cut to 0 if `relu`.

    a (M, K) or (K, M), b (K, N) or (N, K), start (N,), c (M, N). B goes through the cache in panels two vectors wide.
    """
    rows, columns = c.shape
    sums = c.reshape(-1)
    depth = a.shape[0] if transpose_a else a.shape[1]
    a_row, a_step = (1, rows) if transpose_a else (depth, 1)
    lanes = VECTOR_BYTES // a.itemsize
    width = 2 * lanes
    panels = (columns + width - 1) // width
    for task in prange(panels * ((rows + ROW_GROUP - 1) // ROW_GROUP)):
        i, j = task // panels * ROW_GROUP, task % panels * width
        height, count = min(ROW_GROUP, rows - i), min(width, columns - j)
        if height < TILE_ROWS and not transpose_b:  # a panel would serve a few rows only: read B where it lies
            for row in range(i, i + height):
                if count == width:
                    _row(
                        a, row * a_row, a_row, a_step, b, j, columns, start, j, 0, sums, row * columns + j, columns,
                        depth, count,
                    )
                else:
                    _edge_row(
                        a, row * a_row, a_row, a_step, b, j, columns, start, j, 0, sums, row * columns + j, columns,
                        depth, count,
                    )
        else:
            panel = empty_aligned(DEPTH * width, b).reshape(DEPTH, width)
            for t in range(0, depth, DEPTH):
                steps = min(DEPTH, depth - t)
                _fill_panel(b, transpose_b, j, count, t, steps, panel)
                _add_panel(
                    a, i * a_row + t * a_step, a_row, a_step, panel, start, j, sums, i * columns + j, columns, height,
                    count, steps, t == 0,
                )
        if relu:
            for row in range(i, i + height):
                piece = c[row, j : j + count]
                for k in range(count):
                    piece[k] = 0 if piece[k] <= 0 else piece[k]


@product.called_as
def affine(x, w, b, relu, y):
    """y = x @ w + b, its negative values cut to 0 if `relu`: x (M, K), w (K, N), b (N,), y (M, N)."""
    return x, w, b, False, False, relu, y


@product.called_as
def matmul_tn(x, dy, dw):
    """dw = x.T @ dy for x (M, K), dy (M, N), dw (K, N): the weight gradient."""
    return x, dy, np.zeros(dw.shape[1], dw.dtype), True, False, False, dw


@product.called_as
def matmul_nt(dy, w, dx):
    """dx = dy @ w.T for dy (M, N), w (K, N), dx (M, K): the input gradient."""
    return dy, w, np.zeros(dx.shape[1], dx.dtype), False, True, False, dx
