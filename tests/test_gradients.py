"""Every gradient of the package against finite differences, in float64, in both sets of kernels."""

import copy

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import numpycnn
from numpycnn import (
    AvgPool2D,
    Conv2D,
    Dense,
    Flatten,
    GlobalAvgPool2D,
    LeakyReLU,
    MaxPool2D,
    MeanSquaredError,
    ReLU,
    Sequential,
    fusion,
    gradcheck,
    kernels,
    layers,
)
from numpycnn import _gradcheck_cases as cases

LINEAR = (Conv2D, Dense, Flatten, AvgPool2D, GlobalAvgPool2D)
KERNEL_SETS = [
    pytest.param("compiled", marks=pytest.mark.skipif(kernels.jit_disabled(), reason="NUMBA_DISABLE_JIT is set")),
    "reference",
]
both_kernel_sets = pytest.mark.parametrize("kernel_set", KERNEL_SETS)


def numbered(items, name):
    """Give each case the name of its class and a number."""
    return [pytest.param(*item, id=f"{name(item)}-{i}") for i, item in enumerate(items)]


LAYERS = numbered(cases.layer_cases(), lambda item: type(item[0]).__name__)
BLOCKS = numbered([(block,) for block in cases.block_cases()], lambda item: type(item[0]).__name__)
LOSSES = numbered(cases.loss_cases(), lambda item: type(item[1]).__name__)
MODELS = numbered(cases.model_cases(), lambda item: item[0].split(",")[0].replace(" ", "-"))


def assert_below(report, limit):
    """Require every array's error below `limit`, whatever tolerance the check itself took."""
    gradcheck.assert_gradients(report)
    errors = {row.name: row.error for row in report.rows}
    assert max(errors.values()) < limit, errors


# Nothing is forgotten


def test_every_layer_has_a_case():
    expected = {getattr(layers, name) for name in layers.__all__} - {layers.Layer}
    assert {type(layer) for layer, _ in cases.layer_cases()} == expected, "add the new layer to _gradcheck_cases.py"


def test_every_loss_has_a_case():
    public = [getattr(numpycnn, name) for name in numpycnn.__all__]
    expected = {c for c in public if isinstance(c, type) and issubclass(c, numpycnn.Loss)} - {numpycnn.Loss}
    assert {type(loss) for _, loss, _, _ in cases.loss_cases()} == expected, "add the new loss to _gradcheck_cases.py"


def test_every_fusion_rule_has_a_case():
    seen = {tuple(type(layer) for layer in block.layers) for block in cases.block_cases()}
    missing = [classes for classes, _ in fusion.RULES if classes not in seen]
    assert not missing, "no variant in _gradcheck_cases.py matches these rules"


def test_whole_models_run_fused_blocks_and_plain_layers():
    fused = [any(isinstance(s, fusion.Block) for s in model.plan) for _, model, *_ in cases.model_cases()]
    assert any(fused) and not all(fused)


# Finite differences


@both_kernel_sets
@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_layer(layer, shape, kernel_set):
    with kernels.using(kernel_set):
        report = gradcheck.check_layer(layer, shape)
    probe = copy.deepcopy(layer)
    probe.build(shape)
    arrays = {"dx": 3 * np.prod(shape), **{f"{p.name}.grad": p.value.size for p in probe.parameters}}
    assert {row.name: row.elements for row in report.rows} == arrays  # every element of every array
    assert sum(row.skipped for row in report.rows) == 0
    assert_below(report, 1e-10 if type(layer) in LINEAR else 1e-7)


@both_kernel_sets
@pytest.mark.parametrize("block", [p.values[0] for p in BLOCKS], ids=[p.id for p in BLOCKS])
def test_fused_block(block, kernel_set):
    with kernels.using(kernel_set):
        assert_below(gradcheck.check_layer(block), 1e-7)


@both_kernel_sets
@pytest.mark.parametrize("block", [p.values[0] for p in BLOCKS], ids=[p.id for p in BLOCKS])
def test_fused_block_without_dx_gives_the_same_gradients(block, kernel_set):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, *block.input_shape))
    with kernels.using(kernel_set):
        dy = rng.standard_normal(block.forward(x, training=True).shape)
        assert block.backward(dy) is not None
        expected = [p.grad.copy() for p in block.parameters]
        for p in block.parameters:
            p.grad[...] = np.nan
        block.forward(x, training=True)
        assert block.backward(dy, need_dx=False) is None
    for p, grad in zip(block.parameters, expected):
        np.testing.assert_array_equal(p.grad, grad)


@pytest.mark.parametrize(("title", "loss", "outputs", "targets"), LOSSES)
def test_loss(title, loss, outputs, targets):
    assert_below(gradcheck.check_loss(loss, outputs, targets), 1e-10 if type(loss) is MeanSquaredError else 1e-7)


@both_kernel_sets
@pytest.mark.parametrize(("title", "model", "x", "targets", "loss"), MODELS)
def test_whole_model(title, model, x, targets, loss, kernel_set):
    with kernels.using(kernel_set):
        report = gradcheck.check_model(model, x, targets, loss)
    assert len(report.rows) == 1 + len(model.parameters)
    assert sum(row.elements for row in report.rows) == x.size + model.count_params()
    assert_below(report, 1e-7)


