"""The exercises: what each is judged on, and hints for those who are stuck.

The inputs of a case are drawn anew for each seed, small enough to follow by hand, and chosen such that mistakes show:
square and other images, strides, padding, remainders, windows that overlap, equal maxima, large logits.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any, Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..mistakes import MISTAKES, Mistake, solutions
from .chance import Chance, dropout_chance, weights_chance

Case = dict[str, Any]  # the arguments by name
Cases = Callable[[np.random.Generator], Iterator[Case]]


LAYOUT = re.compile(r"\((N|n|oy|F|ky|c|kx|C)\b.*?,|\baxis\b|\baxes\b|reshape")


@dataclasses.dataclass(frozen=True)
class Course:
    """How a course other than this one sees an exercise.

    Attributes
    ----------
    name : str
        Of its function.
    arrange : callable (values, case) -> values
        Lays our outputs out as the course's.
    shown : callable (case) -> case
        The same for the arguments, for messages.
    """

    name: str
    arrange: Callable[[tuple[NDArray, ...], Case], tuple[NDArray, ...]]
    shown: Callable[[Case], Case]


@dataclasses.dataclass(frozen=True)
class Exercise:
    """A function to write.

    Attributes
    ----------
    solution : callable
        The right one; its name, arguments and docstring are the exercise.
    outputs : tuple of str
        What is returned, in order.
    cases : callable (Generator) -> iterator of dict
        Draws the inputs.
    hints : tuple of str
        One after the other, from a question to nearly the line.
    chance : Chance, optional
        How to judge what draws random numbers.
    course : Course, optional
        How somebody else's course calls the same function, and lays its arrays out.
    """

    solution: Callable[..., Any]
    outputs: tuple[str, ...]
    cases: Cases
    hints: tuple[str, ...]
    chance: Chance | None = None
    course: Course | None = None

    @property
    def name(self) -> str:
        return self.course.name if self.course else self.solution.__name__

    @property
    def returns(self) -> tuple[str, ...]:
        """What the function returns; `outputs` is what of it is judged."""
        return (self.chance.result,) if self.chance else self.outputs

    @property
    def mistakes(self) -> list[Mistake]:
        """The library's entries for it; for a course only those that speak of no layout."""
        entries = MISTAKES[self.solution.__name__]
        return [e for e in entries if not LAYOUT.search(e.says)] if self.course else entries

    @property
    def signature(self) -> str:
        return f"{self.name}{inspect.signature(self.solution)}"


def numbers(rng: np.random.Generator, *shape: int) -> NDArray:
    """Return normal numbers of two decimals: easy to type into a calculator."""
    return np.round(rng.standard_normal(shape), 2)


def with_dy(forward: Cases, *left_out: str) -> Cases:
    """Return the cases of a backward whose dy has x's shape: dy, and the forward's arguments but those left out."""

    def cases(rng: np.random.Generator) -> Iterator[Case]:
        for case in forward(rng):
            dy = numbers(rng, *case["x"].shape)
            yield dict(dy=dy, **{name: value for name, value in case.items() if name not in left_out})

    return cases


def _image_cases(rng: np.random.Generator) -> Iterator[tuple[int, ...]]:
    """Yield (N, H, W, C, kh, kw, F, stride, padding); the smallest first."""
    more, square = rng.integers(0, 2, 6).tolist(), int(rng.integers(5, 7))
    yield 1, 3, 3, 1, 2, 2, 1, 1, 0
    yield 2, 4, 5 + more[0], 3, 2, 2, 2, 1, 0
    yield 2, square, square, 2, 3, 3, 2, 1, 1  # what swaps rows and columns fits
    yield 2, 7 + more[1], 6, 2, 3, 2, 3, 2, 1
    yield 3, 6, 8 + 2 * more[2], 2, 2, 3, 2, 3, 0  # a stride longer than the filter is high; a remainder both ways
    yield 2, 6 + more[3], 6 + more[3], 3, 3, 3, 3, 2, 1  # as many filters as channels
    yield 2, 4, 6 + more[4], 2, 1, 1, 3, 1, 1
    yield 1, 5, 7 + more[5], 2, 3, 3, 2, 1, 2


def im2col_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, h, w, c, kh, kw, _, stride, padding in _image_cases(rng):
        yield dict(x=numbers(rng, n, h, w, c), kernel_h=kh, kernel_w=kw, stride=stride, padding=padding)


def conv2d_forward_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, h, w, c, kh, kw, f, stride, padding in _image_cases(rng):
        x, weights = numbers(rng, n, h, w, c), numbers(rng, kh, kw, c, f)
        yield dict(x=x, w=weights, b=numbers(rng, f), stride=stride, padding=padding)


def conv2d_backward_cases(rng: np.random.Generator) -> Iterator[Case]:
    for case in conv2d_forward_cases(rng):
        dy = numbers(rng, *solutions.conv2d_forward(**case).shape)
        yield dict(dy=dy, x=case["x"], w=case["w"], stride=case["stride"], padding=case["padding"])


