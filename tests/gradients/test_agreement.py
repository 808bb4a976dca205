"""Blocks against their layers on pictures: blank background and equal pixels are where fast algorithms go astray.

The weights are those after some steps of the plain layers, given to both; then one step is compared, array by array.
``PYTHONPATH=tests/helpers python tests/gradients/test_agreement.py`` prints the worst differences.
"""

import copy
import functools
import os
import sys
from collections import defaultdict

import numpy as np
import pytest
from small_models import reference_cnn

from numpycnn import (
    SGD,
    Adam,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    MaxPool2D,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    Tanh,
    load_mnist,
    training,
)
from numpycnn.fusion import RULES, Block, ConvNormalised, ConvReLUPool, Normalised
from numpycnn.kernels import jit_disabled

STEPS = (0, 1, 5, 20)  # of training before the comparison
BATCHES = (1, 8, 64, 256)
TOLERANCES = {"float32": 2e-5, "float64": 1e-12}  # of an array's largest element
DOUBTFUL = 1e-6  # of a map's largest element: where sums are closer than that, rounding may decide


def other_cnn(**options):
    """Return a network of all the blocks that `reference_cnn` has not, and of pooled convolutions of other kinds.

    Without batch normalisation, behind which gradients add up to 0: what is left of such a sum is rounding alone.
    """
    layers = [
        Conv2D(16, 3, padding="same"), ReLU(), Conv2D(16, 3), Tanh(), ReLU(), MaxPool2D(3, strides=2),
        Conv2D(20, 2, strides=2), Conv2D(20, 2), Conv2D(24, 3, padding="same"), ReLU(), MaxPool2D(2),
        Conv2D(12, (2, 3), padding="same"), ReLU(), MaxPool2D(2), Flatten(), Dense(32), ReLU(), Dense(10),
    ]  # fmt: skip
    return Sequential(layers, input_shape=(28, 28, 1), **options)


@functools.cache
def digits():
    return load_mnist()[0]


def mnist(batch):
    """Return the first real digits."""
    x, y = digits()
    return x[:batch, ..., None] / 255, y[:batch]


def half_blank(batch):
    """Return noise in one half of an image, cut where the cut meets tiles in every way; the other half is zeros."""
    rng = np.random.default_rng(0)
    x = rng.random((batch, 28, 28, 1))
    for n, image in enumerate(x):
        side, cut = n % 4, 12 + n // 4 % 5
        (image, image[::-1], image.transpose(1, 0, 2), image[:, ::-1].transpose(1, 0, 2))[side][:cut] = 0
    return x, rng.integers(0, 10, batch)


def constant(batch):
    """Return images of one grey each, black and white among them."""
    rng = np.random.default_rng(1)
    x = np.ones((batch, 28, 28, 1)) * rng.choice([0, 0.25, 0.7, 1], batch)[:, None, None, None]
    return x, rng.integers(0, 10, batch)


PICTURES = {"MNIST": mnist, "half blank": half_blank, "constant": constant}


def wide_cnn(**options):
    """Return a network of convolutions by Winograd's algorithm that no pooling follows, but for filters of 5 x 5."""
    layers = [
        Conv2D(16, 3), ReLU(), MaxPool2D(2), Conv2D(32, 3, padding="same"), ReLU(), Conv2D(32, 3, padding=2),
        Tanh(), Conv2D(16, 3), Conv2D(32, 5, strides=2, padding="same"), Conv2D(16, 5, padding="same"), ReLU(),
        MaxPool2D(2), AvgPool2D(3), Flatten(), Dense(10),
    ]  # fmt: skip
    return Sequential(layers, input_shape=(28, 28, 1), **options)


NETWORKS = {"reference": reference_cnn, "other": other_cnn, "wide": wide_cnn}
WITH_STATISTICS = {Normalised, ConvNormalised}  # see test_a_normalised_block_is_its_layers
OPTIMIZERS = {"Adam": lambda: Adam(1e-3), "SGD": lambda: SGD(0.01, momentum=0.9)}

needs_mnist = pytest.mark.skipif(
    not os.environ.get("NUMPYCNN_DATA"), reason="NUMPYCNN_DATA is not set, so there is no real MNIST"
)
PICTURE_PARAMETERS = [pytest.param(name, marks=needs_mnist if name == "MNIST" else ()) for name in PICTURES]


