"""``.keras`` and ``.weights.h5``, both ways, with the real Keras: same predictions; training goes on where it stopped.

Dropout and noise draw other numbers there, so their rates are 0 where training is compared. ``pytest -s`` prints the
worst differences.
"""

import contextlib

import numpy as np
import pytest
from test_against_keras import ARCHITECTURES, IMAGE_SHAPE, digits, keras

from keras_stacks import other_layers, with_random_state  # isort: skip
from numpycnn import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    BinaryCrossEntropy,
    CosineDecay,
    Dense,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    Nadam,
    RMSprop,
    Sequential,
    SoftmaxCrossEntropy,
    StepDecay,
    Tanh,
)

L, K = keras.layers, keras.optimizers
SAME_PREDICTIONS, SAME_LOSSES, STEPS = 1e-5, 1e-4, 10
WORST = {}

pytestmark = pytest.mark.filterwarnings("default")  # Keras's and TensorFlow's own


@pytest.fixture(scope="module", autouse=True)
def table():
    """Print every difference when all tests are done."""
    yield
    print("\n\nlargest difference of predictions, and of the losses of the next ten steps")
    for what, (predicted, trained) in sorted(WORST.items()):
        print(f"  {predicted:8.1e} {trained:8.1e}  {what}")


def quiet(layers):
    """Set the rates of random layers to 0; return the layers."""
    for layer in layers:
        for name in ("rate", "stddev"):
            if hasattr(layer, name):
                setattr(layer, name, 0.0)
    return layers


def compare(what, model, other, x, y):
    """Compare predictions, and the losses of the next steps."""
    predicted = np.abs(model.predict(x) - other.predict(x, verbose=0)).max()
    mine, theirs = [], []
    for i in range(STEPS):
        rows = slice(16 * (i % 4), 16 * (i % 4) + 16)
        loss = model.train_on_batch(x[rows], y[rows])
        mine.append(loss[0] if isinstance(loss, tuple) else loss)
        other.reset_metrics()
        theirs.append(other.train_on_batch(x[rows], y[rows], return_dict=True)["loss"])
    trained = np.abs(np.subtract(mine, theirs)).max()
    WORST[what] = predicted, trained
    assert predicted <= SAME_PREDICTIONS
    assert trained <= SAME_LOSSES, (mine, theirs)


def keras_adam():
    return Adam(1e-3, epsilon=1e-7, epsilon_hat=True)


@pytest.mark.parametrize("build", ARCHITECTURES)
def test_keras_goes_on_where_this_stopped(build, tmp_path):
    x, y = digits()
    model = build(seed=0)
    quiet(model.layers)
    model.compile(keras_adam(), SoftmaxCrossEntropy())
    for _ in range(5):
        model.train_on_batch(x, y)
    model.save(tmp_path / "model.keras")
    compare(f"{build.__name__}: written here", model, keras.models.load_model(tmp_path / "model.keras"), x, y)


@pytest.mark.parametrize("build", ARCHITECTURES)
def test_this_goes_on_where_keras_stopped(build, tmp_path):
    keras.utils.set_random_seed(0)
    x, y = digits()
    other = keras.Sequential([keras.Input(IMAGE_SHAPE), *quiet(ARCHITECTURES[build]())])
    other.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    other.fit(x, y, epochs=5, verbose=0)
    other.save(tmp_path / "model.keras")
    model = Sequential.load(tmp_path / "model.keras")
    assert model.optimizer.steps == 10
    compare(f"{build.__name__}: written by Keras", model, other, x, y)


def test_the_newer_layers_both_ways(tmp_path):
    model = other_layers()
    for parameter in model.parameters:
        parameter.value *= 0.2
    quiet(model.layers)
    model.compile(keras_adam(), SoftmaxCrossEntropy())
    rng = np.random.default_rng(0)
    x, y = rng.random((64, *model.input_shape)).astype(np.float32), rng.integers(0, 4, 64)
    model.train_on_batch(x, y)
    model.save(tmp_path / "model.keras")
    other = keras.models.load_model(tmp_path / "model.keras")
    compare("newer layers: written here", model, other, x, y)
    other.save(tmp_path / "again.keras")
    again = Sequential.load(tmp_path / "again.keras")
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in model.layers]
    compare("newer layers: written by Keras", again, other, x, y)


OPTIMIZERS = [
    (lambda: SGD(0.1), lambda: K.SGD(0.1)),
    (lambda: SGD(StepDecay(0.1, 2, 0.5), 0.9, True, velocity_of_steps=True),
     lambda: K.SGD(K.schedules.ExponentialDecay(0.1, 2, 0.5, True), 0.9, True)),
    (lambda: SGD(StepDecay(0.1, 2, 0.5)), lambda: K.SGD(K.schedules.ExponentialDecay(0.1, 2, 0.5, True))),
    (keras_adam, lambda: K.Adam()),
    (lambda: AdamW(CosineDecay(0.01, 9, 1e-3), 0.1, epsilon=1e-7, epsilon_hat=True),
     lambda: K.AdamW(K.schedules.CosineDecay(0.01, 9, 0.1), 0.1)),
    (lambda: RMSprop(), lambda: K.RMSprop()),
    (lambda: RMSprop(0.01, momentum=0.5, centered=True), lambda: K.RMSprop(0.01, momentum=0.5, centered=True)),
    (lambda: Adagrad(0.1), lambda: K.Adagrad(0.1)),
    (lambda: Adadelta(1.0), lambda: K.Adadelta(1.0)),
    (lambda: Adamax(0.01), lambda: K.Adamax(0.01)),
    (lambda: Nadam(0.01), lambda: K.Nadam(0.01)),
]  # fmt: skip


