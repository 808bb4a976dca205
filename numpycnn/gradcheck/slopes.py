"""Slopes by moving numbers: the independent measurement that ``gradcheck`` holds gradients against.

Nothing here looks at a ``backward``. A function of arrays is called again and again, with one element of one array (or
all of it, along a direction) moved a little up and a little down; or, where it takes complex numbers, sideways.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from .hints import Mismatch, explain, few_digits

MAX_SKIPPED = 0.02  # share of an array's elements that may sit on a kink; one element always may
NOISE = 32 * np.finfo(np.float64).eps  # rounding of a forward, generously, relative to its outputs
EXACT_TOLERANCE = 1e-12  # where a difference errs by rounding alone
EXCUSED = 1e-3  # what a measurement may be unsure of, relative to the largest slope of an array
TINY = 2.0**-80  # of the complex step, relative to a real one: its square is lost in every sum


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
        ``max|a - n| / max(max|a|, max|n|)`` of the analytic and the numeric gradient (along random directions
        relative to the gradient's length); infinite where NaN or infinity occurs or the gradient is missing.
    index : tuple of int, or None
        The element with the largest difference; None for directions.
    analytic, numeric : float
        The two values there.
    elements, skipped : int
        How many elements (or directions) were checked, and how many of them cross a kink and were left out.
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
    words = "analytic", "numeric"

    @property
    def too_many_skipped(self) -> bool:
        """Whether so many elements sit on a kink that the check says nothing."""
        return _too_many(self.skipped, self.elements)

    @property
    def passed(self) -> bool:
        """Whether the gradient is right; NaN compares false and so never passes."""
        return self.error < self.tolerance and not self.too_many_skipped

    def __str__(self) -> str:
        if self.passed:
            return f"{self.subject}: {self.name} is right: error {self.error:.1e}, {self.elements} elements"
        if self.error < self.tolerance:
            return (
                f"{self.subject}: {self.name}: {self.skipped} of {self.elements} elements sit on a kink, expected at "
                f"most {MAX_SKIPPED:.0%}; give an x without zeros before ReLU and ties in MaxPool2D, biases other than "
                "0 where x is blank, or fewer rows" + (f"; or {self.hint}" if self.hint else "")
            )
        place = "" if self.index is None else str(list(self.index))
        return (
            f"{self.subject}: {self.name}{place} is wrong: {self.words[0]} {self.analytic:.10g}, {self.words[1]} "
            f"{self.numeric:.10g}; error {self.error:.1e}, expected below {self.tolerance:.0e}"
            + (f"; {self.hint}" if self.hint else "")
        )


def _too_many(skipped: int, elements: int) -> bool:
    """Whether so many elements sit on a kink that the check says nothing."""
    return skipped > max(1, MAX_SKIPPED * elements) or skipped == elements


@dataclasses.dataclass(frozen=True)
class Probe:
    """One way to move an array: ``array[where] += h * direction``; an element, or everything along a direction."""

    where: Any = ...
    direction: Any = 1.0

    def along(self, gradient: NDArray) -> float:
        """The slope that a gradient promises in this direction."""
        return float(np.sum(gradient[self.where] * self.direction))


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
    choices : callable () -> list of ndarray, optional
        Which way the latest call of `function` went wherever it had a choice: ReLU's masks, the winners of maxima. A
        kink lies between x - h and x + h where they differ. Default: kinks are found from f's values alone.
    """

    def __init__(
        self, function: Callable[[], NDArray], cotangent: NDArray,
        choices: Callable[[], list[NDArray]] | None = None,
    ) -> None:
        self.function = function
        self.cotangent = cotangent
        self.choices = choices
        self.middle = function()
        self._chosen = choices() if choices else []

    @property
    def judges_by_values(self) -> bool:
        """Whether kinks have to be found from f's values, because nobody recorded which way it went."""
        return self.choices is None

    def difference(self, y1: NDArray, y2: NDArray) -> float:
        """<cotangent, y1 - y2>."""
        return float(np.sum(self.cotangent * (y1 - y2)))

    def moved(self, array: NDArray, probe: Probe, by: complex) -> NDArray:
        """f with the array moved along the probe."""
        before = array[probe.where].copy()
        array[probe.where] = before + by * probe.direction
        y = self.function()
        array[probe.where] = before
        return y

    def measure(self, array: NDArray, probe: Probe, h: float) -> tuple[float, bool]:
        """Return the central difference, and whether a recorded choice differs between x - h, x and x + h."""
        above = self.moved(array, probe, h)
        crossed = self._went_another_way()
        below = self.moved(array, probe, -h)
        crossed = crossed or self._went_another_way()
        return self.difference(above, below) / (2 * h), crossed

    def refined(self, array: NDArray, probe: Probe, h: float) -> tuple[float, float]:
        """Return the slope from many steps together, and how far off it may be: infinite if all of them cross a kink.

        The central difference errs by a h^2 + b h^4 + ..., so 4/3 of that of a step less 1/3 of that of twice the step
        lacks the first term; of three steps the second goes, too, and so on. Of all these the one is taken that differs
        least from those it was made of: there the curve is spent, and rounding has not come yet. The gradient under
        test has no part in this. (Ridders 1982, "Accurate computation of F'(x) and F'(x) F''(x)".)
        """
        slope, off, longer = 0.0, float("inf"), list[float]()
        for step in h * 2.0 ** np.arange(9, -7, -1):
            central, crossed = self.measure(array, probe, step)
            if crossed:
                longer = []
                continue
            row = [central]
            for power, earlier in enumerate(longer, 1):
                row.append(row[-1] + (row[-1] - earlier) / (4**power - 1))
                apart = max(abs(row[-1] - row[-2]), abs(row[-1] - earlier), self.noise(step))
                if apart < off:
                    slope, off = row[-1], apart
            longer = row
        return slope, off

    def _went_another_way(self) -> bool:
        """Whether the latest call of f chose otherwise than the one in the middle."""
        if self.choices is None:
            return False
        return any(not np.array_equal(now, then) for now, then in zip(self.choices(), self._chosen))

    def has_kink(self, array: NDArray, probe: Probe, h: float, gap: float) -> bool:
        """Whether a kink between x - h and x + h explains that the central difference is off by `gap`.

        Halve the step. On a smooth curve the central difference stays, and the bend, which is how far the slope to
        the right exceeds the slope to the left (h * s''), halves. A kink at distance t changes the slope by J and
        breaks one of the two rules: the difference moves by J t / 2h (from t = h / 2 on by J (h - t) / 2h), the bend
        misses its half by J |h - 3t| / h. The larger is always above a third of the error J (h - t) / 2h. The
        gradient under test has no part in this, so no wrong one is excused at a smooth place.
        """
        centrals, bends = [], []
        for step in (h, h / 2):
            above, below = self.moved(array, probe, step), self.moved(array, probe, -step)
            centrals.append(self.difference(above, below) / (2 * step))
            bends.append((self.difference(above, self.middle) - self.difference(self.middle, below)) / step)
        return max(abs(centrals[0] - centrals[1]), abs(bends[0] - 2 * bends[1])) > gap / 4

    def noise(self, h: float) -> float:
        """Size below which a slope may be nothing but rounding.

        Outputs of nearly 0, such as the loss of a softmax that is sure, may be what is left of numbers about 1.
        """
        size = float(np.linalg.norm(self.cotangent * self.middle))
        return NOISE * (1.0 if size < np.finfo(np.float64).eps else size) / h


