"""Keras's model.h5: what is written, and that it comes back. ``test_against_keras.py`` asks Keras itself."""

import json
import os
import sys

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_stacks import IMAGE, every_layer, images, stacks, with_random_state
from small_models import reference_cnn, small_cnn, small_mlp, small_stateful_cnn, weights_equal

from numpycnn import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Adamax,
    AvgPool2D,
    BatchNorm,
    BinaryCrossEntropy,
    Conv2D,
    CosineDecay,
    Dense,
    Dropout,
    ExponentialDecay,
    Flatten,
    GlobalAvgPool2D,
    Huber,
    InverseTimeDecay,
    Layer,
    LeakyReLU,
    MaxPool2D,
    MeanAbsoluteError,
    MeanSquaredError,
    ModelCheckpoint,
    Nadam,
    OneCycle,
    PiecewiseConstant,
    PolynomialDecay,
    RMSprop,
    ReLU,
    Sequential,
    Sigmoid,
    SoftmaxCrossEntropy,
    StepDecay,
    Tanh,
)


def saved_and_loaded(model, folder, name="model.h5"):
    model.save(folder / name)
    return Sequential.load(folder / name)


# -- the round trip ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_layer_comes_back(dtype, tmp_path):
    model = every_layer(dtype)
    loaded = saved_and_loaded(model, tmp_path)
    assert weights_equal(loaded, model) and loaded.dtype == model.dtype
    assert [layer.get_config() for layer in loaded.layers] == [layer.get_config() for layer in model.layers]
    assert np.array_equal(loaded.predict(images(model)), model.predict(images(model)))
    assert loaded.loss is None and loaded.optimizer is None


@pytest.mark.parametrize("make", [reference_cnn, small_cnn, small_stateful_cnn, small_mlp])
@pytest.mark.parametrize("name", ["model.h5", "model.hdf5"])
def test_the_softmax_of_the_loss_comes_back(make, name, tmp_path):
    model = make(seed=1)
    model.compile("adam", "sparse_categorical_crossentropy")
    loaded = saved_and_loaded(with_random_state(model), tmp_path, name)
    assert repr(loaded) == repr(model) and weights_equal(loaded, model)
    assert np.array_equal(loaded.predict(images(model)), model.predict(images(model)))
    assert loaded.evaluate(images(model), [0, 1, 2]) == model.evaluate(images(model), [0, 1, 2])


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(0.1), SGD(StepDecay(0.1, 30, 0.5), momentum=0.9, nesterov=True), Adam(), Adam(0.01, 0.8, 0.99, 1e-7),
        Adam(CosineDecay(0.01, 500, 0.001)), AdamW(0.02, weight_decay=0.1, global_clipnorm=1.0),
        RMSprop(ExponentialDecay(0.01, 9, 0.5), 0.8, 0.5, centered=True), Adagrad(PolynomialDecay(0.1, 9, 0.01, 2.0)),
        Adadelta(InverseTimeDecay(1.0, 9, 0.5)), Adamax(PiecewiseConstant([5], [0.1, 0.01])), Nadam(0.01, 0.8),
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("loss", [
    SoftmaxCrossEntropy(), SoftmaxCrossEntropy(0.1), MeanSquaredError(), BinaryCrossEntropy(), MeanAbsoluteError("sum"),
    BinaryCrossEntropy(0.1, True), Huber(0.5),
], ids=repr)  # fmt: skip
def test_the_compilation_comes_back(optimizer, loss, tmp_path):
    model = Sequential([Dense(3)], input_shape=(6,), seed=0)
    model.compile(type(optimizer)(**optimizer.get_config() | {"learning_rate": optimizer.learning_rate}), loss)
    loaded = saved_and_loaded(model, tmp_path)
    assert repr(loaded.optimizer) == repr(optimizer) and repr(loaded.loss) == repr(loss)
    assert loaded.metrics == model.metrics
    loaded.train_on_batch(np.ones((2, 6)), np.eye(3)[:2])


def test_a_schedule_that_keras_does_not_have_becomes_the_rate_of_the_next_step(tmp_path):
    model = small_mlp(optimizer=Adam(OneCycle(0.1, 20)))
    for _ in range(3):
        model.train_on_batch(np.ones((2, 6)), [0, 1])
    assert saved_and_loaded(model, tmp_path).optimizer.learning_rate == model.optimizer.current_rate


def test_no_metric_stays_no_metric(tmp_path):
    model = small_mlp()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[])
    assert saved_and_loaded(model, tmp_path).metrics == []


def usual_cnn(first, second, units):
    stack = [Conv2D(first, 3), ReLU(), MaxPool2D(2), Conv2D(second, 3), ReLU(), MaxPool2D(2), Flatten(), Dense(units)]
    return Sequential([*stack, ReLU(), Dense(10)], input_shape=(28, 28, 1), seed=0)


