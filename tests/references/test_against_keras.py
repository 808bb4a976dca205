"""Model files, both ways, with the real Keras; ``pytest -s`` prints the worst differences.

Each architecture is built twice, here and in Keras as a Keras user would write it.
"""

import os

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
# tests/keras would do for "keras"
pytest.importorskip("keras.layers", reason="Keras is not installed: pip install -e '.[bench]'")
keras = pytest.importorskip("keras")

from hypothesis import given, settings  # noqa: E402
from keras_stacks import IMAGE, every_layer, images, stacks, with_random_state  # noqa: E402

from numpycnn import (  # noqa: E402
    SGD,
    Adam,
    AdamW,
    BatchNorm,
    Conv2D,
    CosineDecay,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    StepDecay,
    architectures,
)
from numpycnn.architectures import (  # noqa: E402
    augmented_cnn, best_cnn, deep_cnn, fast_cnn, lenet5, mlp, reference_cnn, vgg,
)

L = keras.layers
LIMIT = 1e-5
WORST = {}  # what was compared: the largest difference

pytestmark = pytest.mark.filterwarnings("default")  # Keras's and TensorFlow's own


@pytest.fixture(scope="module", autouse=True)
def table():
    """Print every difference when all tests are done."""
    yield
    print(f"\n\nKeras {keras.__version__} ({keras.backend.backend()}): largest difference between predictions")
    for what, difference in sorted(WORST.items()):
        print(f"  {difference:8.1e}  {what}")


def compare(what, model, other, x):
    """Check that the model here and Keras's have the same arrays, to the bit, and predict the same."""
    # Keras 3 has trained weights and moving statistics in one list, in the order of the layers, as we do.
    arrays, expected = model.get_weights(), other.get_weights()
    assert len(arrays) == len(expected)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, expected))
    difference = np.abs(model.predict(x) - other.predict(x, verbose=0)).max()
    WORST[what] = max(WORST.get(what, 0), difference)
    assert difference <= LIMIT


def conv(filters, **options):
    return L.Conv2D(filters, 3, activation="relu", **options)


def normalised(filters):
    return L.Conv2D(filters, 3, padding="same", **HE), L.BatchNormalization(), L.ReLU()


def unusual_cnn(seed):
    """Return what no recipe has: normalisation in other places and with other constants, strides, no bias."""
    layers = [
        Conv2D(32, 3, padding="same", use_bias=False), BatchNorm(), ReLU(), Conv2D(32, 3, padding="same"), ReLU(),
        BatchNorm(), MaxPool2D(2), Dropout(0.25), Conv2D(64, 3, strides=2), BatchNorm(momentum=0.9, epsilon=1e-5),
        ReLU(), Flatten(), Dropout(0.5), Dense(85), ReLU(), Dense(10),
    ]  # fmt: skip
    return Sequential(layers, input_shape=IMAGE_SHAPE, seed=seed)


