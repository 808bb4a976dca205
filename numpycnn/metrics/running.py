"""Metrics that add up over batches: what ``compile(metrics=...)`` takes, by name or as an object.

Each counts as Keras's of the same name does, but that an output which is NaN is no answer: it is never right.
``add`` takes a batch, ``result`` gives the figure of all so far.
"""

from __future__ import annotations

import copy
import functools
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from ..checks import (
    check_choice, check_classes, check_count, check_fraction, check_instance, check_numeric, check_text,
)
from ..configured import Configured
from ..losses import Loss, MeanAbsoluteError, MeanSquaredError, check_weights


class Metric(Configured):
    """Base of the metrics: a weighted mean over rows. One of your own defines ``rows``, or ``add`` and ``result``.

    Parameters
    ----------
    name : str
        Under which a history lists it.

    Attributes
    ----------
    sums : list or ndarray
        What was added up; a backup keeps it. Here: the weighted sum, and the sum of the weights.
    higher_is_better : bool or None
        Which way callbacks follow it that are not told; None: as its name says.
    """

    higher_is_better: bool | None = None
    of_outputs = False  # whether it asks for the network's outputs in place of what the loss makes of them

    def __init__(self, name: str) -> None:
        self.name = check_text(name, "name")
        self.reset()

    def reset(self) -> None:
        """Forget what was counted."""
        self.sums: Any = [0.0, 0.0]

    def rows(self, predictions: NDArray, targets: NDArray) -> NDArray:
        """Return the figure of each row, (N,).

        Parameters
        ----------
        predictions : ndarray of shape (N, ...)
            What ``predict`` returns.
        targets : ndarray
            As the loss's ``check_targets`` returns them.
        """
        raise NotImplementedError(f"{type(self).__name__} has to define rows(predictions, targets)")

    def add(self, predictions: NDArray, targets: NDArray, weights: NDArray | None = None) -> None:
        """Count a batch; `weights` (N,) say how much each row counts."""
        predictions, targets, weights = _batch(predictions, targets, weights)
        figures = np.asarray(self.rows(predictions, targets))
        if figures.shape != (len(predictions),):
            wanted = f"rows to return the figure of each row, shape ({len(predictions)},)"
            raise ValueError(f"{self.name}: expected {wanted}, got shape {figures.shape}")
        if weights is not None:
            self.count(figures @ weights, weights.sum())
        elif figures.dtype == bool:
            self.count(np.count_nonzero(figures), len(figures))
        else:
            self.count(figures.sum(), len(figures))

    def count(self, total: Any, weight: Any) -> None:
        """Add a weighted sum of figures, and the sum of their weights."""
        self.sums = [self.sums[0] + total, self.sums[1] + weight]

    def result(self) -> float:
        """Return the figure of all batches so far, 0 if none counts."""
        total, weight = self.sums
        return float(total / weight) if weight else 0.0


class Accuracy(Metric):
    """Share of the rows whose largest output is at the label."""

    higher_is_better = True
    of_outputs = True  # the largest is the same

    def __init__(self, name: str = "accuracy") -> None:
        super().__init__(name)

    def rows(self, predictions: NDArray, targets: NDArray) -> NDArray:
        """Return where the class is right."""
        classes = _classes(predictions, targets)
        return (predictions.argmax(axis=1) == classes) & ~np.isnan(predictions).any(axis=1)


class BinaryAccuracy(Metric):
    """Share of the answers that are on the right side of a threshold; of several answers in a row, the mean."""

    higher_is_better = True

    def __init__(self, threshold: float = 0.5, name: str = "binary_accuracy") -> None:
        super().__init__(name)
        self.threshold = check_fraction(threshold, "threshold", one_allowed=True)

    def rows(self, predictions: NDArray, targets: NDArray) -> NDArray:
        """Return the share of right answers of each row."""
        right = ((predictions > self.threshold) == _like(targets, predictions)) & ~np.isnan(predictions)
        return right.reshape(len(right), -1).mean(axis=1)


class TopKAccuracy(Metric):
    """Share of the rows whose label is among the `k` largest outputs; with fewer outputs, all rows.

    The label counts where fewer than `k` outputs are larger, as in Keras: a tie is in its favour.
    """

    higher_is_better = True
    of_outputs = True

    def __init__(self, k: int = 5, name: str = "top_k_accuracy") -> None:
        super().__init__(name)
        self.k = check_count(k, "k")

    def rows(self, predictions: NDArray, targets: NDArray) -> NDArray:
        """Return where the label is among the first."""
        classes = check_classes(_classes(predictions, targets), "targets", predictions.shape[-1])
        own = np.take_along_axis(predictions, classes[:, None], axis=1)  # (N, 1)
        return ((predictions > own).sum(axis=1) < self.k) & np.isfinite(own[:, 0])


