"""Convolution without a matrix of patches: they are read, and their gradients added up, where they lie in the image.

An image stands in a frame of the zeros that the filters meet around it. The frame is a thread's own, and holds one
image at a time, or a few small ones: no framed images, and no gradients of such, go through the memory. The three
passes are matrix products, of tiles that stay in registers:

- forward: 8 pixels by two vectors of filters (with AVX-512), one panel of filters after the other
- dw: 9 elements of a patch by two vectors of filters, while the pixels stream by
- dx: 8 pixels by two vectors of a run, which are then added into the image
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .direct_tiles import convolution_tile, gradients_times_filters, patches_times_gradients
from .jit import called, device, kernel
from .matmul import transpose
from .rows import add_rows, ask_for, in_shares
from .simd import VECTOR_BYTES, empty
from .tiles import LONG_SUM, TAP_VECTORS, TAPS, TILE_ROWS

TASKS = 16  # forward, a few images are cut into as many tasks together
SMALL_MAP = 64  # pixels; so few of several images together fill the tiles that those of one would not
TOGETHER = 4
PARTS = 8  # cuts of the batch for dw: threads share them without changing the bits of their sums


@device
def _frame_size(size, count, kernel, stride, dilation, before):
    """How long a frame is, along one axis, that holds the image and all patches."""
    return max(before + size, (count - 1) * stride + (kernel - 1) * dilation + 1)


@device
def _starts(out_h, out_w, stride_h, stride_w, row, channels, together, size):
    """Where patches start in frames of `size` elements that stand together."""
    pixels = out_h * out_w
    starts = empty(together * pixels, np.int64)
    for p in range(starts.size):
        y, x = p % pixels // out_w, p % pixels % out_w
        starts[p] = p // pixels * size + y * stride_h * row + x * stride_w * channels
    return starts


@device
def _taps(kernel_h, kernel_w, dilation_h, dilation_w, row, channels):
    """Where a patch's elements lie, from its start."""
    taps = empty(kernel_h * kernel_w * channels, np.int64)
    for k in range(taps.size):
        pixel, c = k // channels, k % channels
        taps[k] = pixel // kernel_w * dilation_h * row + pixel % kernel_w * dilation_w * channels + c
    return taps


@called
def _frame(x, y, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left):
    """Return a frame's rows, elements in a row, whether it is larger than the image; how many images stand together in
    frames one below the other, where their patches start, and a patch's taps.
    """
    _, height, width, channels = x.shape
    _, out_h, out_w, _ = y.shape
    together = min(TOGETHER, x.shape[0]) if out_h * out_w <= SMALL_MAP else 1
    frame_h = _frame_size(height, out_h, kernel_h, stride_h, dilation_h, top)
    frame_w = _frame_size(width, out_w, kernel_w, stride_w, dilation_w, left)
    row, framed = frame_w * channels, frame_h * frame_w != height * width
    starts = _starts(out_h, out_w, stride_h, stride_w, row, channels, together, frame_h * row)
    return frame_h, row, framed, together, starts, _taps(kernel_h, kernel_w, dilation_h, dilation_w, row, channels)


