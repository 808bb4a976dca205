"""The plan: which layers run as a block, and that every block computes what its layers do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import make_images, reference_cnn, small_cnn, weights_equal

from numpycnn import (
    SGD,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool2D,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Sequential,
    Sigmoid,
    SoftmaxCrossEntropy,
    Tanh,
    training,
)
from numpycnn.fusion import RULES, Block, PoolReLU

# How to make a layer with so many channels: as in most networks, and in a more unusual way.
USUAL = {
    Conv2D: lambda c: Conv2D(c, 3), MaxPool2D: lambda c: MaxPool2D(2), AvgPool2D: lambda c: AvgPool2D(2),
    Dense: Dense, ReLU: lambda c: ReLU(), LeakyReLU: lambda c: LeakyReLU(), Sigmoid: lambda c: Sigmoid(),
    Tanh: lambda c: Tanh(), Flatten: lambda c: Flatten(), BatchNorm: lambda c: BatchNorm(),
    Dropout: lambda c: Dropout(0.3), GlobalAvgPool2D: lambda c: GlobalAvgPool2D(),
}  # fmt: skip
UNUSUAL = USUAL | {
    Conv2D: lambda c: Conv2D(c, (2, 3), strides=(2, 1), padding="same", use_bias=False),
    MaxPool2D: lambda c: MaxPool2D(3, strides=2, padding="same"),  # overlapping windows
    AvgPool2D: lambda c: AvgPool2D((1, 3), strides=1, padding=(0, 1)),
    Dense: lambda c: Dense(c, use_bias=False),
}

# Blocks that do the same operations on the same numbers as their layers, so that every bit is the same.
SAME_BITS = {PoolReLU}

every_rule = pytest.mark.parametrize(("classes", "block"), RULES, ids=[block.__name__ for _, block in RULES])
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
makers = pytest.mark.parametrize("make", [USUAL, UNUSUAL], ids=["usual", "unusual"])
CHANNELS = (1, 3, 6, 16, 20, 32, 33, 64)


def make_run(classes, make, channels):
    return [make[cls](channels) for cls in classes]


def input_shape(classes, channels, height=7, width=9):
    return (channels,) if classes[0] is Dense else (height, width, channels)


def make_pair(stack, shape, dtype):
    """Return a model with blocks and its plain twin; `stack` makes the layers."""
    return [Sequential(stack(), input_shape=shape, seed=0, dtype=dtype, fused=fused) for fused in (True, False)]


def has_block(model, block):
    return any(type(step) is block for step in model.plan)


def assert_close(got, expected, block, dtype):
    """Compare arrays, bit for bit where the block promises it, else relative to the largest element."""
    if block in SAME_BITS:
        np.testing.assert_array_equal(got, expected)
    else:
        tolerance = (1e-12 if dtype == "float64" else 1e-5) * np.abs(expected).max(initial=1e-30)
        np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance)


# -- the plan ---------------------------------------------------------------------------------


def steps_as_layers(plan):
    return [layer for step in plan for layer in (step.layers if isinstance(step, Block) else [step])]


@pytest.mark.parametrize("make", [reference_cnn, small_cnn])
def test_plan_is_the_layers_in_order_some_in_blocks(make):
    model = make()
    assert len(steps_as_layers(model.plan)) == len(model.layers)
    assert all(a is b for a, b in zip(steps_as_layers(model.plan), model.layers))
    plain = make(fused=False)
    assert plain.plan == plain.layers


def test_reference_cnn_runs_in_blocks():
    plan = reference_cnn().plan
    blocks = [step for step in plan if isinstance(step, Block)]
    assert len(blocks) >= 2
    assert not any(isinstance(step, MaxPool2D) for step in plan)  # both ReLU, MaxPool2D pairs are inside blocks


def test_blocks_borrow_their_layers_parameters():
    model = reference_cnn()
    borrowed = [p for step in model.plan for p in step.parameters]
    assert len(borrowed) == len(model.parameters)
    assert all(p is q for p, q in zip(borrowed, model.parameters))


@every_rule
def test_a_rule_matches_its_layers_and_nothing_else(classes, block):
    shape = input_shape(classes, 4)
    model = Sequential(make_run(classes, USUAL, 4), input_shape=shape)
    assert [type(step) for step in model.plan] == [block]
    assert repr(model.plan[0]).startswith(block.__name__)
    for position, cls in enumerate(classes):
        subclass = type(f"My{cls.__name__}", (cls,), {})  # may compute something else
        run = make_run(classes, USUAL | {cls: lambda c, cls=cls: same_but(USUAL[cls](c), subclass)}, 4)
        assert not has_block(Sequential(run, input_shape=shape), block)
        run = make_run(classes, USUAL, 4)
        if position:
            assert not has_block(Sequential([*run[:position], Tanh(), *run[position:]], input_shape=shape), block)


def same_but(layer, subclass):
    layer.__class__ = subclass
    return layer


# -- every block equals its layers ------------------------------------------------------------


@every_rule
@both_dtypes
@makers
@pytest.mark.parametrize("first", [True, False])
def test_outputs_and_gradients(classes, block, dtype, make, first):
    rng = np.random.default_rng(0)
    for channels in CHANNELS:
        shape = input_shape(classes, channels)
        before = [] if first else [Dense(channels) if classes[0] is Dense else Conv2D(channels, 1), Tanh()]

        def stack():
            return [same_kind(layer) for layer in before] + make_run(classes, make, channels) + [Tanh()]

        model, plain = make_pair(stack, shape, dtype)
        assert make is UNUSUAL or has_block(model, block)
        for rows in (5, 2, 6):  # fewer, then more: the private memory shrinks and grows
            x = rng.standard_normal((rows, *shape))
            assert_close(model.forward(x), plain.forward(x), block, dtype)
            y = model.forward(x, training=True)
            assert_close(y, plain.forward(x, training=True), block, dtype)
            dy = rng.standard_normal(y.shape)
            assert_close(model.backward(dy, need_dx=True), plain.backward(dy, need_dx=True), block, dtype)
            assert_close(model.arena.grads, plain.arena.grads, block, dtype)
            model.arena.grads[...] = np.nan
            assert model.backward(dy) is None
            assert_close(model.arena.grads, plain.arena.grads, block, dtype)


def same_kind(layer):
    return type(layer)(**layer.get_config())


@every_rule
@both_dtypes
@makers
def test_twenty_training_steps(classes, block, dtype, make):
    for channels in CHANNELS:
        shape = input_shape(classes, channels)
        flatten = [] if classes[0] is Dense else [Flatten()]
        front = [Dense(channels) if classes[0] is Dense else Conv2D(channels, 1), Tanh()]

        def stack():
            return [*map(same_kind, front), *make_run(classes, make, channels), *map(same_kind, flatten), Dense(4)]

        rng = np.random.default_rng(1)
        x, y = rng.standard_normal((20, *shape)), rng.integers(0, 4, 20)
        results = []
        for model in make_pair(stack, shape, dtype):
            optimizer, loss = SGD(0.01, momentum=0.9), SoftmaxCrossEntropy()
            losses = []
            for step in range(20):
                rows = slice(8 * (step % 3), min(8 * (step % 3) + 8, 20))  # 8, 8, and the last 4
                losses.append(training.train_step(model, loss, optimizer, x[rows], y[rows]))
            results.append((model.arena.values, np.array(losses)))
        (values, losses), (expected_values, expected_losses) = results
        assert_close(values, expected_values, block, dtype)
        assert_close(losses, expected_losses, block, dtype)


@every_rule
@both_dtypes
@makers
@settings(max_examples=25, deadline=None, database=None)
@given(data=st.data())
def test_ties_and_nan_on_whole_numbers(classes, block, dtype, make, data):
    # Small whole numbers make every sum exact, so that all bits must agree, whatever the order of the additions;
    # and they make ties in nearly every window.
    channels = data.draw(st.integers(1, 40), label="channels")
    height, width = data.draw(st.tuples(st.integers(4, 9), st.integers(4, 9)), label="size")
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), label="seed"))
    shape = input_shape(classes, channels, height, width)
    model, plain = make_pair(lambda: make_run(classes, make, channels), shape, dtype)
    whole = rng.integers(-2, 3, model.arena.values.shape)
    model.arena.values[...] = plain.arena.values[...] = whole
    x = rng.integers(-2, 3, (3, *shape)).astype(dtype)
    if data.draw(st.booleans(), label="with NaN"):
        x[rng.random(x.shape) < 0.05] = np.nan
    y = model.forward(x, training=True)
    np.testing.assert_array_equal(y, plain.forward(x, training=True))
    dy = rng.integers(-2, 3, y.shape)
    np.testing.assert_array_equal(model.backward(dy, need_dx=True), plain.backward(dy, need_dx=True))
    np.testing.assert_array_equal(model.arena.grads, plain.arena.grads)


def test_a_whole_network_trains_alike_fused_or_not():
    x, y = make_images(45)
    models = [small_cnn(optimizer=SGD(0.05), dtype="float64", fused=fused) for fused in (True, False)]
    for model in models:
        model.fit(x, y, batch_size=8, epochs=4, verbose=0)  # five batches and a rest of 5
    np.testing.assert_allclose(models[0].arena.values, models[1].arena.values, rtol=1e-9, atol=1e-12)
    same_bits = {type(step) for step in models[0].plan if isinstance(step, Block)} <= SAME_BITS
    assert weights_equal(*models) or not same_bits
