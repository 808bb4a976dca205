"""Parameters, and the arena: one vector of all values and one of all gradients.

Each parameter is a view of the arena. So the optimizer makes one pass over one vector, and layers see its effect at
once.
"""

from __future__ import annotations

import operator
from typing import Any, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_numeric, check_text
from ..kernels.aligned import empty_aligned


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
    TypeError, ValueError
        `name` is not text, `value` is not an array of this dtype, or it is read-only or not contiguous.

    Attributes
    ----------
    value : ndarray
        The current value. Writing into it, or assigning to it, takes effect at the next forward.
    grad : ndarray
        Gradient of the loss with respect to `value`, same shape; every backward overwrites it.
    regularizer : Regularizer or None
        The penalty on `value` that the model adds to the loss. A built model takes another in its place, but none where
        there was none: it has looked.
    """

    _regularizer: Any = None
    _moved = False

    def __init__(self, name: str, value: NDArray) -> None:
        check_text(name, "name of a parameter")
        if type(value) is not np.ndarray or value.dtype not in (np.float32, np.float64) or not value.flags.carray:
            found = f"{type(value).__name__} of {value.dtype}" if isinstance(value, np.ndarray) else repr(value)
            right_type = type(value) is np.ndarray and value.dtype in (np.float32, np.float64)
            raise (ValueError if right_type else TypeError)(
                f"value of parameter {name!r}: expected a writeable, C-contiguous ndarray of float32 or float64, "
                f"got {found}; make one with np.array(value, dtype, order='C')"
            )
        self.name = name
        self._value = value
        self._grad = np.zeros_like(value)

    def _set_value(self, new: ArrayLike) -> None:
        _copy_into(self._value, new, f"value of parameter {self.name!r}")

    def _set_grad(self, new: ArrayLike) -> None:
        _copy_into(self._grad, new, f"gradient of parameter {self.name!r}")

    def _set_regularizer(self, new: Any) -> None:
        if self._moved and self._regularizer is None and new is not None:
            advice = "give it to the layer (kernel_regularizer=..., bias_regularizer=...)"
            raise AttributeError(f"parameter {self.name!r} is in a built model, which would not see {new!r}; {advice}")
        self._regularizer = new

    # Read some twenty times a step: an attrgetter is no Python function.
    value: NDArray = property(operator.attrgetter("_value"), _set_value)  # type: ignore[assignment]
    grad: NDArray = property(operator.attrgetter("_grad"), _set_grad)  # type: ignore[assignment]
    regularizer: Any = property(operator.attrgetter("_regularizer"), _set_regularizer)

    def move(self, value: NDArray, grad: NDArray) -> None:
        """Continue in other memory: copy value and gradient there and use it from now on."""
        if not value.shape == grad.shape == self._value.shape:
            expected, got = self._value.shape, (value.shape, grad.shape)
            raise ValueError(f"parameter {self.name!r}: expected memory of shape {expected}, got {got}")
        value[...] = self._value
        grad[...] = self._grad
        self._value, self._grad, self._moved = value, grad, True

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
    new = check_numeric(new, what)
    if new.shape != target.shape:
        raise ValueError(f"{what}: expected shape {target.shape}, got {new.shape}")
    target[...] = new


def all_finite(vector: NDArray[Any]) -> bool:
    """Whether all numbers are finite; one pass, and a second only where the sum is not."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(vector.sum()) or np.isfinite(vector).all())
