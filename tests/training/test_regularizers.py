"""Penalties on weights: their values, what training makes of them, files, frozen layers."""

import copy
import pickle

import numpy as np
import pytest
from small_models import make_images

from numpycnn import (
    L1,
    L1L2,
    L2,
    SGD,
    Adam,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    MaxPool2D,
    Parameter,
    Regularizer,
    ReLU,
    SeparableConv2D,
    Sequential,
    SoftmaxCrossEntropy,
)
from numpycnn.gradcheck import assert_gradients, check_model

X, Y = make_images(24)


def regularised(fused=True, dtype="float64", optimizer=None, **instead):
    options = {"kernel_regularizer": L2(0.02), "bias_regularizer": "l1", **instead}
    layers = [
        Conv2D(3, 3, **options), ReLU(), MaxPool2D(2), Flatten(), Dense(6, **options), ReLU(),
        Dense(4, kernel_regularizer=L1L2(0.01, 0.03)),
    ]  # fmt: skip
    model = Sequential(layers, X.shape[1:], seed=0, dtype=dtype, fused=fused)
    model.compile(SGD(0.1) if optimizer is None else optimizer, SoftmaxCrossEntropy(), [])
    return model


def test_by_hand():
    value = np.array([[1.0, -2.0], [0.0, 3.0]])  # sum of absolute values 6, of squares 14
    for regularizer, penalty, gradient in [
        (L1(0.5), 3.0, [[0.5, -0.5], [0, 0.5]]), (L2(0.5), 7.0, value), (L2(), 0.14, 0.02 * value),
        (L1L2(0.5, 0.25), 6.5, [[1.0, -1.5], [0, 2.0]]), (L1L2(), 0.0, 0 * value),
    ]:  # fmt: skip
        for dtype in ("float32", "float64"):
            own = value.astype(dtype)
            assert regularizer(own) == pytest.approx(penalty, rel=1e-7) and type(regularizer(own)) is float
            assert regularizer.gradient(own).dtype == dtype
            np.testing.assert_allclose(regularizer.gradient(own), gradient, rtol=1e-6)
        assert repr(eval(repr(regularizer))) == repr(regularizer)
    assert np.isnan(L1L2(1.0, 1.0)(np.array([np.nan]))) and L2(1.0)(np.array([1e200])) == np.inf


def test_many_small_numbers_do_not_get_lost():
    assert L2(1.0)(np.full(10**6, 1e-3, np.float32)) == pytest.approx(1.0, rel=1e-6)


def test_the_loss_and_the_gradients_hold_the_penalty():
    plain, model = regularised(kernel_regularizer=None, bias_regularizer=None), regularised()
    plain.layers[-1].parameters[0].regularizer = None
    assert np.array_equal(plain.arena.values, model.arena.values)
    values = [p.value for p in model.parameters]
    # weights and biases of the first two layers with parameters, the weight of the last
    expected = sum(0.02 * (w**2).sum() for w in values[0:4:2]) + sum(0.01 * abs(b).sum() for b in values[1:4:2])
    expected += 0.01 * abs(values[4]).sum() + 0.03 * (values[4] ** 2).sum()
    assert model.penalty() == pytest.approx(expected, rel=1e-13)
    assert model.evaluate(X, Y) == pytest.approx(plain_loss(model) + expected, rel=1e-13)
    assert model.evaluate(X, Y, 5) == pytest.approx(plain_loss(model) + expected, rel=1e-12)
    before = [value.copy() for value in values]
    loss = model.train_on_batch(X, Y)
    assert loss == pytest.approx(plain_loss(plain) + expected, rel=1e-13)
    plain.backward(SoftmaxCrossEntropy()(plain.forward(X, training=True), Y)[1])
    for i, (mine, theirs, value) in enumerate(zip(model.parameters, plain.parameters, before)):
        extra = [0.04 * value, 0.01 * np.sign(value), 0.01 * np.sign(value) + 0.06 * value, 0 * value]
        np.testing.assert_allclose(mine.grad, theirs.grad + extra[[0, 1, 0, 1, 2, 3][i]], rtol=1e-12, atol=1e-15)


def plain_loss(model):
    return SoftmaxCrossEntropy()(model.forward(X), Y)[0]


def test_training_is_the_same_fused_and_not():
    histories = [regularised(fused, optimizer=Adam(0.01)).fit(X, Y, 8, 3, 0).history["loss"] for fused in (True, False)]
    np.testing.assert_allclose(*histories, rtol=1e-10)
    assert histories[0][-1] < histories[0][0]


def test_the_history_is_what_evaluate_would_say():
    model = regularised(optimizer=SGD(1e-12))
    history = model.fit(X, Y, 24, 1, 0, validation_data=(X, Y)).history
    assert history["loss"] == pytest.approx(history["val_loss"], rel=1e-9)
    assert history["val_loss"] == pytest.approx([plain_loss(model) + model.penalty()], rel=1e-12)


def test_strong_penalties_make_weights_vanish():
    model = regularised(kernel_regularizer=L1(1.0), bias_regularizer=L1(1.0), optimizer=SGD(0.001))
    model.fit(X, Y, epochs=400, verbose=0)
    assert max(abs(p.value).max() for p in model.parameters[:4]) < 0.01


