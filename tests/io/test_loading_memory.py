"""Loading takes a few times the file, whatever the file says; what the model needs later is limited beforehand."""

import gc
import os
import tracemalloc

import numpy as np
import pytest
from model_files import forge

from numpycnn import (
    Conv2D,
    Dense,
    Flatten,
    MaxPool2D,
    ModelFileError,
    ReLU,
    SeparableConv2D,
    Sequential,
    architectures,
)
from numpycnn.kernels import jit_disabled

MB = 10**6


def peak_of(call):
    """Return what the call returns, and the most bytes that it had at a time."""
    gc.collect()
    tracemalloc.start()
    try:
        result = call()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def stacks_on_large_images():
    size = (2048, 2048, 1)
    return {
        "1 x 1 convolutions": Sequential([Conv2D(1, 1) for _ in range(60)], input_shape=size, seed=0),
        "convolutions, ReLU": Sequential([
            layer for _ in range(30) for layer in (Conv2D(1, 3, padding=1), ReLU())
        ], input_shape=size, seed=0),
        "convolutions, ReLU, pooling": Sequential([
            layer for _ in range(8) for layer in (Conv2D(1, 3, padding="same"), ReLU(), MaxPool2D(2))
        ], input_shape=size, seed=0),
        "strides": Sequential([Conv2D(1, 3, strides=2, padding=1) for _ in range(8)], input_shape=size, seed=0),
    }  # fmt: skip


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_small_files_of_models_of_large_images(suffix, tmp_path):
    for name, model in stacks_on_large_images().items():
        path = tmp_path / f"model{suffix}"
        model.save(path)
        Sequential.load(path)  # what is imported on the way is not counted
        loaded, peak = peak_of(lambda path=path: Sequential.load(path))
        assert any(step not in loaded.layers for step in loaded.plan)  # blocks, that is
        assert peak < 5 * os.path.getsize(path) + MB, (name, peak)


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize("make", [architectures.reference_cnn, architectures.best_cnn, architectures.mlp])
def test_files_of_the_recipes(make, suffix, tmp_path):
    model, path = make(seed=0), tmp_path / f"model{suffix}"
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save(path)
    Sequential.load(path)
    _, peak = peak_of(lambda: Sequential.load(path))
    assert peak < 5 * os.path.getsize(path) + MB


def test_blocks_of_one_geometry_have_the_places_of_patches_together():
    models = [
        Sequential([Conv2D(2, 3, padding=1), ReLU(), MaxPool2D(2), Flatten(), Dense(n)], input_shape=(8, 8, 2), seed=n)
        for n in (2, 3)
    ]
    assert len({id(model.plan[0].patches) for model in models}) == 1


def dilated(rate, filters, fused=True):
    layers = [Conv2D(filters, 3, dilation_rate=rate, padding="same"), ReLU(), Flatten(), Dense(2)]
    model = Sequential(layers, input_shape=(28, 28, 1), seed=0, fused=fused)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


@pytest.mark.skipif(jit_disabled(), reason="the JIT is disabled: the NumPy twins pad the whole image")
def test_a_large_dilation_takes_no_more_than_the_layers_alone():
    x, y = np.zeros((64, 28, 28, 1)), np.zeros(64, int)
    for rate, filters in [(100, 32), (15_000, 1)]:
        for fused in (True, False):  # compiles the kernels
            dilated(rate, filters, fused).train_on_batch(x, y)
        (_, plain), (_, fused) = (
            peak_of(lambda f=f, r=rate, n=filters: dilated(r, n, f).train_on_batch(x, y)) for f in (False, True)
        )
        assert fused < 1.5 * plain, (rate, fused, plain)


# -- the limit ----------------------------------------------------------------------------------


@pytest.mark.parametrize("layers, shape, owner", [
    ([Conv2D(64, 1)], (2**14, 2**14, 1), r"Conv2D\(filters=64, kernel_size=\(1, 1\)\)"),
    ([Conv2D(1, 200, padding="same")], (2**10, 2**10, 1), "Conv2D"),  # the patches
    ([SeparableConv2D(1, 1, depth_multiplier=64)], (2**13, 2**13, 1), "SeparableConv2D"),  # its middle
    ([*(ReLU() for _ in range(60)), MaxPool2D(2)], (2048, 2048, 16), "ReLU"),  # together
])  # fmt: skip
def test_what_one_input_needs_is_limited(layers, shape, owner):
    def build():
        with pytest.raises(ValueError, match=f"({owner}).*expected at most 8 GiB .* got [0-9.,]+ GiB; use smaller"):
            Sequential(layers, input_shape=shape, seed=0)

    build()  # what is imported now is no part of it
    assert peak_of(build)[1] < MB


def test_a_file_of_a_model_beyond_the_limit_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    Sequential([Conv2D(64, 1)], input_shape=(8, 8, 1), seed=0).save(path)
    path.write_bytes(forge(path.read_bytes(), lambda config, arrays: config.update(input_shape=[2**14, 2**14, 1])))

    def load():
        with pytest.raises(ModelFileError, match="expected at most 8 GiB"):
            Sequential.load(path)

    assert peak_of(load)[1] < MB


def test_a_usual_model_of_large_images_is_built():
    """VGG's first layers, whose patches take most."""
    layers = [Conv2D(64, 3, padding="same"), ReLU(), Conv2D(64, 3, padding="same"), ReLU(), MaxPool2D(2)]
    assert Sequential(layers, input_shape=(1000, 1000, 3), seed=0).output_shape == (500, 500, 64)
