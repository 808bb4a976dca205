"""A network among scikit-learn's estimators: its own battery of checks, and the tools that people put around it.

On the plain kernels: nothing here depends on how a kernel computes, and nothing has to be compiled.
"""

import importlib
import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas
import pytest
from places import ROOT
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import AdaBoostClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from small_models import make_images, make_vectors, weights_equal

import numpycnn
from numpycnn import SGD, Conv2D, CosineDecay, Dense, Dropout, Flatten, Layer, ReLU
from numpycnn.kernels import using
from numpycnn.sklearn import NetworkClassifier

SHAPE = (6, 5, 1)
X, Y = make_vectors(60)
NAMES = np.array(["ant", "bee", "cat"])[Y]


@pytest.fixture(autouse=True)
def plain_kernels():
    with using("reference"):
        yield


def small(**options):
    defaults = {"layers": [Dense(8), ReLU()], "epochs": 5, "learning_rate": 0.03, "random_state": 0}
    return NetworkClassifier(**{**defaults, **options})


def test_every_check_of_scikit_learn_passes():
    """62 of 62 with SCIPY_ARRAY_API=1; without it the one check that needs it is skipped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks provoke some
        results = check_estimator(NetworkClassifier(epochs=6), on_fail=None, on_skip=None)
    rest = {r["check_name"]: f"{r['status']}: {r['exception']}" for r in results if r["status"] != "passed"}
    assert "SCIPY_ARRAY_API is not set" in rest.pop("check_array_api_input", "SCIPY_ARRAY_API is not set")
    assert rest == {} and len(results) > 50


@pytest.mark.campaign
@pytest.mark.parametrize("options", [
    "", "dtype='float32'", "layers=[Dense(64), ReLU(), Dropout(0.1)], learning_rate=3e-3",
])
def test_every_check_with_array_api_and_compiled_kernels(options):
    """A weight of 2 is a row twice, but for rounding, of which the check allows none in float32, and for dropout."""
    code = f"""
import warnings
from numpycnn import Dense, Dropout, ReLU
from numpycnn.sklearn import NetworkClassifier
from sklearn.utils.estimator_checks import check_estimator
warnings.simplefilter("ignore")
for result in check_estimator(NetworkClassifier({options}), on_fail=None, on_skip=None):
    print(result["status"], result["check_name"])
