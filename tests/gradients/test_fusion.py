"""The plan: which layers run as a block, and that every block computes what its layers do."""

import copy
import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import make_images, reference_cnn, small_cnn

from numpycnn import (
    SGD,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Sequential,
    SiLU,
    SoftmaxCrossEntropy,
    Tanh,
    training,
)
from numpycnn.fusion import (
    RULES,
    Activated,
    Block,
    ConvNormalised,
    ConvReLU,
    ConvReLUPool,
    DenseReLU,
    DirectConv,
    Normalised,
    PoolReLU,
    WinogradConv,
    WinogradConvReLU,
    WinogradConvStride2,
)
from numpycnn.fusion.activated import ACTIVATIONS
from numpycnn.fusion.block import mean_share
from numpycnn.fusion.convolution import WINOGRAD_CHANNELS
from numpycnn.fusion.winograd import MORE
from numpycnn.kernels import jit_disabled

# How to make a layer with so many channels: as in most networks, and in a more unusual way.
USUAL = {
    Conv2D: lambda c: Conv2D(c, 3), MaxPool2D: lambda c: MaxPool2D(2), Dense: Dense, ReLU: lambda c: ReLU(),
    BatchNorm: lambda c: BatchNorm(), ACTIVATIONS: lambda c: ACTIVATIONS[c % len(ACTIVATIONS)](),
}  # fmt: skip
UNUSUAL = USUAL | {
    Conv2D: lambda c: Conv2D(c, (2, 3), strides=(2, 1), padding="same", use_bias=False, dilation_rate=(1, 2)),
    Dense: lambda c: Dense(c, use_bias=False), BatchNorm: lambda c: BatchNorm(center=False, scale=False),
}
# Only these blocks take so many channels alone, or with ReLU.
WINOGRAD = {WinogradConv, WinogradConvReLU, WinogradConvStride2}
UNUSUAL_WINOGRAD = {Conv2D: lambda c: Conv2D(c, 3, padding=(2, 1), use_bias=False)}
# Layers that match these blocks, and no rule before theirs.
SPECIAL = {
    ("usual", ConvReLU): {Conv2D: lambda c: Conv2D(c, 2)},
    ("unusual", WinogradConv): UNUSUAL_WINOGRAD,
    ("unusual", WinogradConvReLU): UNUSUAL_WINOGRAD,
    ("usual", WinogradConvStride2): {Conv2D: lambda c: Conv2D(c, 5, strides=2, padding="same")},
    ("unusual", WinogradConvStride2): {
        Conv2D: lambda c: Conv2D(c, (6, 4), strides=2, padding=(2, 1), use_bias=False)
    },
    ("usual", DirectConv): {Conv2D: lambda c: Conv2D(c, 5, padding="same")},
    ("unusual", PoolReLU): {MaxPool2D: lambda c: MaxPool2D(3, strides=2, padding="same")},  # overlapping
}

# Blocks that do the same operations on the same numbers as their layers, so that every bit is the same.
SAME_BITS = {PoolReLU, DenseReLU}

every_rule = pytest.mark.parametrize(("classes", "block"), RULES, ids=[block.__name__ for _, block in RULES])
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
CHANNELS = (1, 3, 6, 16, 20, 32, 33, 64)  # shared out among cases: each rule meets them all
CASES = [(0, "usual", True), (1, "unusual", True), (2, "usual", False), (3, "unusual", False)]


def subsets(items):
    """Return all of them, the empty one first."""
    return [chosen for count in range(len(items) + 1) for chosen in itertools.combinations(items, count)]


class PlainConv(Conv2D):
    """No block takes it: it may compute something else."""


class PlainDense(Dense):
    """No block takes it, either."""


class PlainTanh(Tanh):
    """Nor this one."""


def make_run(classes, block, make, channels):
    makers = (USUAL if make == "usual" else UNUSUAL) | SPECIAL.get((make, block), {})
    return [makers[cls](channels) for cls in classes]


def enough(block, channels):
    """Return so many channels, more for a block that leaves few to others."""
    return channels + 31 if block in WINOGRAD else channels


