"""Record how Keras trains: optimizers, losses, weights, regularizers, schedules, metrics, and what a history says.

    python tests/references/record_training.py

writes ``keras_training.json``, with which ``test_recorded_training.py`` compares where there is no Keras; where there
is one, it also asks whether Keras still says the same. Every case is in Keras's words, the tests translate them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).with_name("keras_training.json")
STEPS = [1, 2, 3, 10, 30, 100]  # of which the loss, or the weights, are kept
RATE = 2.0**-7  # which float32 holds exactly, as Keras keeps it

# Weights after steps along given gradients, in float64; Keras rounds some arguments to float32, which holds these.
BETAS = {"beta_1": 0.875, "beta_2": 1 - 2.0**-10}
OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}), ("SGD", {"momentum": 0.75}), ("SGD", {"momentum": 0.75, "nesterov": True}),
    ("Adam", BETAS), ("Adam", {"epsilon": 0.25, **BETAS}), ("AdamW", {"weight_decay": 0.25, **BETAS}),
    ("SGD", {"global_clipnorm": 1.0}),
    ("RMSprop", {}), ("RMSprop", {"rho": 0.5, "momentum": 0.5}), ("RMSprop", {"centered": True, "epsilon": 1e-3}),
    ("Adagrad", {"initial_accumulator_value": 0.125}), ("Adadelta", {}), ("Adamax", BETAS),
    ("Nadam", BETAS), ("Nadam", {"beta_1": 0.5, "beta_2": 0.75}),
]  # fmt: skip
# Losses of 100 steps of a small network: optimizer, loss, weights of the rows, regularizers of weight and bias.
CROSS_ENTROPY = "sparse_categorical_crossentropy"
RUNS: dict[str, tuple[str, str, str | None, dict[str, float]]] = {
    **{name: (name, CROSS_ENTROPY, None, {}) for name in
       ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam")},
    **{loss: ("Adam", loss, None, {}) for loss in
       ("binary_crossentropy", "mean_squared_error", "mean_absolute_error", "huber")},
    "sample weights": ("Adam", CROSS_ENTROPY, "sample", {}),
    "class weights": ("Adam", CROSS_ENTROPY, "class", {}),
    "sample weights, yes or no": ("RMSprop", "binary_crossentropy", "sample", {}),
    "sample weights, huber": ("SGD", "huber", "sample", {}),
    "L1": ("SGD", CROSS_ENTROPY, None, {"l1": 0.01}),
    "L2": ("Adam", CROSS_ENTROPY, None, {"l2": 0.01}),
    "L1L2 and weights": ("SGD", CROSS_ENTROPY, "sample", {"l1": 0.003, "l2": 0.02}),
}  # fmt: skip
SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("ExponentialDecay", {"decay_steps": 7, "decay_rate": 0.5}),
    ("ExponentialDecay", {"decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("InverseTimeDecay", {"decay_steps": 7, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("PolynomialDecay", {"decay_steps": 20, "end_learning_rate": 0.125, "power": 2.0}),
    ("CosineDecay", {"decay_steps": 20, "alpha": 0.25}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 10], "values": [1.0, 0.5, 0.25]}),
]
TIMES = [0, 1, 3, 4, 7, 8, 10, 14, 20, 100]
METRICS: dict[str, tuple[str, dict[str, Any]]] = {  # on rows of probabilities and one-hot rows
    "accuracy": ("CategoricalAccuracy", {}), "binary": ("BinaryAccuracy", {"threshold": 0.3}),
    "top 2": ("TopKCategoricalAccuracy", {"k": 2}), "precision": ("Precision", {}), "recall": ("Recall", {}),
    "precision 0.3": ("Precision", {"thresholds": 0.3}), "auc": ("AUC", {}), "auc 10": ("AUC", {"num_thresholds": 10}),
    "f1 macro": ("F1Score", {"average": "macro"}), "f1 micro": ("F1Score", {"average": "micro"}),
    "f1 weighted": ("F1Score", {"average": "weighted"}), "mae": ("MeanAbsoluteError", {}),
    "mse": ("MeanSquaredError", {}), "f1 0.4": ("F1Score", {"average": "macro", "threshold": 0.4}),
}  # fmt: skip
CLASS_WEIGHT = {0: 2.0, 2: 0.25}


def gradients() -> tuple[np.ndarray, np.ndarray]:
    """Return starting weights (5,) and gradients (100, 5), the last of which shrink to nothing."""
    rng = np.random.default_rng(0)
    return rng.standard_normal(5), rng.standard_normal((100, 5)) * np.array([1, 1, 1, 1e-3, 10])


def network() -> dict[str, np.ndarray]:
    """Return weights of Dense(5), tanh, Dense(3), and for each of 100 steps images, labels and weights of 8 rows."""
    rng = np.random.default_rng(1)
    shapes = {"w1": (6, 5), "b1": (5,), "w2": (5, 3), "b2": (3,), "x": (100, 8, 6)}
    made = {name: rng.standard_normal(shape).astype("float32") for name, shape in shapes.items()}
    return {**made, "labels": rng.integers(0, 3, (100, 8)), "weights": 2 * rng.random((100, 8))}


def predictions() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return probabilities (40, 4), one-hot rows (40, 4) and weights (40,)."""
    rng = np.random.default_rng(2)
    return rng.dirichlet(np.ones(4), 40).astype("float32"), np.eye(4)[rng.integers(0, 4, 40)], 2 * rng.random(40)


