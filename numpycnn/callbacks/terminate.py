"""``TerminateOnNaN``: stop where training on is useless, and say where NaN came from."""

from __future__ import annotations

import math

from ..memory import all_finite
from ..nonfinite import find_parameter
from ..terminal import show
from .base import Callback


class TerminateOnNaN(Callback):
    """Stop as soon as the loss, a gradient or a weight is not finite, and say where it came from.

    Attributes
    ----------
    stopped : (epoch, batch) or None
        When, both from 0.
    place : str or None
        Which rows of the data, which layer or which parameter.
    """

    stopped: tuple[int, int] | None = None
    place: str | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.stopped = self.place = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        problem = None if self.stopped else self._problem(logs)
        if problem:
            self.stopped = self._epoch, batch
            self.model.nonfinite = self.model.nonfinite or self.place  # said here: fit need not look again
            self.model.stop_training = True
            place = f" ({self.place})" if self.place else ""
            if self.speaks:
                show(f"TerminateOnNaN: {problem} in epoch {self._epoch + 1}, batch {batch + 1}; stopping{place}")

    def _problem(self, logs: dict[str, float]) -> str | None:
        arena = self.model.arena
        if not math.isfinite(logs["loss"]):
            self.place = self.model.nonfinite
            return f"the loss is {logs['loss']}"
        if not all_finite(arena.grads):
            self.place = find_parameter(self.model, "grad")
            return "a gradient is not finite"
        if not all_finite(arena.values):
            self.place = find_parameter(self.model, "value")
            return "a weight is not finite"
        return None
