"""How the files in ``tests/io/written_before`` were made: ``python tests/helpers/written_before.py FOLDER``.

They were written once, by an older version of the package, and stay as they are: whoever has such files at home must be
able to read them for ever. Making them anew would leave nothing to test.
"""

import sys
from pathlib import Path

import numpy as np

from numpycnn import (
    SGD,
    Adam,
    AdamW,
    AvgPool2D,
    BackupAndRestore,
    BatchNorm,
    Callback,
    Conv2D,
    CosineDecay,
    Dense,
    Dropout,
    Flatten,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Sequential,
    Sigmoid,
    SoftmaxCrossEntropy,
    Tanh,
)

IMAGE = (12, 12, 1)
BACKUP_OPTIONS = {"batch_size": 16, "epochs": 3, "verbose": 0}


def images(n, seed):
    rng = np.random.default_rng(seed)
    return rng.random((n, *IMAGE)), rng.integers(0, 3, n)


def stack():
    return [
        Conv2D(4, 3, padding="same"), BatchNorm(), ReLU(), MaxPool2D(2), Conv2D(6, 3, use_bias=False), LeakyReLU(),
        AvgPool2D(2), Flatten(), Dropout(0.25), Dense(8), Tanh(), Dense(3),
    ]  # fmt: skip


def native_model():
    model = Sequential(stack(), input_shape=IMAGE, seed=3)
    model.compile(Adam(2e-3), SoftmaxCrossEntropy(label_smoothing=0.1), ["accuracy"])
    return model


def keras_model():
    layers = [Conv2D(4, 3), ReLU(), MaxPool2D(2), BatchNorm(), Flatten(), Dense(8), Sigmoid(), Dense(3)]
    model = Sequential(layers, input_shape=IMAGE, seed=4)
    # It was written as an SGD without velocity_of_steps; Keras's, as which it is read, has it.
    model.compile(SGD(CosineDecay(0.1, 50), momentum=0.9, velocity_of_steps=True), SoftmaxCrossEntropy())
    return model


def backed_up_model():
    model = Sequential(stack(), input_shape=IMAGE, seed=5)
    model.compile(AdamW(1e-3, weight_decay=0.01), "sparse_categorical_crossentropy", ["accuracy"])
    return model


class Killed(Exception):
    pass


class Kill(Callback):
    """End the training in the middle of its second epoch, as a power cut would."""

    def on_batch_end(self, batch, logs):
        if self.run.epoch == 1 and batch == 1:
            raise Killed


def make(folder):
    """Write a model, a Keras file, a backup of a run cut short, and what they have to give."""
    x, y = images(48, 0)
    recorded = {"probe": images(5, 1)[0]}

    def record(name, model):
        recorded[name] = model.predict(recorded["probe"])
        recorded.update({f"{name}_{i}": weight for i, weight in enumerate(model.get_weights())})

    model = native_model()
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    model.save(folder / "model.npz")
    record("model", model)
    model = keras_model()
    model.fit(x, y, batch_size=16, epochs=1, verbose=0)
    model.save(folder / "keras.h5")
    record("keras", model)
    try:
        callbacks = [BackupAndRestore(folder / "backup.npz", save_freq=1), Kill()]
        backed_up_model().fit(x, y, **BACKUP_OPTIONS, callbacks=callbacks)
    except Killed:
        pass
    whole = backed_up_model()
    recorded["backup_loss"] = np.array(whole.fit(x, y, **BACKUP_OPTIONS).history["loss"])
    record("backup", whole)
    np.savez(folder / "recorded.npz", **recorded)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
