"""Small models of every layer, with weights unlike those they begin with, for the tests of other systems."""

import numpy as np

import numpycnn as nc
from numpycnn import Conv2D, Dense, Flatten, MaxPool2D, Sequential

IMAGE = (7, 6, 2)


def _images(*layers, shape=IMAGE, **options):
    return Sequential(layers, input_shape=shape, seed=0, **options)


# Name: a function that makes the model. Some end in an image, some in a vector.
MODELS = {
    "Conv2D": lambda: _images(Conv2D(3, (3, 2))),
    "Conv2D same": lambda: _images(Conv2D(3, (2, 4), strides=(2, 1), padding="same", use_bias=False)),
    "Conv2D explicit": lambda: _images(Conv2D(4, 3, padding=(2, 1), dilation_rate=(1, 2), groups=2)),
    "DepthwiseConv2D": lambda: _images(nc.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2)),
    "SeparableConv2D": lambda: _images(nc.SeparableConv2D(3, 2, depth_multiplier=2)),
    "SeparableConv2D plain": lambda: _images(nc.SeparableConv2D(3, 3, padding="same", use_bias=False)),
    "Dense": lambda: _images(Dense(4), nc.ReLU(), Dense(3, use_bias=False), shape=(5,)),
    "MaxPool2D": lambda: _images(MaxPool2D(2)),
    "MaxPool2D same": lambda: _images(MaxPool2D((3, 2), strides=(2, 1), padding="same")),
    "MaxPool2D lop-sided": lambda: _images(MaxPool2D((2, 4), strides=1, padding="same")),
    "MaxPool2D explicit": lambda: _images(MaxPool2D(3, padding=(2, 1))),
    "AvgPool2D": lambda: _images(nc.AvgPool2D((2, 3), strides=1)),
    "AvgPool2D same": lambda: _images(nc.AvgPool2D(2, padding="same")),
    "AvgPool2D explicit": lambda: _images(nc.AvgPool2D(3, strides=2, padding=1)),
    "GlobalAvgPool2D": lambda: _images(nc.GlobalAvgPool2D(), Dense(3)),
    "GlobalMaxPool2D": lambda: _images(nc.GlobalMaxPool2D(), nc.Tanh()),
    "BatchNorm": lambda: _images(nc.BatchNorm(), nc.BatchNorm(center=False), nc.BatchNorm(scale=False)),
    "BatchNorm of vectors": lambda: _images(Flatten(), nc.BatchNorm(0.9, 1e-5), Dense(3), nc.BatchNorm()),
    "LayerNorm": lambda: _images(nc.LayerNorm(), Flatten(), nc.LayerNorm(1e-5, center=False), Dense(3)),
    "Flatten": lambda: _images(nc.ReLU(), Flatten()),  # the order is the output's
    "Flatten twice": lambda: _images(Flatten(), nc.ELU(0.5), Flatten(), nc.Softmax(), Dense(3)),
    "Reshape": lambda: _images(nc.Reshape((6, 14)), nc.Reshape((4, 7, 3)), Conv2D(2, 2)),
    "Reshape of vectors": lambda: _images(Dense(12), nc.Reshape((3, 4, 1)), Conv2D(2, 2), Flatten(), Dense(2),
                                          shape=(5,)),
    "ZeroPad2D": lambda: _images(nc.ZeroPad2D(((1, 0), (2, 1)))),
    "Rescale": lambda: _images(nc.Rescale(0.5, -1.0), Conv2D(2, 2)),
    "activations": lambda: _images(
        nc.ReLU(), nc.LeakyReLU(0.2), nc.ELU(0.7), nc.Sigmoid(), nc.Rescale(4.0, -2.0), nc.Tanh(), nc.SiLU(), nc.GELU(),
        nc.GELU(approximate=True), nc.Softmax(),
    ),
    "idle": lambda: _images(nc.Dropout(0.3), nc.SpatialDropout2D(0.3), nc.GaussianNoise(0.1), MaxPool2D(2)),
    "idle last": lambda: _images(Dense(3), nc.GaussianNoise(0.1), shape=(5,)),
    "float64": lambda: _images(Conv2D(3, 3), Flatten(), Dense(3), dtype="float64"),
}  # fmt: skip


def changed(model, seed=0):
    """Return the model with other numbers in every array, variances above 0."""
    rng = np.random.default_rng(seed)
    weights = [rng.uniform(0.4, 1.2, w.shape) * np.where(rng.random(w.shape) < 0.5, -1, 1) for w in model.get_weights()]
    model.set_weights(weights)
    for layer in model.layers:
        if isinstance(layer, nc.BatchNorm):
            layer.moving_variance = np.abs(layer.moving_variance)
    return model


def made(name):
    """Return a model of the table, and inputs for it."""
    model = changed(MODELS[name]())
    return model, np.random.default_rng(1).standard_normal((3, *model.input_shape)).astype(np.float32)


def channels_first(x):
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x


def channels_last(x):
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
