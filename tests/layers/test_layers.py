"""The contract of a layer: ``numpycnn.testing.check_layer`` on every layer, and what is stricter within the package.

``layer_table.py`` lists the layers and configurations; a layer of the package that is missing there fails here.
"""

import numpy as np
import pytest
from layer_table import LAYERS, both_dtypes, both_kernel_sets, built, data, every_layer

import numpycnn
from numpycnn import BatchNorm, Conv2D, Dense, Dropout, Flatten, GaussianNoise, LayerNorm, kernels, testing
from numpycnn.testing.case import expect_same, step


def test_every_layer_is_in_the_table():
    assert {cls.__name__ for cls in LAYERS} == set(numpycnn.layers.__all__) - {"Layer"}


@every_layer
@both_kernel_sets
def test_contract(make, shape, kernel_set):
    with kernels.using(kernel_set):
        assert testing.check_layer(make(), shape) == list(testing.CHECKS)


def test_build_takes_every_way_of_writing_a_dtype():
    for dtype in ("float64", np.float64, np.dtype("float64"), float):
        layer = Dense(2)
        layer.build((3,), dtype=dtype)
        assert layer.dtype == layer.parameters[0].value.dtype == np.float64


def assert_predicts_halves_as_the_whole(layer, x):
    halves = np.concatenate([layer.forward(x[:2]), layer.forward(x[2:])])
    expect_same({"y": halves}, {"y": layer.forward(x)}, "from the two halves of a batch")


@every_layer
@both_dtypes
@both_kernel_sets
def test_a_batch_equals_its_halves(make, shape, dtype, kernel_set):
    layer = built(make, shape, dtype)
    x, dy = data(layer, 5, dtype)
    with kernels.using(kernel_set):
        assert_predicts_halves_as_the_whole(layer, x)
        if isinstance(layer, (BatchNorm, Dropout, GaussianNoise)):
            return  # in training, rows depend on each other or on the random numbers before them
        whole, first, second = step(layer, x, dy), step(layer, x[:2], dy[:2]), step(layer, x[2:], dy[2:])
    # Multiples of 1/8: no sum rounds, so the gradient of the sum is exactly the sum of the gradients.
    rows = {name: np.concatenate([first[name], second[name]]) for name in ("y", "dx")}
    if isinstance(layer, LayerNorm):
        return expect_same(rows, {name: whole[name] for name in rows}, "from the two halves of a batch")  # roots round
    joined = rows | {name: first[name] + second[name] for name in whole.keys() - rows}
    expect_same(joined, whole, "from the two halves of a batch")


@pytest.mark.skipif(kernels.jit_disabled(), reason="NumPy's BLAS sums in an order that depends on the batch size")
@every_layer
@both_dtypes
def test_a_batch_equals_its_halves_where_sums_round(make, shape, dtype):
    layer = built(make, shape, dtype)
    x = np.random.default_rng(0).standard_normal((5, *shape)).astype(dtype)
    assert_predicts_halves_as_the_whole(layer, x)


def test_dropouts_built_from_one_generator_differ():
    rng = np.random.default_rng(0)
    first, second = Dropout(0.5), Dropout(0.5)
    for layer in (first, second):
        layer.build((8,), rng)
    x = np.ones((4, 8), np.float32)
    assert not np.array_equal(first.forward(x, training=True), second.forward(x, training=True))


# -- NaN ---------------------------------------------------------------------------------------------


@every_layer
@both_dtypes
@both_kernel_sets
def test_nan_stays_visible(make, shape, dtype, kernel_set):
    layer = built(make, shape, dtype)
    x, dy = data(layer, dtype=dtype)
    x[:, ...] = np.abs(x) + 1  # positive: ReLU lets everything through
    with kernels.using(kernel_set):
        layer.forward(x, training=True)
        dx = layer.backward(np.full_like(dy, np.nan))
        assert np.isnan(dx).any()
        assert all(np.isnan(p.grad).all() for p in layer.parameters if p.name != "weight")
        assert all(np.isnan(p.grad).any() for p in layer.parameters)
        x[0] = np.nan
        assert np.isnan(layer.forward(x)[0]).any()
        assert np.isnan(layer.forward(x, training=True)[0]).any()


# -- what the errors say ---------------------------------------------------------------------------------


def test_the_order_of_calls():
    layer = Dense(2)
    with pytest.raises(RuntimeError, match="not built: call build"):
        layer.forward(np.zeros((1, 3)))
    layer.build((3,))
    layer.forward(np.zeros((1, 3)))
    with pytest.raises(RuntimeError, match=r"backward needs a forward\(x, training=True\)"):
        layer.backward(np.zeros((1, 2)))


def test_shapes_are_named_with_the_expected_one():
    layer = built(lambda: Conv2D(1, 3), (28, 28, 1))
    hints = {(28, 28, 1): r"add the batch axis: x\[None\]", (2, 28, 28): r"add the channel axis: x\[..., None\]"}
    for wrong, hint in hints.items():
        with pytest.raises(ValueError, match=rf"expected shape \(N, 28, 28, 1\), got .*{hint}"):
            layer.forward(np.zeros(wrong))
    with pytest.raises(ValueError, match="expected at least one row"):
        layer.forward(np.zeros((0, 28, 28, 1)))
    layer.forward(np.zeros((3, 28, 28, 1)), training=True)
    with pytest.raises(ValueError, match=r"output gradient: expected shape \(N, 26, 26, 1\)"):
        layer.backward(np.zeros((3, 26, 26)))
    with pytest.raises(ValueError, match="expected the 3 rows of the latest forward, got 2"):
        layer.backward(np.zeros((2, 26, 26, 1)))


# -- configuration and state ------------------------------------------------------------------------------


@every_layer
def test_the_text_of_a_layer_makes_an_equal_one(make, shape):
    layer = make()
    twin = eval(repr(layer), vars(numpycnn.layers))
    assert type(twin) is type(layer) and twin.get_config() == layer.get_config() and repr(twin) == repr(layer)


@every_layer
def test_only_errors_describe_a_layer(make, shape, monkeypatch):
    """Its text takes longer than a small step, and a check of gradients takes thousands of them."""
    layer, described = make(), []
    monkeypatch.setattr(type(layer), "__repr__", lambda self: described.append(self) or "")
    layer.build(shape, np.random.default_rng(0))
    layer.set_state(layer.get_state())
    with kernels.using("reference"):
        layer.backward(layer.forward(np.ones((2, *shape), "float32"), training=True).copy())
    assert described == []


def test_a_state_that_does_not_fit_is_rejected():
    layer = built(BatchNorm, (3,))
    with pytest.raises(ValueError, match="expected the state .*moving_mean.*, got"):
        layer.set_state({"moving_mean": np.zeros(3)})
    with pytest.raises(ValueError, match=r"moving_mean has shape \(3,\), got \(2,\)"):
        layer.set_state({"moving_mean": np.zeros(2), "moving_variance": np.ones(3)})
    with pytest.raises(ValueError, match="expected the state"):
        built(Flatten, (3,)).set_state({"rng": 1})