def front(classes, channels):
    """Layers that no block takes, for a run to stand behind."""
    return [PlainDense(channels) if classes[0] is Dense else PlainConv(channels, 1), PlainTanh()]


def input_shape(classes, channels, height=7, width=9):
    return (channels,) if classes[0] is Dense else (height, width, channels)


def make_pair(stack, shape, dtype):
    """Return a model with blocks and its plain twin; `stack` makes the layers."""
    return [Sequential(stack(), input_shape=shape, seed=0, dtype=dtype, fused=fused) for fused in (True, False)]


def has_block(model, block, length=None):
    """Whether the plan has such a block, if `length` is given of so many layers."""
    return any(type(step) is block and length in (None, len(step.layers)) for step in model.plan)


def same_outputs(block, make, channels):
    """Whether the block's outputs have the bits of its layers': compiled convolutions, too, add up in their order.

    Not by Winograd's algorithm. And backward, convolutions leave out zeros and group the images otherwise.
    """
    pooled = block is ConvReLUPool and make == "usual" and channels >= WINOGRAD_CHANNELS
    activated = block is Activated and make == "usual" and channels >= MORE
    other_sums = pooled or activated or block in WINOGRAD or block is ConvNormalised  # whose filters are scaled
    return block in SAME_BITS or not (other_sums or jit_disabled())


def assert_close(got, expected, same_bits, dtype):
    """Compare arrays, bit for bit if they have to be, else relative to the largest element."""
    if same_bits:
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
    channels = enough(block, 4)
    shape = input_shape(classes, channels)
    model = Sequential(make_run(classes, block, "usual", channels), input_shape=shape)
    assert [type(step) for step in model.plan] == [block]
    assert repr(model.plan[0]).startswith(block.__name__)
    for position in range(len(classes)):
        run = make_run(classes, block, "usual", channels)
        cls = type(run[position])
        run[position] = same_but(run[position], type(f"My{cls.__name__}", (cls,), {}))  # may compute something else
        assert not has_block(Sequential(run, input_shape=shape), block, len(classes))
        for between in (PlainTanh(), Dropout(0.3), LayerNorm()) if position else ():
            run = make_run(classes, block, "usual", channels)
            run.insert(position, between)
            model = Sequential(run, input_shape=shape)
            assert not has_block(model, block, len(classes)) and between in model.plan


def same_but(layer, subclass):
    layer.__class__ = subclass
    return layer


POOLED, RECTIFIED, POOLS, PLAIN = [ConvReLUPool], [ConvReLU, MaxPool2D], [Conv2D, PoolReLU], DirectConv
TWICE, WINO, WINO_RELU = [Activated, Flatten, Activated], WinogradConv, WinogradConvReLU
WINO_STRIDE2 = WinogradConvStride2


