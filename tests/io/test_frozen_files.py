"""Which layers are frozen: kept in every file, and in a backup that a run goes on from."""

import json

import h5py
import numpy as np
import pytest
from small_models import make_images, small_cnn, small_stateful_cnn, weights_equal

from numpycnn import AdamW, BackupAndRestore, Callback, Conv2D, Dense, Flatten, ReLU, Sequential, SoftmaxCrossEntropy


def flags(model):
    return [layer.trainable for layer in model.layers]


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_a_loaded_model_is_as_frozen_and_trains_on_alike(suffix, tmp_path):
    x, y = make_images(24)
    model = small_stateful_cnn(optimizer=AdamW(0.01, weight_decay=0.1))
    model.fit(x, y, epochs=2, verbose=0)
    for i in (0, 1, 3, 5):  # Conv2D, BatchNorm, Dropout, GlobalAvgPool2D: with parameters and without
        model.layers[i].trainable = False
    model.save(tmp_path / f"model{suffix}")
    loaded = Sequential.load(tmp_path / f"model{suffix}")
    assert flags(loaded) == flags(model) == [False, False, True, False, True, False, True]
    before = loaded.get_weights()
    assert weights_equal(before, model.get_weights())
    loaded.fit(x, y, verbose=0)
    assert weights_equal(loaded.get_weights()[:6], before[:6]) and not weights_equal(loaded.get_weights(), before)
    if suffix == ".npz":  # a .h5 file has no memories of the optimizer, nor Dropout's generator
        model.fit(x, y, verbose=0)
        assert weights_equal(model, loaded)


def test_nothing_frozen_writes_the_files_that_were_written_before(tmp_path):
    model = small_cnn()
    model.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz") as archive:
        assert "trainable" not in str(archive["config"])
    assert all(flags(Sequential.load(tmp_path / "model.npz")))
    model.layers[3].trainable = False
    model.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz") as archive:
        layers = json.loads(str(archive["config"]))["layers"]
    assert [layer.get("trainable") for layer in layers] == [None] * 3 + [False] + [None] * 5


def test_keras_reads_it_in_each_layer(tmp_path):
    model = Sequential([Conv2D(2, 3, padding=1), ReLU(), Flatten(), Dense(3)], input_shape=(5, 5, 1), seed=0)
    model.layers[0].trainable = False
    model.compile("adam", SoftmaxCrossEntropy())
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]
    found = [(layer["class_name"], layer["config"].get("trainable", True)) for layer in layers]
    assert found == [
        ("InputLayer", True), ("ZeroPadding2D", False), ("Conv2D", False), ("ReLU", True), ("Flatten", True),
        ("Dense", True), ("Activation", True),
    ]  # fmt: skip


class Thaw(Callback):
    """Free one more layer after each epoch, from the end."""

    def on_epoch_end(self, epoch, logs):
        self.model.layers[(6, 3, 0)[epoch]].trainable = True


class Kill(Callback):
    """Kills the run after some batches, once."""

    left = 10**9

    def on_batch_end(self, batch, logs):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("steps", [1, 4, 5, 7])
def test_a_run_that_goes_on_has_the_layers_frozen_as_they_were_then(steps, tmp_path):
    x, y = make_images(24)

    def run(kill, backup):
        model = small_cnn(optimizer=AdamW(0.01, weight_decay=0.1))
        for layer in model.layers[:-1]:
            layer.trainable = False
        callbacks = [Thaw(), kill, *backup]
        return model, model.fit(x, y, batch_size=8, epochs=3, verbose=0, callbacks=callbacks)

    whole, expected = run(Kill(), [])
    kill, path = Kill(), tmp_path / "backup.npz"
    kill.left = steps
    _, history = run(kill, [BackupAndRestore(path, save_freq=1)])
    assert history.interrupted and path.exists()
    model, history = run(Kill(), [BackupAndRestore(path, save_freq=1)])
    assert weights_equal(model, whole) and history.history == expected.history and flags(model) == flags(whole)
