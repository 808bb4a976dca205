"""Learning-rate schedules in Keras's words: the rate as a function of the step."""

from __future__ import annotations

import math
from typing import Any

from ...schedules import Schedule


class LearningRateSchedule(Schedule):
    """Base; a schedule of your own defines ``__call__(step)``."""

    def __init__(self, *args: Any, **given: Any) -> None:
        pass

    def _keep(self, **config: Any) -> None:
        self._config = config
        for name, value in config.items():
            object.__setattr__(self, name, value)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return dict(getattr(self, "_config", {}))

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


class ExponentialDecay(LearningRateSchedule):
    """rate * decay_rate ** (step / decay_steps)."""

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
                 name: str | None = None) -> None:  # fmt: skip
        self._keep(initial_learning_rate=initial_learning_rate, decay_steps=decay_steps, decay_rate=decay_rate,
                   staircase=staircase)  # fmt: skip

    def __call__(self, step: int) -> float:
        c = self._config
        p = step / c["decay_steps"]
        return c["initial_learning_rate"] * c["decay_rate"] ** (math.floor(p) if c["staircase"] else p)


class InverseTimeDecay(LearningRateSchedule):
    """rate / (1 + decay_rate * step / decay_steps)."""

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
                 name: str | None = None) -> None:  # fmt: skip
        self._keep(initial_learning_rate=initial_learning_rate, decay_steps=decay_steps, decay_rate=decay_rate,
                   staircase=staircase)  # fmt: skip

    def __call__(self, step: int) -> float:
        c = self._config
        p = step / c["decay_steps"]
        return c["initial_learning_rate"] / (1 + c["decay_rate"] * (math.floor(p) if c["staircase"] else p))


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] up to boundaries[i]."""

    def __init__(self, boundaries: Any, values: Any, name: str | None = None) -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError("PiecewiseConstantDecay: expected one value more than boundaries")
        self._keep(boundaries=list(boundaries), values=list(values))

    def __call__(self, step: int) -> float:
        c = self._config
        return c["values"][sum(step > boundary for boundary in c["boundaries"])]


class PolynomialDecay(LearningRateSchedule):
    """From the first rate to the last, along a power."""

    def __init__(self, initial_learning_rate: float, decay_steps: int, end_learning_rate: float = 1e-4,
                 power: float = 1.0, cycle: bool = False, name: str | None = None) -> None:  # fmt: skip
        self._keep(initial_learning_rate=initial_learning_rate, decay_steps=decay_steps,
                   end_learning_rate=end_learning_rate, power=power, cycle=cycle)  # fmt: skip

    def __call__(self, step: int) -> float:
        c = self._config
        steps = c["decay_steps"] * (max(1, math.ceil(step / c["decay_steps"])) if c["cycle"] else 1)
        left = (1 - min(step, steps) / steps) ** c["power"]
        return (c["initial_learning_rate"] - c["end_learning_rate"]) * left + c["end_learning_rate"]


class CosineDecay(LearningRateSchedule):
    """Half a cosine down to alpha times the first rate, after a warm-up if asked for."""

    def __init__(self, initial_learning_rate: float, decay_steps: int, alpha: float = 0.0, name: str | None = None,
                 warmup_target: float | None = None, warmup_steps: int = 0) -> None:  # fmt: skip
        self._keep(initial_learning_rate=initial_learning_rate, decay_steps=decay_steps, alpha=alpha,
                   warmup_target=warmup_target, warmup_steps=warmup_steps)  # fmt: skip

    def __call__(self, step: int) -> float:
        c = self._config
        start, warm, top = c["initial_learning_rate"], c["warmup_steps"], c["warmup_target"]
        if top is not None and step < warm:
            return start + (top - start) * step / warm
        peak, done = (start, step) if top is None else (top, step - warm)
        part = min(done, c["decay_steps"]) / c["decay_steps"]
        return peak * ((1 - c["alpha"]) * 0.5 * (1 + math.cos(math.pi * part)) + c["alpha"])
