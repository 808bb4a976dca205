"""Callbacks: each is given a list of figures, epoch by epoch, then used in a real fit."""

import csv
import math
import os

import numpy as np
import pytest
from small_models import make_images, small_cnn, weights_equal

from numpycnn import (
    SGD,
    BackupAndRestore,
    Callback,
    Constant,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    MeanSquaredError,
    ModelCheckpoint,
    ReduceLROnPlateau,
    Sequential,
    SoftmaxCrossEntropy,
    TerminateOnNaN,
)
from numpycnn.metrics import MeanLoss, Precision, TopKAccuracy

NAN = math.nan
NAMES = ("accuracy", "loss", "val_accuracy", "val_loss")


def play(callback, figures, name="val_loss", model=None):
    """Feed a callback one figure an epoch until it stops the training; return the number of epochs.

    In epoch e all weights of the model are e.
    """
    callback.model = model = small_cnn(optimizer=SGD(1.0)) if model is None else model
    callback.figures = NAMES
    callback.on_train_begin()
    epochs = 0
    for epoch, figure in enumerate(figures):
        callback.on_epoch_begin(epoch)
        model.arena.values[...] = epoch
        callback.on_epoch_end(epoch, {**dict.fromkeys(NAMES, 0.5), name: figure})
        epochs += 1
        if model.stop_training:
            break
    callback.on_train_end()
    return epochs


# -- what fit calls, and when -----------------------------------------------------------------


def test_order_of_the_calls():
    calls = []

    class Spy(Callback):
        def on_train_begin(self):
            calls.append("train begins")

        def on_epoch_begin(self, epoch):
            calls.append(f"epoch {epoch} begins")

        def on_batch_end(self, batch, logs):
            calls.append(f"batch {batch} {sorted(logs)}")
            logs.clear()  # its own copy

        def on_epoch_end(self, epoch, logs):
            calls.append(f"epoch {epoch} {sorted(logs)}")
            logs.clear()

        def on_train_end(self):
            calls.append("train ends")

    x, y = make_images(20)
    model = small_cnn()
    spy = Spy()
    history = model.fit(x, y, batch_size=10, epochs=2, verbose=0, callbacks=(spy,), validation_split=0.1)
    assert spy.model is model and spy.figures == ("accuracy", "loss", "val_accuracy", "val_loss")
    names, batch_names = list(NAMES), ["accuracy", "loss"]
    epochs = [
        [f"epoch {e} begins", f"batch 0 {batch_names}", f"batch 1 {batch_names}", f"epoch {e} {names}"] for e in (0, 1)
    ]
    assert calls == ["train begins", *epochs[0], *epochs[1], "train ends"]
    assert list(history.history) == names


@pytest.mark.parametrize(
    "make, figures",
    [
        (lambda: EarlyStopping(), "accuracy, loss"),
        (lambda: EarlyStopping("val_accuracy"), "accuracy, loss"),
        (lambda: EarlyStopping("acc"), "accuracy, loss"),
        (lambda: ReduceLROnPlateau(), "accuracy, loss"),
        (lambda: ModelCheckpoint("best.npz", save_best_only=True), "accuracy, loss"),
    ],
)
def test_a_figure_that_is_not_there_is_found_before_training(make, figures, tmp_path):
    x, y = make_images()
    model = small_cnn()
    before = model.get_weights()
    log = tmp_path / "log.csv"
    with pytest.raises(ValueError, match=f"monitors '.*', but an epoch has only {figures}; (val_ figures|did you)"):
        model.fit(x, y, verbose=0, callbacks=[CSVLogger(log), make()])
    assert weights_equal(model, before) and not log.exists()


def test_what_is_no_callback():
    x, y = make_images()
    with pytest.raises(TypeError, match="got <class .*EarlyStopping'>; write it with parentheses"):
        small_cnn().fit(x, y, callbacks=[EarlyStopping])
    with pytest.raises(TypeError, match="expected numpycnn callbacks, got 'stop'"):
        small_cnn().fit(x, y, callbacks=["stop"])
    with pytest.raises(TypeError, match="put it into a list: callbacks="):
        small_cnn().fit(x, y, callbacks=EarlyStopping())


