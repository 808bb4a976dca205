"""Whatever a file holds or is called, nothing in it reaches the terminal as a command."""

import gzip
import json
import traceback
import warnings

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_files import compiled, keras_file
from model_files import forge

from numpycnn import BackupAndRestore, Dense, IdxError, ModelFileError, Sequential, read_idx, write_idx
from numpycnn.files import printable

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\r\nnothing to see"


def everything_shown(call, *errors):
    """Run the call, and return all that Python would print of its warnings and errors."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            call()
            shown = ""
        except errors as error:
            shown = "".join(traceback.format_exception(error))
    return shown + "".join(f"{warning.message}\n" for warning in caught)


def assert_harmless(shown, *expected):
    for text in expected:
        assert text in shown, shown
    assert all(line.isprintable() for line in shown.split("\n")), shown
    assert "\nnothing to see" not in shown


def spots(value, path=()):
    """Yield the path of every text, and of every key, in a JSON document."""
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield (*path, key)
            yield from spots(value[key], (*path, key))


@pytest.fixture(scope="module")
def compiled_file(tmp_path_factory):
    layers = [("Flatten", {}), ("Dense", {"units": 2, "activation": "softmax", "kernel_regularizer": {"l2": 1}})]
    arrays = {"dense": [np.ones((64, 2)), np.ones(2)]}
    path = keras_file(tmp_path_factory.mktemp("keras") / "model.h5", layers, arrays, training=compiled())
    with h5py.File(path) as file:
        configs = {name: json.loads(file.attrs[name]) for name in ("model_config", "training_config")}
    return path, configs, [(name, spot) for name, config in configs.items() for spot in spots(config)]


@settings(max_examples=150, deadline=None, database=None)
@given(data=st.data())
def test_texts_and_keys_of_a_keras_file(data, compiled_file):
    path, configs, places = compiled_file
    name, spot = data.draw(st.sampled_from(places))
    config = json.loads(json.dumps(configs[name]))
    holder = config
    for key in spot[:-1]:
        holder = holder[key]
    if isinstance(holder, dict) and data.draw(st.booleans()):
        holder[f"{EVIL}{spot[-1]}"] = holder.pop(spot[-1])
    else:
        holder[spot[-1]] = EVIL
    with h5py.File(path, "a") as file:
        for each, content in {**configs, name: config}.items():
            file.attrs[each] = json.dumps(content)
    assert_harmless(everything_shown(lambda: show(Sequential.load(path)), ModelFileError))


def show(model):
    warnings.warn(f"{model!r} {model.layers!r} {model.loss!r} {model.optimizer!r}", stacklevel=1)


@pytest.mark.parametrize("arrays, message", [({"dense": []}, "expected strings"), ({}, "there is no")])
def test_names_in_the_tree_of_a_keras_file(arrays, message, tmp_path):
    name = f"a{EVIL}"
    path = keras_file(tmp_path / "model.h5", [{"class_name": "Dense", "config": {"name": name, "units": 2}}],
                      {name: arrays.get("dense", [1])}, shape=(3,),
                      change=lambda file: arrays or file["model_weights"].pop(name))  # fmt: skip
    assert_harmless(everything_shown(lambda: Sequential.load(path), ModelFileError), message, "\\x1b")


@pytest.mark.parametrize("name", [f"{EVIL}.npz", f"{EVIL}.h5"])
def test_names_of_model_files(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"no model")
    assert_harmless(everything_shown(lambda: Sequential.load(path), ModelFileError), "\\x1b", "expected a")
    assert_harmless(everything_shown(lambda: Sequential.load(tmp_path / f"no {name}"), OSError), "\\x1b")


def test_texts_in_a_native_file(tmp_path):
    path = tmp_path / "model.npz"
    Sequential([Dense(2)], input_shape=(3,), seed=0).save(path)
    content = path.read_bytes()
    for change in (
        lambda config, arrays: config["layers"][0].update({"class": EVIL}),
        lambda config, arrays: config["layers"][0]["config"].update({EVIL: 1}),
        lambda config, arrays: config["layers"][0]["config"].update(kernel_initializer=EVIL),
        lambda config, arrays: config.update(dtype=EVIL),
        lambda config, arrays: config.update(version=EVIL),
        lambda config, arrays: arrays.update({EVIL: np.ones(1)}),
        lambda config, arrays: arrays.update({f"layers/0/{EVIL}": np.ones(1)}),
    ):
        path.write_bytes(forge(content, change))
        assert_harmless(everything_shown(lambda: Sequential.load(path), ModelFileError), "\\x1b")


def test_texts_in_a_backup(tmp_path):
    def model():
        model = Sequential([Dense(2)], input_shape=(3,), seed=0)
        model.compile("sgd", "mse")
        return model

    keep = BackupAndRestore(tmp_path / "backup.npz", delete_checkpoint=False)
    data = np.ones((4, 3)), np.ones((4, 2))
    model().fit(*data, epochs=1, verbose=0, callbacks=[keep])
    content = (tmp_path / "backup.npz").read_bytes()

    def change(config, arrays):
        config["run"]["conditions"][EVIL] = EVIL

    (tmp_path / "backup.npz").write_bytes(forge(content, change))
    shown = everything_shown(lambda: model().fit(*data, epochs=1, verbose=0, callbacks=[keep]), ModelFileError)
    assert_harmless(shown, "\\x1b", "backup of another run")


def test_names_of_idx_files(tmp_path):
    path = tmp_path / f"{EVIL}.gz"
    (tmp_path / EVIL).mkdir()
    path.write_bytes(gzip.compress(b"no IDX file"))
    for call in (
        lambda: read_idx(path), lambda: read_idx(tmp_path / EVIL), lambda: read_idx(tmp_path / f"no {EVIL}"),
        lambda: read_idx(open(path, "rb")), lambda: write_idx(tmp_path / EVIL, np.ones(1)),
    ):  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            assert_harmless(everything_shown(call, IdxError, OSError), "\\x1b")


@given(st.text())
def test_printable(text):
    shown = printable(text)
    assert shown.isprintable() and (shown == text) == text.isprintable()
