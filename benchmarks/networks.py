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


@dataclass(frozen=True)
class Conv:
    filters: int
    kernel_size: int
    padding: str = "valid"  # or "same"


@dataclass(frozen=True)
class Pool:
    kind: str  # "max" or "average"
    size: int = 2


@dataclass(frozen=True)
class Activation:
    name: str  # "relu" or "tanh"


@dataclass(frozen=True)
class Flatten:
    pass


@dataclass(frozen=True)
class Dense:
    units: int


Layer = Conv | Pool | Activation | Flatten | Dense
RELU, TANH = Activation("relu"), Activation("tanh")


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

    def weight_shapes(self) -> Iterator[tuple[Layer, Shape]]:
        """Yield the layers that have weights, with the shape of the weights; each has a bias of the last length."""
        for layer, before, _ in self.steps():
            if isinstance(layer, Conv):
                yield layer, (layer.kernel_size, layer.kernel_size, before[-1], layer.filters)
            elif isinstance(layer, Dense):
                yield layer, (*before, layer.units)

    def parameters(self) -> int:
        """Return the number of trainable numbers."""
        return sum(math.prod(shape) + shape[-1] for _, shape in self.weight_shapes())

    def multiply_adds(self) -> list[int]:
        """Return the multiplications with a weight that each layer with weights makes for one image, forward."""
        return [
            math.prod(before) * layer.units if isinstance(layer, Dense)
            else math.prod(after) * layer.kernel_size**2 * before[-1]
            for layer, before, after in self.steps() if isinstance(layer, (Conv, Dense))
        ]

    def training_flops(self) -> int:
        """Return the operations (a multiplication and an addition are two) of one image's training, counted densely.

        Forward, dw and dx take as many each; the first layer needs no dx.
        """
        first, *others = self.multiply_adds()
        return 2 * (2 * first + 3 * sum(others))

    def initial_weights(self) -> list[np.ndarray]:
        """Return weight, bias, weight, bias, ... for every engine to start from: Glorot uniform, and zeros."""
        rng = np.random.default_rng(0)
        weights = []
        for _, shape in self.weight_shapes():
            area = math.prod(shape[:-2])
            limit = math.sqrt(6 / (area * (shape[-2] + shape[-1])))
            weights += [rng.uniform(-limit, limit, shape).astype(np.float32), np.zeros(shape[-1], np.float32)]
        return weights


def output_shape(layer: Layer, shape: Shape) -> Shape:
    """Return what the layer makes of an input of this shape, without the batch axis."""
    match layer:
        case Conv(filters, size, padding):
            height, width, _ = shape
            cut = 0 if padding == "same" else size - 1
            return height - cut, width - cut, filters
        case Pool(_, size):
            height, width, channels = shape
            return height // size, width // size, channels
        case Flatten():
            return (math.prod(shape),)
        case Dense(units):
            return (units,)
    return shape


def channels_first(network: Network, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Return the weights for an engine whose images are (N, C, H, W), filters (out, in, kh, kw), dense (out, in)."""
    converted, remaining = [], iter(weights)
    flattened: Shape | None = None
    for layer, before, _ in network.steps():
        match layer:
            case Conv():
                converted += [next(remaining).transpose(3, 2, 0, 1), next(remaining)]
            case Flatten():
                flattened = before
            case Dense():
                weight, bias = next(remaining), next(remaining)
                if flattened:  # the rows are in the order of the flattened image
                    weight = weight.reshape(*flattened, -1).transpose(2, 0, 1, 3).reshape(len(weight), -1)
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


NETWORKS = {
    "cnn": described("reference CNN", 12_800, architectures.reference_cnn()),
    "lenet5": described("LeNet-5", 6_400, architectures.lenet5()),
    "deep": described("deeper CNN", 3_200, architectures.deep_cnn()),
    "mlp": described("MLP 784-300-200-100-10", 12_800, architectures.mlp()),
    "cifar": Network(
        "CIFAR-sized CNN", (32, 32, 3), 1_280,
        (Conv(32, 3, "same"), RELU, Pool("max"), Conv(64, 3, "same"), RELU, Pool("max"),
         Conv(128, 3, "same"), RELU, Pool("max"), Flatten(), Dense(128), RELU, Dense(10)),
    ),
}