"""
    environment = {**os.environ, "SCIPY_ARRAY_API": "1", "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    others = [line for line in result.stdout.splitlines() if not line.startswith("passed")]
    print(f"{options}: {result.stdout.count('passed')} passed, others: {others}")
    expected = ["failed check_sample_weight_equivalence_on_dense_data"] if options else []
    assert others == expected and result.stdout.count("passed") > 55


# -- labels, shapes, parameters


@pytest.mark.parametrize("labels", [NAMES, Y * 10 - 7, NAMES.astype(object), Y == 1])
def test_labels_of_any_kind(labels):
    classifier = small(epochs=30).fit(X, labels)
    np.testing.assert_array_equal(classifier.classes_, np.unique(labels))
    predicted = classifier.predict(X)
    assert set(predicted) <= set(labels) and classifier.score(X, labels) == np.mean(predicted == labels) > 0.8
    probabilities = classifier.predict_proba(X)
    assert probabilities.shape == (60, len(np.unique(labels))) and np.allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_images_in_any_shape_are_the_same_rows():
    images, labels = make_images(40, SHAPE)
    expected = NetworkClassifier(image_shape=SHAPE, epochs=2, random_state=1).fit(images, labels)
    assert [type(layer).__name__ for layer in expected.model_.layers] == [
        "Conv2D", "ReLU", "MaxPool2D", "Flatten", "Dense", "ReLU", "Flatten", "Dense",
    ]
    assert expected.model_.input_shape == SHAPE and expected.n_features_in_ == 30
    for given in (images.reshape(40, 30), images[..., 0], images.reshape(40, 30).tolist()):
        classifier = clone(expected).fit(np.asarray(given, np.float32), labels)
        np.testing.assert_array_equal(classifier.predict_proba(given), expected.predict_proba(images))
    for wrong in (images[:, :5], images.transpose(0, 2, 1, 3), images.reshape(40, 30)[:, :-1]):
        with pytest.raises(ValueError, match=r"expected images of shape \(6, 5, 1\)|images of shape \(6, 5, 1\)"):
            clone(expected).fit(wrong, labels)


def test_layers_and_optimizer_are_copied_and_a_fit_begins_anew():
    layers, optimizer = [Dense(8), ReLU()], SGD(0.1)
    classifier = small(layers=layers, optimizer=optimizer)
    first = classifier.fit(X, NAMES).model_
    second = classifier.fit(X, NAMES).model_
    assert first is not second and weights_equal(first, second)
    assert not layers[0].built and optimizer.steps == 0
    by_function = small(layers=lambda: [Dense(8), ReLU()], optimizer=SGD(0.1)).fit(X, NAMES)
    assert weights_equal(by_function.model_, first)
    copied = clone(classifier)
    assert copied.layers[0] is not layers[0] and copied.layers[0].units == 8
    assert weights_equal(copied.fit(X, NAMES).model_, first)


def test_a_seed_fixes_all_and_a_random_state_goes_on():
    layers = [Dense(8), ReLU(), Dropout(0.2)]
    fitted = [small(layers=layers, early_stopping=True, random_state=seed).fit(X, Y).model_ for seed in (3, 3, 4)]
    assert weights_equal(*fitted[:2]) and not weights_equal(*fitted[1:])
    random = np.random.RandomState(3)
    first, second = (small(layers=layers, early_stopping=True, random_state=random).fit(X, Y).model_ for _ in "ab")
    assert weights_equal(first, fitted[0]) and not weights_equal(second, first)


def test_parameters_reach_the_network():
    classifier = small(learning_rate=CosineDecay(0.5, 7), optimizer="sgd", dtype="float64", batch_size=60).fit(X, Y)
    optimizer = classifier.model_.optimizer
    assert isinstance(optimizer, SGD) and optimizer.learning_rate.get_config()["learning_rate"] == 0.5
    assert optimizer.steps == 5 and len(classifier.history_["loss"]) == 5
    assert classifier.predict_proba(X).dtype == np.float64
    for given, expected in [(np.float64, "float64"), (np.float32, "float32"), (np.int8, "float32")]:
        assert small(epochs=1).fit((X * 9).astype(given), Y).model_.dtype == expected
    assert small(learning_rate=0.25).fit(X, Y).model_.optimizer.learning_rate == 0.25


@pytest.mark.parametrize("parameters, error, fragment", [
    ({"layers": 3}, TypeError, "layers: expected a list"), ({"layers": ["Dense"]}, TypeError, "layers"),
    ({"image_shape": (2, 3)}, ValueError, "expected"), ({"image_shape": (2, 2, 1)}, ValueError, "rows of 4 numbers"),
    ({"epochs": 0}, ValueError, "epochs"), ({"batch_size": -1}, ValueError, "batch_size"),
    ({"optimizer": "none"}, ValueError, "optimizer"), ({"learning_rate": -1.0}, ValueError, "learning_rate"),
    *(({"early_stopping": True, "validation_fraction": value}, ValueError, "validation_fraction: expected a .*number")
      for value in (1.5, 1, 5, 0, -0.1)),
    ({"early_stopping": "no"}, TypeError, "early_stopping: expected True or False"), ({"dtype": "int8"}, None, "dtype"),
    ({"early_stopping": True, "patience": -1}, ValueError, "patience"), ({"verbose": 9}, ValueError, "verbose"),
])
def test_bad_parameters_are_told_by_fit(parameters, error, fragment):
    with pytest.raises(error or (TypeError, ValueError), match=fragment):
        small(**parameters).fit(X, Y)


# -- weights


def test_only_the_proportions_of_weights_count():
    weights = np.random.default_rng(0).uniform(0.5, 2, len(X))
    first, second = (small(optimizer="sgd", learning_rate=0.1).fit(X, Y, scale * weights).model_ for scale in (1, 1e-6))
    for a, b in zip(first.get_weights(), second.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    assert not weights_equal(first, small(optimizer="sgd", learning_rate=0.1).fit(X, Y).model_)


def test_a_row_without_weight_is_not_there():
    weights = np.where(np.arange(len(X)) % 3, 1.0, 0.0)
    assert weights_equal(
        small().fit(X, Y, weights).model_, small().fit(X[weights > 0], Y[weights > 0], np.ones(40)).model_
    )
    assert small().fit(X, Y, (Y == 1).astype(float)).classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize("weights", [np.zeros(60), np.ones(59), -np.ones(60), np.full(60, np.nan)])
def test_bad_weights_are_refused(weights):
    with pytest.raises(ValueError, match="sample_weight"):
        small().fit(X, Y, sample_weight=weights)


# -- step by step, stopped


def test_partial_fit_goes_on_where_it_was():
    classifier = small(batch_size=60)
    for _ in range(4):
        assert classifier.partial_fit(X, NAMES, ["cat", "ant", "bee"]) is classifier
    assert classifier.model_.optimizer.steps == 4
    whole = small(batch_size=60, epochs=4).fit(X, NAMES)
    assert weights_equal(classifier.model_, whole.model_)
    whole.partial_fit(X[:1], NAMES[:1], sample_weight=[2.0])
    assert whole.model_.optimizer.steps == 5
    with pytest.raises(ValueError, match="classes, all labels"):
        small().partial_fit(X, NAMES)
    with pytest.raises(ValueError, match="since the first call"):
        classifier.partial_fit(X, NAMES, ["ant", "bee"])
    with pytest.raises(ValueError, match="'dog', which is none of the classes"):
        classifier.partial_fit(X[:1], ["dog"])


def test_early_stopping_returns_to_the_best_epoch():
    classifier = small(early_stopping=True, patience=2, epochs=100, learning_rate=0.1, validation_fraction=0.25)
    classifier.fit(X, Y, sample_weight=np.ones(60))
    losses = classifier.history_["val_loss"]
    assert len(losses) < 100 and np.argmin(losses) == len(losses) - 3
    assert len(small(epochs=4).fit(X, Y).history_) == 2  # no figures of held-out rows: none are held out


class Interrupts(Layer):
    """Presses Ctrl-C in the third step."""

    calls = 0

    def forward(self, x, training=False):
        Interrupts.calls += 1
        if Interrupts.calls == 4:  # the first is the warm-up's
            raise KeyboardInterrupt
        self.save_for_backward(training, len(x))
        return self.check_input(x)

    def backward(self, dy, need_dx=True):
        return dy


def test_ctrl_c_ends_a_search_too(capsys):
    classifier = small(layers=[Dense(8), Interrupts()])
    with pytest.raises(KeyboardInterrupt):
        cross_val_score(classifier, X, Y, error_score="raise")
    Interrupts.calls = 0
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(X, Y)
    assert classifier.predict(X).shape == (60,)


# -- in company


def test_works_in_the_tools_of_scikit_learn():
    pipeline = make_pipeline(StandardScaler(), small(epochs=20))
    assert cross_val_score(pipeline, X, NAMES, cv=3).mean() > 0.7
    search = GridSearchCV(pipeline, {"networkclassifier__layers": [[Dense(1)], [Dense(16), ReLU()]]}, cv=2)
    search.fit(X, NAMES)
    assert search.best_params_["networkclassifier__layers"][0].units == 16
    calibrated = CalibratedClassifierCV(small(epochs=20), cv=2).fit(X, NAMES)
    assert calibrated.score(X, NAMES) > 0.7
    boosted = AdaBoostClassifier(small(epochs=6), n_estimators=5, random_state=0).fit(X, NAMES)
    assert len(boosted.estimators_) == 5 and boosted.score(X, NAMES) > boosted.estimators_[0].score(X, NAMES)


def test_the_sweep_searches_with_two_jobs():
    """examples/sweep.py as a user runs it, but for few digits: GridSearchCV and joblib, each in two processes."""
    command = [sys.executable, "-W", "error", "examples/sweep.py", "--images", "60", "--epochs", "1", "--jobs", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "1"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    printed = result.stdout.splitlines()
    assert [line.split()[0] for line in printed] == ["dense", "dense", "convolution", "convolution", "Best:"]


def test_pickled_it_predicts_the_same():
    classifier = small().fit(X, NAMES)
    twin = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(twin.predict_proba(X), classifier.predict_proba(X))
    assert weights_equal(twin.fit(X, NAMES).model_, classifier.model_)


def test_a_network_that_diverged_names_no_label():
    classifier = small().fit(X, NAMES)
    classifier.model_.layers[-1].parameters[1].value[:] = np.nan
    with pytest.raises(ValueError, match="got NaN in 60 of 60 rows, first at row 0; the model has probably diverged"):
        classifier.predict(X)


def test_names_of_columns_are_kept_and_compared():
    table = pandas.DataFrame(X, columns=list("abcdef"))
    classifier = small().fit(table, NAMES)
    assert classifier.feature_names_in_.tolist() == list("abcdef")
    assert classifier.predict(table).shape == (60,)
    with pytest.raises(ValueError, match="feature names"):
        classifier.predict(table.rename(columns={"a": "z"}))


def test_before_fit_it_says_so():
    for method in ("predict", "predict_proba"):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            getattr(small(), method)(X)


def test_without_scikit_learn_the_import_says_what_to_install(monkeypatch):
    for name in ("numpycnn.sklearn", "numpycnn.exchange.sklearn"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(ImportError, match=r"needs scikit-learn 1.6 or later.*\[sklearn\]"):
        importlib.import_module("numpycnn.sklearn")


def test_its_model_is_a_model_like_any_other(tmp_path):
    images, labels = make_images(20, SHAPE)
    classifier = NetworkClassifier([Conv2D(2, 3), Flatten()], SHAPE, epochs=1).fit(images, labels)
    classifier.model_.save(tmp_path / "model.npz")
    loaded = numpycnn.Sequential.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.predict(images), classifier.predict_proba(images))
