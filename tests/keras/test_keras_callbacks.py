"""Callbacks in Keras's words."""

import os
import pickle
import sys
import types

import numpy as np
import pytest

from numpycnn import keras
from numpycnn.keras import callbacks, layers, notes, tf

pytestmark = pytest.mark.filterwarnings("ignore::numpycnn.keras.KerasNote")
X = np.random.default_rng(0).random((30, 6)).astype(np.float32)
Y = (X[:, 0] > 0.5).astype(int)


@pytest.fixture
def model():
    notes._said.clear()
    model = keras.Sequential([layers.Dense(2, activation="softmax", input_dim=6)])
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def fit(model, *given, **options):
    return model.fit(X, Y, verbose=0, callbacks=list(given), **{"epochs": 3, "validation_split": 0.2, **options})


class Recorder(callbacks.Callback):
    def __init__(self):
        self.calls = []

    def on_train_begin(self, logs=None):
        assert (self.params["epochs"], self.params["verbose"]) == (3, 0)
        assert isinstance(self.model, keras.Sequential)
        self.calls.append("begin")

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append((epoch, sorted(logs), logs.get("val_acc")))
        if epoch == 1:
            self.model.stop_training = True

    def on_train_batch_end(self, batch, logs=None):
        assert logs["loss"] > 0


def test_hooks_of_one_s_own(model):
    mine = Recorder()
    history = fit(model, mine, callbacks.LambdaCallback(on_train_end=lambda logs: mine.calls.append("end")))
    names = ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert mine.calls == ["begin", *((i, names, history.history["val_accuracy"][i]) for i in range(2)), "end"]
    with pytest.raises(TypeError, match="LambdaCallback: unexpected argument 'on_epoch'"):
        callbacks.LambdaCallback(on_epoch=print)
    with pytest.raises(TypeError, match="expected one of keras.callbacks"):
        fit(model, print)


class Predicting(keras.callbacks.Callback):
    def __init__(self):
        self.seen = []

    def on_predict_begin(self, logs=None):
        self.seen.append(("begin", self.params["steps"], logs))

    def on_predict_batch_begin(self, batch, logs=None):
        self.seen.append(("batch", batch, logs))

    def on_predict_batch_end(self, batch, logs=None):
        self.seen.append(("done", batch, logs["outputs"].shape))

    def on_predict_end(self, logs=None):
        self.seen.append(("end", logs))


def test_hooks_of_predict_are_called_as_keras_calls_them(model):
    def expected(steps, *rows):
        each = [(("batch", i, {}), ("done", i, (n, 2))) for i, n in enumerate(rows)]
        return [("begin", steps, {}), *(hook for pair in each for hook in pair), ("end", {})]

    for x, given, found in ((X[:5], {"batch_size": 2}, expected(3, 2, 2, 1)), (X, {}, expected(1, 30)),
                            (X[:5], {"batch_size": 2, "steps": 2}, expected(2, 2, 2)),
                            ((X[i : i + 3] for i in (0, 3)), {}, expected(None, 3, 3))):  # fmt: skip
        callback, again = Predicting(), model.predict(X)
        outputs = model.predict(x, callbacks=[callback], **given)
        assert callback.seen == found and callback.model is model
        assert np.allclose(outputs, again[: len(outputs)], atol=1e-6)
    with pytest.raises(TypeError, match="expected one of keras.callbacks, got 3"):
        model.predict(X, callbacks=3)


def test_early_stopping_and_plateau(model, capsys):
    stop = callbacks.EarlyStopping(monitor="val_loss", min_delta=10, patience=1, verbose=1, restore_best_weights=True)
    history = fit(model, stop, epochs=9)
    assert len(history.epoch) == 2 and stop.stopped_epoch == 1 and "Epoch 2: early stopping" in capsys.readouterr().out
    slower = callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=10, min_lr=0.03, verbose=1)
    history = fit(model, slower, epochs=4)
    assert history.history["learning_rate"] == [0.1, 0.1, 0.05, 0.03] and history.history["lr"]
    assert "reducing learning rate to 0.05" in capsys.readouterr().out
    with pytest.warns(keras.KerasNote, match="no figure 'val_los' to follow"):
        fit(model, callbacks.EarlyStopping(monitor="val_los"))


