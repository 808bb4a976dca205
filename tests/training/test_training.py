"""fit, step by step: the loop, the order of the rows, validation."""

import copy
import math

import numpy as np
import pytest
from small_models import make_images, reference_cnn, small_cnn, small_stateful_cnn, weights_equal

from numpycnn import SGD, Adam, Callback, Loss, MeanSquaredError, SoftmaxCrossEntropy, to_categorical, training


class Recorder:
    """Stands in as `augment`: remembers the rows that it is given, by the row number in their first pixel."""

    def __init__(self):
        self.batches = []

    def __call__(self, images, rng):
        self.batches.append(images[:, 0, 0, 0].astype(int).tolist())
        return images


def numbered_images(n):
    x, y = make_images(n)
    x[:, 0, 0, 0] = np.arange(n)
    return x, y


# -- the loop itself --------------------------------------------------------------------------


@pytest.mark.parametrize("make", [small_cnn, small_stateful_cnn])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fit_is_the_loop_from_the_textbook(make, dtype):
    x, y = make_images(40)
    model = make(fused=False, dtype=dtype)
    history = model.fit(x, y, batch_size=16, epochs=2, seed=3, verbose=0)

    by_hand, loss, optimizer = make(fused=False, dtype=dtype), SoftmaxCrossEntropy(), Adam(learning_rate=1e-3)
    rng = np.random.default_rng(3)
    epoch_losses = []
    for _ in range(2):
        order = rng.permutation(40)
        total = 0.0
        for first in (0, 16, 32):  # 16, 16 and the last 8
            rows = order[first : first + 16]
            outputs = x[rows]
            for layer in by_hand.layers:
                outputs = layer.forward(outputs, training=True)
            value, gradient = loss(outputs, y[rows])
            for layer in reversed(by_hand.layers):
                gradient = layer.backward(gradient)
            optimizer.step(by_hand.arena.values, by_hand.arena.grads)
            total += value * len(rows)
        epoch_losses.append(total / 40)

    assert weights_equal(model, by_hand)
    assert history.history["loss"] == pytest.approx(epoch_losses, rel=1e-12)


def test_the_last_partial_batch_counts_by_its_rows():
    x, y = make_images(10)
    model = small_cnn(optimizer=SGD(0.0), dtype="float64")  # stands still, so all batches see the same weights
    history = model.fit(x, y, batch_size=4, verbose=0)
    loss, accuracy = model.evaluate(x, y)
    assert history.history == {"accuracy": [pytest.approx(accuracy)], "loss": [pytest.approx(loss, rel=1e-12)]}


def test_train_step_returns_the_loss_before_the_step():
    x, y = make_images()
    model, loss = small_cnn(), SoftmaxCrossEntropy()
    expected = loss(model.forward(x), y)[0]
    value = training.train_step(model, loss, model.optimizer, x, y.tolist())
    assert isinstance(value, float) and value == pytest.approx(expected, rel=1e-6)
    assert training.train_step(model, loss, model.optimizer, x, y) < value


def test_a_model_is_judged_by_another_loss():
    x, y = make_images()
    model = small_cnn()
    assert training.evaluate(model, model.loss, x, y) == model.evaluate(x, y)
    smooth, hits = training.evaluate(model, SoftmaxCrossEntropy(0.5), x, y)
    assert smooth == pytest.approx(SoftmaxCrossEntropy(0.5)(model.forward(x), y)[0], rel=1e-6)
    assert hits == model.evaluate(x, y)[1] and model.loss.label_smoothing == 0
    model.compile("adam", "mse")
    assert training.evaluate(model, MeanSquaredError(), x, to_categorical(y, 4))[1] is None


@pytest.mark.parametrize("seed", range(3))
def test_first_loss_is_the_one_of_guessing(seed):
    x, y = make_images(64, (28, 28, 1), classes=10)
    x[x < 0.6] = 0  # dark, as digits are
    loss, _ = reference_cnn_compiled(seed).evaluate(x, y)
    assert loss == pytest.approx(math.log(10), abs=0.2)


def reference_cnn_compiled(seed):
    model = reference_cnn(seed=seed)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    return model


def test_learns_32_images_with_random_labels_by_heart():
    rng = np.random.default_rng(0)
    x, y = rng.random((32, 28, 28, 1)), rng.integers(0, 10, 32)
    model = reference_cnn_compiled(0)
    model.fit(x, y, epochs=60, verbose=0)
    loss, accuracy = model.evaluate(x, y)
    assert accuracy == 1 and loss < 0.2


# -- what comes back --------------------------------------------------------------------------


def test_history():
    x, y = make_images()
    history = small_cnn().fit(x, y, epochs=3, verbose=0, validation_split=0.25)
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert all(len(values) == 3 and all(type(v) is float for v in values) for values in history.history.values())
    assert history.epoch == [0, 1, 2]
    assert len(history.seconds) == 3 and min(history.seconds) > 0
    assert list(small_cnn().fit(x, y, verbose=0).history) == ["accuracy", "loss"]
    shown = ", ".join(f"{name}={values[-1]:.4g}" for name, values in history.history.items())
    assert repr(history) == f"<History of 3 epochs: {shown}>"  # in a notebook, the last line of a cell
    history.interrupted = True
    assert repr(history).startswith("<History of 3 epochs, interrupted: accuracy=")


