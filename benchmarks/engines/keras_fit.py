"""Keras on TensorFlow: ``fit`` on arrays; for inference the model as a ``tf.function``, or ``predict``."""

from __future__ import annotations

import os
import time
from typing import Any, Callable

import numpy as np

from networks import Network

os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")

import keras  # noqa: E402  # reads the environment when it is imported
import tensorflow as tf  # noqa: E402

from . import keras_words  # noqa: E402

STEPS_PER_EXECUTION = 10  # more is no faster


def build(network: Network, threads: int, outputs: list[Any], weights: list[np.ndarray]) -> keras.Sequential:
    """Return the model, `outputs` appended, with these weights."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(network.input_shape), *keras_words.layers(keras, network), *outputs])
    model.set_weights(weights)
    return model


class Stopwatch(keras.callbacks.Callback):
    """Seconds of an epoch, without what it takes to start one: a benchmark's epochs are short, and would pay too often.

    An epoch of enough steps is timed from the end of its first execution on, and the rest scaled up to the whole.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.skipped = STEPS_PER_EXECUTION if steps >= 2 * STEPS_PER_EXECUTION else 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch + 1 == self.skipped:
            self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds = (time.perf_counter() - self.start) * self.steps / (self.steps - self.skipped)


def trainer(
    network: Network, images: np.ndarray, labels: np.ndarray, batch_size: int, threads: int, jit_compile: bool
) -> tuple[Callable[[], float], Callable[[], float]]:
    model = build(network, threads, [], network.initial_weights())
    model.compile(
        keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=jit_compile, steps_per_execution=STEPS_PER_EXECUTION,
    )
    stopwatch = Stopwatch(-(-len(images) // batch_size))

    def epoch() -> float:
        model.fit(images, labels, batch_size=batch_size, verbose=0, callbacks=[stopwatch])
        return stopwatch.seconds

    return (
        epoch,
        lambda: float(model.loss(labels[:batch_size], model(images[:batch_size]))),
    )


def predictor(
    network: Network, threads: int, how: str
) -> tuple[Callable[[np.ndarray], Any], Callable[[Any], np.ndarray]]:
    model = build(network, threads, [keras.layers.Softmax()], network.varied_weights())
    if how == "predict":
        return np.ascontiguousarray, lambda images: model.predict(images, batch_size=len(images), verbose=0)
    forward = tf.function(lambda images: model(images, training=False), jit_compile=how == "jit")
    return tf.constant, lambda images: forward(images).numpy()
