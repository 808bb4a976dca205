"""The innermost loops of the fast kernels: blocks of sums that stay in vector registers.

Each ``make_*`` writes one loop nest for a fixed block of registers and returns a function that kernels call. Arrays are
C-contiguous and come with the position of the first element to touch; positions and steps count elements. Nothing is
checked here: the layers' geometry is what keeps the addresses inside.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .simd import BYTE, INDEX, INT32, MANY_REGISTERS, Vectors, loop, loop_over_bits, returns, tile, unrolled_loop

WINDOW = 4  # pixels of a pooling window, 2 x 2
# Sums + operands have to fit into 32 registers with AVX-512, 16 elsewhere.
TILE_ROWS = 8 if MANY_REGISTERS else 4  # rows of a matrix product, pixels of a convolution; two vectors each
ROW_VECTORS = 8  # vectors of a single row of a matrix product: eight sums under way hide what one multiply-add waits
STEPS = 64  # steps of the summed axis, one for each bit of a word
TILE_WINDOWS = 2 if MANY_REGISTERS else 1  # pooling windows of a convolution; four pixels of two vectors each
RUN_VECTORS = 6 if MANY_REGISTERS else 3  # vectors along a run of a patch, for three runs at a time
WINNERS = 64  # filters whose winners fit into one word of bits
UNION = 4  # pixels to a side of what the four 3 x 3 patches of a window cover
UNION_VECTORS = 2 if MANY_REGISTERS else 1  # vectors of channels at each of a window's 2 x 4 pixels in two rows
TAPS = 9  # elements of a patch, where a filter's gradient is summed over pixels
TAP_VECTORS = 2 if MANY_REGISTERS else 1


def pointers(context: Any, builder: Any, *arrays: tuple) -> list:
    """Address of the first element to touch of each (type, array, position)."""
    return [
        builder.gep(context.make_array(kind)(context, builder, array).data, [position])
        for kind, array, position in arrays
    ]


def _index(builder: Any, pointer: Any, position: Any) -> Any:
    """Load an integer and widen it to an index."""
    value = builder.load(builder.gep(pointer, [position]))
    return value if value.type == INDEX else builder.sext(value, INDEX)


def make_product_tile(rows: int, full: bool) -> Any:
    """Make ``c = start + a @ b`` for `rows` rows and two vectors of columns.

    The function made takes ``(a, ia, a_row, a_step, b, ib, b_row, start, i_start, start_row, c, ic, c_row, steps,
    columns)``; `a_step` is the distance between neighbours along the summed axis, so A may be read along rows or down
    columns. With `full` false only the first `columns` columns are touched. Each sum runs in order of the summed index.
    """

    @intrinsic
    def product_tile(  # type: ignore
        typing_context, a, ia, a_row, a_step, b, ib, b_row, start, i_start, start_row, c, ic, c_row, steps, columns
    ):
        signature = types.void(
            a, ia, a_row, a_step, b, ib, b_row, start, i_start, start_row, c, ic, c_row, steps, columns
        )

        def codegen(context, builder, signature, arguments):  # type: ignore
            a_, ia, a_row, a_step, b_, ib, b_row, start_, i_start, start_row, c_, ic, c_row, steps, columns = arguments
            vectors = Vectors(context, builder, a.dtype, 2, None if full else columns)
            a_at, b_at, start_at, c_at = pointers(
                context, builder, (a, a_, ia), (b, b_, ib), (start, start_, i_start), (c, c_, ic)
            )
            starts = [builder.gep(start_at, [builder.mul(start_row, INDEX(r))]) for r in range(rows)]
            a_rows = [builder.mul(a_row, INDEX(r)) for r in range(rows)]
            sums = [vectors.load(starts[r], v) for r in range(rows) for v in range(2)]

            def step(t, sums):  # type: ignore
                b_now = builder.gep(b_at, [builder.mul(t, b_row)])
                a_now = builder.gep(a_at, [builder.mul(t, a_step)])
                b_vectors = [vectors.load(b_now, v) for v in range(2)]
                new = []
                for r, row in enumerate(a_rows):  # each value right before its use: few registers
                    value = vectors.broadcast(builder.load(builder.gep(a_now, [row])))
                    new += [vectors.multiply_add(value, b_vectors[v], sums[r * 2 + v]) for v in range(2)]
                return new

            summing = unrolled_loop if rows == 1 else loop
            for i, total in enumerate(summing(builder, steps, step, sums)):
                row = builder.gep(c_at, [builder.mul(c_row, INDEX(i // 2))])
                vectors.store(total, row, i % 2)
            return context.get_dummy_value()

        return signature, codegen

    return product_tile


def make_sparse_row(full: bool) -> Any:
    """Make ``c = start + a @ b`` for one row and ``ROW_VECTORS`` vectors of columns, only for steps that `bits` names.

    The function made takes ``(a, ia, a_step, bits, b, ib, b_row, start, i_start, c, ic, columns)``; names as above.
    """

    @intrinsic
    def sparse_row(typing_context, a, ia, a_step, bits, b, ib, b_row, start, i_start, c, ic, columns):  # type: ignore
        signature = types.void(a, ia, a_step, bits, b, ib, b_row, start, i_start, c, ic, columns)

        def codegen(context, builder, signature, arguments):  # type: ignore
            a_, ia, a_step, bits, b_, ib, b_row, start_, i_start, c_, ic, columns = arguments
            vectors = Vectors(context, builder, a.dtype, ROW_VECTORS, None if full else columns)
            a_at, b_at, start_at, c_at = pointers(
                context, builder, (a, a_, ia), (b, b_, ib), (start, start_, i_start), (c, c_, ic)
            )

            def step(t, sums):  # type: ignore
                b_now = vectors.opaque(builder.gep(b_at, [builder.mul(t, b_row)]))
                value = vectors.broadcast(builder.load(builder.gep(a_at, [builder.mul(t, a_step)])))
                return [vectors.multiply_add(value, vectors.load(b_now, v), total) for v, total in enumerate(sums)]

            sums = [vectors.load(start_at, v) for v in range(ROW_VECTORS)]
            for v, total in enumerate(loop_over_bits(builder, bits, step, sums)):
                vectors.store(total, c_at, v)
            return context.get_dummy_value()

        return signature, codegen

    return sparse_row


def make_all_finite(full: bool) -> Any:
    """Make the test that no element is NaN or infinity, in rows of ``ROW_VECTORS`` vectors.

    The function made takes ``(b, ib, b_row, rows, columns)``.
    """

    @intrinsic
    def all_finite(typing_context, b, ib, b_row, rows, columns):  # type: ignore
        signature = types.boolean(b, ib, b_row, rows, columns)

        def codegen(context, builder, signature, arguments):  # type: ignore
            b_, ib, b_row, rows, columns = arguments
            vectors = Vectors(context, builder, b.dtype, ROW_VECTORS, None if full else columns)
            (b_at,) = pointers(context, builder, (b, b_, ib))

            def step(t, sums):  # type: ignore
                row = vectors.opaque(builder.gep(b_at, [builder.mul(t, b_row)]))
                # 0 times a finite number is 0, and NaN once is NaN ever after.
                return [vectors.multiply_add(vectors.zero, vectors.load(row, v), s) for v, s in enumerate(sums)]

            sums = loop(builder, rows, step, [vectors.zero] * ROW_VECTORS)
            while len(sums) > 1:
                sums = [builder.fadd(x, y) for x, y in zip(sums[::2], sums[1::2])]
            zeros = builder.fcmp_ordered("==", sums[0], vectors.zero)
            bits = builder.bitcast(zeros, ir.IntType(vectors.lanes))
            every = ir.Constant(bits.type, 2**vectors.lanes - 1)
            return builder.icmp_unsigned("==", bits, every)

        return signature, codegen

    return all_finite


def make_nonzeros() -> Any:
    """Make the word of bits that says which of ``STEPS`` elements in a row, from ``a[ia]`` on, are not 0."""

    @intrinsic
    def nonzeros(typing_context, a, ia):  # type: ignore
        signature = types.uint64(a, ia)

        def codegen(context, builder, signature, arguments):  # type: ignore
            a_, ia = arguments
            (a_at,) = pointers(context, builder, (a, a_, ia))
            row = ir.VectorType(context.get_value_type(a.dtype), STEPS)
            found = builder.load(builder.bitcast(a_at, ir.PointerType(row)), align=a.dtype.bitwidth // 8)
            return builder.bitcast(builder.fcmp_unordered("!=", found, ir.Constant(row, [0.0] * STEPS)), INDEX)

        return signature, codegen

    return nonzeros


def make_nonzeros_of_columns() -> Any:
    """Make such words for a vector of columns, as far as there are: bit k is about the k-th of `rows` rows.

    The function made takes ``(a, ia, a_row, rows, words, i_word, columns)``.
    """

    @intrinsic
    def nonzeros_of_columns(typing_context, a, ia, a_row, rows, words, i_word, columns):  # type: ignore
        signature = types.void(a, ia, a_row, rows, words, i_word, columns)

        def codegen(context, builder, signature, arguments):  # type: ignore
            a_, ia, a_row, rows, words_, i_word, columns = arguments
            vectors = Vectors(context, builder, a.dtype, 1, columns)
            a_at, word_at = pointers(context, builder, (a, a_, ia), (words, words_, i_word))

            def step(k, found):  # type: ignore
                values = vectors.load(builder.gep(a_at, [builder.mul(k, a_row)]), 0)
                bits = builder.zext(builder.fcmp_unordered("!=", values, vectors.zero), vectors.words)
                return [builder.or_(found[0], builder.shl(bits, vectors.broadcast_word(k)))]

            (found,) = loop(builder, rows, step, [ir.Constant(vectors.words, [0] * vectors.lanes)])
            vectors.store_words(found, word_at)
            return context.get_dummy_value()

        return signature, codegen

    return nonzeros_of_columns


@intrinsic
def count_ones(typing_context, word):  # type: ignore
    """Return the number of ones in a word of bits."""

    def codegen(context, builder, signature, arguments):  # type: ignore
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), codegen


@returns(types.boolean)
def equal(code, a, ia, b, ib, columns):  # type: ignore
    """Whether ``a[ia:]`` and ``b[ib:]`` agree in `columns` elements; NaN agrees with nothing."""
    builder = code.builder
    lanes = code.vectors(a, 1).lanes
    a_at, b_at, bits = a.at(ia), b.at(ib), ir.IntType(lanes)

    def piece(n, differ):  # type: ignore
        first = builder.mul(n, INDEX(lanes))
        vectors = code.vectors(a, 1, builder.sub(columns, first))
        x, y = (vectors.load(code.step(at, first), 0) for at in (a_at, b_at))
        return [builder.or_(differ[0], builder.bitcast(builder.fcmp_unordered("!=", x, y), bits))]

    (differ,) = loop(builder, pieces_of(builder, columns, lanes), piece, [bits(0)])
    return builder.icmp_unsigned("==", differ, bits(0))


@returns("element")
def survey(code, x, ix, pixels, channels, background, kinds, i_kind):  # type: ignore
    """Return the largest absolute value of `pixels` pixels, or NaN if one is not finite; set a kind for each of them.

    A kind is 1 if the pixel is the background, plus 2 if it is zeros. If no pixel is background, that is NaN.
    """
    builder = code.builder
    x_at, back_at, kind_at = x.at(ix), background.at(INDEX(0)), kinds.at(i_kind)
    whole = code.vectors(x, 1)
    lanes, bits = whole.lanes, ir.IntType(whole.lanes)
    sign = ir.Constant(whole.bits_of(whole.zero).type, [2 ** (8 * whole.scalar_bytes - 1) - 1] * lanes)
    pieces = builder.sdiv(channels, INDEX(lanes))
    done = builder.mul(pieces, INDEX(lanes))
    rest = builder.sub(channels, done)
    ends = builder.zext(builder.icmp_signed(">", rest, INDEX(0)), INDEX)  # 1 if part of a vector is left
    masked = code.vectors(x, 1, rest)

    def pixel(p, largest):  # type: ignore
        row = code.step(x_at, p, channels)

        def look(vectors, first, found):  # type: ignore
            largest, other, nonzero = found
            value = vectors.load(code.step(row, first), 0)
            other = builder.or_(
                other, builder.fcmp_unordered("!=", value, vectors.load(code.step(back_at, first), 0))
            )
            nonzero = builder.or_(nonzero, builder.fcmp_unordered("!=", value, vectors.zero))
            size = builder.and_(vectors.bits_of(value), sign)  # as integers, positive numbers keep their order
            return [builder.select(builder.icmp_signed(">", size, largest), size, largest), other, nonzero]

        no_lane = ir.Constant(whole.mask, [0] * lanes)
        found = loop(
            builder, pieces, lambda n, found: look(whole, builder.mul(n, INDEX(lanes)), found),
            [largest[0], no_lane, no_lane],
        )
        found = loop(builder, ends, lambda n, found: look(masked, done, found), found)
        other, nonzero = (builder.icmp_unsigned("==", builder.bitcast(mask, bits), bits(0)) for mask in found[1:])
        kind = builder.or_(builder.zext(other, BYTE), builder.shl(builder.zext(nonzero, BYTE), BYTE(1)))
        builder.store(kind, code.step(kind_at, p))
        return found[:1]

    (largest,) = loop(builder, pixels, pixel, [ir.Constant(sign.type, [0] * lanes)])
    larger = lambda x, y: builder.select(builder.icmp_signed(">", x, y), x, y)  # noqa: E731
    scale = builder.bitcast(whole.reduced(largest, larger), whole.scalar)
    return builder.fadd(scale, builder.fsub(scale, scale))  # infinity less infinity is NaN


def pieces_of(builder: Any, columns: Any, lanes: int) -> Any:
    """Number of vectors that hold so many columns."""
    return builder.sdiv(builder.add(columns, INDEX(lanes - 1)), INDEX(lanes))


@tile
def squares(code, w, iw, w_row, rows, columns, total, i_total):  # type: ignore
    """Set ``total = sum of squares`` of each of `columns` columns."""
    builder = code.builder
    lanes = code.vectors(w, 1).lanes
    w_at, total_at = w.at(iw), total.at(i_total)

    def piece(n, nothing):  # type: ignore
        first = builder.mul(n, INDEX(lanes))
        vectors = code.vectors(w, 1, builder.sub(columns, first))
        column = code.step(w_at, first)

        def add(k, sums):  # type: ignore
            value = vectors.load(code.step(column, k, w_row), 0)
            return [vectors.multiply_add(value, value, sums[0])]

        (sums,) = loop(builder, rows, add, [vectors.zero])
        vectors.store(sums, code.step(total_at, first), 0)
        return []

    loop(builder, pieces_of(builder, columns, lanes), piece, [])


def make_finished_row() -> Any:
    """Make ``c += sum of others``, then ``max(0, c)`` if `relu`, for a row of any length.

    The function made takes ``(c, ic, others, i_other, other_step, count, relu, columns)``: the others' rows, `count` of
    them, are `other_step` apart.
    """

    @intrinsic
    def finished_row(typing_context, c, ic, others, i_other, other_step, count, relu, columns):  # type: ignore
        signature = types.void(c, ic, others, i_other, other_step, count, relu, columns)

        def codegen(context, builder, signature, arguments):  # type: ignore
            c_, ic, others_, i_other, other_step, count, relu, columns = arguments
            lanes = Vectors(context, builder, c.dtype, 1).lanes
            c_at, other_at = pointers(context, builder, (c, c_, ic), (others, others_, i_other))
            pieces = builder.sdiv(builder.add(columns, INDEX(lanes - 1)), INDEX(lanes))

            def piece(n, nothing):  # type: ignore
                first = builder.mul(n, INDEX(lanes))
                vectors = Vectors(context, builder, c.dtype, 1, builder.sub(columns, first))
                place = builder.gep(c_at, [first])

                def add(k, total):  # type: ignore
                    other = builder.gep(other_at, [builder.add(builder.mul(other_step, k), first)])
                    return [builder.fadd(total[0], vectors.load(other, 0))]

                (total,) = loop(builder, count, add, [vectors.load(place, 0)])
                cut = builder.select(builder.fcmp_ordered("<=", total, vectors.zero), vectors.zero, total)
                vectors.store(builder.select(builder.trunc(relu, ir.IntType(1)), cut, total), place, 0)
                return []

            loop(builder, pieces, piece, [])
            return context.get_dummy_value()

        return signature, codegen

    return finished_row


def make_row_copy(full: bool) -> Any:
    """Make ``b = a`` for rows of two vectors, of which the first `columns` elements exist if not `full`.

    The function made takes ``(a, ia, a_row, b, ib, b_row, rows, columns)``.
    """

    @intrinsic
    def row_copy(typing_context, a, ia, a_row, b, ib, b_row, rows, columns):  # type: ignore
        signature = types.void(a, ia, a_row, b, ib, b_row, rows, columns)

        def codegen(context, builder, signature, arguments):  # type: ignore
            a_, ia, a_row, b_, ib, b_row, rows, columns = arguments
            vectors = Vectors(context, builder, a.dtype, 2, None if full else columns)
            a_at, b_at = pointers(context, builder, (a, a_, ia), (b, b_, ib))

            def copy(k, nothing):  # type: ignore
                source = builder.gep(a_at, [builder.mul(k, a_row)])
                target = builder.gep(b_at, [builder.mul(k, b_row)])
                for v in range(2):
                    vectors.store(vectors.load(source, v), target, v)
                return []

            loop(builder, rows, copy, [])
            return context.get_dummy_value()

        return signature, codegen

    return row_copy


def make_transposition() -> Any:
    """Make ``b = a.T`` for a square of as many rows and columns as a vector has lanes.

    The function made takes ``(a, ia, a_row, b, ib, b_row)``. Each of log2(lanes) rounds interleaves vector i with
    vector i + lanes / 2, which moves one bit of the row number into the column number (a "perfect shuffle").
    """

    @intrinsic
    def transposition(typing_context, a, ia, a_row, b, ib, b_row):  # type: ignore
        signature = types.void(a, ia, a_row, b, ib, b_row)

        def codegen(context, builder, signature, arguments):  # type: ignore
            a_, ia, a_row, b_, ib, b_row = arguments
            vectors = Vectors(context, builder, a.dtype, 1)
            lanes = vectors.lanes
            a_at, b_at = pointers(context, builder, (a, a_, ia), (b, b_, ib))
            rows = [vectors.load(builder.gep(a_at, [builder.mul(a_row, INDEX(k))]), 0) for k in range(lanes)]
            for _ in range(lanes.bit_length() - 1):
                halves = zip(rows[: lanes // 2], rows[lanes // 2 :])
                rows = [vectors.interleave(x, y, upper) for x, y in halves for upper in (False, True)]
            for k, row in enumerate(rows):
                vectors.store(row, builder.gep(b_at, [builder.mul(b_row, INDEX(k))]), 0)
            return context.get_dummy_value()

        return signature, codegen

    return transposition


def make_convolution_tile(pixels: int, rectified: bool, pooled: bool, full: bool) -> Any:
    """Make ``y = b + patch @ w`` at `pixels` pixels, for two vectors of filters (one if not `full`).

    If `rectified`, negative values are cut to 0, and a code says so: 1 where ReLU cut, 0 elsewhere. If `pooled`, four
    pixels in a row form a window, and only its largest value is stored, with a code: which of the four won, the first
    if several tie, or 4 where ReLU cut.

    The function made takes ``(x, ix, offsets, i_offset, taps, w, f, filters, b, y, iy, codes, keep, columns)``:
    patches start at ``x[ix + offsets[...]]`` and consist of the elements ``taps[...]`` further on; filters are columns
    of `w`, starting with `f`, of which `columns` exist; codes lie as y does, written if `keep`.
    """
    width = 2 if full else 1

    @intrinsic
    def convolution_tile(  # type: ignore
        typing_context, x, ix, offsets, i_offset, taps, w, f, filters, b, y, iy, codes, keep, columns
    ):
        signature = types.void(
            x, ix, offsets, i_offset, taps, w, f, filters, b, y, iy, codes, keep, columns
        )

        def codegen(context, builder, signature, arguments):  # type: ignore
            x_, ix, offsets_, i_offset, taps_, w_, f, filters, b_, y_, iy, codes_, keep, columns = arguments
            vectors = Vectors(context, builder, x.dtype, width, None if full else columns)
            x_at, offset_at, tap_at, w_at, b_at, y_at, code_at = pointers(
                context, builder, (x, x_, ix), (offsets, offsets_, i_offset), (taps, taps_, INDEX(0)), (w, w_, f),
                (b, b_, f), (y, y_, iy), (codes, codes_, iy),
            )
            patches = [builder.gep(x_at, [_index(builder, offset_at, INDEX(p))]) for p in range(pixels)]
            biases = [vectors.load(b_at, v) for v in range(width)]
            depth = builder.extract_value(context.make_array(taps)(context, builder, taps_).shape, 0)

            def step(t, sums):  # type: ignore
                element = _index(builder, tap_at, t)
                w_row = builder.gep(w_at, [builder.mul(t, filters)])
                w_vectors = [vectors.load(w_row, v) for v in range(width)]
                new = []
                for i, patch in enumerate(patches):  # each value right before its use: few registers
                    value = vectors.broadcast(builder.load(builder.gep(patch, [element])))
                    new += [vectors.multiply_add(value, w_vectors[v], sums[i * width + v]) for v in range(width)]
                return new

            sums = loop(builder, depth, step, biases * pixels)
            group = WINDOW if pooled else 1
            for k in range(pixels // group):
                y_row, code_row = (builder.gep(at, [builder.mul(filters, INDEX(k))]) for at in (y_at, code_at))
                for v in range(width):
                    window = [sums[(k * group + q) * width + v] for q in range(group)]
                    if not rectified:
                        vectors.store(window[0], y_row, v)
                        continue
                    best, code = rectified_maximum(builder, vectors, window)
                    vectors.store(best, y_row, v)
                    with builder.if_then(keep):
                        vectors.store_codes(code, code_row, v)
            return context.get_dummy_value()

        return signature, codegen

    return convolution_tile


def first_maximum(builder: Any, vectors: Vectors, values: list) -> tuple:
    """Return max(values) and which value it is, the first of equals; a NaN wins over every number."""
    best, code = values[0], vectors.code(0)
    for q, value in enumerate(values[1:], 1):
        larger_or_nan = builder.fcmp_unordered(">", value, best)
        wins = builder.and_(larger_or_nan, builder.fcmp_ordered("ord", best, best))
        best, code = builder.select(wins, value, best), builder.select(wins, vectors.code(q), code)
    return best, code


def rectified_maximum(builder: Any, vectors: Vectors, values: list) -> tuple:
    """Return max(0, *values) and which value it is, the first of equals; a NaN wins over every number."""
    best, code = first_maximum(builder, vectors, values)
    cut = builder.fcmp_ordered("<=", best, vectors.zero)
    return builder.select(cut, vectors.zero, best), builder.select(cut, vectors.code(len(values)), code)


def make_gradient_tile(of_weights: bool, rows: int, width: int, full: bool) -> Any:
    """Make one filter's share in a gradient, from its entries in one image: `rows` runs of `width` vectors.

    An entry is the start of a patch, ``positions[first + i]``, and the gradient at its pixel, ``values[first + i]``. Of
    weights: ``filter += value * patch``, the filter in registers; else ``patch += value * filter``, for the input. The
    function made takes ``(filters, i_filter, run_length, image, i_image, runs, r, positions, values, first, count,
    columns)``: the filter's runs follow each other, the image's are at ``runs[r], runs[r + 1], ...``.
    """

    @intrinsic
    def gradient_tile(  # type: ignore
        typing_context, filters, i_filter, run_length, image, i_image, runs, r, positions, values, first, count, columns
    ):
        signature = types.void(
            filters, i_filter, run_length, image, i_image, runs, r, positions, values, first, count, columns
        )

        def codegen(context, builder, signature, arguments):  # type: ignore
            (filters_, i_filter, run_length, image_, i_image, runs_, r, positions_, values_, first, count,
             columns) = arguments
            vectors = Vectors(context, builder, image.dtype, width, None if full else columns)
            filter_at, image_at, run_at, position_at, value_at = pointers(
                context, builder, (filters, filters_, i_filter), (image, image_, i_image), (runs, runs_, r),
                (positions, positions_, first), (values, values_, first),
            )
            run_offsets = [_index(builder, run_at, INDEX(k)) for k in range(rows)]
            places = [(builder.gep(filter_at, [builder.mul(run_length, INDEX(k))]), v)
                      for k in range(rows) for v in range(width)]

            def entry(i, sums):  # type: ignore
                patch = builder.gep(image_at, [_index(builder, position_at, i)])
                value = vectors.broadcast(builder.load(builder.gep(value_at, [i])))
                new = []
                for k, offset in enumerate(run_offsets):
                    run = vectors.opaque(builder.gep(patch, [offset]))
                    for v in range(width):
                        pixels = vectors.load(run, v)
                        if of_weights:
                            new.append(vectors.multiply_add(value, pixels, sums[k * width + v]))
                        else:
                            vectors.store(vectors.multiply_add(value, weights[k * width + v], pixels), run, v)
                return new

            weights = [vectors.load(*place) for place in places]
            if of_weights:
                for total, place in zip(loop(builder, count, entry, weights), places):
                    vectors.store(total, *place)
            else:
                loop(builder, count, entry, [])
            return context.get_dummy_value()

        return signature, codegen

    return gradient_tile


def make_winners() -> Any:
    """Make the word of bits that says which of ``WINNERS`` codes in a row, from ``codes[i_code]`` on, name pixel q."""

    @intrinsic
    def winners(typing_context, codes, i_code, q):  # type: ignore
        signature = types.uint64(codes, i_code, q)

        def codegen(context, builder, signature, arguments):  # type: ignore
            codes_, i_code, q = arguments
            (code_at,) = pointers(context, builder, (codes, codes_, i_code))
            row = ir.VectorType(BYTE, WINNERS)
            found = builder.load(builder.bitcast(code_at, ir.PointerType(row)))
            found.align = 1
            first = builder.insert_element(ir.Constant(row, ir.Undefined), builder.trunc(q, BYTE), INT32(0))
            wanted = builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(INT32, WINNERS), [0] * WINNERS))
            return builder.bitcast(builder.icmp_unsigned("==", found, wanted), INDEX)

        return signature, codegen

    return winners


def make_window_gradient_tile(full: bool) -> Any:
    """Make one pooling window's share in the gradient of two rows of the image, for one row of all its 3 x 3 filters.

    The patches of the window's four pixels cover 4 x 4 pixels of the image. Row k of the filters takes part in rows k
    and k + 1 of these, whose sums, ``UNION_VECTORS`` of channels a pixel (one if not `full`), stay in registers while
    the filters come by whose winner is the first pixel, then the second, ... The function made takes ``(filters,
    i_filter, depth, dy, idy, winners, i_winner, dx, i_dx, row, channels, columns)``: filters are `depth` elements
    apart; ``winners[i_winner + q]`` has a bit for each filter that pixel q won; rows of dx are `row` elements apart.
    """
    width = UNION_VECTORS if full else 1

    @intrinsic
    def window_gradient_tile(  # type: ignore
        typing_context, filters, i_filter, depth, dy, idy, winners, i_winner, dx, i_dx, row, channels, columns
    ):
        signature = types.void(filters, i_filter, depth, dy, idy, winners, i_winner, dx, i_dx, row, channels, columns)

        def codegen(context, builder, signature, arguments):  # type: ignore
            (filters_, i_filter, depth, dy_, idy, winners_, i_winner, dx_, i_dx, row, channels, columns) = arguments
            vectors = Vectors(context, builder, dx.dtype, width, None if full else columns)
            filter_at, dy_at, winner_at, dx_at = pointers(
                context, builder, (filters, filters_, i_filter), (dy, dy_, idy), (winners, winners_, i_winner),
                (dx, dx_, i_dx),
            )
            steps = [builder.mul(channels, INDEX(k)) for k in range(UNION)]
            pixels = [
                builder.gep(line, [step]) for line in (dx_at, builder.gep(dx_at, [row])) for step in steps
            ]
            sums = [[vectors.load(pixel, v) for v in range(width)] for pixel in pixels]
            for q in range(WINDOW):
                first = q // 2 * UNION + q % 2  # of the three pixels that this one's row of a patch covers

                def add(f, sums):  # type: ignore
                    gradient = vectors.broadcast(builder.load(builder.gep(dy_at, [f])))
                    weights = vectors.opaque(builder.gep(filter_at, [builder.mul(f, depth)]))
                    new = []
                    for k in range(3):
                        tap = builder.gep(weights, [steps[k]])
                        new += [
                            vectors.multiply_add(gradient, vectors.load(tap, v), sums[k * width + v])
                            for v in range(width)
                        ]
                    return new

                bits = builder.load(builder.gep(winner_at, [INDEX(q)]))
                new = loop_over_bits(builder, bits, add, sum(sums[first : first + 3], []))
                for k in range(3):
                    sums[first + k] = new[k * width : (k + 1) * width]
            for pixel, total in zip(pixels, sums):
                for v in range(width):
                    vectors.store(total[v], pixel, v)
            return context.get_dummy_value()

        return signature, codegen

    return window_gradient_tile


def make_tap_gradient_tile(full: bool, in_squares: bool = False) -> Any:
    """Make ``out = sum of x[pixel + tap] * dy`` over pixels, for ``TAPS`` taps and ``TAP_VECTORS`` of filters (or one).

    A filter takes part where its code names the pixel; row ``TAPS`` of `out` is the sum of dy alone. The function made
    takes ``(x, ix, image_size, images, offsets, group, taps, i_tap, dy, idy, codes, windows, filters, out, i_out,
    columns)``: pixel q of window p starts at ``offsets[p * group + q]``.

    If `in_squares`, the taps are those of a 3 x 3 filter and one channel, and a window is 2 x 2 pixels. A window's
    patches are a square of 4 x 4 then, and where that is one vector, each filter picks its winner's tap from it.
    """
    width = TAP_VECTORS if full else 1

    @intrinsic
    def tap_gradient_tile(  # type: ignore
        typing_context, x, ix, image_size, images, offsets, group, taps, i_tap, dy, idy, codes, windows, filters, out,
        i_out, columns
    ):
        signature = types.void(
            x, ix, image_size, images, offsets, group, taps, i_tap, dy, idy, codes, windows, filters, out, i_out,
            columns
        )

        def codegen(context, builder, signature, arguments):  # type: ignore
            (x_, ix, image_size, images, offsets_, group, taps_, i_tap, dy_, idy, codes_, windows, filters, out_, i_out,
             columns) = arguments
            vectors = Vectors(context, builder, x.dtype, width, None if full else columns)
            x_at, offset_at, tap_at, dy_at, code_at, out_at = pointers(
                context, builder, (x, x_, ix), (offsets, offsets_, INDEX(0)), (taps, taps_, i_tap), (dy, dy_, idy),
                (codes, codes_, idy), (out, out_, i_out),
            )
            tap_offsets = [_index(builder, tap_at, INDEX(k)) for k in range(TAPS)]

            def image(n, sums):  # type: ignore
                x_image = builder.gep(x_at, [builder.mul(n, image_size)])
                first = builder.mul(n, windows)

                def window(p, sums):  # type: ignore
                    row = builder.mul(builder.add(first, p), filters)
                    dy_row, code_row = builder.gep(dy_at, [row]), builder.gep(code_at, [row])
                    gradients = [vectors.load(dy_row, v) for v in range(width)]
                    winners = [vectors.load_codes(code_row, v) for v in range(width)]
                    if in_squares and vectors.lanes == UNION * UNION:
                        corner = builder.gep(x_image, [_index(builder, offset_at, builder.mul(p, group))])
                        row_step = builder.sub(tap_offsets[3], tap_offsets[0])
                        square = vectors.load_square(corner, row_step, UNION)
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

                    def pixel(q, sums):  # type: ignore
                        offset = _index(builder, offset_at, builder.add(builder.mul(p, group), q))
                        x_pixel = builder.gep(x_image, [offset])
                        number = vectors.broadcast_code(q)
                        kept = [
                            builder.select(builder.icmp_signed("==", winner, number), gradient, vectors.zero)
                            for winner, gradient in zip(winners, gradients)
                        ]
                        values = [vectors.broadcast(builder.load(builder.gep(x_pixel, [t]))) for t in tap_offsets]
                        new = [
                            vectors.multiply_add(values[k // width], kept[k % width], s)
                            for k, s in enumerate(sums[: TAPS * width])
                        ]
                        return new + [builder.fadd(s, k) for s, k in zip(sums[TAPS * width :], kept)]

                    return loop(builder, group, pixel, sums)

                return loop(builder, windows, window, sums)

            sums = loop(builder, images, image, [vectors.zero] * ((TAPS + 1) * width))
            for k, total in enumerate(sums):
                row = builder.gep(out_at, [builder.mul(filters, INDEX(k // width))])
                vectors.store(total, row, k % width)
            return context.get_dummy_value()

        return signature, codegen

    return tap_gradient_tile