def test_validation_figures_are_those_of_evaluate():
    x, y = make_images()
    model = small_cnn()
    history = model.fit(x, y, verbose=0, validation_data=(x[:9], y[:9]))
    assert (history.history["val_loss"][-1], history.history["val_accuracy"][-1]) == model.evaluate(x[:9], y[:9])


def test_initial_epoch_counts_on():
    x, y = make_images()
    assert small_cnn().fit(x, y, epochs=5, initial_epoch=3, verbose=0).epoch == [3, 4]
    assert small_cnn().fit(x, y, epochs=3, initial_epoch=3, verbose=0).epoch == []


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_history_is_its_own(duplicate):
    x, y = make_images()
    history = small_cnn().fit(x, y, verbose=0)
    twin = duplicate(history)
    twin.append(1, {"loss": 9.0}, 1.0)
    assert len(history.history["loss"]) == len(history.epoch) == len(history.seconds) == 1


# -- what a callback compiles ------------------------------------------------------------------


class CompileAgain(Callback):
    """Compile the model with these arguments after so many batches of the first epoch."""

    def __init__(self, batch, *arguments):
        self.batch, self.arguments, self.logs = batch, arguments, []

    def on_batch_end(self, batch, logs):
        self.logs.append(logs)
        if batch == self.batch and self.run.epoch == 0:
            self.model.compile(*self.arguments)


def test_a_metric_that_is_switched_on_counts_from_there():
    x, y = make_images(40)
    model = small_cnn(optimizer=SGD(0.0))
    y = model.predict(x).argmax(axis=1)  # all of them right
    model.compile(SGD(0.0), SoftmaxCrossEntropy(), [])
    again = CompileAgain(2, SGD(0.0), SoftmaxCrossEntropy(), ["accuracy"])
    history = model.fit(x, y, batch_size=10, epochs=2, verbose=0, callbacks=[again])
    assert history.history["accuracy"] == [1.0, 1.0]
    assert [logs.get("accuracy") for logs in again.logs[:4]] == [None, None, None, 1.0]
    at_the_end = CompileAgain(3, SGD(0.0), SoftmaxCrossEntropy(), ["accuracy"])
    model.compile(SGD(0.0), SoftmaxCrossEntropy(), [])
    history = model.fit(x, y, batch_size=10, epochs=2, verbose=0, callbacks=[at_the_end])
    assert history.history["accuracy"] == [1.0]  # of the second epoch: nothing was counted in the first


def test_a_loss_that_is_exchanged_checks_the_targets_again():
    x, y = make_images(40)
    targets = to_categorical(y, 4)
    targets[39] = 0.5  # fine for squares, no distribution
    model = small_cnn()
    model.compile("sgd", "mse")
    again = CompileAgain(1, "sgd", SoftmaxCrossEntropy())
    with pytest.raises(ValueError, match="expected rows of probabilities that sum to 1"):
        model.fit(x, targets, batch_size=10, verbose=0, callbacks=[again])
    model.compile("sgd", "mse")
    model.fit(x, to_categorical(y, 4), batch_size=10, verbose=0, callbacks=[again])


def test_targets_and_vectors_are_checked_once():
    calls = []

    class Counted(SoftmaxCrossEntropy):
        def check_targets(self, targets, output_shape):
            calls.append(len(targets))
            return super().check_targets(targets, output_shape)

    class CountedAdam(Adam):
        def bind(self, values):
            calls.append("bind")
            super().bind(values)

    x, y = make_images(40)
    model = small_cnn(optimizer=CountedAdam())
    model.compile(model.optimizer, Counted())
    model._warm = True
    calls.clear()
    model.fit(x, y, batch_size=8, epochs=3, verbose=0)
    assert calls == [40, "bind"] and model.optimizer.steps == 15


def test_figures_are_pythons_floats_though_a_loss_gives_numpys():
    class Single(SoftmaxCrossEntropy):
        def value_and_gradient(self, logits, labels):
            loss, dlogits = super().value_and_gradient(logits, labels)
            return np.float32(loss), dlogits

    (x, y), model = make_images(40), small_cnn()
    model.compile("sgd", Single())
    history = model.fit(x, y, validation_split=0.5, verbose=0).history
    found = *(values[0] for values in history.values()), *model.evaluate(x, y), *model.train_on_batch(x, y)
    assert {type(value) for value in (*found, training.train_step(model, Single(), SGD(), x, y))} == {float}


