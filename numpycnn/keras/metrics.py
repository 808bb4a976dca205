"""Metrics by Keras's names: for ``compile``, and by themselves as running figures; the core counts."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from .. import metrics as core
from ..metrics.running import METRICS
from . import losses
from .layers.base import new_name
from .missing import METRICS as MISSING
from .missing import of_metrics as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .tensors import Tensor, tensor


class Metric:
    """A figure over all rows so far; `words` are its arguments with their defaults."""

    words: dict[str, Any] = {}
    counted = False  # whether a second one has a name of its own, such as ``precision_1``
    core_class: Any = None

    def __init__(self, *args: Any, name: str | None = None, dtype: Any = None, **given: Any) -> None:
        kind = losses.keras_name(type(self).__name__)
        self.name = name or (new_name(kind) if self.counted else kind)
        self.config = {**self.words, **dict(zip(self.words, args)), **given}
        unknown = set(self.config) - set(self.words)
        if unknown or len(args) > len(self.words):
            raise TypeError(f"{type(self).__name__}: unexpected argument {sorted(unknown) or args}")
        self.core = self.to_core()

    def to_core(self) -> core.Metric:
        """Return a new metric of the core, which lists it under the same name."""
        return self.core_class(**{w: v for w, v in self.config.items() if v is not None}, name=self.name)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take rows into account."""
        targets, predictions = np.asarray(y_true), np.asarray(y_pred, np.float64)
        if targets.shape == (len(predictions), 1) and predictions.shape[1:] != (1,):
            targets = targets[:, 0]
        weights = None if sample_weight is None else np.asarray(sample_weight, float).reshape(-1)
        if predictions.ndim == 1:  # a number for each row
            predictions = predictions[:, None]
            targets = targets.reshape(predictions.shape)
        self.core.add(predictions, targets, weights)

    def result(self) -> Tensor:
        """Return the figure of all rows so far."""
        return tensor(self.core.result(), np.float32)

    def reset_state(self) -> None:
        """Forget all rows."""
        self.core.reset()

    reset_states = reset_state

    def __call__(self, *args: Any, **given: Any) -> Tensor:
        self.update_state(*args, **given)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"name": self.name, **self.config}


class CategoricalAccuracy(Metric):
    """Share of rows whose largest output is at the label; the core's Accuracy."""

    core_class = core.Accuracy


class SparseCategoricalAccuracy(CategoricalAccuracy):
    """Share of rows whose largest output is at the label; the core's Accuracy."""


class BinaryAccuracy(Metric):
    """Share of answers on the right side of the threshold; the core's BinaryAccuracy."""

    words, core_class = {"threshold": 0.5}, core.BinaryAccuracy


class TopKCategoricalAccuracy(Metric):
    """Share of rows whose label is among the k largest; the core's TopKAccuracy."""

    words, core_class = {"k": 5}, core.TopKAccuracy


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """Share of rows whose label is among the k largest; the core's TopKAccuracy."""


class Precision(Metric):
    """Share of the answers that is right; the core's Precision."""

    words, counted = {"thresholds": 0.5, "top_k": None, "class_id": None}, True
    core_class: Any = core.Precision

    def to_core(self) -> core.Metric:
        others = {word: self.config[word] for word in ("top_k", "class_id") if self.config[word] is not None}
        if others:
            raise ValueError(f"{type(self).__name__}: {others}: all classes count here, above one threshold")
        return self.core_class(0.5 if self.config["thresholds"] is None else self.config["thresholds"], self.name)


class Recall(Precision):
    """Share of what should be answered; the core's Recall."""

    core_class = core.Recall


class F1Score(Metric):
    """Of precision and recall; the core's F1Score."""

    words, core_class = {"average": "macro", "threshold": None}, core.F1Score


class AUC(Metric):
    """Area under the ROC curve; the core's AUC."""

    words, counted, core_class = {"num_thresholds": 200}, True, core.AUC


class _Function(core.Metric):
    """The mean of a function of targets and predictions."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        super().__init__(name)
        self.function = function

    def rows(self, predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the figure of each row, or of all in each."""
        figures, rows = np.asarray(self.function(tensor(targets), tensor(predictions)), float), len(predictions)
        return np.full(rows, figures) if figures.ndim == 0 else figures.reshape(rows, -1).mean(axis=1)


class MeanMetricWrapper(Metric):
    """The mean of a function (y_true, y_pred) of one's own."""

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None) -> None:
        self.function = fn
        super().__init__(name=name or getattr(fn, "__name__", "metric"))

    def to_core(self) -> core.Metric:
        return _Function(self.function, self.name)