def one_step(steps, x, labels, runs):
    """Return the arrays of one step, keyed (number of the block, name), and each layer's output.

    ``runs`` says how many of `steps` are one block: a number for each.
    """
    arrays, outputs, value = {}, [], x
    for step in steps:
        value = step.forward(value, training=True)
        outputs.append(value.copy())
    _, gradient = SoftmaxCrossEntropy()(value, labels)
    end = len(steps)
    for number, length in reversed(list(enumerate(runs))):
        arrays[number, "y"] = outputs[end - 1]
        for step in reversed(steps[end - length : end]):
            gradient = step.backward(gradient, need_dx=True)
            for p in step.parameters:
                arrays[number, f"d{p.name}"] = p.grad.copy()
        arrays[number, "dx"] = gradient.copy()
        end -= length
    return arrays, outputs


def layers_of(step):
    return step.layers if isinstance(step, Block) else [step]


def windows_of(sums, pooled):
    """Cut (N, OH, OW, F) into windows of four and the bound of ReLU: (N, P, 5, F)."""
    n, _, _, f = sums.shape
    _, height, width, _ = pooled.shape
    cut = sums[:, : 2 * height, : 2 * width].reshape(n, height, 2, width, 2, f).transpose(0, 1, 3, 2, 4, 5)
    cut = cut.reshape(n, height * width, 4, f)
    return np.concatenate([cut, np.zeros_like(cut[:, :, :1])], axis=2)


def comparisons(make, dtype, x, labels, optimizer, compared=None):
    """Train the layers; before some of the steps yield their number and what `compare` says of the next one.

    Compared are the batches of `compared`, by default the one to train on.
    """
    plain, fused = (make(seed=0, dtype=dtype, fused=fused) for fused in (False, True))
    for step in range(max(STEPS) + 1):
        if step in STEPS:
            fused.set_weights(plain.get_weights())
            for images, classes in compared or [(x, labels)]:
                yield step, *compare(plain, fused, images.astype(dtype), classes)
        training.train_step(plain, SoftmaxCrossEntropy(), optimizer, x, labels)


def compare(plain, fused, x, labels):
    """Return the relative differences of one step, and the doubtful decisions.

    A dict (block's name and number, array) to difference, and a list of gaps between what the one chose and the other.
    """
    lengths = [len(layers_of(step)) for step in fused.plan]
    got, _ = one_step(fused.plan, x, labels, [1] * len(fused.plan))
    expected, outputs = one_step(plain.layers, x, labels, lengths)
    differences, gaps = {}, []
    for key in expected:
        step = fused.plan[key[0]]
        if isinstance(step, Block):
            largest = max(abs(expected[key]).max(initial=0), np.finfo(x.dtype).tiny)  # gradients of one image may be 0
            name = f"{key[0]} {type(step).__name__}"
            differences[name, key[1]] = abs(got[key] - expected[key]).max(initial=0) / largest
    first = 0
    for number, (step, length) in enumerate(zip(fused.plan, lengths)):
        if isinstance(step, ConvReLUPool):
            sums = windows_of(outputs[first], outputs[first + length - 1])
            largest = sums[:, :, :4].argmax(axis=2)
            codes = np.where(sums.max(axis=2) > 0, largest, 4)
            _, found = step.saved
            values = (np.take_along_axis(sums, c[:, :, None].astype(int), 2)[:, :, 0] for c in (codes, found))
            gap = abs(np.subtract(*values)) / abs(sums).max(initial=1e-300)
            gaps += gap[codes != found].tolist()
        first += length
    return differences, gaps


def in_every_case(test):
    """Run a test for all networks, pictures and dtypes."""
    for mark in (
        pytest.mark.skipif(jit_disabled(), reason="the JIT is disabled: the NumPy twins are the layers' own sums"),
        pytest.mark.parametrize("dtype", TOLERANCES),
        pytest.mark.parametrize("pictures", PICTURE_PARAMETERS),
        pytest.mark.parametrize("network", NETWORKS),
    ):
        test = mark(test)
    return test


def assert_one_step_is_the_layers(
    network, dtype, x, labels, compared=None, optimizers=tuple(OPTIMIZERS), tolerances=TOLERANCES
):
    for name in optimizers:
        for count, differences, gaps in comparisons(NETWORKS[network], dtype, x, labels, OPTIMIZERS[name](), compared):
            worst = max(differences, key=differences.get)
            assert differences[worst] <= tolerances[dtype], f"{worst} after {count} steps: {differences[worst]}"
            assert all(0 < gap < DOUBTFUL for gap in gaps), "equal sums decide as they do in the layers"