@pytest.mark.parametrize(
    ("layers", "shape", "plan"),
    [
        ([Conv2D(3, 3), ReLU(), MaxPool2D()], (7, 8, 2), POOLED),  # the last row belongs to no window
        ([Conv2D(3, 3), ReLU(), MaxPool2D(2, padding="same")], (6, 8, 2), POOLED),  # even sizes: no padding
        ([Conv2D(3, 3), ReLU(), MaxPool2D(2, padding="same")], (6, 7, 2), RECTIFIED),
        ([Conv2D(3, 3), ReLU(), MaxPool2D(2, padding=1)], (6, 8, 2), RECTIFIED),
        ([Conv2D(3, 3), ReLU(), MaxPool2D(2, strides=1)], (6, 8, 2), RECTIFIED),  # overlapping
        ([Conv2D(3, 3), ReLU(), MaxPool2D(2, strides=3)], (6, 8, 2), RECTIFIED),  # gaps
        ([Conv2D(3, 3), ReLU(), MaxPool2D(3)], (6, 8, 2), RECTIFIED),
        ([Conv2D(3, 3), ReLU(), MaxPool2D((2, 1))], (6, 8, 2), RECTIFIED),
        ([Conv2D(3, 3), ReLU(), MaxPool2D((2, 1), strides=2)], (6, 8, 2), RECTIFIED),
        ([Conv2D(3, 3), ReLU(), AvgPool2D()], (6, 8, 2), [ConvReLU, AvgPool2D]),
        ([Conv2D(4, 3, groups=2), ReLU(), MaxPool2D()], (6, 8, 2), POOLS),
        ([Conv2D(4, 3, groups=2), ReLU()], (6, 8, 2), [Conv2D, ReLU]),
        ([Conv2D(3, 3), BatchNorm(), ReLU(), MaxPool2D()], (6, 8, 2), [ConvNormalised]),
        ([Conv2D(3, 3), BatchNorm(), ReLU(), MaxPool2D(3)], (6, 8, 2), [ConvNormalised, MaxPool2D]),
        ([Conv2D(3, 3), BatchNorm(), LeakyReLU()], (6, 8, 2), [PLAIN, BatchNorm, LeakyReLU]),
        ([Conv2D(4, 3, groups=2), BatchNorm(), ReLU()], (6, 8, 2), [Conv2D, Normalised]),
        ([Conv2D(1, 3), BatchNorm(), ReLU(), MaxPool2D(2, padding=1)], (6, 8, 2), [ConvNormalised, MaxPool2D]),
        ([Dense(3), BatchNorm(), ReLU(), Dense(3)], (5,), [Dense, Normalised, Dense]),
        ([Conv2D(32, 3), Conv2D(16, 3), ReLU(), Conv2D(16, 3), ReLU()], (9, 9, 16), [WINO, WINO_RELU, ConvReLU]),
        ([Conv2D(16, 3), Conv2D(64, 3, padding=3)], (9, 9, 16), [PLAIN, PLAIN]),
        ([Conv2D(32, 5, strides=2), Conv2D(32, 5, strides=2, padding=4)], (9, 9, 4), [WINO_STRIDE2, WINO_STRIDE2]),
        ([Conv2D(32, 6, strides=2, padding=1)], (9, 9, 4), [DirectConv]),  # a part of its filters has 4 rows
        ([Conv2D(32, 5, strides=2, padding=5), Conv2D(32, 3, strides=2)], (9, 9, 4), [DirectConv] * 2),
        ([Conv2D(32, 5, strides=(1, 2)), Conv2D(32, 4, strides=2, dilation_rate=2)], (11, 18, 4), [DirectConv] * 2),
        ([Conv2D(32, 5, strides=2)], (9, 9, 3), [DirectConv]),  # 12 channels in four parts
        ([Conv2D(3, 3), ReLU(), Dropout(0.3), MaxPool2D()], (6, 8, 2), [ConvReLU, Dropout, MaxPool2D]),
        ([Conv2D(3, 3), MaxPool2D(), ReLU()], (6, 8, 2), [PLAIN, MaxPool2D, ReLU]),
        ([Conv2D(3, 3), LeakyReLU(), MaxPool2D()], (6, 8, 2), [Activated, MaxPool2D]),
        *(([Conv2D(3, 3), c(), Flatten(), Dense(3), c()], (6, 8, 2), TWICE) for c in ACTIVATIONS),
        ([Conv2D(4, 3, groups=2), SiLU(), ReLU()], (6, 8, 2), [Activated, ReLU]),
        ([Conv2D(2, 3), Conv2D(2, 3), ReLU(), Flatten(), Dense(3)], (6, 8, 2), [PLAIN, ConvReLU, Flatten, Dense]),
        ([Conv2D(3, 3, strides=(1, 2))], (6, 8, 2), [DirectConv]),
        ([Conv2D(3, 2, padding=2)], (6, 8, 2), [DirectConv]),  # wider than the kernel
        ([Conv2D(4, 3, groups=2)], (6, 8, 2), [Conv2D]),
        ([Conv2D(1, 1, strides=40_000, padding=40_000)], (1, 1, 1), [Conv2D]),  # offsets beyond 32 bits
        ([Dense(3), ReLU(), Dense(3), Dropout(0.3), ReLU()], (5,), [DenseReLU, Dense, Dropout, ReLU]),
    ],
    ids=str,
)
def test_what_runs(layers, shape, plan):
    assert [type(step) for step in Sequential(layers, input_shape=shape).plan] == plan


