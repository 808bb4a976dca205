"""A network in Keras's words: for Keras itself, and for ``numpycnn.keras``."""

from __future__ import annotations

from typing import Any

from networks import (
    EPSILON, MOMENTUM, Activation, Conv, Dense, Dropout, Flatten, GlobalAverage, Network, Normalisation, Pool,
)


def layers(keras: Any, network: Network) -> list[Any]:
    """Return the network's layers, made by this Keras."""
    return [_layer(keras.layers, layer) for layer in network.layers]


def _layer(words: Any, layer: Any) -> Any:
    match layer:
        case Conv(filters, size, padding, strides):
            return words.Conv2D(filters, size, strides=strides, padding=padding)
        case Pool(kind, size):
            return {"max": words.MaxPooling2D, "average": words.AveragePooling2D}[kind](size)
        case GlobalAverage():
            return words.GlobalAveragePooling2D()
        case Normalisation():
            return words.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON)
        case Dropout(rate):
            return words.Dropout(rate)
        case Activation(name):
            return words.Activation(name)
        case Flatten():
            return words.Flatten()
        case Dense(units):
            return words.Dense(units)
    raise ValueError(f"no layer for {layer}")