def record(keras: Any) -> dict[str, Any]:
    """Return what Keras makes of all cases."""
    return {
        "keras": keras.__version__,
        "optimizers": [optimizer_path(keras, *case) for case in OPTIMIZERS],
        "runs": {name: losses(keras, *case) for name, case in RUNS.items()},
        "schedules": [schedule_path(keras, *case) for case in SCHEDULES],
        "metrics": {name: metric_values(keras, *case) for name, case in METRICS.items()},
        "history": history(keras),
    }


def optimizer_path(keras: Any, name: str, arguments: dict[str, Any]) -> list[list[float]]:
    start, steps = gradients()
    optimizer = getattr(keras.optimizers, name)(learning_rate=RATE, **arguments)
    variable = keras.Variable(start, dtype="float64")
    optimizer.build([variable])
    path = []
    for step, gradient in enumerate(steps, start=1):
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float64")])
        if step in STEPS:
            path.append(np.array(variable).tolist())
    return path


def build(keras: Any, optimizer: str, loss: str, penalty: dict[str, float], **compiled: Any) -> Any:
    data, layers = network(), keras.layers
    last = {CROSS_ENTROPY: "softmax", "binary_crossentropy": "sigmoid"}.get(loss, "linear")
    options = {"kernel_regularizer": keras.regularizers.L1L2(**penalty), "bias_regularizer": None} if penalty else {}
    both = {**options, "bias_regularizer": keras.regularizers.L1L2(**penalty)} if penalty else {}
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(5, "tanh", **options), layers.Dense(3, last, **both)]
    )
    model.set_weights([data[name] for name in ("w1", "b1", "w2", "b2")])
    model.compile(getattr(keras.optimizers, optimizer)(), loss, **compiled)
    return model


def losses(keras: Any, optimizer: str, loss: str, weights: str | None, penalty: dict[str, float]) -> list[float]:
    model, data, values = build(keras, optimizer, loss, penalty), network(), []
    for step in range(100):
        targets = data["labels"][step] if loss == CROSS_ENTROPY else np.eye(3)[data["labels"][step]]
        options = {"sample": {"sample_weight": data["weights"][step]}, "class": {"class_weight": CLASS_WEIGHT}}
        model.reset_metrics()
        value = model.train_on_batch(data["x"][step], targets, **options.get(weights or "", {}))
        if step + 1 in STEPS:
            values.append(round(float(value), 7))
    return values


def schedule_path(keras: Any, name: str, arguments: dict[str, Any]) -> list[float]:
    start = {} if "values" in arguments else {"initial_learning_rate": 1.0}
    schedule = getattr(keras.optimizers.schedules, name)(**start, **arguments)
    return [round(float(schedule(step)), 7) for step in TIMES]


def metric_values(keras: Any, name: str, arguments: dict[str, Any]) -> list[float]:
    """Return the figure without and with weights, over batches of 16."""
    found = []
    for weighted in (False, True):
        metric = getattr(keras.metrics, name)(**arguments)
        p, targets, weights = predictions()
        for part in (slice(0, 16), slice(16, 32), slice(32, 40)):
            metric.update_state(targets[part], p[part], weights[part] if weighted else None)
        found.append(round(float(metric.result()), 7))
    return found


def history(keras: Any) -> dict[str, Any]:
    """Return the history of two epochs with weights of all kinds, and what ``evaluate`` says after them."""
    model, data = build(keras, "SGD", CROSS_ENTROPY, {}, metrics=["acc"], weighted_metrics=["acc"]), network()
    x, y, weights = data["x"].reshape(-1, 6)[:50], data["labels"].ravel()[:50], data["weights"].ravel()[:50]
    options = {"batch_size": 16, "shuffle": False, "verbose": 0}
    first = model.fit(x, y, sample_weight=weights, validation_split=0.2, **options).history
    second = model.fit(x, y, class_weight=CLASS_WEIGHT, epochs=2, validation_data=(x, y, weights), validation_freq=2,
                       **options).history  # fmt: skip
    last = model.evaluate(x, y, sample_weight=weights, batch_size=16, verbose=0, return_dict=True)
    return {
        "sample weights": {name: np.round(values, 7).tolist() for name, values in first.items()},
        "class weights": {name: np.round(values, 7).tolist() for name, values in second.items()},
        "evaluate": {name: round(float(last[name]), 7) for name in ("acc", "loss", "weighted_acc")},
    }


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    entries = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in record(keras).items())
    RECORD.write_text("{\n" + ",\n".join(entries) + "\n}\n")


if __name__ == "__main__":
    main()
