"""Weights of rows and classes in ``fit``, ``evaluate`` and ``train_on_batch``: what a step does, what is reported."""

import numpy as np
import pytest
from small_models import make_images, small_cnn

from numpycnn import (
    SGD,
    BinaryCrossEntropy,
    Dense,
    Flatten,
    MeanSquaredError,
    Sequential,
    SoftmaxCrossEntropy,
    kernels,
    to_categorical,
)

X, Y = make_images(40)
WEIGHTS = np.random.default_rng(0).random(40) * 3
CLASSES = {0: 2.0, 3: 0.25}


def model_of(weighted=None, optimizer=None, **options):
    model = small_cnn(dtype="float64", **options)
    model.compile(SGD(0.1) if optimizer is None else optimizer, SoftmaxCrossEntropy(), ["accuracy"], weighted)
    return model


def losses_of(model):
    return np.array([SoftmaxCrossEntropy()(model.forward(X[n : n + 1]), Y[n : n + 1])[0] for n in range(len(X))])


def test_the_loss_is_the_weighted_sum_over_the_number_of_rows():
    model = model_of(["accuracy"])
    expected, right = losses_of(model) @ WEIGHTS / 40, model.predict(X).argmax(axis=1) == Y
    assert model.evaluate(X, Y, sample_weight=WEIGHTS) == pytest.approx(
        (expected, right.mean(), right @ WEIGHTS / WEIGHTS.sum()), rel=1e-12
    )
    for size in (7, 40):  # the same, whatever the batches
        assert model.evaluate(X, Y, size, sample_weight=WEIGHTS)[0] == pytest.approx(expected, rel=1e-12)
    loss, *_ = model.train_on_batch(X, Y, sample_weight=WEIGHTS[:, None])
    assert loss == pytest.approx(expected, rel=1e-12)


def test_a_row_of_weight_2_is_a_row_that_is_there_twice():
    # but for the number of rows, which is 6 in place of 8: a rate of 3/4 makes up for it
    weights = np.array([1, 2, 1, 1, 2, 1])
    twice = np.repeat(np.arange(6), weights)
    weighted, doubled = model_of(optimizer=SGD(0.75)), model_of(optimizer=SGD(1.0))
    weighted.train_on_batch(X[:6], Y[:6], sample_weight=weights)
    doubled.train_on_batch(X[twice], Y[twice])
    np.testing.assert_allclose(weighted.arena.values, doubled.arena.values, rtol=1e-10, atol=1e-12)


def test_rows_without_weight_teach_nothing():
    weights = np.where(np.arange(40) < 20, 1.0, 0.0)
    weighted, half = model_of(optimizer=SGD(0.2)), model_of(optimizer=SGD(0.1))
    weighted.train_on_batch(X, Y, sample_weight=weights)
    half.train_on_batch(X[:20], Y[:20])
    np.testing.assert_allclose(weighted.arena.values, half.arena.values, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("targets", [Y, Y[:, None], to_categorical(Y, 4)], ids=["classes", "column", "one-hot"])
def test_weights_of_classes_are_weights_of_rows(targets):
    weights = np.array([CLASSES.get(int(label), 1.0) for label in Y])
    by_class, by_row = model_of(["accuracy"]), model_of(["accuracy"])
    first = by_class.fit(X, targets, 16, 2, 0, class_weight=CLASSES, validation_split=0.25).history
    second = by_row.fit(X, targets, 16, 2, 0, sample_weight=weights, validation_data=(X[30:], targets[30:])).history
    assert not np.array_equal(first["loss"], second["loss"])  # the last ten rows were held out there
    by_row = model_of(["accuracy"])
    second = by_row.fit(
        X[:30], targets[:30], 16, 2, 0, sample_weight=weights[:30], validation_data=(X[30:], targets[30:])
    ).history
    assert first == second and np.array_equal(by_class.arena.values, by_row.arena.values)
    assert set(first) == {f"{v}{name}" for v in ("", "val_") for name in ("accuracy", "loss", "weighted_accuracy")}
    by_class.train_on_batch(X, targets, class_weight=CLASSES)
    by_row.train_on_batch(X, targets, sample_weight=weights)
    assert np.array_equal(by_class.arena.values, by_row.arena.values)


@pytest.mark.parametrize("targets", [[0.2, 0.0], [2.0, 0.0], [-1.0, 0.0]])
def test_classes_that_are_none_have_no_weights(targets):
    model = Sequential([Dense(1)], (3,))
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=f"class_weight: expected classes, .* got {targets[0]}"):
        model.fit(np.ones((2, 3)), targets, class_weight={0: 2.0}, verbose=0)
    two = Sequential([Dense(2)], (3,))
    two.compile("sgd", "mse")
    with pytest.raises(ValueError, match="class_weight: expected classes, or one-hot rows"):
        two.fit(np.ones((2, 3)), [targets, [0, 1]], class_weight={0: 2.0}, verbose=0)


def test_weights_of_yes_and_no():
    y = (Y > 1).astype(float)
    models = []
    for options in ({"class_weight": {1: 3.0}}, {"sample_weight": np.where(y > 0, 3.0, 1.0)}):
        model = yes_or_no()
        model.fit(X, y, verbose=0, **options)
        models.append(model)
    assert np.array_equal(models[0].arena.values, models[1].arena.values)


def yes_or_no():
    model = Sequential([Flatten(), Dense(1)], X.shape[1:], seed=0)
    model.compile("sgd", BinaryCrossEntropy(), ["accuracy"])
    return model


def test_a_split_takes_its_weights_along():
    model, twin = model_of(), model_of()
    history = model.fit(X, Y, verbose=0, sample_weight=WEIGHTS, validation_split=0.25).history
    given = (X[30:], Y[30:], WEIGHTS[30:])
    expected = twin.fit(X[:30], Y[:30], verbose=0, sample_weight=WEIGHTS[:30], validation_data=given).history
    assert history == expected
    loss, accuracy = model.evaluate(*given[:2], sample_weight=given[2])
    assert history["val_loss"] == [loss] and history["val_accuracy"] == [accuracy]
    assert loss != model.evaluate(*given[:2])[0]


@pytest.mark.skipif(kernels.jit_disabled(), reason="NUMBA_DISABLE_JIT is set: NumPy's BLAS promises no bits")
def test_weights_of_1_change_no_bit():
    plain, weighted = model_of(), model_of()
    assert plain.fit(X, Y, 16, 2, 0).history == weighted.fit(X, Y, 16, 2, 0, sample_weight=np.ones(40)).history
    assert np.array_equal(plain.arena.values, weighted.arena.values)


def test_a_loss_that_takes_no_weights_is_named():
    class Own(MeanSquaredError):
        def value_and_gradient(self, outputs, targets):
            return super().value_and_gradient(outputs, targets)

    model = small_cnn()
    model.compile("sgd", Own())
    targets = to_categorical(Y, 4)
    model.fit(X, targets, verbose=0)
    for call in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(TypeError, match="takes no weights: expected a method value_and_gradient"):
            call(X, targets, sample_weight=WEIGHTS)
