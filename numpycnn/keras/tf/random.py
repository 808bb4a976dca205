"""``tf.random``: the seed, and a few draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..random import next_rng, set_seed
from ..tensors import Tensor, tensor

__all__ = ["normal", "set_seed", "shuffle", "uniform"]


def uniform(shape: Any, minval: Any = 0, maxval: Any = 1, dtype: Any = np.float32, seed: Any = None,
            name: Any = None) -> Tensor:  # fmt: skip
    """Uniform numbers."""
    return tensor(next_rng().uniform(minval, maxval, shape), dtype)


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = np.float32, seed: Any = None,
           name: Any = None) -> Tensor:  # fmt: skip
    """Normal numbers."""
    return tensor(next_rng().normal(mean, stddev, shape), dtype)


def shuffle(value: Any, seed: Any = None, name: Any = None) -> Tensor:
    """The rows in a random order."""
    return tensor(next_rng().permutation(np.asarray(value)))
