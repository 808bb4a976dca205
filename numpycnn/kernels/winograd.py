"""3 x 3 convolution, ReLU and 2 x 2 pooling with 2.25 times fewer multiplications: Winograd's F(2 x 2, 3 x 3).

One pooling window, 2 x 2 outputs, needs 4 x 4 pixels d and the filter g: ``A.T [(G g G.T) * (B.T d B)] A``, 16 products
in place of 36 (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016, section 4.1). Summed over
channels, each of the 16 is a matrix product of windows and filters. The matrices hold 0, 1, -1 and 1/2, so that
rounding stays small.

The tile: 13 windows by two vectors of filters with AVX-512 (4 elsewhere), for each of the 16 products. Measured on the
reference CNN's second convolution: 365 GFLOP/s in terms of the plain sum, 1.7 times the best matrix product of the run.
"""

from __future__ import annotations

import functools

import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.extending import intrinsic

from .jit import device, kernel
from .matmul import empty_aligned
from .simd import INDEX, MANY_REGISTERS, VECTOR_BYTES, Vectors
from .tiles import WINDOW, make_product_tile, pointers, rectified_maximum

PIXELS = [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]  # B.T
FILTER = [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]  # G
OUTPUT = [[1, 1, 1, 0], [0, 1, -1, -1]]  # A.T

ROWS = 13 if MANY_REGISTERS else 4  # windows in a tile of a product; two vectors of sums each
WINDOWS = 2 * ROWS  # windows that one task takes through all three stages, in the cache
FEW_WINDOWS = 2 * WINDOWS  # so few do not keep several threads busy
PRODUCTS = 16


def _combine(vectors: Vectors, matrix: list, square: list) -> list:
    """Return ``matrix @ square @ matrix.T`` for a square of vectors."""
    columns = [[_weighted_sum(vectors, row, column) for column in zip(*square)] for row in matrix]
    return [[_weighted_sum(vectors, row, line) for row in matrix] for line in columns]


def _weighted_sum(vectors: Vectors, weights: list, terms: tuple) -> ir.Value:
    """Add up vectors with weights 0, 1 and -1, or 0, 1/2 and -1/2, at least one of them positive."""
    added = [term for weight, term in zip(weights, terms) if weight > 0]
    subtracted = [term for weight, term in zip(weights, terms) if weight < 0]
    total = functools.reduce(vectors.builder.fadd, added)
    total = functools.reduce(vectors.builder.fsub, subtracted, total)
    return vectors.builder.fmul(total, vectors.constant(0.5)) if 0.5 in weights else total


def make_transform(matrix: list, full: bool):
    """Make ``out = matrix @ square @ matrix.T`` on squares of vectors.

    The function made takes ``(a, ia, a_row, a_column, out, i_out, out_step, columns)``: the vectors of the result are
    `out_step` apart.
    """
    size = len(matrix[0])

    @intrinsic
    def transform(typing_context, a, ia, a_row, a_column, out, i_out, out_step, columns):
        signature = types.void(a, ia, a_row, a_column, out, i_out, out_step, columns)

        def codegen(context, builder, signature, arguments):
            a_, ia, a_row, a_column, out_, i_out, out_step, columns = arguments
            vectors = Vectors(context, builder, a.dtype, 1, None if full else columns)
            a_at, out_at = pointers(context, builder, (a, a_, ia), (out, out_, i_out))
            square = []
            for i in range(size):
                row = builder.gep(a_at, [builder.mul(a_row, INDEX(i))])
                square.append([
                    vectors.load(builder.gep(row, [builder.mul(a_column, INDEX(j))]), 0) for j in range(size)
                ])
            for k, value in enumerate(sum(_combine(vectors, matrix, square), [])):
                vectors.store(value, builder.gep(out_at, [builder.mul(out_step, INDEX(k))]), 0)
            return context.get_dummy_value()

        return signature, codegen

    return transform


def make_output(full: bool):
    """Make ``y = maxpool(relu(A.T m A + b))`` for one window and one vector of filters, and the codes.

    The function made takes ``(m, im, m_step, b, f, y, iy, codes, keep, columns)``.
    """

    @intrinsic
    def output(typing_context, m, im, m_step, b, f, y, iy, codes, keep, columns):
        signature = types.void(m, im, m_step, b, f, y, iy, codes, keep, columns)

        def codegen(context, builder, signature, arguments):
            m_, im, m_step, b_, f, y_, iy, codes_, keep, columns = arguments
            vectors = Vectors(context, builder, m.dtype, 1, None if full else columns)
            m_at, b_at, y_at, code_at = pointers(
                context, builder, (m, m_, im), (b, b_, f), (y, y_, iy), (codes, codes_, iy)
            )
            square = [
                [vectors.load(builder.gep(m_at, [builder.mul(m_step, INDEX(i * 4 + j))]), 0) for j in range(4)]
                for i in range(4)
            ]
            bias = vectors.load(b_at, 0)
            window = [builder.fadd(value, bias) for value in sum(_combine(vectors, OUTPUT, square), [])]
            best, code = rectified_maximum(builder, vectors, window)
            vectors.store(best, y_at, 0)
            with builder.if_then(keep):
                vectors.store_codes(code, code_at, 0)
            return context.get_dummy_value()

        return signature, codegen

    return output


