"""What a model's inputs were: kept by files, copies and backups; hostile descriptions are refused."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import forge

from numpycnn import BackupAndRestore, Dense, Flatten, InputFormat, ModelFileError, Sequential, prepare_digit

PETS = InputFormat((6, 5), grey=False, scale=0.01, class_names=("cat", "dög", "猫"))


def small(shape=(6, 5, 3)):
    model = Sequential([Flatten(), Dense(3)], input_shape=shape, seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


@pytest.fixture
def model():
    model = small()
    model.input_format = PETS
    return model


def test_files_copies_and_pickles_keep_it(model, tmp_path):
    model.save(tmp_path / "model.npz")
    kept = Sequential.load(tmp_path / "model.npz"), copy.copy(model), copy.deepcopy(model)
    assert {each.input_format for each in (*kept, pickle.loads(pickle.dumps(model)))} == {PETS}
    model.input_format = None
    model.save(tmp_path / "model.npz")
    assert Sequential.load(tmp_path / "model.npz").input_format is None


def test_models_from_before_there_was_one_have_none(model, tmp_path):
    old = {name: value for name, value in model.__getstate__().items() if name != "_input_format"}
    twin = Sequential()
    twin.__setstate__(old)
    assert twin.input_format is None


def test_a_backup_keeps_it(model, tmp_path):
    x, y = np.zeros((4, 6, 5, 3)), np.zeros(4, int)
    model.fit(x, y, verbose=0, callbacks=[BackupAndRestore(tmp_path / "b.npz", delete_checkpoint=False)])
    assert Sequential.load(tmp_path / "b.npz").input_format == PETS
    again = small()
    again.fit(x, y, verbose=0, callbacks=[BackupAndRestore(tmp_path / "b.npz", delete_checkpoint=False)])
    assert again.input_format == PETS


@pytest.mark.parametrize("change", [
    {"size": [6, 6]}, {"size": 6}, {"size": [6, "5"]}, {"size": None}, {"grey": True}, {"grey": 1}, {"scale": 0},
    {"scale": float("nan")}, {"scale": "1"}, {"prepare": "digit"}, {"prepare": "run"}, {"class_names": ["a", "b"]},
    {"class_names": ["a", "a", "b"]}, {"class_names": ["a", "b", "\x1b[2J"]}, {"class_names": ["a", "b", " "]},
    {"class_names": "abc"}, {"class_names": [1, 2, 3]}, {"more": 1}, None, [],
])  # fmt: skip
def test_a_file_with_another_description_is_refused(model, tmp_path, change):
    path = tmp_path / "model.npz"
    model.save(path)

    def alter(config, arrays):
        config["input_format"] = {**config["input_format"], **change} if isinstance(change, dict) else change

    path.write_bytes(forge(path.read_bytes(), alter))
    with pytest.raises(ModelFileError, match="model.npz") as caught:
        Sequential.load(path)
    assert str(caught.value).isprintable()


def test_a_format_that_does_not_fit_is_refused(model):
    for wrong, error in [(InputFormat((5, 6), grey=False), ValueError), (InputFormat((6, 5)), ValueError),
                         (InputFormat((6, 5), False, class_names=("a", "b")), ValueError), ("digit", TypeError)]:
        with pytest.raises(error, match="input_format: expected"):
            model.input_format = wrong
    assert model.input_format == PETS
    with pytest.raises(RuntimeError, match="not built"):
        Sequential([Dense(1)]).input_format = PETS


# -- reading a picture as it asks for


def test_a_digit_is_prepared_and_another_picture_is_not():
    picture = np.full((60, 40), 255, np.uint8)
    picture[10:50, 18:22] = 0
    digit, plain = InputFormat((28, 28), prepare="digit"), InputFormat((28, 28))
    assert np.array_equal(digit.read(picture)[..., 0], prepare_digit(picture).image)
    assert plain.read(picture)[0, 0, 0] == 1 and plain.read(picture)[14, 14, 0] < 0.1


@settings(max_examples=30, deadline=None, database=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), channels=st.integers(1, 4), grey=st.booleans(),
       colour=st.integers(0, 255))
def test_one_colour_stays_one_colour(height, width, channels, grey, colour):
    picture = np.full((height, width, channels), colour, np.uint8)
    if channels in (2, 4):
        picture[..., -1] = 255
    form = InputFormat((7, 9), grey=grey, scale=1.0)
    assert np.array_equal(form.read(picture), np.full(form.shape, colour, np.float32))


def test_colours_keep_their_order_and_an_image_of_the_right_size_stays_as_it_is():
    picture = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    assert np.array_equal(InputFormat((6, 5), grey=False, scale=1.0).read(picture), picture)
    clear = np.dstack([picture, np.zeros((6, 5), np.uint8)])
    assert (InputFormat((6, 5), grey=False, scale=1.0).read(clear) == 255).all()  # nothing on paper
    assert InputFormat((6, 5), grey=False).read(np.zeros((900_000, 1, 3), np.uint8)).shape == (6, 5, 3)


def test_a_class_without_a_name_is_called_by_its_number():
    assert InputFormat((6, 5)).name_of(1) == "1"
    assert [InputFormat((6, 5), class_names=("cat", "dog")).name_of(number) for number in (0, 1)] == ["cat", "dog"]