def test_lambda_callback():
    x, y = make_images()
    seen = []
    history = small_cnn().fit(
        x, y, epochs=2, verbose=0, callbacks=[LambdaCallback(lambda epoch, logs: seen.append((epoch, logs)))]
    )
    assert [epoch for epoch, _ in seen] == [0, 1]
    assert [logs["loss"] for _, logs in seen] == history.history["loss"]


# -- EarlyStopping ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "figures, options, epochs, best_epoch",
    [
        ([5, 4, 3, 2], {}, 4, 3),  # always better: never stops
        ([5, 4, 4.5, 3], {}, 3, 1),  # patience 0: at the first that is not better
        ([5, 4, 4, 3], {}, 3, 1),  # equal is not better
        ([5, 4, 4.5, 3], {"patience": 1}, 3, 1),
        ([5, 4, 4.5, 4.2, 3], {"patience": 2}, 4, 1),
        ([5, 4, 4.5, 3.9, 4, 4, 4], {"patience": 2}, 6, 3),  # waiting starts over at 3.9
        ([5, 4.6, 4.2, 4.1], {"patience": 2, "min_delta": 0.5}, 4, 2),  # 4.6 is too little, 4.2 is 0.8 below 5
        ([5, 4.6, 4.55], {"patience": 2, "min_delta": 0.5}, 3, 0),
        ([1, 2, 3, 2.5], {"mode": "max"}, 4, 2),
        ([1, 2, 3, 2.5], {"mode": "min"}, 2, 0),
        ([5, NAN, 4], {"patience": 2}, 3, 2),
        ([NAN, NAN, NAN], {"patience": 2}, 2, None),
        ([math.inf, 4, 5], {"patience": 2}, 3, 1),
    ],
)
def test_early_stopping(figures, options, epochs, best_epoch):
    callback = EarlyStopping(restore_best_weights=True, **options)
    assert play(callback, figures) == epochs
    assert callback.best_epoch == best_epoch
    assert callback.stopped_epoch == (epochs - 1 if callback.model.stop_training else None)
    in_the_end = epochs - 1 if best_epoch is None else best_epoch
    assert (callback.model.arena.values == in_the_end).all()
    if best_epoch is not None:
        assert callback.best == figures[best_epoch]


def test_early_stopping_knows_accuracies():
    assert play(EarlyStopping("val_accuracy"), [0.5, 0.6, 0.55, 0.9], "val_accuracy") == 3
    assert play(EarlyStopping("accuracy", mode="min"), [0.5, 0.6, 0.55], "accuracy") == 2


def test_a_metric_with_a_name_of_its_own_says_which_way_is_better(tmp_path):
    x, y = make_images(20)
    model = small_cnn()
    metrics = [TopKAccuracy(2, name="mine"), MeanLoss(MeanSquaredError(), name="top_error")]
    model.compile(SGD(0.1), SoftmaxCrossEntropy(), metrics, weighted_metrics=[Precision(name="exact")])
    followers = [EarlyStopping("mine"), ReduceLROnPlateau("val_mine"), EarlyStopping("top_error"),
                 ModelCheckpoint(tmp_path / "best.npz", "val_exact", True)]  # fmt: skip
    model.fit(x, y, epochs=1, verbose=0, callbacks=followers, validation_split=0.2)
    assert [follower._sign for follower in followers] == [-1, -1, 1, -1]
    assert followers[3].best >= 0 and (tmp_path / "best.npz").exists()


@pytest.mark.parametrize(
    "name, higher_is_better",
    [
        ("accuracy", True), ("val_accuracy", True), ("acc", True), ("val_sparse_categorical_accuracy", True),
        ("precision", True), ("val_recall", True), ("f1", True), ("val_f1_score", True), ("AUC", True),
        ("top_5_accuracy", True), ("val_top5", True), ("loss", False), ("val_loss", False), ("mae", False),
        ("mean_squared_error", False), ("backpack_loss", False), ("distance", False),
    ],
)  # fmt: skip
def test_auto_knows_which_way_is_better(name, higher_is_better):
    epochs = play(EarlyStopping(name), [0.5, 0.6, 0.55], name)
    assert epochs == (3 if higher_is_better else 2)


def test_early_stopping_keeps_the_last_weights_unless_told_otherwise():
    callback = EarlyStopping(patience=2)
    play(callback, [3, 4, 5])
    assert (callback.model.arena.values == 2).all()


