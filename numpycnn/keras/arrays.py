"""NumPy's functions under the names that ``keras.backend`` and ``tf`` have for them; they return tensors."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from .tensors import Tensor, tensor


def numpys(name: str, numpy_name: str = "", **renamed: str) -> Callable[..., Tensor]:
    """Return NumPy's function under this name; `renamed` says what NumPy calls an argument."""
    function = getattr(np, numpy_name or name)

    def of_arrays(*args: Any, name: Any = None, **given: Any) -> Tensor:
        arrays = (np.asarray(each) if hasattr(each, "__array__") else each for each in args)
        return tensor(function(*arrays, **{renamed.get(word, word): value for word, value in given.items()}))

    of_arrays.__name__ = of_arrays.__qualname__ = name
    of_arrays.__doc__ = f"NumPy's {numpy_name or name}."
    return of_arrays


def place_of(name: str, axis: int) -> Callable[..., Tensor]:
    """Return NumPy's argmax or argmin, along this axis unless another is given."""
    function = getattr(np, name)

    def place(input: Any, axis: Any = axis, output_type: Any = None, name: Any = None) -> Tensor:
        return tensor(function(np.asarray(input), axis=axis), output_type)

    place.__name__ = place.__qualname__ = name
    place.__doc__ = f"NumPy's {name}, along axis {axis} unless another is given."
    return place


def cast(x: Any, dtype: Any, name: Any = None) -> Tensor:
    """NumPy's astype."""
    return tensor(np.asarray(x).astype(dtype))


def expand_dims(input: Any, axis: int = -1, name: Any = None) -> Tensor:
    """NumPy's expand_dims."""
    return tensor(np.expand_dims(np.asarray(input), axis))


def reshape(tensor_: Any = None, shape: Any = None, name: Any = None, **given: Any) -> Tensor:
    """NumPy's reshape."""
    return tensor(np.reshape(np.asarray(given.get("tensor", tensor_)), tuple(shape)))
