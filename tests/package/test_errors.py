"""What bad input gets: one table of what people type, the error and a part of its message.

After each the model is as it was: nothing trained, nothing lost.
"""

import dataclasses

import numpy as np
import pytest
from small_models import make_images, small_cnn, small_stateful_cnn, weights_equal

from numpycnn import (
    Adam,
    Conv2D,
    Dense,
    Flatten,
    MaxPool2D,
    ModelCheckpoint,
    Sequential,
    SoftmaxCrossEntropy,
    data,
    learn,
    metrics,
    set_num_threads,
    training,
)

X, Y = make_images(20)


def change(array, index, value, dtype=None):
    """Return a copy of the array with one element changed."""
    array = np.array(array, dtype)
    array[index] = value
    return array


def nan_at(row):
    return change(X, (row, 3, 4, 0), np.nan)


# Each line: the images, the error, a part of its message.
IMAGES = {
    "one image without the batch axis": (X[0], ValueError, r"expected shape \(N, 12, 12, 1\), got .*x\[None\]"),
    "no channel axis": (X[..., 0], ValueError, r"got \(20, 12, 12\); add the channel axis: x\[..., None\]"),
    "vectors": (X.reshape(20, -1), ValueError, r"got \(20, 144\)"),
    "another size": (X[:, :10], ValueError, r"expected shape \(N, 12, 12, 1\), got \(20, 10, 12, 1\)"),
    "another number of channels": (X.repeat(3, axis=-1), ValueError, r"got \(20, 12, 12, 3\)"),
    "channels first": (X.transpose(0, 3, 1, 2), ValueError, r"got \(20, 1, 12, 12\)"),
    "a number": (3.0, ValueError, r"got \(\)"),
    "None": (None, TypeError, "got None"),
    "no images": (X[:0], ValueError, "at least one row"),
    "objects": (X.astype(object), TypeError, "expected an array of real numbers, got dtype object"),
    "complex numbers": (X.astype(complex), TypeError, "got dtype complex128"),
    "text": (X.astype(str), TypeError, "got dtype <U"),
    "ragged lists": ([[1, 2], [3]], TypeError, "expected an array of real numbers, got list"),
    "dates": (X.astype(int).astype("M8[s]"), TypeError, "got dtype datetime64"),
}

# Each line: the labels, the error, a part of its message. There are four classes.
LABELS = {
    "too few": (Y[:19], ValueError, "got 20 images and 19 labels"),
    "none": (Y[:0], ValueError, "got 20 images and 0 labels"),
    "too large": (change(Y, 7, 4), ValueError, "whole numbers from 0 to 3, got 4 at row 7; does the last layer"),
    "fractional": (change(Y, 5, 1.5, float), ValueError, "whole numbers from 0 to 3, got 1.5 at row 5"),
    "of rank 3": (Y[:, None, None], ValueError, r"expected shape \(N,\), \(N, 1\) or \(N, 4\), got \(20, 1, 1\)"),
    "one-hot rows that do not sum to 1": (2 * np.eye(4)[Y], ValueError, "probabilities that sum to 1"),
    "text": (Y.astype(str), TypeError, "labels: expected an array of real numbers, got dtype <U"),
    "a number": (3, ValueError, r"expected shape \(N,\), \(N, 1\) or \(N, 4\), got \(\)"),
}


def methods_that_take_images(model):
    return [
        model.predict, lambda x: model.evaluate(x, Y), lambda x: model.fit(x, Y, verbose=0),
        lambda x: model.train_on_batch(x, Y), lambda x: model.fit(X, Y, verbose=0, validation_data=(x, Y)),
    ]  # fmt: skip


def methods_that_take_labels(model):
    return [
        lambda y: model.evaluate(X, y), lambda y: model.fit(X, y, verbose=0), lambda y: model.train_on_batch(X, y),
        lambda y: model.fit(X, Y, verbose=0, validation_data=(X, y)),
    ]  # fmt: skip


@pytest.mark.parametrize("images, error, message", IMAGES.values(), ids=IMAGES)
def test_images(images, error, message):
    model = small_stateful_cnn()
    before = model.get_weights()
    for method in methods_that_take_images(model):
        with pytest.raises(error, match=message):
            method(images)
    for training_mode in (True, False):
        with pytest.raises(error, match=message):
            model.forward(images, training_mode)
    assert weights_equal(model, before) and model.optimizer.steps == 0


@pytest.mark.parametrize("labels, error, message", LABELS.values(), ids=LABELS)
def test_labels(labels, error, message):
    model = small_stateful_cnn()
    before = model.get_weights()
    for method in methods_that_take_labels(model):
        with pytest.raises(error, match=message):
            method(labels)
    assert weights_equal(model, before) and model.optimizer.steps == 0
    plain = small_cnn()
    before = plain.get_weights()
    with pytest.raises(error):
        training.train_step(plain, SoftmaxCrossEntropy(), plain.optimizer, X, labels)
    assert weights_equal(plain, before)


