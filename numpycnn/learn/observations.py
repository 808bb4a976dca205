"""What can be seen of a wrong array beside the right one: a factor, a transposition, zeros. No guess is among them."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from .exercises import Case

Pair = tuple[NDArray, NDArray, Case]  # what came, what is right, and of which case
Turn = Callable[[NDArray, Case], Any]  # makes of the right array what would have come
Observation = tuple[str, str, Turn]  # identifier, sentence, turn


def same(a: NDArray, b: NDArray, tolerance: float | None = None) -> bool:
    """Whether two arrays are equal up to rounding (or up to a tolerance); NaN is equal to NaN."""
    if a.shape != b.shape:
        return False
    scale = float(abs(b).max(initial=0))
    if not np.isfinite(scale):
        scale = float(abs(b[np.isfinite(b)]).max(initial=0))
    limit = max(1e-8 * scale, 1e-13) if tolerance is None else tolerance
    near = abs(a - b) <= limit
    return bool(near.all() or (near | (a == b) | ((a != a) & (b != b))).all())


def observe(name: str, pairs: list[Pair]) -> tuple[str, str] | None:
    """Return (identifier, sentence) of the first observation that holds in every case, or None.

    Parameters
    ----------
    name : str
        Of the output.
    pairs : list
        All cases, right ones among them.
    """
    if any(not np.isfinite(right).all() for _, right, _ in pairs):
        return None
    for identifier, sentence, turn in _observations(pairs):
        if all(same(came, np.asarray(turn(right, case), float)) for came, right, case in pairs):
            return f"{name}-{identifier}", sentence
    if all(same(came, right, 1e-5 * float(abs(right).max(initial=0))) for came, right, _ in pairs):
        return f"{name}-rounded", "it has few right digits, as if float32, or a difference quotient, were on the way"
    if all(came.size == right.size and same(came.reshape(right.shape), right) for came, right, _ in pairs):
        return f"{name}-shape", "the numbers are right, but not its shape"
    if all(came.shape == right.shape and came.size > 1 and (came == came.flat[0]).all() for came, right, _ in pairs):
        return f"{name}-constant", "it is the same number everywhere"
    return None


def along(pairs: list[tuple[NDArray, NDArray]]) -> str:
    """What is seen, but says no cause: a factor, or a number added, for each case or for each index of an axis."""
    if any(a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()) for a, b in pairs):
        return ""
    for axis in (None, *range(min(b.ndim for _, b in pairs))):
        others = [tuple(i for i in range(b.ndim) if axis is None or i != axis) for _, b in pairs]
        free = sum(1 if axis is None else b.shape[axis] for _, b in pairs)
        if 3 * free > sum(b.size for _, b in pairs):  # nothing would be left to compare
            continue
        which = "one in each case" if axis is None else f"one for each index of axis {axis}"
        factors = [(a * b).sum(o, keepdims=True) / (b * b).sum(o, keepdims=True) for (a, b), o in zip(pairs, others)]
        extras = [(a - b).mean(o, keepdims=True) for (a, b), o in zip(pairs, others)]
        if all(same(a, f * b) for (a, b), f in zip(pairs, factors)):
            return f". It is right but for a factor, {which}; here {_listed(factors[0])}"
        if all(same(a, b + e) for (a, b), e in zip(pairs, extras)):
            return f". It is right but for a number that is added, {which}; here {_listed(extras[0])}"
    return ""


def _listed(values: NDArray) -> str:
    return ", ".join(f"{value:.4g}" for value in values.flat[:4]) + (", ..." if values.size > 4 else "")


def _observations(pairs: list[Pair]) -> Iterator[Observation]:
    yield "zero", "it is zero everywhere: never written?", lambda b, case: 0 * b
    yield from _factors(pairs)
    for argument in pairs[0][2]:
        yield f"is-{argument}", f"it is {argument} itself", _argument(argument)
    yield from _sums(pairs)
    yield from _products(pairs)
    yield from _moves(pairs)
    yield "negative-cut", "it is right but for negative numbers, which are 0", lambda b, case: np.maximum(b, 0)
    yield "magnitude", "it is right but for the sign, which is lost", lambda b, case: np.abs(b)
    yield "whole", "it is right but cut to whole numbers", lambda b, case: np.trunc(b)
    yield from _first_or_last(pairs)


def _factors(pairs: list[Pair]) -> Iterator[Observation]:
    yield "sign", "the sign is flipped", lambda b, case: -b
    yield "times-batch", "it is too large by the factor N, the rows of the batch", lambda b, case: b * _batch(case)
    yield "over-batch", "it is divided by N, the rows of the batch, once too often", lambda b, case: b / _batch(case)
    yield "minus-over-batch", "it is divided by N, and its sign is flipped", lambda b, case: -b / _batch(case)
    yield "times-size", "it is too large by the number of its elements", lambda b, case: b * b.size
    yield "over-size", "it is divided by the number of its elements: a mean of them?", lambda b, case: b / b.size
    factors = [_factor(a, b) for a, b, _ in pairs]
    if not np.isnan(factors).all() and np.nanstd(factors) <= 1e-9 * abs(np.nanmean(factors)):
        factor = float(np.nanmean(factors))
        yield "scaled", f"it is right but for the factor {factor:.6g}", lambda b, case: factor * b
    for words, value in _dimensions(pairs[0][2]):
        yield "divided", f"it is too small by the factor {words}", _times(value, -1)
        yield "multiplied", f"it is too large by the factor {words}", _times(value, 1)
        for power in (-1, 1):
            multiples = np.array([factor * value(case) ** -power for factor, (_, _, case) in zip(factors, pairs)])
            if not np.isnan(multiples).all() and np.nanstd(multiples) <= 1e-9 * abs(np.nanmean(multiples)):
                multiple = float(np.nanmean(multiples))
                word = "times" if power == 1 else "over"
                sentence = f"it is right but for the factor {multiple:.6g} {word} {words}"
                yield "scaled", sentence, _times(value, power, multiple)


def _times(value: Callable[[Case], float], power: int, multiple: float = 1) -> Turn:
    return lambda b, case: b * multiple * value(case) ** power


def _argument(name: str) -> Turn:
    return lambda b, case: case[name] if not isinstance(case[name], (int, float, tuple)) else np.nan


def _factor(a: NDArray, b: NDArray) -> float:
    """The factor that makes a of b; NaN where b is 0."""
    if a.shape != b.shape or not b.any():
        return float("nan")
    return float(np.vdot(b, a) / np.vdot(b, b))


def _batch(case: Case) -> float:
    return float(len(next(value for value in case.values() if isinstance(value, np.ndarray))))


def _dimensions(case: Case) -> Iterator[tuple[str, Callable[[Case], float]]]:
    """The numbers by which one may have divided or multiplied: lengths of axes, products of them, scalars."""
    for name, argument in case.items():
        if isinstance(argument, np.ndarray):
            counts = range(1, argument.ndim + 1)
            for axes in itertools.chain.from_iterable(itertools.combinations(range(argument.ndim), n) for n in counts):
                yield " * ".join(f"{name}.shape[{axis}]" for axis in axes), _length(name, axes)
        elif isinstance(argument, (int, float)):
            yield name, _power(name, 1)
            yield f"{name}**2", _power(name, 2)


def _length(name: str, axes: tuple[int, ...]) -> Callable[[Case], float]:
    return lambda case: float(np.prod([case[name].shape[axis] for axis in axes]))


def _power(name: str, power: int) -> Callable[[Case], float]:
    return lambda case: float(case[name]) ** power or np.nan


def _sums(pairs: list[Pair]) -> Iterator[Observation]:
    """A multiple of an argument is added."""
    for name in pairs[0][2]:
        extras = [(a - b, case[name]) for a, b, case in pairs if a.shape == b.shape == np.shape(case[name])]
        if len(extras) == len(pairs):
            multiple = _factor(*extras[0])
            sentence = f"it is right but for {multiple:.6g} times {name}, which is added"
            yield f"{name}-added", sentence, _plus(name, multiple)


def _products(pairs: list[Pair]) -> Iterator[Observation]:
    """Multiplied by an argument, or by a ReLU's mask of it."""
    for name in pairs[0][2]:
        if all(b.shape == np.shape(case[name]) != () for _, b, case in pairs):
            yield "masked", f"it is right but 0 where {name} is not positive: ReLU is not part of it", _mask(name)
            yield f"times-{name}", f"it is right but multiplied by {name}", _product(name)