def test_early_stopping_forgets_the_last_fit():
    callback = EarlyStopping(patience=1)
    assert play(callback, [1, 2]) == 2
    assert play(callback, [9, 8, 8]) == 3  # the 1 of the first fit is no measure any more
    assert callback.best_epoch == 1


def test_early_stopping_in_a_real_fit():
    x, y = make_images()
    standing_still = small_cnn(optimizer=SGD(0.0))
    history = standing_still.fit(
        x, y, epochs=9, verbose=0, validation_split=0.2, callbacks=[EarlyStopping(patience=3)]
    )
    assert history.epoch == [0, 1, 2, 3]

    model, weights = small_cnn(optimizer=SGD(0.5)), []
    stopper = EarlyStopping(patience=2, restore_best_weights=True)
    watch = LambdaCallback(lambda epoch, logs: weights.append(model.get_weights()))
    history = model.fit(x, y, epochs=30, verbose=0, validation_split=0.2, callbacks=[stopper, watch])
    best = int(np.argmin(history.history["val_loss"]))
    assert stopper.best_epoch == best and stopper.stopped_epoch == len(history.epoch) - 1 == best + 2
    assert weights_equal(model, weights[best]) and not weights_equal(model, weights[-1])


# -- ModelCheckpoint --------------------------------------------------------------------------


def test_checkpoint_after_every_epoch(tmp_path):
    play(ModelCheckpoint(tmp_path / "model-{epoch:02d}-{val_loss:.2f}.npz"), [3, 4, 2.345])
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "model-01-3.00.npz", "model-02-4.00.npz", "model-03-2.35.npz"
    ]  # fmt: skip
    assert (Sequential.load(tmp_path / "model-02-4.00.npz").arena.values == 1).all()


@pytest.mark.parametrize(
    "figures, options, best", [([3, 2, 4], {}, 1), ([3, 2, 4], {"mode": "max"}, 2), ([3, NAN], {}, 0), ([2, 2], {}, 0)]
)
def test_checkpoint_of_the_best(figures, options, best, tmp_path):
    path = tmp_path / "best.npz"
    play(ModelCheckpoint(path, save_best_only=True, **options), figures)
    assert (Sequential.load(path).arena.values == best).all()


def test_checkpoint_keeps_the_best_of_several_fits(tmp_path):
    path = tmp_path / "best.npz"
    checkpoint = ModelCheckpoint(path, save_best_only=True)
    play(checkpoint, [9, 2])
    play(checkpoint, [5, 4, 3])
    assert checkpoint.best == 2 and (Sequential.load(path).arena.values == 1).all()
    play(checkpoint, [1.5])
    assert (Sequential.load(path).arena.values == 0).all()
    play(ModelCheckpoint(path, save_best_only=True), [7, 6, 8, 5])
    assert (Sequential.load(path).arena.values == 3).all()


def test_checkpoint_in_a_real_fit_makes_its_folder(tmp_path):
    x, y = make_images()
    model = small_cnn(optimizer=SGD(0.5))
    path = tmp_path / "run" / "1" / "best.npz"
    checkpoint = ModelCheckpoint(path, monitor="val_accuracy", save_best_only=True)
    history = model.fit(x, y, epochs=4, verbose=0, validation_data=(x[:9], y[:9]), callbacks=[checkpoint])
    best = int(np.argmax(history.history["val_accuracy"]))
    loaded = Sequential.load(path)
    figures = history.history["val_loss"][best], history.history["val_accuracy"][best]
    assert loaded.evaluate(x[:9], y[:9]) == figures
    assert loaded.optimizer.steps == 2 * (best + 1)


@pytest.mark.parametrize("name", ["{val_los}.npz", "{}.npz", "{epoch:z}.npz", "{val_loss}.npz", "{epoch.x}.npz"])
def test_checkpoint_finds_a_wrong_pattern_before_training(name, tmp_path):
    x, y = make_images()
    model = small_cnn()
    with pytest.raises(ValueError, match="expected only epoch, accuracy, loss in braces"):
        model.fit(x, y, verbose=0, callbacks=[ModelCheckpoint(tmp_path / name)])
    assert model.optimizer.steps == 0 and not list(tmp_path.iterdir())