def fit(**options):
    return lambda model: model.fit(X, Y, **{"verbose": 0, **options})


# Each line: what is called with a compiled model, the error, a part of its message.
CALLS = {
    "fit: batch_size 0": (fit(batch_size=0), ValueError, "batch_size: expected an integer of at least 1, got 0"),
    "fit: epochs 0": (fit(epochs=0), ValueError, "epochs: expected an integer of at least 1, got 0"),
    "fit: negative initial_epoch": (fit(initial_epoch=-1), ValueError, "initial_epoch"),
    "fit: negative seed": (fit(seed=-1), ValueError, "seed: expected an integer of at least 0, got -1"),
    "fit: verbose 3": (fit(verbose=3), ValueError, 'verbose: expected one of "auto", 0, 1, 2, got 3'),
    "fit: validation_split 1": (fit(validation_split=1), ValueError, r"validation_split: .* in \[0, 1\), got 1"),
    "fit: nothing left to validate": (fit(validation_split=1e-17), ValueError, "of 20 rows leaves one side empty"),
    "fit: nothing left to train on": (fit(validation_split=0.99), ValueError, "of 20 rows leaves one side empty"),
    "fit: validation_data no pair": (fit(validation_data=X), TypeError, r"expected a pair \(x, y\), got an array of"),
    "fit: augment no function": (fit(augment="flip"), TypeError, r"augment: expected a function .* got 'flip'"),
    "fit: augment makes text": (
        fit(augment=lambda x, rng: x.astype(str)), TypeError, "augment: the images it returned: expected an array of",
    ),
    "fit: augment drops rows": (fit(augment=lambda x, rng: x[1:]), ValueError, "augment: expected it to return images"),
    "fit: augment changes the size": (fit(augment=lambda x, rng: x[:, 1:]), ValueError, r"augment: .* \(20"),
    "fit: augment returns nothing": (
        fit(augment=lambda x, rng: None), ValueError, "augment: expected it to return images of shape .*, got nothing"
    ),
    "fit: NaN pixels": (lambda m: m.fit(nan_at(3), Y, check_finite=True), ValueError, "NaN or infinity in row 3"),
    "fit: NaN pixels to validate on": (
        fit(validation_data=(nan_at(3), Y), check_finite=True), ValueError, "NaN or infinity in row 3"
    ),
    "fit: pixels that float32 does not hold": (
        lambda m: m.fit(change(X.astype(float), (3, 0, 0, 0), 1e39), Y, check_finite=True),
        ValueError, "got 1e\\+39, too much for float32, in row 3",
    ),
    "evaluate: NaN pixels": (lambda m: m.evaluate(nan_at(4), Y, check_finite=True), ValueError, "in row 4"),
    "predict: infinite pixels": (
        lambda m: m.predict(change(X, (5, 0, 0, 0), np.inf), check_finite=True), ValueError, "in row 5"
    ),
    "predict: batch_size 0": (lambda m: m.predict(X, batch_size=0), ValueError, "batch_size"),
    "evaluate: batch_size 0": (lambda m: m.evaluate(X, Y, batch_size=0), ValueError, "batch_size"),
    "backward: no forward": (lambda m: m.backward(np.ones((20, 4))), RuntimeError, r"needs a forward\(x, "),
    "backward: after forward without training": (
        lambda m: (m.forward(X), m.backward(np.ones((20, 4)))), RuntimeError, r"needs a forward\(x, training=True\)"
    ),
    "compile: unknown optimizer": (
        lambda m: m.compile("lamb", "mse"), ValueError, 'expected one of "sgd", "adam", "adamw", "rmsprop", '
    ),
    "compile: optimizer class": (lambda m: m.compile(Adam, "mse"), TypeError, "write it with parentheses: Adam.."),
    "compile: optimizer None": (lambda m: m.compile(None, "mse"), TypeError, "a name or a numpycnn optimizer"),
    "compile: unknown loss": (lambda m: m.compile("adam", "hinge"), ValueError, "loss: expected one of .* got 'hinge'"),
    "compile: loss class": (lambda m: m.compile("adam", SoftmaxCrossEntropy), TypeError, "with parentheses"),
    "compile: no loss": (lambda m: m.compile("adam"), ValueError, "expected a loss"),
    "compile: unknown metric": (
        lambda m: m.compile("sgd", "mse", ["f1"]), ValueError, 'metrics: expected one of "accuracy", .* got .f1'
    ),
    "compile: metrics no list": (
        lambda m: m.compile("sgd", "categorical_crossentropy", "accuracy"), TypeError, "expected a list such as"
    ),
    "compile: accuracy of a regression": (
        lambda m: m.compile("sgd", "mse", ["accuracy"]), ValueError, "accuracy needs SoftmaxCrossEntropy"
    ),
    "set_weights: too few": (lambda m: m.set_weights(m.get_weights()[1:]), ValueError, "expected arrays of shapes"),
}  # fmt: skip


