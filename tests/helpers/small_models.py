"""Models and data small enough that a test takes a moment; several test files share them."""

import numpy as np

from numpycnn import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool2D,
    MaxPool2D,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
)
from numpycnn.architectures import reference_cnn  # noqa: F401: the network that the project is measured by


def small_cnn(seed=0, optimizer="adam", **options):
    """Return a compiled network for images of 12x12 and four classes, with every kind of block in it."""
    layers = [Conv2D(6, 3), ReLU(), MaxPool2D(2), Conv2D(8, 3), ReLU(), Flatten(), Dense(16), ReLU(), Dense(4)]
    model = Sequential(layers, input_shape=(12, 12, 1), seed=seed, **options)
    model.compile(optimizer, SoftmaxCrossEntropy(), ["accuracy"])
    return model


def small_stateful_cnn(seed=0, optimizer="adam", **options):
    """Return a compiled network with layers that remember: BatchNorm and Dropout."""
    layers = [Conv2D(5, 3), BatchNorm(), ReLU(), Dropout(0.3), Conv2D(6, 3), GlobalAvgPool2D(), Dense(4)]
    model = Sequential(layers, input_shape=(12, 12, 1), seed=seed, **options)
    model.compile(optimizer, SoftmaxCrossEntropy(), ["accuracy"])
    return model


def small_mlp(seed=0, optimizer="adam", **options):
    """Return a compiled network for vectors of 6 numbers and three classes."""
    model = Sequential([Dense(8), ReLU(), Dense(3)], input_shape=(6,), seed=seed, **options)
    model.compile(optimizer, SoftmaxCrossEntropy(), ["accuracy"])
    return model


def make_images(n=40, shape=(12, 12, 1), classes=4, seed=0):
    """Return (images, labels): each class has a pattern of its own, hidden in noise."""
    rng = np.random.default_rng(seed)
    patterns = np.random.default_rng(12345).random((classes, *shape))  # the same for every seed
    labels = rng.integers(0, classes, n)
    images = 0.7 * patterns[labels] + 0.3 * rng.random((n, *shape))
    return images.astype(np.float32), labels


def make_vectors(n=40, seed=0):
    """Return (vectors, labels) for ``small_mlp``."""
    return make_images(n, shape=(6,), classes=3, seed=seed)


def weights_equal(first, second):
    """Whether two models, or two lists from ``get_weights``, hold the same bits."""
    first, second = (m.get_weights() if isinstance(m, Sequential) else m for m in (first, second))
    return len(first) == len(second) and all(a.tobytes() == b.tobytes() for a, b in zip(first, second))