IMAGE_SHAPE = (28, 28, 1)
HE = {"kernel_initializer": "he_normal"}
ARCHITECTURES = {
    reference_cnn: lambda: [
        conv(32), L.MaxPooling2D(2), conv(64), L.MaxPooling2D(2), L.Flatten(), L.Dense(128, "relu"),
        L.Dense(10, "softmax"),
    ],
    deep_cnn: lambda: [
        conv(32), L.MaxPooling2D(2), conv(64), L.MaxPooling2D(2), conv(64), L.Flatten(), L.Dense(64, "relu"),
        L.Dense(10), L.Softmax(),
    ],
    augmented_cnn: lambda: [
        conv(32), L.MaxPooling2D(2), L.BatchNormalization(), conv(64), L.MaxPooling2D(2), L.BatchNormalization(),
        L.Dropout(0.1), L.Flatten(), L.Dense(128, "relu"), L.BatchNormalization(), L.Dropout(0.3),
        L.Dense(10, "softmax"),
    ],
    mlp: lambda: [
        L.Flatten(), L.Dense(300, "relu"), L.Dense(200, "relu"), L.Dense(100, "relu"), L.Dense(10, "softmax"),
    ],
    lenet5: lambda: [
        L.Conv2D(6, 5, activation="tanh", padding="same"), L.AveragePooling2D(2), L.Conv2D(16, 5, activation="tanh"),
        L.AveragePooling2D(2), L.Flatten(), L.Dense(120, "tanh"), L.Dense(84, "tanh"), L.Dense(10, "softmax"),
    ],
    fast_cnn: lambda: [
        conv(16), L.MaxPooling2D(2), conv(32), L.MaxPooling2D(2), L.Flatten(), L.Dense(128, "relu"),
        L.Dense(10, "softmax"),
    ],
    best_cnn: lambda: [
        L.Conv2D(32, 5, activation="relu", **HE), L.MaxPooling2D(2), L.BatchNormalization(),
        conv(64, padding="same", **HE), L.MaxPooling2D(2), L.BatchNormalization(),
        conv(128, padding="same", **HE), L.MaxPooling2D(2), L.BatchNormalization(), L.Flatten(), L.Dropout(0.3),
        L.Dense(128, "relu", **HE), L.BatchNormalization(), L.Dropout(0.3), L.Dense(10, "softmax"),
    ],
    vgg: lambda: [
        *normalised(32), L.MaxPooling2D(2), *normalised(64), *normalised(64), L.MaxPooling2D(2), *normalised(128),
        *normalised(128), L.GlobalAveragePooling2D(), L.Dropout(0.3), L.Dense(10, "softmax"),
    ],
    unusual_cnn: lambda: [
        L.Conv2D(32, 3, padding="same", use_bias=False), L.BatchNormalization(), L.ReLU(), conv(32, padding="same"),
        L.BatchNormalization(), L.MaxPooling2D(2), L.Dropout(0.25), L.Conv2D(64, 3, strides=2),
        L.BatchNormalization(momentum=0.9, epsilon=1e-5), L.Activation("relu"), L.Flatten(), L.Dropout(0.5),
        L.Dense(85, "relu"), L.Dense(10), L.Activation("softmax"),
    ],
}  # fmt: skip


def digits(n=64):
    rng = np.random.default_rng(0)
    return rng.random((n, *IMAGE_SHAPE)).astype(np.float32), rng.integers(0, 10, n)


def test_every_architecture_is_compared():
    assert {function.__name__ for function in ARCHITECTURES} == {*architectures.__all__, "unusual_cnn"}


@pytest.mark.parametrize("build", ARCHITECTURES)
def test_keras_opens_what_is_written_here(build, tmp_path):
    x, y = digits()
    model = build(seed=0)
    model.compile(Adam(1e-3), SoftmaxCrossEntropy())
    for _ in range(5):
        model.train_on_batch(x, y)
    model.save(tmp_path / "model.h5")
    other = keras.models.load_model(tmp_path / "model.h5")
    compare(f"{build.__name__}: written here, opened by Keras", model, other, x)
    figures = other.evaluate(x, y, verbose=0, return_dict=True)
    loss, accuracy = model.evaluate(x, y)
    assert abs(figures["loss"] - loss) < 1e-5 and abs(figures["accuracy"] - accuracy) < 1e-6
    other.fit(x, y, verbose=0)  # Keras can go on


@pytest.mark.parametrize("build", ARCHITECTURES)
def test_what_keras_writes_is_opened_here(build, tmp_path):
    keras.utils.set_random_seed(0)
    x, y = digits()
    other = keras.Sequential([keras.Input(IMAGE_SHAPE), *ARCHITECTURES[build]()])
    other.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    other.fit(x, y, epochs=5, verbose=0)
    other.save(tmp_path / "model.h5")
    model = Sequential.load(tmp_path / "model.h5")
    expected = build(seed=0)
    assert repr(model) == repr(expected) and model.count_params() == expected.count_params()
    compare(f"{build.__name__}: written by Keras, opened here", model, other, x)
    loss, accuracy = model.evaluate(x, y)
    figures = other.evaluate(x, y, verbose=0, return_dict=True)
    assert abs(figures["loss"] - loss) < 1e-5 and abs(figures["accuracy"] - accuracy) < 1e-6


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_layer(dtype, tmp_path):
    model = every_layer(dtype)
    model.save(tmp_path / "model.h5")
    other = keras.models.load_model(tmp_path / "model.h5")
    compare(f"every layer, {dtype}: written here, opened by Keras", model, other, images(model))
    other.save(tmp_path / "again.h5")
    again = Sequential.load(tmp_path / "again.h5")
    compare(f"every layer, {dtype}: the same, written by Keras again", again, other, images(model))
    assert repr(again) == repr(model) and again.dtype == dtype