@called
def _put_into_frame(x, n, top, left, first, end, frame, frame_h, row):
    """Copy what there is of images n, n + 1, ... into rows `first` to `end` of their frames; zeros around it."""
    height, size, start = x.shape[1], x.shape[2] * x.shape[3], left * x.shape[3]
    pixels = x.reshape(-1)
    for r in range(first, end):
        target, y = frame[r * row : r * row + row], r % frame_h - top
        for i in range(row):
            target[i] = 0
        if 0 <= y < height:
            at = ((n + r // frame_h) * height + y) * size
            source, piece = pixels[at : at + size], target[start : start + size]
            for i in range(size):
                piece[i] = source[i]


@called
def _take_from_frame(frame, frame_h, row, top, left, n, count, x):
    """Copy the images in frames to images n, n + 1, ..., so many."""
    height, size, start = x.shape[1], x.shape[2] * x.shape[3], left * x.shape[3]
    pixels = x.reshape(-1)
    for r in range(count * height):
        source = frame[(r // height * frame_h + top + r % height) * row + start :][:size]
        target = pixels[(n * height + r) * size :][:size]
        for i in range(size):
            target[i] = source[i]


@called
def _passed(dy, y, first, count, gradients):
    """Copy so many gradients from `first` on that ReLU, whose output is y, lets through; zeros elsewhere."""
    zero = dy.dtype.type(0)
    given, outputs = dy.reshape(-1)[first : first + count], y.reshape(-1)[first : first + count]
    for i in range(count):
        gradients[i] = zero if outputs[i] <= zero else given[i]


@device
def _next_images(x, n, together, wanted, shares):
    """Return, for `ask_for`, the pixels of the images that follow images n, n + 1, ..., or none if not `wanted`."""
    size, first = x.shape[1] * x.shape[2], min(x.shape[0], n + together)
    return in_shares(first * size, (min(x.shape[0], first + together) if wanted else first) * size, shares)


@kernel
def conv_forward(x, w, b, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, relu, y):
    """y = conv(x), then ReLU if `relu`: x (N, H, W, C), w (kh * kw * C, F), b (F,), y (N, OH, OW, F)."""
    images, channels, pixels, filters = x.shape[0], x.shape[3], y.shape[1] * y.shape[2], y.shape[3]
    frame_h, row, framed, together, starts, taps = _frame(
        x, y, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left
    )
    frame, lanes = frame_h * row, VECTOR_BYTES // x.itemsize
    groups, tiles = (images + together - 1) // together, (starts.size + TILE_ROWS - 1) // TILE_ROWS
    blocks = max(1, min(tiles, TASKS // groups))
    for task in prange(groups * blocks):
        n, block = task // blocks * together, task % blocks
        outputs = min(together, images - n) * pixels
        first, end = tiles * block // blocks * TILE_ROWS, min(tiles * (block + 1) // blocks * TILE_ROWS, outputs)
        image, ix = x.reshape(-1), n * frame
        if framed and first < end:
            image, ix = empty(together * frame, x.dtype), 0
            last_row = (starts[end - 1] + taps[taps.size - 1]) // row
            _put_into_frame(x, n, top, left, starts[first] // row, last_row + 1, image, frame_h, row)
        ahead = _next_images(x, n, together, blocks == 1 and channels >= lanes, tiles)
        for p in range(first, end, TILE_ROWS):
            ask_for(x, ahead, p // TILE_ROWS, 0, channels)
            f = 0
            while f < filters:
                iy, rest = n * pixels * filters + f, filters - f
                convolution_tile(image, ix, starts, 0, p, outputs, taps, w, f, filters, b, relu, y, iy, rest)
                f += 2 * lanes if rest >= 2 * lanes else lanes


@kernel
def conv_dense_weight_gradient(
    x, dy, y, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, relu, dw, db
):
    """dw (kh * kw * C, F), db (F,), each pixel's patch times its gradient: x (N, H, W, C), dy, y (N, OH, OW, F).

    If `relu`, pixels whose y is not positive have none.
    """
    images, pixels, filters = x.shape[0], dy.shape[1] * dy.shape[2], dy.shape[3]
    frame_h, row, framed, together, starts, taps = _frame(
        x, dy, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left
    )
    depth, lanes, frame_size = taps.size, VECTOR_BYTES // x.itemsize, frame_h * row
    groups, parts = (depth + TAPS - 1) // TAPS, min(PARTS, (images + together - 1) // together)
    sums = empty((parts, groups * TAPS, filters), x.dtype)
    totals = empty((parts, filters), x.dtype)
    for part in prange(parts):
        for k in range(groups * TAPS):
            for f in range(filters):
                sums[part, k, f] = 0
        for f in range(filters):
            totals[part, f] = 0
        frame = empty(together * frame_size if framed else 0, x.dtype)
        passed = empty(together * pixels * filters if relu else 0, x.dtype)
        end = images * (part + 1) // parts
        for n in range(images * part // parts, end, together):
            count = min(together, end - n)
            image, ix = (frame, 0) if framed else (x.reshape(-1), n * frame_size)
            gradients, first = (passed, 0) if relu else (dy.reshape(-1), n * pixels * filters)
            if framed:
                _put_into_frame(x, n, top, left, 0, count * frame_h, frame, frame_h, row)
            if relu:
                _passed(dy, y, n * pixels * filters, count * pixels * filters, passed)
            shares = (count * pixels + LONG_SUM - 1) // LONG_SUM * groups
            x_ahead = _next_images(x, n, together, groups > 1, shares)
            dy_ahead = _next_images(dy, n, together, groups > 1, shares)
            for p in range(0, count * pixels, LONG_SUM):  # a piece of a long sum is formed by itself: rounding grows
                i_dy, steps = first + p * filters, min(LONG_SUM, count * pixels - p)
                add_rows(gradients[i_dy : i_dy + steps * filters], totals[part])
                for g in range(groups):
                    share = p // LONG_SUM * groups + g
                    ask_for(x, x_ahead, share, 0, x.shape[3])
                    ask_for(dy, dy_ahead, share, 0, filters)
                    if relu:
                        ask_for(y, dy_ahead, share, 0, filters)
                    f = 0
                    while f < filters:
                        i_sum, rest = (part * groups + g) * TAPS * filters + f, filters - f
                        patches_times_gradients(
                            image, ix, starts, p, steps, taps, g * TAPS, gradients, i_dy + f, filters, sums, i_sum, rest
                        )
                        f += TAP_VECTORS * lanes if rest >= TAP_VECTORS * lanes else lanes
    for k in prange(depth + 1):
        total = dw[k] if k < depth else db
        for f in range(filters):
            total[f] = 0
        for part in range(parts):
            terms = sums[part, k] if k < depth else totals[part]
            for f in range(filters):
                total[f] += terms[f]


@kernel
def conv_dense_input_gradient(
    w, dy, y, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, relu, dx
):
    """dx (N, H, W, C), each pixel's gradient times its filters: w (kh * kw * C, F), dy, y (N, OH, OW, F), as above."""
    images, channels, filters, pixels = dx.shape[0], dx.shape[3], dy.shape[3], dy.shape[1] * dy.shape[2]
    frame_h, row, framed, together, starts, taps = _frame(
        dx, dy, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left
    )
    depth, panel_width, frame_size = taps.size, 2 * VECTOR_BYTES // dx.itemsize, frame_h * row
    run = (kernel_w if dilation_w == 1 else 1) * channels  # neighbouring elements of a patch
    pieces = (run + panel_width - 1) // panel_width  # of a run, two vectors each; a panel has one, of all filters
    panel_size, count = filters * panel_width, depth // run * pieces
    panels = empty(count * panel_size, w.dtype)
    for i in range(panels.size):
        panels[i] = 0
    for k in range(count):
        t, tap = k % pieces * panel_width, k // pieces * run
        transpose(
            w, (tap + t) * filters, filters, min(panel_width, run - t), filters, panels, k * panel_size, panel_width
        )
    groups = (images + together - 1) // together
    for group in prange(groups):
        n = group * together
        images_here = min(together, images - n)
        outputs = images_here * pixels
        tiles = (outputs + TILE_ROWS - 1) // TILE_ROWS
        frame = empty(images_here * frame_size if framed else 0, dx.dtype)
        passed = empty(outputs * filters if relu else 0, dx.dtype)
        image, first = (frame, 0) if framed else (dx.reshape(-1), n * frame_size)
        gradients, i_dy = (passed, 0) if relu else (dy.reshape(-1), n * pixels * filters)
        if relu:
            _passed(dy, y, n * pixels * filters, outputs * filters, passed)
        cells = image[first : first + images_here * frame_size]
        for i in range(cells.size):
            cells[i] = 0
        dy_ahead, size = _next_images(dy, n, together, True, count * tiles), dx.shape[1] * dx.shape[2]
        dx_ahead = in_shares(n * size, (n + images_here if framed else n) * size, count * tiles)
        for k in range(count):
            t, tap = k % pieces * panel_width, k // pieces * run
            i_dx = first + taps[tap] + t
            for p in range(tiles):
                ask_for(dy, dy_ahead, k * tiles + p, 0, filters)
                if relu:
                    ask_for(y, dy_ahead, k * tiles + p, 0, filters)
                ask_for(dx, dx_ahead, k * tiles + p, 0, channels)
                gradients_times_filters(
                    gradients, i_dy, filters, p, tiles, outputs, panels, k * panel_size, starts, image, i_dx, run - t
                )
        if framed:
            _take_from_frame(frame, frame_h, row, top, left, n, images_here, dx)
