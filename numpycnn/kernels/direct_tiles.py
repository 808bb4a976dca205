"""The innermost loops of ``direct.py``: blocks of sums in registers, as in ``tiles.py``."""

from __future__ import annotations

import math

from llvmlite import ir

from .simd import INDEX, Vectors, loop, tile
from .tiles import TAP_VECTORS, TAPS, TILE_ROWS, numbers_from, patch_sums


@tile
def convolution_tile(  # type: ignore
    code, x, ix, offsets, i_offset, first, outputs, taps, w, f, filters, b, relu, y, iy, columns
):
    """``y = b + patch @ w``, cut to 0 if `relu`, at ``TILE_ROWS`` pixels and two vectors of filters (one at the edge).

    Pixels are those from `first` on. Beyond the last of `outputs`, that one is computed again.
    """
    builder = code.builder
    numbers = numbers_from(code, first, TILE_ROWS, outputs)

    def block(vectors: Vectors) -> None:
        sums = patch_sums(code, vectors, x, ix, offsets, i_offset, numbers, taps, w, f, filters, b)
        lowest = builder.select(builder.trunc(relu, ir.IntType(1)), vectors.scalar(0), vectors.scalar(-math.inf))
        floor = vectors.broadcast(lowest)
        for i, total in enumerate(sums):
            value = builder.select(builder.fcmp_ordered("<=", total, floor), floor, total)  # NaN stays NaN
            vectors.store(value, code.step(y.at(iy), numbers[i // vectors.count], filters), i % vectors.count)

    code.whole_or_edge(x, 2, columns, block, edge_count=1, halves=True)


@tile
def patches_times_gradients(  # type: ignore
    code, x, ix, offsets, i_offset, count, taps, i_tap, dy, idy, filters, out, i_out, columns
):
    """``out += sum of x[pixel + tap] * dy`` over `count` pixels, for ``TAPS`` taps, two vectors of filters (or one).

    Beyond the last tap, that one is summed again.
    """

    def block(vectors: Vectors) -> None:
        taps_here = numbers_from(code, i_tap, TAPS, taps.size)
        tap_offsets = [code.index(taps.at(INDEX(0)), tap) for tap in taps_here]

        def pixel(p, sums):  # type: ignore
            patch, dy_row = code.step(x.at(ix), code.index(offsets.at(i_offset), p)), code.step(dy.at(idy), p, filters)
            gradients, new = [vectors.load(dy_row, v) for v in range(vectors.count)], []
            for tap in tap_offsets:
                value = vectors.broadcast(code.load(code.step(patch, tap)))
                new += [vectors.multiply_add(value, g, sums[len(new) + v]) for v, g in enumerate(gradients)]
                patch = vectors.after(patch, new[-1])
            return new

        rows = [(code.step(out.at(i_out), k, filters), v) for k in range(TAPS) for v in range(vectors.count)]
        for total, row in zip(loop(code.builder, count, pixel, [vectors.zero] * len(rows)), rows):
            vectors.store(code.builder.fadd(vectors.load(*row), total), *row)

    code.whole_or_edge(x, TAP_VECTORS, columns, block, edge_count=1, halves=True)


@tile
def gradients_times_filters(  # type: ignore
    code, dy, idy, filters, first, step, pixels, panel, i_panel, offsets, dx, i_dx, columns
):
    """``dx[pixel:] += dy @ panel`` for ``TILE_ROWS`` pixels, `first` and every `step`-th after it, and two vectors.

    A panel has a row for each filter: its elements in a piece of a run. Patches that overlap are added one by one, and
    what was stored just before would be waited for: so a tile's pixels are not neighbours.
    """
    builder = code.builder

    def block(vectors: Vectors) -> None:
        places = [builder.add(first, builder.mul(step, INDEX(k))) for k in range(TILE_ROWS)]
        inside = [builder.icmp_signed("<", place, pixels) for place in places]
        numbers = [builder.select(is_inside, place, first) for is_inside, place in zip(inside, places)]
        rows = [code.step(dy.at(idy), number, filters) for number in numbers]
        width = 2 * vectors.lanes

        def add(f, sums):  # type: ignore
            weights, new = code.step(panel.at(i_panel), f, width), []
            weights = [vectors.load(weights, v) for v in range(vectors.count)]
            for row in rows:
                value = vectors.broadcast(code.load(code.step(row, f)))
                new += [vectors.multiply_add(value, w, sums[len(new) + v]) for v, w in enumerate(weights)]
            return new

        sums = loop(builder, filters, add, [vectors.zero] * (TILE_ROWS * vectors.count))
        for k, number in enumerate(numbers):
            with builder.if_then(inside[k]):
                patch = code.step(dx.at(i_dx), code.index(offsets.at(INDEX(0)), number))
                for v in range(vectors.count):
                    vectors.store(builder.fadd(vectors.load(patch, v), sums[k * vectors.count + v]), patch, v)

    code.whole_or_edge(dx, 2, columns, block)