@in_every_case
def test_one_step_is_the_layers(network, pictures, dtype):
    x, labels = PICTURES[pictures](64)
    batches = [(x[:rows], labels[:rows]) for rows in ((1, 8) if network == "wide" else (1, 8, 64))]  # wide takes long
    optimizer = "Adam" if pictures == "MNIST" else "SGD"  # the campaign has each with all
    # On 8 images, since training the layers takes most of the time.
    assert_one_step_is_the_layers(network, dtype, x[:8], labels[:8], batches, [optimizer])


@pytest.mark.campaign
@pytest.mark.parametrize("batch", BATCHES)
@in_every_case
def test_one_step_is_the_layers_that_trained_on_the_batch(network, pictures, dtype, batch):
    # Of equal pixels, gradients cancel: the layers' own are up to 7e-6 away from double precision, Winograd's 3e-5.
    tolerances = {"float32": 4e-5, "float64": 1e-12} if pictures == "constant" else TOLERANCES
    assert_one_step_is_the_layers(network, dtype, *PICTURES[pictures](batch), tolerances=tolerances)


def test_every_block_is_compared():
    blocks = {type(step) for make in NETWORKS.values() for step in make(seed=0).plan if isinstance(step, Block)}
    assert blocks == {block for _, block in RULES} - WITH_STATISTICS


@pytest.mark.skipif(jit_disabled(), reason="the JIT is disabled: the NumPy twins are the layers' own sums")
@pytest.mark.parametrize("pictures", PICTURE_PARAMETERS)
@pytest.mark.parametrize("pooled", [False, True])
def test_a_normalised_block_is_its_layers(pictures, pooled):
    """Where the inputs are alike, the decisions are, and the gradients to rounding: dx by the size of its terms."""
    x, _ = PICTURES[pictures](64)
    before = [Conv2D(16, 3), Tanh(), MaxPool2D(2)]
    pool = [MaxPool2D(2)] * pooled
    layers = [*before, Conv2D(32, 3, padding="same"), BatchNorm(), ReLU(), *pool, BatchNorm(), ReLU()]
    plain, fused = (
        Sequential(copy.deepcopy(layers), input_shape=x.shape[1:], seed=0, dtype="float64", fused=fused)
        for fused in (False, True)
    )
    assert [type(step) for step in fused.plan[-2:]] == [ConvNormalised, Normalised]
    y, expected = fused.forward(x, training=True), plain.forward(x, training=True)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12 * abs(expected).max())
    dy = np.random.default_rng(0).standard_normal(y.shape)
    dx, expected_dx = fused.backward(dy, need_dx=True), plain.backward(dy, need_dx=True)
    np.testing.assert_allclose(dx, expected_dx, rtol=0, atol=1e-11 * abs(expected_dx).max())
    for got, parameter in zip(fused.parameters, plain.parameters):
        if parameter.name != "bias":  # in front of BatchNorm its gradient is 0, but for rounding
            np.testing.assert_allclose(got.grad, parameter.grad, rtol=0, atol=1e-11 * abs(parameter.grad).max())


def print_table(batches=BATCHES):
    """Print the worst relative difference of each array, over pictures, optimizers, steps and batches."""
    for dtype in TOLERANCES:
        worst, where, flips = defaultdict(float), {}, defaultdict(int)
        for network, pictures, batch in ((n, p, b) for n in NETWORKS for p in PICTURES for b in batches):
            x, labels = PICTURES[pictures](batch)
            for name, optimizer in OPTIMIZERS.items():
                for count, differences, gaps in comparisons(NETWORKS[network], dtype, x, labels, optimizer()):
                    flips[network] += len(gaps)
                    for key, difference in differences.items():
                        key = network, *key
                        if difference >= worst[key]:
                            worst[key] = difference
                            where[key] = f"{pictures}, batch {batch}, {name}, {count} steps"
        for key in sorted(worst):
            mark = "" if worst[key] <= TOLERANCES[dtype] else "  <- too much"
            print(f"{dtype} {' '.join(key):40} {worst[key]:8.1e}  {where[key]}{mark}")
        print(f"{dtype}: decisions of ConvReLUPool that differ: {dict(flips)}", flush=True)


if __name__ == "__main__":
    print_table(tuple(map(int, sys.argv[1:])) or BATCHES)
