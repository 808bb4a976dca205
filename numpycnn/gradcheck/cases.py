"""What ``gradcheck`` runs on: every layer in the configurations that have broken somewhere, losses, models, blocks."""

from __future__ import annotations

import copy
import itertools
from typing import Any, Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from .. import fusion
from ..layers import (
    ELU,
    GELU,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GaussianNoise,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Rescale,
    Reshape,
    SeparableConv2D,
    Sigmoid,
    SiLU,
    Softmax,
    SpatialDropout2D,
    Tanh,
    ZeroPad2D,
)
from ..losses import BinaryCrossEntropy, Huber, Loss, MeanAbsoluteError, MeanSquaredError, SoftmaxCrossEntropy
from ..memory.parameter import Parameter
from ..model import Sequential
from ..regularizers import L1, L2, L1L2

Shape = tuple[int, ...]


def clear_of_kinks(shape: Shape, rng: np.random.Generator) -> NDArray:
    """Return evenly spaced numbers in (-2, 2) in random order.

    No two are closer to each other than 3.98 / size (no ties for MaxPool2D), and none closer to 0 than 1.99 / size (the
    kink of ReLU), far more than a step. None is a half or a whole, where other functions have kinks.
    """
    size = int(np.prod(shape))
    places = (np.arange(size) // 2 + 0.5) * (3.988 / (size + size % 2))  # 0.5, 0.5, 1.5, 1.5, ... apart from the scale
    signs = np.where(np.arange(size) % 2, 1.0, -1.0)
    return rng.permutation(signs * places).reshape(shape)


def shake(parameters: Iterable[Parameter], rng: np.random.Generator) -> None:
    """Add noise to starting values: a bias of 0 or a gamma of 1 would hide mistakes."""
    for p in parameters:
        p.value += 0.1 * rng.standard_normal(p.value.shape)


def layer_cases() -> list[tuple[Layer, Shape]]:
    """Return (layer, input shape) for every layer, not built."""
    return [*_layers_with_windows(), *_layers_without_windows()]


def _layers_with_windows() -> list[tuple[Layer, Shape]]:
    return [
        (Conv2D(3, 3), (6, 5, 2)),
        (Conv2D(3, 3, use_bias=False), (5, 6, 2)),
        (Conv2D(33, 2), (4, 5, 3)),  # wider than a tile of the matrix kernels
        (Conv2D(2, (3, 2)), (5, 6, 1)),
        (Conv2D(2, 3, strides=2), (7, 6, 2)),
        (Conv2D(2, 1, strides=(2, 3)), (5, 7, 3)),  # strides beyond the window
        (Conv2D(2, 3, padding="same"), (5, 4, 2)),
        (Conv2D(2, (2, 4), strides=(3, 2), padding="same"), (7, 8, 2)),
        (Conv2D(2, (1, 4), padding=(0, 2)), (4, 5, 2)),
        (Conv2D(2, 2, padding=3), (3, 4, 2)),  # wider than the kernel
        (Conv2D(2, (2, 3), dilation_rate=(3, 2)), (6, 7, 2)),
        (Conv2D(2, 3, strides=2, padding="same", dilation_rate=2), (6, 5, 2)),
        (Conv2D(6, 3, padding=1, groups=2), (4, 5, 4)),
        (Conv2D(3, 2, use_bias=False, groups=3), (4, 5, 3)),
        (MaxPool2D(2), (4, 6, 2)),
        (MaxPool2D(2), (5, 7, 2)),  # the last row and column belong to no window
        (MaxPool2D(3, strides=2), (7, 6, 2)),  # overlapping
        (MaxPool2D((2, 3), strides=1), (5, 5, 2)),
        (MaxPool2D(2, strides=3), (7, 8, 2)),  # gaps
        (MaxPool2D(3, strides=2, padding="same"), (6, 5, 2)),
        (MaxPool2D((2, 3), strides=(1, 2), padding=(1, 2)), (5, 6, 2)),
        (AvgPool2D(2), (4, 6, 2)),
        (AvgPool2D(2), (5, 7, 2)),
        (AvgPool2D(3, strides=2), (7, 6, 2)),
        (AvgPool2D(2, strides=3), (7, 8, 2)),
        (AvgPool2D(3, strides=2, padding="same"), (6, 5, 2)),
        (AvgPool2D((2, 3), strides=(1, 2), padding=(1, 2)), (5, 6, 2)),
        (DepthwiseConv2D(3), (6, 5, 3)),
        (DepthwiseConv2D((2, 3), strides=(2, 1), padding="same", depth_multiplier=3), (5, 6, 2)),
        (DepthwiseConv2D(2, padding=(3, 0), dilation_rate=(1, 2), use_bias=False), (4, 5, 2)),
        (SeparableConv2D(4, 3), (6, 5, 3)),
        (SeparableConv2D(2, (2, 3), strides=2, padding="same", depth_multiplier=2, use_bias=False), (5, 6, 2)),
    ]


def _layers_without_windows() -> list[tuple[Layer, Shape]]:
    return [
        (GlobalAvgPool2D(), (4, 5, 3)),
        (GlobalMaxPool2D(), (4, 5, 3)),
        (Dense(4), (5,)),
        (Dense(3, use_bias=False), (7,)),
        (Dense(5), (5,)),  # square: a forgotten transposition fits
        (Dense(35), (9,)),
        (Flatten(), (3, 4, 2)),
        (Flatten(), (4, 3)),
        (Reshape((2, -1, 3)), (3, 4, 2)),
        (ZeroPad2D(((1, 0), (0, 3))), (2, 5, 3)),
        (Rescale(1 / 255, -0.5), (4, 3, 2)),
        (ReLU(), (7,)),
        (ReLU(), (4, 3, 2)),
        (LeakyReLU(), (4, 3, 2)),
        (LeakyReLU(0.0), (7,)),
        (ELU(), (4, 3, 2)),
        (ELU(0.4), (7,)),
        (GELU(), (4, 3, 2)),
        (GELU(approximate=True), (4, 3, 2)),
        (SiLU(), (4, 3, 2)),
        (Sigmoid(), (4, 3, 2)),
        (Tanh(), (4, 3, 2)),
        (Dropout(0.4), (4, 3, 2)),
        (Dropout(0.0), (7,)),
        (SpatialDropout2D(0.4), (4, 3, 5)),
        (GaussianNoise(0.3), (4, 3, 2)),
        (Softmax(), (4, 3, 2)),
        (LayerNorm(), (6,)),
        (LayerNorm(), (4, 3, 5)),
        (LayerNorm(epsilon=0.5, scale=False), (3, 4)),
        (LayerNorm(center=False), (5,)),
        (BatchNorm(), (6,)),
        (BatchNorm(), (4, 3, 5)),
        (BatchNorm(momentum=0.0, epsilon=0.5), (3, 2)),
        (BatchNorm(scale=False), (4, 3, 2)),
        (BatchNorm(center=False), (6,)),
    ]


def loss_cases() -> list[tuple[Any, ...]]:
    """Return (title, loss, outputs, targets), and for some weights of the rows."""
    rng = np.random.default_rng(1)
    logits, labels = 3 * rng.standard_normal((5, 4)), np.array([3, 0, 2, 1, 1])
    one_hot, soft = np.eye(4)[labels], rng.dirichlet(np.ones(4), 5)
    plain, smooth = SoftmaxCrossEntropy(), SoftmaxCrossEntropy(label_smoothing=0.1)
    return [
        (f"{plain!r}, classes", plain, logits, labels),
        (f"{plain!r}, one-hot", plain, logits, one_hot),
        (f"{plain!r}, probabilities", plain, logits, soft),
        (f"{plain!r}, logits near 1000", plain, logits + 1000, labels),
        (f"{smooth!r}, classes", smooth, logits, labels),
        (f"{smooth!r}, one-hot", smooth, logits, one_hot),
        ("MeanSquaredError(), vectors", MeanSquaredError(), logits, one_hot),
        ("MeanSquaredError(), images", MeanSquaredError(), rng.random((2, 3, 4, 1)), rng.random((2, 3, 4, 1))),
        ("MeanSquaredError(), one number a row", MeanSquaredError(), rng.random((4, 1)), rng.random(4)),
        *_later_loss_cases(logits, soft, labels, rng),
    ]


def _later_loss_cases(logits: NDArray, soft: NDArray, labels: NDArray, rng: np.random.Generator) -> list[Any]:
    weights, smooth = np.array([0.5, 0.0, 2.0, 1.0, 3.0]), BinaryCrossEntropy(label_smoothing=0.1)
    weighted_mean = SoftmaxCrossEntropy(reduction="weighted_mean")
    return [
        ("BinaryCrossEntropy(), probabilities", BinaryCrossEntropy(), logits, soft),
        ("BinaryCrossEntropy(), one question", BinaryCrossEntropy(), logits[:, :1], labels > 1),
        (repr(smooth), smooth, logits, soft.round()),
        ("MeanAbsoluteError(), vectors", MeanAbsoluteError(), logits, soft),
        ("MeanAbsoluteError(), images", MeanAbsoluteError(), rng.random((2, 3, 4, 1)), rng.random((2, 3, 4, 1))),
        ("Huber(), vectors", Huber(), logits, soft),
        ("Huber(delta=0.3), images", Huber(0.3), rng.random((2, 3, 4, 1)), rng.random((2, 3, 4, 1))),
        ("SoftmaxCrossEntropy(), weights", SoftmaxCrossEntropy(), logits, labels, weights),
        ("SoftmaxCrossEntropy(), weighted mean", weighted_mean, logits, labels, weights),
        ("BinaryCrossEntropy(), weights", BinaryCrossEntropy(), logits, soft, weights),
        ("MeanSquaredError(), sum, weights", MeanSquaredError("sum"), logits, soft, weights),
        ("MeanAbsoluteError(), sum", MeanAbsoluteError("sum"), logits, soft),
        ("Huber(), weights", Huber(), rng.random((5, 3, 2)), rng.random((5, 3, 2)), weights),
    ]


def model_cases() -> list[tuple[str, Sequential, NDArray, NDArray, Loss]]:
    """Return (title, built model, x, targets, loss): each model with and without fused blocks."""
    x = np.random.default_rng(2).standard_normal((3, 11, 10, 1))
    labels = np.array([2, 0, 4])
    designs: list[tuple[str, Callable[[], list[Layer]], Loss, NDArray]] = [
        ("reference CNN, shrunk", _reference_cnn, SoftmaxCrossEntropy(), labels),
        ("normalised CNN", _normalised_cnn, SoftmaxCrossEntropy(label_smoothing=0.1), labels),
        ("smooth CNN", _smooth_cnn, MeanSquaredError(), np.eye(5)[labels]),
        ("regularised CNN", _regularised_cnn, SoftmaxCrossEntropy(), labels),
    ]
    result = []
    for (title, make, loss, targets), fused in itertools.product(designs, (True, False)):
        model = Sequential(make(), input_shape=x.shape[1:], seed=3, dtype="float64", fused=fused)
        shake(model.parameters, np.random.default_rng(4))
        result.append((f"{title}, fused={fused}", model, x, targets, loss))
    return result


def _reference_cnn() -> list[Layer]:
    return [
        Conv2D(3, 3), ReLU(), MaxPool2D(2), Conv2D(4, 3, padding="same"), ReLU(), MaxPool2D(2),
        Flatten(), Dense(6), ReLU(), Dense(5),
    ]


def _normalised_cnn() -> list[Layer]:
    return [
        Conv2D(4, 3, strides=2, padding="same", use_bias=False), BatchNorm(), ReLU(), MaxPool2D(3, 2, padding="same"),
        Conv2D(4, 2, groups=2, use_bias=False), BatchNorm(), LeakyReLU(), Dropout(0.3), GlobalAvgPool2D(), Dense(5),
    ]


def _smooth_cnn() -> list[Layer]:
    return [Conv2D(2, 3, dilation_rate=2), Tanh(), AvgPool2D(3, 2), Flatten(), Dense(4), Sigmoid(), Dense(5)]


def _regularised_cnn() -> list[Layer]:
    return [
        Conv2D(3, 3, kernel_regularizer=L2(0.1), bias_regularizer=L1(0.02)), ReLU(), MaxPool2D(2),
        SeparableConv2D(3, 2, kernel_regularizer=L2(0.2), pointwise_regularizer=L1(0.03), bias_regularizer=L2(0.1)),
        DepthwiseConv2D(1, kernel_regularizer=L2(0.4), bias_regularizer=L2(0.5)), Flatten(),
        Dense(6, bias_regularizer=L2(0.3)), ReLU(), Dense(5, kernel_regularizer=L1L2(0.03, 0.05)),
    ]


# Input shape and arguments of a block's first layer, for each class that a rule of fusion.py may begin with.
_FIRST: dict[Any, list[tuple[Shape, dict[str, Any]]]] = {
    Conv2D: [
        ((7, 6, 2), {"filters": 3, "kernel_size": 3}),  # few channels, or many filters: gradients summed tap by tap
        ((5, 6, 1), {"filters": 33, "kernel_size": (2, 3), "padding": "same"}),
        ((7, 6, 2), {"filters": 20, "kernel_size": 3, "strides": 2, "padding": 1, "use_bias": False}),
        ((4, 3, 2), {"filters": 2, "kernel_size": 2, "padding": 2}),  # wider than the kernel
        ((7, 9, 3), {"filters": 2, "kernel_size": (3, 2), "strides": (1, 2), "dilation_rate": (2, 1)}),
        ((6, 4, 6), {"filters": 3, "kernel_size": 3}),  # run by run
        ((4, 5, 6), {"filters": 2, "kernel_size": (2, 3), "padding": "same", "use_bias": False}),
        ((4, 5, 16), {"filters": 2, "kernel_size": 3, "padding": "same"}),  # with pooling by Winograd's algorithm
        ((4, 5, 16), {"filters": 32, "kernel_size": 3, "padding": "same", "use_bias": False}),  # without, too
        ((7, 4, 17), {"filters": 3, "kernel_size": 3, "strides": 2, "padding": 1}),
        ((5, 6, 16), {"filters": 5, "kernel_size": 2, "dilation_rate": (1, 2)}),
    ],
    Dense: [((9,), {"units": 5}), ((9,), {"units": 35, "use_bias": False}), ((4,), {"units": 16})],
    ReLU: [((7, 6, 2), {})],
    BatchNorm: [((7, 6, 2), {}), ((5, 4, 3), {"center": False}), ((4, 6, 2), {"scale": False})],
}
# Arguments of the layers that follow; none if the class is not here.
_LATER: dict[Any, list[dict[str, Any]]] = {
    MaxPool2D: [{"pool_size": 2}, {"pool_size": 3, "strides": 2, "padding": "same"}],
}


def block_cases() -> list[fusion.Block]:
    """Return every block that ``fusion.RULES`` makes of its layers in these variants, built in float64."""
    rng = np.random.default_rng(5)
    blocks = []
    for classes, block in fusion.RULES:
        later = [_LATER.get(c, [{}]) for c in classes[1:]]
        firsts = _FIRST.get(classes[0], [])
        if block is fusion.ConvNormalised:  # of two other blocks, which have their own cases
            firsts = firsts[::4]
        if block is fusion.WinogradConvStride2:
            firsts = [((5, 6, 4), {"filters": 32, "kernel_size": 4, "strides": 2, "padding": 1})]
        for n, ((shape, first), *rest) in enumerate(itertools.product(firsts, *later)):
            chosen: Any = [c[n % len(c)] if isinstance(c, tuple) else c for c in classes]  # one of them, in turn
            layers = [c(**a) for c, a in zip(chosen, (first, *rest))]
            model = Sequential(layers, input_shape=shape, seed=6, dtype="float64")
            shake(model.parameters, rng)
            blocks += [step for step in model.plan if type(step) is block]
    return blocks


BATCH = 64  # of the cases at full size
_LARGE_RUNS: list[tuple[Shape, list[Layer]]] = [
    ((28, 28, 1), [Conv2D(32, 3), ReLU(), MaxPool2D(2)]),
    ((13, 13, 32), [Conv2D(64, 3), ReLU(), MaxPool2D(2)]),
    ((14, 14, 6), [Conv2D(16, 5), ReLU()]),
    ((14, 14, 6), [Conv2D(16, 5), Tanh()]),
    ((400,), [Dense(120), GELU()]),
    ((12, 12, 6), [Conv2D(16, 3)]),
    ((28, 28, 1), [Conv2D(6, 5, strides=2, padding=2)]),
    ((1600,), [Dense(128), ReLU()]),
    ((26, 26, 32), [ReLU(), MaxPool2D(2)]),
]
_LARGE: list[tuple[Shape, Layer]] = [
    ((28, 28, 1), Conv2D(32, 3)),
    ((13, 13, 32), Conv2D(64, 3)),
    ((27, 28, 4), Conv2D(16, (5, 3), strides=(2, 1), padding="same", dilation_rate=(1, 2), groups=2)),
    ((26, 26, 32), MaxPool2D(2)),
    ((26, 27, 8), MaxPool2D(3, strides=2, padding="same")),
    ((26, 26, 32), AvgPool2D(2)),
    ((26, 27, 8), AvgPool2D(3, strides=2, padding=1)),
    ((26, 26, 32), GlobalAvgPool2D()),
    ((26, 26, 32), GlobalMaxPool2D()),
    ((27, 28, 8), DepthwiseConv2D((5, 3), strides=(2, 1), padding="same", depth_multiplier=2)),
    ((13, 13, 32), SeparableConv2D(64, 3)),
    ((26, 27, 8), ZeroPad2D(((1, 2), (0, 3)))),
    ((26, 26, 32), LayerNorm()),
    ((1600,), Softmax()),
    ((5, 5, 64), Flatten()),
    ((1600,), Dense(128)),
    ((26, 26, 32), ReLU()),
    ((26, 26, 32), LeakyReLU()),
    ((26, 26, 32), BatchNorm()),
    ((26, 26, 6), Tanh()),
    ((1600,), Sigmoid()),
    ((1600,), ELU()),
    ((1600,), GELU()),
    ((1600,), SiLU()),
    ((1600,), Dropout(0.5)),
]


def full_size_cases() -> list[Layer]:
    """Return built layers and blocks at the sizes of MNIST networks: far too large for every element."""
    rng = np.random.default_rng(7)
    result: list[Layer] = []
    for shape, layer in copy.deepcopy(_LARGE):
        layer.build(shape, rng, "float64")
        result.append(layer)
    for shape, layers in copy.deepcopy(_LARGE_RUNS):
        result += Sequential(layers, input_shape=shape, seed=8, dtype="float64").plan
    for layer in result:
        shake(layer.parameters, rng)
    return result


def full_size_models() -> list[tuple[str, Sequential, NDArray, NDArray, Loss]]:
    """Return (title, built model, x, targets, loss): the reference CNN of the README, fused and not."""
    rng = np.random.default_rng(9)
    x, labels = rng.random((BATCH, 28, 28, 1)), rng.integers(0, 10, BATCH)
    result: list[tuple[str, Sequential, NDArray, NDArray, Loss]] = []
    for fused in (True, False):
        layers = [
            Conv2D(32, 3), ReLU(), MaxPool2D(2), Conv2D(64, 3), ReLU(), MaxPool2D(2),
            Flatten(), Dense(128), ReLU(), Dense(10),
        ]
        model = Sequential(layers, input_shape=(28, 28, 1), seed=0, dtype="float64", fused=fused)
        result.append((f"reference CNN, fused={fused}", model, x, labels, SoftmaxCrossEntropy()))
    return result
