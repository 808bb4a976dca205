"""The same trainings as the real Keras's, which were recorded: losses step by step, and predictions."""

import json

import keras_cases
import numpy as np
import places
import pytest

from numpycnn import keras

RECORDED = json.loads((places.TESTS / "keras/recorded.json").read_text())
CASES = dict(keras_cases.cases(keras))


@pytest.mark.filterwarnings("ignore::numpycnn.keras.KerasNote")
@pytest.mark.parametrize("name", RECORDED["trained"])
def test_the_losses_are_keras_s(name):
    expected, found = RECORDED["trained"][name], CASES[name]()
    losses = found["losses"][:10] + found["losses"][19::10]
    assert np.abs(np.subtract(losses, expected["losses"])).max() < 1e-3
    assert np.abs(np.subtract(found["predictions"], expected["predictions"])).max() < 1e-3


def test_every_layer_predicts_as_keras_s():
    found = dict(keras_cases.predictions(keras))
    assert sorted(found) == sorted(RECORDED["predicted"])
    for name, expected in RECORDED["predicted"].items():
        assert np.abs(np.subtract(found[name], expected)).max() < 1e-5, name


def test_every_case_is_recorded():
    assert sorted(CASES) == sorted(RECORDED["trained"])


def test_every_metric_is_keras_s():
    found = dict(keras_cases.metrics(keras))
    assert sorted(found) == sorted(RECORDED["metrics"])
    for name, expected in RECORDED["metrics"].items():
        for figures, known in zip(found[name], expected, strict=True):
            assert np.abs(np.subtract(figures, known)).max() < 1e-5, name


def test_evaluate_returns_keras_s_figures():
    found = dict(keras_cases.evaluations(keras))
    assert sorted(found) == sorted(RECORDED["evaluated"])
    for name, expected in RECORDED["evaluated"].items():
        assert np.abs(np.subtract(found[name], expected)).max() < 1e-5, name
