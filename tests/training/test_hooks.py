"""The hooks of callbacks: Keras's names are called, and a name that nothing calls is an error; copies; errors."""

import copy
import pickle

import numpy as np
import pytest
from small_models import make_images, small_cnn, weights_equal

from numpycnn import SGD, BackupAndRestore, Callback, CSVLogger, EarlyStopping, ModelCheckpoint, TerminateOnNaN

X, Y = make_images(20)
TRAINED = ["accuracy", "loss"]
EPOCH = [*TRAINED, "val_accuracy", "val_loss"]


def fit(*callbacks, model=None, **options):
    options = {"batch_size": 10, "verbose": 0, "validation_data": (X, Y), **options}
    return (model or small_cnn()).fit(X, Y, callbacks=list(callbacks), **options)


def keras_callback(calls):
    """Return a callback with the signatures of Keras's documentation, which writes down its calls."""

    class Keras(Callback):
        def on_train_begin(self, logs=None):
            calls.append(("train begins", sorted(logs)))

        def on_train_end(self, logs=None):
            calls.append(("train ends", sorted(logs)))

        def on_epoch_begin(self, epoch, logs=None):
            calls.append((f"epoch {epoch} begins", sorted(logs)))

        def on_epoch_end(self, epoch, logs=None):
            calls.append((f"epoch {epoch} ends", sorted(logs)))

        def on_train_batch_begin(self, batch, logs=None):
            calls.append((f"batch {batch} begins", sorted(logs)))

        def on_train_batch_end(self, batch, logs=None):
            calls.append((f"batch {batch} ends", sorted(logs)))

        def on_test_begin(self, logs=None):
            calls.append(("test begins", sorted(logs)))

        def on_test_end(self, logs=None):
            calls.append(("test ends", sorted(logs)))

        def on_test_batch_begin(self, batch, logs=None):
            calls.append((f"test batch {batch} begins", sorted(logs)))

        def on_test_batch_end(self, batch, logs=None):
            calls.append((f"test batch {batch} ends", sorted(logs)))

    return Keras()


def test_keras_s_hooks_are_called_in_keras_s_order():
    calls = []
    fit(keras_callback(calls), epochs=2)
    assert calls == [
        ("train begins", []),
        *(call for epoch in (0, 1) for call in [
            (f"epoch {epoch} begins", []),
            ("batch 0 begins", []), ("batch 0 ends", TRAINED), ("batch 1 begins", []), ("batch 1 ends", TRAINED),
            ("test begins", []), ("test batch 0 begins", []), ("test batch 0 ends", TRAINED), ("test ends", TRAINED),
            (f"epoch {epoch} ends", EPOCH),
        ]),
        ("train ends", EPOCH),
    ]  # fmt: skip


def test_the_figures_of_a_validation():
    seen, images, labels = [], *make_images(300)  # two batches of at most 256

    class Watch(Callback):
        def on_test_batch_end(self, batch, logs):
            seen.append(logs)

        def on_test_end(self, logs):
            seen.append(logs)

    model = small_cnn()
    history = fit(Watch(), model=model, validation_data=(images, labels))
    first = model.evaluate(images[:256], labels[:256])
    assert seen[0] == {"loss": first[0], "accuracy": first[1]} and len(seen) == 3
    assert seen[1] == seen[2] == {name: history.history[f"val_{name}"][0] for name in TRAINED}


def test_without_a_validation_none_is_announced():
    calls = []
    fit(keras_callback(calls), validation_data=None)
    assert not [name for name, _ in calls if name.startswith("test")]


def test_hooks_may_leave_out_the_figures():
    calls = []

    class Short(Callback):
        def on_train_begin(self):
            calls.append("train")

        def on_epoch_begin(self, epoch):
            calls.append(epoch)

        def on_epoch_end(self, epoch):
            calls.append(epoch)

        def on_test_end(self):
            calls.append("test")

    fit(Short())
    assert calls == ["train", 0, "test", 0]


def test_both_names_of_a_hook_are_called_and_one_function_under_both_once():
    calls = []

    class Both(Callback):
        def on_train_batch_end(self, batch, logs):
            calls.append("new")
            super().on_train_batch_end(batch, logs)

        def on_batch_end(self, batch, logs):
            calls.append("old")

    class Same(Callback):
        def on_batch_begin(self, batch, logs):
            calls.append("same")

        on_train_batch_begin = on_batch_begin

    fit(Both(), Same(), batch_size=20)
    assert calls == ["same", "new", "old"]