def test_frozen_layers_pay_nothing():
    model = regularised()
    whole, first = model.penalty(), L2(0.02)(model.parameters[0].value)
    model.layers[0].trainable = False
    assert model.penalty() == pytest.approx(whole - first, rel=1e-12)  # its bias is 0
    kept = model.parameters[0].value.copy()
    model.fit(X, Y, verbose=0)
    assert np.array_equal(model.parameters[0].value, kept) and not model.parameters[0].grad.any()
    assert_gradients(check_model(model, X[:3], Y[:3]))


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("method", ["difference", "complex"])
def test_gradients(fused, method):
    model = regularised(fused)
    model.arena.values += 0.1 * np.random.default_rng(0).standard_normal(model.arena.values.shape)
    report = check_model(model, X[:3], Y[:3], method=method)
    assert_gradients(report)

    class Forgotten(L2):
        def gradient(self, value):
            return self.l2 * value  # half of it

    model.parameters[0].regularizer = Forgotten(0.02)
    failed = {row.name for row in check_model(model, X[:3], Y[:3], method=method).rows if not row.passed}
    assert failed == {"layers[0].weight.grad"}


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_keep_their_penalties(duplicate):
    model = regularised()
    twin = duplicate(model)
    assert twin.penalty() == model.penalty() > 0
    assert model.fit(X, Y, verbose=0).history == twin.fit(X, Y, verbose=0).history


def test_files_keep_them(tmp_path):
    model = regularised(dtype="float32", optimizer=Adam(0.01))
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.npz")
    loaded = Sequential.load(tmp_path / "model.npz")
    assert repr(loaded) == repr(model) and loaded.penalty() == model.penalty() > 0
    assert loaded.fit(X, Y, verbose=0).history == model.fit(X, Y, verbose=0).history
    model.save(tmp_path / "model.h5")
    loaded = Sequential.load(tmp_path / "model.h5")
    assert loaded.penalty() == model.penalty()
    assert repr(loaded.layers[0].kernel_regularizer) == "L2(l2=0.02)"
    assert repr(loaded.layers[6].kernel_regularizer) == "L1L2(l1=0.01, l2=0.03)"


def test_depthwise_layers_keep_theirs(tmp_path):
    penalties = dict(kernel_regularizer=L2(0.02), bias_regularizer=L1(0.5))
    separable = SeparableConv2D(3, 2, pointwise_regularizer="l1", **penalties)
    model = Sequential([DepthwiseConv2D(2, **penalties), separable, Flatten()], (5, 5, 2), seed=0)
    model.set_weights([np.ones_like(w) for w in model.get_weights()])
    # Arrays (2, 2, 2, 1), (2,), (2, 2, 2, 1), (1, 1, 2, 3), (3,)
    assert model.penalty() == pytest.approx(0.02 * 8 + 0.5 * 2 + 0.02 * 8 + 0.01 * 6 + 0.5 * 3)
    for name in ("model.npz", "model.h5", "model.keras"):
        model.save(tmp_path / name)
        assert Sequential.load(tmp_path / name).penalty() == pytest.approx(model.penalty())


def test_a_regularizer_of_ones_own(tmp_path):
    class Cubes(Regularizer):
        def __call__(self, value):
            return float((abs(value) ** 3).sum())

        def gradient(self, value):
            return 3 * value * abs(value)

    model = regularised(kernel_regularizer=Cubes())
    assert_gradients(check_model(model, X[:3], Y[:3]))
    for name in ("model.npz", "model.h5"):
        with pytest.raises(TypeError, match="Cubes|no such regularizer"):
            model.save(tmp_path / name)
    for call in (lambda: Regularizer()(np.ones(1)), lambda: Regularizer().gradient(np.ones(1))):
        with pytest.raises(NotImplementedError, match="Regularizer has to define"):
            call()


def test_who_takes_one():
    with pytest.raises(TypeError, match="BatchNorm: unexpected argument 'kernel_regularizer'; convolutions and Dense"):
        BatchNorm(kernel_regularizer=L2())
    with pytest.raises(ValueError, match="kernel_regularizer: expected one of .*, or a regularizer, got 'l3'"):
        Dense(3, kernel_regularizer="l3")
    with pytest.raises(TypeError, match=r"write it with parentheses: L2\(\)"):
        Dense(3, kernel_regularizer=L2)
    assert Parameter("weight", np.ones(2)).regularizer is None


def test_whole_numbers_and_lists_are_numbers():
    """Of integers the gradient was 0."""
    penalty, value = L1L2(0.1, 0.2), [[1, -2], [0, 3]]
    for given in (value, np.array(value)):
        assert penalty(given) == pytest.approx(0.1 * 6 + 0.2 * 14, rel=1e-12)
        np.testing.assert_allclose(penalty.gradient(given), 0.1 * np.sign(value) + 0.4 * np.array(value), rtol=1e-12)
    assert penalty.gradient(np.ones(2, np.float32)).dtype == np.float32


def test_a_penalty_that_nobody_would_see_is_refused():
    model = Sequential([Dense(2), Dense(2, kernel_regularizer="l2")], input_shape=(3,))
    with pytest.raises(AttributeError, match="'weight' is in a built model, which would not see .*kernel_regularizer="):
        model.parameters[0].regularizer = L2(0.1)
    with_one = model.parameters[2]
    with_one.regularizer = L2(0.5)
    assert model.penalty() == pytest.approx(0.5 * np.square(with_one.value).sum())
