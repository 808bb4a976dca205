"""Bilinear sampling of images at moved positions, which is all that augmentation does to pixels.

A loop over all pixels of an image finds the positions, another fetches the four neighbours: apart, the compiler makes
vector code of both. The image is first copied into a frame of background, so that no neighbour has to be tested for
being inside.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .jit import device, kernel
from .simd import empty

FRAME = 3  # rows and columns of background: one before the image, two after it


@kernel
def warp(x, matrices, field, fill, y):
    """Sample x (N, H, W, C) at matrices[n] @ (oy, ox, 1) + field[n, :, oy, ox], rows and columns, to y (N, H, W, C).

    matrices (N, 2, 3); field (N, 2, H, W), or (1, 2, H, W) for all images alike; beyond the image there is `fill`.
    """
    images, height, width, channels = x.shape
    pixels = height * width
    grid = empty((2, pixels), x.dtype)  # row and column of each pixel of the output
    for oy in range(height):
        for ox in range(width):
            grid[0, oy * width + ox] = oy
            grid[1, oy * width + ox] = ox
    for n in prange(images):
        corner = empty(pixels, np.int32)
        weights = empty((2, pixels), x.dtype)
        framed = np.full((height + FRAME) * (width + FRAME), fill, x.dtype)
        moves = field[n % field.shape[0]].reshape(2, pixels)
        _find(matrices[n], moves, grid, height, width, corner, weights)
        for c in range(channels):
            for iy in range(height):
                start = (iy + 1) * (width + FRAME) + 1
                row = framed[start : start + width]
                for ix in range(width):
                    row[ix] = x[n, iy, ix, c]
            _interpolate(framed, width + FRAME, corner, weights, y[n].reshape(pixels, channels)[:, c])


@device
def _find(matrix, moves, grid, height, width, corner, weights):
    """Find each pixel's source: the upper left of its four neighbours in the framed image, and how far beyond it is.

    From one pixel outside on everything is background: positions are cut to there, NaN as well.
    """
    real = grid.dtype.type
    zero, one, last_row, last_column = real(0), real(1), real(height + 1), real(width + 1)
    yy, yx, y0, xy, xx, x0 = matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[1, 0], matrix[1, 1], matrix[1, 2]
    rows, columns, row_moves, column_moves = grid[0], grid[1], moves[0], moves[1]
    downs, rights = weights[0], weights[1]
    for p in range(corner.size):
        sy = yy * rows[p] + yx * columns[p] + y0 + row_moves[p] + one
        sx = xy * rows[p] + xx * columns[p] + x0 + column_moves[p] + one
        sy = sy if sy > zero else zero
        sx = sx if sx > zero else zero
        sy = sy if sy < last_row else last_row
        sx = sx if sx < last_column else last_column
        iy, ix = np.int32(sy), np.int32(sx)
        downs[p], rights[p] = sy - real(iy), sx - real(ix)
        corner[p] = iy * np.int32(width + FRAME) + ix


@device
def _interpolate(framed, width, corner, weights, out):
    """Mix the four neighbours at and after each corner: framed (rows * width,) to out (pixels,)."""
    downs, rights = weights[0], weights[1]
    upper_right, lower_left, lower_right = framed[1:], framed[width:], framed[width + 1 :]
    for p in range(corner.size):
        at = np.uint32(corner[p])
        upper = framed[at] + rights[p] * (upper_right[at] - framed[at])
        lower = lower_left[at] + rights[p] * (lower_right[at] - lower_left[at])
        out[p] = upper + downs[p] * (lower - upper)
