"""Rung 2: the loops of rung 1, character for character, compiled by Numba.

No interpreter is left, and still it loses to NumPy (rung 4). The innermost loops jump: from one q to the next x moves
by C numbers and w by C * F, so each step touches another line of the cache and uses one number of it. And `total` is
one chain of additions, each waiting for the one before: no vector instruction can add sixteen of them at once, for that
would change the order of the sum, which a compiler may not.
"""

import numba
import numpy as np

from . import python_loops
from .python_loops import cropped, outputs, padded

sum_windows = numba.njit(cache=True)(python_loops.sum_windows)
spread_gradients = numba.njit(cache=True)(python_loops.spread_gradients)


def forward(x, w, b, stride=1, padding=0):
    x = padded(x, padding)
    y = np.empty(outputs(x, w, stride), x.dtype)
    sum_windows(x, w, b, stride, y)
    return y


def backward(dy, x, w, stride=1, padding=0):
    x = padded(x, padding)
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(w.shape[3], w.dtype)
    spread_gradients(dy, x, w, stride, dx, dw, db)
    return cropped(dx, padding), dw, db
