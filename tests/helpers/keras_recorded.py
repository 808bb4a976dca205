"""What the real Keras makes of model files, kept in ``tests/io/keras_models`` for machines without Keras.

    python tests/helpers/keras_recorded.py FOLDER   # asks Keras and writes the files
"""

import json
import sys
import zipfile
from pathlib import Path

import numpy as np

from numpycnn import (
    Adam,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GlobalMaxPool2D,
    LayerNorm,
    MaxPool2D,
    ReLU,
    Rescale,
    Reshape,
    SeparableConv2D,
    Sequential,
    Softmax,
    Tanh,
    ZeroPad2D,
)


def images():
    """Return images (32, 8, 8, 1) and labels."""
    rng = np.random.default_rng(0)
    return rng.random((32, 8, 8, 1)).astype(np.float32), rng.integers(0, 3, 32)


def model_of_ours():
    """Return a compiled model that has taken five steps."""
    layers = [
        Rescale(2, -1), ZeroPad2D(((1, 0), (0, 1))), Conv2D(3, 3, padding=1), BatchNorm(scale=False), ReLU(),
        DepthwiseConv2D(3, depth_multiplier=2), LayerNorm(), MaxPool2D(2), SeparableConv2D(4, 2), Tanh(),
        Reshape((-1, 4)), Softmax(), Reshape((2, 2, 4)), GlobalMaxPool2D(), Flatten(), Dense(3),
    ]  # fmt: skip
    model = Sequential(layers, input_shape=(8, 8, 1), seed=0)
    model.compile(Adam(0.01, epsilon=1e-7, epsilon_hat=True), "sparse_categorical_crossentropy")
    for _ in range(5):
        model.train_on_batch(*images())
    return model


def model_of_keras(keras):
    """Return the same kind of model by Keras, with a layer that does nothing in prediction."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((8, 8, 1)), layers.Rescaling(2, -1), layers.ZeroPadding2D(1),
        layers.Conv2D(3, 3, activation="relu"), layers.BatchNormalization(center=False),
        layers.DepthwiseConv2D(3, activation="tanh"),
        layers.SeparableConv2D(4, 2, padding="same"), layers.LayerNormalization(), layers.AveragePooling2D(2),
        layers.GlobalMaxPooling2D(), layers.Dense(3, "softmax"),
    ])  # fmt: skip
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    for _ in range(5):
        model.train_on_batch(*images())
    return model


def with_a_random_layer(path, keras):
    """Put a RandomFlip into the file, after the input: Keras trains on without it, so that its losses are the same."""
    flip = keras.layers.serialize(keras.layers.RandomFlip())
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["layers"].insert(1, flip)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)


def record(folder):
    import keras

    x, y = images()

    def next_losses(model):
        losses = []
        for _ in range(10):
            model.reset_metrics()
            losses.append(float(model.train_on_batch(x, y, return_dict=True)["loss"]))
        return losses

    theirs = model_of_keras(keras)
    theirs.save(folder / "model.keras")
    with_a_random_layer(folder / "model.keras", keras)
    found = {"predicted": theirs.predict(x, verbose=0), "losses": next_losses(theirs)}
    model_of_ours().save(folder / "ours.keras")
    ours = keras.models.load_model(folder / "ours.keras")
    found |= {"predicted_ours": ours.predict(x, verbose=0), "losses_ours": next_losses(ours)}
    np.savez_compressed(folder / "recorded.npz", **found)


if __name__ == "__main__":
    record(Path(sys.argv[1]))
