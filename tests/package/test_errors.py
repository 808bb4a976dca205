"""What bad input gets: one table of what people type, the error and a part of its message.

After each the model is as it was: nothing trained, nothing lost.
"""

import numpy as np
import pytest
from small_models import make_images, small_cnn, small_stateful_cnn, weights_equal

from numpycnn import (
    SGD,
    Adam,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    CosineDecay,
    CSVLogger,
    Dense,
    Dropout,
    EarlyStopping,
    Flatten,
    LeakyReLU,
    MaxPool2D,
    ModelCheckpoint,
    ReduceLROnPlateau,
    Sequential,
    SoftmaxCrossEntropy,
    StepDecay,
    set_num_threads,
    to_categorical,
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
    "None": (None, TypeError, "got dtype object"),
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
    "too large": (change(Y, 7, 4), ValueError, "expected classes from 0 to 3, got 4 at row 7; does the last layer"),
    "negative": (change(Y, 2, -1), ValueError, "got -1 at row 2"),
    "fractional": (change(Y, 5, 1.5, float), ValueError, "whole numbers from 0 to 3, got 1.5 at row 5"),
    "NaN": (change(Y, 5, np.nan, float), ValueError, "got nan at row 5"),
    "infinite": (change(Y, 5, np.inf, float), ValueError, "got inf at row 5"),
    "huge": (change(Y, 0, 2**63, np.uint64), ValueError, "got 9223372036854775808 at row 0"),
    "of rank 3": (Y[:, None, None], ValueError, r"expected shape \(N,\) or \(N, 4\), got \(20, 1, 1\)"),
    "one-hot with too few columns": (np.eye(3)[Y % 3], ValueError, r"expected shape \(N,\) or \(N, 4\), got \(20, 3\)"),
    "one-hot rows that do not sum to 1": (2 * np.eye(4)[Y], ValueError, "probabilities that sum to 1"),
    "negative probabilities": (np.full((20, 4), [1.5, -0.5, 0, 0]), ValueError, "probabilities that sum to 1"),
    "text": (Y.astype(str), TypeError, "labels: expected an array of real numbers, got dtype <U"),
    "objects": (Y.astype(object), TypeError, "got dtype object"),
    "complex": (Y.astype(complex), TypeError, "got dtype complex128"),
    "a number": (3, ValueError, r"expected shape \(N,\) or \(N, 4\), got \(\)"),
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
    "fit: negative batch_size": (fit(batch_size=-3), ValueError, "batch_size: .* got -3"),
    "fit: fractional batch_size": (fit(batch_size=1.5), TypeError, "batch_size: .* got 1.5"),
    "fit: batch_size None": (fit(batch_size=None), TypeError, "batch_size: .* got None"),
    "fit: batch_size True": (fit(batch_size=True), TypeError, "batch_size: .* got True"),
    "fit: epochs 0": (fit(epochs=0), ValueError, "epochs: expected an integer of at least 1, got 0"),
    "fit: epochs 2.0": (fit(epochs=2.0), TypeError, "epochs: .* got 2.0"),
    "fit: negative initial_epoch": (fit(initial_epoch=-1), ValueError, "initial_epoch"),
    "fit: negative seed": (fit(seed=-1), ValueError, "seed: expected an integer of at least 0, got -1"),
    "fit: verbose 3": (fit(verbose=3), ValueError, 'verbose: expected "auto", 0, 1 or 2, got 3'),
    "fit: verbose loud": (fit(verbose="loud"), ValueError, "verbose: .* got 'loud'"),
    "fit: validation_split 1": (fit(validation_split=1), ValueError, r"validation_split: .* in \[0, 1\), got 1"),
    "fit: negative validation_split": (fit(validation_split=-0.1), ValueError, "got -0.1"),
    "fit: validation_split text": (fit(validation_split="10%"), TypeError, "validation_split: expected a number"),
    "fit: nothing left to validate": (fit(validation_split=1e-17), ValueError, "of 20 rows leaves one side empty"),
    "fit: nothing left to train on": (fit(validation_split=0.99), ValueError, "of 20 rows leaves one side empty"),
    "fit: validation_data no pair": (fit(validation_data=X), ValueError, r"expected a pair \(x, y\)"),
    "fit: validation_data a number": (fit(validation_data=3), ValueError, r"expected a pair \(x, y\)"),
    "fit: augment no function": (fit(augment="flip"), TypeError, r"augment: expected a function .* got 'flip'"),
    "fit: augment drops rows": (fit(augment=lambda x, rng: x[1:]), ValueError, "expected one target for each"),
    "fit: augment changes the size": (fit(augment=lambda x, rng: x[:, 1:]), ValueError, r"expected shape \(N, 12"),
    "fit: augment returns nothing": (fit(augment=lambda x, rng: None), TypeError, "got dtype object"),
    "fit: NaN pixels": (lambda m: m.fit(nan_at(3), Y, check_finite=True), ValueError, "NaN or infinity in row 3"),
    "fit: NaN pixels to validate on": (
        fit(validation_data=(nan_at(3), Y), check_finite=True), ValueError, "NaN or infinity in row 3"
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
        lambda m: m.compile("rmsprop", "mse"), ValueError, "unknown optimizer 'rmsprop'; expected one of sgd, adam,"
    ),
    "compile: optimizer class": (lambda m: m.compile(Adam, "mse"), TypeError, "write Adam.. with parentheses"),
    "compile: optimizer None": (lambda m: m.compile(None, "mse"), TypeError, "a name or a numpycnn optimizer"),
    "compile: unknown loss": (lambda m: m.compile("adam", "hinge"), ValueError, "unknown loss 'hinge'; expected"),
    "compile: loss class": (lambda m: m.compile("adam", SoftmaxCrossEntropy), TypeError, "with parentheses"),
    "compile: no loss": (lambda m: m.compile("adam"), ValueError, "expected a loss"),
    "compile: unknown metric": (lambda m: m.compile("sgd", "mse", ["f1"]), ValueError, "unknown metric 'f1'"),
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
    "layer class": (lambda: Sequential([Flatten]), TypeError, "write it with parentheses"),
    "input_shape a number": (lambda: Sequential([Dense(2)], input_shape=3), TypeError, "an input shape such as"),
    "input_shape with a zero": (lambda: Sequential([Dense(2)], input_shape=(0,)), ValueError, "positive integers"),
    "input_shape with the batch axis": (
        lambda: Sequential([Conv2D(2, 3)], input_shape=(None, 28, 28, 1)), TypeError, "expected an input shape such as"
    ),
    "dtype float16": (lambda: Sequential(dtype="float16"), TypeError, 'expected "float32" or "float64", got .float16'),
    "dtype None": (lambda: Sequential(dtype=None), TypeError, "got None"),
    "negative seed": (lambda: Sequential(seed=-1), ValueError, "seed: expected an integer of at least 0, got -1"),
    "fractional seed": (lambda: Sequential(seed=0.5), TypeError, "seed: .* got 0.5"),
    "0 filters": (lambda: Conv2D(0, 3), ValueError, "filters: expected an integer of at least 1, got 0"),
    "fractional units": (lambda: Dense(1.5), TypeError, "units: .* got 1.5"),
    "0 units": (lambda: Dense(0), ValueError, "units"),
    "three strides": (lambda: Conv2D(4, 3, strides=(1, 1, 1)), ValueError, "strides: expected an integer or a pair"),
    "unknown padding": (lambda: Conv2D(4, 3, padding="full"), ValueError, '"valid", "same", an integer or a pair, got'),
    "negative padding": (lambda: AvgPool2D(2, padding=-1), ValueError, "padding"),
    "padding as wide as the window": (lambda: MaxPool2D(2, padding=2), ValueError, "expected less than the window"),
    "unknown initializer": (lambda: Dense(2, kernel_initializer="orthogonal"), ValueError, "unknown initializer"),
    "groups that do not divide": (lambda: Conv2D(4, 3, groups=3), ValueError, "multiple of groups=3"),
    "rate 1": (lambda: Dropout(1), ValueError, r"rate: expected a number in \[0, 1\), got 1"),
    "rate text": (lambda: Dropout("half"), TypeError, "rate: expected a number"),
    "epsilon 0": (lambda: BatchNorm(epsilon=0), ValueError, "epsilon"),
    "negative slope": (lambda: LeakyReLU(-1), ValueError, "negative_slope"),
    "negative learning rate": (lambda: SGD(-0.1), ValueError, "learning_rate: expected a finite number"),
    "learning rate NaN": (lambda: Adam(float("nan")), ValueError, "learning_rate"),
    "learning rate text": (lambda: Adam("fast"), TypeError, "learning_rate"),
    "momentum 1": (lambda: SGD(momentum=1), ValueError, "momentum"),
    "clipping at 0": (lambda: Adam(global_clipnorm=0), ValueError, "global_clipnorm"),
    "smoothing 1": (lambda: SoftmaxCrossEntropy(label_smoothing=1), ValueError, "label_smoothing"),
    "schedule of 0 steps": (lambda: CosineDecay(0.1, 0), ValueError, "steps"),
    "step_size 0": (lambda: StepDecay(0.1, 0), ValueError, "step_size"),
    "unknown mode": (lambda: EarlyStopping(mode="best"), ValueError, 'mode: expected "auto", "min" or "max"'),
    "negative patience": (lambda: EarlyStopping(patience=-1), ValueError, "patience"),
    "negative min_delta": (lambda: EarlyStopping(min_delta=-1), ValueError, "min_delta"),
    "factor 1": (lambda: ReduceLROnPlateau(factor=1), ValueError, "factor"),
    "factor 0": (lambda: ReduceLROnPlateau(factor=0), ValueError, "factor"),
    "checkpoint of another kind": (lambda: ModelCheckpoint("model.pt"), ValueError, "ends in .npz or .h5"),
    "log without a name": (lambda: CSVLogger(), TypeError, "filename"),
    "0 threads": (lambda: set_num_threads(0), ValueError, "set_num_threads: expected an integer from 1"),
    "too many threads": (lambda: set_num_threads(10**6), ValueError, "NUMBA_NUM_THREADS"),
    "one-hot without labels": (lambda: to_categorical([]), ValueError, "expected num_classes"),
    "one-hot of fractions": (lambda: to_categorical([0.5]), ValueError, "whole-number labels, got 0.5"),
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
