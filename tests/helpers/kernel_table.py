"""Arguments for every kernel, at awkward sizes: a function yields the calls of the kernel of its name."""

from __future__ import annotations

import itertools
import math
from typing import Any, Iterator

import numpy as np
from kernel_call import Call, rough, unwritten

from numpycnn import Conv2D, MaxPool2D, ReLU
from numpycnn.fusion import ConvReLUPool, DirectConv
from numpycnn.fusion.convolution import as_maps
from numpycnn.kernels import KERNELS, reference

# -- matrix products: below, at and above the widths of tiles (4 or 8 rows, 4 to 32 columns) and blocks (32 or 64, 256)

SIZES = list(itertools.product([1, 3, 7, 8, 9, 33, 63, 65, 130], [1, 6, 16, 33, 257], [1, 3, 6, 16, 20, 32, 33, 64]))
SIZES.append((9, 257, 99))  # the last panel of columns begins at 96, in a row after the first 64
# The same where A is zero in places, around blocks of 64 rows and steps; vectors of columns are read by eights then.
SPARSE_SIZES = list(itertools.product([8, 63, 65, 200], [1, 64, 65, 130, 257, 600], [20, 70, 128, 129, 300]))


def sparse(rng, dtype, *shape):
    """Three numbers of ten, the others zero, as ReLU leaves them."""
    return rough(rng, dtype, *shape) * (rng.random(shape) < 0.3)


def affine(rng, dtype) -> Iterator[Call]:
    for i, (m, k, n) in enumerate(SPARSE_SIZES):
        inputs = [sparse(rng, dtype, m, k), rough(rng, dtype, k, n), rough(rng, dtype, n)]
        yield Call(inputs, [i % 3 == 0], [unwritten(dtype, m, n)], roundings=k + 1)
    for i, (m, k, n) in enumerate(SIZES):
        inputs = [rough(rng, dtype, m, k), rough(rng, dtype, k, n), rough(rng, dtype, n)]
        relu = i % 3 == 0  # at every m, every k and every n
        yield Call(inputs, [relu], [unwritten(dtype, m, n)], roundings=k + 1)
    inputs = [rough(rng, dtype, 9, 1100), rough(rng, dtype, 1100, 20), rough(rng, dtype, 20)]  # a long sum
    yield Call(inputs, [True], [unwritten(dtype, 9, 20)], roundings=1101)


def matmul_tn(rng, dtype) -> Iterator[Call]:
    for k, m, n in SPARSE_SIZES:
        yield Call([sparse(rng, dtype, m, k), rough(rng, dtype, m, n)], [], [unwritten(dtype, k, n)], roundings=m)
    for k, m, n in SIZES:
        yield Call([rough(rng, dtype, m, k), rough(rng, dtype, m, n)], [], [unwritten(dtype, k, n)], roundings=m)
    inputs = [rough(rng, dtype, 5000, 9), rough(rng, dtype, 5000, 20)]  # as tall as a batch of patches
    yield Call(inputs, [], [unwritten(dtype, 9, 20)], roundings=5000)


def affine_weight_gradient(rng, dtype) -> Iterator[Call]:
    for call in matmul_tn(rng, dtype):
        db = unwritten(dtype, call.inputs[1].shape[1])
        yield Call(call.inputs, [], [*call.outputs, db], roundings=call.roundings)


def matmul_nt(rng, dtype) -> Iterator[Call]:
    for m, n, k in SPARSE_SIZES:
        yield Call([sparse(rng, dtype, m, n), rough(rng, dtype, k, n)], [], [unwritten(dtype, m, k)], roundings=n)
    for m, n, k in SIZES:
        yield Call([rough(rng, dtype, m, n), rough(rng, dtype, k, n)], [], [unwritten(dtype, m, k)], roundings=n)


# -- windows: (window, stride, dilation, before, images, image, output), the last ones as layers work them out

WINDOWS = [
    ((1, 1), (1, 1), (1, 1), (0, 0), 1, (1, 1), (1, 1)),
    ((2, 2), (2, 2), (1, 1), (0, 0), 3, (8, 9), (4, 4)),
    ((3, 3), (1, 1), (1, 1), (1, 1), 2, (7, 8), (7, 8)),  # same
    ((2, 3), (3, 2), (1, 1), (1, 0), 5, (9, 7), (4, 3)),
    ((5, 1), (2, 1), (1, 1), (2, 0), 2, (6, 63), (3, 63)),
]
CONVOLUTIONS = WINDOWS + [
    ((3, 2), (1, 1), (2, 3), (0, 0), 2, (9, 8), (5, 5)),
    ((3, 3), (2, 3), (2, 1), (5, 4), 2, (4, 3), (5, 3)),  # whole windows outside
    ((2, 3), (1, 2), (1, 2), (0, 1), 2, (5, 9), (4, 3)),
]
CHANNELS = [1, 3, 6, 16, 20, 32, 33, 64]


def im2col(rng, dtype) -> Iterator[Call]:
    for (kernel, stride, dilation, before, n, image, out), c in itertools.product(CONVOLUTIONS, CHANNELS):
        cols = unwritten(dtype, n, *out, kernel[0] * kernel[1] * c)
        yield Call([rough(rng, dtype, n, *image, c)], [*kernel, *stride, *dilation, *before], [cols])


