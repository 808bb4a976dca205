"""fit, step by step: the loop, the order of the rows, validation, what continues and what stops."""

import math

import numpy as np
import pytest
from small_models import (
    make_images,
    reference_cnn,
    small_cnn,
    small_mlp,
    small_stateful_cnn,
    weights_equal,
)

from numpycnn import (
    SGD,
    Adam,
    AdamW,
    Augment,
    Callback,
    CosineDecay,
    EarlyStopping,
    LambdaCallback,
    OneCycle,
    SoftmaxCrossEntropy,
    StepDecay,
    training,
)
from numpycnn.training import loop


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


def test_validation_figures_are_those_of_evaluate():
    x, y = make_images()
    model = small_cnn()
    history = model.fit(x, y, verbose=0, validation_data=(x[:9], y[:9]))
    assert (history.history["val_loss"][-1], history.history["val_accuracy"][-1]) == model.evaluate(x[:9], y[:9])


def test_initial_epoch_counts_on():
    x, y = make_images()
    assert small_cnn().fit(x, y, epochs=5, initial_epoch=3, verbose=0).epoch == [3, 4]
    assert small_cnn().fit(x, y, epochs=3, initial_epoch=3, verbose=0).epoch == []


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


# -- going on, starting over, stopping --------------------------------------------------------


@pytest.mark.parametrize("make", [small_cnn, small_stateful_cnn])
def test_a_second_fit_goes_on(make):
    x, y = make_images()
    twice, at_once = make(), make()
    twice.fit(x, y, batch_size=16, verbose=0)
    assert twice.optimizer.steps == 3
    twice.fit(x, y, batch_size=16, verbose=0)
    assert twice.optimizer.steps == 6
    at_once.fit(x, y, batch_size=16, epochs=2, verbose=0)
    assert weights_equal(twice, at_once)


@pytest.mark.parametrize("schedule", [StepDecay(0.1, 2, 0.5), CosineDecay(0.1, 5), OneCycle(0.1, 6)], ids=repr)
def test_learning_rate_follows_the_schedule(schedule):
    x, y = make_images()
    model = small_cnn(optimizer=SGD(schedule), dtype="float64")
    steps = []

    class Watch(Callback):
        def on_train_begin(self):
            self.before = self.model.arena.values.copy()

        def on_batch_end(self, batch, logs):
            after = self.model.arena.values.copy()
            steps.append((self.before - after, self.model.arena.grads.copy()))
            self.before = after

    model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[Watch()])
    assert len(steps) == 6
    for number, (step, gradient) in enumerate(steps):
        np.testing.assert_allclose(step, schedule(number) * gradient, rtol=1e-9, atol=1e-15)


def test_compiling_again_starts_the_optimizer_over_and_keeps_the_weights():
    x, y = make_images()
    model = small_cnn()
    model.fit(x, y, verbose=0)
    weights = model.get_weights()
    model.compile(AdamW(learning_rate=1e-3), SoftmaxCrossEntropy(label_smoothing=0.1))
    assert weights_equal(model, weights) and model.optimizer.steps == 0
    model.fit(x, y, verbose=0)
    assert not weights_equal(model, weights)
    model.compile(model.optimizer, SoftmaxCrossEntropy())  # the same optimizer goes on
    assert model.optimizer.steps == 2


def test_an_optimizer_serves_one_model():
    optimizer = Adam()
    x, y = make_images()
    small_cnn(optimizer=optimizer).fit(x, y, verbose=0)
    with pytest.raises(ValueError, match="already trains another model"):
        small_cnn(optimizer=optimizer)


def test_warming_up_changes_nothing():
    x, y = make_images()
    for make in (small_cnn, small_stateful_cnn):
        model, untouched = make(), make()
        loop.warm_up(model, x, y)
        assert weights_equal(model, untouched)
        assert model.optimizer.steps == 0 and not any(slot.any() for slot in model.optimizer._slots.values())
        model.fit(x, y, verbose=0)
        untouched._warm = True  # straight to the first step
        untouched.fit(x, y, verbose=0)
        assert weights_equal(model, untouched)


def test_the_augmentation_is_compiled_before_the_clock_starts():
    sizes = []

    class Watched(Augment):
        def __call__(self, images, rng):
            sizes.append(len(images))
            return super().__call__(images, rng)

    x, y = make_images(16)
    small_cnn().fit(x, y, batch_size=8, verbose=0, augment=Watched(shift=0.1))
    assert sizes == [2, 8, 8]


@pytest.mark.parametrize("at_batch", [False, True])
def test_stop_training(at_batch):
    class Stop(Callback):
        def on_batch_end(self, batch, logs):
            self.model.stop_training = at_batch and batch == 1

        def on_epoch_end(self, epoch, logs):
            self.model.stop_training = True

    x, y = make_images(40)
    model = small_cnn()
    for total in (1, 2):  # the second fit starts unstopped
        history = model.fit(x, y, batch_size=8, epochs=3, verbose=0, callbacks=[Stop()])
        assert history.epoch == [0]
        assert model.optimizer.steps == total * (2 if at_batch else 5)


@pytest.mark.parametrize("hook", ["on_batch_end", "on_epoch_begin", "on_epoch_end"])
def test_ctrl_c_returns_the_history_so_far_and_a_usable_model(hook, capsys):
    class Interrupt(Callback):
        ended = False

        def on_train_end(self):
            self.ended = True

    def interrupt(self, number, logs=None):
        if self.model.optimizer.steps >= 7:  # in the third epoch of three batches, or at its begin
            raise KeyboardInterrupt

    setattr(Interrupt, hook, interrupt)
    x, y = make_images()
    model, callback = small_cnn(), Interrupt()
    history = model.fit(x, y, batch_size=16, epochs=5, callbacks=[callback], validation_split=0.1)
    epochs = {"on_batch_end": 2, "on_epoch_begin": 3, "on_epoch_end": 3}[hook]
    assert history.epoch == list(range(epochs)) and len(history.history["val_loss"]) == epochs
    assert callback.ended and "interrupted" in capsys.readouterr().out
    loss, _ = model.evaluate(x, y)
    model.fit(x, y, epochs=3, verbose=0)
    assert model.evaluate(x, y)[0] < loss


def test_ctrl_c_still_restores_the_best_weights():
    x, y = make_images()
    model = small_cnn(optimizer=SGD(0.05))
    weights = []

    def watch(epoch, logs):
        weights.append(model.get_weights())
        if epoch == 2:
            raise KeyboardInterrupt

    stopper = EarlyStopping("loss", patience=10, restore_best_weights=True)
    model.fit(x, y, epochs=9, verbose=0, callbacks=[stopper, LambdaCallback(watch)])
    assert weights_equal(model, weights[stopper.best_epoch])


def test_an_error_in_a_callback_comes_through():
    def fail(epoch, logs):
        raise ZeroDivisionError("mine")

    x, y = make_images()
    with pytest.raises(ZeroDivisionError, match="mine"):
        small_cnn().fit(x, y, verbose=0, callbacks=[LambdaCallback(fail)])


def test_a_gap_between_model_and_data_is_found_before_training():
    model = small_mlp()
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"expected shape \(N, 6\), got \(40, 12, 12, 1\)"):
        model.fit(*make_images(), verbose=0)
    assert weights_equal(model, before) and model.optimizer.steps == 0