def _mask(name: str) -> Turn:
    return lambda b, case: b * (case[name] > 0)


def _product(name: str) -> Turn:
    return lambda b, case: b * case[name]


def _plus(name: str, multiple: float) -> Turn:
    return lambda b, case: b + multiple * case[name]


def _moves(pairs: list[Pair]) -> Iterator[Observation]:
    """Axes in another order, reversed, or laid out anew by a reshape."""
    ndim = pairs[0][1].ndim
    orders, axes = list(itertools.permutations(range(ndim)))[1:], range(ndim)
    for order in orders:
        yield "transposed", f"it is right after a transposition: its axes come in the order {order}", _transpose(order)
    for flipped in itertools.chain.from_iterable(itertools.combinations(axes, count) for count in range(1, ndim + 1)):
        yield "reversed", f"it is right but reversed along {_axes(flipped)}", _flip(flipped)
    for axis in axes:
        for step, where in ((1, "later"), (-1, "earlier")):
            yield "moved", f"it is right but one place {where} along axis {axis}, in a ring", _roll(step, axis)
    if "kernel_h" in pairs[0][2]:
        yield from _patch_moves(pairs)
    for order in orders:
        yield (
            "reshaped", "its numbers are right but in wrong places: a reshape stands where a transposition belongs "
            f"(they are laid out in the order {order} of its axes)", _lay_out(order),
        )  # fmt: skip
        yield (
            "reshaped", "its numbers are right but in wrong places: they are reshaped as if its axes came in the order "
            f"{order}, and then transposed", _lay_back(order),
        )  # fmt: skip


