"""Rows of a matrix: taken, for a batch, added up, for the gradient of a bias, or asked for ahead of their use."""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import called, device, kernel
from .simd import empty, zeroed
from .tiles import prefetch

WIDE = 128  # elements, or more, that are added up side by side: as many rows as it takes, where columns are few
BEGINNING = 256  # elements of a row
CHUNK = 256  # rows summed by themselves before they join the total: rounding grows with their number, not all rows'


@device
def in_shares(first, end, shares):
    """Return what `ask_for` is to ask for: pixels `first` to `end`, in so many shares."""
    return first, end, (end - first) // shares + 1


@called
def ask_for(x, ahead, k, c, count):
    """Ask for the k-th share of some pixels of x (N, H, W, C): for `count` channels from c on.

    Maps of a batch lie in the farthest cache, or in memory. What the next tiles need is asked for while the sums of
    some are formed, little by little: a core has room for a few dozen requests. From memory, one thread takes 4.4 ms in
    place of 5.5 for a 3 x 3 convolution of 64 x 32 x 32 x 32 to 32 filters, and 4.5 in place of 6.0 for its dw.
    """
    first, end, step = ahead
    for pixel in range(first + k * step, min(end, first + (k + 1) * step)):
        prefetch(x, pixel * x.shape[3] + c, count)


@called
def add_up(partial, total):
    """Add up the chunks' sums (chunks, N) to total (N,), in float64: there may be thousands of them."""
    exact = zeroed(total.size, np.float64)
    for chunk in range(len(partial)):
        for j in range(total.size):
            exact[j] += partial[chunk, j]
    for j in range(total.size):
        total[j] = exact[j]


@kernel
def take_rows(x, rows, y):
    """y = x[rows]: x (N, K), rows (M,), every one a row of x, y (M, K)."""
    columns = x.shape[1]
    for i in prange(rows.size):
        # The next lies anywhere in memory; once its beginning is asked for, the processor goes on by itself.
        prefetch(x, rows[min(i + 1, rows.size - 1)] * columns, min(columns, BEGINNING))
        for k in range(columns):
            y[i, k] = x[rows[i], k]


@device
def add_rows(elements, total):
    """Add each row of a matrix (M, N), given as a vector of its elements, to total (N,)."""
    columns = total.size
    wide = zeroed((WIDE + columns - 1) // columns * columns, elements.dtype)
    for start in range(0, elements.size, wide.size):
        row = elements[start : start + wide.size]
        for j in range(row.size):
            wide[j] += row[j]
    for start in range(columns, wide.size, columns):
        for j in range(columns):
            wide[j] += wide[start + j]
    for j in range(columns):
        total[j] += wide[j]


@kernel
def sum_rows(x, total):
    """Sum over the first axis: x (M, N) to total (N,), in chunks of rows so that rounding stays small."""
    rows, columns = x.shape
    chunks, elements = (rows + CHUNK - 1) // CHUNK, x.reshape(-1)
    partial = empty((chunks, columns), x.dtype)
    for chunk in prange(chunks):
        for j in range(columns):
            partial[chunk, j] = 0
        add_rows(elements[chunk * CHUNK * columns : min(chunk * CHUNK + CHUNK, rows) * columns], partial[chunk])
    add_up(partial, total)


@called
def sum_columns(x, j, count, total):
    """The same for columns j to j + count alone, by one thread."""
    partial = zeroed(((len(x) + CHUNK - 1) // CHUNK, count), x.dtype)
    for i in range(len(x)):
        sums, row = partial[i // CHUNK], x[i, j : j + count]
        for k in range(count):
            sums[k] += row[k]
    add_up(partial, total[j : j + count])
