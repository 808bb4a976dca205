"""The networks of the benchmarks, each described once; every engine builds its own from the description.

Images are (N, H, W, C), filters (kh, kw, in, out), dense weights (in, out), as in numpycnn; an engine that keeps them
otherwise converts them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterator

import numpy as np

import numpycnn
from numpycnn import architectures

Shape = tuple[int, ...]
EPSILON, MOMENTUM = 1e-3, 0.99  # of batch normalisation, in every engine


@dataclass(frozen=True)
class Conv:
    filters: int
    kernel_size: int
    padding: str = "valid"  # or "same"; with strides the odd pixel goes to the bottom and right
    strides: int = 1


@dataclass(frozen=True)
class Pool:
    kind: str  # "max" or "average"
    size: int = 2


@dataclass(frozen=True)
class GlobalAverage:
    pass


@dataclass(frozen=True)
class Normalisation:
    """BatchNorm over all axes but the last one."""


@dataclass(frozen=True)
class Dropout:
    rate: float


@dataclass(frozen=True)
class Activation:
    name: str  # "relu" or "tanh"


@dataclass(frozen=True)
class Flatten:
    pass


@dataclass(frozen=True)
class Dense:
    units: int


Layer = Conv | Pool | GlobalAverage | Normalisation | Dropout | Activation | Flatten | Dense
RELU, TANH, NORM = Activation("relu"), Activation("tanh"), Normalisation()


@dataclass(frozen=True)
class Network:
    """Layers in order; the last one gives a logit for each class.

    Attributes
    ----------
    title : str
    input_shape : tuple of int
        (H, W, C).
    images : int
        On which the training benchmark trains in one turn, unless told otherwise; some seconds' work.
    layers : tuple
    """

    title: str
    input_shape: Shape
    images: int
    layers: tuple[Layer, ...]

    def steps(self) -> Iterator[tuple[Layer, Shape, Shape]]:
        """Yield each layer with the shapes of its input and its output, without the batch axis."""
        shape = self.input_shape
        for layer in self.layers:
            before, shape = shape, output_shape(layer, shape)
            yield layer, before, shape

    @property
    def mirrored(self) -> bool:
        """Whether PyTorch computes the network of mirrored images: its own padding puts the odd pixel top and left."""
        return any(isinstance(layer, Conv) and layer.strides > 1 and layer.padding == "same" for layer in self.layers)

    def weight_shapes(self) -> Iterator[tuple[Layer, Shape]]:
        """Yield the layers that have weights, with the shape of the weights; of gamma for normalisation."""
        for layer, before, _ in self.steps():
            if isinstance(layer, Conv):
                yield layer, (layer.kernel_size, layer.kernel_size, before[-1], layer.filters)
            elif isinstance(layer, Dense):
                yield layer, (*before, layer.units)
            elif isinstance(layer, Normalisation):
                yield layer, before[-1:]

    def parameters(self) -> int:
        """Return the number of trainable numbers; each layer with weights has as many biases as the last axis."""
        return sum(math.prod(shape) + shape[-1] for _, shape in self.weight_shapes())

    def multiply_adds(self) -> list[int]:
        """Return the multiplications with a weight that each layer with products makes for one image, forward."""
        return [
            math.prod(before) * layer.units if isinstance(layer, Dense)
            else math.prod(after) * layer.kernel_size**2 * before[-1]
            for layer, before, after in self.steps() if isinstance(layer, (Conv, Dense))
        ]

    def training_flops(self) -> int:
        """Return the operations (a multiplication and an addition are two) of one image's training, counted densely.

        Forward, dw and dx take as many each; the first layer needs no dx. Products alone are counted.
        """
        first, *others = self.multiply_adds()
        return 2 * (2 * first + 3 * sum(others))

    def initial_weights(self) -> list[np.ndarray]:
        """Return what every engine trains from: weight and bias of each layer; gamma, beta, mean, variance.

        Weights are Glorot uniform, all else is 0, but 1 gamma and the variance.
        """
        rng = np.random.default_rng(0)
        weights = []
        for layer, shape in self.weight_shapes():
            zeros = np.zeros(shape[-1], np.float32)
            if isinstance(layer, Normalisation):
                weights += [zeros + 1, zeros, zeros, zeros + 1]
                continue
            area = math.prod(shape[:-2])
            limit = math.sqrt(6 / (area * (shape[-2] + shape[-1])))
            weights += [rng.uniform(-limit, limit, shape).astype(np.float32), zeros]
        return weights

    def varied_weights(self) -> list[np.ndarray]:
        """Return the same with something added to each vector: what every engine predicts with, as if it had learned.

        At the start normalisation and biases change nothing, and an engine that left them out would not be noticed.
        """
        rng = np.random.default_rng(1)
        return [
            w + rng.uniform(-0.2, 0.2, w.shape).astype(np.float32) if w.ndim == 1 else w for w in self.initial_weights()
        ]


def output_shape(layer: Layer, shape: Shape) -> Shape:
    """Return what the layer makes of an input of this shape, without the batch axis."""
    match layer:
        case Conv(filters, size, padding, strides):
            cut = 0 if padding == "same" else size - 1
            height, width = (-(-(n - cut) // strides) for n in shape[:2])
            return height, width, filters
        case Pool(_, size):
            height, width, channels = shape
            return height // size, width // size, channels
        case GlobalAverage():
            return shape[2:]
        case Flatten():
            return (math.prod(shape),)
        case Dense(units):
            return (units,)
    return shape


def channels_first(network: Network, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Return the weights for an engine whose images are (N, C, H, W), filters (out, in, kh, kw), dense (out, in).

    For a network that is `mirrored`, those that make of mirrored images what the network makes of them as they are.
    """
    converted, remaining = [], iter(weights)
    step = -1 if network.mirrored else 1
    flattened: Shape | None = None
    for layer, before, _ in network.steps():
        match layer:
            case Conv():
                converted += [next(remaining)[::step, ::step].transpose(3, 2, 0, 1), next(remaining)]
            case Flatten():
                flattened = before
            case Normalisation():
                converted += [next(remaining) for _ in range(4)]
            case Dense():
                weight, bias = next(remaining), next(remaining)
                if flattened:  # the rows are in the order of the flattened image
                    weight = weight.reshape(*flattened, -1)[::step, ::step]
                    weight = weight.transpose(2, 0, 1, 3).reshape(-1, weight.shape[-1])
                    flattened = None
                converted += [weight.T, bias]
    return [np.ascontiguousarray(weight) for weight in converted]