def test_scheduler(model, capsys):
    history = fit(model, callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1), verbose=1))
    assert np.allclose(history.history["learning_rate"], [0.1, 0.05, 0.1 / 3])
    assert "Epoch 3: LearningRateScheduler setting learning rate to 0.0333" in capsys.readouterr().out
    fit(model, callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2))
    assert np.isclose(model.optimizer.learning_rate, 0.1 / 24)


@pytest.mark.parametrize("name", ["best.h5", "w-{epoch:02d}-{val_accuracy:.2f}.h5", "{epoch}-{val_acc:.2f}.h5", "best"])
def test_checkpoints(model, tmp_path, name):
    pytest.importorskip("h5py")
    keep = callbacks.ModelCheckpoint(str(tmp_path / name), monitor="val_acc", save_best_only=True, mode="max",
                                     verbose=1, save_weights_only="w" in name)  # fmt: skip
    fit(model, keep, epochs=1)
    (path,) = tmp_path.iterdir()
    assert np.allclose(keras.models.load_model(path).predict(X), model.predict(X), atol=1e-6)
    assert keep.best == fit(model, keep, epochs=1).history["val_accuracy"][0] or keep.best


def test_a_checkpoint_of_the_best_saves_each_epoch_where_there_is_nothing_to_compare(model, tmp_path, capsys):
    keep = callbacks.ModelCheckpoint(tmp_path / "best.npz", save_best_only=True, verbose=1)
    with pytest.warns(keras.KerasNote, match="no figure 'val_loss' to follow.*the model is saved after each epoch"):
        fit(model, keep, validation_split=0)  # as Keras does, with a warning
    assert "Epoch 3: saving model to" in capsys.readouterr().out and (tmp_path / "best.npz").exists()


def test_what_is_held_out_is_evaluated_in_batches_if_a_callback_looks_and_figures_are_in_order(model):
    seen, orders = [], set()

    class Looking(callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            seen.append(batch)

        def on_train_batch_end(self, batch, logs=None):
            orders.add(tuple(logs))

        def on_epoch_end(self, epoch, logs=None):
            assert list(logs) == ["acc", "accuracy", "loss", "val_acc", "val_accuracy", "val_loss"]

    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy", "acc"])
    fit(model, Looking(), epochs=1, batch_size=4)
    assert seen == [0, 1] and orders == {("acc", "accuracy", "loss")}  # as Keras: 6 rows, the batch size that was given


def test_a_rate_on_a_schedule_is_read_as_a_number_and_cannot_be_set(model):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 24, 0.5)
    model.compile(keras.optimizers.SGD(schedule), "sparse_categorical_crossentropy")
    fit(model, epochs=1, batch_size=1)
    assert np.isclose(float(model.optimizer.learning_rate), 0.05) and model.optimizer.learning_rate.numpy() < 0.1
    again = keras.optimizers.SGD.from_config(model.optimizer.get_config())
    assert float(again.learning_rate) == 0.1 and again.core.learning_rate is schedule
    for callback in (callbacks.LearningRateScheduler(lambda epoch: 0.1),
                     callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=10)):  # fmt: skip
        with pytest.raises((TypeError, RuntimeError), match="follows a schedule"):
            fit(model, callback)


def test_the_others(model, tmp_path):
    fit(model, callbacks.CSVLogger(tmp_path / "log.csv"), callbacks.TerminateOnNaN())
    assert (tmp_path / "log.csv").read_text().startswith("epoch,accuracy,loss,val_accuracy,val_loss")
    fit(model, callbacks.BackupAndRestore(tmp_path / "backup"))
    assert not list((tmp_path / "backup").iterdir())
    for call in (
        lambda: callbacks.CSVLogger("x", separator=";").to_core(None),
        lambda: callbacks.EarlyStopping("loss", period=2),
    ):
        with pytest.raises(ValueError, match="here"):
            call()


