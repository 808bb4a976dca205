"""Slopes by moving numbers: the independent measurement that ``gradcheck`` holds gradients against.

Nothing here looks at a ``backward``. A function of arrays is called again and again, with one element of one array
moved a little up and a little down.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from ._gradcheck_hints import Mismatch, explain

MAX_SKIPPED = 0.02  # share of an array's elements that may sit on a kink; one element always may
NOISE = 32 * np.finfo(np.float64).eps  # rounding of a forward, generously, relative to its outputs


@dataclasses.dataclass(frozen=True)
class Row:
    """What the check found for one array.

    Attributes
    ----------
    subject : str
        The layer, loss or model.
    name : str
        ``"dx"``, ``"weight.grad"``, ``"layers[2].bias.grad"``, ``"doutputs"``.
    error : float
        ``max|a - n| / max(max|a|, max|n|)`` of the analytic and the numeric gradient; infinite where NaN or infinity
        occurs or the gradient is missing.
    index : tuple of int, or None
        The element with the largest difference.
    analytic, numeric : float
        The two values there.
    elements, skipped : int
        How many elements were checked, and how many of them sit on a kink and were left out.
    tolerance : float
        `error` must be below it.
    hint : str
        What is probably wrong, where it can be told.
    """

    subject: str
    name: str
    error: float
    index: tuple[int, ...] | None
    analytic: float
    numeric: float
    elements: int
    skipped: int
    tolerance: float
    hint: str = ""

    @property
    def too_many_skipped(self) -> bool:
        """Whether so many elements sit on a kink that the check says nothing."""
        return self.skipped > max(1, MAX_SKIPPED * self.elements) or self.skipped == self.elements

    @property
    def passed(self) -> bool:
        """Whether the gradient is right; NaN compares false and so never passes."""
        return self.error < self.tolerance and not self.too_many_skipped

    def __str__(self) -> str:
        if self.passed:
            return f"{self.subject}: {self.name} is right: error {self.error:.1e}, {self.elements} elements"
        if self.error < self.tolerance:
            return (
                f"{self.subject}: {self.name}: {self.skipped} of {self.elements} elements sit on a kink (halving the "
                f"step changes the slope), expected at most {MAX_SKIPPED:.0%}; give an x without zeros before ReLU and "
                "ties in MaxPool2D, fewer rows, or another step"
            )
        place = "" if self.index is None else str(list(self.index))
        return (
            f"{self.subject}: {self.name}{place} is wrong: analytic {self.analytic:.10g}, numeric {self.numeric:.10g}; "
            f"error {self.error:.1e}, expected below {self.tolerance:.0e}" + (f"; {self.hint}" if self.hint else "")
        )


class Slopes:
    r"""Slopes of ``s = <cotangent, f>``, a number, while one array that f reads is moved.

    The central difference

    .. math:: \frac{s(x + h) - s(x - h)}{2h} = s'(x) + \frac{h^2}{6} s'''(x) + \ldots

    errs by two things: the curve (the second term, nothing at all where f is linear) and rounding (about
    ``1e-16 * |s| / h``). The smaller h, the less of the first and the more of the second; they meet near h = 1e-5, at
    an error of some 1e-10.

    The outputs are subtracted before they are summed, so that those which x does not reach cancel exactly.

    Parameters
    ----------
    function : callable () -> ndarray
        f at the arrays' present values; must return a new array at each call.
    cotangent : ndarray
        Of the shape of f's result: weighs the outputs, so that one number is left to differentiate.
    subject : str
        For the message, if f is not a function: it gives two results for one input.
    """

    def __init__(self, function: Callable[[], NDArray], cotangent: NDArray, subject: str) -> None:
        self.function = function
        self.cotangent = cotangent
        self.middle = function()
        if not np.array_equal(self.middle, function(), equal_nan=True):
            raise ValueError(
                f"{subject}: expected the same outputs from the same input, got different ones; name the generator "
                "(and whatever else a training forward changes) in state_names, so that it can be set back"
            )

    def difference(self, y1: NDArray, y2: NDArray) -> float:
        """<cotangent, y1 - y2>."""
        return float(np.sum(self.cotangent * (y1 - y2)))

    def moved(self, array: NDArray, where: Any, by: float) -> NDArray:
        """f with ``array[where]`` moved."""
        before = array[where].copy()
        array[where] = before + by
        y = self.function()
        array[where] = before
        return y

    def central(self, array: NDArray, where: Any, h: float) -> float:
        """The central difference at ``array[where]``."""
        return self.difference(self.moved(array, where, h), self.moved(array, where, -h)) / (2 * h)

    def has_kink(self, array: NDArray, where: Any, h: float, gap: float) -> bool:
        """Whether a kink between x - h and x + h explains that the central difference is off by `gap`.

        Halve the step. On a smooth curve the central difference stays, and the bend, which is how far the slope to
        the right exceeds the slope to the left (h * s''), halves. A kink at distance t changes the slope by J and
        breaks one of the two rules: the difference moves by J t / 2h (from t = h / 2 on by J (h - t) / 2h), the bend
        misses its half by J |h - 3t| / h. The larger is always above a third of the error J (h - t) / 2h. The
        gradient under test has no part in this, so no wrong one is excused at a smooth place.
        """
        centrals, bends = [], []
        for step in (h, h / 2):
            above, below = self.moved(array, where, step), self.moved(array, where, -step)
            centrals.append(self.difference(above, below) / (2 * step))
            bends.append((self.difference(above, self.middle) - self.difference(self.middle, below)) / step)
        return max(abs(centrals[0] - centrals[1]), abs(bends[0] - 2 * bends[1])) > gap / 4

    def noise(self, h: float) -> float:
        """Size below which a slope may be nothing but rounding."""
        return float(NOISE * np.linalg.norm(self.cotangent * self.middle) / h)


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to measure: the step, the tolerance, and at most how many elements of an array."""

    step: float
    tolerance: float
    max_elements: int | None
    rng: np.random.Generator

    def h(self, array: NDArray) -> float:
        """The step, larger for an array whose elements spread widely (pixels from 0 to 255).

        Multiplied by a power of two: as long as the step is one, too, x + h and x - h are exact.
        """
        spread = max(1.0, float(array.std()))
        return float(self.step * 2.0 ** np.floor(np.log2(spread)))

    def choose(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Every index of an array of this shape, or `max_elements` random ones."""
        indices = list(np.ndindex(shape))
        if self.max_elements is None or len(indices) <= self.max_elements:
            return indices
        chosen = self.rng.choice(len(indices), self.max_elements, replace=False)
        return [indices[i] for i in sorted(chosen)]


def check_array(
    slopes: Slopes, settings: Settings, subject: str, name: str, array: NDArray, claimed: Any, **context: Any
) -> Row:
    """Hold the claimed gradient of `array` against measured slopes; `context` goes to the hints."""
    if not isinstance(claimed, np.ndarray) or claimed.shape != array.shape:
        got = f"shape {claimed.shape}" if isinstance(claimed, np.ndarray) else repr(claimed)
        hint = f"expected a gradient of shape {array.shape}, got {got}"
        nan = float("nan")
        return Row(subject, name, float("inf"), None, nan, nan, array.size, 0, settings.tolerance, hint)
    indices, h = settings.choose(array.shape), settings.h(array)
    numeric = np.array([slopes.central(array, i, h) for i in indices])
    analytic = np.array([claimed[i] for i in indices], np.float64)
    skipped = _find_kinks(slopes, settings, array, indices, analytic, numeric)
    numeric[skipped] = analytic[skipped]
    gaps = np.abs(analytic - numeric)
    finite = bool(np.isfinite(gaps).all())
    worst = int(np.argmax(gaps if finite else ~np.isfinite(gaps)))
    scale = _scale(analytic, numeric, skipped)
    if scale <= slopes.noise(h) < np.inf:  # both are zero, as far as can be measured
        error = 0.0
    else:
        error = float(gaps[worst] / scale) if finite else float("inf")
    hint = ""
    if not error < settings.tolerance:
        shape = array.shape if len(indices) == array.size else (len(indices),)
        hint = explain(Mismatch(name, analytic.reshape(shape), numeric.reshape(shape), **context))
    return Row(
        subject, name, error, tuple(map(int, indices[worst])), float(analytic[worst]), float(numeric[worst]),
        len(indices), int(skipped.sum()), settings.tolerance, hint,
    )


def _find_kinks(
    slopes: Slopes, settings: Settings, array: NDArray, indices: list, analytic: NDArray, numeric: NDArray
) -> NDArray:
    """Return which elements disagree because of a kink: bool. Only those that disagree are looked at."""
    h = settings.h(array)
    gaps = np.abs(analytic - numeric)
    skipped = np.zeros(len(indices), bool)
    while True:  # again, because a jump found now may have made the scale, and so the tolerance, far too large
        scale = _scale(analytic, numeric, skipped)
        if scale <= slopes.noise(h):
            return skipped
        suspects = np.flatnonzero((gaps >= settings.tolerance * scale) & ~skipped)
        kinks = [k for k in suspects if slopes.has_kink(array, indices[k], h, gaps[k])]
        if not kinks:
            return skipped
        skipped[kinks] = True


def _scale(analytic: NDArray, numeric: NDArray, skipped: NDArray) -> float:
    """The largest magnitude in either, but for skipped elements; NaN if there is one."""
    return float(np.maximum(np.abs(analytic), np.abs(numeric))[~skipped].max(initial=0))


def check_sum(
    slopes: Slopes, settings: Settings, subject: str, name: str, array: NDArray, claimed: NDArray
) -> list[Row]:
    """Judge elements on kinks together: ties stay ties while everything moves by the same amount.

    So a maximum over ties is smooth in that direction, and its slope is the sum of the gradient. No row where even
    this direction has a kink (zeros before ReLU).
    """
    h = settings.h(array)
    analytic, numeric = float(claimed.sum()), slopes.central(array, ..., h)
    gap, scale = abs(analytic - numeric), float(np.abs(claimed).sum())
    if gap >= settings.tolerance * scale and slopes.has_kink(array, ..., h, gap):
        return []
    error = gap / scale if scale > 0 else gap
    hint = "" if error < settings.tolerance else "tied elements share one slope: is more than one of them credited?"
    return [Row(subject, f"sum of {name}", error, None, analytic, numeric, 1, 0, settings.tolerance, hint)]
