"""NumPy's functions under the names that ``keras.backend`` and ``tf`` have for them; they return tensors."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from .tensors import Tensor, tensor


def reduction(name: str, numpy_name: str = "") -> Callable[..., Tensor]:
    """Return NumPy's function along an axis."""
    function = getattr(np, numpy_name or name)

    def reduced(x: Any, axis: Any = None, keepdims: Any = False, name: Any = None) -> Tensor:
        return tensor(function(np.asarray(x), axis=axis, keepdims=keepdims))

    return named(reduced, name, numpy_name)


def elementwise(name: str, numpy_name: str = "") -> Callable[..., Tensor]:
    """Return NumPy's function of arrays."""
    function = getattr(np, numpy_name or name)

    def on_elements(*arrays: Any, name: Any = None) -> Tensor:
        return tensor(function(*(np.asarray(a) for a in arrays)))

    return named(on_elements, name, numpy_name)


def named(function: Callable[..., Tensor], name: str, numpy_name: str = "") -> Callable[..., Tensor]:
    """Return the function under this name."""
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"NumPy's {numpy_name or name}."
    return function


def cast(x: Any, dtype: Any, name: Any = None) -> Tensor:
    """NumPy's astype."""
    return tensor(np.asarray(x).astype(dtype))


def expand_dims(input: Any, axis: int = -1, name: Any = None) -> Tensor:
    """NumPy's expand_dims."""
    return tensor(np.expand_dims(np.asarray(input), axis))


def reshape(tensor_: Any = None, shape: Any = None, name: Any = None, **given: Any) -> Tensor:
    """NumPy's reshape."""
    return tensor(np.reshape(np.asarray(given.get("tensor", tensor_)), tuple(shape)))
