"""Losses: one number for how wrong a batch is, and its gradient, from one formula.

``loss, dlogits = SoftmaxCrossEntropy()(logits, labels)``. Both are means over the batch, so the learning rate does not
depend on the batch size.
"""

from .base import Loss, LossFunction, check_result, check_takes_weights, check_weights, in_training
from .cross_entropy import BinaryCrossEntropy, SoftmaxCrossEntropy
from .errors import Huber, MeanAbsoluteError, MeanSquaredError
from .named import LOSSES, get_loss

__all__ = [
    "LOSSES", "BinaryCrossEntropy", "Huber", "Loss", "LossFunction", "MeanAbsoluteError", "MeanSquaredError",
    "SoftmaxCrossEntropy", "check_result", "check_takes_weights", "check_weights", "get_loss", "in_training",
]