def test_images_too_large_for_32_bit_offsets_do_not_match():
    conv, relu = Conv2D(1, 1, strides=32), ReLU()
    for channels, suits in ((1, True), (2, False)):
        conv.build((2**15, 2**15, channels))
        assert ConvReLU.suits(conv, relu) is suits


def test_outputs_too_large_for_a_list_of_patches_do_not_match():
    conv, relu = Conv2D(1, 1), ReLU()
    for width, suits in ((2**11, True), (2**11 + 1, False)):
        conv.build((2**11, width, 1))
        assert ConvReLU.suits(conv, relu) is suits


# -- every block equals its layers ------------------------------------------------------------


@every_rule
@both_dtypes
@pytest.mark.parametrize(("case", "make", "first"), CASES)
def test_outputs_and_gradients(classes, block, dtype, case, make, first):
    rng = np.random.default_rng(0)
    for channels in CHANNELS[case if dtype == "float32" else 3 - case :: 4]:
        channels = enough(block, channels)
        shape = input_shape(classes, channels)

        def stack():
            before = [] if first else front(classes, channels)
            return [*before, *make_run(classes, block, make, channels), PlainTanh()]

        model, plain = make_pair(stack, shape, dtype)
        assert has_block(model, block) and not any(isinstance(step, Block) for step in plain.plan)
        for rows in (5, 1, 9):  # fewer, then more: the private memory shrinks and grows
            x = rng.standard_normal((rows, *shape))
            same = same_outputs(block, make, channels)
            assert_close(model.forward(x), plain.forward(x), same, dtype)
            y = model.forward(x, training=True)
            assert_close(y, plain.forward(x, training=True), same, dtype)
            dy = rng.standard_normal(y.shape)
            dx, expected = model.backward(dy, need_dx=True), plain.backward(dy, need_dx=True)
            assert_close(dx, expected, block in SAME_BITS, dtype)
            assert_close(model.arena.grads, plain.arena.grads, block in SAME_BITS, dtype)
            grads = model.arena.grads.copy()
            model.arena.grads[...] = np.nan
            assert model.backward(dy) is None
            np.testing.assert_array_equal(model.arena.grads, grads)


@every_rule
@pytest.mark.parametrize(("case", "make"), [(0, "usual"), (1, "unusual")])
def test_twenty_training_steps(classes, block, case, make):
    for channels in CHANNELS[case::2]:
        channels = enough(block, channels)
        shape = input_shape(classes, channels)

        def stack():
            run = make_run(classes, block, make, channels)
            return [*front(classes, channels), *run, *([] if classes[0] is Dense else [Flatten()]), Dense(4)]

        rng = np.random.default_rng(1)
        x, y = rng.standard_normal((20, *shape)), rng.integers(0, 4, 20)
        results = []
        for model in make_pair(stack, shape, "float32"):
            optimizer, loss = SGD(0.01, momentum=0.9), SoftmaxCrossEntropy()
            losses = []
            for step in range(20):
                rows = slice(8 * (step % 3), min(8 * (step % 3) + 8, 20))  # 8, 8, and the last 4
                losses.append(training.train_step(model, loss, optimizer, x[rows], y[rows]))
            results.append((model.arena.values, np.array(losses)))
        for got, expected in zip(*results):
            assert_close(got, expected, block in SAME_BITS, "float32")