@pytest.mark.parametrize("call, error, message", CALLS.values(), ids=CALLS)
def test_calls(call, error, message):
    model = small_cnn()
    before, settings = model.get_weights(), (model.optimizer, model.loss, model.metrics)
    with pytest.raises(error, match=message):
        call(model)
    assert weights_equal(model, before) and model.optimizer.steps == 0
    assert (model.optimizer, model.loss, model.metrics) == settings
    assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"][0])  # and it still works


# Each line: what is made, the error, a part of its message.
THINGS = {
    "filter larger than the image": (
        lambda: Sequential([Conv2D(4, 5)], input_shape=(4, 8, 1)), ValueError,
        r"Conv2D\(filters=4.*a window of 5x5 does not fit images of 4x8 .*use padding=.same",
    ),
    "pool larger than the image": (
        lambda: Sequential([MaxPool2D(3)], input_shape=(2, 2, 1)), ValueError, "3x3 does not fit images of 2x2"
    ),
    "convolution of vectors": (
        lambda: Sequential([Conv2D(4, 3)], input_shape=(28, 28)), ValueError, r"grey images need a channel axis"
    ),
    "dense layer on images": (
        lambda: Sequential([Dense(4)], input_shape=(28, 28)), ValueError, r"put Flatten\(\) before it"
    ),
    "no layer": (lambda: Sequential([], input_shape=(3,)), ValueError, "at least one layer"),
    "layer class": (lambda: Sequential([Flatten]), TypeError, r"write it with parentheses: Flatten\(\)"),
    "input_shape with the batch axis": (
        lambda: Sequential([Conv2D(2, 3)], input_shape=(None, 28, 28, 1)), TypeError, "expected an input shape such as"
    ),
    "padding as wide as the window": (lambda: MaxPool2D(2, padding=2), ValueError, "expected less than the window"),
    "unknown initializer": (
        lambda: Dense(2, kernel_initializer="orthogonal"), ValueError, "initializer: expected one of .* got 'ortho"
    ),
    "groups that do not divide": (lambda: Conv2D(4, 3, groups=3), ValueError, "multiple of groups=3"),
    "checkpoint of another kind": (lambda: ModelCheckpoint("model.pt"), ValueError, "ends in .npz, .keras or .h5"),
    "too many threads": (lambda: set_num_threads(10**6), ValueError, "NUMBA_NUM_THREADS"),
}  # fmt: skip


@pytest.mark.parametrize("make, error, message", THINGS.values(), ids=THINGS)
def test_things_that_cannot_be_made(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_batch_size_above_n_is_one_batch():
    model = small_cnn()
    model.fit(X, Y, batch_size=1000, verbose=0)
    assert model.optimizer.steps == 1
    assert np.array_equal(model.predict(X, batch_size=1000), model.predict(X, batch_size=20))


def test_nan_pixels_stay_visible_unless_checked():
    assert np.isnan(small_cnn().predict(nan_at(3))[3]).all()
    assert np.isnan(small_cnn().evaluate(nan_at(3), Y)[0])


def test_a_fit_that_failed_before_building_can_be_repeated():
    model = Sequential([Flatten(), Dense(4)], seed=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    for x, y in ((3.0, Y), (X[:, 0, 0, 0], Y), (X[:0], Y[:0]), (X.astype(object), Y), (X, Y[:3])):
        with pytest.raises((ValueError, TypeError)):
            model.fit(x, y, verbose=0)
    assert len(model.fit(X, Y, verbose=0).epoch) == 1


RESULTS = {
    result for module in (data, learn, metrics) for result in vars(module).values()
    if dataclasses.is_dataclass(result) and any("NDArray" in str(field.type) for field in dataclasses.fields(result))
}  # fmt: skip


@pytest.mark.parametrize("result", sorted(RESULTS, key=repr), ids=lambda result: result.__name__)
def test_results_that_hold_arrays_can_be_compared_and_put_into_sets(result):
    """Each is equal to itself alone: with fields in place of objects ``==`` and ``hash`` raised an error of NumPy's."""
    assert result.__eq__ is object.__eq__ and result.__hash__ is object.__hash__ and len(RESULTS) >= 6