class MeanLoss(Metric):
    """The mean of a loss of the predictions, such as the absolute error."""

    higher_is_better = False

    def __init__(self, loss: Loss, name: str) -> None:
        super().__init__(name)
        self.loss = check_instance(loss, Loss, "loss", "a numpycnn loss")

    def add(self, predictions: NDArray, targets: NDArray, weights: NDArray | None = None) -> None:
        """Count a batch."""
        predictions, targets, weights = _batch(predictions, targets, weights)
        rows, targets = len(predictions), _like(targets, predictions)
        weight = rows if weights is None else weights.sum()
        value, _ = self.loss(predictions, targets) if weights is None else self.loss(predictions, targets, weights)
        divisor = {"mean": rows, "sum": 1, "weighted_mean": weight}[self.loss.reduction]
        self.count(value * divisor, weight)


class _Counts(Metric):
    """Of answers above a threshold: (3, K) with the right ones, those in all, and how many should have been."""

    higher_is_better = True

    def __init__(self, threshold: float | None, name: str) -> None:
        super().__init__(name)
        none = threshold is None
        self.threshold = None if none else check_fraction(threshold, "threshold", one_allowed=True)

    def reset(self) -> None:
        """Forget what was counted."""
        self.sums = np.zeros((3, 0))

    def add(self, predictions: NDArray, targets: NDArray, weights: NDArray | None = None) -> None:
        """Count a batch."""
        predictions, targets, weights = _batch(predictions, targets, weights)
        rows = len(predictions)
        predictions, wanted = predictions.reshape(rows, -1), _like(targets, predictions).reshape(rows, -1)  # (N, K)
        limit = self.threshold
        if limit is None:
            given = (predictions == predictions.max(axis=1, keepdims=True)) & (abs(predictions) > 1e-9)
        else:
            given = predictions > limit
        weights = np.ones(rows) if weights is None else weights
        known = self.sums.shape[1]
        if known and known != wanted.shape[1]:
            raise ValueError(f"{self.name}: expected {known} answers a row, as before, got {wanted.shape[1]}")
        counts = np.stack([weights @ (given * wanted), weights @ given, weights @ wanted])
        self.sums = self.sums + counts if known else counts


class Precision(_Counts):
    """Of the answers above the threshold, the share that is right; the classes of all rows are counted together."""

    def __init__(self, threshold: float = 0.5, name: str = "precision") -> None:
        super().__init__(threshold, name)

    def result(self) -> float:
        """Return right over given."""
        right, given, _ = self.sums.sum(axis=1)
        return float(_ratio(right, given))


class Recall(_Counts):
    """Of the answers that should be above the threshold, the share that is; of the classes of all rows together."""

    def __init__(self, threshold: float = 0.5, name: str = "recall") -> None:
        super().__init__(threshold, name)

    def result(self) -> float:
        """Return right over wanted."""
        right, _, wanted = self.sums.sum(axis=1)
        return float(_ratio(right, wanted))


class F1Score(_Counts):
    """Harmonic mean of precision and recall, 2 right / (given + wanted).

    Parameters
    ----------
    average : {"macro", "weighted", "micro"}
        The mean over the classes, the mean by how often each occurs, or the figure of all together.
    threshold : float, optional
        Above which an answer is given; default: only the largest of a row, and none of a row of zeros, as in Keras.
    name : str
    """

    def __init__(self, average: str = "macro", threshold: float | None = None, name: str = "f1_score") -> None:
        super().__init__(threshold, name)
        self.average = check_choice(average, "average", ("macro", "weighted", "micro"))

    def result(self) -> float:
        """Return the average."""
        sums = self.sums.sum(axis=1, keepdims=True) if self.average == "micro" else self.sums
        right, given, wanted = sums  # (K,) each
        scores = _ratio(2 * right, given + wanted)
        if self.average == "weighted":
            return float(_ratio(scores @ wanted, wanted.sum()))
        return float(_ratio(scores.sum(), len(scores)))


