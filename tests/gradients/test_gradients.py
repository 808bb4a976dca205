"""Every gradient of the package, in float64, in both sets of kernels.

What the compiled kernels compute is held against central differences, element by element, and against complex steps
through the NumPy twins along random directions; the twins against complex steps, element by element. Only of blocks
that have thousands of elements it is some hundred elements, or a dozen directions, each of which moves all of them.
"""

import copy

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import numpycnn
from numpycnn import (
    ELU,
    GELU,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    LayerNorm,
    MaxPool2D,
    MeanSquaredError,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
    fusion,
    gradcheck,
    kernels,
    layers,
)
from numpycnn.gradcheck import cases
from numpycnn.kernels import reference
from numpycnn.testing.case import MEMORY, expect_close, step

LINEAR = gradcheck.EXACT_CLASSES
compiled = pytest.mark.skipif(kernels.jit_disabled(), reason="NUMBA_DISABLE_JIT is set: the twins have their own tests")
KERNEL_SETS = [pytest.param("compiled", marks=compiled), "reference"]
both_kernel_sets = pytest.mark.parametrize("kernel_set", KERNEL_SETS)


def numbered(items, name):
    """Give each case the name of its class and a number."""
    return [pytest.param(*item, id=f"{name(item)}-{i}") for i, item in enumerate(items)]


LAYERS = numbered(cases.layer_cases(), lambda item: type(item[0]).__name__)
BLOCKS = numbered([(block,) for block in cases.block_cases()], lambda item: type(item[0]).__name__)
LOSSES = numbered([(*case, None)[:5] for case in cases.loss_cases()], lambda item: type(item[1]).__name__)
MODELS = numbered(cases.model_cases(), lambda item: item[0].split(",")[0].replace(" ", "-"))


def assert_below(report, limit):
    """Require every array's error below `limit`, whatever tolerance the check itself took."""
    gradcheck.assert_gradients(report)
    errors = {row.name: row.error for row in report.rows}
    assert max(errors.values()) < limit, errors


# Nothing is forgotten


def test_every_layer_has_a_case():
    expected = {getattr(layers, name) for name in layers.__all__} - {layers.Layer}
    assert {type(layer) for layer, _ in cases.layer_cases()} == expected, "add the new layer to gradcheck/cases.py"


def test_every_loss_has_a_case():
    public = [getattr(numpycnn, name) for name in numpycnn.__all__]
    expected = {c for c in public if isinstance(c, type) and issubclass(c, numpycnn.Loss)} - {numpycnn.Loss}
    assert {type(loss) for _, loss, *_ in cases.loss_cases()} == expected, "add the new loss to gradcheck/cases.py"


def test_every_fusion_rule_has_a_case():
    seen = [block.layers for block in cases.block_cases()]
    missing = [
        classes for classes, _ in fusion.RULES
        if not any(len(run) == len(classes) and all(map(fusion.plan.matches, run, classes)) for run in seen)
    ]
    assert not missing, "no variant in gradcheck/cases.py matches these rules"


def test_whole_models_run_fused_blocks_and_plain_layers():
    fused = [any(isinstance(s, fusion.Block) for s in model.plan) for _, model, *_ in cases.model_cases()]
    assert any(fused) and not all(fused)


# Central differences


@compiled
@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_layer(layer, shape):
    report = gradcheck.check_layer(layer, shape)
    probe = copy.deepcopy(layer)
    probe.build(shape)
    arrays = {"dx": 3 * np.prod(shape), **{f"{p.name}.grad": p.value.size for p in probe.parameters}}
    assert {row.name: row.elements for row in report.rows} == arrays  # every element of every array
    assert sum(row.skipped for row in report.rows) == 0
    assert_below(report, 1e-12 if type(layer) in LINEAR else 1e-8)


@compiled
@pytest.mark.parametrize("block", [p.values[0] for p in BLOCKS], ids=[p.id for p in BLOCKS])
def test_fused_block(block):
    # The convolution of a normalised one has cases of its own, where each element is checked.
    most = 500 if isinstance(block, fusion.ConvNormalised) else None
    assert_below(gradcheck.check_layer(block, max_elements=most), 1e-12 if type(block) in LINEAR else 1e-8)


