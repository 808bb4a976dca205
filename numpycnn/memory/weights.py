"""The weights of layers: which of them learn, and all as a list: each layer's parameters, then its other arrays."""

from __future__ import annotations

import operator
from typing import Any, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..checks import check_list, check_numeric
from .parameter import Parameter

LARGE = 50_000  # parameters of a layer that is worth a part of its own


def trained_parts(layers: Iterable[Any]) -> list[slice]:
    """Return which parts of the vector of all parameters are not frozen; neighbours are one part, but for large layers.

    Two threads that share a part take its halves. A large layer's are to be the halves that each has read and written
    in the layer's own products: cores are slow to fetch what another has written, up to three times where they are far
    apart. So there is at most one large layer in a part.
    """
    parts: list[slice] = []
    stop = 0
    for layer in layers:
        start, stop = stop, stop + sum(p.value.size for p in layer.parameters)
        if not layer.learns:
            continue
        if parts and parts[-1].stop == start and not (stop - start >= LARGE and start - parts[-1].start >= LARGE):
            start = parts.pop().start
        parts.append(slice(start, stop))
    return parts


class KnownParts:
    """The trained parts of a model's layers, the same tuple as long as no layer is frozen or thawed: each step asks."""

    def __init__(self, layers: list[Any]) -> None:
        self._layers = layers
        self._flags: list[bool] | None = None

    def __call__(self) -> tuple[slice, ...]:
        flags = list(map(operator.attrgetter("trainable"), self._layers))
        if flags != self._flags:
            self._flags, self._parts = flags, tuple(trained_parts(self._layers))
        return self._parts


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
