"""``keras.ops``: NumPy's functions under Keras's names; arrays in, arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import activations
from .activations import relu, sigmoid, silu, softmax, tanh  # noqa: F401
from .missing import of_ops
from .tensors import Tensor, cast, constant, expand_dims, numpys, one_hot, ones, place_of, reshape, zeros  # noqa: F401

array = convert_to_tensor = constant
argmax, argmin = place_of("argmax", None), place_of("argmin", None)


def gelu(x: Any, approximate: bool = True) -> Tensor:
    """Return the activation; unless told otherwise by a tanh that is close to it, as Keras does here."""
    return activations.gelu_tanh(x) if approximate else activations.gelu(x)


def convert_to_numpy(x: Any) -> np.ndarray:
    """Return a plain array."""
    return np.asarray(x)


def shape(x: Any) -> tuple:
    """Return the shape."""
    return tuple(x.shape)


def __getattr__(name: str) -> Any:
    """Return NumPy's function of this name, if there is one."""
    if name.startswith("_") or not callable(getattr(np, name, None)) or isinstance(getattr(np, name), type):
        return of_ops(name)
    return numpys(name)
