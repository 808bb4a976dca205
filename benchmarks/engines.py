"""The same network and the same training step in each engine, at its best: float32 arrays in memory, no data loader.

Each function takes images (N, 28, 28, 1) in [0, 1], labels (N,), a batch size and a number of threads, and returns a
function that trains on all images once and returns the seconds that took.
"""

from __future__ import annotations

import os
import time
from importlib import metadata
from typing import Callable

import numpy as np

Run = Callable[[], float]


def numpycnn_fused(images: np.ndarray, labels: np.ndarray, batch_size: int, threads: int) -> Run:
    return _numpycnn(images, labels, batch_size, threads, fused=True)


def numpycnn_plain(images: np.ndarray, labels: np.ndarray, batch_size: int, threads: int) -> Run:
    return _numpycnn(images, labels, batch_size, threads, fused=False)


def _numpycnn(images: np.ndarray, labels: np.ndarray, batch_size: int, threads: int, fused: bool) -> Run:
    from numpycnn import (
        Adam, Conv2D, Dense, Flatten, MaxPool2D, ReLU, Sequential, SoftmaxCrossEntropy, set_num_threads,
    )

    set_num_threads(threads)
    model = Sequential(
        [Conv2D(32, 3), ReLU(), MaxPool2D(2), Conv2D(64, 3), ReLU(), MaxPool2D(2),
         Flatten(), Dense(128), ReLU(), Dense(10)],
        input_shape=(28, 28, 1), seed=0, fused=fused,
    )
    model.compile(Adam(1e-3), SoftmaxCrossEntropy())
    return _timed(lambda: model.fit(images, labels, batch_size=batch_size, verbose=0))


def torch_eager(images: np.ndarray, labels: np.ndarray, batch_size: int, threads: int) -> Run:
    return _torch(images, labels, batch_size, threads, channels_last=False)


def torch_channels_last(images: np.ndarray, labels: np.ndarray, batch_size: int, threads: int) -> Run:
    return _torch(images, labels, batch_size, threads, channels_last=True)


def _torch(images: np.ndarray, labels: np.ndarray, batch_size: int, threads: int, channels_last: bool) -> Run:
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).contiguous(memory_format=layout)
    y = torch.from_numpy(labels.astype(np.int64))
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10),
    ).to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    loss_function = nn.CrossEntropyLoss()

    def epoch() -> None:
        order = torch.randperm(len(x))
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            optimizer.zero_grad(set_to_none=True)
            loss_function(model(x[rows]), y[rows]).backward()
            optimizer.step()

    return _timed(epoch)


def keras_fit(images: np.ndarray, labels: np.ndarray, batch_size: int, threads: int) -> Run:
    return _keras(images, labels, batch_size, threads, jit_compile=False)


def keras_fit_xla(images: np.ndarray, labels: np.ndarray, batch_size: int, threads: int) -> Run:
    return _keras(images, labels, batch_size, threads, jit_compile=True)


def _keras(images: np.ndarray, labels: np.ndarray, batch_size: int, threads: int, jit_compile: bool) -> Run:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow as tf
    from keras import layers

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2), layers.Flatten(),
        layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=jit_compile)
    return _timed(lambda: model.fit(images, labels, batch_size=batch_size, verbose=0))


def _timed(epoch: Callable[[], object]) -> Run:
    def run() -> float:
        start = time.perf_counter()
        epoch()
        return time.perf_counter() - start

    return run


# Name in tables: the function, and the distributions whose versions matter.
ENGINES: dict[str, tuple[Callable[[np.ndarray, np.ndarray, int, int], Run], tuple[str, ...]]] = {
    "numpycnn": (numpycnn_fused, ("numpy", "numba")),
    "numpycnn, fused=False": (numpycnn_plain, ("numpy", "numba")),
    "PyTorch eager": (torch_eager, ("torch",)),
    "PyTorch eager, channels_last": (torch_channels_last, ("torch",)),
    "Keras fit": (keras_fit, ("keras", "tensorflow")),
    "Keras fit, jit_compile": (keras_fit_xla, ("keras", "tensorflow")),
}


def versions(engine: str) -> dict[str, str]:
    """Return the versions of what the engine needs.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        One of them is not installed.
    """
    return {name: metadata.version(name) for name in ENGINES[engine][1]}