@both_kernel_sets
@pytest.mark.parametrize(("title", "loss", "outputs", "targets", "weights"), LOSSES)
def test_loss(title, loss, outputs, targets, weights, kernel_set):
    with kernels.using(kernel_set):
        report = gradcheck.check_loss(loss, outputs, targets, weights)
    assert_below(report, 1e-12 if type(loss) is MeanSquaredError else 1e-8)


@compiled
@pytest.mark.parametrize(("title", "model", "x", "targets", "loss"), MODELS)
def test_whole_model(title, model, x, targets, loss):
    report = gradcheck.check_model(model, x, targets, loss)
    assert len(report.rows) == 1 + len(model.parameters)
    assert sum(row.elements for row in report.rows) == x.size + model.count_params()
    assert_below(report, 1e-7)


# Complex steps


@both_kernel_sets
@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_layer_by_complex_steps(layer, shape, kernel_set):
    with kernels.using(kernel_set):
        assert_below(gradcheck.check_layer(layer, shape, method="complex", directions=directions(kernel_set)), 1e-14)


@both_kernel_sets
@pytest.mark.parametrize("block", [p.values[0] for p in BLOCKS], ids=[p.id for p in BLOCKS])
def test_fused_block_by_complex_steps(block, kernel_set):
    large = sum(p.value.size for p in block.parameters) > 4000
    chosen = 12 if large and kernel_set == "reference" else directions(kernel_set)
    with kernels.using(kernel_set):
        assert_below(gradcheck.check_layer(block, method="complex", directions=chosen), 1e-14)


@both_kernel_sets
@pytest.mark.parametrize(("title", "model", "x", "targets", "loss"), MODELS)
def test_whole_model_by_complex_steps(title, model, x, targets, loss, kernel_set):
    options = {"method": "complex", "directions": directions(kernel_set)}
    with kernels.using(kernel_set):
        assert_below(gradcheck.check_model(model, x, targets, loss, **options), 5e-14)


def directions(kernel_set):
    """Every element where the gradients are the twins', too; a few directions where differences saw every element."""
    return None if kernel_set == "reference" else 3


@pytest.mark.parametrize(
    ("title", "loss", "outputs", "targets", "weights"),
    [p for p in LOSSES if type(p.values[1]) is numpycnn.SoftmaxCrossEntropy],
)
def test_cross_entropy_by_complex_steps(title, loss, outputs, targets, weights):
    """The kernel takes complex logits; the loss around it, which checks its arguments, does not.

    The squared error is a parabola: central differences are exact. The others ask for signs, which complex numbers have
    not.
    """
    _, claimed = loss(outputs, targets, weights)
    factors = np.full(len(outputs), 1 / len(outputs)) if weights is None else weights / len(outputs)
    factors /= factors.sum() if loss.reduction == "weighted_mean" else 1
    targets = loss._targets(loss.check_targets(targets, outputs.shape[1:]), outputs)
    losses, step = np.empty(len(outputs), complex), 2.0**-80
    for index in np.ndindex(outputs.shape):
        logits = outputs.astype(complex)
        logits[index] += 1j * step
        reference.softmax_cross_entropy(logits, targets, losses, np.empty_like(logits))
        slope = (factors @ losses).imag / step
        assert slope == pytest.approx(claimed[index], abs=1e-14 * abs(claimed).max())


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


# Any geometry

small = settings(max_examples=25, deadline=None, database=None)
sizes = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 2))
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
named = st.sampled_from(["valid", "same"])
memories = st.sampled_from(list(MEMORY))


def check_geometry(layer, shape, limit, seed, memory):
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
            assert_below(gradcheck.check_layer(layer, seed=seed, method="complex", directions=2), 1e-13)
            check_float32(layer, seed, memory)


