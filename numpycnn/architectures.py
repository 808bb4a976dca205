"""Networks for small images, ready to be compiled: each function returns a new `Sequential`.

They are lists of layers and nothing else; read them as such, copy one and change it. All end in one logit for each
class, which `SoftmaxCrossEntropy` expects.
"""

from __future__ import annotations

from typing import Any

from . import checks
from .checks import Shape
from .layers import (
    AvgPool2D, BatchNorm, Conv2D, Dense, Dropout, Flatten, GlobalAvgPool2D, Layer, MaxPool2D, ReLU, Tanh,
)
from .model import Sequential

MNIST_SHAPE = (28, 28, 1)

__all__ = ["augmented_cnn", "best_cnn", "deep_cnn", "fast_cnn", "lenet5", "mlp", "reference_cnn", "vgg"]


def reference_cnn(
    seed: int | None = None, input_shape: Shape = MNIST_SHAPE, num_classes: int = 10, **options: Any
) -> Sequential:
    """Return the network of the Keras tutorials: two convolutions, two dense layers, 225,034 parameters.

    Parameters
    ----------
    seed : int, optional
        Same seed, same weights.
    input_shape : tuple of int
        (H, W, C) of the images; at least 10 x 10 pixels.
    num_classes : int
        How many classes there are.
    **options
        As for `Sequential`: ``dtype``, ``fused``.
    """
    layers = [
        Conv2D(32, 3), ReLU(), MaxPool2D(2),
        Conv2D(64, 3), ReLU(), MaxPool2D(2),
        Flatten(), Dense(128), ReLU(), Dense(num_classes),
    ]
    return Sequential(layers, input_shape=input_shape, seed=seed, **options)


def deep_cnn(
    seed: int | None = None, input_shape: Shape = MNIST_SHAPE, num_classes: int = 10, **options: Any
) -> Sequential:
    """Return three convolutions and two dense layers, 93,322 parameters; at least 18 x 18 pixels.

    The third convolution leaves 3 x 3 pixels of an MNIST image, hence fewer parameters than `reference_cnn` has.
    The arguments are those of `reference_cnn`.
    """
    layers = [
        Conv2D(32, 3), ReLU(), MaxPool2D(2),
        Conv2D(64, 3), ReLU(), MaxPool2D(2),
        Conv2D(64, 3), ReLU(),
        Flatten(), Dense(64), ReLU(), Dense(num_classes),
    ]
    return Sequential(layers, input_shape=input_shape, seed=seed, **options)


def augmented_cnn(
    seed: int | None = None, input_shape: Shape = MNIST_SHAPE, num_classes: int = 10, **options: Any
) -> Sequential:
    """Return `reference_cnn` with batch normalisation and dropout, 225,482 parameters, for augmented images.

    The normalisation follows the pooling, where it has a quarter of the numbers to work on (Ioffe and Szegedy, 2015,
    put it before the activation); augmented images need little dropout besides. The arguments are those of
    `reference_cnn`.
    """
    layers = [
        Conv2D(32, 3), ReLU(), MaxPool2D(2), BatchNorm(),
        Conv2D(64, 3), ReLU(), MaxPool2D(2), BatchNorm(), Dropout(0.1),
        Flatten(), Dense(128), ReLU(), BatchNorm(), Dropout(0.3), Dense(num_classes),
    ]
    return Sequential(layers, input_shape=input_shape, seed=seed, **options)


def mlp(
    seed: int | None = None, input_shape: Shape = MNIST_SHAPE, num_classes: int = 10, **options: Any
) -> Sequential:
    """Return a network without convolutions: dense layers of 300, 200 and 100 units, 316,810 parameters.

    The arguments are those of `reference_cnn`; images of any size.
    """
    layers = [
        Flatten(), Dense(300), ReLU(), Dense(200), ReLU(), Dense(100), ReLU(), Dense(num_classes),
    ]
    return Sequential(layers, input_shape=input_shape, seed=seed, **options)