def test_tensorboard(model, tmp_path):
    with pytest.warns(keras.KerasNote, match="histogram_freq does nothing here"):
        history = fit(model, callbacks.TensorBoard(log_dir=tmp_path / "logs", histogram_freq=1)).history
    writer = tf.summary.create_file_writer(tmp_path / "own")
    with writer.as_default():
        tf.summary.scalar("mine", 0.5, step=7)
    writer.close()
    for part, prefix in ("train", ""), ("validation", "val_"):
        known = {f"epoch_{name}": list(enumerate(history[prefix + name])) for name in ("loss", "accuracy")}
        found = figures(tmp_path / "logs" / part)
        assert found.keys() == known.keys() and all(np.allclose(found[name], known[name]) for name in known)
    assert figures(tmp_path / "own") == {"mine": [(7, 0.5)]}


def figures(folder):
    """Return {name: [(step, value), ...]} of the file of events in a folder."""
    from tensorboardX.proto.event_pb2 import Event

    (path,), found = folder.iterdir(), {}
    content = path.read_bytes()
    while content:  # a length, its checksum, so many bytes, their checksum
        size = int.from_bytes(content[:8], "little")
        event, content = Event.FromString(content[12 : 12 + size]), content[16 + size :]
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def test_figures_for_tensorboard_by_a_writer_of_ours(model, monkeypatch):
    written = []

    class Writer:
        def __init__(self, folder):
            self.folder = folder

        def add_scalar(self, *figure):
            written.append((self.folder, *figure))

        def close(self):
            pass

    monkeypatch.setitem(sys.modules, "tensorboardX", types.SimpleNamespace(SummaryWriter=Writer))
    with tf.summary.create_file_writer("a").as_default():
        tf.summary.scalar("x", 1, step=0)
        with tf.summary.create_file_writer("b").as_default():
            tf.summary.scalar("x", 2, step=1)
        tf.summary.scalar("x", 3, step=2)
    assert written == [("a", "x", 1.0, 0), ("b", "x", 2.0, 1), ("a", "x", 3.0, 2)]
    with pytest.warns(keras.KerasNote, match="write_grads"):
        fit(model, callbacks.TensorBoard(log_dir="logs", write_grads=True), epochs=1)
    assert (os.path.join("logs", "train"), "epoch_loss") in {figure[:2] for figure in written}


def test_what_a_callback_writes_into_logs_others_follow(model, tmp_path):
    class Own(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_own"], logs["any"] = 1.0 - abs(epoch - 1), np.eye(2)

    path = tmp_path / "{epoch}-{val_own:.0f}.keras"
    best = callbacks.ModelCheckpoint(path, "val_own", mode="max", save_best_only=True)
    history = fit(model, Own(), callbacks.EarlyStopping("val_own", mode="max", patience=1), best, epochs=6)
    assert history.history["val_own"] == [0.0, 1.0, 0.0] and history.epoch == [0, 1, 2]
    assert sorted(os.listdir(tmp_path)) == ["1-0.keras", "2-1.keras"]


def test_a_pause_is_kept_even_without_patience(model):
    slow = callbacks.ReduceLROnPlateau("loss", 0.5, patience=1, min_delta=10, cooldown=3)
    rates = fit(model, slow, epochs=8).history["learning_rate"]
    assert np.round(rates, 6).tolist() == [0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025]  # as Keras 3.15's


def test_the_best_is_kept_where_there_is_not_always_a_validation(model, tmp_path):
    best = callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True)
    assert len(fit(model, best, epochs=4, validation_freq=2).epoch) == 4 and (tmp_path / "best.keras").exists()


