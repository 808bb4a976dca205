"""Models that a Keras file can hold: one with every layer, and random ones."""

import numpy as np
from hypothesis import strategies as st

from numpycnn import (
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
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Rescale,
    Reshape,
    SeparableConv2D,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    SpatialDropout2D,
    Tanh,
    ZeroPad2D,
)

IMAGE = (12, 12, 2)


def with_random_state(model, seed=0):
    """Put random numbers into all arrays: starting values are zeros and ones in many places."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.1, 1, w.shape) for w in model.get_weights()])
    return model


def images(model, n=3):
    return np.random.default_rng(1).random((n, *model.input_shape))


def every_layer(dtype="float32"):
    """Return a model that holds each of the older layers of the package at least once."""
    stack = [
        Conv2D(4, (3, 2), strides=(1, 2), padding="same", use_bias=False, kernel_initializer="he_normal"),
        BatchNorm(momentum=0.9, epsilon=0.01), ReLU(), AvgPool2D(2, strides=1),
        Conv2D(6, 3, padding=(1, 0), groups=2), LeakyReLU(0.1), MaxPool2D((2, 1), padding="same"), Dropout(0.3),
        Conv2D(4, 2, dilation_rate=2, bias_initializer="ones"), Tanh(),
        GlobalAvgPool2D(), Flatten(), Dense(9, use_bias=False), Sigmoid(), ELU(0.5), SiLU(), GELU(),
        Dense(4),
    ]  # fmt: skip
    return with_random_state(Sequential(stack, input_shape=IMAGE, seed=3, dtype=dtype))


def other_layers(dtype="float32", shape=IMAGE):
    """Return a model that holds each of the newer layers at least once."""
    stack = [
        Rescale(0.5, -0.25), ZeroPad2D(((1, 0), (0, 2))), DepthwiseConv2D((2, 3), 2, "same", 2), BatchNorm(scale=False),
        LayerNorm(0.01, center=False), SpatialDropout2D(0.2), ZeroPad2D(1), Conv2D(3, 2, padding=1), ZeroPad2D((0, 1)),
        SeparableConv2D(5, 3, depth_multiplier=2), BatchNorm(center=False), GaussianNoise(0.1), Softmax(),
        Reshape((-1, 2, 5)), DepthwiseConv2D(2, use_bias=False, kernel_initializer="he_normal"),
        SeparableConv2D(6, 2, padding="same", use_bias=False, dilation_rate=2), GlobalMaxPool2D(),
        LayerNorm(scale=False), Reshape((1, 2, 3)), Flatten(), Dense(4),
    ]  # fmt: skip
    return with_random_state(Sequential(stack, input_shape=shape, seed=3, dtype=dtype))


sizes = st.integers(1, 3)
pairs = st.tuples(sizes, sizes)
convolutions = st.builds(
    lambda groups, filters, strides, dilation, **options: Conv2D(
        groups * filters, groups=groups, strides=strides, dilation_rate=1 if strides != (1, 1) else dilation, **options
    ),
    groups=st.sampled_from([1, 2]),
    filters=st.sampled_from([2, 4]),
    kernel_size=pairs,
    strides=pairs,
    dilation=pairs,
    padding=st.one_of(st.sampled_from(["same", "valid"]), st.tuples(st.integers(0, 2), sizes)),  # (0, 0) is "valid"
    use_bias=st.booleans(),
)
pools = st.builds(
    lambda pool, size, strides, padding: pool(size, strides, padding),
    pool=st.sampled_from([MaxPool2D, AvgPool2D]),
    size=pairs,
    strides=st.one_of(st.none(), pairs),
    padding=st.sampled_from(["same", "valid"]),
)
anywhere = st.one_of(
    st.builds(BatchNorm, momentum=st.floats(0, 1), epsilon=st.floats(1e-5, 1)),
    st.builds(Dropout, rate=st.floats(0, 0.9)),
    st.builds(LeakyReLU, negative_slope=st.floats(0, 1)),
    st.builds(ReLU), st.builds(Sigmoid), st.builds(Tanh), st.builds(GELU), st.builds(SiLU),
    st.builds(ELU, alpha=st.floats(0, 2)),
)  # fmt: skip
stacks = st.builds(
    lambda first, middle, last: [*first, middle, *last],
    first=st.lists(st.one_of(convolutions, pools, anywhere), max_size=5),
    middle=st.sampled_from([Flatten, GlobalAvgPool2D]).map(lambda layer: layer()),
    last=st.lists(st.one_of(st.builds(Dense, st.integers(1, 5), use_bias=st.booleans()), anywhere), max_size=3),
)