def sizes_to_try():
    """A thousand networks of some 512 KiB: their arrays and the notes between them lie at ever other addresses."""
    sizes = ((a, b, units) for a in (4, 8, 12, 16) for b in (16, 24, 32, 48, 64) for units in range(60, 500))
    around = [s for s in sizes if 2**16 < usual_cnn_params(*s) < 1.7 * 2**17]
    return around[:: len(around) // 1000][:1000]


def usual_cnn_params(first, second, units):
    return 10 * first + (9 * first + 1) * second + (25 * second + 1) * units + 10 * (units + 1)


# In these, eight bytes that are no address look like the one of the texts, and what stands beside them like a length.
UNLUCKY_SIZES = [(8, 16, 128), (12, 16, 128), (12, 24, 80), (16, 16, 120)]


@pytest.mark.parametrize("sizes", [UNLUCKY_SIZES, pytest.param(None, marks=pytest.mark.campaign)])
def test_networks_of_any_size_come_back(sizes, tmp_path):
    tried = sizes or sizes_to_try()
    for size in tried:
        model = usual_cnn(*size)
        assert model.count_params() == usual_cnn_params(*size)
        assert weights_equal(saved_and_loaded(model, tmp_path), model), size
    print(f"{len(tried)} networks")


# -- any stack --------------------------------------------------------------------------------

@settings(max_examples=60, deadline=None, database=None)
@given(stack=stacks, softmax=st.booleans(), seed=st.integers(0, 9))
def test_any_stack_comes_back(stack, softmax, seed, tmp_path_factory):
    model = Sequential(seed=0)
    for layer in stack:
        model.add(layer)
    try:
        model.build(IMAGE)
    except ValueError:  # a window that no longer fits
        return
    if softmax:
        model.compile("sgd", SoftmaxCrossEntropy())
    loaded = saved_and_loaded(with_random_state(model, seed), tmp_path_factory.mktemp("any"))
    assert repr(loaded) == repr(model) and weights_equal(loaded, model)
    assert np.array_equal(loaded.predict(images(model)), model.predict(images(model)))


# -- what is in the file ----------------------------------------------------------------------


def test_the_file_has_what_keras_looks_for(tmp_path):
    stack = [
        Conv2D(4, 3, padding=2), BatchNorm(), ReLU(), MaxPool2D(2), Conv2D(2, 3, use_bias=False), LeakyReLU(0.2),
        Tanh(), AvgPool2D(2), Dropout(0.5), GlobalAvgPool2D(), Flatten(), Dense(5), Sigmoid(), Dense(3),
    ]  # fmt: skip
    model = Sequential(stack, input_shape=IMAGE, seed=0)
    model.compile(Adam(CosineDecay(0.01, 50)), "sparse_categorical_crossentropy")
    model.save(tmp_path / "model.h5")
    names = [
        "zero_padding2d", "conv2d", "batch_normalization", "re_lu", "max_pooling2d", "conv2d_1", "leaky_re_lu",
        "activation", "average_pooling2d", "dropout", "global_average_pooling2d", "flatten", "dense", "activation_1",
        "dense_1", "activation_2",
    ]  # fmt: skip
    with h5py.File(tmp_path / "model.h5") as file:
        assert set(file) == {"model_weights"}  # with optimizer_weights Keras could not train on
        weights = file["model_weights"]
        assert list(weights.attrs["layer_names"]) == names
        assert set(weights) == {*names, "top_level_model_weights"}
        assert list(weights["conv2d_1"].attrs["weight_names"]) == ["sequential/conv2d_1/kernel"]
        assert list(weights["flatten"].attrs["weight_names"]) == []
        for holder, keys in {
            "dense": ["kernel", "bias"], "batch_normalization": ["gamma", "beta", "moving_mean", "moving_variance"]
        }.items():  # fmt: skip
            paths = list(weights[holder].attrs["weight_names"])
            assert paths == [f"sequential/{holder}/{key}" for key in keys]
            assert all(weights[holder][path].dtype == np.float32 for path in paths)
        assert np.array_equal(weights["dense"]["sequential/dense/kernel"], model.layers[11].parameters[0].value)
        config = json.loads(file.attrs["model_config"])
        training = json.loads(file.attrs["training_config"])
    assert config["class_name"] == "Sequential" and config["config"]["build_input_shape"] == [None, *IMAGE]
    inputs, zeros, conv, *_, softmax = config["config"]["layers"]
    assert inputs["class_name"] == "InputLayer" and inputs["config"]["batch_shape"] == [None, *IMAGE]
    assert zeros["config"]["padding"] == [[2, 2], [2, 2]]
    assert conv["class_name"] == "Conv2D" and conv["config"] == {
        "name": "conv2d", "trainable": True, "dtype": "float32", "filters": 4, "kernel_size": [3, 3], "strides": [1, 1],
        "padding": "valid", "data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1,
        "activation": "linear", "use_bias": True, "kernel_initializer": "glorot_uniform", "bias_initializer": "zeros",
    }  # fmt: skip
    assert softmax["class_name"] == "Activation" and softmax["config"]["activation"] == "softmax"
    assert training["loss"] == "sparse_categorical_crossentropy" and training["metrics"] == ["accuracy"]
    assert training["optimizer_config"]["class_name"] == "Adam"
    assert training["optimizer_config"]["config"]["learning_rate"]["class_name"] == "CosineDecay"


def test_the_same_model_gives_the_same_bytes(tmp_path):
    for name in ("a.h5", "b.h5"):
        small_stateful_cnn(seed=4).save(tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_zeros_around_pooling_become_same_where_the_windows_are(tmp_path):
    model = Sequential([MaxPool2D(3, 2, padding=1), AvgPool2D(3, 1, padding=1), Flatten()], input_shape=(11, 13, 1))
    loaded = saved_and_loaded(model, tmp_path)
    assert [layer.padding for layer in loaded.layers[:2]] == ["same", "same"]
    assert np.array_equal(loaded.predict(images(model)), model.predict(images(model)))


def test_checkpoints_may_be_keras_files(tmp_path):
    model = small_mlp()
    x = np.random.default_rng(0).random((8, 6))
    model.fit(x, [0, 1, 2, 0, 1, 2, 0, 1], epochs=2, verbose=0, callbacks=[ModelCheckpoint(tmp_path / "{epoch}.h5")])
    assert weights_equal(Sequential.load(tmp_path / "2.h5"), model) and (tmp_path / "1.h5").exists()


# -- what cannot be written -------------------------------------------------------------------


class Scale(Layer):
    def forward(self, x, training=False):
        return x


class MyDense(Dense):
    pass


class MyLoss(SoftmaxCrossEntropy):
    def predict(self, logits):
        return logits


class MySGD(SGD):
    pass


def stack(*layers, **compiled):
    model = Sequential(layers, input_shape=IMAGE, seed=0)
    if compiled:
        model.compile(**compiled)
    return model


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: stack(Scale()), TypeError, r"Scale\(\): Keras has no such layer"),
        (lambda: stack(Flatten(), MyDense(2)), TypeError, r"MyDense\(units=2\): Keras has no such layer"),
        (lambda: stack(Conv2D(2, 2, strides=(1, 2), dilation_rate=2)), ValueError, "no strides together with dilation"),
        (lambda: stack(MaxPool2D(2, padding=1)), ValueError, r'MaxPool2D\(padding=\(1, 1\)\): .* "valid" or "same"'),
        (lambda: stack(AvgPool2D(3, padding=(0, 1))), ValueError, 'pools with padding "valid" or "same" alone'),
        (lambda: stack(Flatten(), Dense(2), optimizer="sgd", loss=MyLoss()), TypeError, "no loss like MyLoss"),
        (lambda: stack(Flatten(), Dense(2), optimizer=MySGD(), loss="mse"), TypeError, "no such optimizer"),
        (lambda: stack(ReLU(), optimizer="sgd", loss=SoftmaxCrossEntropy()), ValueError, "for a softmax"),
    ],
)
def test_what_keras_does_not_have_is_refused_and_the_old_file_stays(make, error, message, tmp_path):
    (tmp_path / "model.h5").write_bytes(b"the old file")
    with pytest.raises(error, match=message):
        make().save(tmp_path / "model.h5")
    assert (tmp_path / "model.h5").read_bytes() == b"the old file" and os.listdir(tmp_path) == ["model.h5"]


def test_a_failure_to_write_leaves_the_old_file(tmp_path, monkeypatch):
    (tmp_path / "model.h5").write_bytes(b"the old file")

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        small_mlp().save(tmp_path / "model.h5")
    assert (tmp_path / "model.h5").read_bytes() == b"the old file" and os.listdir(tmp_path) == ["model.h5"]


def test_without_h5py(tmp_path, monkeypatch):
    small_mlp().save(tmp_path / "model.h5")
    monkeypatch.setitem(sys.modules, "h5py", None)
    for attempt in (lambda: small_mlp().save(tmp_path / "other.h5"), lambda: Sequential.load(tmp_path / "model.h5")):
        with pytest.raises(ImportError, match=r'need h5py.*pip install -e ".\[keras\]"'):
            attempt()
    assert os.listdir(tmp_path) == ["model.h5"]


def test_unbuilt_models_and_missing_files(tmp_path):
    with pytest.raises(RuntimeError, match="save: the model is not built"):
        Sequential([Dense(2)]).save(tmp_path / "model.h5")
    with pytest.raises(FileNotFoundError):
        Sequential.load(tmp_path / "model.h5")
