"""Starting values: random, and scaled so that signals neither fade nor explode on their way through the layers."""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from .checks import check_choice

Initializer = Callable[[tuple, np.random.Generator, Any], NDArray]


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Inputs and outputs of one unit: a filter (kh, kw, in, out) sees kh * kw * in values."""
    if len(shape) < 2:
        size = math.prod(shape)
        return size, size
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


def glorot_uniform(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> NDArray:
    """Uniform in ``[-a, a]`` with ``a = sqrt(6 / (fan_in + fan_out))``.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010), eq. 16.
    """
    limit = math.sqrt(6 / max(1, sum(_fans(shape))))
    return rng.uniform(-limit, limit, shape).astype(dtype)


def glorot_normal(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> NDArray:
    """Normal with standard deviation ``sqrt(2 / (fan_in + fan_out))`` (Glorot and Bengio 2010)."""
    return (rng.standard_normal(shape) * math.sqrt(2 / max(1, sum(_fans(shape))))).astype(dtype)


def he_uniform(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> NDArray:
    """Uniform in ``[-a, a]`` with ``a = sqrt(6 / fan_in)`` (He et al. 2015, for ReLU)."""
    limit = math.sqrt(6 / max(1, _fans(shape)[0]))
    return rng.uniform(-limit, limit, shape).astype(dtype)


def he_normal(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> NDArray:
    """Normal with standard deviation ``sqrt(2 / fan_in)``.

    He et al., "Delving deep into rectifiers" (2015), eq. 10.
    """
    return (rng.standard_normal(shape) * math.sqrt(2 / max(1, _fans(shape)[0]))).astype(dtype)


def zeros(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> NDArray:
    """All zeros; right for biases, and only for them."""
    return np.zeros(shape, dtype)


def ones(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> NDArray:
    """All ones: BatchNorm's first gamma."""
    return np.ones(shape, dtype)


INITIALIZERS: dict[str, Initializer] = {
    f.__name__: f for f in (glorot_uniform, glorot_normal, he_uniform, he_normal, zeros, ones)
}


def get_initializer(name: str | Initializer) -> Initializer:
    """Return the initializer of this name, or the function itself.

    Raises
    ------
    ValueError, TypeError
        No initializer has this name, or it is neither a name nor a function.
    """
    if callable(name):
        return name
    return INITIALIZERS[check_choice(name, "initializer", INITIALIZERS, " or a function")]