def _patch_moves(pairs: list[Pair]) -> Iterator[Observation]:
    """A matrix of patches with rows or columns in another order, taken apart into (n, oy, ox, ky, kx, c)."""
    names, reversals = ("n", "oy", "ox", "ky", "kx", "c"), itertools.product((1, -1), repeat=6)
    for steps, rows, columns in itertools.product(
        sorted(reversals, reverse=True), itertools.permutations(range(3)), itertools.permutations(range(3, 6))
    ):
        parts = ", ".join(f"{names[i]}{' reversed' * (steps[i] < 0)}" for i in (*rows, *columns))
        says = f"the right numbers in another order: rows and columns run over ({parts}), the last of each fastest"
        yield "reordered", f"{says}; it should be (n, oy, ox, ky, kx, c)", _rearrange(steps, (*rows, *columns))


def _rearrange(steps: tuple[int, ...], order: tuple[int, ...]) -> Turn:
    def turn(b: NDArray, case: Case) -> NDArray:
        images, height, width, channels = case["x"].shape
        sizes = (height, case["kernel_h"]), (width, case["kernel_w"])
        down, across = ((size + 2 * case["padding"] - kernel) // case["stride"] + 1 for size, kernel in sizes)
        parts = b.reshape(images, down, across, case["kernel_h"], case["kernel_w"], channels)
        return parts[tuple(slice(None, None, step) for step in steps)].transpose(order).reshape(b.shape)

    return turn


def _roll(step: int, axis: int) -> Turn:
    return lambda b, case: np.roll(b, step, axis)


def _transpose(order: tuple[int, ...]) -> Turn:
    return lambda b, case: b.transpose(order)


def _flip(axes: tuple[int, ...]) -> Turn:
    return lambda b, case: np.flip(b, axes)


def _lay_out(order: tuple[int, ...]) -> Turn:
    return lambda b, case: b.transpose(order).reshape(b.shape)


def _lay_back(order: tuple[int, ...]) -> Turn:
    return lambda b, case: b.reshape([b.shape[axis] for axis in order]).transpose(np.argsort(order))


def _first_or_last(pairs: list[Pair]) -> Iterator[Observation]:
    """Right in one place of an axis only, or wrong there only."""
    for axis in range(min(b.ndim for _, b, _ in pairs)):
        for index, word in ((0, "first"), (-1, "last")):
            where = f"the {word} index of {_axes((axis,))}"
            yield f"{word}-only", f"it is written at {where} only, 0 elsewhere", _only(axis, index, True)
            yield f"{word}-missing", f"it is right but for {where}, which is 0", _only(axis, index, False)


def _only(axis: int, index: int, kept: bool) -> Turn:
    def turn(b: NDArray, case: Case) -> NDArray:
        place = np.zeros(b.shape[axis], bool)
        place[index] = True
        return b * np.expand_dims(place == kept, [i for i in range(b.ndim) if i != axis])

    return turn


def _axes(axes: tuple[int, ...]) -> str:
    return f"ax{'i' if len(axes) == 1 else 'e'}s {', '.join(map(str, axes))}"
