"""A training with everything that has a memory, run whole, or killed and started again; several tests share it.

As a program: ``python training_script.py FOLDER SAVE_FREQ`` trains with a backup in the folder and writes the result
there, as bytes. Run it again after it was killed, and it goes on.
"""

import sys
from pathlib import Path

import numpy as np
from small_models import make_images

from numpycnn import (
    SGD,
    AdamW,
    BackupAndRestore,
    BatchNorm,
    Conv2D,
    CosineDecay,
    CSVLogger,
    Dense,
    Dropout,
    EarlyStopping,
    Flatten,
    MaxPool2D,
    ModelCheckpoint,
    ReduceLROnPlateau,
    ReLU,
    Sequential,
)
from numpycnn.data import Augment

EPOCHS, BATCHES = 6, 4


def network(optimizer, fused=True):
    layers = [
        Conv2D(4, 3), ReLU(), MaxPool2D(2), Dropout(0.2), Conv2D(5, 3), BatchNorm(), ReLU(),
        Flatten(), Dropout(0.3), Dense(9), ReLU(), Dense(4),
    ]  # fmt: skip
    model = Sequential(layers, input_shape=(12, 12, 1), seed=5, fused=fused)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def scheduled(folder, backup, **options):
    """Train with a schedule, validation and early stopping that goes back to the best weights."""
    model = network(AdamW(CosineDecay(0.02, 30), weight_decay=0.05, global_clipnorm=1.0))
    stopper = EarlyStopping("val_loss", patience=3, restore_best_weights=True)
    callbacks = [*backup, stopper, CSVLogger(folder / "log.csv"), *options.pop("callbacks", ())]
    x, y = make_images(40, seed=2)
    history = model.fit(x, y, 8, EPOCHS, 0, callbacks, validation_split=0.2, augment=Augment(shift=0.1, rotation=10),
                        **options)
    return model, history, stopper


def plateau(folder, backup, **options):
    """Train with a learning rate that falls on a plateau, with a seed for ``fit`` alone, on until it stops early."""
    model = network(SGD(0.05, momentum=0.9, nesterov=True))
    stopper = EarlyStopping("loss", min_delta=0.2, patience=2)
    callbacks = [
        ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=0.1), *backup, CSVLogger(folder / "log.csv"),
        ModelCheckpoint(folder / "best.npz", "loss", save_best_only=True), stopper, *options.pop("callbacks", ()),
    ]  # fmt: skip
    x, y = make_images(30, seed=3)
    history = model.fit(x, y, 8, EPOCHS, 0, callbacks, seed=11, **options)
    return model, history, stopper


RUNS = {"scheduled": scheduled, "plateau": plateau}


def bits(folder, model, history, stopper):
    """Return everything that came out of the training, but the times that it took."""
    x, _ = make_images(9, seed=4)
    state = model.optimizer.get_state()
    arrays = [*model.get_weights(), *(state[name] for name in model.optimizer.slot_names), model.predict(x)]
    numbers = [
        history.history, history.epoch, model.optimizer.steps, model.optimizer.current_rate, stopper.best, stopper.wait,
        stopper.best_epoch, stopper.stopped_epoch, model.fit_rng.bit_generator.state,
        *(layer.get_state() for layer in model.layers if isinstance(layer, Dropout)),
    ]  # fmt: skip
    files = [(name, (folder / name).read_bytes()) for name in ("log.csv", "best.npz") if (folder / name).exists()]
    return b"".join(np.ascontiguousarray(a).tobytes() for a in arrays) + repr(numbers).encode() + repr(files).encode()


def main(folder, run, save_freq):
    folder = Path(folder)
    backup = BackupAndRestore(folder / "backup.npz", save_freq if save_freq == "epoch" else int(save_freq))
    model, history, stopper = RUNS[run](folder, [backup])
    (folder / "result").write_bytes(bits(folder, model, history, stopper))


if __name__ == "__main__":
    main(*sys.argv[1:])