def described(title: str, images: int, model: numpycnn.Sequential) -> Network:
    """Return the description of a model of numpycnn's."""
    return Network(title, model.input_shape, images, tuple(map(_description, model.layers)))


def _description(layer: numpycnn.Layer) -> Layer:
    match layer:
        case numpycnn.Conv2D():
            return Conv(layer.filters, layer.kernel_size[0], layer.padding)
        case numpycnn.MaxPool2D():
            return Pool("max", layer.pool_size[0])
        case numpycnn.AvgPool2D():
            return Pool("average", layer.pool_size[0])
        case numpycnn.ReLU():
            return RELU
        case numpycnn.Tanh():
            return TANH
        case numpycnn.Flatten():
            return Flatten()
        case numpycnn.Dense():
            return Dense(layer.units)
    raise ValueError(f"no description for {layer}")


def _normalised(*layers: Layer) -> tuple[Layer, ...]:
    """Return the layers, each followed by normalisation and ReLU."""
    return tuple(item for layer in layers for item in (layer, NORM, RELU))


def _small(title: str, images: int, *layers: Layer) -> Network:
    return Network(title, (28, 28, 1), images, layers)


MAX, LAST = Pool("max"), Dense(10)

NETWORKS = {
    "reference": described("reference CNN", 12_800, architectures.reference_cnn()),
    "keras_example": _small(
        "Keras's example", 12_800,
        Conv(32, 3), RELU, MAX, Conv(64, 3), RELU, MAX, Flatten(), Dropout(0.5), LAST,
    ),
    "deeper": described("deeper CNN", 6_400, architectures.deep_cnn()),
    "pytorch_example": _small(
        "PyTorch's example", 3_200,
        Conv(32, 3), RELU, Conv(64, 3), RELU, MAX, Dropout(0.25), Flatten(), Dense(128), RELU, Dropout(0.5), LAST,
    ),
    "mlp_dropout": _small(
        "MLP 784-512-512-10, dropout", 12_800,
        Flatten(), Dense(512), RELU, Dropout(0.2), Dense(512), RELU, Dropout(0.2), LAST,
    ),
    "mlp": described("MLP 784-300-200-100-10", 12_800, architectures.mlp()),
    "tf_tutorial": _small(
        "TensorFlow's tutorial", 3_200,
        Conv(32, 5, "same"), RELU, MAX, Conv(64, 5, "same"), RELU, MAX, Flatten(), Dense(1024), RELU, Dropout(0.4),
        LAST,
    ),
    "lenet5": described("LeNet-5", 6_400, architectures.lenet5()),
    "bn_cnn": _small(
        "CNN with BatchNorm", 3_200,
        *_normalised(Conv(32, 3, "same")), MAX, *_normalised(Conv(64, 3, "same")), MAX, Flatten(),
        *_normalised(Dense(128)), Dropout(0.5), LAST,
    ),
    "all_convolutional": _small(
        "all-convolutional", 3_200,
        Conv(32, 3, "same"), RELU, Conv(32, 3, "same", 2), RELU, Conv(64, 3, "same"), RELU,
        Conv(64, 3, "same", 2), RELU, Conv(128, 3), RELU, GlobalAverage(), LAST,
    ),
    "vgg_like": Network(
        "VGG-like, 32 x 32 x 3", (32, 32, 3), 1_280,
        (*_normalised(Conv(32, 3, "same"), Conv(32, 3, "same")), MAX,
         *_normalised(Conv(64, 3, "same"), Conv(64, 3, "same")), MAX,
         *_normalised(Conv(128, 3, "same"), Conv(128, 3, "same")), MAX, Flatten(), Dense(128), RELU, LAST),
    ),
    "strided_bn": _small(
        "strides and BatchNorm", 1_280,
        *_normalised(Conv(32, 3), Conv(32, 3), Conv(32, 5, "same", 2)),
        *_normalised(Conv(64, 3), Conv(64, 3), Conv(64, 5, "same", 2)), Flatten(), Dense(128), RELU, LAST,
    ),
    "cifar": Network(
        "CIFAR-sized CNN", (32, 32, 3), 1_280,
        (Conv(32, 3, "same"), RELU, MAX, Conv(64, 3, "same"), RELU, MAX,
         Conv(128, 3, "same"), RELU, MAX, Flatten(), Dense(128), RELU, LAST),
    ),
}
