"""Long sums in float32: as good as in float64 to a few roundings, however many terms they have.

All terms are positive and about as large, which is the hardest: each addition rounds a sum that has grown. Where the
terms come one after the other into a single sum, a million of them leave an error of 1e-4 to 1e-2.
"""

import numpy as np
import pytest

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
    layers,
)
from numpycnn.kernels import jit_disabled

CASES = {
    "global average": (lambda: [GlobalAvgPool2D()], (1000, 1000, 1), 1),
    "average of a large window": (lambda: [AvgPool2D(500)], (1000, 1000, 1), 1),
    "1 x 1, many pixels": (lambda: [Conv2D(2, 1)], (150, 150, 3), 32),
    "1 x 1, one large image": (lambda: [Conv2D(2, 1), ReLU()], (1000, 1000, 1), 1),
    "one channel, one large image": (lambda: [Conv2D(8, 3)], (600, 600, 1), 1),
    "many channels, one large image": (lambda: [Conv2D(4, 3), ReLU()], (300, 300, 16), 1),
    "many filters, pooled": (lambda: [Conv2D(16, 3), ReLU(), MaxPool2D(2)], (300, 300, 1), 4),
    "stride": (lambda: [Conv2D(4, 5, strides=2)], (300, 300, 4), 2),
    "groups": (lambda: [Conv2D(4, 3, groups=2)], (200, 200, 4), 2),
    "many inputs": (lambda: [Flatten(), Dense(3)], (200_000,), 2),
    "many rows": (lambda: [Dense(3)], (4,), 100_000),
    "many rows, rectified": (lambda: [Dense(3), ReLU()], (4,), 100_000),
    "channel by channel": (lambda: [DepthwiseConv2D(3)], (400, 400, 2), 2),
    "channel by channel, many images": (lambda: [SeparableConv2D(2, 2)], (5, 5, 2), 10_000),
    "normalised": (lambda: [BatchNorm()], (400, 400, 2), 4),
    "each vector normalised": (lambda: [LayerNorm()], (3, 50_000), 2),
    "each vector normalised, many rows": (lambda: [LayerNorm()], (8,), 100_000),
    "softmax": (lambda: [Softmax()], (5000,), 3),
}
# Every output is of one input, or nearly.
WITHOUT_SUMS = {
    Dropout, SpatialDropout2D, GaussianNoise, ELU, GELU, SiLU, Sigmoid, Tanh, LeakyReLU,
    GlobalMaxPool2D, Reshape, Rescale, ZeroPad2D,
}  # fmt: skip


def results(make, shape, batch, dtype, fused):
    """Return outputs and gradients of positive numbers that are all of one size."""
    model = Sequential(make(), input_shape=shape, seed=0, dtype=dtype, fused=fused)
    model.set_weights([np.abs(w) + 0.01 for w in model.get_weights()])
    rng = np.random.default_rng(0)
    y = model.forward((100 + rng.random((batch, *shape), np.float32)).astype(dtype), training=True)
    dy = (1 + rng.random(y.shape, np.float32)).astype(dtype)
    dx = model.backward(dy, need_dx=True)
    return {"y": y, "dx": dx, **{f"d{p.name}": p.grad for p in model.parameters}}


@pytest.mark.skipif(jit_disabled(), reason="the JIT is disabled: NumPy's own sums are not promised anything")
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_long_sums_round_little(case, fused):
    found, exact = (results(*CASES[case], dtype, fused) for dtype in ("float32", "float64"))
    for name in exact:
        if "normalised" in case and name != "dbeta":
            large = 1e-3 if "rows" in case else 1e-4  # 100 less 100.5: the inputs' own rounding, times 300
            bound = large if name == "y" else np.inf
        elif name == "dx" and "pooled" in case:
            continue  # which of two pixels wins may differ between 32 and 64 bits
        else:
            bound = 5e-6
        assert abs(found[name] - exact[name]).max() <= bound * abs(exact[name]).max(), name


def test_every_layer_with_long_sums_is_here():
    used = {type(layer) for make, *_ in CASES.values() for layer in make()}
    assert used | WITHOUT_SUMS == {getattr(layers, name) for name in layers.__all__} - {layers.Layer}