def small(activation):
    return [keras.Input((8,)), L.Dense(6, "tanh"), L.Dense(3, activation)]


@pytest.mark.parametrize(("make", "make_keras"), OPTIMIZERS)
@pytest.mark.parametrize("frozen", [False, True])
def test_every_optimizer_both_ways(make, make_keras, frozen, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.random((64, 8)).astype(np.float32), rng.integers(0, 3, 64)
    keras.utils.set_random_seed(0)
    other = keras.Sequential(small("softmax"))
    other.layers[0].trainable = not frozen
    other.compile(make_keras(), "sparse_categorical_crossentropy")
    for _ in range(4):
        other.train_on_batch(x, y)
    other.save(tmp_path / "model.keras")
    model = Sequential.load(tmp_path / "model.keras")
    assert repr(model.optimizer) == repr(make()) and model.optimizer.steps == 4
    compare(f"{make()!r}, frozen={frozen}: written by Keras", model, other, x, y)
    model.save(tmp_path / "again.keras")
    again = keras.models.load_model(tmp_path / "again.keras")
    assert int(again.optimizer.iterations) == 14
    compare(f"{make()!r}, frozen={frozen}: written here", model, again, x, y)


LOSSES = [
    (BinaryCrossEntropy(), "sigmoid", "binary_crossentropy"),
    (BinaryCrossEntropy(0.1, predict_logits=True), "linear",
     keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)),
    (MeanSquaredError(), "softmax", "mse"),
    (MeanSquaredError("sum"), "sigmoid", keras.losses.MeanSquaredError("sum")),
    (MeanAbsoluteError(), "linear", "mae"),
    (Huber(), "tanh", keras.losses.Huber()),
    (SoftmaxCrossEntropy(0.1, reduction="sum"), "softmax",
     keras.losses.CategoricalCrossentropy(label_smoothing=0.1, reduction="sum")),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "activation", "keras_loss"), LOSSES)
def test_every_loss_both_ways(loss, activation, keras_loss, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.random((64, 8)).astype(np.float32), np.eye(3)[rng.integers(0, 3, 64)].astype(np.float32)
    keras.utils.set_random_seed(0)
    other = keras.Sequential(small(activation))
    other.compile("sgd", keras_loss)
    other.train_on_batch(x, y)
    other.save(tmp_path / "model.keras")
    model = Sequential.load(tmp_path / "model.keras")
    assert repr(model.loss) == repr(loss)
    compare(f"{loss!r} of {activation}: written by Keras", model, other, x, y)
    model.save(tmp_path / "again.keras")
    again = keras.models.load_model(tmp_path / "again.keras")
    compare(f"{loss!r} of {activation}: written here", model, again, x, y)


def test_layers_that_rest_in_prediction(tmp_path):
    keras.utils.set_random_seed(0)
    layers = [L.Rescaling(1 / 255), L.RandomFlip(), L.RandomRotation(0.1), L.RandomTranslation(0.1, 0.1)]
    layers += [L.RandomZoom(0.1), L.Conv2D(3, 3), L.GaussianDropout(0.1), L.Flatten(), L.Dense(3, "softmax")]
    other = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    other.save(tmp_path / "model.keras")
    with pytest.warns(UserWarning, match="RandomFlip.*does nothing in prediction.*GaussianDropout"):
        model = Sequential.load(tmp_path / "model.keras")
    x = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1)).astype(np.float32)
    assert np.abs(model.predict(x) - other.predict(x, verbose=0)).max() <= SAME_PREDICTIONS


def test_weights_alone_both_ways(tmp_path):
    x, _ = digits()
    for build, layers in ARCHITECTURES.items():
        model = with_random_state(build(seed=0))
        other = keras.Sequential([keras.Input(IMAGE_SHAPE), *layers()])
        other.set_weights(build(seed=1).get_weights())
        with contextlib.chdir(tmp_path):
            model.save_weights("a.weights.h5")
            other.save_weights("b.weights.h5")
            other.load_weights("a.weights.h5")
            assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), other.get_weights(), strict=True))
            model.load_weights("b.weights.h5")
        assert all(np.array_equal(a, b) for a, b in zip(build(seed=1).get_weights(), model.get_weights(), strict=True))


def test_an_adam_of_the_paper_stays_one_through_keras(tmp_path):
    model = Sequential([Dense(3), Tanh(), Dense(2)], input_shape=(4,), seed=0)
    model.compile(Adam(0.01), "mse")
    model.save(tmp_path / "model.keras")
    keras.models.load_model(tmp_path / "model.keras").save(tmp_path / "again.keras")
    assert repr(Sequential.load(tmp_path / "again.keras").optimizer) == repr(Adam(0.01))
