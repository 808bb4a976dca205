"""Penalties on large weights: added to the loss, so that a network keeps to small ones where that costs little.

A layer takes one for its weight and one for its bias; the model adds what they come to.
"""

from __future__ import annotations

from typing import Any, Iterable

import numpy as np
from numpy.typing import NDArray

from .checks import check_choice, check_instance, check_positive
from .configured import Configured


class Regularizer(Configured):
    """Base of the penalties. One of your own defines both methods."""

    def __call__(self, value: NDArray) -> float:
        """Return the penalty on a parameter's value."""
        raise NotImplementedError(f"{type(self).__name__} has to define __call__(value)")

    def gradient(self, value: NDArray) -> NDArray:
        """Return its gradient, of the shape of `value`."""
        raise NotImplementedError(f"{type(self).__name__} has to define gradient(value)")


class L1L2(Regularizer):
    r"""Absolute values and squares: :math:`\lambda_1 \sum |w| + \lambda_2 \sum w^2`, without a half, as in Keras.

    The gradient is :math:`\lambda_1 \mathrm{sign}(w) + 2 \lambda_2 w`, and 0 where w is.

    Parameters
    ----------
    l1, l2 : float
        At least 0.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = check_positive(l1, "l1", zero_allowed=True)
        self.l2 = check_positive(l2, "l2", zero_allowed=True)

    def __call__(self, value: NDArray) -> float:
        """Return the penalty on a parameter's value."""
        value = np.asarray(value)
        wide = np.result_type(value.dtype, np.float64)
        with np.errstate(over="ignore"):
            absolute = (np.sign(value.real) * value).sum(dtype=wide) if self.l1 else 0.0  # complex steps pass through
            squares = (value * value).sum(dtype=wide) if self.l2 else 0.0
        return np.asarray(self.l1 * absolute + self.l2 * squares).item()

    def gradient(self, value: NDArray) -> NDArray:
        """Return its gradient, of the shape of `value`."""
        value = np.asarray(value)
        gradient = 2 * self.l2 * value
        return gradient + self.l1 * np.sign(value) if self.l1 else gradient


class L1(L1L2):
    r"""Absolute values: :math:`\lambda \sum |w|`, which makes weights zero (Tibshirani 1996, "the lasso").

    Parameters
    ----------
    l1 : float
        :math:`\lambda`, at least 0.
    """

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)


class L2(L1L2):
    r"""Squares: :math:`\lambda \sum w^2`, which makes weights small (Hoerl and Kennard 1970, "ridge regression").

    Not the same as ``AdamW(weight_decay=...)``: Adam divides this gradient, too, by the size of gradients so far.

    Parameters
    ----------
    l2 : float
        :math:`\lambda`, at least 0.
    """

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)


REGULARIZERS: dict[str, type[Regularizer]] = {c.__name__: c for c in (L1, L2, L1L2)}
NAMES = {"l1": L1, "l2": L2}


def get_regularizer(regularizer: str | Regularizer | None, name: str) -> Regularizer | None:
    """Return the penalty of this name, or the penalty itself; None for none.

    Raises
    ------
    ValueError, TypeError
        No penalty has this name, or it is neither; `name` is the argument's.
    """
    if isinstance(regularizer, str):
        return NAMES[check_choice(regularizer, name, NAMES, ", or a regularizer")]()
    return None if regularizer is None else check_instance(regularizer, Regularizer, name, "a regularizer, as L2(1e-4)")


def penalty(layers: Iterable[Any]) -> float:
    """Return the sum of the penalties on all parameters that learn."""
    return sum((p.regularizer(p.value) for p in _penalised(layers)), 0.0)


def add_penalty_gradients(layers: Iterable[Any]) -> None:
    """Add to each parameter's gradient that of its penalty."""
    for p in _penalised(layers):
        p.grad += p.regularizer.gradient(p.value)


def _penalised(layers: Iterable[Any]) -> list[Any]:
    return [p for layer in layers if layer.trainable for p in layer.parameters if p.regularizer is not None]
