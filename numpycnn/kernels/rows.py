"""Rows of a matrix: some of them taken, for a batch, or all added up, for the gradient of a bias."""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import kernel

CHUNK = 256  # rows summed by themselves before they join the total: rounding grows with their number, not all rows'


@kernel
def take_rows(x, rows, y):
    """y = x[rows]: x (N, K), rows (M,), every one a row of x, y (M, K)."""
    for i in prange(rows.size):
        for k in range(x.shape[1]):
            y[i, k] = x[rows[i], k]


@kernel
def sum_rows(x, total):
    """Sum over the first axis: x (M, N) to total (N,), in chunks of rows so that rounding stays small."""
    rows, columns = x.shape
    chunks = (rows + CHUNK - 1) // CHUNK
    partial = np.empty((chunks, columns), x.dtype)
    for chunk in prange(chunks):
        for j in range(columns):
            partial[chunk, j] = 0
        for i in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, rows)):
            for j in range(columns):
                partial[chunk, j] += x[i, j]
    for j in range(columns):
        total[j] = 0
    for chunk in range(chunks):
        for j in range(columns):
            total[j] += partial[chunk, j]
