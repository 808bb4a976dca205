"""``tf.math``: functions of arrays, and the confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...metrics.classification import confusion_matrix as core_matrix
from ..arrays import numpys
from ..tensors import Tensor, tensor
from .arrays import *  # noqa: F401, F403  # abs, argmax, reduce_sum and so on stand in both places

log, sin, cos, tanh, floor, ceil = map(numpys, ("log", "sin", "cos", "tanh", "floor", "ceil"))
is_nan, pow = numpys("is_nan", "isnan"), numpys("pow", "power")


def confusion_matrix(labels: Any, predictions: Any, num_classes: Any = None, weights: Any = None, dtype: Any = np.int32,
                     name: Any = None) -> Tensor:  # fmt: skip
    """Rows true, columns predicted; the core's confusion_matrix."""
    if weights is not None:
        raise ValueError("confusion_matrix: weights: numpycnn counts rows; it has no weighted matrix")
    true, predicted = (np.asarray(a).reshape(-1).astype(int) for a in (labels, predictions))
    classes = int(max(true.max(), predicted.max())) + 1 if num_classes is None else num_classes
    return tensor(core_matrix(true, predicted, num_classes=classes), dtype)
