"""fit again: what goes on, what starts over, what stops, and Ctrl-C."""

import numpy as np
import pytest
from small_models import make_images, small_cnn, small_mlp, small_stateful_cnn, weights_equal

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
)
from numpycnn.training import loop


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