def max_pool_forward_cases(rng: np.random.Generator) -> Iterator[Case]:
    more = rng.integers(0, 2, 3)
    plain = (1, 4, 4, 1, 2, 2), (2, 5, 7 + more[0], 3, 2, 2), (2, 6, 6, 2, 3, 3), (1, 5 + more[1], 5, 2, 3, 1)
    for n, h, w, c, size, stride in (*plain, (2, 7, 8 + more[2], 2, 3, 2), (1, 6, 8, 2, 2, 3)):
        distinct = rng.permutation(n * h * w * c).reshape(n, h, w, c) - n * h * w * c // 2
        yield dict(x=distinct.astype(float), size=size, stride=stride)
    yield dict(x=-1 - rng.random((2, 4, 5, 2)).round(2), size=2, stride=2)  # negative numbers only
    yield dict(x=-1e6 * (1 + rng.random((1, 4, 4, 2)).round(2)), size=2, stride=2)  # below where a maximum may begin
    ties = rng.integers(-1, 2, (2, 5, 6 + more[0], 2)).astype(float)
    yield dict(x=ties, size=2, stride=2)
    yield dict(x=np.maximum(ties, 0), size=3, stride=2)  # blank background, as behind a ReLU
    yield dict(x=rng.integers(0, 3, (1, 5, 5, 2)).astype(float), size=3, stride=1)


def max_pool_backward_cases(rng: np.random.Generator) -> Iterator[Case]:
    for case in max_pool_forward_cases(rng):
        yield dict(dy=numbers(rng, *solutions.max_pool_forward(**case).shape), **case)


def dense_backward_cases(rng: np.random.Generator) -> Iterator[Case]:
    more = int(rng.integers(0, 3))
    for n, inputs, units in ((2, 3, 2), (4, 3, 3), (3 + more, 2, 5), (5, 5, 5), (1, 4, 3), (4, 4, 4)):
        yield dict(dy=numbers(rng, n, units), x=numbers(rng, n, inputs), w=numbers(rng, inputs, units))


def batch_norm_forward_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape, epsilon in (
        ((2, 1, 2, 1), 0.1), ((3, 2, 4, 2), 1e-5), ((2, 3, 3, 3), 0.5), ((4, 3, 2, 2), 1e-3), ((3, 4, 4, 4), 0.05)
    ):  # fmt: skip
        channels = shape[-1]
        x = np.round(numbers(rng, *shape) * rng.uniform(0.5, 3, channels) + rng.uniform(-3, 3, channels), 2)
        yield dict(x=x, gamma=1.2 + numbers(rng, channels), beta=numbers(rng, channels), epsilon=epsilon)


def softmax_cross_entropy_cases(rng: np.random.Generator) -> Iterator[Case]:
    shift = float(rng.integers(900, 2000))
    for n, classes, offset, length in (
        (2, 3, 0, 1), (5, 4, 0, 2), (4, 4, 0, 1), (1, 5, 0, 1), (4, 3, 0, 20), (3, 5, shift, 1),
        (4, 5, 1000 * np.arange(4.0)[:, None], 2), (3, 3, -shift, 1), (4, 6, 0, 900),
    ):  # fmt: skip
        yield dict(logits=length * numbers(rng, n, classes) + offset, labels=rng.integers(0, classes, n))


def adam_step_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape, t, rate, beta1, beta2, epsilon in (
        ((2,), 1, 0.1, 0.9, 0.999, 1e-8), ((3, 2), 1, 0.01, 0.8, 0.95, 0.1), ((4,), 2, 0.1, 0.9, 0.99, 1e-2),
        ((2, 3), 10, 0.5, 0.7, 0.9, 1e-3), ((3,), 1000, 0.01, 0.9, 0.999, 1e-8), ((2,), 3, 0.1, 0.6, 0.8, 0.5),
    ):  # fmt: skip
        w, g, m = numbers(rng, *shape), numbers(rng, *shape), numbers(rng, *shape) * (t > 1)
        v = (0.01 + numbers(rng, *shape) ** 2) * (t > 1)
        if t == 1:
            g.flat[-1] = 0  # a dead input: 0 / (0 + epsilon)
        yield dict(w=w, g=g, m=m, v=v, t=t, learning_rate=rate, beta1=beta1, beta2=beta2, epsilon=epsilon)


def dropout_forward_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape, rate in (((80, 60), 0.25), ((40, 6, 5, 8), 0.4), ((30, 8, 5, 6), 0.1), ((12, 5), 0.0)):
        yield dict(x=numbers(rng, *shape) + 10, rate=rate, rng=int(rng.integers(1, 10000)))


def he_normal_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape in ((90, 60), (3, 2, 40, 32), (5, 4, 12, 50), (3, 2000)):
        yield dict(shape=shape, rng=int(rng.integers(1, 10000)))


