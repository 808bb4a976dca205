"""numpycnn as a Keras notebook uses it: through ``numpycnn.keras``."""

from __future__ import annotations

from typing import Callable

import numpy as np

import numpycnn
from numpycnn import keras
from . import keras_words, timed
from networks import Network


def trainer(
    network: Network, images: np.ndarray, labels: np.ndarray, batch_size: int, threads: int
) -> tuple[Callable[[], float], Callable[[], float]]:
    numpycnn.set_num_threads(threads)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(network.input_shape), *keras_words.layers(keras, network)])
    model.set_weights(network.initial_weights())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=[])
    return (
        timed(lambda: model.fit(images, labels, batch_size=batch_size, verbose=0)),
        lambda: float(np.ravel(model.evaluate(images[:batch_size], labels[:batch_size], verbose=0))[0]),
    )
