"""Penalties on weights: L1, L2 and both; the core's compute them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import regularizers as core
from .missing import REGULARIZERS as MISSING
from .missing import of_regularizers as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .tensors import Tensor, tensor
from .words import Worded, found, variant


class L1L2(Worded):
    """l1 * sum(abs(w)) + l2 * sum(w ** 2), added to the loss."""

    words = {"l1": 0.0, "l2": 0.0}
    not_called, instead = ("__call__",), "penalties are L1, L2 or both; numpycnn.Regularizer takes others"

    def __init__(self, *args: Any, **given: Any) -> None:
        if "l" in given and len(self.words) == 1:
            given[next(iter(self.words))] = given.pop("l")  # Keras 2 says l
        super().__init__(*args, **given)
        self.config = {word: float(value or 0.0) for word, value in self.config.items()}
        self.l1, self.l2 = self.config.get("l1", 0.0), self.config.get("l2", 0.0)

    def __call__(self, x: Any) -> Tensor:
        return tensor(self.l1 * np.abs(x).sum() + self.l2 * np.square(x).sum(), np.float32)


L1 = l1 = variant(L1L2, "L1", "l1 * sum(abs(w)).", words={"l1": 0.01})
L2 = l2 = variant(L1L2, "L2", "l2 * sum(w ** 2).", words={"l2": 0.01})
l1_l2 = l1l2 = L1L2  # its names in Keras 2 and 1, where both numbers were 0.01 unless told
NAMES = {"l1": L1, "l2": L2, "l1l2": L1L2, "l1_l2": L1L2, "L1": L1, "L2": L2, "L1L2": L1L2}


def get(identifier: Any) -> L1L2 | None:
    """Return the regularizer of this name."""
    penalty = found(identifier, "regularizer", L1L2, NAMES, MISSING)
    if penalty is not None and not isinstance(penalty, L1L2):
        raise ValueError(f"regularizer {identifier!r}: expected one of keras.regularizers, such as l2(1e-4)")
    return penalty


def core_regularizer(identifier: Any) -> core.L1L2 | None:
    """Return the core's penalty, or None."""
    penalty = get(identifier)
    return None if penalty is None else core.L1L2(penalty.l1, penalty.l2)
