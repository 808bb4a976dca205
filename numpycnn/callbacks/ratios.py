"""``LayerRatios``: how large gradients are, layer by layer, and which part of its weights a step changes."""

from __future__ import annotations

import numpy as np

from ..checks import check_count
from .base import Callback


class LayerRatios(Callback):
    """Write down, step by step, the norms of gradients and of updates, each relative to the norm of the weights.

    An update of about a thousandth of the weights is usual; far less and a layer hardly learns, far more and it
    forgets.
    ``numpycnn.plots.plot_ratios`` draws them.

    Parameters
    ----------
    every : int, default 1
        Look at every so many steps.

    Attributes
    ----------
    steps : list of int
        Which steps were looked at, from 0.
    gradients, updates : dict of str to list of float
        By layer ("0 Conv2D"): norm of the gradient, and of what the step changed, over that of the weights before it;
        NaN where these were all 0.
    """

    state_names = ("steps", "gradients", "updates", "_step")

    def __init__(self, every: int = 1) -> None:
        self.every = check_count(every, "every")
        self.on_train_begin()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.steps: list[int] = []
        self.gradients: dict[str, list[float]] = {}
        self.updates: dict[str, list[float]] = {}
        self._step = 0

    def on_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self._step % self.every == 0:
            self._before = self._weights()

    def on_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        if self._step % self.every == 0:
            self.steps.append(self._step)
            gradients = self._weights("grad")
            for name, after in self._weights().items():
                before = self._before[name]
                norm = float(np.linalg.norm(before)) or float("nan")
                self.gradients.setdefault(name, []).append(float(np.linalg.norm(gradients[name])) / norm)
                self.updates.setdefault(name, []).append(float(np.linalg.norm(after - before)) / norm)
        self._step += 1

    def _weights(self, of: str = "value") -> dict[str, np.ndarray]:
        """Return the first parameter of each layer that has some (its weights; BatchNorm's gamma), as copies."""
        layers = enumerate(self.model.layers)
        return {
            f"{number} {type(layer).__name__}": getattr(layer.parameters[0], of).astype(np.float64)
            for number, layer in layers if layer.parameters
        }  # fmt: skip
