"""A model in Keras, loaded from the file that ``Sequential.save`` writes; on whichever backend Keras runs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...io.keras_file.write import WRITERS
from ...model import Sequential

EPSILON_HAT = True  # Keras's Adam has its epsilon there


def _keras() -> Any:
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # with it some convolutions of TensorFlow's are wrong
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("JAX_ENABLE_X64", "1")
    import keras

    return keras


def version() -> str:
    keras = _keras()
    return f"Keras {keras.__version__} on {keras.backend.backend()}"


def _made(model: Sequential) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return _keras().models.load_model(path)


def outputs(model: Sequential, x: NDArray) -> list[NDArray]:
    """Return what each layer makes of x."""
    theirs = iter(_made(model).layers)
    found, value = [], x
    for layer in model.layers:
        for _ in WRITERS[type(layer)](layer):  # as many of Keras's
            value = next(theirs)(value, training=False)
        found.append(np.asarray(_keras().ops.convert_to_numpy(value)))
    return found


def train(model: Sequential, x: NDArray, y: NDArray, steps: int) -> tuple[list, list]:
    """Return, by layer, the parameters' gradients at the first step, and their values after all."""
    floats = _keras().config.floatx()
    _keras().config.set_floatx(model.dtype.name)  # of losses and rates, whatever the layers have
    try:
        return _train(model, x, y, steps)
    finally:
        _keras().config.set_floatx(floats)


def _train(model: Sequential, x: NDArray, y: NDArray, steps: int) -> tuple[list, list]:
    made = _made(model)
    before = made.get_weights()
    made.compile(_keras().optimizers.SGD(1.0), made.loss)  # a step of length 1 is the gradient, in every backend
    made.train_on_batch(x, y)
    gradients = [a - b for a, b in zip(before, made.get_weights())]
    made = _made(model)
    for _ in range(steps):
        made.train_on_batch(x, y)
    return _by_layer(model, gradients), _by_layer(model, made.get_weights())


def _by_layer(model: Sequential, arrays: list[NDArray]) -> list[list[NDArray]]:
    """Return the parameters among Keras's arrays."""
    rest = iter(arrays)
    found = []
    for layer in model.layers:
        own = [next(rest) for _ in (*layer.parameters, *layer.get_state())]
        found.append(own[: len(layer.parameters)])
    return found