@settings(max_examples=25, deadline=None, database=None)
@given(stack=stacks)
def test_any_stack(stack, tmp_path_factory):
    model = Sequential(seed=0)
    for layer in stack:
        model.add(layer)
    try:
        model.build(IMAGE)
    except ValueError:  # a window that no longer fits
        return
    path = tmp_path_factory.mktemp("any") / "model.h5"
    # Random numbers of any size would say more about rounding than about layers.
    for array in with_random_state(model).parameters:
        array.value *= 0.2
    model.compile("sgd", SoftmaxCrossEntropy())
    model.save(path)
    compare("random stacks: written here, opened by Keras", model, keras.models.load_model(path), images(model))


K = keras.optimizers


@pytest.mark.parametrize(
    "make, make_keras",
    [
        (lambda: SGD(0.1), lambda: K.SGD(0.1)),
        (lambda: SGD(0.1, 0.9), lambda: K.SGD(0.1, 0.9)),
        (lambda: SGD(0.1, 0.9, True), lambda: K.SGD(0.1, 0.9, True)),
        (lambda: SGD(StepDecay(0.1, 2, 0.5), 0.9, velocity_of_steps=True),
         lambda: K.SGD(K.schedules.ExponentialDecay(0.1, 2, 0.5, True), 0.9)),
        (lambda: SGD(StepDecay(0.1, 2, 0.5), 0.9, True, velocity_of_steps=True),
         lambda: K.SGD(K.schedules.ExponentialDecay(0.1, 2, 0.5, True), 0.9, True)),
        (lambda: SGD(StepDecay(0.1, 2, 0.5)), lambda: K.SGD(K.schedules.ExponentialDecay(0.1, 2, 0.5, True))),
        (
            lambda: Adam(CosineDecay(0.01, 9, 1e-3)),
            lambda: K.Adam(K.schedules.CosineDecay(0.01, 9, 0.1), epsilon=1e-12),
        ),
        (lambda: Adam(0.01), lambda: K.Adam(0.01, epsilon=1e-12)),
        (lambda: AdamW(0.01, 0.1), lambda: K.AdamW(0.01, 0.1, epsilon=1e-12)),
        (lambda: Adam(0.01, global_clipnorm=0.1), lambda: K.Adam(0.01, global_clipnorm=0.1, epsilon=1e-12)),
    ],
)  # fmt: skip
def test_training_goes_on_here_where_keras_stopped(make, make_keras, tmp_path):
    """With the memories: Adam's next step depends on all before it. Keras adds epsilon at another place: a tiny one."""
    rng = np.random.default_rng(0)
    x, y = rng.random((6, 16, 8)).astype(np.float32), rng.integers(0, 3, (6, 16))
    keras.utils.set_random_seed(0)
    other = keras.Sequential([keras.Input((8,)), L.Dense(5, "tanh"), L.Dense(3, "softmax")])
    other.compile(make_keras(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    for i in range(4):
        other.train_on_batch(x[i], y[i])
    other.save(tmp_path / "model.h5")
    model = Sequential.load(tmp_path / "model.h5")
    assert model.optimizer.steps == 4 and type(model.optimizer) is type(make())
    for i in range(4, 6):
        other.train_on_batch(x[i], y[i])
        model.train_on_batch(x[i], y[i])
    difference = max(np.abs(a - b).max() for a, b in zip(model.get_weights(), other.get_weights()))
    WORST[f"weights after two more steps of {make()!r}"] = difference
    assert difference < 1e-6


@pytest.mark.parametrize("loss", ["sparse", "categorical"])
def test_logits(loss, tmp_path):
    """Keras predicts logits where its loss does the softmax; a model from its file does the same."""
    losses = keras.losses
    chosen = {
        "sparse": losses.SparseCategoricalCrossentropy(from_logits=True),
        "categorical": losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
    }[loss]
    other = keras.Sequential([keras.Input((8,)), L.Dense(3)])
    other.compile("adam", chosen, metrics=["accuracy"])
    other.save(tmp_path / "model.h5")
    model = Sequential.load(tmp_path / "model.h5")
    x = np.random.default_rng(0).random((5, 8)).astype(np.float32)
    logits = other.predict(x, verbose=0)
    assert np.allclose(model.forward(x), logits, atol=1e-6)
    assert np.allclose(model.predict(x), logits, atol=1e-6)
    labels = np.array([0, 1, 2, 0, 1])
    targets = labels if loss == "sparse" else np.eye(3)[labels]
    assert abs(model.evaluate(x, targets)[0] - other.evaluate(x, targets, verbose=0)[0]) < 1e-6
