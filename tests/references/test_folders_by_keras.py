"""Folders of pictures, read here and by Keras."""

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras.layers", reason="Keras is not installed: pip install -e '.[bench]'")
pytest.importorskip("tensorflow", reason="TensorFlow is not installed: pip install -e '.[bench]'")

import keras  # noqa: E402

from numpycnn import keras as ours  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for name in ("a", "b"):
        (root / name).mkdir()
        for i in range(9):
            pixels = rng.integers(0, 256, (*rng.integers(9, 60, 2), 3), np.uint8)
            Image.fromarray(pixels if i % 4 else pixels[..., 0]).save(root / name / f"{i}.png")
    return root


@pytest.mark.parametrize("given", [
    {"shuffle": False}, {"shuffle": False, "label_mode": "categorical", "batch_size": 4},
    {"shuffle": False, "label_mode": "binary", "class_names": ["b", "a"], "interpolation": "nearest"},
    {"shuffle": False, "labels": None, "color_mode": "rgba"},
])  # fmt: skip
def test_the_same_pictures(folder, given):
    batches = [list(each.utils.image_dataset_from_directory(folder, image_size=(24, 31), **given))
               for each in (ours, keras)]  # fmt: skip
    assert len(batches[0]) == len(batches[1])
    for mine, theirs in zip(*batches):
        for a, b in zip(*(each if isinstance(each, tuple) else (each,) for each in (mine, theirs))):
            assert np.asarray(a).dtype == np.asarray(b).dtype
            np.testing.assert_allclose(a, b, atol=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 99])
def test_the_same_parts(folder, seed):
    given = {"validation_split": 0.3, "subset": "both", "seed": seed}
    mine, theirs = ([part.file_paths for part in each.utils.image_dataset_from_directory(folder, **given)]
                    for each in (ours, keras))  # fmt: skip
    assert mine == theirs
