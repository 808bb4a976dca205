"""The figures of an epoch: the loss and the metrics, under the names that they were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

import numpy as np
from numpy.typing import NDArray

from ..checks import check_list
from ..losses import BinaryCrossEntropy, Loss, SoftmaxCrossEntropy
from ..metrics.running import Accuracy, BinaryAccuracy, F1Score, Metric, TopKAccuracy, get_metric

if TYPE_CHECKING:
    from ..model import Sequential

Scores = tuple[float, ...] | float  # the loss and the metrics, or the loss alone
Asked = list[str | Metric]


class Figures:
    """Loss and metrics over the batches so far.

    Parameters
    ----------
    model : Sequential
        Compiled.
    """

    def __init__(self, model: Sequential) -> None:
        self.loss_sum, self.seen = 0.0, 0
        self._asked: list[Asked] = []
        self.follow(model)

    def follow(self, model: Sequential) -> None:
        """Go on with the metrics that the model was compiled with last; the old ones, if they are the same."""
        if self._asked and self._asked[0] is model.metrics:  # nothing compiled it since
            return
        asked = [model.metrics, model.weighted_metrics]
        if self._asked != asked:
            self.metrics = [_make(metric, model) for metric in (*model.metrics, *model.weighted_metrics)]
            self.names = metric_names(model)
            self._plain = len(model.metrics)  # those after them are weighted
        self._asked, self._loss = asked, model.loss

    def add(self, loss: float, outputs: NDArray, targets: NDArray, weights: NDArray | None = None) -> None:
        """Take note of one batch: its loss, what the network made of it, and what should have come."""
        rows = len(outputs)
        self.seen += rows
        self.loss_sum += float(loss) * rows  # one of the user's may give NumPy's number
        predictions: NDArray | None = None
        for i, metric in enumerate(self.metrics):
            if not metric.of_outputs and predictions is None:
                predictions = self._loss.predict(outputs)
            given = outputs if metric.of_outputs else predictions
            metric.add(given, targets, weights if i >= self._plain else None)  # type: ignore[arg-type]

    def scores(self) -> Scores:
        """Return the means so far, as ``evaluate`` does: the loss, and after it the metrics, if there are any."""
        loss = self.loss_sum / self.seen
        return (loss, *(metric.result() for metric in self.metrics)) if self.metrics else loss

    def logs(self, prefix: str = "") -> dict[str, float]:
        """Return the same under the names that a history has for it."""
        logs = {prefix + name: metric.result() for name, metric in zip(self.names, self.metrics)}
        logs[prefix + "loss"] = self.loss_sum / self.seen
        return logs

    def get_state(self) -> dict[str, Any]:
        """Return all sums, as JSON can hold them."""
        sums = [np.asarray(metric.sums).tolist() for metric in self.metrics]
        return {"loss_sum": self.loss_sum, "seen": self.seen, "metrics": sums}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what ``get_state`` returned."""
        self.loss_sum, self.seen = state["loss_sum"], state["seen"]
        for metric, sums in zip(self.metrics, state["metrics"], strict=True):
            metric.sums = np.array(sums)


def check_metrics(metrics: Any, loss: Loss, weighted: Any = None) -> tuple[Asked, Asked]:
    """Return plain and weighted metrics as lists, of the accuracy by default; raise where the loss does not suit."""
    classifies = isinstance(loss, (SoftmaxCrossEntropy, BinaryCrossEntropy))
    if metrics is None and weighted is None:
        return ["accuracy"] if isinstance(loss, SoftmaxCrossEntropy) else [], []
    lists = []
    for name, given in ("metrics", metrics), ("weighted_metrics", weighted):
        chosen = [] if given is None else check_list(given, name, "a list such as ['accuracy']")
        names = [get_metric(metric, name).name for metric in chosen]
        if any(metric in ("accuracy", "acc") for metric in chosen if isinstance(metric, str)) and not classifies:
            raise ValueError(f"the accuracy needs SoftmaxCrossEntropy or BinaryCrossEntropy, got {loss!r}")
        if len(set(names)) < len(names):
            raise ValueError(f"{name}: expected different names, each once, got {names}")
        lists.append(chosen)
    listed = ["epoch", "loss", *listed_names(*lists)]
    if len({*listed, *(f"val_{name}" for name in listed)}) < 2 * len(listed):
        text = "metrics: expected names other than epoch, loss and a validation's val_..."
        raise ValueError(f"{text}, got {listed[2:]}")
    return lists[0], lists[1]


def _make(metric: str | Metric, model: Sequential) -> Metric:
    """Return a new metric; the accuracy of yes-or-no questions, one or one a pixel, is another than that of classes."""
    made = get_metric(metric)
    if isinstance(made, F1Score) and made.threshold is None and model.built and model.output_shape == (1,):
        text = "expected at least two answers, of which the largest is given, got one output"
        raise ValueError(f"{made.name}: {text}; use F1Score(threshold=0.5)")
    if not (isinstance(made, (Accuracy, TopKAccuracy)) and model.built):
        return made
    if isinstance(metric, str) and type(made) is Accuracy and model.output_shape[-1:] == (1,):
        return BinaryAccuracy(name=made.name)
    if model.output_shape == (1,):
        raise ValueError(f"{made.name}: expected at least two classes to choose from, got one output; use "
                         "binary_accuracy")  # fmt: skip
    if len(model.output_shape) != 1:
        shape = ", ".join(map(str, ("N", *model.output_shape)))
        raise ValueError(f"{made.name}: expected outputs of shape (N, K), got ({shape}); use binary_accuracy")
    return made


def metric_names(model: Sequential) -> list[str]:
    """Return the names under which a history lists the metrics, in the order of ``evaluate``."""
    return listed_names(model.metrics, model.weighted_metrics)


def listed_names(metrics: Asked, weighted_metrics: Asked) -> list[str]:
    """Return the same for metrics that no model has yet."""
    names, weighted = ([get_metric(metric).name for metric in given] for given in (metrics, weighted_metrics))
    return names + [f"weighted_{name}" if name in names else name for name in weighted]


def figure_names(model: Sequential, validates: bool) -> Sequence[str]:
    """Return the names of all figures of an epoch."""
    names = [*metric_names(model), "loss"]
    return names + [f"val_{name}" for name in names] if validates else names