def lenet5(
    seed: int | None = None, input_shape: Shape = MNIST_SHAPE, num_classes: int = 10, **options: Any
) -> Sequential:
    """Return LeNet-5 (LeCun, Bottou, Bengio and Haffner, 1998, section II-B) in its modern reading, 61,706 parameters.

    Images of less than 32 x 32 pixels are padded at the first convolution: MNIST's to the paper's 32 x 32. Where it
    departs from the paper: tanh without the paper's factors; a plain average in place of S2 and S4, which there have a
    weight, a bias and a sigmoid; C3 sees all six maps of S2, not chosen ones (2,416 parameters instead of 1,516); a
    softmax in place of the Gaussian units. The arguments are those of `reference_cnn`.
    """
    padding = "valid" if min(checks.check_shape(input_shape, "lenet5", rank=3)[:2]) >= 32 else "same"
    layers = [
        Conv2D(6, 5, padding=padding), Tanh(), AvgPool2D(2),  # C1, S2
        Conv2D(16, 5), Tanh(), AvgPool2D(2),  # C3, S4
        Flatten(), Dense(120), Tanh(),  # C5: its filters cover the whole of S4, so it is a dense layer
        Dense(84), Tanh(), Dense(num_classes),  # F6, output
    ]
    return Sequential(layers, input_shape=input_shape, seed=seed, **options)


def fast_cnn(
    seed: int | None = None, input_shape: Shape = MNIST_SHAPE, num_classes: int = 10, **options: Any
) -> Sequential:
    """Return `reference_cnn` with half its filters, 108,618 parameters: less than a third of its multiplications.

    The arguments are those of `reference_cnn`.
    """
    layers = [
        Conv2D(16, 3), ReLU(), MaxPool2D(2),
        Conv2D(32, 3), ReLU(), MaxPool2D(2),
        Flatten(), Dense(128), ReLU(), Dense(num_classes),
    ]
    return Sequential(layers, input_shape=input_shape, seed=seed, **options)


def best_cnn(
    seed: int | None = None, input_shape: Shape = MNIST_SHAPE, num_classes: int = 10, **options: Any
) -> Sequential:
    """Return three convolutions, each pooled, two dense layers, batch normalisation and dropout, 242,762 parameters.

    Images of 20 x 20 pixels or more. Every convolution is pooled at once: such a block takes half the time of one
    without pooling, and in the time that this saves more epochs gain more than more layers. The normalisation follows
    the pooling, as in `augmented_cnn`. The arguments are those of `reference_cnn`.
    """
    he = "he_normal"
    layers = [
        Conv2D(32, 5, kernel_initializer=he), ReLU(), MaxPool2D(2), BatchNorm(),
        Conv2D(64, 3, padding="same", kernel_initializer=he), ReLU(), MaxPool2D(2), BatchNorm(),
        Conv2D(128, 3, padding="same", kernel_initializer=he), ReLU(), MaxPool2D(2), BatchNorm(),
        Flatten(), Dropout(0.3), Dense(128, kernel_initializer=he), ReLU(), BatchNorm(), Dropout(0.3),
        Dense(num_classes),
    ]
    return Sequential(layers, input_shape=input_shape, seed=seed, **options)


def vgg(
    seed: int | None = None, input_shape: Shape = MNIST_SHAPE, num_classes: int = 10, **options: Any
) -> Sequential:
    """Return five convolutions in the manner of VGG, and the mean of each map, 279,306 parameters.

    Several 3 x 3 convolutions before a pooling, twice as many filters after it (Simonyan and Zisserman, 2015), each
    normalised before its ReLU. A mean in place of large dense layers leaves the weights to the convolutions: better
    than `best_cnn` where the images are of things, at four times its multiplications. The arguments are those of
    `reference_cnn`; at least 4 x 4 pixels.
    """

    def convolution(filters: int) -> list[Layer]:
        return [Conv2D(filters, 3, padding="same", kernel_initializer="he_normal"), BatchNorm(), ReLU()]

    layers = [
        *convolution(32), MaxPool2D(2),
        *convolution(64), *convolution(64), MaxPool2D(2),
        *convolution(128), *convolution(128), GlobalAvgPool2D(), Dropout(0.3), Dense(num_classes),
    ]
    return Sequential(layers, input_shape=input_shape, seed=seed, **options)