@every_rule
@pytest.mark.parametrize("make", ["usual", "unusual"])
def test_with_any_layers_frozen(classes, block, make):
    dtype = "float64"  # what is computed and what is not does not depend on it
    channels = enough(block, 6)
    shape = input_shape(classes, channels)
    rng = np.random.default_rng(2)

    def stack():  # three layers or four with parameters, the run's among them, and what differs when it is frozen
        return [*front(classes, channels), *make_run(classes, block, make, channels), BatchNorm(), Flatten(), Dense(3)]

    x = rng.standard_normal((5, *shape))
    all_grads = None
    positions = [i for i, layer in enumerate(stack()) if isinstance(layer, (Conv2D, Dense, BatchNorm))]
    for frozen in subsets(positions):
        model, plain = make_pair(stack, shape, dtype)
        assert has_block(model, block)
        for each in (model, plain):
            each.arena.grads[...] = 7
            for i in frozen:
                each.layers[i].trainable = False
        y = model.forward(x, training=True)
        assert_close(y, plain.forward(x, training=True), False, dtype)
        dy = np.random.default_rng(3).standard_normal(y.shape)
        assert_close(model.backward(dy, need_dx=True), plain.backward(dy, need_dx=True), False, dtype)
        assert_close(model.arena.grads, plain.arena.grads, False, dtype)
        with_dx = model.arena.grads.copy()
        model.arena.grads[...] = np.nan
        model.backward(dy)
        trained = np.zeros(with_dx.shape, bool)
        for part in model.trained_parts():
            trained[part] = True
        assert not with_dx[~trained].any() and np.isnan(model.arena.grads[~trained]).all()  # not computed
        np.testing.assert_array_equal(model.arena.grads[trained], with_dx[trained])
        if not frozen:
            all_grads = with_dx
        elif not any(isinstance(plain.layers[i], BatchNorm) for i in frozen):  # a frozen one is another function
            np.testing.assert_array_equal(with_dx[trained], all_grads[trained])


@every_rule
@settings(max_examples=40, deadline=None, database=None)
@given(data=st.data())
def test_ties_and_nan_on_whole_numbers(classes, block, data):
    # Small whole numbers make every sum exact, so that all bits must agree, whatever the order of the additions;
    # and they make ties in nearly every window.
    dtype = data.draw(st.sampled_from(["float32", "float64"]), label="dtype")
    make = data.draw(st.sampled_from(["usual", "unusual"]), label="make")
    channels = enough(block, data.draw(st.integers(1, 40), label="channels"))
    height, width = data.draw(st.tuples(st.integers(4, 9), st.integers(4, 9)), label="size")
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), label="seed"))
    shape = input_shape(classes, channels, height, width)
    model, plain = make_pair(lambda: make_run(classes, block, make, channels), shape, dtype)
    model.arena.values[...] = plain.arena.values[...] = rng.integers(-2, 3, model.arena.values.shape)
    x = rng.integers(-2, 3, (3, *shape)).astype(dtype)
    if data.draw(st.booleans(), label="with NaN"):
        x[rng.random(x.shape) < 0.05] = np.nan
    y = model.forward(x, training=True)
    np.testing.assert_array_equal(y, plain.forward(x, training=True))
    dy = rng.integers(-2, 3, y.shape)
    for got, expected in (
        (model.backward(dy, need_dx=True), plain.backward(dy, need_dx=True)), (model.arena.grads, plain.arena.grads)
    ):
        # A block that skips zero gradients does not spread NaN by 0 * NaN as its layers do; it must not hide one.
        skipped = np.isnan(expected) & np.isfinite(got)
        if block in (Activated, Normalised, ConvNormalised):  # whose slopes are no whole numbers
            np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
            got, expected = np.nan_to_num(got), np.nan_to_num(expected)
            scale = max(1.0, np.abs(expected).max(initial=0))  # the terms are as large as 1 where a sum of them is 0
            np.testing.assert_allclose(got, expected, rtol=0, atol=scale * (1e-12 if dtype == "float64" else 1e-5))
            continue
        np.testing.assert_array_equal(got[~skipped], expected[~skipped])
        if skipped.any() and not np.isnan(y).any():  # it stood where pooling drops a row or a column of an odd map
            assert block is ConvReLUPool and any(size % 2 for size in plain.layers[0].output_shape[:2])