def test_of_a_metric_with_a_name_of_its_own_the_kind_says_which_way_is_better(model, tmp_path):
    metrics = [keras.metrics.Precision(name="prec"), keras.metrics.AUC(name="a")]
    model.compile("sgd", "categorical_crossentropy", metrics=metrics)
    followers = [callbacks.EarlyStopping("prec"), callbacks.EarlyStopping("val_a"), callbacks.ReduceLROnPlateau("loss"),
                 callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras", "a", save_best_only=True)]  # fmt: skip
    model.fit(X, np.eye(2)[Y], verbose=0, validation_split=0.2, callbacks=followers)
    assert [follower.core._sign for follower in followers] == [-1, -1, 1, -1]


def test_a_history_of_ones_own_and_the_model_s_are_filled_while_it_trains(model):
    own, seen = callbacks.History(), []
    look = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(len(model.history.epoch)))
    returned = fit(model, own, look, epochs=2)
    assert own.epoch == returned.epoch == [0, 1] and own.history == returned.history and seen == [0, 1]  # as Keras's
    assert fit(model, own, epochs=1).history == own.history  # begun anew


@pytest.mark.parametrize(("base", "method", "says"), [
    (callbacks.EarlyStopping, "on_epoch_end", "keras.callbacks.Callback"),
    (callbacks.ModelCheckpoint, "on_train_begin", "keras.callbacks.Callback"),
    (keras.losses.SparseCategoricalCrossentropy, "call", "numpycnn.Loss"), (keras.losses.Loss, "call", "numpycnn.Loss"),
    (keras.metrics.SparseCategoricalAccuracy, "result", "numpycnn.metrics.Metric"),
    (keras.metrics.Metric, "update_state", "numpycnn.metrics.Metric"),
    (keras.optimizers.SGD, "update_step", "numpycnn.Optimizer"), (keras.regularizers.L2, "__call__", "L1, L2 or both"),
    (keras.Sequential, "train_step", "Sequential"), (keras.Model, "compute_loss", "Sequential"),
])  # fmt: skip
def test_a_method_of_ones_own_that_nobody_would_call_is_refused(base, method, says):
    with pytest.raises(TypeError, match=rf"class Mine: .*{method}.*{says}"):
        type("Mine", (base,), {method: lambda self, *given: None})


def test_subclasses_that_change_nothing_but_words():
    class Fast(keras.optimizers.SGD):
        def __init__(self):
            super().__init__(0.5)

    class Half(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return np.full(shape, 0.5)

    dense = layers.Dense(2, kernel_initializer=Half())
    dense.build((None, 3))
    assert (dense.get_weights()[0] == 0.5).all() and Fast().core.learning_rate == 0.5
    with pytest.raises(TypeError, match="a metric of your own: give a function"):
        type("Mine", (keras.metrics.Metric,), {})()


def line(rate):
    """A model of one weight, 1, whose gradient on (1, 0) is twice the weight."""
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False)])
    model.set_weights([np.ones((1, 1))])
    model.compile(rate, "mse")
    return model


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_goes_on_with_steps_as_long_as_they_were(nesterov):
    model = line(keras.optimizers.SGD(0.1, momentum=0.9, nesterov=nesterov))
    falling = callbacks.LearningRateScheduler(lambda epoch: 0.1 * 0.1**epoch)
    model.fit(np.ones((6, 1)), np.zeros(6), batch_size=2, epochs=4, verbose=0, callbacks=[falling])
    weight, velocity = 1.0, 0.0
    for step in range(12):
        push = 0.1 * 0.1 ** (step // 3) * 2 * weight
        velocity = 0.9 * velocity - push  # Keras's formula
        weight += 0.9 * velocity - push if nesterov else velocity
    assert model.get_weights()[0] == pytest.approx(weight, rel=1e-5)


def test_the_old_word_decay_leaves_the_rate_a_number(model):
    optimizer = keras.optimizers.SGD(lr=0.1, decay=0.5)
    model = line(optimizer)
    model.train_on_batch(np.ones((1, 1)), np.zeros(1))
    model.train_on_batch(np.ones((1, 1)), np.zeros(1))
    assert model.get_weights()[0] == pytest.approx(0.8 * (1 - 2 * 0.1 / 1.5))  # the second step by 0.1 / (1 + 0.5 * 1)
    assert (float(optimizer.lr), optimizer.decay, keras.optimizers.SGD().decay) == (0.1, 0.5, 0.0)
    plateau = callbacks.ReduceLROnPlateau("loss", 0.5, patience=1, min_delta=10)
    ones, zeros = np.ones((1, 1)), np.zeros(1)
    history = model.fit(ones, zeros, epochs=4, verbose=0, callbacks=[plateau])
    assert np.round(history.history["learning_rate"], 6).tolist() == [0.1, 0.1, 0.05, 0.025]
    half = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 2)
    model.fit(ones, zeros, epochs=1, verbose=0, callbacks=[half])
    assert float(optimizer.learning_rate) == 0.025 and optimizer.core.current_rate == 0.025 / (1 + 0.5 * 7)


