"""The figures of an epoch: the loss, and the accuracy under the name that it was asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import check_choice, check_list
from ..losses import Loss, SoftmaxCrossEntropy

Scores = tuple[float, float] | float  # loss and accuracy, or the loss alone where the accuracy was not asked for


def check_metrics(metrics: Any, loss: Loss) -> list[str]:
    """Return the name of the accuracy in a list, or an empty one; raise where the loss does not suit it."""
    classifies = isinstance(loss, SoftmaxCrossEntropy)
    if metrics is None:
        return ["accuracy"] if classifies else []
    chosen = check_list(metrics, "metrics", "a list such as ['accuracy']")
    for metric in chosen:
        check_choice(metric, "metrics", ["accuracy", "acc"])
        if not classifies:
            raise ValueError(f"the accuracy needs SoftmaxCrossEntropy, got {loss!r}")
    if len(chosen) > 1:
        raise ValueError(f"metrics: expected the accuracy once, got {chosen}")
    return chosen


def accuracy(outputs: NDArray, labels: NDArray) -> float:
    """Return the fraction of rows whose largest output (N, K) is at the label (N,), or at the largest of (N, K)."""
    classes = labels.argmax(axis=1) if labels.ndim == 2 else labels
    return float(np.count_nonzero(outputs.argmax(axis=1) == classes) / len(outputs))


def by_name(metrics: list[str], figures: Scores, prefix: str = "") -> dict[str, float]:
    """Return what ``evaluate`` returns under the names that a history has for it."""
    if not isinstance(figures, tuple):
        return {f"{prefix}loss": figures}
    loss, hits = figures
    return {**{prefix + name: hits for name in metrics}, f"{prefix}loss": loss}
