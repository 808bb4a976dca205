"""A model in C, compiled here."""

from __future__ import annotations

from numpy.typing import NDArray

from ...model import Sequential
from ..c.run import compiler, predict_in_c


def version() -> str:
    return f"C99 ({compiler()})"


def outputs(model: Sequential, x: NDArray) -> list[NDArray]:
    """Return what each layer makes of x: a program for the layers up to it says that."""
    made, weights = [], model.get_weights()
    for count in range(1, len(model.layers) + 1):
        layers = [type(layer)(**layer.get_config()) for layer in model.layers[:count]]
        part = Sequential(layers, model.input_shape)
        part.set_weights(weights[: len(part.get_weights())])
        made.append(predict_in_c(part, x))
    return made
