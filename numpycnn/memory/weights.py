"""The weights of layers: which of them learn, and all as a list: each layer's parameters, then its other arrays."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..checks import check_list, check_numeric
from .parameter import Parameter


def trained_parts(layers: Iterable[Any]) -> list[slice]:
    """Return which parts of the vector of all parameters are not frozen; neighbours are one part."""
    parts: list[slice] = []
    stop = 0
    for layer in layers:
        start, stop = stop, stop + sum(p.value.size for p in layer.parameters)
        if not layer.learns:
            continue
        if parts and parts[-1].stop == start:
            start = parts.pop().start
        parts.append(slice(start, stop))
    return parts


def _places(layers: Iterable[Any]) -> Iterator[tuple[Any, str]]:
    """Yield (owner, attribute) of each array: weight, bias; gamma, beta, moving mean, moving variance."""
    for layer in layers:
        for parameter in layer.parameters:
            yield parameter, "value"
        for name in layer.state_names:
            if isinstance(getattr(layer, name), np.ndarray):
                yield layer, name


def get_weights(layers: Iterable[Any]) -> list[NDArray]:
    """Return copies of all arrays, in order."""
    return [getattr(owner, name).copy() for owner, name in _places(layers)]


def set_weights(layers: Iterable[Any], weights: Sequence[ArrayLike], dtype: DTypeLike) -> None:
    """Take over what ``get_weights`` of such layers returned.

    Raises
    ------
    ValueError, TypeError
        Another number of arrays, other shapes, or something that is no real number; nothing is changed then.
    """
    places = list(_places(layers))
    arrays = [check_numeric(w, "set_weights") for w in check_list(weights, "set_weights", "a list of arrays")]
    shapes = [getattr(owner, name).shape for owner, name in places]
    if [a.shape for a in arrays] != shapes:
        raise ValueError(f"set_weights: expected arrays of shapes {shapes}, got {[a.shape for a in arrays]}")
    for (owner, name), array in zip(places, arrays):
        setattr(owner, name, array if isinstance(owner, Parameter) else np.array(array, dtype))