_PIXEL, _WEIGHT = "padded[n, oy * stride + ky, ox * stride + kx, c]", "w[ky, kx, c, f]"
EXERCISES: dict[str, Exercise] = {each.name: each for each in (
    Exercise(solutions.im2col, ("cols",), im2col_cases, (
        "How many stops has the filter along one axis? Count them for a row of 5, a filter of 3 and stride 2.",
        "Stop (oy, ox) sees the padded rows from oy * stride on, kernel_h of them, and the columns likewise.",
        "Fill an array (N, OH, OW, kernel_h, kernel_w, C), window by window, and reshape it at the end.",
    )),
    Exercise(solutions.dense_backward, ("dx", "dw", "db"), dense_backward_cases, (
        "y[n, k] = sum over d of x[n, d] * w[d, k], plus b[k]. Which y does w[2, 1] reach, and with what slope?",
        "dw[d, k] = sum over n of x[n, d] * dy[n, k]; dx[n, d] = sum over k of dy[n, k] * w[d, k].",
        "Sums over an inner index are matrix products; the shapes leave only one way to transpose.",
    )),
    Exercise(solutions.conv2d_forward, ("y",), conv2d_forward_cases, (
        "Place the filter on the upper left corner of the padded image: which pixels does it cover?",
        f"y[n, oy, ox, f] = b[f] + sum over ky, kx, c of {_PIXEL} * {_WEIGHT}.",
        "Loop over oy and ox; the rest is one product of a patch with w: np.tensordot(patch, w, 3).",
    )),
    Exercise(solutions.conv2d_backward, ("dx", "dw", "db"), conv2d_backward_cases, (
        f"Write the forward as a sum first: y[n, oy, ox, f] = b[f] + sum over ky, kx, c of {_PIXEL} * {_WEIGHT}.",
        f"{_WEIGHT} reaches y[n, oy, ox, f] with the slope {_PIXEL}, and that pixel does with the slope {_WEIGHT}. "
        "Each reaches many outputs: what comes back from them is added.",
        "Loop over oy and ox: dw += the patch times dy there; the patch of dpadded += dy there times w. Cut the "
        "padding off at the end.",
    )),
    Exercise(solutions.max_pool_forward, ("y",), max_pool_forward_cases, (
        "How many windows fit along one axis? What is left over is not used.",
        "Window (oy, ox) begins at row oy * stride and column ox * stride.",
        "Loop over oy and ox and take the maximum of x[:, rows, columns] over axes 1 and 2.",
    )),
    Exercise(solutions.max_pool_backward, ("dx",), max_pool_backward_cases, (
        "Which numbers of a window change its maximum when they move a little?",
        "Find the first maximum of each window of each channel again: argmax of the flat window, then divmod by size.",
        "dx at that pixel += dy of the window: overlapping windows may choose the same pixel.",
    )),
    Exercise(solutions.batch_norm_forward, ("y",), batch_norm_forward_cases, (
        "Which numbers of x belong to channel 0? The mean of those is mean[0].",
        "Mean and variance are over axes 0, 1 and 2, so both are (C,).",
        "normalised = (x - mean) / sqrt(variance + epsilon), then gamma times it plus beta.",
    )),
    Exercise(solutions.batch_norm_backward, ("dx", "dgamma", "dbeta"), with_dy(batch_norm_forward_cases, "beta"), (
        "dgamma and dbeta first: y = gamma * normalised + beta is a line, channel by channel.",
        "x reaches y on three ways: directly, through the mean, through the variance. Add up the three slopes.",
        "dx = gamma / root * (dy - mean of dy - normalised * mean of dy * normalised), the means channel by channel.",
    )),
    Exercise(solutions.softmax_cross_entropy, ("loss", "dlogits"), softmax_cross_entropy_cases, (
        "Subtracting one number from a row of logits changes no probability. Which one keeps exp from overflowing?",
        "log p[n, k] = shifted[n, k] - log(sum over j of exp(shifted[n, j])): so no p that is 0 meets a logarithm.",
        "The slope of a row's loss is p, less 1 at the row's own class; the mean divides by N.",
    )),
    Exercise(solutions.dropout_forward, ("shape", "statistics"), dropout_forward_cases, (
        "rng.random(x.shape) is below `rate` with probability `rate`.",
        "What is kept has to make up for what is dropped: x is multiplied by 0 or by 1 / (1 - rate).",
    ), dropout_chance),
    Exercise(solutions.adam_step, ("w", "m", "v"), adam_step_cases, (
        "Two running means first: m of g with beta1, v of g**2 with beta2; what comes in is weighed with 1 - beta.",
        "Both began at 0, so after t steps they are too small by 1 - beta**t: divide by it, in new names.",
        "w - learning_rate * m_hat / (root of v_hat + epsilon); return the uncorrected m and v.",
    )),
    Exercise(solutions.he_normal, ("shape", "statistics"), he_normal_cases, (
        "How many inputs does one unit, or one filter, add up? That is fan_in.",
        "Normal numbers of variance 1 times s have variance s**2.",
    ), weights_chance),
)}  # fmt: skip
