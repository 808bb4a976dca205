"""numpycnn, as a user would write it."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

import numpycnn
from . import timed
from networks import (
    EPSILON, MOMENTUM, Activation, Conv, Dense, Dropout, Flatten, GlobalAverage, Network, Normalisation, Pool,
)

ACTIVATIONS = {"relu": numpycnn.ReLU, "tanh": numpycnn.Tanh}
POOLS = {"max": numpycnn.MaxPool2D, "average": numpycnn.AvgPool2D}


def build(
    network: Network, threads: int, fused: bool, weights: list[np.ndarray] | None = None
) -> numpycnn.Sequential:
    """Return the model with these weights, else the initial ones, compiled."""
    numpycnn.set_num_threads(threads)
    model = numpycnn.Sequential(map(_layer, network.layers), input_shape=network.input_shape, seed=0, fused=fused)
    model.set_weights(weights or network.initial_weights())
    model.compile(numpycnn.Adam(1e-3), numpycnn.SoftmaxCrossEntropy(), metrics=[])
    return model


def _layer(layer: Any) -> numpycnn.Layer:
    match layer:
        case Conv(filters, size, padding, strides):
            return numpycnn.Conv2D(filters, size, strides, padding)
        case Pool(kind, size):
            return POOLS[kind](size)
        case GlobalAverage():
            return numpycnn.GlobalAvgPool2D()
        case Normalisation():
            return numpycnn.BatchNorm(MOMENTUM, EPSILON)
        case Dropout(rate):
            return numpycnn.Dropout(rate)
        case Activation(name):
            return ACTIVATIONS[name]()
        case Flatten():
            return numpycnn.Flatten()
        case Dense(units):
            return numpycnn.Dense(units)
    raise ValueError(f"no layer for {layer}")


def trainer(
    network: Network, images: np.ndarray, labels: np.ndarray, batch_size: int, threads: int, fused: bool
) -> tuple[Callable[[], float], Callable[[], float]]:
    model = build(network, threads, fused)
    return (
        timed(lambda: model.fit(images, labels, batch_size=batch_size, verbose=0)),
        lambda: model.evaluate(images[:batch_size], labels[:batch_size]),
    )


def predictor(
    network: Network, threads: int, fused: bool, frozen: bool = False
) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    model = build(network, threads, fused, network.varied_weights())
    return np.ascontiguousarray, model.predictor() if frozen else model.predict
