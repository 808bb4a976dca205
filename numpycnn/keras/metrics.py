"""Metrics by Keras's names: for ``compile``, and by themselves as running means."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from . import losses
from .missing import METRICS as MISSING
from .missing import of_metrics as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .tensors import Tensor, tensor


class Metric:
    """A running mean; `core_word` is what the core's ``compile`` calls it."""

    core_word = ""
    total: float
    count: float

    def __init__(self, name: str | None = None, dtype: Any = None, **config: Any) -> None:
        self.name = name or losses.keras_name(type(self).__name__)
        self.config = config
        self.reset_state()

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return the figure of each row."""
        raise NotImplementedError

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take rows into account."""
        values = np.asarray(self.per_row(np.asarray(y_true), np.asarray(y_pred)), np.float64)
        weights = np.broadcast_to(1.0 if sample_weight is None else np.asarray(sample_weight, float), values.shape)
        self.total, self.count = self.total + float((values * weights).sum()), self.count + float(weights.sum())

    def result(self) -> Tensor:
        """Return the mean over all rows so far."""
        return tensor(self.total / self.count if self.count else 0.0, np.float32)

    def reset_state(self) -> None:
        """Forget all rows."""
        self.total = self.count = 0.0

    reset_states = reset_state

    def __call__(self, *args: Any, **given: Any) -> Tensor:
        self.update_state(*args, **given)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"name": self.name, **self.config}


class Accuracy(Metric):
    """Share of rows where both are equal."""

    core_word = "accuracy"

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return y_true.reshape(y_pred.shape) == y_pred


class CategoricalAccuracy(Accuracy):
    """Share of rows whose largest output is at the one of the target."""

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return y_true.argmax(axis=-1) == y_pred.argmax(axis=-1)


class SparseCategoricalAccuracy(Accuracy):
    """Share of rows whose largest output is at the class."""

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return y_true.reshape(y_pred.shape[:-1]) == y_pred.argmax(axis=-1)


class BinaryAccuracy(Accuracy):
    """Share of numbers on the right side of the threshold."""

    def __init__(self, name: str | None = None, dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(name, dtype, threshold=threshold)

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return (y_true.reshape(y_pred.shape) == (y_pred > self.config["threshold"])).mean(axis=-1)


class Mean(Metric):
    """Mean of what it is given."""

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        values = np.asarray(values, np.float64)
        weights = np.broadcast_to(1.0 if sample_weight is None else np.asarray(sample_weight, float), values.shape)
        self.total, self.count = self.total + float((values * weights).sum()), self.count + float(weights.sum())


class _OfLoss(Metric):
    """The mean of a loss."""

    loss_class: type[losses.Loss]

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return self.loss_class(**self.config).per_row(y_true, y_pred)


def _of_loss(loss_class: type[losses.Loss]) -> type[Metric]:
    text = f"The mean of the loss {loss_class.__name__}."
    word = losses.keras_name(loss_class.__name__)
    return type(loss_class.__name__, (_OfLoss,), {"loss_class": loss_class, "__doc__": text, "core_word": word})


CategoricalCrossentropy = _of_loss(losses.CategoricalCrossentropy)
SparseCategoricalCrossentropy = _of_loss(losses.SparseCategoricalCrossentropy)
BinaryCrossentropy = _of_loss(losses.BinaryCrossentropy)
MeanSquaredError = _of_loss(losses.MeanSquaredError)
MeanAbsoluteError = _of_loss(losses.MeanAbsoluteError)


def _function(metric_class: type[Metric], name: str) -> Callable[..., Tensor]:
    def function(y_true: Any, y_pred: Any) -> Tensor:
        return tensor(metric_class().per_row(np.asarray(y_true), np.asarray(y_pred)), np.float32)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The figure of each row; see {metric_class.__name__}."
    function.metric_class = metric_class  # type: ignore[attr-defined]
    return function


categorical_accuracy = _function(CategoricalAccuracy, "categorical_accuracy")
sparse_categorical_accuracy = _function(SparseCategoricalAccuracy, "sparse_categorical_accuracy")
binary_accuracy = _function(BinaryAccuracy, "binary_accuracy")
accuracy = _function(Accuracy, "accuracy")
CLASSES = {cls.__name__: cls for cls in (
    Accuracy, CategoricalAccuracy, SparseCategoricalAccuracy, BinaryAccuracy, Mean, CategoricalCrossentropy,
    SparseCategoricalCrossentropy, BinaryCrossentropy, MeanSquaredError, MeanAbsoluteError,
)}  # fmt: skip
NAMES = {**{losses.keras_name(kind): cls for kind, cls in CLASSES.items()}, "mse": MeanSquaredError,
         "mae": MeanAbsoluteError, "acc": Accuracy}  # fmt: skip


def get(identifier: Any) -> Metric:
    """Return the metric of this name, function or class, under the name that a history has for it."""
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if isinstance(identifier, dict):
        return get(identifier["class_name"]).__class__(**identifier["config"])
    found = getattr(identifier, "metric_class", None)
    if found is None and hasattr(identifier, "loss_class"):
        found = NAMES.get(losses.keras_name(identifier.loss_class.__name__))
    if found is None and isinstance(identifier, str):
        found = CLASSES.get(identifier) or NAMES.get(identifier.lower())
        if found is None:
            instead = MISSING.get(identifier) or ", ".join(NAMES)
            raise ValueError(f"unknown metric {identifier!r}: numpycnn has {instead}")
    if found is None:
        raise ValueError(f"metric {identifier!r}: expected a name such as 'accuracy', or one of keras.metrics")
    return found(name=identifier if isinstance(identifier, str) else getattr(identifier, "__name__", None))


deserialize = get
