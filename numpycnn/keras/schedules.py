"""Learning-rate schedules in Keras's words: each is one of the core's."""

from __future__ import annotations

from typing import Any

from .. import schedules as core
from .missing import of_schedules as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .notes import named, refuse


class LearningRateSchedule(core.Schedule):
    """Base; a schedule of your own defines ``__call__(step)``."""

    def __init__(self, *args: Any, **given: Any) -> None:
        pass

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)  # of one's own, any name


def _falling(kind: str, formula: str) -> Any:
    def schedule(initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False,
                 name: str | None = None) -> core.Schedule:  # fmt: skip
        return getattr(core, kind)(initial_learning_rate, decay_steps, decay_rate, staircase)

    return named(schedule, kind, f"{formula}; the core's {kind}.")


ExponentialDecay = _falling("ExponentialDecay", "rate * decay_rate ** (step / decay_steps)")
InverseTimeDecay = _falling("InverseTimeDecay", "rate / (1 + decay_rate * step / decay_steps)")


def PiecewiseConstantDecay(boundaries: Any, values: Any, name: str | None = None) -> core.Schedule:
    """values[i] up to boundaries[i]; the core's PiecewiseConstant."""
    return core.PiecewiseConstant([int(boundary) for boundary in boundaries], list(values))


def PolynomialDecay(initial_learning_rate: float, decay_steps: float, end_learning_rate: float = 1e-4,
                    power: float = 1.0, cycle: bool = False, name: str | None = None) -> core.Schedule:  # fmt: skip
    """From the first rate to the last, along a power; the core's PolynomialDecay."""
    refuse("PolynomialDecay", cycle=cycle)
    return core.PolynomialDecay(initial_learning_rate, decay_steps, end_learning_rate, power)


def CosineDecay(initial_learning_rate: float, decay_steps: float, alpha: float = 0.0, name: str | None = None,
                warmup_target: float | None = None, warmup_steps: int = 0) -> core.Schedule:  # fmt: skip
    """Half a cosine down to alpha times the first rate; the core's CosineDecay."""
    refuse("CosineDecay", "use numpycnn.OneCycle", warmup_target=warmup_target, warmup_steps=warmup_steps)
    return core.CosineDecay(initial_learning_rate, decay_steps, alpha * initial_learning_rate)
