"""What can be seen of a wrong array beside the right one: a factor, a transposition, zeros. No guess is among them."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from .exercises import Case

Pair = tuple[NDArray, NDArray, Case]  # what came, what is right, and of which case


def same(a: NDArray, b: NDArray, tolerance: float | None = None) -> bool:
    """Whether two arrays are equal up to rounding (or up to a tolerance); NaN is equal to NaN."""
    if a.shape != b.shape:
        return False
    scale = float(np.abs(b[np.isfinite(b)]).max(initial=0))
    with np.errstate(invalid="ignore"):
        limit = max(1e-8 * scale, 1e-13) if tolerance is None else tolerance
        return bool(np.allclose(a, b, rtol=0, atol=limit, equal_nan=True))


def observe(name: str, pairs: list[Pair]) -> tuple[str, str] | None:
    """Return (identifier, sentence) of the first observation that holds in every case, or None.

    Parameters
    ----------
    name : str
        Of the output.
    pairs : list
        The cases in which something came; equal ones among them.
    """
    if any(not np.isfinite(right).all() for _, right, _ in pairs):
        return None
    for identifier, sentence, holds in _observations(name, pairs):
        if all(holds(*pair) for pair in pairs):
            return identifier, sentence
    return None


Observation = tuple[str, str, Callable[[NDArray, NDArray, Case], bool]]


def _observations(name: str, pairs: list[Pair]) -> Iterator[Observation]:
    yield f"{name}-zero", "it is zero everywhere: never written?", lambda a, b, case: a.shape == b.shape and not a.any()
    yield from _factors(name, pairs)
    yield (f"{name}-shape", "the numbers are right, but not its shape",
           lambda a, b, case: a.size == b.size and same(a.reshape(b.shape), b))
    for inputs in pairs[0][2]:
        yield (f"{name}-is-{inputs}", f"it is {inputs} itself",
               lambda a, b, case, inputs=inputs: same(a, np.asarray(case[inputs])))
    yield from _moves(name, pairs)
    yield (f"{name}-negative-cut", "it is right but for negative numbers, which are 0",
           lambda a, b, case: same(a, np.maximum(b, 0)))
    yield f"{name}-magnitude", "it is right but for the sign, which is lost", lambda a, b, case: same(a, np.abs(b))
    yield from _first_or_last(name, pairs)


def _factors(name: str, pairs: list[Pair]) -> Iterator[Observation]:
    factors = [_factor(a, b) for a, b, _ in pairs]
    for identifier, value, words in (
        ("sign", lambda case, b: -1.0, "the sign is flipped"),
        ("times-batch", lambda case, b: _batch(case), "it is N times too large, N being the rows of the batch"),
        ("over-batch", lambda case, b: 1 / _batch(case), "it is N times too small, N being the rows of the batch: "
         "divided once too often?"),
        ("negative-over-batch", lambda case, b: -1 / _batch(case), "it is divided by N, and its sign is flipped"),
        ("times-size", lambda case, b: float(b.size), "it is too large by the number of its elements"),
        ("over-size", lambda case, b: 1 / b.size, "it is too small by the number of its elements: a mean of them?"),
    ):  # fmt: skip
        yield (f"{name}-{identifier}", words, lambda a, b, case, value=value: same(a, value(case, b) * b))
    if not np.isnan(factors).all() and np.nanstd(factors) <= 1e-9 * abs(np.nanmean(factors)):
        factor = float(np.nanmean(factors))
        yield (f"{name}-scaled", f"it is right but for the factor {factor:.6g}",
               lambda a, b, case: same(a, factor * b))


def _factor(a: NDArray, b: NDArray) -> float:
    """The factor that makes a of b; NaN where b is 0."""
    if a.shape != b.shape or not b.any():
        return float("nan")
    return float(np.vdot(b, a) / np.vdot(b, b))


def _batch(case: Case) -> float:
    return float(len(next(value for value in case.values() if isinstance(value, np.ndarray))))


def _moves(name: str, pairs: list[Pair]) -> Iterator[Observation]:
    """Axes in another order, reversed, or laid out anew by a reshape."""
    ndim = pairs[0][1].ndim
    axes = list(range(ndim))
    if any(b.ndim != ndim for _, b, _ in pairs):
        return
    for order in list(itertools.permutations(axes))[1:]:
        yield (f"{name}-transposed", f"it is right after a transposition: its axes come in the order {order}",
               lambda a, b, case, order=order: same(a, b.transpose(order)))
    for count in range(1, ndim + 1):
        for flipped in itertools.combinations(axes, count):
            yield (f"{name}-reversed", f"it is right but reversed along {_axes(flipped)}",
                   lambda a, b, case, flipped=flipped: same(a, np.flip(b, flipped)))
    for order in list(itertools.permutations(axes))[1:]:
        yield (f"{name}-reshaped",
               f"its numbers are right but in wrong places: a reshape stands where a transposition belongs (they are "
               f"laid out in the order {order} of its axes)",
               lambda a, b, case, order=order: a.size == b.size
               and same(a.reshape(b.shape), b.transpose(order).reshape(b.shape)))


def _first_or_last(name: str, pairs: list[Pair]) -> Iterator[Observation]:
    """Right in one place of an axis only, or wrong there only."""
    for axis in range(min(b.ndim for _, b, _ in pairs)):
        for index, word in ((0, "first"), (-1, "last")):
            yield (f"{name}-{word}-only", f"it is written at the {word} index of {_axes((axis,))} only, 0 elsewhere",
                   lambda a, b, case, axis=axis, index=index: a.shape == b.shape and same(a, _only(b, axis, index)))
            yield (f"{name}-{word}-missing", f"it is right but for the {word} index of {_axes((axis,))}, which is 0",
                   lambda a, b, case, axis=axis, index=index: a.shape == b.shape
                   and same(a, b - _only(b, axis, index)))


def _only(b: NDArray, axis: int, index: int) -> NDArray:
    kept: Any = [slice(None)] * b.ndim
    kept[axis] = index
    result = np.zeros(b.shape)
    result[tuple(kept)] = b[tuple(kept)]
    return result


def _axes(axes: tuple[int, ...]) -> str:
    return f"ax{'i' if len(axes) == 1 else 'e'}s {', '.join(map(str, axes))}"
