"""Learning-rate schedules: the rate as a function of the step, counted from 0 in optimizer steps."""

from __future__ import annotations

import math

from .checks import check_count, check_fraction, check_positive
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

    def __init__(self, learning_rate: float, steps: int, final_rate: float = 0.0) -> None:
        self.learning_rate = check_positive(learning_rate, "learning_rate", zero_allowed=True)
        self.steps = check_count(steps, "steps")
        self.final_rate = check_positive(final_rate, "final_rate", zero_allowed=True)

    def __call__(self, step: int) -> float:
        step = min(check_count(step, "step", minimum=0), self.steps)
        return _cosine(self.learning_rate, self.final_rate, step / self.steps)


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


def _cosine(start: float, end: float, position: float) -> float:
    """Go from start to end on half a cosine, position 0 to 1."""
    return end + (start - end) * (1 + math.cos(math.pi * position)) / 2


SCHEDULES: dict[str, type[Schedule]] = {c.__name__: c for c in (Constant, StepDecay, CosineDecay, OneCycle)}