def test_epochs_of_a_training_that_nobody_stopped(model):
    stop = callbacks.EarlyStopping("loss", patience=50)
    assert (stop.stopped_epoch, stop.best_epoch) == (0, 0)  # as Keras's, so that they can be compared
    fit(model, stop, epochs=2)
    assert stop.stopped_epoch == 0 and stop.best_epoch == 1
    stop = callbacks.EarlyStopping("loss", min_delta=10)
    fit(model, stop, epochs=3)
    assert stop.stopped_epoch == 1 and model.stop_training  # which Keras leaves set
    plateau = callbacks.ReduceLROnPlateau("loss")
    history = fit(model, plateau, epochs=2, validation_split=0.5, validation_freq=2).history
    assert list(history) == ["accuracy", "loss", "learning_rate", "val_accuracy", "val_loss"]
    assert not model.stop_training


def test_a_callback_knows_the_steps_of_a_dataset(model):
    steps = []
    teller = callbacks.LambdaCallback(on_train_begin=lambda logs: steps.append(teller.params["steps"]))
    model.fit(keras.tf.data.Dataset.from_tensor_slices((X, Y)).batch(3), callbacks=[teller], verbose=0)
    assert steps == [-(-len(X) // 3)]


def test_figures_of_whole_batches_are_means_over_batches(model):
    """Of functions that give one number, and of losses that are sums: as Keras 3.15's."""
    def mean(y_true, y_pred):
        return y_pred.mean()

    x, figures = np.arange(6.0)[:, None], []
    for reduction, loss in (("sum_over_batch_size", 1.0), ("sum", 10 / 3)):
        model = line(keras.optimizers.SGD(0.0))
        model.compile(model.optimizer, keras.losses.MeanSquaredError(reduction), metrics=[mean])
        assert model.evaluate(x, x + 1, batch_size=4, verbose=0) == pytest.approx([loss, 3.0])
        history = model.fit(x, x + 1, 4, verbose=0, validation_data=(x, x + 1), shuffle=False).history
        assert [value for [value] in history.values()] == pytest.approx([loss, 3.0, loss, 3.0])
        seen = callbacks.LambdaCallback()
        seen.on_test_batch_end = lambda batch, logs: figures.append(len(figures))
        model.evaluate(np.ones((70, 1)), np.ones(70), callbacks=[seen], verbose=0)
    assert figures == list(range(6))  # batches of 32


def test_what_stands_for_two_numbers_or_for_a_function_is_that():
    conv, pool = layers.Conv2D(4, 3, strides=2), layers.MaxPooling2D(2)
    assert (conv.kernel_size, conv.strides, conv.dilation_rate) == ((3, 3), (2, 2), (1, 1))
    assert pool.pool_size == pool.strides == (2, 2) and layers.AveragePooling2D(3, 1).strides == (1, 1)
    assert conv.activation is keras.activations.linear and conv.get_config()["activation"] == "linear"
    for relu in ("relu", keras.activations.relu):
        assert layers.Dense(3, activation=relu).activation.__name__ == "relu"
    assert layers.Activation("tanh").activation is keras.activations.tanh


def test_a_pickled_model_goes_on(model):
    inputs = keras.Input((6,))
    functional = keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.Dropout(0.5)(inputs)))
    functional.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    for each in (model, functional):
        fit(each, epochs=1)
        twin = pickle.loads(pickle.dumps(each))
        assert [layer.name for layer in twin.layers] == [layer.name for layer in each.layers]
        assert fit(twin, shuffle=False).history == fit(each, shuffle=False).history
        assert all(map(np.array_equal, twin.get_weights(), each.get_weights()))
        twin.optimizer.learning_rate = 0.0  # one thing, as before
        fit(twin)
        assert all(map(np.array_equal, twin.get_weights(), each.get_weights()))