class ComplexSlopes(Slopes):
    r"""The same by a complex step, for an f that computes in complex numbers: no difference, so nothing cancels.

    .. math:: \frac{\mathrm{Im}\, s(x + i h)}{h} = s'(x) - \frac{h^2}{6} s'''(x) + \ldots

    With h = 1e-24 the second term is lost: what is left is the derivative to the last digits. Nothing crosses a kink,
    since the real parts, by which NumPy orders complex numbers, stay where they are. f has to be analytic: built from
    sums, products and functions such as exp, with no conjugate and no modulus.

    Squire and Trapp, "Using complex variables to estimate derivatives of real functions" (1998).
    """

    def __init__(self, function: Callable[[], NDArray], cotangent: NDArray) -> None:
        super().__init__(function, cotangent, choices=list)  # none that could differ
        if self.middle.dtype.kind != "c":
            raise TypeError(f"expected a forward that computes in complex numbers, got {self.middle.dtype}")

    def measure(self, array: NDArray, probe: Probe, h: float) -> tuple[float, bool]:
        """Return the imaginary part over the step; there is no kink."""
        step = h * TINY
        return float(np.sum(self.cotangent * self.moved(array, probe, 1j * step).imag)) / step, False

    def refined(self, array: NDArray, probe: Probe, h: float) -> tuple[float, float]:
        """Return the same once more: it is exact."""
        return self.measure(array, probe, h)[0], 0.0


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes
    ----------
    step, tolerance : float
    max_elements : int, optional
        Of an array, at most.
    rng : numpy.random.Generator
        Chooses them.
    directions : int, optional
        How many to take instead of elements.
    """

    step: float
    tolerance: float
    max_elements: int | None
    rng: np.random.Generator
    directions: int | None = None

    def h(self, array: NDArray) -> float:
        """The step, larger for an array whose elements spread widely (pixels from 0 to 255).

        Multiplied by a power of two: as long as the step is one, too, x + h and x - h are exact.
        """
        spread = max(1.0, float(array.std()))
        return float(self.step * 2.0 ** np.floor(np.log2(spread)))

    def probes(self, shape: tuple[int, ...]) -> list[Probe]:
        """Random directions, if they are wanted; else every element, or `max_elements` random ones."""
        if self.directions is not None:
            return [Probe(..., self.rng.standard_normal(shape)) for _ in range(self.directions)]
        indices = list(np.ndindex(shape))
        if self.max_elements is not None and len(indices) > self.max_elements:
            chosen = self.rng.choice(len(indices), self.max_elements, replace=False)
            indices = [indices[i] for i in sorted(chosen)]
        return [Probe(i) for i in indices]


def check_array(
    slopes: Slopes, settings: Settings, subject: str, name: str, array: NDArray, claimed: Any, **context: Any
) -> Row:
    """Hold the claimed gradient of `array` against measured slopes; `context` goes to the hints."""
    if not isinstance(claimed, np.ndarray) or claimed.shape != array.shape:
        got = f"shape {claimed.shape}" if isinstance(claimed, np.ndarray) else repr(claimed)
        hint = f"expected a gradient of shape {array.shape}, got {got}"
        nan = float("nan")
        return Row(subject, name, float("inf"), None, nan, nan, array.size, 0, settings.tolerance, hint)
    probes, h = settings.probes(array.shape), settings.h(array)
    measured = [slopes.measure(array, probe, h) for probe in probes]
    numeric, skipped = np.array([slope for slope, _ in measured]), np.array([crossed for _, crossed in measured])
    analytic = np.array([probe.along(claimed) for probe in probes])
    # Along directions slopes spread as widely as the gradient is long, and a small one is chance.
    smallest = 0.0 if settings.directions is None else float(np.linalg.norm(claimed))
    gaps = _unexplained(slopes, settings, array, probes, analytic, numeric, skipped, smallest)
    finite = bool(np.isfinite(gaps).all())
    worst = int(np.argmax(gaps if finite else ~np.isfinite(gaps)))
    scale, error = _scale(analytic, numeric, skipped), float("inf")
    moved = np.sqrt(array.size) if settings.directions is not None else 1.0  # elements at once, each with its rounding
    if scale <= slopes.noise(h) * moved < np.inf:  # both are zero, as far as can be measured
        error = 0.0
    elif finite:
        error = float(gaps[worst] / np.maximum(smallest, scale))
    hint = ""
    if not error < settings.tolerance:
        shape = array.shape if len(probes) == array.size and settings.directions is None else (len(probes),)

        def part(gradient: NDArray) -> NDArray:
            return np.array([probe.along(gradient) for probe in probes]).reshape(shape)

        hint = explain(Mismatch(name, analytic.reshape(shape), numeric.reshape(shape), part, **context))
    if not error < settings.tolerance or _too_many(int(skipped.sum()), len(probes)):
        hint = few_digits(slopes.middle, array) or hint
    where = probes[worst].where
    return Row(
        subject, name, error, None if where is ... else tuple(map(int, where)), float(analytic[worst]),
        float(numeric[worst]), len(probes), int(skipped.sum()), settings.tolerance, hint,
    )


def _unexplained(
    slopes: Slopes, settings: Settings, array: NDArray, probes: list[Probe], analytic: NDArray, numeric: NDArray,
    skipped: NDArray, smallest: float,
) -> NDArray:
    """Return `_gaps`, once kinks that nobody recorded are found among what disagrees, and are `skipped`."""
    h = settings.h(array)
    while True:  # again, because a jump found now may have made the scale, and so the tolerance, far too large
        gaps = _gaps(slopes, settings, array, probes, analytic, numeric, skipped, smallest)
        scale = _scale(analytic, numeric, skipped)
        if not slopes.judges_by_values or scale <= slopes.noise(h):
            return gaps
        suspects = np.flatnonzero((gaps >= settings.tolerance * np.maximum(smallest, scale)) & ~skipped)
        kinks = [k for k in suspects if slopes.has_kink(array, probes[k], h, gaps[k])]
        if not kinks:
            return gaps
        skipped[kinks] = True


def _gaps(
    slopes: Slopes, settings: Settings, array: NDArray, probes: list[Probe], analytic: NDArray, numeric: NDArray,
    skipped: NDArray, smallest: float,
) -> NDArray:
    """Return how far each claimed slope is from the measured one, beyond what the measurement itself may be off.

    What disagrees by little is measured once more, by many steps, and so is what crosses a kink, if that is too much;
    `numeric` and `skipped` are updated.
    """
    h = settings.h(array)
    scale = np.maximum(smallest, _scale(analytic, numeric, skipped))
    unsure = max(EXCUSED * scale, slopes.noise(h))
    gaps = np.where(skipped, 0.0, np.abs(analytic - numeric))
    doubtful = (gaps > settings.tolerance * scale) & (gaps <= unsure)
    if not slopes.judges_by_values and _too_many(int(skipped.sum()), len(probes)):
        doubtful |= skipped
    for k in np.flatnonzero(doubtful):
        slope, off = slopes.refined(array, probes[k], h)
        if off <= unsure:
            numeric[k], skipped[k] = slope, False
            gaps[k] = max(0.0, abs(analytic[k] - slope) - off)
    numeric[skipped] = analytic[skipped]
    return gaps


def _scale(analytic: NDArray, numeric: NDArray, skipped: NDArray) -> float:
    """The largest magnitude in either, without skipped elements; NaN if there is one."""
    return float(np.maximum(np.abs(analytic), np.abs(numeric))[~skipped].max(initial=0))


def check_sum(
    slopes: Slopes, settings: Settings, subject: str, name: str, array: NDArray, claimed: NDArray
) -> list[Row]:
    """Judge elements on kinks together: ties stay ties while everything moves by the same amount.

    So a maximum over ties is smooth in that direction, and its slope is the sum of the gradient. No row where even
    this direction has a kink (zeros before ReLU).
    """
    h, everything = settings.h(array), Probe()
    analytic, (numeric, crossed) = everything.along(claimed), slopes.measure(array, everything, h)
    gap, scale = abs(analytic - numeric), float(np.abs(claimed).sum())
    if slopes.judges_by_values and gap >= settings.tolerance * scale:
        crossed = slopes.has_kink(array, everything, h, gap)
    if crossed:
        return []
    error = gap / scale if scale > 0 else gap
    hint = "" if error < settings.tolerance else "tied elements share one slope: is more than one of them credited?"
    return [Row(subject, f"sum of {name}", error, None, analytic, numeric, 1, 0, settings.tolerance, hint)]
