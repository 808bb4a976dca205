"""When to trust a model: kept by files and copies, ended by other weights; hostile descriptions are refused."""

import copy
import pickle

import numpy as np
import pytest
from model_files import forge

from numpycnn import Conv2D, Dense, Flatten, MaxPool2D, ModelFileError, ReLU, Sequential
from numpycnn.metrics import Confidence, fit_class_distance, fit_confidence

X, Y = np.random.default_rng(0).random((12, 2, 3), np.float32), np.arange(12) % 3
NUMBERS = "temperature", "threshold", "error", "answered"


@pytest.fixture
def model():
    model = Sequential([Flatten(), Dense(4), ReLU(), Dense(3)], input_shape=(2, 3), seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    distance = fit_class_distance(Y, model.features(X), model.features(X))
    model.confidence = fit_confidence(Y, model.predict(X), distance=distance)
    return model


def unit(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def test_features_are_what_the_last_layer_is_given_in_length_1(model):
    np.testing.assert_allclose(model.features(X, batch_size=5), unit(model.activations(X)[-2]), atol=1e-6)
    in_a_block = Sequential([Flatten(), Dense(3), ReLU()], input_shape=(2, 3), seed=0)
    np.testing.assert_allclose(in_a_block.features(X), unit(in_a_block.activations(X)[-2]), atol=1e-6)
    alone = Sequential([Flatten()], input_shape=(2, 3))
    np.testing.assert_allclose(alone.features(X), unit(X.reshape(12, 6)), atol=1e-6)


def test_the_means_of_the_last_maps_are_features(tmp_path):
    layers = Conv2D(4, 2), ReLU(), Conv2D(5, 2, strides=2), ReLU(), MaxPool2D(2), Flatten(), Dense(6), ReLU(), Dense(3)
    model = Sequential(layers, input_shape=(7, 9, 1), seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = np.random.default_rng(1).random((12, 7, 9, 1), np.float32)
    seen, features = model.activations(x), model.features(x, batch_size=5)
    np.testing.assert_allclose(features, np.c_[unit(seen[-2]), seen[4].mean(axis=(1, 2))], atol=1e-6)
    model.confidence = Confidence(1.0, 0.9, 0.01, 1.0, fit_class_distance(Y, features, features))
    before = fit_class_distance(Y, features[:, :6], features[:, :6])  # as files have it from before maps had means
    model.save(tmp_path / "model.npz")

    def alter(config, arrays):
        arrays.update({"confidence/whitening": before.whitening, "confidence/means": before.means})

    (tmp_path / "old.npz").write_bytes(forge((tmp_path / "model.npz").read_bytes(), alter))
    for name, distances in ("model", model.confidence.distance(features)), ("old", before(features[:, :6])):
        kept = Sequential.load(tmp_path / f"{name}.npz").confidence.distance
        np.testing.assert_allclose(kept(features), distances, rtol=1e-6)


def test_files_copies_and_pickles_keep_it(model, tmp_path):
    path, known = tmp_path / "model.npz", model.confidence
    for confidence in known, Confidence(1.5, float("inf"), 0.0, 0.0):
        model.confidence = confidence
        model.save(path)
        for twin in Sequential.load(path), copy.copy(model), pickle.loads(pickle.dumps(model)):
            kept, given = twin.confidence, (model.predict(X), model.features(X))
            assert [getattr(kept, name) for name in NUMBERS] == [getattr(confidence, name) for name in NUMBERS]
            assert kept.judge(*given) == confidence.judge(*given)
    model.confidence = None
    model.save(path)
    assert Sequential.load(path).confidence is None


def test_other_weights_end_it(model, tmp_path):
    known = model.confidence
    for change in (
        lambda: model.fit(X, Y, verbose=0), lambda: model.train_on_batch(X, Y),
        lambda: model.set_weights(model.get_weights()), lambda: model.load_weights(tmp_path / "x.weights.h5"),
    ):  # fmt: skip
        model.save_weights(tmp_path / "x.weights.h5")
        model.confidence = known
        change()
        assert model.confidence is None


def test_another_model_s_is_refused(model):
    other = Sequential([Flatten(), Dense(3)], input_shape=(2, 3), seed=0)
    with pytest.raises(ValueError, match="confidence: expected a distance of 6 features, got one of 4"):
        other.confidence = model.confidence
    with pytest.raises(TypeError, match="confidence: expected an object of the class Confidence, or None"):
        other.confidence = 0.9
    with pytest.raises(RuntimeError, match="confidence: the model is not built"):
        Sequential([Dense(1)]).confidence = model.confidence


@pytest.mark.parametrize("change", [
    {"temperature": 0}, {"temperature": "1"}, {"threshold": None}, {"threshold": float("nan")}, {"error": 2},
    {"answered": [1]}, {"limit": -1}, {"limit": "far"}, {"more": 1}, [1], 1, None,
])  # fmt: skip
def test_a_file_with_another_description_is_refused(model, tmp_path, change):
    path = tmp_path / "model.npz"
    model.save(path)

    def alter(config, arrays):
        config["confidence"] = {**config["confidence"], **change} if isinstance(change, dict) else change

    path.write_bytes(forge(path.read_bytes(), alter))
    with pytest.raises(ModelFileError, match="model.npz"):
        Sequential.load(path)


@pytest.mark.parametrize("array", [np.zeros((5, 5)), np.zeros((4, 4, 1)), np.full((4, 4), np.nan), None])
def test_a_file_with_other_arrays_is_refused(model, tmp_path, array):
    path = tmp_path / "model.npz"
    model.save(path)

    def alter(config, arrays):
        del arrays["confidence/whitening"]
        if array is not None:
            arrays["confidence/whitening"] = array

    path.write_bytes(forge(path.read_bytes(), alter))
    with pytest.raises(ModelFileError, match="model.npz"):
        Sequential.load(path)