def col2im(rng, dtype) -> Iterator[Call]:
    for (kernel, stride, dilation, before, n, image, out), c in itertools.product(CONVOLUTIONS, CHANNELS):
        taps = kernel[0] * kernel[1]
        cols, dx = rough(rng, dtype, n, *out, taps * c), unwritten(dtype, n, *image, c)
        yield Call([cols], [*kernel, *stride, *dilation, *before], [dx], roundings=taps)


def depthwise(rng, dtype) -> Iterator[tuple]:
    """Yield geometry, x, w, dy at every size of channel, multiplier and window."""
    for (kernel, stride, dilation, before, n, image, out), (c, m) in itertools.product(CONVOLUTIONS, MULTIPLIERS):
        x, w = rough(rng, dtype, n, *image, c), rough(rng, dtype, *kernel, c, m)
        yield [*stride, *dilation, *before], x, w, rough(rng, dtype, n, *out, c * m)


MULTIPLIERS = [(1, 1), (3, 1), (17, 1), (64, 1), (1, 4), (6, 3)]


def depthwise_forward(rng, dtype) -> Iterator[Call]:
    for geometry, x, w, dy in depthwise(rng, dtype):
        yield Call([x, w], geometry, [unwritten(dtype, *dy.shape)], roundings=w[..., 0, 0].size)


def depthwise_weight_gradient(rng, dtype) -> Iterator[Call]:
    for geometry, x, w, dy in depthwise(rng, dtype):
        yield Call([x, dy], geometry, [unwritten(dtype, *w.shape)], roundings=dy[..., 0].size)


def depthwise_input_gradient(rng, dtype) -> Iterator[Call]:
    for geometry, x, w, dy in depthwise(rng, dtype):
        yield Call([dy, w], geometry, [unwritten(dtype, *x.shape)], roundings=w[..., 0, :].size)


def maxpool_forward(rng, dtype) -> Iterator[Call]:
    for (pool, stride, _, before, n, image, out), c in itertools.product(WINDOWS, CHANNELS):
        x = rough(rng, dtype, n, *image, c).round(1)  # so that there are ties
        x[rng.random(x.shape) < 0.05] = np.nan
        y, winners = unwritten(dtype, n, *out, c), np.full((n, *out, c), -1, np.int32)
        yield Call([x], [*pool, *stride, *before], [y, winners])


def maxpool_backward(rng, dtype) -> Iterator[Call]:
    for (pool, _, _, _, n, image, out), c in itertools.product(WINDOWS, CHANNELS):
        winners = rng.integers(0, image[0] * image[1], (n, *out, c), np.int32)
        dx = unwritten(dtype, n, *image, c)
        yield Call([rough(rng, dtype, n, *out, c), winners], [], [dx], roundings=out[0] * out[1])


def avgpool_forward(rng, dtype) -> Iterator[Call]:
    for (pool, stride, _, before, n, image, out), c in itertools.product(WINDOWS, CHANNELS):
        y = unwritten(dtype, n, *out, c)
        cells = pool[0] * pool[1]
        yield Call([rough(rng, dtype, n, *image, c)], [*pool, *stride, *before], [y], roundings=cells + 1)


def avgpool_backward(rng, dtype) -> Iterator[Call]:
    for (pool, stride, _, before, n, image, out), c in itertools.product(WINDOWS, CHANNELS):
        dx = unwritten(dtype, n, *image, c)
        cells = pool[0] * pool[1]
        yield Call([rough(rng, dtype, n, *out, c)], [*pool, *stride, *before], [dx], roundings=cells + 1)


# -- convolution blocks

# channels, filters, images, image, arguments of Conv2D
BLOCKS: list[tuple[int, int, int, tuple[int, int], dict[str, Any]]] = [
    (1, 1, 1, (2, 2), {"kernel_size": 1}),
    (1, 32, 9, (10, 9), {"kernel_size": 3}),
    (1, 6, 3, (11, 9), {"kernel_size": 5}),
    (3, 20, 3, (7, 9), {"kernel_size": 3, "padding": "same"}),
    (3, 33, 1, (9, 12), {"kernel_size": (2, 3), "strides": (2, 1), "padding": (1, 3)}),
    (3, 64, 3, (9, 8), {"kernel_size": 3, "padding": 2}),
    (6, 16, 1, (12, 11), {"kernel_size": 5}),
    (6, 1, 9, (5, 8), {"kernel_size": (2, 3), "dilation_rate": (1, 2)}),
    (16, 3, 3, (9, 7), {"kernel_size": (2, 3), "dilation_rate": (2, 1), "padding": "same"}),
    (16, 16, 9, (4, 5), {"kernel_size": 3, "padding": (0, 1)}),
    (20, 32, 3, (7, 7), {"kernel_size": 3, "dilation_rate": 2, "padding": "same"}),
    (20, 6, 1, (6, 7), {"kernel_size": 5, "padding": 2}),
    (32, 64, 3, (6, 7), {"kernel_size": 3}),
    (32, 20, 1, (9, 8), {"kernel_size": (2, 3), "strides": (1, 2)}),
    (33, 33, 3, (5, 6), {"kernel_size": 3, "padding": "same"}),
    (33, 1, 1, (7, 7), {"kernel_size": 1, "strides": 2}),
    (64, 3, 3, (3, 5), {"kernel_size": 1}),
    (64, 64, 1, (7, 6), {"kernel_size": 3, "strides": 2, "padding": "same"}),
    (64, 6, 9, (5, 6), {"kernel_size": 3}),
    (6, 32, 1, (6, 5), {"kernel_size": 3, "padding": (0, 1)}),
    (20, 1, 3, (4, 9), {"kernel_size": 3}),
    (6, 70, 3, (5, 8), {"kernel_size": 3}),
    (33, 130, 1, (4, 5), {"kernel_size": 3, "padding": "same"}),
    (3, 100, 5, (5, 6), {"kernel_size": 3}),  # more filters than a block of them holds
    (1, 70, 5, (7, 8), {"kernel_size": 3, "padding": "same"}),
    (1, 20, 4, (8, 8), {"kernel_size": 3}),  # an even number of images of an odd number of windows
    (6, 33, 2, (5, 5), {"kernel_size": 3}),
    (3, 1, 1, (4, 4), {"kernel_size": 3}),  # one window, one filter
]