# -- ReduceLROnPlateau ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "figures, options, rate",
    [
        ([5, 4, 3], {"patience": 1}, 1.0),
        ([5, 5], {"patience": 1, "factor": 0.5}, 0.5),
        ([5, 5, 5], {"patience": 2, "factor": 0.5}, 0.5),
        ([5, 5, 4, 4], {"patience": 2, "factor": 0.5}, 1.0),
        ([5, 5, 5, 5, 5], {"patience": 2, "factor": 0.5}, 0.25),  # after a cut, waiting starts over
        ([5, 5, 5, 5], {"patience": 1, "factor": 0.1, "min_lr": 0.05}, 0.05),
        ([5, 4.99995], {"patience": 1}, 0.1),  # min_delta is 1e-4
        ([5, 4.99995], {"patience": 1, "min_delta": 0}, 1.0),
        ([0.5, 0.6], {"patience": 1, "mode": "max"}, 1.0),
        ([5, NAN], {"patience": 1}, 0.1),
        ([5, 5], {"patience": 1, "min_lr": 2.0}, 1.0),  # a cut never raises the rate
    ],
)
def test_reduce_on_plateau(figures, options, rate):
    callback = ReduceLROnPlateau(**options)
    play(callback, figures)
    assert callback.model.optimizer.learning_rate == pytest.approx(rate)


def test_reduce_on_plateau_in_a_real_fit():
    x, y = make_images()
    model = small_cnn(optimizer=SGD(1e-9))
    rates = []
    watch = LambdaCallback(lambda epoch, logs: rates.append(model.optimizer.current_rate))
    reduce = ReduceLROnPlateau("loss", factor=0.5, patience=1)
    model.fit(x, y, epochs=4, verbose=0, callbacks=[reduce, watch])
    assert rates == pytest.approx([1e-9, 0.5e-9, 0.25e-9, 0.125e-9])


def test_reduce_on_plateau_does_not_fight_a_schedule():
    x, y = make_images()
    model = small_cnn(optimizer=SGD(Constant(0.1)))
    with pytest.raises(ValueError, match="expected a constant learning rate, got a schedule"):
        model.fit(x, y, verbose=0, callbacks=[ReduceLROnPlateau("loss")])
    assert model.optimizer.steps == 0


