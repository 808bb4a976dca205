"""Learning-rate schedules: the rate as a function of the step, counted from 0 in optimizer steps."""

from __future__ import annotations

import math
from typing import Any

from .checks import check_count, check_fraction, check_positive


class Schedule:
    """Base of the schedules: call it with the number of steps already taken."""

    def __call__(self, step: int) -> float:
        """Return the learning rate of this step."""
        raise NotImplementedError(f"{type(self).__name__} has to define __call__(step)")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of ``__init__`` by name."""
        return dict(vars(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


class Constant(Schedule):
    """The same rate at every step."""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = check_positive(learning_rate, "learning_rate", zero_allowed=True)

    def __call__(self, step: int) -> float:
        check_count(step, "step", minimum=0)
        return self.learning_rate


class StepDecay(Schedule):
    """Multiply the rate by `factor` after every `step_size` steps: ``rate * factor ** (step // step_size)``."""

    def __init__(self, learning_rate: float, step_size: int, factor: float = 0.1) -> None:
        self.learning_rate = check_positive(learning_rate, "learning_rate", zero_allowed=True)
        self.step_size = check_count(step_size, "step_size")
        self.factor = check_positive(factor, "factor")

    def __call__(self, step: int) -> float:
        step = check_count(step, "step", minimum=0)
        return self.learning_rate * self.factor ** (step // self.step_size)


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
        return _cosine(self.learning_rate, self.final_rate, check_count(step, "step", minimum=0) / self.steps)


class OneCycle(Schedule):
    """Rise from ``peak_rate / start_factor`` to the peak, then fall to ``peak_rate / end_factor``; both half cosines.

    Parameters
    ----------
    peak_rate : float
        Highest learning rate.
    steps : int
        Length of the cycle in optimizer steps: epochs times batches an epoch.
    warmup : float
        Fraction of the steps before the peak.
    start_factor, end_factor : float
        The peak divided by these is the first and the last rate.

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

    def __call__(self, step: int) -> float:
        position, peak_at = check_count(step, "step", minimum=0) / self.steps, self.warmup
        if position < peak_at:
            return _cosine(self.peak_rate / self.start_factor, self.peak_rate, position / peak_at)
        return _cosine(self.peak_rate, self.peak_rate / self.end_factor, (position - peak_at) / (1 - peak_at))


def _cosine(start: float, end: float, position: float) -> float:
    """Go from start to end on half a cosine; stay at the end past position 1."""
    return end + (start - end) * (1 + math.cos(math.pi * min(position, 1.0))) / 2


SCHEDULES: dict[str, type[Schedule]] = {c.__name__: c for c in (Constant, StepDecay, CosineDecay, OneCycle)}
