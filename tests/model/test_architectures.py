"""The networks of numpycnn.architectures: their sizes, and that their arguments do what they say."""

import inspect

import numpy as np
import pytest

from numpycnn import architectures
from numpycnn.layers import AvgPool2D, Conv2D, Tanh

SIZES = {
    "augmented_cnn": 225_482, "best_cnn": 242_762, "deep_cnn": 93_322, "fast_cnn": 108_618, "lenet5": 61_706,
    "mlp": 316_810, "reference_cnn": 225_034, "vgg": 279_306,
}


@pytest.fixture(params=SIZES)
def network(request):
    return getattr(architectures, request.param)


def test_every_network_is_here():
    functions = {name for name, value in vars(architectures).items() if inspect.isfunction(value)}
    assert functions == set(SIZES) == set(architectures.__all__)


def test_size_is_stated(network):
    size = SIZES[network.__name__]
    assert network().count_params() == size
    assert f"{size:,}" in network.__doc__


def test_arguments(network):
    model = network(seed=3, input_shape=(32, 32, 3), num_classes=7, dtype="float64", fused=False)
    assert (model.input_shape, model.output_shape) == ((32, 32, 3), (7,))
    assert model.get_weights()[0].dtype == np.float64 and model.plan == model.layers
    again, other = (network(seed=seed, input_shape=(32, 32, 3), num_classes=7, dtype="float64") for seed in (3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights()))
    assert not np.array_equal(model.get_weights()[0], other.get_weights()[0])


def test_lenet5_is_the_papers():
    """Its maps: C1 28x28x6, S2 14x14x6, C3 10x10x16, S4 5x5x16, C5 120, F6 84; padded to 32x32 or given as such."""
    maps = [(28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16), (120,), (84,), (10,)]
    for side in (28, 32):
        model = architectures.lenet5(seed=0, input_shape=(side, side, 1))
        shapes = [layer.output_shape for layer in model.layers if layer.parameters or isinstance(layer, AvgPool2D)]
        assert shapes == maps
        assert [layer.kernel_size for layer in model.layers if isinstance(layer, Conv2D)] == [(5, 5), (5, 5)]
        assert sum(isinstance(layer, Tanh) for layer in model.layers) == 4


def test_lenet5_pads_to_the_papers_32_pixels():
    small, large = (architectures.lenet5(seed=0, input_shape=(side, side, 1), dtype="float64") for side in (28, 32))
    images = np.random.default_rng(0).random((3, 28, 28, 1))
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    np.testing.assert_allclose(small.forward(images), large.forward(padded), rtol=0, atol=1e-12)
