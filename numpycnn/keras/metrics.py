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
from .notes import named, note
from .tensors import Tensor, tensor
from .words import REQUIRED, Worded, by_name, found, found_class, snake_case, variant

NAME: dict[str, Any] = {"name": None, "dtype": None}


class Metric(Worded):
    """A figure over all rows so far, which `core_class` counts; `own` are its words, and the core's for them."""

    words = NAME
    idle: tuple[str, ...] = ("dtype",)
    not_called = "update_state", "result", "reset_state", "__call__"
    instead = "give a function (y_true, y_pred), or a subclass of numpycnn.metrics.Metric"
    own: dict[str, str] = {}
    counted = False  # whether a second one has a name of its own, such as ``precision_1``
    core_class: Any = None

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        kind = snake_case(type(self).__name__)
        if self.core_class is None and type(self).to_core is Metric.to_core:
            raise TypeError(f"{type(self).__name__}: a metric of your own: {self.instead}")
        self.name = self.config["name"] or (new_name(kind) if self.counted else kind)
        self.core = self.to_core()

    def to_core(self) -> core.Metric:
        """Return a new metric of the core, which lists it under the same name."""
        given = {word: self.config[own] for own, word in self.own.items() if self.config[own] is not None}
        return self.core_class(**given, name=self.name)

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


def _counts(name: str, core_class: Any, doc: str, own: Any = None, refused: Any = None, /,
            **words: Any) -> Any:  # fmt: skip
    """Return a metric that one of the core counts."""
    text = f"{doc}; the core's {core_class.__name__}."
    return variant(Metric, name, text, core_class=core_class, own=own or {}, words=words or NAME, refused=refused or {})


_HIT, _TOP = "Share of rows whose largest output is at the label", "Share of rows whose label is among the k largest"
CategoricalAccuracy = _counts("CategoricalAccuracy", core.Accuracy, _HIT)
SparseCategoricalAccuracy = _counts("SparseCategoricalAccuracy", core.Accuracy, _HIT)
BinaryAccuracy = _counts("BinaryAccuracy", core.BinaryAccuracy, "Share of answers on the right side of the threshold",
                         {"threshold": "threshold"}, **NAME, threshold=0.5)  # fmt: skip
TopKCategoricalAccuracy = _counts("TopKCategoricalAccuracy", core.TopKAccuracy, _TOP, {"k": "k"}, k=5, **NAME)
SparseTopKCategoricalAccuracy = _counts(
    "SparseTopKCategoricalAccuracy", core.TopKAccuracy, _TOP, {"k": "k"}, {"from_sorted_ids": "outputs are scores"},
    k=5, **NAME, from_sorted_ids=False,
)  # fmt: skip


class Precision(Metric):
    """Share of the answers that is right; the core's Precision."""

    words = {"thresholds": None, "top_k": None, "class_id": None, **NAME}
    refused = dict.fromkeys(("top_k", "class_id"), "all classes count here, above one threshold")
    own, counted = {"thresholds": "threshold"}, True
    core_class: Any = core.Precision


class Recall(Precision):
    """Share of what should be answered; the core's Recall."""

    core_class = core.Recall


class F1Score(Metric):
    """Of precision and recall; the core's F1Score."""

    words = {"average": None, "threshold": None, **NAME}
    own, core_class = {"average": "average", "threshold": "threshold"}, core.F1Score

    def to_core(self) -> core.Metric:
        if self.config["average"] is None:
            note("F1Score: average=None: a metric is one number here, the mean over the classes, 'macro'")
        return super().to_core()


class AUC(Metric):
    """Area under the ROC curve; the core's AUC."""

    words = {"num_thresholds": 200, "curve": "ROC", "summation_method": "interpolation", **NAME, "thresholds": None,
             "multi_label": False, "num_labels": None, "label_weights": None, "from_logits": False}  # fmt: skip
    own, counted, core_class = {"num_thresholds": "num_thresholds"}, True, core.AUC
    refused = dict.fromkeys(("curve", "summation_method", "thresholds", "multi_label", "label_weights", "from_logits"),
                            "the area is that under the ROC curve of all answers")  # fmt: skip
    idle = ("dtype", "num_labels")


class OfFunction(core.Metric):
    """The mean of a function of targets and predictions: over rows, or of one number a batch, over batches."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        super().__init__(name)
        self.function = function

    def add(self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Count a batch."""
        figures = np.asarray(self.function(tensor(targets), tensor(predictions)), float)
        if figures.ndim == 0:
            self.count(float(figures), 1.0)
            return
        figures = figures.reshape(len(predictions), -1).mean(axis=1)
        weights = np.ones(len(figures)) if weights is None else weights
        self.count(figures @ weights, weights.sum())


class MeanMetricWrapper(Metric):
    """The mean of a function (y_true, y_pred) of one's own."""

    words = {"fn": REQUIRED, **NAME}

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None) -> None:
        super().__init__(fn, name or snake_case(getattr(fn, "__name__", type(fn).__name__).strip("<>")), dtype)

    def to_core(self) -> core.Metric:
        return OfFunction(self.config["fn"], self.name)