# -- CSVLogger --------------------------------------------------------------------------------


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_csv_logger_writes_each_epoch_at_once(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("of an earlier run\n")
    lengths = []
    watch = LambdaCallback(lambda epoch, logs: lengths.append(len(read_csv(path))))
    x, y = make_images()
    history = small_cnn().fit(
        x, y, epochs=3, verbose=0, validation_split=0.1, callbacks=[CSVLogger(path), watch]
    )
    header, *rows = read_csv(path)
    assert header == ["epoch", *NAMES]
    assert [row[0] for row in rows] == ["0", "1", "2"]
    for column, name in enumerate(NAMES, start=1):
        assert [float(row[column]) for row in rows] == history.history[name]
    assert lengths == [2, 3, 4]


def test_csv_logger_appends(tmp_path):
    path = tmp_path / "log.csv"
    play(CSVLogger(path, append=True), [1, 2])  # there is no file yet
    play(CSVLogger(path, append=True), [3])
    assert [row[-1] for row in read_csv(path)] == ["val_loss", "1", "2", "3"]
    play(CSVLogger(path), [4])
    assert [row[-1] for row in read_csv(path)] == ["val_loss", "4"]


@pytest.mark.parametrize("mark", ["", "\ufeff"])  # as Excel begins a file
def test_csv_logger_appends_to_more_columns_in_another_order(mark, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(f"{mark}val_loss,note,epoch,loss,accuracy,val_accuracy\n", encoding="utf-8")
    play(CSVLogger(path, append=True), [7])
    assert read_csv(path)[1:] == [["7", "", "0", "0.5", "0.5", "0.5"]]


@pytest.mark.parametrize("header", ["epoch,accuracy,loss\n", "epoch;accuracy;loss;val_accuracy;val_loss\n", "\n"])
def test_csv_logger_refuses_to_lose_figures(header, tmp_path):
    x, y = make_images()
    path, model = tmp_path / "log.csv", small_cnn()
    path.write_text(header)
    missing = "val_accuracy, val_loss" if "," in header else "epoch, accuracy, loss, val_accuracy, val_loss"
    with pytest.raises(ValueError, match=f"log.csv: expected a column for each figure, got .*: {missing} missing"):
        model.fit(x, y, verbose=0, validation_split=0.1, callbacks=[CSVLogger(path, append=True)])
    assert path.read_text() == header and model.optimizer.steps == 0


@pytest.mark.parametrize("end", ["", "\n", "\r", "\r\n"])
def test_csv_logger_begins_a_line_of_its_own(end, tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(b"epoch,accuracy,loss,val_accuracy,val_loss\r\n0,1,2,3,4" + end.encode())
    play(CSVLogger(path, append=True), [7])
    assert read_csv(path)[1:] == [["0", "1", "2", "3", "4"], ["0", "0.5", "0.5", "0.5", "7"]]


def test_csv_logger_makes_its_folder(tmp_path):
    x, y = make_images()
    small_cnn().fit(x, y, verbose=0, callbacks=[CSVLogger(tmp_path / "run" / "1" / "log.csv")])
    assert [row[0] for row in read_csv(tmp_path / "run" / "1" / "log.csv")] == ["epoch", "0"]


# -- TerminateOnNaN ---------------------------------------------------------------------------


@pytest.mark.parametrize("value", [NAN, math.inf, -math.inf])
def test_terminate_on_nan_by_script(value, capsys):
    callback = TerminateOnNaN()
    assert callback.stopped is callback.place is None  # before fit, too
    callback.model = small_cnn()
    callback.on_train_begin()
    callback.on_epoch_begin(3)
    callback.on_batch_end(0, {"loss": 1.0})
    assert not callback.model.stop_training and callback.stopped is None
    callback.on_batch_end(1, {"loss": value})
    callback.on_batch_end(2, {"loss": value})
    assert callback.model.stop_training and callback.stopped == (3, 1)
    assert capsys.readouterr().out.count("in epoch 4, batch 2; stopping") == 1


def test_terminate_on_nan_stops_a_real_fit_at_once(capsys):
    x, y = make_images(40)
    x[25] = NAN
    model, callback = small_cnn(), TerminateOnNaN()
    history = model.fit(x, y, batch_size=8, epochs=3, shuffle=False, callbacks=[callback])
    assert callback.stopped == (0, 3) and model.optimizer.steps == 4  # rows 24 to 31 are the fourth of five batches
    assert history.epoch == [0] and math.isnan(history.history["loss"][0])
    assert "4/5" in capsys.readouterr().out
    x[25] = 0
    model = small_cnn()
    assert len(model.fit(x, y, epochs=2, verbose=0, callbacks=[callback]).epoch) == 2 and callback.stopped is None


def test_the_log_refuses_to_go_on_in_a_file_of_another_kind(tmp_path):
    path, content = tmp_path / "log.csv", b"\xff\xfe\x00"
    path.write_bytes(content)
    x, y = make_images()
    with pytest.raises(ValueError, match="log.csv: expected a CSV file to append to, got one of another kind"):
        small_cnn().fit(x, y, verbose=0, callbacks=[CSVLogger(path, append=True)])
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["best.npz", "log.csv", "backup.npz"])
def test_a_relative_path_is_that_of_the_beginning(name, tmp_path, monkeypatch):
    """Somebody changes the folder during the training; a backup left behind would be taken up by the next run."""
    make = {
        "best.npz": lambda: ModelCheckpoint("{epoch}-best.npz"), "log.csv": lambda: CSVLogger("log.csv"),
        "backup.npz": lambda: BackupAndRestore("backup.npz"),
    }[name]  # fmt: skip
    (tmp_path / "elsewhere {}").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere {}")
    x, y = make_images()
    small_cnn().fit(x, y, epochs=2, verbose=0, callbacks=[LambdaCallback(lambda *_: os.chdir(tmp_path)), make()])
    expected = {"best.npz": ["1-best.npz", "2-best.npz"], "log.csv": ["log.csv"], "backup.npz": []}[name]
    assert os.listdir(tmp_path) == ["elsewhere {}"]
    assert sorted(os.listdir(tmp_path / "elsewhere {}")) == expected
    if name == "log.csv":
        assert len((tmp_path / "elsewhere {}" / name).read_text().splitlines()) == 3
