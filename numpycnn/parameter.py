"""Parameters, and the arena: one vector of all values and one of all gradients.

Each parameter is a view of the arena. So the optimizer is one pass over one vector, and layers see its effect at once.
"""

from __future__ import annotations

from typing import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .workspace import empty_aligned


class Parameter:
    """A trainable array and its gradient.

    Parameters
    ----------
    name : str
        What it is in its layer: ``"weight"``, ``"bias"``, ``"gamma"``, ``"beta"``.
    value : ndarray
        The initial value; float32 or float64.

    Attributes
    ----------
    value : ndarray
        The current value. Writing into it, or assigning to it, takes effect at the next forward.
    grad : ndarray
        Gradient of the loss with respect to `value`, same shape; every backward overwrites it.
    """

    def __init__(self, name: str, value: NDArray) -> None:
        self.name = name
        self._value = value
        self._grad = np.zeros_like(value)

    @property
    def value(self) -> NDArray:
        return self._value

    @value.setter
    def value(self, new: ArrayLike) -> None:
        _copy_into(self._value, new, f"value of parameter {self.name!r}")

    @property
    def grad(self) -> NDArray:
        return self._grad

    @grad.setter
    def grad(self, new: ArrayLike) -> None:
        _copy_into(self._grad, new, f"gradient of parameter {self.name!r}")

    def move(self, value: NDArray, grad: NDArray) -> None:
        """Continue in other memory: copy value and gradient there and use it from now on."""
        value[...] = self._value
        grad[...] = self._grad
        self._value, self._grad = value, grad

    def __repr__(self) -> str:
        return f"Parameter({self.name!r}, shape={self._value.shape}, dtype={self._value.dtype})"


class Arena:
    """One vector of all values and one of all gradients; the parameters become views of them.

    Parameters
    ----------
    parameters : iterable of Parameter
        In order; their values and gradients are kept.
    dtype : dtype
        float32 or float64.

    Attributes
    ----------
    values, grads : ndarray of shape (total size,)
    """

    def __init__(self, parameters: Iterable[Parameter], dtype: np.dtype) -> None:
        parameters = list(parameters)
        size = sum(p.value.size for p in parameters)
        self.values, self.grads = empty_aligned(size, dtype), empty_aligned(size, dtype)
        start = 0
        for p in parameters:
            stop = start + p.value.size
            shape = p.value.shape
            p.move(self.values[start:stop].reshape(shape), self.grads[start:stop].reshape(shape))
            start = stop


def _copy_into(target: NDArray, new: ArrayLike, what: str) -> None:
    new = np.asarray(new)
    if new.shape != target.shape:
        raise ValueError(f"{what}: expected shape {target.shape}, got {new.shape}")
    if new is not target:  # after `p.value -= step` it is
        np.copyto(target, new, casting="same_kind")  # refuses complex numbers and text
