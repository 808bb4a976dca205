"""The three matrix products of a layer: ``x @ w + b``, ``x.T @ dy`` and ``dy @ w.T``.

The output is cut into blocks that do not depend on the number of threads, and every element is one sum in a fixed
order, so the bits are the same on one core and on many; NumPy's BLAS does not promise that.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import device, kernel
from .simd import TILE_ROWS, TILE_VECTORS, VECTOR_BYTES, make_multiply_add

ROW_BLOCK = 4 * TILE_ROWS  # rows of the output that one thread takes at a time
DEPTH = 64  # steps of the summed axis between visits to a tile: A's rows and B's panel stay in cache

_full_tile = make_multiply_add(TILE_ROWS, True)
_edge_tile = make_multiply_add(TILE_ROWS, False)
_full_row = make_multiply_add(1, True)
_edge_row = make_multiply_add(1, False)


@device
def _multiply_add(a, ia, a_row, a_step, b, ib, b_row, c, ic, c_row, rows, columns, steps):
    """C[rows, columns] += A[rows, steps] @ B[steps, columns], tile by tile; arguments as in simd.py."""
    tile_columns = TILE_VECTORS * (VECTOR_BYTES // a.itemsize)
    for j in range(0, columns, tile_columns):
        width = min(tile_columns, columns - j)
        for i in range(0, rows - TILE_ROWS + 1, TILE_ROWS):
            a_at, c_at = ia + i * a_row, ic + i * c_row + j
            if width == tile_columns:
                _full_tile(a, a_at, a_row, a_step, b, ib + j, b_row, c, c_at, c_row, steps, width)
            else:
                _edge_tile(a, a_at, a_row, a_step, b, ib + j, b_row, c, c_at, c_row, steps, width)
        for i in range(rows - rows % TILE_ROWS, rows):
            a_at, c_at = ia + i * a_row, ic + i * c_row + j
            if width == tile_columns:
                _full_row(a, a_at, a_row, a_step, b, ib + j, b_row, c, c_at, c_row, steps, width)
            else:
                _edge_row(a, a_at, a_row, a_step, b, ib + j, b_row, c, c_at, c_row, steps, width)


@kernel
def affine(x, w, b, y):
    """y = x @ w + b for x (M, K), w (K, N), b (N,), y (M, N)."""
    rows, columns = y.shape
    depth = x.shape[1]
    for block in prange((rows + ROW_BLOCK - 1) // ROW_BLOCK):
        start = block * ROW_BLOCK
        stop = min(start + ROW_BLOCK, rows)
        for i in range(start, stop):
            for j in range(columns):
                y[i, j] = b[j]
        for t in range(0, depth, DEPTH):
            _multiply_add(
                x, start * depth + t, depth, 1, w, t * columns, columns, y, start * columns, columns,
                stop - start, columns, min(DEPTH, depth - t),
            )


@kernel
def matmul_tn(x, dy, dw):
    """dw = x.T @ dy for x (M, K), dy (M, N), dw (K, N): the weight gradient."""
    rows, columns = dw.shape
    depth = x.shape[0]
    for block in prange((rows + ROW_BLOCK - 1) // ROW_BLOCK):
        start = block * ROW_BLOCK
        stop = min(start + ROW_BLOCK, rows)
        for i in range(start, stop):
            for j in range(columns):
                dw[i, j] = 0
        for t in range(0, depth, DEPTH):
            _multiply_add(
                x, t * rows + start, 1, rows, dy, t * columns, columns, dw, start * columns, columns,
                stop - start, columns, min(DEPTH, depth - t),
            )


@kernel
def matmul_nt(dy, w, dx):
    """dx = dy @ w.T for dy (M, N), w (K, N), dx (M, K): the input gradient."""
    rows, columns = dx.shape
    depth = dy.shape[1]
    tile_columns = TILE_VECTORS * (VECTOR_BYTES // w.itemsize)
    panels = (columns + tile_columns - 1) // tile_columns
    w_transposed = np.empty((panels, depth, tile_columns), w.dtype)  # a tile's columns lie together
    for panel in prange(panels):
        first = panel * tile_columns
        for t in range(depth):
            for i in range(min(tile_columns, columns - first)):
                w_transposed[panel, t, i] = w[first + i, t]
    for block in prange((rows + ROW_BLOCK - 1) // ROW_BLOCK):
        start = block * ROW_BLOCK
        stop = min(start + ROW_BLOCK, rows)
        for i in range(start, stop):
            for j in range(columns):
                dx[i, j] = 0
        for panel in range(panels):
            first = panel * tile_columns
            for t in range(0, depth, DEPTH):
                _multiply_add(
                    dy, start * depth + t, depth, 1, w_transposed, (panel * depth + t) * tile_columns, tile_columns,
                    dx, start * columns + first, columns, stop - start, min(tile_columns, columns - first),
                    min(DEPTH, depth - t),
                )