# Any geometry

small = settings(max_examples=25, deadline=None, database=None)
sizes = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 2))
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
named = st.sampled_from(["valid", "same"])


def check_geometry(layer, shape, limit, seed):
    """Check a layer in both sets of kernels, or in the one there is, if its window fits the images."""
    try:
        fits = layer.build(shape, np.random.default_rng(0), "float64")
    except ValueError as error:
        assert "does not fit" in str(error)
        fits = None
    assume(fits)
    for kernel_set in ("reference",) if kernels.jit_disabled() else ("compiled", "reference"):
        with kernels.using(kernel_set):
            assert_below(gradcheck.check_layer(layer, batch_size=2, seed=seed), limit)


@small
@given(
    shape=sizes, kernel_size=pairs, strides=pairs, dilation_rate=pairs, filters=st.integers(1, 2),
    use_bias=st.booleans(), padding=named | st.tuples(st.integers(0, 4), st.integers(0, 4)), groups=st.integers(1, 2),
    seed=st.integers(0, 99),
)
def test_conv_of_any_geometry(shape, kernel_size, strides, dilation_rate, filters, use_bias, padding, groups, seed):
    layer = Conv2D(
        filters * groups, kernel_size, strides, padding, use_bias, bias_initializer="glorot_uniform",
        dilation_rate=dilation_rate, groups=groups,
    )
    check_geometry(layer, (*shape[:2], shape[2] * groups), 1e-10, seed)


@small
@given(
    kind=st.sampled_from([MaxPool2D, AvgPool2D]), shape=sizes, pool_size=pairs, strides=pairs | st.none(),
    padding=named | pairs.map(lambda p: (p[0] - 1, p[1] - 1)), seed=st.integers(0, 99),
)
def test_pooling_of_any_geometry(kind, shape, pool_size, strides, padding, seed):
    if not isinstance(padding, str):
        padding = tuple(min(p, k - 1) for p, k in zip(padding, pool_size))
    check_geometry(kind(pool_size, strides, padding), shape, 1e-7 if kind is MaxPool2D else 1e-10, seed)


# Adjoint identities: <dy, f(x, w)> = <dx, x> = <dw, w> for whatever is linear in x and in w, at the sizes that train.
# ReLU and MaxPool are linear as long as no sign and no winner changes, so it holds for them, too.

FULL_SIZE = [
    (Conv2D(32, 3, use_bias=False), (28, 28, 1)),
    (Conv2D(64, 3, use_bias=False), (13, 13, 32)),
    (Conv2D(16, (5, 3), strides=(2, 1), padding="same", use_bias=False, dilation_rate=(1, 2), groups=2), (27, 28, 4)),
    (MaxPool2D(2), (26, 26, 32)),
    (MaxPool2D(3, strides=2, padding="same"), (26, 27, 8)),
    (AvgPool2D(2), (26, 26, 32)),
    (AvgPool2D(3, strides=2, padding=1), (26, 27, 8)),
    (GlobalAvgPool2D(), (26, 26, 32)),
    (Flatten(), (5, 5, 64)),
    (Dense(128, use_bias=False), (1600,)),
    (ReLU(), (26, 26, 32)),
    (LeakyReLU(), (26, 26, 32)),
]


FULL_SIZE_BLOCKS = [
    ([Conv2D(32, 3, use_bias=False), ReLU(), MaxPool2D(2)], (28, 28, 1)),
    ([Conv2D(64, 3, use_bias=False), ReLU(), MaxPool2D(2)], (13, 13, 32)),
    ([Conv2D(20, 5, padding="same", use_bias=False), ReLU()], (16, 16, 33)),
    ([Dense(128, use_bias=False), ReLU()], (1600,)),
]


@both_kernel_sets
@pytest.mark.parametrize(("layer", "shape"), numbered(FULL_SIZE, lambda item: type(item[0]).__name__))
def test_adjoint_identity_at_full_size(layer, shape, kernel_set):
    with kernels.using(kernel_set):
        layer.build(shape, np.random.default_rng(0), "float64")
        check_adjoint(layer, 64)


@both_kernel_sets
@pytest.mark.parametrize(("layers", "shape"), FULL_SIZE_BLOCKS, ids=str)
def test_adjoint_identity_of_blocks_at_full_size(layers, shape, kernel_set):
    (block,) = Sequential(copy.deepcopy(layers), input_shape=shape, seed=0, dtype="float64").plan
    with kernels.using(kernel_set):
        check_adjoint(block, 64 if kernel_set == "compiled" else 4)  # the twins of the blocks' kernels are slow


def check_adjoint(layer, batch):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, *layer.input_shape))
    y = layer.forward(x, training=True)
    dy = y * rng.uniform(0.5, 1.5, y.shape)  # so that <dy, y> is no small difference of large sums
    dx = layer.backward(dy)
    expected = np.vdot(dy, y)
    assert expected > 0
    assert np.vdot(dx, x) == pytest.approx(expected, rel=1e-12)
    for weight in layer.parameters:
        assert np.vdot(weight.grad, weight.value) == pytest.approx(expected, rel=1e-12)