def test_each_callback_has_its_own_copy_of_the_figures():
    seen = []

    class Vandal(Callback):
        def spoil(self, number, logs):
            seen.append(sorted(logs))
            logs.clear()

        on_epoch_end = on_batch_end = on_test_batch_end = spoil

    history = fit(Vandal(), Vandal(), batch_size=20)
    assert seen == [TRAINED] * 4 + [EPOCH] * 2 and sorted(history.history) == EPOCH


# -- what nothing would call ------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, message",
    [
        ("on_epoch_ends", "did you mean 'on_epoch_end'?"),
        ("on_epoch_finish", "did you mean 'on_epoch_"),
        ("on_batch_start", "did you mean 'on_batch_"),
        ("on_train_epoch_end", "did you mean 'on_"),
        ("on_evaluate_end", "did you mean 'on_"),
        ("on_xyz", "expected one of on_train_begin, on_train_end, "),
        ("on_predict_begin", "predict takes no callbacks; remove it"),
        ("on_predict_batch_end", "predict takes no callbacks; remove it"),
        ("set_model", "the model is self.model"),
        ("set_params", "the options are in self.run.options"),
    ],
)
def test_a_hook_that_nothing_calls_is_an_error_before_training(name, message, tmp_path):
    model, log = small_cnn(), tmp_path / "log.csv"
    mine = type("Mine", (Callback,), {name: lambda self, *arguments: None})
    with pytest.raises(ValueError) as caught:
        fit(CSVLogger(log), mine(), model=model)
    assert f"Mine: {name} would never be called" in str(caught.value) and message in str(caught.value)
    assert model.optimizer.steps == 0 and not log.exists()
    assigned = EarlyStopping()
    setattr(assigned, name, lambda *arguments: None)
    with pytest.raises(ValueError, match=f"EarlyStopping: {name} would never"):
        fit(assigned)


@pytest.mark.parametrize(
    "name, hook",
    [
        ("on_epoch_end", lambda self: None),
        ("on_epoch_end", lambda self, epoch, logs, more: None),
        ("on_epoch_end", lambda self, epoch, *, logs=None: None),  # would always be without figures
        ("on_exception", lambda self: None),
        ("on_train_begin", None),
    ],
)
def test_a_hook_that_cannot_be_called_is_an_error_before_training(name, hook):
    model = small_cnn()
    with pytest.raises(TypeError, match=f"Mine.{name}: expected a (method|function) .*, got"):
        fit(type("Mine", (Callback,), {name: hook})(), model=model)
    assert model.optimizer.steps == 0


# -- errors -----------------------------------------------------------------------------------


class Fails(Callback):
    """Raises in one hook, after the first epoch of two steps."""

    def __init__(self, hook):
        setattr(self, hook, self.fail)

    def fail(self, *arguments):
        if self.model.optimizer.steps >= 3:
            raise OSError("the disk is full")


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_batch_end", "on_test_end", "on_epoch_end", "on_train_end"])
def test_early_stopping_restores_its_weights_where_an_error_ends_the_training(hook, first):
    weights = []

    class Watch(Callback):
        def on_epoch_end(self, epoch, logs):
            weights.append(self.model.get_weights())

    model = small_cnn(optimizer=SGD(0.1))
    stopper = EarlyStopping("val_loss", mode="max", patience=9, restore_best_weights=True)
    others = [Watch(), Fails(hook)]
    with pytest.raises(OSError, match="the disk is full"):
        fit(*([*others, stopper] if first else [stopper, *others]), model=model, epochs=3)
    assert stopper.best_epoch == 0 and weights_equal(model, weights[0])


def test_an_error_is_told_to_all_and_keeps_the_backup(tmp_path):
    heard = []

    class Listens(Callback):
        def on_exception(self, error):
            heard.append(str(error))
            raise RuntimeError("not now")

        def on_train_end(self):
            heard.append("end")

    with pytest.raises(RuntimeError, match="not now"):
        fit(Listens(), Listens(), Fails("on_epoch_end"), BackupAndRestore(tmp_path / "backup.npz"), epochs=2)
    assert heard == ["the disk is full"] * 2 and (tmp_path / "backup.npz").exists()


# -- copies -----------------------------------------------------------------------------------


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
@pytest.mark.parametrize(
    "make", [lambda: EarlyStopping(restore_best_weights=True), lambda: ModelCheckpoint("{epoch}.npz"), TerminateOnNaN]
)
def test_a_copy_of_a_callback_leaves_out_the_model_and_the_data(make, duplicate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    callback = make()
    fit(callback)
    again = duplicate(callback)
    kept = {name: value for name, value in vars(callback).items() if name not in ("model", "run")}
    assert vars(again) == kept and len(kept) == len(vars(callback)) - 2
    assert len(pickle.dumps(callback)) < 1000 < np.asarray(X).nbytes
    fit(again)  # and it can be used
    assert again.model is not callback.model