def blocks(cls=ConvReLUPool, rows=BLOCKS) -> Iterator[tuple]:
    """Yield every block of the class, with pooling or without, and its number of images."""
    for channels, filters, images, image, arguments in rows:
        shape: tuple[int, ...] = (*image, channels)
        layers = [Conv2D(filters, **arguments), *([ReLU(), MaxPool2D(2)] if cls is ConvReLUPool else [])]
        for layer in layers:
            shape = layer.build(shape, np.random.default_rng(0))
        if cls.suits(*layers):
            yield cls(*layers), images


def forward_operands(block, n, rng, dtype):
    """Return x, w and b in normal numbers, and in whole numbers, which make ties and every order of sums exact."""
    depth, filters = math.prod(block.conv.parameters[0].value.shape[:3]), block.conv.filters
    image = block.input_shape if type(block) is DirectConv else block.padded_shape
    shapes = [(n, *image), (depth, filters), (filters,)]
    x, w, b = (rng.integers(-2, 3, shape).astype(dtype) for shape in shapes)
    x[:, : x.shape[1] // 2] = 1  # so that whole windows tie
    b[filters // 2] = -(2.0**20)  # a filter that ReLU cuts everywhere
    x[-1, -1, -1, -1] = np.nan
    return [rough(rng, dtype, *shape) for shape in shapes], [x, w, b]


def convolved(cls, rng, dtype) -> Iterator[tuple]:
    """Yield operands whose sums are rounded, others whose sums are exact, where patches lie, and y."""
    for block, n in blocks(cls):
        y = unwritten(dtype, n, *block.output_shape)
        if cls is DirectConv:
            yield *forward_operands(block, n, rng, dtype), list(block.geometry), y
        else:
            places = [block.patches.starts, block.patches.runs, block.patches.run_length]
            yield *forward_operands(block, n, rng, dtype), places, as_maps(y)


def empty_codes():
    """What forward gets instead of codes when it need not keep any."""
    return np.empty((0, 0, 0), np.uint8)


def conv_forward(rng, dtype) -> Iterator[Call]:
    for rounded, exact, places, y in convolved(DirectConv, rng, dtype):
        for relu in (False, True):
            yield Call(rounded, [*places, relu], [y], roundings=len(rounded[1]) + 1)
            yield Call(exact, [*places, relu], [y])


def conv_dense_weight_gradient(rng, dtype) -> Iterator[Call]:
    for (x, w, _), _, places, y in convolved(DirectConv, rng, dtype):
        outputs = [unwritten(dtype, *w.shape), unwritten(dtype, w.shape[1])]
        for relu in (False, True):
            gradients = [rough(rng, dtype, *y.shape), cut(rng, dtype, y.shape)]
            yield Call([x, *gradients], [*places, relu], outputs, roundings=y[..., 0].size)


def conv_dense_input_gradient(rng, dtype) -> Iterator[Call]:
    for (x, w, _), _, places, y in convolved(DirectConv, rng, dtype):
        # A pixel of x lies in as many patches as a patch has pixels, at most, and each adds all filters.
        roundings = w.size // x.shape[3]
        for relu in (False, True):
            gradients = [rough(rng, dtype, *y.shape), cut(rng, dtype, y.shape)]
            yield Call([w, *gradients], [*places, relu], [unwritten(dtype, *x.shape)], roundings=roundings)


def cut(rng, dtype, shape):
    """Outputs of ReLU: half of them zeros."""
    return np.maximum(rough(rng, dtype, *shape), 0)


def conv_relu_pool_forward(rng, dtype) -> Iterator[Call]:
    for rounded, exact, places, y in convolved(ConvReLUPool, rng, dtype):
        yield Call(rounded, places, [y, empty_codes()], roundings=len(rounded[1]) + 1)
        yield Call(exact, places, [y, np.full(y.shape, 99, np.uint8)])


# Blocks of so many windows, and of whole vectors, that they are cut into tiles of two windows as well, to a side.
MANY_WINDOWS: list[tuple[int, int, int, tuple[int, int], dict[str, Any]]] = [
    (16, 32, 9, (12, 13), {"kernel_size": 3}),  # 5 x 5 windows
    (32, 16, 40, (8, 5), {"kernel_size": 3, "padding": "same"}),  # 4 x 2
    (16, 16, 250, (4, 4), {"kernel_size": 3, "padding": (1, 0)}),  # 2 x 1
    (16, 48, 80, (5, 9), {"kernel_size": 3}),  # 1 x 3
    (16, 48, 14, (10, 9), {"kernel_size": 5}),  # 3 x 2, a window a tile
    (32, 16, 5, (7, 12), {"kernel_size": 5, "padding": "same"}),
]


def winograd_relu_pool_forward(rng, dtype) -> Iterator[Call]:
    for block, n in blocks():
        if not block.by_windows:
            continue
        rounded, exact = forward_operands(block, n, rng, dtype)
        numbers, y = [block.output_shape[1]], as_maps(unwritten(dtype, n, *block.output_shape))
        # With all signs positive, the transforms make a channel's terms at most 4 * 9 / 4 * 9 times the largest pixel
        # times the largest weight. They take 6, 6 and 4 roundings.
        channels = block.padded_shape[2]
        x, w, b = (float(abs(a).max()) for a in rounded)
        yield Call(rounded, numbers, [y, empty_codes()], channels + 17, magnitude=81 * channels * x * w + b)
        yield Call(exact, numbers, [y, np.full(y.shape, 99, np.uint8)])
    for block, n in blocks(rows=MANY_WINDOWS):
        if not block.by_winograd:
            continue
        numbers, y = [block.output_shape[1]], as_maps(unwritten(dtype, n, *block.output_shape))
        rounded, _ = forward_operands(block, n, rng, dtype)
        clear = clear_winners(block, n, rng, dtype)
        for inputs, codes in (rounded, empty_codes()), (clear, np.full(y.shape, 99, np.uint8)):
            sums = Call(list(map(abs, inputs)), numbers, [y, empty_codes()]).run(reference.winograd_relu_pool_forward)
            # In the worst case Winograd's algorithm is worse than the plain sum of so many terms; usually much better.
            yield Call(inputs, numbers, [y, codes], len(block.patches.taps) + 1, magnitude=float(sums[0].max()))


# Images, image, channels, filters, zeros before: tiles of 2 x 2 outputs; and so many that they are of 4 as well.
MAPS = [
    (1, (3, 3), 1, 1, (0, 0)), (2, (5, 6), 16, 16, (1, 1)), (3, (7, 4), 3, 33, (1, 0)), (1, (6, 9), 20, 64, (2, 1)),
    (9, (8, 3), 33, 6, (0, 2)), (1, (32, 33), 16, 16, (1, 1)), (40, (10, 10), 16, 48, (0, 0)),
    (60, (7, 9), 32, 16, (1, 1)), (100, (5, 8), 48, 32, (0, 1)), (60, (2, 36), 16, 16, (1, 1)),
]  # fmt: skip


def maps(rng, dtype):
    """Yield x, w, b, dy and the zeros before the image."""
    for n, (height, width), c, f, before in MAPS:
        dy_shape = n, height + 2 * before[0] - 2, width + 2 * before[1] - 2, f
        yield *(rough(rng, dtype, *s) for s in ((n, height, width, c), (9 * c, f), (f,), dy_shape)), before


def winograd_forward(rng, dtype) -> Iterator[Call]:
    """As it is with and without ReLU, and with turned filters."""
    for (x, w, b, dy, before), (relu, turned) in itertools.product(
        maps(rng, dtype), [(False, False), (True, False), (False, True)]
    ):
        filters = rough(rng, dtype, 9 * b.size, x.shape[3]) if turned else w
        sums, y = unwritten(dtype, *dy.shape), unwritten(dtype, *dy.shape)
        reference.winograd_forward(abs(x), abs(filters), abs(b), *before, False, turned, sums)
        yield Call([x, filters, b], [*before, relu, turned], [y], len(w) + 1, magnitude=float(sums.max()))


def winograd_weight_gradient(rng, dtype) -> Iterator[Call]:
    for x, w, _, dy, before in maps(rng, dtype):
        sums = unwritten(dtype, *w.shape), unwritten(dtype, w.shape[1])
        reference.winograd_weight_gradient(abs(x), abs(dy), *before, *sums, np.empty(1, bool))
        gradients = [unwritten(dtype, *w.shape), unwritten(dtype, w.shape[1]), np.array([False])]
        yield Call([x, dy], [*before], gradients, dy[..., 0].size, magnitude=float(max(map(np.max, sums))))


def clear_winners(block, n, rng, dtype):
    """Return x, w and b for which the pixels of a window differ by far more than rounding, and all differ from 0."""
    depth, filters = len(block.patches.taps), block.conv.filters
    x, w = 0.1 * rough(rng, dtype, n, *block.padded_shape), rough(rng, dtype, depth, filters)
    pixels = x[0, ..., 0].size
    x[..., 0] = rng.permuted(np.tile(np.arange(pixels), (n, 1)), axis=1).reshape(x[..., 0].shape)
    sign = rng.choice([-1, 1], filters)
    w[:: block.padded_shape[2]] = 0
    w[depth // 9 * 4] = 50 * sign  # the pixel in the middle decides
    b = -50 * sign * (pixels // 2 - 0.5)
    b[filters // 2] = -100 * pixels  # a filter that ReLU cuts everywhere
    return [x, w, b.astype(dtype)]


def gradient_and_codes(block, n, rng, dtype):
    """Return dy and codes (N, P, F) as a forward may leave them: about half is cut, one filter everywhere."""
    shape = n, block.output_shape[0] * block.output_shape[1], block.conv.filters
    codes = rng.integers(0, 8, shape).clip(max=4).astype(np.uint8)
    codes[:, shape[1] // 3] = 4  # a window that no filter passes
    if shape[2] > 1:
        codes[:, :, shape[2] // 2] = 4  # a filter without an entry
    dy = rng.integers(-1000, 1001, shape).astype(dtype)  # whole numbers: their sums are exact
    dy[(codes == 4) & (rng.random(shape) < 0.1)] = np.nan  # which does not pass, either
    return dy, codes


def conv_entries(rng, dtype) -> Iterator[Call]:
    for block, n in blocks():
        dy, codes = gradient_and_codes(block, n, rng, dtype)
        filters, capacity = codes.shape[2], codes[0].size
        starts, positions = np.full((n, filters + 1), -1, np.int32), np.full((n, capacity), -1, np.int32)
        outputs = [starts, positions, unwritten(dtype, n, capacity), unwritten(dtype, n, filters)]
        yield Call([dy, codes, block.patches.starts], [], outputs, defined=defined_entries)


def defined_entries(outputs):
    """Return the lists of ``conv_entries`` without what lies beyond each image's last entry."""
    starts, positions, values, sums = outputs
    ends = starts[:, -1].clip(min=0)
    return [starts, sums, *(a[n, :end] for n, end in enumerate(ends) for a in (positions, values))]


def entries(block, n, rng, dtype):
    """Return starts, positions, values and sums of ``conv_entries``, and rubbish beyond the last entry."""
    _, codes = gradient_and_codes(block, n, rng, dtype)
    filters, capacity = codes.shape[2], codes[0].size
    starts, positions = np.empty((n, filters + 1), np.int32), np.full((n, capacity), 2**31 - 1, np.int32)
    values, sums = unwritten(dtype, n, capacity), unwritten(dtype, n, filters)
    dy = rough(rng, dtype, *codes.shape)
    reference.conv_entries(dy, codes, block.patches.starts, starts, positions, values, sums)
    return starts, positions, values, sums


def conv_weight_gradient(rng, dtype) -> Iterator[Call]:
    for block, n in blocks():
        starts, *lists = entries(block, n, rng, dtype)
        depth, filters = len(block.patches.taps), block.conv.filters
        patches = block.patches.runs, block.patches.run_length
        inputs = [rough(rng, dtype, n, *block.padded_shape), *patches, starts, *lists]
        outputs = [unwritten(dtype, depth, filters), unwritten(dtype, filters)]
        yield Call(inputs, [], outputs, roundings=n + np.diff(starts).sum(axis=0).max())


def conv_input_gradient(rng, dtype) -> Iterator[Call]:
    for block, n in blocks():
        starts, positions, values, _ = entries(block, n, rng, dtype)
        depth, filters = len(block.patches.taps), block.conv.filters
        patches = block.patches.runs, block.patches.run_length
        inputs = [rough(rng, dtype, depth, filters), *patches, starts, positions, values]
        outputs = [unwritten(dtype, n, *block.padded_shape)]
        # Each filter meets an element of x with each of its taps in that channel, at most.
        yield Call(inputs, [], outputs, roundings=filters * math.prod(block.conv.kernel_size))


def window_input_gradient(rng, dtype) -> Iterator[Call]:
    for block, n in blocks():
        if not block.by_windows:
            continue
        dy, codes = gradient_and_codes(block, n, rng, dtype)
        w = rough(rng, dtype, len(block.patches.taps), block.conv.filters)
        outputs = [unwritten(dtype, n, *block.padded_shape)]
        roundings = block.conv.filters * 9  # as in conv_input_gradient
        yield Call([w, dy, codes, block.patches.starts], [block.patches.row], outputs, roundings=roundings)


def conv_tap_gradient(rng, dtype) -> Iterator[Call]:
    for block, n in blocks():
        dy, codes = gradient_and_codes(block, n, rng, dtype)
        depth, filters = len(block.patches.taps), block.conv.filters
        inputs = [rough(rng, dtype, n, *block.padded_shape), dy, codes, block.patches.starts, block.patches.taps]
        outputs = [unwritten(dtype, depth, filters), unwritten(dtype, filters)]
        for in_squares in {False, block.by_windows and block.padded_shape[2] == 1}:
            yield Call(inputs, [in_squares], outputs, roundings=dy[:, :, 0].size)


PADDED = [((4, 5), (0, 0), (4, 5)), ((4, 5), (1, 2), (6, 9)), ((1, 1), (3, 0), (5, 4)), ((7, 3), (0, 1), (8, 4))]


def pad_images(rng, dtype) -> Iterator[Call]:
    for (image, corner, padded), n, c in itertools.product(PADDED, [1, 9], CHANNELS):
        yield Call([rough(rng, dtype, n, *image, c)], [*corner], [unwritten(dtype, n, *padded, c)])


def crop_images(rng, dtype) -> Iterator[Call]:
    for (image, corner, padded), n, c in itertools.product(PADDED, [1, 9], CHANNELS):
        yield Call([rough(rng, dtype, n, *padded, c)], [*corner], [unwritten(dtype, n, *image, c)])


# -- elementwise kernels and sums

LENGTHS = [1, 7, 8, 9, 63, 65, 1000, 40_001]


def special(rng, dtype, n):
    """Normal numbers, and between them zeros of both signs, infinities and NaN."""
    x = rough(rng, dtype, n)
    places = rng.random(n) < 0.3
    x[places] = rng.choice([0.0, -0.0, np.inf, -np.inf, np.nan], places.sum())
    return x


def relu_forward(rng, dtype) -> Iterator[Call]:
    for n in LENGTHS:
        yield Call([special(rng, dtype, n)], [], [unwritten(dtype, n)])


def relu_backward(rng, dtype) -> Iterator[Call]:
    for n in LENGTHS:
        y = special(rng, dtype, n)
        yield Call([special(rng, dtype, n), np.where(y < 0, 0, y)], [], [unwritten(dtype, n)])


def leaky_relu_forward(rng, dtype) -> Iterator[Call]:
    for n in LENGTHS:
        yield Call([special(rng, dtype, n)], [0.3], [unwritten(dtype, n)])


def leaky_relu_backward(rng, dtype) -> Iterator[Call]:
    for n in LENGTHS:
        yield Call([special(rng, dtype, n), special(rng, dtype, n)], [0.3], [unwritten(dtype, n)])


def sigmoid_backward(rng, dtype) -> Iterator[Call]:
    for n in LENGTHS:
        dy, y = rough(rng, dtype, n), rng.random(n).astype(dtype)
        yield Call([dy, y], [], [unwritten(dtype, n)], 4, magnitude=float(abs(dy).max()))


def tanh_backward(rng, dtype) -> Iterator[Call]:
    for n in LENGTHS:
        dy, y = rough(rng, dtype, n), np.tanh(rough(rng, dtype, n))
        yield Call([dy, y], [], [unwritten(dtype, n)], 4, magnitude=float(abs(dy).max()))


def elu_backward(rng, dtype) -> Iterator[Call]:
    for n, alpha in itertools.product(LENGTHS, [1.0, 0.3]):
        dy, y = rough(rng, dtype, n), np.maximum(rough(rng, dtype, n), -alpha).astype(dtype)
        yield Call([dy, y], [alpha], [unwritten(dtype, n)], 4, magnitude=float(abs(dy).max()))


def elu_forward(rng, dtype) -> Iterator[Call]:
    for n, alpha in itertools.product(LENGTHS, [1.0, 0.3]):
        yield Call([3 * rough(rng, dtype, n)], [alpha], [unwritten(dtype, n)], 8, magnitude=1.0)


# The curves are off by a few units in the last place, here and in NumPy; tests/kernels/test_curves.py counts them.


def curve(rng, dtype) -> Iterator[Call]:
    for n in LENGTHS:
        x = 3 * rough(rng, dtype, n)
        yield Call([x], [], [unwritten(dtype, n)], 8, magnitude=max(1.0, float(abs(x).max())))


def slope(rng, dtype) -> Iterator[Call]:
    for n in LENGTHS:
        dy, x = rough(rng, dtype, n), 3 * rough(rng, dtype, n)
        yield Call([dy, x], [], [unwritten(dtype, n)], 16, magnitude=float(abs(dy).max()))


sigmoid_forward = tanh_forward = silu_forward = gelu_forward = gelu_tanh_forward = curve
silu_backward = gelu_backward = gelu_tanh_backward = slope


def dropout(rng, dtype) -> Iterator[Call]:
    for n, rate in itertools.product([*LENGTHS, 64, 4096, 8191], [0.0, 0.3]):
        key, counter = rng.integers(2**64, size=2, dtype=np.uint64)
        numbers = [int(rate * 2**32), 1 / (1 - rate)]
        yield Call([special(rng, dtype, n), key, counter], numbers, [unwritten(dtype, n)])


def take_rows(rng, dtype) -> Iterator[Call]:
    for n, k in itertools.product([1, 9, 64], [1, 33, 784]):
        rows = rng.integers(0, n, 2 * n)
        yield Call([rough(rng, dtype, n, k), rows], [], [unwritten(dtype, 2 * n, k)])


def sum_rows(rng, dtype) -> Iterator[Call]:
    for m, n in itertools.product([1, 2, 127, 128, 129, 1000], CHANNELS):
        yield Call([rough(rng, dtype, m, n)], [], [unwritten(dtype, n)], roundings=m)


def columns(rng, dtype, count) -> Iterator[tuple[list, list, int]]:
    """Yield two matrices (M, C) and `count` vectors (C,), at every M and C."""
    for m, n in itertools.product([1, 2, 255, 256, 257, 1000], CHANNELS):
        yield [rough(rng, dtype, m, n) for _ in range(2)], [rough(rng, dtype, n) for _ in range(count)], m


def moments(rng, dtype) -> Iterator[Call]:
    for (x, _), _, m in columns(rng, dtype, 0):
        x += 100  # far from 0: squares of x itself would lose all digits
        outputs = [unwritten(dtype, x.shape[1]), unwritten(dtype, x.shape[1])]
        yield Call([x], [], outputs, roundings=m, magnitude=float(abs(x).max()))


def sum_products(rng, dtype) -> Iterator[Call]:
    for (x, y), (center, y_center), m in columns(rng, dtype, 2):
        magnitude = float(m * abs(x - center).max() * abs(y - y_center).max())
        total = unwritten(dtype, len(center))
        yield Call([x, center, y, y_center], [], [total], m + 3, magnitude=magnitude)


def normalise(rng, dtype) -> Iterator[Call]:
    for (x, _), (mean, factor, shift), _ in columns(rng, dtype, 3):
        magnitude = float((abs(x - mean) * abs(factor) + abs(shift)).max())
        yield Call([x, mean, factor, shift], [], [unwritten(dtype, *x.shape)], 3, magnitude=magnitude)


def normalise_backward(rng, dtype) -> Iterator[Call]:
    for (dy, x), (dy_mean, mean, slope, factor), _ in columns(rng, dtype, 4):
        terms = abs(dy) + abs(dy_mean) + abs(x - mean) * abs(slope)
        magnitude = float((terms * abs(factor)).max())
        yield Call([dy, dy_mean, x, mean, slope, factor], [], [unwritten(dtype, *x.shape)], 5, magnitude=magnitude)


def normalised_maps(rng, dtype) -> Iterator[tuple]:
    """Yield maps (N, H, W, C), three vectors (C,), dy, codes and the side of a window."""
    for (n, h, w), c, pool in itertools.product([(1, 1, 1), (3, 5, 4), (300, 1, 1), (2, 12, 13)], CHANNELS, [1, 2]):
        if min(h, w) >= pool:
            shape = n, h // pool, w // pool, c
            codes = rng.integers(0, pool * pool + 1, shape).astype(np.uint8)
            vectors = [rough(rng, dtype, c) for _ in range(4)]
            yield rough(rng, dtype, n, h, w, c), vectors, rough(rng, dtype, *shape), codes, pool


def normalise_relu_pool(rng, dtype) -> Iterator[Call]:
    for x, (mean, factor, shift, _), dy, codes, pool in normalised_maps(rng, dtype):
        x = np.where(rng.random(x.shape) < 0.3, mean, x)  # ties, at the shift
        x[rng.random(x.shape) < 0.05] = np.nan
        for kept in (codes, codes[:0]):
            yield Call([x, mean, factor, shift], [pool], [unwritten(dtype, *dy.shape), kept])


def normalise_relu_pool_sums(rng, dtype) -> Iterator[Call]:
    for x, (mean, *_), dy, codes, pool in normalised_maps(rng, dtype):
        outputs = [unwritten(dtype, len(mean)), unwritten(dtype, len(mean))]
        magnitude = float(dy[..., 0].size * abs(dy).max() * max(abs(x - mean).max(), 1))
        yield Call([x, mean, dy, codes], [pool], outputs, dy[..., 0].size + 3, magnitude=magnitude)


def normalise_relu_pool_backward(rng, dtype) -> Iterator[Call]:
    for x, (mean, dy_mean, slope, factor), dy, codes, pool in normalised_maps(rng, dtype):
        terms = abs(dy).max() + abs(dy_mean) + abs(x - mean) * abs(slope)
        inputs, magnitude = [x, mean, dy, codes], float((terms * abs(factor)).max())
        outputs = [unwritten(dtype, *x.shape)]
        yield Call(inputs, [pool, dy_mean, slope, factor], outputs, 5, magnitude=magnitude)


# -- softmax: a probability is off by the roundings of a sum, of an exponential and of its argument


def scores(rng, dtype):
    for m, n in itertools.product([1, 5, 65], CHANNELS):
        logits = 5 * rough(rng, dtype, m, n)
        logits[-1] += 1000  # would overflow, were the largest not subtracted
        if n > 1:
            logits[0, -1] = -np.inf  # a class that is impossible
        if m > 2:
            logits[1, 0] += 1000  # and were it not the largest of all
            logits[2, -1] += 1000
            logits[-2, 1 % n] += 1000
        yield logits


def softmax(rng, dtype) -> Iterator[Call]:
    for logits in scores(rng, dtype):
        yield Call([logits], [], [unwritten(dtype, *logits.shape)], logits.shape[1] + 50, magnitude=1.0)


def softmax_cross_entropy(rng, dtype) -> Iterator[Call]:
    for logits in scores(rng, dtype):
        targets = rng.dirichlet(np.ones(logits.shape[1]), len(logits)).astype(dtype)
        targets[rng.random(targets.shape) < 0.3] = 0
        targets[logits == -np.inf] = 0
        certain = logits.max(axis=1, keepdims=True) - logits > 500  # rounding would grow with the loss
        targets[certain] = 0
        outputs = [unwritten("float64", len(logits)), unwritten(dtype, *logits.shape)]
        yield Call([logits, targets], [], outputs, logits.shape[1] + 50, magnitude=1.0)


def binary_cross_entropy(rng, dtype) -> Iterator[Call]:
    for m, n in itertools.product([1, 5, 65], CHANNELS):
        logits, targets = 5 * rough(rng, dtype, m, n), rng.random((m, n)).astype(dtype)
        targets[rng.random(targets.shape) < 0.6] = 0
        targets[rng.random(targets.shape) < 0.3] = 1
        logits[-1] = np.where(targets[-1] > 0.5, 1000, -1000)  # would overflow
        targets[-1] = logits[-1] > 0
        logits[0, 0], targets[0, 0] = -np.inf, 0  # impossible, and not true
        outputs = [unwritten("float64", m), unwritten(dtype, m, n)]
        yield Call([logits, targets], [], outputs, n + 50, magnitude=1.0)


# -- optimizers: a rate below zero makes the step add to the weight


def sgd(rng, dtype) -> Iterator[Call]:
    for n, momentum, nesterov in itertools.product([0, *LENGTHS], [0.0, 0.9], [False, True]):
        state = [rough(rng, dtype, n), rough(rng, dtype, n)]  # weight, velocity
        numbers = [0.5, 0.01, momentum, nesterov]
        # velocity: 4 (momentum, two products, sum); step: 2 more; rate, product and difference: 3 more.
        yield Call([rough(rng, dtype, n)], numbers, state, 9, [0.5, -0.01, momentum, nesterov])


def adam(rng, dtype) -> Iterator[Call]:
    for n, t, decay in itertools.product([0, *LENGTHS], [1, 10], [0.0, 0.1]):
        state = [rough(rng, dtype, n), rough(rng, dtype, n), rough(rng, dtype, n) ** 2]  # weight, m, v
        fixed = [0.9, 0.999, 1e-8, 1 - 0.9**t, 1 - 0.999**t]
        # m and v: 4 each (constant, two products, sum); m / c1: 2 more; the root of v / c2: half of 6, and 1; epsilon
        # and the sum: 2; quotient: 1; rate, product, decay, product, sum, difference: 6. Together below 20.
        yield Call([rough(rng, dtype, n)], [0.01, *fixed, decay], state, 20, [-0.01, *fixed, -decay])


def rmsprop(rng, dtype) -> Iterator[Call]:
    for n, momentum, centered in itertools.product([0, *LENGTHS], [0.0, 0.9], [False, True]):
        weight, v, m, velocity = (rough(rng, dtype, n) for _ in range(4))
        # Whether v is less than m * m decides much: far from it here, or by so much that rounding does not matter.
        state = [weight, v**2 + 1, m / 4, velocity]
        numbers = [0.01, 0.9, momentum, 1e-7, centered]
        # v and m: 4 each; the square, the difference (of at least half of v) and epsilon: 2 * (4 + 8 + 1) + 2, half of
        # which the root keeps; quotient, rate, momentum, sum and difference: 7. Together below 24.
        yield Call([rough(rng, dtype, n)], numbers, state, 24, magnitude=20.0)


def adagrad(rng, dtype) -> Iterator[Call]:
    for n in [0, *LENGTHS]:
        state = [rough(rng, dtype, n), rough(rng, dtype, n) ** 2]  # weight, accumulator
        yield Call([rough(rng, dtype, n)], [0.01, 1e-7], state, 10, [-0.01, 1e-7])


def adadelta(rng, dtype) -> Iterator[Call]:
    for n in [0, *LENGTHS]:
        state = [rough(rng, dtype, n), rough(rng, dtype, n) ** 2, rough(rng, dtype, n) ** 2]  # weight, v, u
        # v: 4; two roots and a quotient: 8; the square: 17, and 4 for u.
        yield Call([rough(rng, dtype, n)], [0.01, 0.95, 1e-7], state, 24, [-0.01, 0.95, 1e-7])


def adamax(rng, dtype) -> Iterator[Call]:
    for n in [0, *LENGTHS]:
        weight, m, u = (rough(rng, dtype, n) for _ in range(3))
        yield Call([rough(rng, dtype, n)], [0.01, 0.9, 0.999, 1e-7], [weight, m, abs(u)], 12, magnitude=40.0)


def nadam(rng, dtype) -> Iterator[Call]:
    for n, t in itertools.product([0, *LENGTHS], [1, 10]):
        state = [rough(rng, dtype, n), rough(rng, dtype, n), rough(rng, dtype, n) ** 2]  # weight, m, v
        fixed = [0.9, 0.999, 1e-7, 1.5, 0.5, 1 - 0.999**t]
        yield Call([rough(rng, dtype, n)], [0.01, *fixed], state, 22, [-0.01, *fixed])


# -- augmentation: mild and wild transformations, sources far outside, and on the pixels exactly


def warp(rng, dtype) -> Iterator[Call]:
    for n, (h, w), c in itertools.product([1, 5], [(1, 1), (1, 9), (7, 8), (28, 28)], [1, 3]):
        identity = np.ascontiguousarray(np.broadcast_to(np.eye(2, 3), (n, 2, 3)), dtype)
        wild = 3 * rng.standard_normal((n, 2, 3)).astype(dtype)
        still, bent = np.zeros((1, 2, h, w), dtype), rough(rng, dtype, n, 2, h, w)
        bent.flat[0] = np.nan  # a position that is none is background, not an address
        for matrices, moves in [(identity, still), (identity, bent), (wild, still), (wild, 1000 * bent)]:
            yield Call([rough(rng, dtype, n, h, w, c), matrices, moves], [0.25], [unwritten(dtype, n, h, w, c)])


TABLE = {name: globals()[name] for name in KERNELS if name in globals()}


def calls(name: str, dtype: str) -> Iterator[Call]:
    """Yield the calls of the kernel of this name."""
    return TABLE[name](np.random.default_rng(0), np.dtype(dtype))
