"""The innermost loops of the fast kernels: blocks of sums that stay in vector registers.

Each function here emits one loop nest for a fixed block of registers. ``@tile`` makes it callable in kernels, with the
arguments after ``code``; a ``make_*`` returns one for each kind of block. Arrays are C-contiguous and come with the
position of the first element to touch (x with ix); positions and steps count elements, and ``a_row`` is the distance
from one row of A to the next. ``columns`` is how many columns are left: where they do not fill the block's vectors,
what lies behind them is not touched. Nothing is checked here: the layers' geometry keeps the addresses inside.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from .aligned import CACHE_LINE
from .simd import BYTE, INDEX, INT32, MANY_REGISTERS, Vectors, loop, loop_over_bits, returns, tile, unrolled_loop

WINDOW = 4  # pixels of a pooling window, 2 x 2
# Sums + operands have to fit into 32 registers with AVX-512, 16 elsewhere.
TILE_ROWS = 8 if MANY_REGISTERS else 4  # rows of a matrix product, pixels of a convolution; two vectors each
ROW_STEPS = 4  # rows of a product's tile whose addresses are found from one; three of the steps need no addition
ROW_VECTORS = 8  # vectors of a single row of a matrix product: eight sums under way hide what one multiply-add waits
STEPS = 64  # steps of the summed axis, one for each bit of a word
TILE_WINDOWS = 2 if MANY_REGISTERS else 1  # pooling windows of a convolution; four pixels of two vectors each
RUN_VECTORS = 6 if MANY_REGISTERS else 3  # vectors along a run of a patch, for three runs at a time
WINNERS = 64  # filters whose winners fit into one word of bits
UNION = 4  # pixels to a side of what the four 3 x 3 patches of a window cover
FILTER_ROWS = 3 if MANY_REGISTERS else 1  # of a 3 x 3 filter at a time; their sums need one row of the union more
LONG_SUM = 512  # terms after which a new sum is begun: rounding grows with a sum's length
TAPS = 9  # elements of a patch, where a filter's gradient is summed over pixels
TAP_VECTORS = 2 if MANY_REGISTERS else 1


@tile
def prefetch(code, a, ia, columns):  # type: ignore
    """Ask for `columns` elements from ``a[ia]`` on: they come into the cache while something else is computed."""
    line = CACHE_LINE // (a.dtype.bitwidth // 8)

    def ask(n, nothing):  # type: ignore
        code.prefetch(code.step(a.at(ia), n, line))
        return []

    count = code.builder.sdiv(code.builder.add(columns, INDEX(line - 1)), INDEX(line))
    loop(code.builder, count, ask, [])


# -- matrix products ---------------------------------------------------------------------------------------------------


def make_product_tile(rows: int, narrow: bool = False) -> Any:
    """Make ``c = start + a @ b`` for `rows` rows and two vectors of columns; one, if `narrow`, where that is enough."""

    @tile
    def product_tile(  # type: ignore
        code, a, ia, a_row, a_step, b, ib, b_row, start, i_start, start_row, c, ic, c_row, steps, columns
    ):
        """`a_step` is the distance between neighbours along the summed axis: A may be read along rows or down columns.

        Each sum runs in order of the summed index.
        """

        def block(vectors: Vectors) -> None:
            width = range(vectors.count)
            sums = [vectors.load(code.step(start.at(i_start), r, start_row), v) for r in range(rows) for v in width]
            # Addresses for every few rows: else the compiler adds up each row's from that of the row before, in turn.
            lines = [vectors.opaque(code.step(a.at(ia), r, a_row)) for r in range(0, rows, ROW_STEPS)]

            def step(t, sums):  # type: ignore
                b_now, a_now = code.step(b.at(ib), t, b_row), [code.step(line, t, a_step) for line in lines]
                b_vectors = [vectors.load(b_now, v) for v in width]
                new = []
                for r in range(rows):  # each value right before its use: few registers
                    value = vectors.broadcast(code.load(code.step(a_now[r // ROW_STEPS], r % ROW_STEPS, a_row)))
                    new += [vectors.multiply_add(value, b_vectors[v], sums[len(new) + v]) for v in width]
                return new

            summing = unrolled_loop if rows == 1 else loop
            for i, total in enumerate(summing(code.builder, steps, step, sums)):
                vectors.store(total, code.step(c.at(ic), i // len(width), c_row), i % len(width))

        code.whole_or_edge(a, 2, columns, block, narrow=narrow)

    return product_tile


@tile
def sparse_row(code, a, ia, a_step, bits, b, ib, b_row, start, i_start, c, ic, columns):  # type: ignore
    """``c = start + a @ b`` for one row and ``ROW_VECTORS`` vectors of columns, only for steps that `bits` names."""

    def block(vectors: Vectors) -> None:
        def step(t, sums):  # type: ignore
            b_now = vectors.opaque(code.step(b.at(ib), t, b_row))
            value = vectors.broadcast(code.load(code.step(a.at(ia), t, a_step)))
            return [vectors.multiply_add(value, vectors.load(b_now, v), total) for v, total in enumerate(sums)]

        sums = [vectors.load(start.at(i_start), v) for v in range(vectors.count)]
        for v, total in enumerate(loop_over_bits(code.builder, bits, step, sums)):
            vectors.store(total, c.at(ic), v)

    few = code.vectors(a, ROW_VECTORS // 2, columns)  # a row's end takes half the time if it fits
    fits = code.builder.icmp_signed("<=", columns, INDEX(few.count * few.lanes))
    usual = lambda: code.whole_or_edge(a, ROW_VECTORS, columns, block)  # noqa: E731
    code.first_of([(fits, lambda: block(few)), (None, usual)])


@returns(types.boolean)
def all_finite(code, b, ib, b_row, rows, columns):  # type: ignore
    """Whether no element is NaN or infinity, in rows of ``ROW_VECTORS`` vectors."""

    def block(vectors: Vectors) -> Any:
        def step(t, sums):  # type: ignore
            row = vectors.opaque(code.step(b.at(ib), t, b_row))
            # 0 times a finite number is 0, and NaN once is NaN ever after.
            return [vectors.multiply_add(vectors.zero, vectors.load(row, v), s) for v, s in enumerate(sums)]

        sums = loop(code.builder, rows, step, [vectors.zero] * ROW_VECTORS)
        while len(sums) > 1:
            sums = [code.builder.fadd(x, y) for x, y in zip(sums[::2], sums[1::2])]
        return vectors.nowhere(code.builder.fcmp_unordered("!=", sums[0], vectors.zero))

    return code.whole_or_edge(b, ROW_VECTORS, columns, block)


@returns(types.uint64)
def nonzeros(code, a, ia):  # type: ignore
    """Word of bits that says which of ``STEPS`` elements in a row, from ``a[ia]`` on, are not 0."""
    builder = code.builder
    row = ir.VectorType(code.context.get_value_type(a.dtype), STEPS)
    found = builder.load(builder.bitcast(a.at(ia), ir.PointerType(row)), align=a.dtype.bitwidth // 8)
    return builder.bitcast(builder.fcmp_unordered("!=", found, ir.Constant(row, [0.0] * STEPS)), INDEX)


@tile
def nonzeros_of_columns(code, a, ia, a_row, rows, words, i_word, columns):  # type: ignore
    """Such words for a vector of columns, as far as there are: bit k is about the k-th of `rows` rows."""
    builder, vectors = code.builder, code.vectors(a, 1, columns)

    def step(k, found):  # type: ignore
        values = vectors.load(code.step(a.at(ia), k, a_row), 0)
        bits = builder.zext(builder.fcmp_unordered("!=", values, vectors.zero), vectors.words)
        return [builder.or_(found[0], builder.shl(bits, vectors.broadcast_word(k)))]

    (found,) = loop(builder, rows, step, [ir.Constant(vectors.words, [0] * vectors.lanes)])
    vectors.store_words(found, words.at(i_word))


@returns(types.int64)
def count_ones(code, word):  # type: ignore
    """Number of ones in a word of bits."""
    return code.builder.ctpop(word)


@tile
def finished_row(code, c, ic, others, i_other, other_step, count, relu, columns):  # type: ignore
    """``c += sum of others``, then ``max(0, c)`` if `relu`, for a row of any length.

    The others' rows, `count` of them, are `other_step` apart.
    """
    builder = code.builder

    def piece(vectors: Vectors, first: Any, nothing: list) -> list:
        place = code.step(c.at(ic), first)

        def add(k, total):  # type: ignore
            other = code.step(code.step(others.at(i_other), k, other_step), first)
            return [builder.fadd(total[0], vectors.load(other, 0))]

        (total,) = loop(builder, count, add, [vectors.load(place, 0)])
        cut = builder.select(builder.fcmp_ordered("<=", total, vectors.zero), vectors.zero, total)
        vectors.store(builder.select(builder.trunc(relu, ir.IntType(1)), cut, total), place, 0)
        return []

    code.vector_by_vector(c, columns, piece)


@tile
def row_copy(code, a, ia, a_row, b, ib, b_row, rows, columns):  # type: ignore
    """``b = a`` for rows of two vectors."""

    def block(vectors: Vectors) -> None:
        def copy(k, nothing):  # type: ignore
            source, target = code.step(a.at(ia), k, a_row), code.step(b.at(ib), k, b_row)
            for v in range(2):
                vectors.store(vectors.load(source, v), target, v)
            return []

        loop(code.builder, rows, copy, [])

    code.whole_or_edge(a, 2, columns, block)


@tile
def transposition(code, a, ia, a_row, b, ib, b_row):  # type: ignore
    """``b = a.T`` for a square of as many rows and columns as a vector has lanes.

    Each of log2(lanes) rounds interleaves vector i with vector i + lanes / 2, which moves one bit of the row number
    into the column number (a "perfect shuffle").
    """
    vectors = code.vectors(a, 1)
    lanes = vectors.lanes
    rows = [vectors.load(code.step(a.at(ia), k, a_row), 0) for k in range(lanes)]
    for _ in range(lanes.bit_length() - 1):
        halves = zip(rows[: lanes // 2], rows[lanes // 2 :])
        rows = [vectors.interleave(x, y, upper) for x, y in halves for upper in (False, True)]
    for k, row in enumerate(rows):
        vectors.store(row, code.step(b.at(ib), k, b_row), 0)


@tile
def sum_runs(code, x, ix, runs, first, count, y, iy, columns):  # type: ignore
    """``y[k] = sum of x[begin:end]``, with ``(begin, end) = runs[first + k]``, for `count` rows of y.

    Rows of x and y have `columns` elements, as many as one likes.
    """

    def piece(vectors: Vectors, column: Any, nothing: list) -> list:
        x_column, y_column = code.step(x.at(ix), column), code.step(y.at(iy), column)

        def run(k, nothing):  # type: ignore
            ends = code.step(runs.at(INDEX(0)), code.builder.add(first, k), 2)
            begin, end = code.index(ends, 0), code.index(ends, 1)
            start = code.step(x_column, begin, columns)

            def add(row, total):  # type: ignore
                return [code.builder.fadd(total[0], vectors.load(code.step(start, row, columns), 0))]

            (total,) = loop(code.builder, code.builder.sub(end, begin), add, [vectors.zero])
            vectors.store(total, code.step(y_column, k, columns), 0)
            return []

        return loop(code.builder, count, run, [])

    code.vector_by_vector(x, columns, piece)


# -- convolution, forward ----------------------------------------------------------------------------------------------


def patch_sums(code, vectors, x, ix, offsets, i_offset, numbers, taps, w, f, filters, b):  # type: ignore
    """Emit ``b + patch @ w`` for the patches that start at ``x[ix + offsets[i_offset + number]]``, vector by vector.

    A patch consists of the elements ``taps[...]`` from its start. Filters are columns of `w`, starting with `f`.
    """
    patches = [code.step(x.at(ix), code.index(offsets.at(i_offset), number)) for number in numbers]
    biases = [vectors.load(b.at(f), v) for v in range(vectors.count)]

    def step(t, sums):  # type: ignore
        element, w_row = code.index(taps.at(INDEX(0)), t), code.step(w.at(f), t, filters)
        weights, new = [vectors.load(w_row, v) for v in range(vectors.count)], []
        for patch in patches:  # each value right before its use: few registers
            value = vectors.broadcast(code.load(code.step(patch, element)))
            new += [vectors.multiply_add(value, weight, sums[len(new) + v]) for v, weight in enumerate(weights)]
            element = vectors.after(element, new[-1])
        return new

    return loop(code.builder, taps.size, step, biases * len(patches))


def numbers_from(code: Any, first: Any, count: int, total: Any) -> list:
    """Emit the numbers first, first + 1, ..., `count` of them; where there are no more than `total`, the last again."""
    numbers, last = [code.builder.add(first, INDEX(k)) for k in range(count)], code.builder.sub(total, INDEX(1))
    return [code.builder.select(code.builder.icmp_signed("<", n, last), n, last) for n in numbers]


@tile
def plain_sums(code, patch, i_patch, taps, w, f, filters, b, y, iy, columns):  # type: ignore
    """``y = b + patch @ w`` for one patch that is given by itself, and two vectors of filters (one at the edge)."""

    def block(vectors: Vectors) -> None:
        sums = patch_sums(code, vectors, patch, i_patch, taps, INDEX(0), [INDEX(0)], taps, w, f, filters, b)
        for v, total in enumerate(sums):
            vectors.store(total, y.at(iy), v)

    code.whole_or_edge(patch, 2, columns, block, edge_count=1)


def make_window_tile(windows: int) -> Any:
    """Make ``y = b + patch @ w`` for pooling windows, four pixels in a row each, of which the largest is stored, or 0.

    Windows are those from `first` on; beyond the last of `outputs`, that one is computed again. A code says which of
    the four won, the first if several tie, or 4 where ReLU cut. Codes lie as y does, and are written if `keep`.
    """

    @tile
    def window_tile(  # type: ignore
        code, x, ix, offsets, i_offset, first, outputs, taps, w, f, filters, b, y, iy, codes, keep, columns
    ):
        places = numbers_from(code, first, windows, outputs)
        starts = [code.builder.mul(place, INDEX(WINDOW)) for place in places]
        numbers = [code.builder.add(start, INDEX(q)) for start in starts for q in range(WINDOW)]

        def block(vectors: Vectors) -> None:
            width = vectors.count
            sums = patch_sums(code, vectors, x, ix, offsets, i_offset, numbers, taps, w, f, filters, b)
            for k, place in enumerate(places):
                y_row, code_row = (code.step(at, place, filters) for at in (y.at(iy), codes.at(iy)))
                for v in range(width):
                    window = [sums[(k * WINDOW + q) * width + v] for q in range(WINDOW)]
                    best, winner = rectified_maximum(vectors, window)
                    vectors.store(best, y_row, v)
                    with code.builder.if_then(keep):
                        vectors.store_codes(winner, code_row, v)

        code.whole_or_edge(x, 2, columns, block, edge_count=1)

    return window_tile


def rectified_maximum(vectors: Vectors, values: list) -> tuple:
    """Return max(0, *values) and which value it is, the first of equals; a NaN wins over every number."""
    builder = vectors.builder
    best, code = values[0], vectors.code(0)
    for q, value in enumerate(values[1:], 1):
        larger_or_nan = builder.fcmp_unordered(">", value, best)
        wins = builder.and_(larger_or_nan, builder.fcmp_ordered("ord", best, best))
        best, code = builder.select(wins, value, best), builder.select(wins, vectors.code(q), code)
    cut = builder.fcmp_ordered("<=", best, vectors.zero)
    return builder.select(cut, vectors.zero, best), builder.select(cut, vectors.code(len(values)), code)


# -- convolution, what Winograd's algorithm has to know ----------------------------------------------------------------


@returns(types.boolean)
def equal(code, a, ia, b, ib, columns):  # type: ignore
    """Whether ``a[ia:]`` and ``b[ib:]`` agree in `columns` elements; NaN agrees with nothing."""
    builder = code.builder

    def piece(vectors: Vectors, first: Any, same: list) -> list:
        x, y = (vectors.load(code.step(at, first), 0) for at in (a.at(ia), b.at(ib)))
        return [builder.and_(same[0], vectors.nowhere(builder.fcmp_unordered("!=", x, y)))]

    return code.vector_by_vector(a, columns, piece, [ir.IntType(1)(1)])[0]


@returns("element")
def survey(code, x, ix, pixels, channels, background, kinds, i_kind):  # type: ignore
    """Return the largest absolute value of `pixels` pixels, or NaN if one is not finite; set a kind for each of them.

    A kind is 1 if the pixel is the background, bit by bit, plus 2 if it is zeros. Without a background, that is NaN.
    """
    builder, whole = code.builder, code.vectors(x, 1)
    words = whole.bits_of(whole.zero).type
    all_but_sign = ir.Constant(words, [2 ** (8 * whole.scalar_bytes - 1) - 1] * whole.lanes)
    nothing = ir.Constant(words, [0] * whole.lanes)
    pieces = builder.sdiv(channels, INDEX(whole.lanes))
    done = builder.mul(pieces, INDEX(whole.lanes))
    rest = builder.sub(channels, done)
    edge = code.vectors(x, 1, rest)

    number = code.load(background.at(INDEX(0)))
    is_none = builder.fcmp_unordered("uno", number, number)  # not even a pixel of NaN, whose bits may be the same
    unlike = builder.select(is_none, ir.Constant(words, [-1] * whole.lanes), nothing)

    def larger(a: Any, b: Any) -> Any:  # bits of positive numbers, as integers, are in the same order
        return builder.select(builder.icmp_signed(">", a, b), a, b)

    def pixel(p, largest):  # type: ignore
        row = code.step(x.at(ix), p, channels)

        def look(vectors: Vectors, first: Any, found: list) -> list:
            largest, other, nonzero = found
            value, background_value = (
                vectors.bits_of(vectors.load(code.step(at, first), 0)) for at in (row, background.at(INDEX(0)))
            )
            size = builder.and_(value, all_but_sign)
            other = builder.or_(other, builder.xor(value, background_value))
            return [larger(size, largest), other, builder.or_(nonzero, size)]

        found = loop(
            builder, pieces, lambda n, found: look(whole, builder.mul(n, INDEX(whole.lanes)), found),
            [*largest, unlike, nothing],
        )
        some = builder.zext(builder.icmp_signed(">", rest, INDEX(0)), INDEX)
        largest, other, nonzero = loop(builder, some, lambda n, found: look(edge, done, found), found)
        is_background, is_zeros = (
            builder.zext(whole.nowhere(builder.icmp_unsigned("!=", bits, nothing)), BYTE) for bits in (other, nonzero)
        )
        builder.store(builder.or_(is_background, builder.shl(is_zeros, BYTE(1))), code.step(kinds.at(i_kind), p))
        return [largest]

    (largest,) = loop(builder, pixels, pixel, [nothing])
    scale = builder.bitcast(whole.reduced(largest, larger), whole.scalar)
    return builder.fadd(scale, builder.fsub(scale, scale))  # infinity less infinity is NaN


@tile
def squares(code, w, iw, w_row, rows, columns, total, i_total):  # type: ignore
    """``total = sum of squares`` of each of `columns` columns."""

    def piece(vectors: Vectors, first: Any, nothing: list) -> list:
        def add(k, sums):  # type: ignore
            value = vectors.load(code.step(code.step(w.at(iw), first), k, w_row), 0)
            return [vectors.multiply_add(value, value, sums[0])]

        (sums,) = loop(code.builder, rows, add, [vectors.zero])
        vectors.store(sums, code.step(total.at(i_total), first), 0)
        return []

    code.vector_by_vector(w, columns, piece)


# -- convolution, backward ---------------------------------------------------------------------------------------------


def make_gradient_tile(of_weights: bool, rows: int) -> Any:
    """Make one filter's share in a gradient, from its entries in one image: `rows` runs of ``RUN_VECTORS`` (or one).

    An entry is the start of a patch, ``positions[first + i]``, and the gradient at its pixel, ``values[first + i]``. Of
    weights: ``filter += value * patch``, the filter in registers; else ``patch += value * filter``, for the input.
    """

    @tile
    def gradient_tile(  # type: ignore
        code, filters, i_filter, run_length, image, i_image, runs, r, positions, values, first, count, columns
    ):
        """The filter's runs follow each other, the image's are at ``runs[r], runs[r + 1], ...``."""

        def block(vectors: Vectors) -> None:
            width = vectors.count
            run_offsets = [code.index(runs.at(r), k) for k in range(rows)]
            places = [(code.step(filters.at(i_filter), k, run_length), v) for k in range(rows) for v in range(width)]
            weights = [vectors.load(*place) for place in places]

            def entry(i, sums):  # type: ignore
                patch = code.step(image.at(i_image), code.index(positions.at(first), i))
                value = vectors.broadcast(code.load(code.step(values.at(first), i)))
                new = []
                for k, offset in enumerate(run_offsets):
                    run = vectors.opaque(code.step(patch, offset))
                    for v in range(width):
                        pixels = vectors.load(run, v)
                        if of_weights:
                            new.append(vectors.multiply_add(value, pixels, sums[k * width + v]))
                        else:
                            vectors.store(vectors.multiply_add(value, weights[k * width + v], pixels), run, v)
                return new

            if of_weights:
                for total, place in zip(loop(code.builder, count, entry, weights), places):
                    vectors.store(total, *place)
            else:
                loop(code.builder, count, entry, [])

        code.whole_or_edge(image, RUN_VECTORS, columns, block, edge_count=1)

    return gradient_tile


@returns(types.uint64)
def winners(code, codes, i_code, q):  # type: ignore
    """Word of bits that says which of ``WINNERS`` codes in a row, from ``codes[i_code]`` on, name pixel q."""
    builder = code.builder
    row = ir.VectorType(BYTE, WINNERS)
    found = builder.load(builder.bitcast(codes.at(i_code), ir.PointerType(row)))
    found.align = 1
    first = builder.insert_element(ir.Constant(row, ir.Undefined), builder.trunc(q, BYTE), INT32(0))
    wanted = builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(INT32, WINNERS), [0] * WINNERS))
    return builder.bitcast(builder.icmp_unsigned("==", found, wanted), INDEX)


@tile
def window_gradient(  # type: ignore
    code, filters, i_filter, dy, idy, winners, i_winner, dx, i_dx, row, channels, columns
):
    """One pooling window's share in the gradient of the image, for ``FILTER_ROWS`` of its 3 x 3 filters.

    The patches of the window's four pixels cover 4 x 4 pixels of the image. Those that these rows of the filters reach
    have their sums, one vector of channels a pixel, in registers while the filters come by whose winner is the first
    pixel, then the second, ... A filter is nine vectors; ``winners[i_winner + q]`` has a bit for each filter that pixel
    q won; rows of dx are `row` elements apart.
    """
    builder, lanes = code.builder, code.vectors(dx, 1).lanes

    def block(vectors: Vectors) -> None:
        places = [(k, j) for k in range(FILTER_ROWS + 1) for j in range(UNION)]
        pixels = {(k, j): code.step(code.step(dx.at(i_dx), k, row), j, channels) for k, j in places}
        sums = {place: vectors.load(pixel, 0) for place, pixel in pixels.items()}
        for q in range(WINDOW):
            taps = [(k, j) for k in range(FILTER_ROWS) for j in range(3)]
            reached = [(q // 2 + k, q % 2 + j) for k, j in taps]

            def add(f, sums):  # type: ignore
                gradient = vectors.broadcast(code.load(code.step(dy.at(idy), f)))
                weights = vectors.opaque(code.step(filters.at(i_filter), f, TAPS * lanes))
                taps = [code.step(weights, t * lanes) for t in range(len(sums))]
                return [vectors.multiply_add(gradient, vectors.load(at, 0), s) for at, s in zip(taps, sums)]

            bits = code.load(code.step(winners.at(i_winner), q))
            sums.update(zip(reached, loop_over_bits(builder, bits, add, [sums[place] for place in reached])))
        for place, pixel in pixels.items():
            vectors.store(sums[place], pixel, 0)

    code.whole_or_edge(dx, 1, columns, block)


def make_tap_gradient_tile(in_squares: bool) -> Any:
    """Make ``out = sum of x[pixel + tap] * dy`` over pixels, for ``TAPS`` taps and ``TAP_VECTORS`` of filters (or one).

    A filter takes part where its code names the pixel; row ``TAPS`` of `out` is the sum of dy alone.

    If `in_squares`, the taps are those of a 3 x 3 filter and one channel. A window's
    patches are a square of 4 x 4 then, and where that is one vector, each filter picks its winner's tap from it.
    """

    @tile
    def tap_gradient_tile(  # type: ignore
        code, x, ix, image_size, images, offsets, taps, i_tap, dy, idy, codes, windows, filters, out, i_out,
        columns
    ):
        """Pixel q of window p starts at ``offsets[p * WINDOW + q]``."""
        builder = code.builder

        def block(vectors: Vectors) -> None:
            width = vectors.count
            tap_offsets = [code.index(taps.at(i_tap), k) for k in range(TAPS)]

            def in_square(p, x_image, gradients, winners, sums):  # type: ignore
                corner = code.step(x_image, code.index(offsets.at(INDEX(0)), builder.mul(p, INDEX(WINDOW))))
                square = vectors.load_square(corner, builder.sub(tap_offsets[3], tap_offsets[0]), UNION)
                cut = [builder.icmp_unsigned("==", winner, vectors.code(WINDOW)) for winner in winners]
                passed = [builder.select(no, vectors.zero, gradient) for no, gradient in zip(cut, gradients)]
                # In the square, pixel q is at 0, 1, 4, 5: q + (q & 2).
                starts = [vectors.places(builder.add(q, builder.and_(q, vectors.code(2)))) for q in winners]
                new = []
                for k in range(TAPS):
                    for v in range(width):
                        values = vectors.pick(square, starts[v], k // 3 * UNION + k % 3)
                        new.append(vectors.multiply_add(values, passed[v], sums[k * width + v]))
                return new + [builder.fadd(s, gradient) for s, gradient in zip(sums[TAPS * width :], passed)]

            def pixel_by_pixel(p, x_image, gradients, winners, sums):  # type: ignore
                def pixel(q, sums):  # type: ignore
                    offset = code.index(offsets.at(INDEX(0)), builder.add(builder.mul(p, INDEX(WINDOW)), q))
                    x_pixel, number = code.step(x_image, offset), vectors.broadcast_code(q)
                    kept = [
                        builder.select(builder.icmp_signed("==", winner, number), gradient, vectors.zero)
                        for winner, gradient in zip(winners, gradients)
                    ]
                    values = [vectors.broadcast(code.load(code.step(x_pixel, t))) for t in tap_offsets]
                    new = [
                        vectors.multiply_add(values[k // width], kept[k % width], s)
                        for k, s in enumerate(sums[: TAPS * width])
                    ]
                    return new + [builder.fadd(s, k) for s, k in zip(sums[TAPS * width :], kept)]

                return loop(builder, INDEX(WINDOW), pixel, sums)

            def image(n, nothing):  # type: ignore
                x_image, first = code.step(x.at(ix), n, image_size), builder.mul(n, windows)

                def window(p, sums):  # type: ignore
                    number = builder.add(first, p)
                    dy_row, code_row = (code.step(at, number, filters) for at in (dy.at(idy), codes.at(idy)))
                    gradients = [vectors.load(dy_row, v) for v in range(width)]
                    winners = [vectors.load_codes(code_row, v) for v in range(width)]
                    picks = in_squares and width == TAP_VECTORS and vectors.lanes == UNION * UNION
                    return (in_square if picks else pixel_by_pixel)(p, x_image, gradients, winners, sums)

                def piece(i, nothing):  # type: ignore
                    start = builder.mul(i, INDEX(LONG_SUM))
                    left = builder.sub(windows, start)
                    count = builder.select(builder.icmp_signed("<", left, INDEX(LONG_SUM)), left, INDEX(LONG_SUM))
                    sums = [vectors.zero] * len(rows)
                    sums = loop(builder, count, lambda p, sums: window(builder.add(start, p), sums), sums)
                    for total, row in zip(sums, rows):
                        vectors.store(builder.fadd(vectors.load(*row), total), *row)
                    return []

                pieces = builder.sdiv(builder.add(windows, INDEX(LONG_SUM - 1)), INDEX(LONG_SUM))
                return loop(builder, pieces, piece, [])

            rows = [(code.step(out.at(i_out), k, filters), v) for k in range(TAPS + 1) for v in range(width)]
            for row in rows:
                vectors.store(vectors.zero, *row)
            loop(builder, images, image, [])

        code.whole_or_edge(x, TAP_VECTORS, columns, block, edge_count=1)

    return tap_gradient_tile
