"""Parameters, and the arena: one vector of all values and one of all gradients.

Each parameter is a view of the arena. So the optimizer makes one pass over one vector, and layers see its effect at
once.
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
        The initial value, which the parameter keeps: float32 or float64, writeable, C-contiguous.

    Raises
    ------
    TypeError
        `name` is not text, or `value` is not such an array.

    Attributes
    ----------
    value : ndarray
        The current value. Writing into it, or assigning to it, takes effect at the next forward.
    grad : ndarray
        Gradient of the loss with respect to `value`, same shape; every backward overwrites it.
    """

    def __init__(self, name: str, value: NDArray) -> None:
        if not isinstance(name, str):
            raise TypeError(f"expected a parameter's name, such as 'weight', got {name!r}")
        if type(value) is not np.ndarray or value.dtype not in (np.float32, np.float64) or not value.flags.carray:
            found = f"{type(value).__name__} of {value.dtype}" if isinstance(value, np.ndarray) else repr(value)
            raise TypeError(
                f"value of parameter {name!r}: expected a writeable, C-contiguous ndarray of float32 or float64, "
                f"got {found}; make one with np.array(value, dtype, order='C')"
            )
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
        if not value.shape == grad.shape == self._value.shape:
            expected, got = self._value.shape, (value.shape, grad.shape)
            raise ValueError(f"parameter {self.name!r}: expected memory of shape {expected}, got {got}")
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
    if new is target:  # after `p.value -= step`
        return
    try:
        if isinstance(new, np.ma.MaskedArray):
            raise ValueError("it is masked; use filled(...)")
        new = np.asarray(new)
    except ValueError as error:
        raise TypeError(f"{what}: expected an array of real numbers, got {type(new).__name__} ({error})") from None
    if new.dtype.kind not in "biuf":
        raise TypeError(f"{what}: expected an array of real numbers, got dtype {new.dtype}")
    if new.shape != target.shape:
        raise ValueError(f"{what}: expected shape {target.shape}, got {new.shape}")
    target[...] = new
