"""The three matrix products of a layer: ``x @ w + b``, ``x.T @ dy`` and ``dy @ w.T``.

The output is cut into blocks, and the summed axis into parts where blocks are few, that do not depend on the number of
threads, and every element is a sum in a fixed order, so the bits are the same on one core and on many; NumPy's BLAS
does not promise that.

The tile: 8 rows by two vectors of sums with AVX-512, 4 rows elsewhere, while one panel of B, two vectors wide, stays in
the cache. Measured on 64 x 1600 x 128: 171 to 185 GFLOP/s where large products in the cache reach 215 (two cores with
Zen 4; ``benchmarks/bench_kernels.py`` measures yours, here and in the other files).

Where ReLU left many zeros in A, or A.T, a row of C is summed by itself, eight vectors at once, over the steps in which
A is not 0: the ones in a word of bits, 64 steps long. B's rows are copied into a panel before: they may lie so that few
of them find room in the nearest cache. With half of A left, 64 x 1600 x 128 takes 92 us in place of 130 (x @ w), 96 in
place of 130 (x.T @ dy), 112 in place of 139 (dy @ w.T), and 64 x 512 x 512 120 in place of 170. Sums under way lie
apart from C, where two threads' columns share a cache line in most rows: 64 x 200 x 300 (dy @ w.T) takes 41 us in
place of 48. A classifier's last layer, 64 x 1600 x 10, takes 28 us (x @ w), 25 (x.T @ dy) and 26 (dy @ w.T): its one
panel is shared by rows, and one vector wide.

Fewer rows of A than a tile has are summed by themselves, too, and B is read where it lies, once for all of them: 512
bytes of each of its rows, one row after the other. 1 x 3136 x 1024 takes 0.12 ms, 7 x 3136 x 1024 0.50; by tiles of two
vectors, whose reads are 128 bytes long, it took 0.35 and 2.9. One to four whole tiles read B where it lies, too: on one
thread 8 x 1600 x 128 takes 36 us in place of 53, 32 x 1600 x 128 127 in place of 141, 32 x 784 x 300 148, not 169.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import called, device, kernel
from .rows import sum_columns
from .simd import VECTOR_BYTES, empty, zeroed
from .tiles import (
    LONG_SUM, ROW_VECTORS, STEPS, TILE_ROWS, all_finite, count_ones, finished_row, make_product_tile,
    nonzeros, nonzeros_of_columns, row_copy, sparse_row, transposition,
)

ROW_GROUP = 256  # rows of the output that share a panel
DEPTH = 128  # steps of the summed axis between visits to a tile: a panel of B, and A's rows beside it, fit the cache
IN_PLACE = 4 * TILE_ROWS  # rows, at most and in whole tiles, that read B where it lies: a copy does not pay
LONG_ROW = 4096  # the same along rows of A: few layers have as many inputs, and none of these sums is cut otherwise
SPARSE_GROUP = 128  # rows that read the same panel of B one after the other, where zeros are skipped
PARTS = 4  # cuts of the summed axis where there are fewer blocks: threads share them without changing the bits
MOST_NONZEROS = 0.6  # share of A's elements; with more, tiles are faster
SAMPLE = 16  # places in A where as many elements as a word has bits are counted
ALL_STEPS = np.uint64(2**64 - 1)

_tile, _row = make_product_tile(TILE_ROWS, narrow=True), make_product_tile(1)


@device
def transpose(a, ia, a_row, rows, columns, b, ib, b_row):
    """B = A.T for a matrix of `rows` by `columns` elements, square by square of lanes; names as in tiles.py."""
    lanes = VECTOR_BYTES // a.itemsize
    if rows < lanes or columns < lanes:
        a_flat, b_flat = a.reshape(-1), b.reshape(-1)
        for i in range(rows):
            for j in range(columns):
                b_flat[ib + j * b_row + i] = a_flat[ia + i * a_row + j]
    else:
        for i in range(0, rows, lanes):
            for j in range(0, columns, lanes):
                row, column = min(i, rows - lanes), min(j, columns - lanes)  # the last squares overlap others
                transposition(a, ia + row * a_row + column, a_row, b, ib + column * b_row + row, b_row)


@device
def _fill_panel(b, transposed, j, count, t, steps, panel):
    """Copy columns j to j + count of B, or of B.T, in rows t to t + steps."""
    width, b_row, lanes = panel.shape[1], b.shape[1], VECTOR_BYTES // b.itemsize
    pair, ib = 2 * lanes, j * b_row + t
    if transposed:
        # Of short rows, what follows them in B comes along: squares are quick, and the panel has room for them.
        wanted = lanes if ib + (count - 1) * b_row + lanes <= b.size else 0
        transpose(b, ib, b_row, count, max(steps, wanted), panel, 0, width)
    else:
        for k in range(0, count, pair):
            row_copy(b, t * b_row + j + k, b_row, panel, k, width, steps, count - k)


@device
def _add_panel(a, ia, a_row, a_step, b, ib, b_row, start, i_start, c, ic, c_row, rows, columns, depth, fresh):
    """C[rows, columns] += A[rows, depth] @ B[depth, columns], from `start` on if `fresh`; names as in tiles.py."""
    i = 0
    while i < rows:
        whole = rows - i >= TILE_ROWS
        ai, ci = ia + i * a_row, ic + i * c_row
        first, i_first, first_row = (start, i_start, 0) if fresh else (c, ci, c_row)
        if whole:
            _tile(a, ai, a_row, a_step, b, ib, b_row, first, i_first, first_row, c, ci, c_row, depth, columns)
        else:
            _row(a, ai, a_row, a_step, b, ib, b_row, first, i_first, first_row, c, ci, c_row, depth, columns)
        i += TILE_ROWS if whole else 1


@device
def _skipping_pays(a, columns):
    """Whether a sample of A has so many zeros that skipping them is faster, for so many columns of C."""
    lanes = VECTOR_BYTES // a.itemsize
    half_row = ROW_VECTORS // 2  # what a row's end takes at least
    row_vectors = (columns + half_row * lanes - 1) // (half_row * lanes) * half_row
    tile_vectors = (columns + 2 * lanes - 1) // (2 * lanes) * 2
    if a.size < STEPS or row_vectors == half_row:  # so few sums do not hide what a multiply-add waits
        return False
    ones = 0
    for k in range(SAMPLE):
        ones += count_ones(nonzeros(a, k * (a.size - STEPS) // (SAMPLE - 1)))
    return ones * row_vectors < MOST_NONZEROS * SAMPLE * STEPS * tile_vectors


@device
def _find_nonzeros(a, transposed, i, rows, t, steps, words):
    """Set a word for each of `rows` rows of A, or of A.T, from row i on: bit k says that its element t + k is not 0."""
    if transposed:
        lanes = VECTOR_BYTES // a.itemsize
        for row in range(0, rows, lanes):
            nonzeros_of_columns(a, t * a.shape[1] + i + row, a.shape[1], steps, words, row, rows - row)
    else:
        for row in range(rows):
            first = (i + row) * a.shape[1] + t
            start = max(0, first + steps - STEPS)  # as many elements as a word has bits, in the array
            words[row] = (nonzeros(a, start) >> np.uint64(first - start)) & (ALL_STEPS >> np.uint64(STEPS - steps))


@called
def _product_by_rows(a, b, start, transpose_a, transpose_b, skipping, t_first, t_end, c, i, height, j, count):
    """C[i : i + height, j : j + count] = start + A @ B over steps `t_first` to `t_end`; `skipping`, where A is not 0.

    Without skipping B is not transposed, and rows are so few that a copy of it would not pay.
    """
    rows, columns = c.shape
    a_row, a_step = (1, rows) if transpose_a else (a.shape[1], 1)
    width = ROW_VECTORS * (VECTOR_BYTES // b.itemsize)
    words, results = empty(height, np.uint64), c.reshape(-1)
    sums = empty(height * width, c.dtype)  # not in C: two threads would write to one cache line again and again
    in_place = not skipping or (columns == width and not transpose_b)  # B's rows lie as those of a panel
    panel, b_row = (b, columns) if in_place else (empty((STEPS, width), b.dtype), width)
    for t in range(t_first, t_end, STEPS):
        steps, ib = min(STEPS, t_end - t), t * columns + j if in_place else 0
        if skipping:
            _find_nonzeros(a, transpose_a, i, height, t, steps, words)
        if not in_place:
            _fill_panel(b, transpose_b, j, count, t, steps, panel)
        finite = skipping and all_finite(panel, ib, b_row, steps, count)
        for row in range(height):
            ia = (i + row) * a_row + t * a_step
            first, i_first = (start, j) if t == t_first else (sums, row * width)
            target, i_target = (results, (i + row) * columns + j) if t + steps == t_end else (sums, row * width)
            # 0 times NaN or infinity is NaN: where B has one, no step is skipped.
            bits = words[row] if finite else ALL_STEPS >> np.uint64(STEPS - steps)
            sparse_row(a, ia, a_step, bits, panel, ib, b_row, first, i_first, target, i_target, count)


@called
def _product_of_tiles(a, b, start, transpose_a, transpose_b, c, i, height, j, count):
    """C[i : i + height, j : j + count] = start + A @ B, two vectors of columns wide."""
    rows, columns = c.shape
    sums, ic = c.reshape(-1), i * columns + j
    depth = a.shape[0] if transpose_a else a.shape[1]
    a_row, a_step = (1, rows) if transpose_a else (depth, 1)
    width = 2 * (VECTOR_BYTES // a.itemsize)
    part = LONG_SUM if transpose_a else LONG_ROW
    others, zeros = empty(height * width if depth > part else 0, c.dtype), zeroed(width, c.dtype)
    in_place = height <= IN_PLACE and height % TILE_ROWS == 0 and not transpose_b
    panel, b_row = (b, columns) if in_place else (empty((DEPTH, width), b.dtype), width)
    for t in range(0, depth, DEPTH):
        steps, ia, ib = min(DEPTH, depth - t), i * a_row + t * a_step, t * columns + j if in_place else 0
        if not in_place:
            _fill_panel(b, transpose_b, j, count, t, steps, panel)
        first, i_first = (start, j) if t < part else (zeros, 0)
        target, i_target, target_row = (sums, ic, columns) if t < part else (others, 0, width)
        _add_panel(
            a, ia, a_row, a_step, panel, ib, b_row, first, i_first, target, i_target, target_row, height, count, steps,
            t % part == 0,
        )
        if t >= part and ((t + steps) % part == 0 or t + steps == depth):
            for row in range(height):
                finished_row(sums, ic + row * columns, others, row * width, 0, 1, False, count)


@kernel
def product(a, b, start, transpose_a, transpose_b, relu, c, total):
    """C = start + A @ B, where A and B may be given transposed; negative results cut to 0 if `relu`.

    a (M, K) or (K, M), b (K, N) or (N, K), start (N,), c (M, N), total (N,) of B's rows, or (0,) if nobody wants it.
    """
    rows, columns = c.shape
    depth = a.shape[0] if transpose_a else a.shape[1]
    skipping = rows >= TILE_ROWS and _skipping_pays(a, columns)
    by_rows = skipping or (rows < TILE_ROWS and not transpose_a and not transpose_b)
    width = (ROW_VECTORS if by_rows else 2) * (VECTOR_BYTES // a.itemsize)
    # Of B.T, one panel or three are cut in halves: threads get equal shares, and each reads the half of B that is its
    # own in the other products, and in the optimizer's step. Cores are slow to fetch what another has written.
    sides = 2 if by_rows and transpose_b and (columns + width - 1) // width in (1, 3) else 1
    side = (columns + sides - 1) // sides
    panels_a_side = (side + width - 1) // width
    panels = sides * panels_a_side
    group_rows = SPARSE_GROUP if by_rows else ROW_GROUP
    tiles, groups = (rows + TILE_ROWS - 1) // TILE_ROWS, (rows + group_rows - 1) // group_rows
    if not by_rows:  # of few panels, such as a classifier's ten columns, each thread takes some rows
        groups = max(groups, min(tiles, (PARTS + panels - 1) // panels))
    blocks = panels * groups
    parts = 1
    if by_rows:  # tiles cut long sums themselves
        most = max(depth // (2 * STEPS), min(2, depth // STEPS) if skipping and blocks == 1 else 0)
        shares = min((PARTS + blocks - 1) // blocks, most) // 2 * 2  # an even number: equal shares for two threads
        parts = max(1, shares, (depth + LONG_ROW - 1) // LONG_ROW)
    others = empty((parts - 1, rows, columns), a.dtype)  # sums of all parts but the first
    zeros = zeroed(columns if parts > 1 else 0, a.dtype)  # where they begin
    for task in prange(parts * blocks):
        part, group, panel = task // blocks, task % blocks // panels, task % panels
        j_side = panel // panels_a_side * side
        j = j_side + panel % panels_a_side * width
        i = tiles * group // groups * TILE_ROWS  # groups of as many rows: threads get equal shares
        height = min(rows, tiles * (group + 1) // groups * TILE_ROWS) - i
        count = min(width, min(columns, j_side + side) - j)
        if total.size and part == 0 and group == 0:
            sum_columns(b, j, count, total)
        if by_rows:
            t, end = part * depth // parts, (part + 1) * depth // parts
            first, sums = (start, c) if part == 0 else (zeros, others[part - 1])
            _product_by_rows(a, b, first, transpose_a, transpose_b, skipping, t, end, sums, i, height, j, count)
        else:
            _product_of_tiles(a, b, start, transpose_a, transpose_b, c, i, height, j, count)
        if relu and parts == 1:
            for row in range(i, i + height):
                finished_row(c, row * columns + j, others, 0, 0, 0, relu, count)
    if parts > 1:
        for row in range(rows):
            finished_row(c, row * columns, others, row * columns, rows * columns, parts - 1, relu, columns)


@product.called_as
def affine(x, w, b, relu, y):
    """y = x @ w + b, its negative values cut to 0 if `relu`: x (M, K), w (K, N), b (N,), y (M, N)."""
    return x, w, b, False, False, relu, y, np.empty(0, y.dtype)


@product.called_as
def matmul_tn(x, dy, dw):
    """dw = x.T @ dy for x (M, K), dy (M, N), dw (K, N)."""
    return x, dy, np.zeros(dw.shape[1], dw.dtype), True, False, False, dw, np.empty(0, dw.dtype)


@product.called_as
def affine_weight_gradient(x, dy, dw, db):
    """dw = x.T @ dy and db = the sum of dy's rows, in one launch: x (M, K), dy (M, N), dw (K, N), db (N,)."""
    return x, dy, np.zeros(dw.shape[1], dw.dtype), True, False, False, dw, db


@product.called_as
def matmul_nt(dy, w, dx):
    """dx = dy @ w.T for dy (M, N), w (K, N), dx (M, K): the input gradient."""
    return dy, w, np.zeros(dx.shape[1], dx.dtype), False, True, False, dx, np.empty(0, dx.dtype)
