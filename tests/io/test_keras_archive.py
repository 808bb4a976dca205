"""Keras's model.keras and .weights.h5: what is written, and that it comes back with the optimizer's memories.

``tests/references/test_archives_by_keras.py`` asks Keras itself. Files in ``keras_models`` were written by Keras,
or hold what Keras made of a file of ours; ``python tests/helpers/keras_recorded.py FOLDER`` made them, with Keras.
"""

import io
import json
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from keras_recorded import images, model_of_ours
from keras_stacks import every_layer, other_layers, with_random_state
from small_models import small_cnn, small_mlp, small_stateful_cnn, weights_equal

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
    ModelCheckpoint,
    ModelFileError,
    Nadam,
    RMSprop,
    Sequential,
    SoftmaxCrossEntropy,
)

FOLDER = Path(__file__).parent / "keras_models"


def saved_and_loaded(model, folder, name="model.keras"):
    model.save(folder / name)
    return Sequential.load(folder / name)


# -- the round trip ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", [every_layer, other_layers])
def test_every_layer_comes_back(make, dtype, tmp_path):
    model = make(dtype)
    loaded = saved_and_loaded(model, tmp_path)
    assert weights_equal(loaded, model) and loaded.dtype == model.dtype and repr(loaded) == repr(model)
    x = np.random.default_rng(1).random((3, *model.input_shape))
    assert np.array_equal(loaded.predict(x), model.predict(x))
    assert loaded.loss is None and loaded.optimizer is None
    again = saved_and_loaded(model, tmp_path, "model.h5")  # and in the older format
    assert weights_equal(again, model) and repr(again) == repr(model)


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(0.1), SGD(0.1, momentum=0.9, nesterov=True),
        SGD(0.1, momentum=0.9, velocity_of_steps=True), Adam(), Adam(0.01, epsilon=1e-7, epsilon_hat=True),
        AdamW(CosineDecay(0.01, 50), weight_decay=0.1, global_clipnorm=1.0), RMSprop(), Adagrad(0.1), Adadelta(1.0),
        RMSprop(0.01, momentum=0.5, centered=True), Adamax(0.01), Nadam(0.01),
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("frozen", [False, True])
def test_training_goes_on_with_the_memories(optimizer, frozen, tmp_path):
    model = small_mlp(optimizer=optimizer.__copy__())
    model.layers[0].trainable = not frozen
    rng = np.random.default_rng(0)
    x, y = rng.random((9, *model.input_shape)), rng.integers(0, 3, 9)
    for _ in range(3):
        model.train_on_batch(x, y)
    loaded = saved_and_loaded(model, tmp_path)
    assert repr(loaded.optimizer) == repr(optimizer) and loaded.optimizer.steps == 3
    for _ in range(3):
        expected, found = model.train_on_batch(x, y), loaded.train_on_batch(x, y)
        assert np.allclose(found, expected, rtol=1e-6)
    assert np.allclose(loaded.arena.values, model.arena.values, rtol=1e-5, atol=1e-6)  # 1 / rate * rate rounds