_transform_pixels, _transform_pixels_edge = make_transform(PIXELS, True), make_transform(PIXELS, False)
_transform_filter, _transform_filter_edge = make_transform(FILTER, True), make_transform(FILTER, False)
_output, _output_edge = make_output(True), make_output(False)
_tile, _edge_tile = make_product_tile(ROWS, True), make_product_tile(ROWS, False)


@device
def _transform_filters(w, f, count, filters, channels, u, iu, u_step):
    """Transform filters f to f + count of w (9 * C, F) into a panel of u, (16, C, two vectors), in steps."""
    lanes = VECTOR_BYTES // w.itemsize
    for c in range(channels):
        for g in range(0, count, lanes):
            at, step, to, left = c * filters + f + g, channels * filters, iu + c * 2 * lanes + g, count - g
            if left >= lanes:
                _transform_filter(w, at, 3 * step, step, u, to, u_step, left)
            else:
                _transform_filter_edge(w, at, 3 * step, step, u, to, u_step, left)


@device
def _products(v, v_step, u, iu, u_step, zeros, m, m_step, windows, channels, count):
    """m[k] = v[k] @ u[k] at the 16 positions: v (16, windows, C), u (16, C, F), m (16, windows, F), in steps."""
    width = 2 * (VECTOR_BYTES // v.itemsize)
    for k in range(PRODUCTS):
        for p in range(0, windows, ROWS):
            iv, i, im = k * v_step + p * channels, iu + k * u_step, k * m_step + p * width
            if count >= width:
                _tile(v, iv, channels, 1, u, i, width, zeros, 0, 0, m, im, width, channels, count)
            else:
                _edge_tile(v, iv, channels, 1, u, i, width, zeros, 0, 0, m, im, width, channels, count)


@kernel
def winograd_relu_pool_forward(x, w, b, offsets, row, y, codes):
    """y = maxpool(relu(conv(x))), 3 x 3 filters, 2 x 2 windows: x (N, H, W, C), w (9 * C, F), b (F,) to (N, P, F).

    ``offsets`` (P * 4,) is where the four patches of a window start, ``row`` the length of a row of x in elements;
    codes as in ``conv_relu_pool_forward``. An infinity may become NaN (infinity less infinity), and stays visible.

    Filters go in panels of two vectors. A task takes some windows through all panels; when there are few windows (one
    small image) it takes all of them through one panel, and transforms that panel's filters itself.
    """
    images, windows, filters = y.shape
    channels = x.shape[3]
    image_size, total = x.size // images, images * windows
    lanes = VECTOR_BYTES // x.itemsize
    width = 2 * lanes
    keep = codes.size > 0
    zeros = np.empty(width, x.dtype)
    for f in range(width):
        zeros[f] = 0
    panels = (filters + width - 1) // width
    by_panel = total <= FEW_WINDOWS
    size = ROWS if by_panel else WINDOWS
    # No powers of 2 from one position to the next: they would clash in the cache.
    u_step, v_step, m_step = channels * width + lanes, size * channels + lanes, size * width + lanes
    u = empty_aligned(panels * PRODUCTS * u_step, x)
    if not by_panel:
        for panel in range(panels):
            f = panel * width
            _transform_filters(w, f, min(width, filters - f), filters, channels, u, panel * PRODUCTS * u_step, u_step)
    tasks = panels if by_panel else (total + size - 1) // size
    for task in prange(tasks):
        start, stop, first_panel, last_panel = task * size, min(task * size + size, total), 0, panels
        if by_panel:
            start, stop, first_panel, last_panel = 0, total, task, task + 1
            f = task * width
            _transform_filters(w, f, min(width, filters - f), filters, channels, u, task * PRODUCTS * u_step, u_step)
        v, m = empty_aligned(PRODUCTS * v_step, x), empty_aligned(PRODUCTS * m_step, x)
        for first in range(start, stop, size):
            for p in range(size):
                window = min(first + p, total - 1)  # what the last ones lack is computed and dropped
                at = window // windows * image_size + offsets[window % windows * WINDOW]
                for c in range(0, channels, lanes):
                    if channels - c >= lanes:
                        _transform_pixels(x, at + c, row, channels, v, p * channels + c, v_step, channels - c)
                    else:
                        _transform_pixels_edge(x, at + c, row, channels, v, p * channels + c, v_step, channels - c)
            for panel in range(first_panel, last_panel):
                f = panel * width
                count = min(width, filters - f)
                _products(v, v_step, u, panel * PRODUCTS * u_step, u_step, zeros, m, m_step, size, channels, count)
                for p in range(min(size, stop - first)):
                    for g in range(0, count, lanes):
                        im, iy = p * width + g, (first + p) * filters + f + g
                        if count - g >= lanes:
                            _output(m, im, m_step, b, f + g, y, iy, codes, keep, count - g)
                        else:
                            _output_edge(m, im, m_step, b, f + g, y, iy, codes, keep, count - g)
