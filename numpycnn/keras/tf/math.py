"""``tf.math``: functions of arrays, and the confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...metrics.classification import confusion_matrix as core_matrix
from ..arrays import elementwise
from ..tensors import Tensor, tensor
from .arrays import (
    abs, add, argmax, argmin, divide, equal, exp, greater, less, maximum, minimum, multiply, reduce_max,
    reduce_mean, reduce_min, reduce_sum, round, sign, sqrt, square, subtract,
)  # fmt: skip

log, sin, cos, tanh, is_nan, floor, ceil, pow = (
    elementwise(name, other) for name, other in (
        ("log", ""), ("sin", ""), ("cos", ""), ("tanh", ""), ("is_nan", "isnan"), ("floor", ""), ("ceil", ""),
        ("pow", "power"),
    )
)  # fmt: skip

__all__ = [
    "abs", "add", "argmax", "argmin", "ceil", "confusion_matrix", "cos", "divide", "equal", "exp", "floor", "greater",
    "is_nan", "less", "log", "maximum", "minimum", "multiply", "pow", "reduce_max", "reduce_mean", "reduce_min",
    "reduce_sum", "round", "sign", "sin", "sqrt", "square", "subtract", "tanh",
]


def confusion_matrix(labels: Any, predictions: Any, num_classes: Any = None, weights: Any = None, dtype: Any = np.int32,
                     name: Any = None) -> Tensor:  # fmt: skip
    """Rows true, columns predicted; the core's confusion_matrix."""
    if weights is not None:
        raise ValueError("confusion_matrix: weights: numpycnn counts rows; it has no weighted matrix")
    true, predicted = (np.asarray(a).reshape(-1).astype(int) for a in (labels, predictions))
    classes = int(max(true.max(), predicted.max())) + 1 if num_classes is None else num_classes
    return tensor(core_matrix(true, predicted, num_classes=classes), dtype)
