"""Learning-rate schedules in Keras's words: the rate as a function of the step."""

from __future__ import annotations

import math
from typing import Any

from ...schedules import Schedule


class LearningRateSchedule(Schedule):
    """Base; a schedule of your own defines ``__call__(step)``."""

    words: dict[str, Any] = {}
    initial_learning_rate: Any
    decay_steps: Any
    decay_rate: Any
    staircase: Any
    boundaries: Any
    values: Any
    end_learning_rate: Any
    power: Any
    cycle: Any
    alpha: Any
    warmup_target: Any
    warmup_steps: Any

    def __init__(self, *args: Any, name: str | None = None, **given: Any) -> None:
        config = {**self.words, **dict(zip(self.words, args)), **given}
        missing = [word for word, value in config.items() if value is ...]
        if missing or set(config) != set(self.words) or len(args) > len(self.words):
            raise TypeError(f"{type(self).__name__}: expected {', '.join(self.words)}, got {args} {given}")
        for word, value in config.items():
            setattr(self, word, value)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {word: getattr(self, word) for word in self.words}

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)  # of one's own, any name


class ExponentialDecay(LearningRateSchedule):
    """rate * decay_rate ** (step / decay_steps)."""

    words = {"initial_learning_rate": ..., "decay_steps": ..., "decay_rate": ..., "staircase": False}

    def __call__(self, step: int) -> float:
        p = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (math.floor(p) if self.staircase else p)


class InverseTimeDecay(ExponentialDecay):
    """rate / (1 + decay_rate * step / decay_steps)."""

    def __call__(self, step: int) -> float:
        p = step / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (math.floor(p) if self.staircase else p))


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] up to boundaries[i]."""

    words = {"boundaries": ..., "values": ...}

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        if len(self.boundaries) != len(self.values) - 1:
            raise ValueError("PiecewiseConstantDecay: expected one value more than boundaries")

    def __call__(self, step: int) -> float:
        return self.values[sum(step > boundary for boundary in self.boundaries)]


class PolynomialDecay(LearningRateSchedule):
    """From the first rate to the last, along a power."""

    words = {"initial_learning_rate": ..., "decay_steps": ..., "end_learning_rate": 1e-4, "power": 1.0, "cycle": False}

    def __call__(self, step: int) -> float:
        steps = self.decay_steps * (max(1, math.ceil(step / self.decay_steps)) if self.cycle else 1)
        left = (1 - min(step, steps) / steps) ** self.power
        return (self.initial_learning_rate - self.end_learning_rate) * left + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    """Half a cosine down to alpha times the first rate, after a warm-up if asked for."""

    words = {"initial_learning_rate": ..., "decay_steps": ..., "alpha": 0.0, "warmup_target": None, "warmup_steps": 0}

    def __call__(self, step: int) -> float:
        start, warm, top = self.initial_learning_rate, self.warmup_steps, self.warmup_target
        if top is not None and step < warm:
            return start + (top - start) * step / warm
        peak, done = (start, step) if top is None else (top, step - warm)
        part = min(done, self.decay_steps) / self.decay_steps
        return peak * ((1 - self.alpha) * 0.5 * (1 + math.cos(math.pi * part)) + self.alpha)