class Accuracy(Metric):
    """Share of numbers that are equal; as a name in ``compile`` the accuracy of classes."""

    def to_core(self) -> core.Metric:
        return OfFunction(lambda y_true, y_pred: y_true.reshape(y_pred.shape) == y_pred, self.name)


class Mean(Metric):
    """Mean of what it is given."""

    core_class = core.Metric

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        values = np.asarray(values, np.float64)
        weights = np.broadcast_to(1.0 if sample_weight is None else np.asarray(sample_weight, float), values.shape)
        self.core.count(float((values * weights).sum()), float(weights.sum()))


def _of_loss(loss_class: Any) -> Any:
    """Return the metric that is the mean of a loss."""

    def to_core(self: Metric) -> core.Metric:
        loss = loss_class(**{word: value for word, value in self.config.items() if word not in NAME})
        if isinstance(loss, losses.Crossentropy):
            return OfFunction(loss.per_row, self.name)
        return core.MeanLoss(loss.to_core(None)[0], self.name)

    words = {**NAME, **{word: value for word, value in loss_class.words.items() if word not in losses.LAST}}
    return variant(Metric, loss_class.__name__, f"The mean of the loss {loss_class.__name__}.", words=words,
                   to_core=to_core)  # fmt: skip


class _RootOfMean(core.MeanLoss):
    def result(self) -> float:
        return super().result() ** 0.5


RootMeanSquaredError = variant(
    Metric, "RootMeanSquaredError", "Root of the mean squared error.",
    to_core=lambda self: _RootOfMean(losses.MeanSquaredError.core_class(), self.name),
)  # fmt: skip
CategoricalCrossentropy = _of_loss(losses.CategoricalCrossentropy)
SparseCategoricalCrossentropy = _of_loss(losses.SparseCategoricalCrossentropy)
BinaryCrossentropy = _of_loss(losses.BinaryCrossentropy)
MeanSquaredError, MeanAbsoluteError = _of_loss(losses.MeanSquaredError), _of_loss(losses.MeanAbsoluteError)
NAMES = by_name(
    CategoricalAccuracy, SparseCategoricalAccuracy, BinaryAccuracy, TopKCategoricalAccuracy,
    SparseTopKCategoricalAccuracy, Precision, Recall, F1Score, AUC, Accuracy, Mean, CategoricalCrossentropy,
    SparseCategoricalCrossentropy, BinaryCrossentropy, MeanSquaredError, MeanAbsoluteError, RootMeanSquaredError,
    mse=MeanSquaredError, mae=MeanAbsoluteError, f1_score=F1Score, top_k_categorical_accuracy=TopKCategoricalAccuracy,
    sparse_top_k_categorical_accuracy=SparseTopKCategoricalAccuracy,
)  # fmt: skip


def _function(metric_class: Any) -> Callable[..., Tensor]:
    def function(y_true: Any, y_pred: Any, **config: Any) -> Tensor:
        rows = zip(np.asarray(y_true), np.asarray(y_pred))
        return tensor([metric_class(**config)(true[None], predicted[None]) for true, predicted in rows], np.float32)

    return named(function, snake_case(metric_class.__name__), f"The figure of each row; see {metric_class.__name__}.")


categorical_accuracy, sparse_categorical_accuracy, binary_accuracy = map(
    _function, (CategoricalAccuracy, SparseCategoricalAccuracy, BinaryAccuracy)
)
top_k_categorical_accuracy, sparse_top_k_categorical_accuracy = map(
    _function, (TopKCategoricalAccuracy, SparseTopKCategoricalAccuracy)
)


def get(identifier: Any) -> Any:
    """Return what the core's ``compile`` takes for this name, function, class or object."""
    if isinstance(identifier, str):  # where the core's name is Keras's, it stays: files hold it
        known = identifier in METRICS
        return identifier if known else found_class(identifier, "metric", NAMES, MISSING)(name=identifier).to_core()
    name = getattr(identifier, "__name__", "")
    if name in NAMES and callable(identifier) and getattr(identifier, "__module__", "").startswith("numpycnn."):
        identifier = NAMES[name](name=snake_case(name))
    metric = found(identifier, "metric", Metric, NAMES, MISSING)
    if isinstance(metric, core.Metric):
        return metric
    if not isinstance(metric, Metric):
        if not callable(metric):
            raise TypeError(f"metric {metric!r}: expected a name such as 'accuracy', or one of keras.metrics")
        metric = MeanMetricWrapper(metric)
    if not hasattr(metric, "core"):
        raise TypeError(f"{type(metric).__name__}: expected __init__ to call super().__init__()")
    as_named = metric.name in METRICS and NAMES.get(metric.name) is type(metric)
    usual = all(metric.config[word] == value for word, value in metric.words.items() if word != "name")
    return metric.name if as_named and usual else metric.to_core()
