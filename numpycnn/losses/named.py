"""Losses by Keras's names."""

from __future__ import annotations

from ..checks import check_choice, check_instance
from .base import Loss
from .cross_entropy import BinaryCrossEntropy, SoftmaxCrossEntropy
from .errors import Huber, MeanAbsoluteError, MeanSquaredError

LOSSES: dict[str, type[Loss]] = {
    "sparse_categorical_crossentropy": SoftmaxCrossEntropy,
    "categorical_crossentropy": SoftmaxCrossEntropy,
    "binary_crossentropy": BinaryCrossEntropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "mae": MeanAbsoluteError,
    "huber": Huber,
}


def get_loss(loss: str | Loss) -> Loss:
    """Return a new loss for a Keras name, or the loss itself.

    Raises
    ------
    ValueError, TypeError
        The name is unknown, or the argument is something else than a loss.
    """
    if isinstance(loss, str):
        return LOSSES[check_choice(loss, "loss", LOSSES, ", or a loss")]()
    return check_instance(loss, Loss, "loss", "a name or a numpycnn loss")
