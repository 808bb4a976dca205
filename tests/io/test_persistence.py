"""save and load: everything comes back, and an old file is never lost."""

import os

import numpy as np
import pytest
from keras_stacks import other_layers
from small_models import make_images, small_cnn, small_mlp, small_stateful_cnn, weights_equal

from numpycnn import (
    ELU,
    GELU,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Adamax,
    AvgPool2D,
    BatchNorm,
    BinaryCrossEntropy,
    Constant,
    Conv2D,
    CosineDecay,
    Dense,
    Dropout,
    ExponentialDecay,
    Flatten,
    Huber,
    Layer,
    LeakyReLU,
    MaxPool2D,
    MeanAbsoluteError,
    MeanSquaredError,
    ModelFileError,
    Nadam,
    OneCycle,
    PiecewiseConstant,
    RMSprop,
    ReLU,
    Schedule,
    Sequential,
    Sigmoid,
    SiLU,
    SoftmaxCrossEntropy,
    StepDecay,
    Tanh,
    layers,
)
from numpycnn.initializers import he_normal


def every_layer(dtype="float32"):
    """Return a model that holds each layer of the package at least once."""
    model = Sequential(
        [
            Conv2D(4, (3, 2), strides=(1, 2), padding="same", use_bias=False, kernel_initializer="he_normal"),
            BatchNorm(momentum=0.9), ReLU(), AvgPool2D(2, strides=1),
            Conv2D(6, 3, padding=(1, 0), groups=2), LeakyReLU(0.1), MaxPool2D((2, 1)), Dropout(0.3),
            Conv2D(4, 2, dilation_rate=2, bias_initializer="ones"), Tanh(),
            GELU(), Flatten(), Dense(9), Sigmoid(), ELU(0.5), Dense(4), SiLU(), GELU(approximate=True), Dense(4),
        ],
        input_shape=(12, 12, 1), seed=3, dtype=dtype,
    )  # fmt: skip
    model.compile(AdamW(CosineDecay(0.01, 50), weight_decay=0.1, global_clipnorm=1.0), SoftmaxCrossEntropy(0.1))
    return model


def with_global_pool(dtype="float32"):
    return small_stateful_cnn(optimizer=SGD(0.1, momentum=0.9, nesterov=True), dtype=dtype)


def with_other_layers(dtype="float32"):
    model = other_layers(dtype, (12, 12, 1))
    model.compile(Adam(0.01), SoftmaxCrossEntropy())
    return model


def saved_and_loaded(model, folder, **options):
    path = folder / "model.npz"
    model.save(path)
    return Sequential.load(path, **options)


# -- the round trip ---------------------------------------------------------------------------


def test_the_models_here_hold_every_layer():
    held = {type(layer) for model in (every_layer(), with_global_pool(), with_other_layers()) for layer in model.layers}
    assert held == {getattr(layers, name) for name in layers.__all__} - {Layer}


@pytest.mark.parametrize("make", [every_layer, with_global_pool, with_other_layers])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loaded_model_goes_on_as_if_nothing_had_happened(make, dtype, tmp_path):
    x, y = make_images()
    model = make(dtype)
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    loaded = saved_and_loaded(model, tmp_path)
    assert weights_equal(loaded, model)
    assert repr(loaded) == repr(model) and loaded.dtype == model.dtype and len(loaded.plan) == len(model.plan)
    assert [layer.get_config() for layer in loaded.layers] == [layer.get_config() for layer in model.layers]
    assert repr(loaded.optimizer) == repr(model.optimizer) and loaded.optimizer.steps == 6
    assert repr(loaded.loss) == repr(model.loss) and loaded.metrics == model.metrics
    assert np.array_equal(loaded.predict(x), model.predict(x))
    for each in (model, loaded):  # the order of the rows, Dropout's holes, the schedule, the optimizer's memories
        each.fit(x, y, batch_size=16, verbose=0)
    assert weights_equal(loaded, model)