def test_a_loss_of_ones_own_is_called_in_training():
    class Doubled(SoftmaxCrossEntropy):
        def __call__(self, logits, labels):
            loss, dlogits = super().__call__(logits, labels)
            return 2 * loss, 2 * dlogits

    class Plain(Loss):
        def __call__(self, outputs, targets):
            return float(np.square(outputs - targets).sum()), 2 * (outputs - targets)

        def check_targets(self, targets, output_shape):
            return np.asarray(targets, np.float32)

    x, y = make_images(40)
    for loss, by_hand, targets, factor in (
        (Doubled(), SoftmaxCrossEntropy(), y, 2), (Plain(), MeanSquaredError(), to_categorical(y, 4), 160),
    ):  # fmt: skip
        model, expected = small_cnn(optimizer=SGD(1e-3)), small_cnn(optimizer=SGD(factor * 1e-3))
        model.compile(model.optimizer, loss)
        expected.compile(expected.optimizer, by_hand)
        found = model.fit(x, targets, batch_size=40, epochs=3, verbose=0).history["loss"]
        wanted = expected.fit(x, targets, batch_size=40, epochs=3, verbose=0).history["loss"]
        np.testing.assert_allclose(found, factor * np.array(wanted), rtol=1e-4)
        evaluated = model.evaluate(x, targets)
        evaluated = evaluated[0] if isinstance(evaluated, tuple) else evaluated
        assert evaluated == pytest.approx(loss(model.forward(x), targets)[0], rel=1e-6)


# -- the order of the rows --------------------------------------------------------------------


def test_every_row_once_an_epoch_in_a_new_order():
    x, y = numbered_images(20)
    recorder = Recorder()
    small_cnn().fit(x, y, batch_size=8, epochs=2, verbose=0, augment=recorder)
    assert [len(batch) for batch in recorder.batches] == [8, 8, 4, 8, 8, 4]
    first, second = sum(recorder.batches[:3], []), sum(recorder.batches[3:], [])
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second and first != sorted(first)


def test_without_shuffling_the_rows_come_as_they_are():
    x, y = numbered_images(20)
    recorder = Recorder()
    small_cnn().fit(x, y, batch_size=8, epochs=2, verbose=0, shuffle=False, augment=recorder)
    assert recorder.batches == 2 * [list(range(8)), list(range(8, 16)), list(range(16, 20))]


def test_batch_size_above_the_number_of_rows_is_one_batch():
    x, y = numbered_images(5)
    recorder = Recorder()
    small_cnn().fit(x, y, batch_size=64, verbose=0, augment=recorder)
    assert [len(batch) for batch in recorder.batches] == [5]


def orders(model_seed, **options):
    x, y = numbered_images(20)
    recorder = Recorder()
    small_cnn(seed=model_seed).fit(x, y, verbose=0, augment=recorder, **options)
    return recorder.batches


def test_seed_fixes_the_order():
    assert orders(0, seed=1) == orders(0, seed=1) == orders(5, seed=1)
    assert orders(0, seed=1) != orders(0, seed=2)
    assert orders(0) == orders(0)  # without one: the model's
    assert orders(0) != orders(1)


def test_augment_gets_batches_and_a_generator_and_its_images_are_trained_on():
    x, y = make_images(20)
    seen = []

    def darken(images, rng):
        seen.append((images.shape, images.dtype, rng.random()))
        return np.zeros_like(images)

    model = small_cnn()
    model.fit(x, y, batch_size=16, seed=0, verbose=0, augment=darken)
    assert [s[:2] for s in seen] == [((16, 12, 12, 1), np.float32), ((4, 12, 12, 1), np.float32)]
    on_zeros = small_cnn()
    on_zeros.fit(np.zeros_like(x), y, batch_size=16, seed=0, verbose=0)
    assert weights_equal(model, on_zeros)
    draws = [s[2] for s in seen]
    small_cnn().fit(x, y, batch_size=16, seed=0, verbose=0, augment=darken)
    assert [s[2] for s in seen[2:]] == draws and draws[0] != draws[1]


# -- validation -------------------------------------------------------------------------------


def test_validation_split_takes_the_last_rows_as_they_were_given():
    x, y = numbered_images(40)
    split, recorder = small_cnn(), Recorder()
    history = split.fit(x, y, batch_size=16, epochs=2, verbose=0, validation_split=0.25, augment=recorder)
    assert sorted(sum(recorder.batches, [])) == sorted(2 * list(range(30)))  # rows 30 to 39 were never trained on
    by_hand = small_cnn()
    expected = by_hand.fit(x[:30], y[:30], batch_size=16, epochs=2, verbose=0, validation_data=(x[30:], y[30:]))
    assert weights_equal(split, by_hand)
    assert history.history == expected.history


@pytest.mark.parametrize("n, fraction, kept", [(10, 0.25, 7), (10, 0.1, 9), (3, 0.5, 1), (40, 0.01, 39)])
def test_validation_split_rounds_as_keras_does(n, fraction, kept):
    x, y = numbered_images(n)
    recorder = Recorder()
    small_cnn().fit(x, y, verbose=0, validation_split=fraction, augment=recorder)
    assert sum(map(len, recorder.batches)) == kept


def test_validation_data_comes_before_a_split():
    x, y = numbered_images(20)
    recorder = Recorder()
    small_cnn().fit(x, y, verbose=0, validation_split=0.5, validation_data=(x[:5], y[:5]), augment=recorder)
    assert sum(map(len, recorder.batches)) == 20