def check_float32(layer, seed, memory):
    """Gradients in float32, from arrays laid any way in memory, are those in float64, to rounding."""
    single = copy.deepcopy(layer)
    single.build(layer.input_shape, np.random.default_rng(0), "float32")
    rng = np.random.default_rng(seed)
    x = cases.clear_of_kinks((2, *layer.input_shape), rng).astype("float32")
    dy = rng.standard_normal((2, *layer.output_shape)).astype("float32")
    positive = copy.deepcopy(layer)
    for source, target, size in zip(single.parameters, layer.parameters, positive.parameters):
        target.value, size.value = source.value, np.abs(source.value)
    lay = MEMORY[memory]
    found, expected = step(single, lay(x), lay(dy)), step(layer, x, dy)
    assert {name: a.dtype for name, a in found.items()} == dict.fromkeys(expected, np.dtype("float32"))
    sizes = step(positive, np.abs(x), np.abs(dy))  # of the sums whose terms cancel above
    expect_close(found, expected, f"in float32, from {memory}", tolerance=5e-6, sizes=sizes)


@small
@given(
    shape=sizes, kernel_size=pairs, strides=pairs, dilation_rate=pairs, filters=st.integers(1, 2),
    use_bias=st.booleans(), padding=named | st.tuples(st.integers(0, 4), st.integers(0, 4)), groups=st.integers(1, 2),
    seed=st.integers(0, 99), memory=memories,
)
def test_conv_of_any_geometry(
    shape, kernel_size, strides, dilation_rate, filters, use_bias, padding, groups, seed, memory
):
    layer = Conv2D(
        filters * groups, kernel_size, strides, padding, use_bias, bias_initializer="glorot_uniform",
        dilation_rate=dilation_rate, groups=groups,
    )
    check_geometry(layer, (*shape[:2], shape[2] * groups), 1e-12, seed, memory)


@small
@given(
    kind=st.sampled_from([MaxPool2D, AvgPool2D]), shape=sizes, pool_size=pairs, strides=pairs | st.none(),
    padding=named | pairs.map(lambda p: (p[0] - 1, p[1] - 1)), seed=st.integers(0, 99), memory=memories,
)
def test_pooling_of_any_geometry(kind, shape, pool_size, strides, padding, seed, memory):
    if not isinstance(padding, str):
        padding = tuple(min(p, k - 1) for p, k in zip(padding, pool_size))
    check_geometry(kind(pool_size, strides, padding), shape, 1e-8 if kind is MaxPool2D else 1e-12, seed, memory)


# Adjoint identities at the sizes that train. ``python -m numpycnn.gradcheck --kind adjoint`` takes 64 rows throughout.

FULL_SIZE = numbered([(layer,) for layer in cases.full_size_cases()], lambda item: type(item[0]).__name__)
CURVED = (BatchNorm, ELU, GELU, LayerNorm, SiLU, Sigmoid, Softmax, Tanh, fusion.Activated)


@pytest.mark.parametrize("layer", FULL_SIZE)
def test_adjoint_identity(layer):
    """<dy, J v> = <J^T dy, v>, J v by a complex step, for dx and each parameter."""
    assert_below(gradcheck.check_layer(layer, batch_size=4, method="complex", directions=1), 1e-13)


@pytest.mark.parametrize(("title", "model", "x", "targets", "loss"), cases.full_size_models())
def test_adjoint_identity_of_a_model(title, model, x, targets, loss):
    report = gradcheck.check_model(model, x[:4], targets[:4], loss, method="complex", directions=1)
    assert len(report.rows) == 9
    assert_below(report, 1e-13)


@compiled
@pytest.mark.parametrize("layer", [p for p in FULL_SIZE if not isinstance(p.values[0], CURVED)])
def test_adjoint_identity_of_64_rows(layer):
    """<dy, f(x, w)> = <dx, x> = <dw, w> for whatever is linear in x and in w: without a bias, all but curves.

    ReLU and MaxPool are linear as long as no sign and no winner changes, so it holds for them, too.
    """
    layer = copy.deepcopy(layer)
    weights = [p for p in layer.parameters if p.name.endswith("weight")]
    for p in layer.parameters:
        p.value *= p in weights
    rng = np.random.default_rng(0)
    x = rng.standard_normal((cases.BATCH, *layer.input_shape))
    y = layer.forward(x, training=True)
    dy = y * rng.uniform(0.5, 1.5, y.shape)  # so that <dy, y> is no small difference of large sums
    dx = layer.backward(dy)
    expected = np.vdot(dy, y)
    assert expected > 0
    assert np.vdot(dx, x) == pytest.approx(expected, rel=1e-13)
    for weight in weights:
        assert np.vdot(weight.grad, weight.value) == pytest.approx(expected, rel=1e-13)
