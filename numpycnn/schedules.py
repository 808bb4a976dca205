"""Learning-rate schedules: the rate as a function of the step, counted from 0 in optimizer steps."""

from __future__ import annotations

import bisect
import math
from typing import Sequence

from .checks import check_count, check_flag, check_fraction, check_list, check_positive
from .configured import Configured


class Schedule(Configured):
    """Base of the schedules: call it with the number of steps already taken."""

    def __call__(self, step: int) -> float:
        """Return the learning rate of this step."""
        raise NotImplementedError(f"{type(self).__name__} has to define __call__(step)")


class Constant(Schedule):
    """The same rate at every step."""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = check_positive(learning_rate, "learning_rate", zero_allowed=True)

    def __call__(self, step: int) -> float:
        check_count(step, "step", minimum=0)
        return self.learning_rate


class StepDecay(Schedule):
    """Multiply the rate by `factor` after every `step_size` steps: ``rate * factor ** (step // step_size)``.

    Raises
    ------
    ValueError, TypeError
        An argument out of range; at the call, a rate that has grown beyond the largest number, with a factor above 1.
    """

    def __init__(self, learning_rate: float, step_size: int, factor: float = 0.1) -> None:
        self.learning_rate = check_positive(learning_rate, "learning_rate", zero_allowed=True)
        self.step_size = check_count(step_size, "step_size")
        self.factor = check_positive(factor, "factor")

    def __call__(self, step: int) -> float:
        step = check_count(step, "step", minimum=0)
        times = min(step // self.step_size, 2**53)  # a power takes no larger number
        try:
            rate = self.learning_rate * self.factor**times
        except OverflowError:
            rate = math.inf if self.learning_rate else 0.0
        if rate == math.inf:
            raise ValueError(f"{self!r}: the rate at step {step} is too large a number; use a factor of at most 1")
        return rate


class CosineDecay(Schedule):
    r"""Half a cosine from the first rate down to `final_rate` over `steps` steps, and `final_rate` after.

    .. math:: r(t) = r_{final} + (r_0 - r_{final}) \frac{1 + \cos(\pi t / T)}{2}

    Loshchilov and Hutter, "SGDR" (2017), eq. 5, without restarts.
    """

    def __init__(self, learning_rate: float, steps: float, final_rate: float = 0.0) -> None:
        self.learning_rate = check_positive(learning_rate, "learning_rate", zero_allowed=True)
        self.steps = _length(steps, "steps")
        self.final_rate = check_positive(final_rate, "final_rate", zero_allowed=True)

    def __call__(self, step: int) -> float:
        position = min(check_count(step, "step", minimum=0), self.steps) / self.steps
        return _cosine(self.learning_rate, self.final_rate, position)


class OneCycle(Schedule):
    """Rise from ``peak_rate / start_factor`` to the peak, then fall to ``peak_rate / end_factor``; both half cosines.

    Parameters
    ----------
    peak_rate : float
        Highest learning rate.
    steps : int
        Length of the cycle in optimizer steps: epochs times batches an epoch.
    warmup : float
        Fraction of the way from the first step to the last at which the peak is.
    start_factor, end_factor : float
        The peak divided by these is the rate of the first step (number 0) and of the last (number ``steps - 1``).

    References
    ----------
    Smith and Topin, "Super-convergence" (2018).
    """

    def __init__(
        self, peak_rate: float, steps: int, warmup: float = 0.3, start_factor: float = 25.0, end_factor: float = 1e4
    ) -> None:
        self.peak_rate = check_positive(peak_rate, "peak_rate")
        self.steps = check_count(steps, "steps")
        self.warmup = check_fraction(warmup, "warmup")
        self.start_factor = check_positive(start_factor, "start_factor")
        self.end_factor = check_positive(end_factor, "end_factor")
        for name in ("start_factor", "end_factor"):
            check_positive(self.peak_rate / getattr(self, name), f"peak_rate / {name}", zero_allowed=True)

    def __call__(self, step: int) -> float:
        last = max(self.steps - 1, 1)
        position, peak_at = min(check_count(step, "step", minimum=0), last) / last, self.warmup
        if position < peak_at:
            return _cosine(self.peak_rate / self.start_factor, self.peak_rate, position / peak_at)
        return _cosine(self.peak_rate, self.peak_rate / self.end_factor, (position - peak_at) / (1 - peak_at))


class ExponentialDecay(Schedule):
    """Multiply the rate by `decay_rate` in `decay_steps` steps: ``rate * decay_rate ** (step / decay_steps)``.

    With `staircase` the exponent is a whole number, the floor of that: ``StepDecay`` under Keras's name.
    """

    def __init__(self, learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False) -> None:
        self.learning_rate = check_positive(learning_rate, "learning_rate", zero_allowed=True)
        self.decay_steps = _length(decay_steps, "decay_steps")
        self.decay_rate = check_fraction(check_positive(decay_rate, "decay_rate"), "decay_rate", one_allowed=True)
        self.staircase = check_flag(staircase, "staircase")

    def __call__(self, step: int) -> float:
        return self.learning_rate * self.decay_rate ** _times(step, self.decay_steps, self.staircase)


class InverseTimeDecay(Schedule):
    """Divide the rate by a number that grows with time: ``rate / (1 + decay_rate * step / decay_steps)``.

    With `staircase`, ``step / decay_steps`` is cut to a whole number. Keras before 3 did so for ``decay=``: with
    `decay_steps` of 1.
    """

    def __init__(self, learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False) -> None:
        self.learning_rate = check_positive(learning_rate, "learning_rate", zero_allowed=True)
        self.decay_steps = _length(decay_steps, "decay_steps")
        self.decay_rate = check_positive(decay_rate, "decay_rate", zero_allowed=True)
        self.staircase = check_flag(staircase, "staircase")

    def __call__(self, step: int) -> float:
        return self.learning_rate / (1 + self.decay_rate * _times(step, self.decay_steps, self.staircase))


class PolynomialDecay(Schedule):
    r"""Fall from the first rate to `final_rate` in `steps` steps, on a straight line or, with `power`, a bent one.

    .. math:: r(t) = r_{final} + (r_0 - r_{final}) (1 - t / T)^{power}
    """

    def __init__(self, learning_rate: float, steps: float, final_rate: float = 1e-4, power: float = 1.0) -> None:
        self.learning_rate = check_positive(learning_rate, "learning_rate", zero_allowed=True)
        self.steps = _length(steps, "steps")
        self.final_rate = check_positive(final_rate, "final_rate", zero_allowed=True)
        self.power = check_positive(power, "power")

    def __call__(self, step: int) -> float:
        left = 1 - min(check_count(step, "step", minimum=0), self.steps) / self.steps
        return self.final_rate + (self.learning_rate - self.final_rate) * left**self.power


class PiecewiseConstant(Schedule):
    """One rate up to the first boundary and at it, another after it up to the second, and so on.

    Parameters
    ----------
    boundaries : list of int
        Steps, each larger than the one before.
    rates : list of float
        One more than there are boundaries.
    """

    def __init__(self, boundaries: Sequence[int], rates: Sequence[float]) -> None:
        steps = check_list(boundaries, "boundaries", "a list of steps")
        self.boundaries = [check_count(step, "boundaries", minimum=0) for step in steps]
        values = check_list(rates, "rates", "a list of rates")
        self.rates = [check_positive(rate, "rates", zero_allowed=True) for rate in values]
        if sorted(set(self.boundaries)) != self.boundaries or len(self.rates) != len(self.boundaries) + 1:
            found = f"{len(self.rates)} rates and the boundaries {self.boundaries}"
            raise ValueError(f"boundaries: expected rising steps, and one more of rates, got {found}")

    def __call__(self, step: int) -> float:
        return self.rates[bisect.bisect_left(self.boundaries, check_count(step, "step", minimum=0))]


def _length(steps: float, name: str) -> float:
    """Return a number of steps, of which a part may be left: ``epochs * len(x) / batch_size``."""
    return check_positive(steps, name) if isinstance(steps, float) else check_count(steps, name)


def _times(step: int, decay_steps: float, staircase: bool) -> float:
    """Return how often a decay has taken place."""
    step = min(check_count(step, "step", minimum=0), 2**53)  # a power takes no larger number
    return step // decay_steps if staircase else step / decay_steps


def _cosine(start: float, end: float, position: float) -> float:
    """Go from start to end on half a cosine, position 0 to 1."""
    return end + (start - end) * (1 + math.cos(math.pi * position)) / 2


SCHEDULES: dict[str, type[Schedule]] = {
    c.__name__: c for c in (
        Constant, StepDecay, CosineDecay, OneCycle, ExponentialDecay, InverseTimeDecay, PolynomialDecay,
        PiecewiseConstant,
    )
}