@pytest.mark.parametrize("words", [{"use_ema": True}, {"use_ema": True, "gradient_accumulation_steps": 2}])
def test_memories_are_found_behind_what_keras_keeps_before_them(words, tmp_path):
    model = small_mlp(optimizer=Adam())
    model.train_on_batch(np.ones((3, *model.input_shape)), [0, 1, 2])
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config["compile_config"]["optimizer"]["config"].update(words)
    content = io.BytesIO(members["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        arrays = file["optimizer/vars"]
        ours = [arrays.pop(str(i))[()] for i in range(len(arrays))]
        more = [p.value for p in model.parameters] * len(words)
        for number, array in enumerate([*ours[:2], *more, *ours[2:]]):
            arrays[str(number)] = array
    members |= {"config.json": json.dumps(config).encode(), "model.weights.h5": content.getvalue()}
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.warns(UserWarning, match="use_ema=True, which does not exist here"):
        found = Sequential.load(tmp_path / "model.keras").optimizer.get_state()
    assert found["steps"] == 1 and all(np.array_equal(found[key], model.optimizer.get_state()[key]) for key in "mv")


@pytest.mark.parametrize(
    "loss",
    [
        SoftmaxCrossEntropy(), SoftmaxCrossEntropy(0.1, predict_logits=True), SoftmaxCrossEntropy(reduction="sum"),
        BinaryCrossEntropy(), BinaryCrossEntropy(0.2, True, "weighted_mean"), MeanSquaredError(), Huber(0.5),
        MeanAbsoluteError("sum"),
    ],
    ids=repr,
)  # fmt: skip
def test_losses_come_back(loss, tmp_path):
    model = Sequential([Dense(3)], input_shape=(4,), seed=0)
    model.compile("sgd", loss)
    for name in ("model.keras", "model.h5"):
        loaded = saved_and_loaded(model, tmp_path, name)
        assert repr(loaded.loss) == repr(loss) and repr(loaded) == repr(model) and loaded.metrics == model.metrics
        assert np.array_equal(loaded.predict(np.ones((2, 4))), model.predict(np.ones((2, 4))))


def test_what_is_in_the_file(tmp_path):
    model = small_stateful_cnn(optimizer=Adam())
    model.save(tmp_path / "model.keras")
    model.save(tmp_path / "again.keras")
    assert (tmp_path / "model.keras").read_bytes() == (tmp_path / "again.keras").read_bytes()
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert all(member.compress_type == zipfile.ZIP_STORED for member in archive.infolist())
        config = json.loads(archive.read("config.json"))
        weights = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
    assert [config[key] for key in ("module", "class_name")] == ["keras", "Sequential"]
    assert config["compile_config"]["optimizer"]["class_name"] == "Adam"
    assert config["compile_config"]["loss"] == "sparse_categorical_crossentropy"
    assert set(weights) == {"layers", "optimizer", "vars"}
    assert {"conv2d", "conv2d_1", "batch_normalization", "dropout", "dense"} < set(weights["layers"])
    assert weights["layers/conv2d_1/vars"].attrs["name"] == "conv2d_1"
    assert set(weights["layers/batch_normalization/vars"]) == {"0", "1", "2", "3"}
    assert len(weights["optimizer/vars"]) == 2 + 2 * len(model.parameters)


def test_checkpoints_may_be_keras_files(tmp_path):
    model = small_mlp()
    x = np.random.default_rng(0).random((8, 6))
    keep = ModelCheckpoint(tmp_path / "{epoch}.keras")
    model.fit(x, [0, 1, 2, 0, 1, 2, 0, 1], epochs=2, verbose=0, callbacks=[keep])
    assert weights_equal(Sequential.load(tmp_path / "2.keras"), model) and (tmp_path / "1.keras").exists()


# -- weights alone ----------------------------------------------------------------------------


@pytest.mark.parametrize("make", [small_cnn, small_stateful_cnn, small_mlp])
def test_weights_alone(make, tmp_path):
    model, other = with_random_state(make(seed=1)), make(seed=2)
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    assert weights_equal(other, model)
    model.save(tmp_path / "model.keras")
    third = make(seed=3)
    third.load_weights(tmp_path / "model.keras")
    assert weights_equal(third, model)


def test_weights_that_do_not_fit_leave_the_model_as_it_was(tmp_path):
    small_cnn().save_weights(tmp_path / "model.weights.h5")
    model = small_mlp()
    before = model.get_weights()
    with pytest.raises(ValueError):
        model.load_weights(tmp_path / "model.weights.h5")
    assert all(map(np.array_equal, before, model.get_weights()))
    with pytest.raises(FileNotFoundError):
        model.load_weights(tmp_path / "other.weights.h5")
    with pytest.raises(ModelFileError, match="perhaps weights alone"):
        Sequential.load(tmp_path / "model.weights.h5")
    for call in (model.save_weights, model.load_weights):
        with pytest.raises(ValueError, match="expected a name that ends in .weights.h5"):
            call(tmp_path / "model.h5")
    for method in ("save_weights", "load_weights"):
        with pytest.raises(RuntimeError, match=f"{method}: the model is not built"):
            getattr(Sequential([Dense(2)]), method)(tmp_path / "model.weights.h5")


# -- recorded: Keras wrote, or read -----------------------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    with np.load(FOLDER / "recorded.npz") as archive:
        return dict(archive)


def next_losses(model, x, y):
    return [model.train_on_batch(x, y)[0] for _ in range(10)]


def test_a_file_by_keras_predicts_and_trains_on_as_keras_did(recorded):
    with pytest.warns(UserWarning, match="RandomFlip.*does nothing in prediction"):
        model = Sequential.load(FOLDER / "model.keras")
    x, y = images()
    assert model.optimizer.steps == 5 and isinstance(model.optimizer, Adam)
    np.testing.assert_allclose(model.predict(x), recorded["predicted"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(next_losses(model, x, y), recorded["losses"], rtol=0, atol=1e-4)


def test_keras_predicted_and_trained_on_as_this_does_with_a_file_of_ours(recorded):
    """The file itself is kept: another processor adds up in another order, and five steps make much of that."""
    model = Sequential.load(FOLDER / "ours.keras")
    x, y = images()
    assert model.optimizer.steps == 5
    np.testing.assert_allclose(model.predict(x), recorded["predicted_ours"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(next_losses(model, x, y), recorded["losses_ours"], rtol=0, atol=1e-4)


def test_what_is_written_is_what_keras_was_given(tmp_path):
    model_of_ours().save(tmp_path / "model.keras")
    assert description(tmp_path / "model.keras") == description(FOLDER / "ours.keras")


def description(path):
    """Return the configuration that a .keras file holds, and name and dtype of its arrays."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("config.json")), tree(archive.read("model.weights.h5"))


def tree(content):
    """Return name and dtype, or attributes, of everything in an HDF5 file."""
    found = {}
    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(lambda name, item: found.update({name: str(getattr(item, "dtype", dict(item.attrs)))}))
    return found


def test_names_in_capitals_are_loaded_and_another_ending_is_told(tmp_path):
    for name in ("model.keras", "model.h5", "model.onnx"):
        small_mlp().save(tmp_path / name)
        shutil.copy(tmp_path / name, tmp_path / name.upper())
        assert weights_equal(Sequential.load(tmp_path / name.upper()), small_mlp())
    shutil.copy(tmp_path / "model.keras", tmp_path / "model.npz")
    with pytest.raises(ModelFileError, match="got one of Keras's; its name has to end in .keras"):
        Sequential.load(tmp_path / "model.npz")


def test_weights_of_a_file_by_keras():
    with pytest.warns(UserWarning, match="RandomFlip"):
        theirs = Sequential.load(FOLDER / "model.keras")
    layers = [type(layer)(**layer.get_config()) for layer in theirs.layers]
    model = Sequential(layers, input_shape=theirs.input_shape, seed=5)
    model.compile("sgd", SoftmaxCrossEntropy())
    model.load_weights(FOLDER / "model.keras")
    assert weights_equal(model, theirs) and model.optimizer.steps == 0