class Accuracy(MeanMetricWrapper):
    """Share of numbers that are equal; as a name in ``compile`` the accuracy of classes."""

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(lambda y_true, y_pred: y_true.reshape(y_pred.shape) == y_pred, name or "accuracy")


class Mean(Metric):
    """Mean of what it is given."""

    def to_core(self) -> core.Metric:
        return core.Metric(self.name)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        values = np.asarray(values, np.float64)
        weights = np.broadcast_to(1.0 if sample_weight is None else np.asarray(sample_weight, float), values.shape)
        self.core.count(float((values * weights).sum()), float(weights.sum()))


def _of_loss(loss_class: type[losses.Loss]) -> type[Metric]:
    def to_core(self: Metric) -> core.Metric:
        if loss_class in (losses.MeanSquaredError, losses.MeanAbsoluteError):
            return core.MeanLoss(loss_class(**self.config).to_core(None)[0], self.name)
        return _Function(loss_class(**self.config).per_row, self.name)

    text = f"The mean of the loss {loss_class.__name__}."
    return type(loss_class.__name__, (Metric,), {"words": loss_class.words, "to_core": to_core, "__doc__": text})


CategoricalCrossentropy = _of_loss(losses.CategoricalCrossentropy)
SparseCategoricalCrossentropy = _of_loss(losses.SparseCategoricalCrossentropy)
BinaryCrossentropy = _of_loss(losses.BinaryCrossentropy)
MeanSquaredError = _of_loss(losses.MeanSquaredError)
MeanAbsoluteError = _of_loss(losses.MeanAbsoluteError)
CLASSES = {cls.__name__: cls for cls in (
    CategoricalAccuracy, SparseCategoricalAccuracy, BinaryAccuracy, TopKCategoricalAccuracy,
    SparseTopKCategoricalAccuracy, Precision, Recall, F1Score, AUC, Accuracy, Mean, CategoricalCrossentropy,
    SparseCategoricalCrossentropy, BinaryCrossentropy, MeanSquaredError, MeanAbsoluteError,
)}  # fmt: skip
NAMES = {**{losses.keras_name(kind): cls for kind, cls in CLASSES.items()}, "mse": MeanSquaredError,
         "mae": MeanAbsoluteError, "f1_score": F1Score,
         "top_k_categorical_accuracy": TopKCategoricalAccuracy,
         "sparse_top_k_categorical_accuracy": SparseTopKCategoricalAccuracy}  # fmt: skip


def _function(name: str) -> Callable[..., Tensor]:
    def function(y_true: Any, y_pred: Any, **config: Any) -> Tensor:
        metric = NAMES[name](**config)
        figures = []
        for row in zip(np.asarray(y_true), np.asarray(y_pred)):
            metric.reset_state()
            figures.append(metric(row[0][None], row[1][None]))
        return tensor(figures, np.float32)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The figure of each row; see {NAMES[name].__name__}."
    return function


categorical_accuracy, sparse_categorical_accuracy = map(
    _function, ("categorical_accuracy", "sparse_categorical_accuracy")
)
binary_accuracy, top_k_categorical_accuracy, sparse_top_k_categorical_accuracy = map(
    _function, ("binary_accuracy", "top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy")
)


def get(identifier: Any) -> Any:
    """Return what the core's ``compile`` takes for this name, function, class or object."""
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        identifier = identifier()
    if isinstance(identifier, Metric):
        if not hasattr(identifier, "core"):
            raise TypeError(f"{type(identifier).__name__}: expected __init__ to call super().__init__()")
        as_named = identifier.name in METRICS and NAMES.get(identifier.name) is type(identifier)
        return identifier.name if as_named and identifier.config == identifier.words else identifier.to_core()
    if isinstance(identifier, core.Metric):
        return identifier
    if isinstance(identifier, dict):
        return get_class(identifier["class_name"])(**identifier["config"]).to_core()
    if isinstance(identifier, str):
        known = identifier in METRICS  # the core's name is Keras's, and files hold it
        return identifier if known else get_class(identifier)(name=identifier).to_core()
    name = getattr(identifier, "__name__", "")
    if NAMES.get(name) is not None and getattr(identifier, "__module__", "").startswith("numpycnn."):
        return NAMES[name](name=name).to_core()
    if not callable(identifier):
        raise TypeError(f"metric {identifier!r}: expected a name such as 'accuracy', or one of keras.metrics")
    return MeanMetricWrapper(identifier).to_core()


def get_class(name: str) -> type[Metric]:
    """Return the class of this name."""
    found = CLASSES.get(name) or NAMES.get(name.lower())
    if found is None:
        raise ValueError(f"unknown metric {name!r}: numpycnn has {MISSING.get(name) or ', '.join(NAMES)}")
    return found
