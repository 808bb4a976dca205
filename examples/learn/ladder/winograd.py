"""Rung 7: Winograd's F(2 x 2, 3 x 3), by hand: four outputs for 16 multiplications instead of 36.

U = G g G' of a filter g, V = B' d B of a 4 x 4 piece d of the image; y = A' (U * V) A (Lavin and Gray 2016).
Each of U * V's 16 places, summed over channels, is a matrix product. Backward takes each linear map's transposed.
Fewer products than in rung 5, yet slower: V and the products go to memory and come back; in rung 8 they do not.
"""

import numba
import numpy as np

from .python_loops import cropped, padded

B = np.array([[1, 0, 0, 0], [0, 1, -1, 1], [-1, 1, 1, 0], [0, 0, 0, -1]], "float32")
G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], "float32")
A = np.array([[1, 0], [1, 1], [1, -1], [0, -1]], "float32")
BLOCK = 256


@numba.njit(cache=True, parallel=True)
def transform(m, pieces, out):
    """Add m p m' to out for each piece p of (rows, columns, pieces), a block of pieces at a time: it stays in L1."""
    for block in numba.prange((pieces.shape[2] + BLOCK - 1) // BLOCK):
        here = slice(block * BLOCK, (block + 1) * BLOCK)
        some, done = pieces[:, :, here], out[:, :, here]
        down = np.zeros((len(m), some.shape[1], some.shape[2]), out.dtype)
        for a, i in np.ndindex(m.shape):
            if m[a, i]:
                down[a] += m[a, i] * some[i]
        for a, i in np.ndindex(m.shape):
            if m[a, i]:
                done[:, a] += m[a, i] * down[:, i]


def both_ways(m, pieces):
    """Return m p m' for each piece p of (rows, columns, ...): down, then across."""
    out = np.zeros((len(m), len(m), *pieces.shape[2:]), pieces.dtype)
    transform(m.astype(out.dtype), pieces.reshape(*pieces.shape[:2], -1), out.reshape(*out.shape[:2], -1))
    return out


def pieces_of(x, side):
    """Return the pieces of an image, two pixels apart: (side, side, N, down, across, C)."""
    down, across = (x.shape[1] - side) // 2 + 1, (x.shape[2] - side) // 2 + 1
    columns = [x[:, :, j : j + 2 * across : 2] for j in range(side)]
    return np.array([[column[:, i : i + 2 * down : 2] for column in columns] for i in range(side)])


def even(a):
    """Return a with zeros behind where its rows or columns are odd in number."""
    return np.pad(a, ((0, 0), (0, a.shape[1] % 2), (0, a.shape[2] % 2), (0, 0)))


def products(a, b):
    return a @ b  # of each of the 16 places: the only multiplications that count


def prepared(x, w, stride, padding):
    """Return the image with an even number of outputs each way, U (16, C, F) and V (4, 4, N, down, across, C)."""
    if stride != 1 or w.shape[:2] != (3, 3):
        raise ValueError(f"Winograd's F(2, 3) is for 3 x 3 filters and stride 1, got {w.shape[:2]} and {stride}")
    x = even(padded(x, padding))
    return x, both_ways(G, w).reshape(16, *w.shape[2:]), both_ways(B.T, pieces_of(x, 4))


def forward(x, w, b, stride=1, padding=0):
    wide, u, v = prepared(x, w, stride, padding)
    *pieces, channels = v.shape
    y = both_ways(A.T, products(v.reshape(16, -1, channels), u).reshape(*pieces, -1))  # (2, 2, N, down, across, F)
    y = y.transpose(2, 3, 0, 4, 1, 5).reshape(len(x), wide.shape[1] - 2, wide.shape[2] - 2, -1) + b
    return y[:, : x.shape[1] + 2 * padding - 2, : x.shape[2] + 2 * padding - 2]


def backward(dy, x, w, stride=1, padding=0):
    wide, u, v = prepared(x, w, stride, padding)
    dm = both_ways(A, pieces_of(even(dy), 2)).reshape(16, -1, dy.shape[3])
    dw = both_ways(G.T, products(v.reshape(16, -1, v.shape[-1]).swapaxes(1, 2), dm).reshape(4, 4, *w.shape[2:]))
    pieces, dx = both_ways(B, products(dm, u.swapaxes(1, 2)).reshape(v.shape)), np.zeros_like(wide)
    for i, j in np.ndindex(4, 4):
        dx[:, i : i + 2 * v.shape[3] : 2, j : j + 2 * v.shape[4] : 2] += pieces[i, j]
    return cropped(dx[:, : x.shape[1] + 2 * padding, : x.shape[2] + 2 * padding], padding), dw, dy.sum(axis=(0, 1, 2))
