"""Same seed, same bits: in another process, with another number of threads; and no hidden source of randomness."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
from places import TESTS, python_path
from small_models import make_images, small_stateful_cnn, weights_equal

from numpycnn import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    ReLU,
    Sequential,
    get_num_threads,
    set_num_threads,
)
from numpycnn.kernels import jit_disabled

needs_compiled_kernels = pytest.mark.skipif(
    jit_disabled(), reason="the JIT is disabled: NumPy's BLAS promises no bits across numbers of threads"
)


def shift(images, rng):
    """Move each batch by up to two pixels: an augmentation that draws from the generator."""
    return np.roll(images, rng.integers(-2, 3, 2), axis=(1, 2))


def train(seed=0, fused=True):
    """Train a real, if small, network for an epoch; return the model and its history."""
    layers = [
        Conv2D(16, 3), ReLU(), MaxPool2D(2),
        Conv2D(20, 3, padding="same"), BatchNorm(), ReLU(), MaxPool2D(3, strides=2),
        Flatten(), Dropout(0.2), Dense(33), ReLU(), Dense(10),
    ]  # fmt: skip
    model = Sequential(layers, input_shape=(28, 28, 1), seed=seed, fused=fused)
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = make_images(300, (28, 28, 1), classes=10)
    history = model.fit(x, y, batch_size=64, verbose=0, validation_split=0.1, augment=shift)
    return model, history.history


def bits(seed=0, fused=True):
    """Return all numbers that come out of the training, to the last bit, as text."""
    model, history = train(seed, fused)
    x, _ = make_images(50, (28, 28, 1), classes=10, seed=1)
    numbers = b"".join(a.tobytes() for a in (*model.get_weights(), model.predict(x)))
    return f"{numbers.hex()} {history}"


def bits_in_another_process(threads):
    code = "import test_reproducibility as t; print(t.bits(fused=True)); print(t.bits(fused=False))"
    path = os.pathsep.join([python_path(), str(TESTS / "model")])
    environment = {**os.environ, "NUMBA_NUM_THREADS": str(threads), "PYTHONPATH": path}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@needs_compiled_kernels
def test_two_processes_and_other_numbers_of_threads_give_the_same_bits():
    here = [bits(fused=True), bits(fused=False)]
    assert bits_in_another_process(threads=1) == here
    assert bits_in_another_process(threads=2) == here


@needs_compiled_kernels
@pytest.mark.parametrize("fused", [True, False])
def test_set_num_threads_does_not_change_a_bit(fused):
    before = get_num_threads()
    results = []
    try:
        for threads in range(1, before + 1):
            set_num_threads(threads)
            results.append(bits(fused=fused))
    finally:
        set_num_threads(before)
    if before == 1:
        pytest.skip("NUMBA_NUM_THREADS is 1: there is no other number of threads to compare with")
    assert len(set(results)) == 1


def test_other_seeds_give_other_weights():
    models = [train(seed)[0].get_weights() for seed in (0, 1)]
    for first, second in zip(*models):
        assert not np.array_equal(first, second)


def test_without_a_seed_every_model_is_another():
    first, second = small_stateful_cnn(seed=None), small_stateful_cnn(seed=None)
    assert not weights_equal(first, second)
    x, _ = make_images()
    second.set_weights(first.get_weights())
    assert not np.array_equal(first.forward(x, training=True), second.forward(x, training=True))  # Dropout


def test_layers_of_one_model_do_not_share_their_numbers():
    model = Sequential([Dense(5), Dropout(0.5), Dense(5), Dropout(0.5), Dense(5)], input_shape=(5,), seed=0)
    weights = [layer.parameters[0].value for layer in model.layers if layer.parameters]
    assert not np.array_equal(weights[0], weights[1]) and not np.array_equal(weights[1], weights[2])
    x = np.ones((4, 5), np.float32)
    first, second = (model.layers[i].forward(x, training=True) for i in (1, 3))
    assert not np.array_equal(first, second)


def test_global_generators_are_neither_used_nor_touched(tmp_path):
    outputs = []
    for seed in (1, 2):
        np.random.seed(seed)
        random.seed(seed)
        numpys, pythons = np.random.get_state(), random.getstate()
        model, history = train()
        model.save(tmp_path / "model.npz")
        Sequential.load(tmp_path / "model.npz")
        outputs.append((model.get_weights(), history))
        assert random.getstate() == pythons
        for before, after in zip(numpys, np.random.get_state()):
            assert np.array_equal(before, after)
    assert weights_equal(outputs[0][0], outputs[1][0]) and outputs[0][1] == outputs[1][1]