def test_numbers_whose_sum_is_beyond_the_format():
    rng = np.random.default_rng(0)
    conv = Conv2D(32, 5, strides=2)
    model = Sequential([conv], input_shape=(9, 9, 4), seed=0)
    x = (rng.random((2, 9, 9, 4)) * 1e37).astype(np.float32)
    conv.parameters[0].value[...] = 0.1
    y, expected = model.forward(x, training=True), conv.forward(x)
    with np.errstate(over="ignore"):
        assert np.isfinite(expected).all() and np.isinf(expected.sum())
    np.testing.assert_allclose(y, expected, rtol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_a_gradient_that_is_nan_everywhere_has_no_background(seed):
    """Its pixels are alike, but their sums are not known."""
    rng = np.random.default_rng(seed)
    model, plain = make_pair(lambda: [Conv2D(48, 3), BatchNorm(), ReLU(), MaxPool2D(2)], (9, 8, 48), "float32")
    x = rng.standard_normal((3, 9, 8, 48)).astype(np.float32)
    x[rng.random(x.shape) < 0.05] = np.nan
    dy = np.ones_like(plain.forward(x, training=True))
    model.forward(x, training=True)
    assert np.isnan(plain.backward(dy, need_dx=True)).all() and np.isnan(model.backward(dy, need_dx=True)).all()


def test_a_whole_network_trains_alike_fused_or_not():
    x, y = make_images(45)
    models = [small_cnn(optimizer=SGD(0.05), dtype="float64", fused=fused) for fused in (True, False)]
    for model in models:
        model.fit(x, y, batch_size=8, epochs=4, verbose=0)  # five batches and a rest of 5
    np.testing.assert_allclose(models[0].arena.values, models[1].arena.values, rtol=1e-9, atol=1e-12)


# -- memory -----------------------------------------------------------------------------------


@pytest.mark.skipif(jit_disabled(), reason="the JIT is disabled: the NumPy twins write every patch")
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("padding", "border"), [("valid", 0), ("same", 4)])
def test_forward_writes_the_pooled_map_and_in_training_a_byte_for_each_of_its_elements(padding, border, training):
    x, peaks = np.random.default_rng(0).random((32, 34, 34, 16), np.float32), []
    for _ in range(3):  # whatever else happens in this process meanwhile takes memory, too
        model = Sequential([Conv2D(8, 5, padding=padding), ReLU(), MaxPool2D(2)], input_shape=(34, 34, 16), seed=0)
        block = model.plan[0]
        block.forward(x[:1], training)  # compiles
        tracemalloc.start()
        y = block.forward(x, training)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    padded = x.nbytes * (34 + border) ** 2 / 34**2 if border else 0
    assert min(peaks) == pytest.approx(y.nbytes + padded + training * y.size, rel=0.02)


@pytest.mark.parametrize("size", [3, 4, 5, 6])
def test_pooling_takes_the_first_of_equal_sums_behind_a_normalised_convolution_of_every_second_pixel(size):
    rng = np.random.default_rng(0)
    x = np.full((24, 22, 22, 16), 0.3)
    for n, image in enumerate(x):  # a blank border: among the patches in it some end beside what it surrounds
        inner = image[2 + n % 4 : 20 - n // 8, 3 + n // 4 % 4 : 17]
        inner[...] = rng.normal(size=inner.shape)
    layers = [Conv2D(32, size, strides=2, padding="same"), BatchNorm(), ReLU(), MaxPool2D(2)]
    models = [
        Sequential(copy.deepcopy(layers), input_shape=x.shape[1:], seed=0, dtype="float64", fused=fused)
        for fused in (True, False)
    ]
    y, plain_y = (model.forward(x, training=True) for model in models)
    dy = rng.normal(size=y.shape)
    dx, plain_dx = (model.backward(dy, need_dx=True) for model in models)
    assert isinstance(models[0].plan[0], ConvNormalised)
    np.testing.assert_allclose(y, plain_y, rtol=0, atol=1e-12 * abs(plain_y).max())
    np.testing.assert_allclose(dx, plain_dx, rtol=0, atol=1e-12 * abs(plain_dx).max())


def test_a_layer_with_a_huge_output_takes_no_memory_before_an_image_comes():
    tracemalloc.start()
    model = Sequential([Conv2D(1, 1, padding=10_000)], input_shape=(1, 1, 1))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert model.output_shape == (20_001, 20_001, 1) and peak < 1e6
    assert type(model.plan[0]) is Conv2D  # a block would write down where each patch lies


def test_the_share_of_backward_is_that_of_what_is_done():
    assert [mean_share(0.5, 0.25, learns, need_dx) for learns in (True, False) for need_dx in (True, False)] == [
        0.375, 0.5, 0.25, 1.0
    ]  # fmt: skip
