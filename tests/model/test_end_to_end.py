"""The whole package at work: real MNIST, from the files to a model that was saved and loaded again."""

import os

import numpy as np
import pytest
from small_models import reference_cnn

from numpycnn import Adam, Sequential, SoftmaxCrossEntropy, confusion_matrix, load_mnist
from numpycnn.kernels import jit_disabled

# One epoch on the first 12,000 training images, seeds 0 to 9, accuracy on the 10,000 test images:
# 0.9606 0.9558 0.9605 0.9537 0.9425 0.9571 0.9623 0.9524 0.9640 0.9608; min 0.9425, mean 0.9570.
# The threshold lies 0.0075 below the minimum.
THRESHOLD = 0.935


@pytest.mark.skipif(jit_disabled(), reason="the JIT is disabled: the plain kernels would take minutes")
@pytest.mark.skipif(
    not os.environ.get("NUMPYCNN_DATA"), reason="NUMPYCNN_DATA is not set, so there is no real MNIST to train on"
)
def test_an_epoch_on_real_digits(tmp_path):
    (x_train, y_train), (x_test, y_test) = load_mnist()
    x_train, y_train = (x_train[:12_000, ..., None] / 255).astype(np.float32), y_train[:12_000]
    x_test = (x_test[..., None] / 255).astype(np.float32)
    model = reference_cnn(seed=0)
    model.compile(Adam(learning_rate=1e-3), SoftmaxCrossEntropy(), ["accuracy"])
    history = model.fit(x_train, y_train, batch_size=64, verbose=0)
    model.save(tmp_path / "model.npz")
    loaded = Sequential.load(tmp_path / "model.npz")

    loss, accuracy = loaded.evaluate(x_test, y_test)
    assert accuracy >= THRESHOLD
    assert loss < 0.25
    assert 0.8 < history.history["accuracy"][0] < accuracy  # the mean over an epoch that began with guessing
    probabilities = loaded.predict(x_test)
    assert np.array_equal(probabilities, model.predict(x_test))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    table = confusion_matrix(y_test, probabilities)
    assert table.trace() / 10_000 == pytest.approx(accuracy)
    assert (table.argmax(axis=1) == np.arange(10)).all()  # every digit is mostly recognised
