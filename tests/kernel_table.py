"""Arguments for every kernel, at awkward sizes; and how far two right answers may differ.

A row of the table yields calls. Two right answers differ by rounding alone: each is within ``roundings * u`` of the
exact one, relative to the same computation with every term positive, where u = eps / 2 is the error of one operation
(Higham, "Accuracy and stability of numerical algorithms", section 3.1). So they are within ``roundings * eps`` of each
other. That magnitude is computed by the reference kernel from absolute values.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator

import numpy as np

from numpycnn.kernels import reference


@dataclass
class Call:
    """Arguments of one call, in the order of a kernel's signature: inputs, numbers, outputs."""

    inputs: list[np.ndarray]
    numbers: list[Any]
    outputs: list[np.ndarray]
    roundings: int = 0  # 0: the answers are the same, bit for bit
    positive_numbers: list[Any] = field(default_factory=list)  # with signs that let every term add up

    def run(self, kernel: Callable[..., None]) -> list[np.ndarray]:
        """Return what the kernel makes of copies of the outputs."""
        outputs = [a.copy() for a in self.outputs]
        kernel(*self.inputs, *self.numbers, *outputs)
        return outputs

    def tolerances(self, kernel_name: str) -> list[np.ndarray]:
        """Return the allowed difference of each output from the reference's."""
        if self.roundings == 0:
            return [np.zeros(a.shape) for a in self.outputs]
        numbers = self.positive_numbers or self.numbers
        magnitude = Call(list(map(abs, self.inputs)), numbers, list(map(abs, self.outputs)))
        eps = np.finfo(self.outputs[0].dtype).eps
        return [self.roundings * eps * abs(a) for a in magnitude.run(getattr(reference, kernel_name))]

    def __str__(self) -> str:
        shapes = [a.shape for a in (*self.inputs, *self.outputs)]
        return f"{self.outputs[0].dtype} {shapes} {self.numbers}"


def rough(rng, dtype, *shape):
    """Normal numbers with all their digits."""
    return rng.standard_normal(shape).astype(dtype)


def unwritten(dtype, *shape):
    """An output before the call: a kernel that leaves an element out, or adds to it, leaves NaN."""
    return np.full(shape, np.nan, dtype)


# -- matrix products: below, at and above the widths of tiles (4 or 8 rows, 4 to 32 columns) and blocks (32 or 64, 256)

SIZES = list(itertools.product([1, 3, 7, 8, 9, 33, 63, 65, 130], [1, 6, 16, 33, 257], [1, 3, 6, 16, 20, 32, 33, 64]))


def affine(rng, dtype) -> Iterator[Call]:
    for m, k, n in SIZES:
        inputs = [rough(rng, dtype, m, k), rough(rng, dtype, k, n), rough(rng, dtype, n)]
        yield Call(inputs, [], [unwritten(dtype, m, n)], roundings=k + 1)


def matmul_tn(rng, dtype) -> Iterator[Call]:
    for k, m, n in SIZES:
        yield Call([rough(rng, dtype, m, k), rough(rng, dtype, m, n)], [], [unwritten(dtype, k, n)], roundings=m)
    inputs = [rough(rng, dtype, 5000, 9), rough(rng, dtype, 5000, 20)]  # as tall as a batch of patches
    yield Call(inputs, [], [unwritten(dtype, 9, 20)], roundings=5000)


def matmul_nt(rng, dtype) -> Iterator[Call]:
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


def sum_rows(rng, dtype) -> Iterator[Call]:
    for m, n in itertools.product([1, 2, 127, 128, 129, 1000], CHANNELS):
        yield Call([rough(rng, dtype, m, n)], [], [unwritten(dtype, n)], roundings=m)


# -- optimizers: a rate below zero makes the step add to the weight


def sgd(rng, dtype) -> Iterator[Call]:
    for n, momentum, nesterov in itertools.product([0, *LENGTHS], [0.0, 0.9], [False, True]):
        state = [rough(rng, dtype, n), rough(rng, dtype, n)]  # weight, velocity
        numbers = [0.01, momentum, nesterov]
        # velocity: 3 (momentum, product, sum); step: 2 more; rate, product and difference: 3 more.
        yield Call([rough(rng, dtype, n)], numbers, state, 8, [-0.01, momentum, nesterov])


def adam(rng, dtype) -> Iterator[Call]:
    for n, t, decay in itertools.product([0, *LENGTHS], [1, 10], [0.0, 0.1]):
        state = [rough(rng, dtype, n), rough(rng, dtype, n), rough(rng, dtype, n) ** 2]  # weight, m, v
        fixed = [0.9, 0.999, 1e-8, 1 - 0.9**t, 1 - 0.999**t]
        # m and v: 4 each (constant, two products, sum); m / c1: 2 more; the root of v / c2: half of 6, and 1; epsilon
        # and the sum: 2; quotient: 1; rate, product, decay, product, sum, difference: 6. Together below 20.
        yield Call([rough(rng, dtype, n)], [0.01, *fixed, decay], state, 20, [-0.01, *fixed, -decay])


TABLE = {
    function.__name__: function
    for function in (
        affine, matmul_tn, matmul_nt, im2col, col2im, maxpool_forward, maxpool_backward, avgpool_forward,
        avgpool_backward, relu_forward, relu_backward, sum_rows, sgd, adam,
    )
}


def calls(name: str, dtype: str) -> Iterator[Call]:
    """Yield the calls of the kernel of this name."""
    return TABLE[name](np.random.default_rng(0), np.dtype(dtype))
