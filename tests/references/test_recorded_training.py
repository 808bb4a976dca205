"""Training as Keras does it: optimizers, losses, weights, regularizers, schedules, metrics, histories.

What Keras says was recorded by ``record_training.py``; where it is installed, it is asked once more.
"""

import json
import os

import numpy as np
import pytest
import record_training as recorded

import numpycnn as nc
from numpycnn import metrics

with open(recorded.RECORD, encoding="utf-8") as file:
    KERAS = json.load(file)
WORDS = {"beta_1": "beta1", "beta_2": "beta2", "initial_learning_rate": "learning_rate"}
LOSSES = {
    recorded.CROSS_ENTROPY: nc.SoftmaxCrossEntropy(), "binary_crossentropy": nc.BinaryCrossEntropy(),
    "mean_squared_error": nc.MeanSquaredError(), "mean_absolute_error": nc.MeanAbsoluteError(), "huber": nc.Huber(),
}  # fmt: skip


def optimizer_of(name, learning_rate=None, **arguments):
    """Return ours for Keras's name and arguments, with Keras's epsilon and its place."""
    options = {WORDS.get(key, key): value for key, value in arguments.items()}
    options |= {} if learning_rate is None else {"learning_rate": learning_rate}
    if name in ("Adam", "AdamW"):
        options = {"epsilon": 1e-7, "epsilon_hat": True, **options}
    if name == "AdamW":
        options = {"weight_decay": 0.004, **options}
    return getattr(nc, name)(**options)


@pytest.mark.parametrize("case", range(len(recorded.OPTIMIZERS)), ids=lambda i: f"{recorded.OPTIMIZERS[i]}")
def test_a_hundred_steps_of_an_optimizer(case):
    name, arguments = recorded.OPTIMIZERS[case]
    weights, gradients = recorded.gradients()
    optimizer, path = optimizer_of(name, recorded.RATE, **arguments), []
    for step, gradient in enumerate(gradients, start=1):
        optimizer.step(weights, gradient)
        if step in recorded.STEPS:
            path.append(weights.copy())
    # Keras's Nadam rounds its 0.96 to float32
    np.testing.assert_allclose(path, KERAS["optimizers"][case], rtol=1e-7 if name == "Nadam" else 1e-10, atol=1e-12)


def build(optimizer, loss, penalty, **compiled):
    data = recorded.network()
    options = {"kernel_regularizer": nc.L1L2(**penalty)} if penalty else {}
    both = {**options, "bias_regularizer": nc.L1L2(**penalty)} if penalty else {}
    model = nc.Sequential([nc.Dense(5, **options), nc.Tanh(), nc.Dense(3, **both)], input_shape=(6,))
    model.set_weights([data[name] for name in ("w1", "b1", "w2", "b2")])
    model.compile(optimizer_of(optimizer), LOSSES[loss], **compiled)
    return model


@pytest.mark.parametrize("name", recorded.RUNS)
def test_a_hundred_steps_of_a_network(name):
    optimizer, loss, weights, penalty = recorded.RUNS[name]
    model, data, values = build(optimizer, loss, penalty, metrics=[]), recorded.network(), []
    for step in range(100):
        targets = data["labels"][step] if loss == recorded.CROSS_ENTROPY else np.eye(3)[data["labels"][step]]
        options = {"sample": {"sample_weight": data["weights"][step]}, "class": {"class_weight": recorded.CLASS_WEIGHT}}
        value = model.train_on_batch(data["x"][step], targets, **options.get(weights, {}))
        if step + 1 in recorded.STEPS:
            values.append(value)
    np.testing.assert_allclose(values, KERAS["runs"][name], rtol=2e-5)


@pytest.mark.parametrize("case", range(len(recorded.SCHEDULES)), ids=lambda i: f"{recorded.SCHEDULES[i]}")
def test_schedules(case):
    name, arguments = recorded.SCHEDULES[case]
    schedule = {
        "PolynomialDecay": lambda decay_steps, end_learning_rate, power: nc.PolynomialDecay(
            1.0, decay_steps, end_learning_rate, power),
        "CosineDecay": lambda decay_steps, alpha: nc.CosineDecay(1.0, decay_steps, alpha),
        "PiecewiseConstantDecay": lambda boundaries, values: nc.PiecewiseConstant(boundaries, values),
        "ExponentialDecay": lambda **a: nc.ExponentialDecay(1.0, **a),
        "InverseTimeDecay": lambda **a: nc.InverseTimeDecay(1.0, **a),
    }[name](**arguments)  # fmt: skip
    assert [schedule(step) for step in recorded.TIMES] == pytest.approx(KERAS["schedules"][case], rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("name", recorded.METRICS)
def test_metrics(name):
    keras_name, arguments = recorded.METRICS[name]
    make = {
        "CategoricalAccuracy": metrics.Accuracy, "TopKCategoricalAccuracy": metrics.TopKAccuracy,
        "MeanAbsoluteError": lambda: metrics.MeanLoss(nc.MeanAbsoluteError(), "mae"),
        "MeanSquaredError": lambda: metrics.MeanLoss(nc.MeanSquaredError(), "mse"),
    }.get(keras_name) or getattr(metrics, keras_name)
    p, targets, weights = recorded.predictions()
    for weighted, expected in zip((False, True), KERAS["metrics"][name], strict=True):
        metric = make(**{key.replace("thresholds", "threshold") if keras_name != "AUC" else key: value
                         for key, value in arguments.items()})  # fmt: skip
        for part in (slice(0, 16), slice(16, 32), slice(32, 40)):
            metric.add(p[part], targets[part], weights[part] if weighted else None)
        assert metric.result() == pytest.approx(expected, rel=1e-5)


def test_histories_with_weights():
    data, asked = recorded.network(), {"metrics": ["acc"], "weighted_metrics": ["acc"]}
    model = build("SGD", recorded.CROSS_ENTROPY, {}, **asked)
    x, y, weights = data["x"].reshape(-1, 6)[:50], data["labels"].ravel()[:50], data["weights"].ravel()[:50]
    options = {"batch_size": 16, "shuffle": False, "verbose": 0}
    first = model.fit(x, y, sample_weight=weights, validation_split=0.2, **options).history
    second = model.fit(x, y, class_weight=recorded.CLASS_WEIGHT, epochs=2, validation_data=(x, y, weights),
                       validation_freq=2, **options).history  # fmt: skip
    loss, plain, weighted = model.evaluate(x, y, sample_weight=weights)
    for found, name in ((first, "sample weights"), (second, "class weights"), (
        {"acc": plain, "loss": loss, "weighted_acc": weighted}, "evaluate"
    )):  # fmt: skip
        assert found.keys() == KERAS["history"][name].keys()
        for figure, expected in KERAS["history"][name].items():
            np.testing.assert_allclose(found[figure], expected, rtol=1e-5, err_msg=f"{name}: {figure}")


@pytest.mark.filterwarnings("default")  # Keras's and TensorFlow's own
def test_keras_still_says_so():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
    # tests/keras would do for "keras"
    pytest.importorskip("keras.layers", reason="Keras is not installed: pip install -e '.[bench]'")
    keras = pytest.importorskip("keras")
    found = recorded.record(keras)
    assert found.keys() == KERAS.keys()
    flat = {name: list(numbers(value)) for name, value in found.items() if name != "keras"}
    for name, values in flat.items():
        np.testing.assert_allclose(values, list(numbers(KERAS[name])), rtol=1e-4, atol=1e-7, err_msg=name)


def numbers(value):
    """Yield all numbers, in order."""
    if isinstance(value, (list, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from numbers(each)
    else:
        yield value