def test_checkpoints_after_so_many_steps_or_epochs(model, tmp_path):
    steps = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=2)
    epochs = callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras", period=2)
    fit(model, steps, epochs, batch_size=8)  # three steps an epoch
    names = ["1-2.weights.h5", "2-1.weights.h5", "2-3.weights.h5", "2.keras", "3-2.weights.h5"]
    assert sorted(os.listdir(tmp_path)) == names
    assert tf.train.latest_checkpoint(tmp_path) == str(tmp_path / names[-1])
    (tmp_path / "empty").mkdir()
    assert tf.train.latest_checkpoint(tmp_path / "empty") is None
    with pytest.raises(ValueError, match="ModelCheckpoint: save_freq"):
        callbacks.ModelCheckpoint("x.keras", save_freq=0)


def test_lines_about_sessions_and_gpus_do_nothing():
    config = tf.compat.v1.ConfigProto(gpu_options=tf.GPUOptions(per_process_gpu_memory_fraction=0.5))
    config.gpu_options.allow_growth = tf.ConfigProto().gpu_options.allow_growth = True
    notes._said.clear()
    with pytest.warns(keras.KerasNote, match="tf.Session does nothing here"):
        session = tf.compat.v1.Session(config=config)
    with session as entered:
        assert entered is session and keras.backend.set_session(session) is None
    with pytest.raises(TypeError, match="no graph of tensors"):
        keras.backend.get_session().run(0)
    assert tf.version.VERSION == tf.__version__ and tf.compat.v1.keras is keras
    assert isinstance(tf.train.AdamOptimizer(0.5), keras.optimizers.Adam)


def test_a_metric_written_with_the_backend():
    K = keras.backend
    true, predicted = np.eye(3)[[0, 1, 2, 2]], np.array([[0.9, 0.1, 0], [0.2, 0.7, 0.1], [0.6, 0.2, 0.2], [0, 0, 1]])
    hits = K.sum(K.round(K.clip(true * predicted, 0, 1)))
    recall = hits / (K.sum(K.round(K.clip(true, 0, 1))) + K.epsilon())
    assert recall == pytest.approx(3 / 4) and K.any(K.greater(predicted, 0.9)) and not K.all(K.less_equal(true, 0.5))
    assert K.flatten(true).shape == (12,) and K.clip(predicted, min_value=0.5, max_value=0.6).max() == 0.6


def test_warnings_of_the_core_bear_the_line_of_the_program():
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), dtype=np.uint8)
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="divide by 255") as caught:
        model.fit(images, Y, verbose=0)
    assert [each.filename for each in caught if "255" in str(each.message)] == [__file__]


def test_what_ends_in_dropout_after_the_softmax_says_where_to_put_it():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(2, activation="softmax"), layers.Dropout(0.1)])
    with pytest.raises(ValueError, match="take it away, or put it before the last Dense"):
        model.compile("adam", "categorical_crossentropy")


def test_a_normalisation_starts_from_what_it_is_told():
    start = keras.initializers.Constant(2.0)
    norm = layers.BatchNormalization(gamma_initializer="uniform", moving_variance_initializer=start)
    model = keras.Sequential([keras.Input((6,)), norm, layers.Dense(2, activation="softmax")])
    gamma, beta, mean, variance = norm.get_weights()
    assert len(set(gamma)) == 6 and (abs(gamma) <= 0.05).all() and (variance == 2).all()
    assert not beta.any() and not mean.any()
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert np.array_equal(model.get_weights()[0], gamma)
    with pytest.raises(ValueError, match="unknown initializer"):
        layers.BatchNormalization(gamma_initializer="unifrom")