@pytest.mark.parametrize(
    "optimizer",
    [SGD(0.1), Adam(Constant(0.01)), Adam(StepDecay(0.1, 2)), SGD(OneCycle(0.1, 20), momentum=0.5),
     RMSprop(0.01, momentum=0.5, centered=True), Adagrad(PiecewiseConstant([1], [0.1, 0.01])), Adadelta(1.0),
     Adamax(ExponentialDecay(0.1, 3, 0.5)), Nadam(0.01), Adam(0.01, epsilon_hat=True)],
    ids=repr,
)
@pytest.mark.parametrize("loss", [
    SoftmaxCrossEntropy(), MeanSquaredError(), BinaryCrossEntropy(0.1), MeanAbsoluteError("sum"), Huber(0.5),
], ids=repr)  # fmt: skip
def test_optimizers_schedules_and_losses(optimizer, loss, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.random((20, 6)), rng.dirichlet(np.ones(3), 20)
    model = small_mlp()
    model.compile(type(optimizer)(**optimizer.get_config() | {"learning_rate": optimizer.learning_rate}), loss)
    model.train_on_batch(x, y)
    loaded = saved_and_loaded(model, tmp_path)
    for each in (model, loaded):
        each.train_on_batch(x, y)
    assert weights_equal(loaded, model)


def test_a_model_that_never_trained_or_compiled(tmp_path):
    x, _ = make_images()
    assert np.array_equal(saved_and_loaded(small_cnn(), tmp_path).predict(x), small_cnn().predict(x))
    model = Sequential([Flatten(), Dense(2)], input_shape=(12, 12, 1), seed=np.int64(0), fused=False)
    loaded = saved_and_loaded(model, tmp_path)
    assert loaded.loss is None and loaded.optimizer is None and loaded.fused is False
    assert np.array_equal(loaded.predict(x), model.predict(x))


def test_an_initializer_may_be_given_as_the_packages_function(tmp_path):
    model = vectors(Dense(2, kernel_initializer=he_normal))
    assert saved_and_loaded(model, tmp_path).layers[0].kernel_initializer == "he_normal"


class Scale(Layer):
    """A layer of one's own: y = factor * scale * x with a trainable scale; it counts its training steps."""

    state_names = ("counts",)

    def __init__(self, factor, names=("a",)):
        self.factor = factor
        self.names = names

    def setup(self, rng):
        self.add_parameter("scale", (), "ones", rng)
        self.counts = np.zeros((2, 3), np.int64, order="F")
        return self.input_shape

    def forward(self, x, training=False):
        x = self.check_input(x)
        self.counts[0, 2] += training
        self.save_for_backward(training, len(x), x)
        return self.factor * self.parameters[0].value * x

    def backward(self, dy, need_dx=True):
        dy = self.check_output_gradient(dy)
        (x,) = self.saved
        self.parameters[0].grad = self.factor * (dy * x).sum()
        return self.factor * self.parameters[0].value * dy


def test_custom_layers(tmp_path):
    x, y = make_images()
    model = Sequential([Scale(2.5), Flatten(), Dense(4)], input_shape=(12, 12, 1), seed=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    loaded = saved_and_loaded(model, tmp_path, custom_layers=[Scale])
    assert weights_equal(loaded, model) and loaded.layers[0].names == ("a",)
    assert loaded.layers[0].counts.tolist() == [[0, 0, 2], [0, 0, 0]] and loaded.layers[0].counts.dtype == np.int64
    with pytest.raises(ModelFileError, match=r"unknown layer 'Scale'; pass its class.*custom_layers=\["):
        Sequential.load(tmp_path / "model.npz")


# -- what cannot be saved ---------------------------------------------------------------------


def my_initializer(shape, rng, dtype):
    return np.ones(shape, dtype)


class MyLoss(SoftmaxCrossEntropy):
    pass


class MySGD(SGD):
    pass


class MySchedule(Schedule):
    def __call__(self, step):
        return 0.1


def vectors(*stack, **compiled):
    model = Sequential(stack or [Dense(2)], input_shape=(3,), seed=0)
    if compiled:
        model.compile(**compiled)
    return model


class Mine:
    class Dense(layers.Dense):
        """A class of one's own under a name of the package: loading would take the package's."""


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: vectors(Dense(2, kernel_initializer=my_initializer)), "cannot hold the function .*my_initializer"),
        (lambda: vectors(Scale(1j)), "not JSON serializable"),
        (lambda: vectors(Mine.Dense(2)), "the package has another layer of this name"),
        (lambda: vectors(optimizer="sgd", loss=MyLoss()), "cannot hold MyLoss"),
        (lambda: vectors(optimizer=MySGD(), loss="mse"), "cannot hold MySGD"),
        (lambda: vectors(optimizer=SGD(MySchedule()), loss="mse"), "cannot hold MySchedule"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_and_the_old_file_stays(make, message, tmp_path):
    path = tmp_path / "model.npz"
    vectors().save(path)
    before = path.read_bytes()
    with pytest.raises(TypeError, match=message):
        make().save(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["model.npz"]


def test_names_and_folders(tmp_path):
    model = vectors()
    for name in ("model", "model.keras.bak", "model.npz.bak"):
        with pytest.raises(ValueError, match="expected a name that ends in .npz, .keras, .h5 or .onnx, got"):
            model.save(tmp_path / name)
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(OSError):
        model.save(tmp_path / "folder.npz")
    assert os.listdir(tmp_path) == ["folder.npz"]
    with pytest.raises(OSError):
        Sequential.load(tmp_path / "folder.npz")
    with pytest.raises(FileNotFoundError):
        Sequential.load(tmp_path / "missing.npz")


def test_saving_again_replaces_the_file(tmp_path):
    first, second = small_cnn(seed=0), small_mlp(seed=1)
    first.save(tmp_path / "model.npz")
    assert weights_equal(saved_and_loaded(second, tmp_path), second)
    assert os.listdir(tmp_path) == ["model.npz"]
    second.save(str(tmp_path / "model.npz"))  # a str, too


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege on Windows")
def test_saving_through_a_symbolic_link(tmp_path):
    (tmp_path / "latest.npz").symlink_to(tmp_path / "model-7.npz")
    vectors().save(tmp_path / "latest.npz")
    assert (tmp_path / "latest.npz").is_symlink()
    assert weights_equal(Sequential.load(tmp_path / "model-7.npz"), vectors())


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=repr)
def test_a_failure_in_the_middle_leaves_the_old_file(failure, tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    vectors().save(path)

    def fail_half_way(file, **arrays):
        file.write(b"PK\3\4 half of a file")
        raise failure

    monkeypatch.setattr(np, "savez", fail_half_way)
    with pytest.raises(type(failure)):
        vectors(Dense(5)).save(path)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["model.npz"]
    assert weights_equal(Sequential.load(path), vectors())