class AUC(Metric):
    """Area under the ROC curve: the chance that a random yes gets a higher probability than a random no.

    Parameters
    ----------
    num_thresholds : int
        Points of the curve, evenly spaced from 0 to 1 and joined by straight lines, as in Keras.
    name : str
    """

    higher_is_better = True

    def __init__(self, num_thresholds: int = 200, name: str = "auc") -> None:
        self.num_thresholds = check_count(num_thresholds, "num_thresholds", minimum=2)
        super().__init__(name)

    def reset(self) -> None:
        """Forget what was counted."""
        self.sums = np.zeros((2, self.num_thresholds + 1))

    def add(self, predictions: NDArray, targets: NDArray, weights: NDArray | None = None) -> None:
        """Count a batch: how many yes and no lie above so many thresholds."""
        predictions, targets, weights = _batch(predictions, targets, weights)
        thresholds = np.linspace(0, 1, self.num_thresholds)
        thresholds[[0, -1]] = -1e-7, 1 + 1e-7  # everything lies between
        passed = np.searchsorted(thresholds, predictions.reshape(-1).clip(0, 1))  # how many thresholds are lower
        yes = _like(targets, predictions).reshape(len(predictions), -1)
        shares = np.ones(yes.shape) * (1.0 if weights is None else weights[:, None])
        shares[np.isnan(predictions).reshape(yes.shape)] = np.nan  # stands in no order, and no area is known
        counts = [np.bincount(passed, (shares * each).ravel(), len(thresholds) + 1) for each in (yes, 1 - yes)]
        self.sums = self.sums + np.stack(counts)

    def result(self) -> float:
        """Return the area, by trapezoids."""
        above = np.flip(np.cumsum(np.flip(self.sums, axis=1), axis=1), axis=1)[:, 1:]  # (2, T): beyond each threshold
        true, false = _ratio(above[0], above[0, 0]), _ratio(above[1], above[1, 0])
        return float(((false[:-1] - false[1:]) * (true[:-1] + true[1:])).sum() / 2)


def _batch(predictions: Any, targets: Any, weights: Any) -> tuple[NDArray, NDArray, NDArray | None]:
    """Return a batch as arrays; raise unless there is a target, and a weight, for each row."""
    predictions, targets = check_numeric(predictions, "predictions"), check_numeric(targets, "targets")
    if predictions.ndim == 0 or predictions.shape[:1] != targets.shape[:1]:
        found = f"shapes {predictions.shape} and {targets.shape}"
        raise ValueError(f"predictions and targets: expected as many rows of both, got {found}")
    return predictions, targets, None if weights is None else check_weights(weights, len(predictions), "weights")


def _classes(predictions: NDArray, targets: NDArray) -> NDArray:
    """Return class numbers (N,) of those, (N,) or (N, 1), or of rows of probabilities (N, K)."""
    if predictions.ndim != 2 or predictions.shape[1] == 1:
        raise ValueError(f"predictions: expected shape (N, K), a column a class, got {predictions.shape}; of yes-or-no "
                         "questions there is BinaryAccuracy")
    one_hot = targets.ndim == 2 and targets.shape[1] > 1
    return targets.argmax(axis=1) if one_hot else targets.reshape(len(predictions))


def _like(targets: NDArray, predictions: NDArray) -> NDArray:
    """Return targets of the predictions' shape: class numbers become one-hot rows."""
    if targets.size == predictions.size:
        return targets.reshape(predictions.shape)  # of one output, (N,) or (N, 1)
    if predictions.ndim != 2:
        raise ValueError(f"targets: expected the shape of predictions, {predictions.shape}, got {targets.shape}")
    return np.eye(predictions.shape[1])[check_classes(targets, "targets", predictions.shape[1])]


def _ratio(numerator: Any, denominator: Any) -> Any:
    """Return the quotient, and 0 where nothing was counted."""
    return np.where(denominator == 0, 0.0, numerator / np.where(denominator == 0, 1, denominator))


METRICS: dict[str, Callable[..., Metric]] = {
    "accuracy": Accuracy,
    "acc": Accuracy,
    "categorical_accuracy": Accuracy,
    "sparse_categorical_accuracy": Accuracy,
    "binary_accuracy": BinaryAccuracy,
    "top_k_accuracy": TopKAccuracy,
    "top_k_categorical_accuracy": TopKAccuracy,
    "sparse_top_k_categorical_accuracy": TopKAccuracy,
    "precision": Precision,
    "recall": Recall,
    "f1_score": F1Score,
    "auc": AUC,
    "mae": functools.partial(MeanLoss, MeanAbsoluteError()),
    "mean_absolute_error": functools.partial(MeanLoss, MeanAbsoluteError()),
    "mse": functools.partial(MeanLoss, MeanSquaredError()),
    "mean_squared_error": functools.partial(MeanLoss, MeanSquaredError()),
}


METRIC_CLASSES: dict[str, type[Metric]] = {
    c.__name__: c for c in (Accuracy, BinaryAccuracy, TopKAccuracy, MeanLoss, Precision, Recall, F1Score, AUC)
}


def get_metric(metric: str | Metric, argument: str = "metrics") -> Metric:
    """Return a new metric that has counted nothing, of this name or like this one.

    Raises
    ------
    ValueError, TypeError
        The name is unknown, or the argument is something else than a metric.
    """
    if isinstance(metric, Metric):
        fresh = copy.copy(metric)
        fresh.reset()
        return fresh
    if not isinstance(metric, str):
        check_instance(metric, Metric, argument, "names or numpycnn metrics")
    return METRICS[check_choice(metric, argument, METRICS, ", or a metric")](name=metric)
