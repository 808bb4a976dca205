"""Configurations of every layer, for the tests that all layers have to pass."""

import numpy as np
import pytest

from numpycnn import kernels, layers

# Class: (arguments, shape of one input). Odd sizes, vectors and single channels on purpose.
LAYERS = {
    layers.Conv2D: [
        ({"filters": 4, "kernel_size": 3}, (7, 6, 3)),
        ({"filters": 3, "kernel_size": (2, 3), "strides": (2, 1), "padding": "same", "use_bias": False}, (5, 7, 2)),
        ({"filters": 6, "kernel_size": 3, "padding": (4, 0), "dilation_rate": (1, 2), "groups": 2}, (6, 5, 4)),
        ({"filters": 1, "kernel_size": 1, "strides": 3}, (1, 1, 1)),
    ],
    layers.MaxPool2D: [
        ({}, (7, 6, 3)),
        ({"pool_size": 3, "strides": 1, "padding": "same"}, (5, 4, 17)),
        ({"pool_size": (3, 2), "strides": (2, 3), "padding": (2, 1)}, (6, 5, 1)),
    ],
    layers.AvgPool2D: [
        ({}, (7, 6, 3)),
        ({"pool_size": 3, "strides": 2, "padding": "same"}, (5, 4, 17)),
        ({"pool_size": (3, 2), "strides": (1, 2), "padding": (2, 1)}, (6, 5, 1)),
    ],
    layers.GlobalAvgPool2D: [({}, (5, 3, 4)), ({}, (1, 1, 1))],
    layers.GlobalMaxPool2D: [({}, (5, 3, 4)), ({}, (1, 1, 1))],
    layers.DepthwiseConv2D: [
        ({"kernel_size": 3}, (7, 6, 17)),
        ({"kernel_size": (2, 3), "strides": (2, 1), "padding": "same", "depth_multiplier": 3}, (5, 7, 2)),
        ({"kernel_size": 2, "padding": (1, 0), "dilation_rate": (1, 2), "use_bias": False}, (4, 5, 1)),
    ],
    layers.SeparableConv2D: [
        ({"filters": 5, "kernel_size": 3, "padding": "same"}, (6, 5, 3)),
        ({"filters": 1, "kernel_size": (1, 2), "strides": 2, "depth_multiplier": 2, "use_bias": False}, (4, 5, 2)),
    ],
    layers.Dense: [({"units": 5}, (7,)), ({"units": 33, "use_bias": False}, (65,)), ({"units": 1}, (1,))],
    layers.Flatten: [({}, (4, 3, 2)), ({}, (28, 28)), ({}, (5,))],
    layers.Reshape: [({"target_shape": (2, -1)}, (4, 3, 2)), ({"target_shape": (5, 1, 1)}, (5,))],
    layers.ZeroPad2D: [({}, (4, 3, 2)), ({"padding": ((0, 2), (1, 0))}, (1, 5, 3)), ({"padding": 0}, (1, 1, 1))],
    layers.Rescale: [({"scale": 0.5}, (5, 3, 2)), ({"scale": -0.25, "offset": 0.5}, (7,))],
    layers.ReLU: [({}, (5, 3, 2)), ({}, (7,))],
    layers.LeakyReLU: [({}, (5, 3, 2)), ({"negative_slope": 0.01}, (7,))],
    layers.ELU: [({}, (5, 3, 2)), ({"alpha": 0.4}, (7,))],
    layers.GELU: [({}, (5, 3, 2)), ({"approximate": True}, (7,))],
    layers.SiLU: [({}, (5, 3, 2)), ({}, (7,))],
    layers.Sigmoid: [({}, (5, 3, 2)), ({}, (7,))],
    layers.Tanh: [({}, (5, 3, 2)), ({}, (7,))],
    layers.Dropout: [({"rate": 0.4}, (5, 3, 2)), ({"rate": 0.0}, (7,))],
    layers.SpatialDropout2D: [({"rate": 0.4}, (5, 3, 8))],
    layers.GaussianNoise: [({"stddev": 0.5}, (5, 3, 2)), ({"stddev": 0.0}, (7,))],
    layers.BatchNorm: [
        ({}, (5, 3, 2)), ({"momentum": 0.5, "epsilon": 1e-5}, (7,)), ({"center": False}, (4, 2)),
        ({"scale": False}, (5, 3, 2)), ({"center": False, "scale": False}, (7,)),
    ],
    layers.LayerNorm: [({}, (5, 3, 4)), ({"epsilon": 1e-5, "center": False}, (7,)), ({"scale": False}, (3, 2))],
    layers.Softmax: [({}, (5, 3, 4)), ({}, (7,))],
}

CASES = [
    pytest.param(lambda cls=cls, arguments=arguments: cls(**arguments), shape, id=f"{cls.__name__}-{number}")
    for cls, configurations in LAYERS.items()
    for number, (arguments, shape) in enumerate(configurations)
]
KERNEL_SETS = [
    pytest.param("compiled", marks=pytest.mark.skipif(kernels.jit_disabled(), reason="NUMBA_DISABLE_JIT is set")),
    "reference",
]

every_layer = pytest.mark.parametrize(("make", "shape"), CASES)
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
both_kernel_sets = pytest.mark.parametrize("kernel_set", KERNEL_SETS)


def built(make, shape, dtype="float32", seed=0):
    """Return a built layer in which no parameter and no moving statistic is 0; they are multiples of 1/8."""
    rng = np.random.default_rng(seed)
    layer = make()
    layer.build(shape, rng, dtype)
    for parameter in layer.parameters:
        parameter.value = rng.integers(4, 13, parameter.value.shape) / 8
    if isinstance(layer, layers.BatchNorm):
        layer.moving_mean = (rng.integers(4, 13, layer.moving_mean.shape) / 8).astype(dtype)
        layer.moving_variance = (rng.integers(4, 13, layer.moving_variance.shape) / 8).astype(dtype)
    return layer


def numbers(shape, seed=1, dtype="float32"):
    """Return normal numbers, rounded to multiples of 1/8: ties occur, and sums of products of them are exact."""
    return (np.random.default_rng(seed).standard_normal(shape) * 8).round().astype(dtype) / 8


def data(layer, batch=3, dtype="float32", seed=1):
    """Return an input and an output gradient for a built layer."""
    x = numbers((batch, *layer.input_shape), seed, dtype)
    return x, numbers((batch, *layer.output_shape), seed + 1, dtype)
